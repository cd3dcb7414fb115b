/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strv_fini(struct strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strv)STRV_INIT;
}

bool strv_own(struct strv *v, char *s)
{
    if (s == NULL)
        return false;
    if (v->count + 2 > v->cap) {
        size_t cap = v->cap < 8 ? 8 : v->cap * 2;
        char **items = realloc(v->items, cap * sizeof *items);
        if (items == NULL) {
            free(s);
            return false;
        }
        v->items = items;
        v->cap = cap;
    }
    v->items[v->count++] = s;
    v->items[v->count] = NULL;
    return true;
}

bool strv_add(struct strv *v, const char *s)
{
    return strv_own(v, strdup(s));
}

bool strv_addn(struct strv *v, const char *s, size_t n)
{
    return strv_own(v, strndup(s, n));
}

bool strv_addf(struct strv *v, const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return n >= 0 && strv_own(v, s);
}

bool strv_copy(struct strv *to, const struct strv *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (!strv_add(to, from->items[i]))
            return false;
    return true;
}

void strv_remove(struct strv *v, size_t at)
{
    if (at >= v->count)
        return;
    free(v->items[at]);
    memmove(v->items + at, v->items + at + 1, (v->count - at) * sizeof *v->items);
    v->count--;
}

bool strv_has(const struct strv *v, const char *s)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->items[i], s) == 0)
            return true;
    return false;
}

bool strv_split(struct strv *v, const char *s, char sep)
{
    for (;;) {
        const char *end = strchrnul(s, sep);
        if (!strv_addn(v, s, (size_t)(end - s)))
            return false;
        if (*end == '\0')
            return true;
        s = end + 1;
    }
}

char *const *strv_argv(const struct strv *v)
{
    static char *const empty[] = { NULL };
    return v->items != NULL ? v->items : empty;
}
