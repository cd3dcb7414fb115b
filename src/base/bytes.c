/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_init_max(struct bytes *b, size_t max)
{
    *b = (struct bytes)BYTES_INIT;
    b->max = max;
}

void bytes_fini(struct bytes *b)
{
    size_t max = b->max;
    free(b->data);
    bytes_init_max(b, max);
}

void bytes_reset(struct bytes *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

bool bytes_reserve(struct bytes *b, size_t n)
{
    if (b->failed)
        return false;
    if (n > b->max || b->len > b->max - n) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        cap += cap / 2 + 32;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    if (b->data == NULL)
        data[0] = '\0';
    b->data = data;
    b->cap = cap;
    return true;
}

void bytes_add(struct bytes *b, const void *data, size_t n)
{
    if (!bytes_reserve(b, n) || n == 0)
        return;
    memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void bytes_adds(struct bytes *b, const char *s)
{
    bytes_add(b, s, strlen(s));
}

void bytes_addc(struct bytes *b, char c)
{
    bytes_add(b, &c, 1);
}

void bytes_vaddf(struct bytes *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < sizeof small) {
        bytes_add(b, small, (size_t)n);
    } else if (bytes_reserve(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void bytes_addf(struct bytes *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bytes_vaddf(b, fmt, ap);
    va_end(ap);
}

void bytes_consume(struct bytes *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

char *bytes_take(struct bytes *b)
{
    if (b->failed)
        return NULL;
    if (b->data == NULL && !bytes_reserve(b, 0))
        return NULL;
    char *data = b->data;
    b->data = NULL;
    b->len = b->cap = 0;
    return data;
}

const char *bytes_str(const struct bytes *b)
{
    return b->data != NULL ? b->data : "";
}
