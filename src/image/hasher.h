/* SPDX-License-Identifier: Apache-2.0 */
/* image/hasher.h: SHA-256 of a stream, by OpenSSL. Only in creel-archive. */
#ifndef CREEL_IMAGE_HASHER_H
#define CREEL_IMAGE_HASHER_H

#include "base/cleanup.h"
#include "base/err.h"
#include "image/digest.h"

#include <stdint.h>

struct hasher {
    struct evp_md_ctx_st *ctx;
    uint64_t bytes;     /* hashed so far */
};
#define HASHER_INIT { .ctx = NULL, .bytes = 0 }

/* Load the algorithm once, before the process is confined; hasher_init needs it. */
int hasher_prepare(struct creel_err *err);
int hasher_init(struct hasher *h, struct creel_err *err);
void hasher_add(struct hasher *h, const void *data, size_t len);
/* "sha256:…" in buf (DIGEST_MAX bytes). Once. */
int hasher_digest(struct hasher *h, char *buf, struct creel_err *err);
void hasher_fini(struct hasher *h);
#define auto_hasher auto_cleanup(hasher_fini) struct hasher

#endif
