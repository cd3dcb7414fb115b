/* SPDX-License-Identifier: Apache-2.0 */
#include "image/hasher.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static EVP_MD *algorithm;

int hasher_prepare(struct creel_err *err)
{
    /* no configuration file: it could name modules to load */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (algorithm == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "OpenSSL has no SHA-256");
    /* the first context allocates what later ones share */
    struct hasher h = HASHER_INIT;
    char buf[DIGEST_MAX];
    int r = hasher_init(&h, err);
    if (r == 0)
        r = hasher_digest(&h, buf, err);
    hasher_fini(&h);
    return r;
}

int hasher_init(struct hasher *h, struct creel_err *err)
{
    assert(algorithm != NULL);
    h->bytes = 0;
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL || EVP_DigestInit_ex2(h->ctx, algorithm, NULL) != 1) {
        hasher_fini(h);
        return creel_fail_nomem(err);
    }
    return 0;
}

void hasher_add(struct hasher *h, const void *data, size_t len)
{
    h->bytes += len;
    if (h->ctx != NULL && EVP_DigestUpdate(h->ctx, data, len) != 1)
        hasher_fini(h); /* seen by hasher_digest */
}

int hasher_digest(struct hasher *h, char *buf, struct creel_err *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (h->ctx == NULL || EVP_DigestFinal_ex(h->ctx, hash, &len) != 1 || len != 32)
        return creel_fail(err, CREEL_INTERNAL, 0, "computing a SHA-256 failed");
    (void)digest_print(hash, buf);
    return 0;
}

void hasher_fini(struct hasher *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}
