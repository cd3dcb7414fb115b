/* SPDX-License-Identifier: Apache-2.0 */
#include "image/digest.h"

#include "base/ident.h"
#include "image/sha256.h"

#include <string.h>

static const char prefix[] = "sha256:";

bool digest_ok(const char *s)
{
    return s != NULL && strncmp(s, prefix, sizeof prefix - 1) == 0 && ident_is_full(s + sizeof prefix - 1);
}

const char *digest_hex(const char *digest)
{
    return digest + sizeof prefix - 1;
}

const char *digest_print(const unsigned char *hash, char *buf)
{
    static const char hex[] = "0123456789abcdef";
    memcpy(buf, prefix, sizeof prefix - 1);
    char *p = buf + sizeof prefix - 1;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        *p++ = hex[hash[i] >> 4];
        *p++ = hex[hash[i] & 15];
    }
    *p = '\0';
    return buf;
}

const char *digest_of(const void *data, size_t len, char *buf)
{
    uint8_t hash[SHA256_SIZE];
    sha256(data, len, hash);
    return digest_print(hash, buf);
}
