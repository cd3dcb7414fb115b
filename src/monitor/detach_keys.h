/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/detach_keys.h: finding the detach sequence in what is typed. Pure.
 *
 * Bytes that may be the beginning of the sequence are held back; when it turns out that they were not, they are
 * passed on, so nothing typed is ever lost or reordered. */
#ifndef CREEL_MONITOR_DETACH_KEYS_H
#define CREEL_MONITOR_DETACH_KEYS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { DETACH_KEYS_MAX = 32 };

struct detach_keys {
    unsigned char keys[DETACH_KEYS_MAX];
    size_t count;               /* 0: never matches */
    size_t matched;             /* bytes held back; always the beginning of keys */
};

/* Comma-separated: single characters, "ctrl-" with one of @ a-z [ \ ] ^ _, or "DEL". "" is none. INVALID otherwise.
 */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct creel_err *err);
/* Feed n bytes. `out` (n + DETACH_KEYS_MAX bytes) gets *ret_len bytes to pass on. True when the sequence is complete;
 * what follows it in `in` is dropped. */
bool detach_keys_feed(struct detach_keys *d, const char *in, size_t n, char *out, size_t *ret_len);

#endif
