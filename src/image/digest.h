/* SPDX-License-Identifier: Apache-2.0 */
/* image/digest.h: content digests as text. The only algorithm is sha256, the only spelling "sha256:" and 64
 * lower-case hex characters; whatever else an archive or a registry says is refused before it gets near a path. */
#ifndef CREEL_IMAGE_DIGEST_H
#define CREEL_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_HEX_LEN = 64, DIGEST_LEN = 7 + DIGEST_HEX_LEN, DIGEST_MAX = DIGEST_LEN + 1 };

bool digest_ok(const char *s);              /* NULL is not */
const char *digest_hex(const char *digest); /* the 64 characters of a good digest, borrowed */
/* Digest of a document; buf holds DIGEST_MAX bytes. Returns buf. */
const char *digest_of(const void *data, size_t len, char *buf);
/* "sha256:" + 64 hex characters from the 32 bytes of a hash; buf as above. */
const char *digest_print(const unsigned char *hash, char *buf);

#endif
