/* SPDX-License-Identifier: Apache-2.0 */
/* base/strv.h: a growing list of owned strings, always followed by NULL, so `items` is an argv. */
#ifndef CREEL_BASE_STRV_H
#define CREEL_BASE_STRV_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct strv {
    char **items; /* NULL when nothing was ever added; else items[count] == NULL */
    size_t count, cap;
};

#define STRV_INIT { .items = NULL, .count = 0, .cap = 0 }

void strv_fini(struct strv *v);
/* Append a copy. Returns false when out of memory (the list is unchanged). */
bool strv_add(struct strv *v, const char *s);
bool strv_addn(struct strv *v, const char *s, size_t n);
bool strv_addf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append and own `s`; frees it when out of memory. */
bool strv_own(struct strv *v, char *s);
bool strv_copy(struct strv *to, const struct strv *from);
void strv_remove(struct strv *v, size_t at);
bool strv_has(const struct strv *v, const char *s);
/* Split at `sep`; empty parts are kept. "" gives one empty part. */
bool strv_split(struct strv *v, const char *s, char sep);
/* Borrowed argv, never NULL. */
char *const *strv_argv(const struct strv *v);

static inline void strv_finip(struct strv *v) { int e = errno; strv_fini(v); errno = e; }
#define auto_strv auto_cleanup(strv_finip) struct strv

#endif
