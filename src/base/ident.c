/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ident.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void ident_make(char *buf)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[IDENT_LEN / 2];
    for (;;) {
        if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw) /* up to 256 bytes are never short */
            abort();
        bool digits_only = true;
        for (size_t i = 0; i < sizeof raw; i++) {
            buf[2 * i] = hex[raw[i] >> 4];
            buf[2 * i + 1] = hex[raw[i] & 15];
        }
        buf[IDENT_LEN] = '\0';
        for (size_t i = 0; i < IDENT_SHORT_LEN; i++)
            digits_only = digits_only && buf[i] <= '9';
        if (!digits_only)
            return;
    }
}

bool ident_is_prefix(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");
    return n > 0 && n <= IDENT_LEN && s[n] == '\0';
}

bool ident_is_full(const char *s)
{
    return strlen(s) == IDENT_LEN && ident_is_prefix(s);
}

bool ident_name_ok(const char *s)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strlen(s);
    return n >= 2 && n <= 255 && strchr(first, s[0]) != NULL && strspn(s, rest) == n;
}
