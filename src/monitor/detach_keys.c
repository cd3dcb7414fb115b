/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/detach_keys.h"

#include <string.h>

/* One key of `len` characters; -1 if it is none. */
static int key_parse(const char *s, size_t len)
{
    if (len == 1)
        return (unsigned char)s[0];
    if (len == 3 && memcmp(s, "DEL", 3) == 0)
        return 127;
    if (len != 6 || memcmp(s, "ctrl-", 5) != 0)
        return -1;
    char c = s[5];
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 1;
    if (c == '@')
        return 0;
    return c >= '[' && c <= '_' ? 27 + (c - '[') : -1; /* [ \\ ] ^ _ follow one another */
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct creel_err *err)
{
    struct detach_keys d = { .count = 0 };
    const char *s = text;
    while (*text != '\0') {
        const char *comma = strchr(s, ',');
        size_t len = comma != NULL ? (size_t)(comma - s) : strlen(s);
        int key = key_parse(s, len);
        if (key < 0 || d.count == DETACH_KEYS_MAX)
            return creel_fail(err, CREEL_INVALID, 0,
                              "invalid detach keys (%s) provided: use single characters, ctrl-<a-z@[\\]^_> or DEL, "
                              "separated by commas",
                              text);
        d.keys[d.count++] = (unsigned char)key;
        if (comma == NULL)
            break;
        s = comma + 1;
    }
    *ret = d;
    return 0;
}

/* How much of keys is matched after `matched` of it and then c; the longest beginning that ends here. */
static size_t advance(const struct detach_keys *d, unsigned char c)
{
    unsigned char seen[DETACH_KEYS_MAX];
    memcpy(seen, d->keys, d->matched);
    seen[d->matched] = c;
    size_t len = d->matched + 1;
    for (size_t k = len; k > 0; k--)
        if (memcmp(seen + len - k, d->keys, k) == 0)
            return k;
    return 0;
}

bool detach_keys_feed(struct detach_keys *d, const char *in, size_t n, char *out, size_t *ret_len)
{
    size_t o = 0;
    if (d->count == 0) {
        memcpy(out, in, n);
        *ret_len = n;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)in[i];
        size_t now = advance(d, c), pass = d->matched + 1 - now;
        /* of the bytes held back and c, the first `pass` cannot belong to the sequence any more */
        for (size_t k = 0; k < pass; k++)
            out[o++] = (char)(k < d->matched ? d->keys[k] : c);
        d->matched = now;
        if (now == d->count) {
            d->matched = 0;
            *ret_len = o;
            return true;
        }
    }
    *ret_len = o;
    return false;
}
