/* SPDX-License-Identifier: Apache-2.0 */
/* base/ident.h: object ids. 64 lower-case hex characters from 32 random bytes; never all digits in the first 12,
 * because the short form serves as a hostname (moby-container.md, section 1). */
#ifndef CREEL_BASE_IDENT_H
#define CREEL_BASE_IDENT_H

#include <stdbool.h>
#include <stddef.h>

enum { IDENT_LEN = 64, IDENT_SHORT_LEN = 12 };

/* Fill `buf` (IDENT_LEN + 1 bytes). Aborts only if the kernel has no randomness at all. */
void ident_make(char *buf);
bool ident_is_full(const char *s);      /* exactly 64 lower-case hex characters */
bool ident_is_prefix(const char *s);    /* 1 to 64 lower-case hex characters */
/* Container and pod names: [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 bytes, no leading slash. */
bool ident_name_ok(const char *s);

#endif
