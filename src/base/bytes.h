/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.h: a growing buffer of bytes that is always followed by a NUL.
 *
 * Invariants: data == NULL exactly when cap == 0; len < cap otherwise; data[len] == '\0'.
 * A buffer has a maximum (BYTES_MAX unless bytes_init_max was used). Appending past it, or running out of memory,
 * sets `failed`; every later append is then a no-op, so a run of appends needs one check at its end
 * (bytes_ok). Not thread-safe. */
#ifndef CREEL_BASE_BYTES_H
#define CREEL_BASE_BYTES_H

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct bytes {
    char *data;
    size_t len, cap, max;
    bool failed;
};

#define BYTES_MAX ((size_t)1 << 30)
#define BYTES_INIT { .data = NULL, .len = 0, .cap = 0, .max = BYTES_MAX, .failed = false }

void bytes_init_max(struct bytes *b, size_t max);
void bytes_fini(struct bytes *b);
static inline bool bytes_ok(const struct bytes *b) { return !b->failed; }
/* Forget the content, keep the memory. Also clears `failed`. */
void bytes_reset(struct bytes *b);
/* Make room for `n` more bytes (and the NUL). Returns false on failure. */
bool bytes_reserve(struct bytes *b, size_t n);
void bytes_add(struct bytes *b, const void *data, size_t n);
void bytes_adds(struct bytes *b, const char *s);
void bytes_addc(struct bytes *b, char c);
void bytes_addf(struct bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void bytes_vaddf(struct bytes *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drop the first n bytes. */
void bytes_consume(struct bytes *b, size_t n);
/* The text, owned by the caller from now on (free); never NULL unless `failed`. The buffer is empty afterwards. */
char *bytes_take(struct bytes *b);
/* The text, borrowed until the next call; "" when empty. */
const char *bytes_str(const struct bytes *b);

static inline void bytes_finip(struct bytes *b) { int e = errno; bytes_fini(b); errno = e; }
#define auto_bytes auto_cleanup(bytes_finip) struct bytes

#endif
