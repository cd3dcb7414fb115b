/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.h: filling in the error object (include/creel/error.h). */
#ifndef CREEL_BASE_ERR_H
#define CREEL_BASE_ERR_H

#include <creel/error.h>

/* Set kind, errno and text. When `sys` is not 0, ": <strerror>" is appended to the text.
 * Always returns -1, so that `return creel_fail(...)` reads as one thought. Keeps errno. `err` may be NULL. */
int creel_fail(struct creel_err *err, enum creel_kind kind, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put context in front of what is there ("<new>: <old>"); kind and errno stay. Always returns -1. */
int creel_wrap(struct creel_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hand on what a call made with an error object of its own; its text has the errno in words already. Returns -1. */
int creel_fail_as(struct creel_err *err, const struct creel_err *cause);

/* Out of memory is reported like every other failure. */
int creel_fail_nomem(struct creel_err *err);

/* The kind an errno stands for when nothing better is known (ENOENT → NOT_FOUND, ENOSPC → EXHAUSTED …). */
enum creel_kind creel_kind_of_errno(int sys);

#endif
