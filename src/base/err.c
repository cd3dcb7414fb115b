/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [CREEL_OK] = "ok",
    [CREEL_INVALID] = "invalid",
    [CREEL_NOT_FOUND] = "not-found",
    [CREEL_CONFLICT] = "conflict",
    [CREEL_DENIED] = "denied",
    [CREEL_EXHAUSTED] = "exhausted",
    [CREEL_TIMEOUT] = "timeout",
    [CREEL_CANCELED] = "canceled",
    [CREEL_UNSUPPORTED] = "unsupported",
    [CREEL_NOT_MODIFIED] = "not-modified",
    [CREEL_CANNOT_INVOKE] = "cannot-invoke",
    [CREEL_NO_COMMAND] = "no-command",
    [CREEL_INTERNAL] = "internal",
};

const char *creel_kind_name(enum creel_kind kind)
{
    if ((unsigned)kind >= sizeof kind_names / sizeof *kind_names)
        return "unknown";
    return kind_names[kind];
}

int creel_fail(struct creel_err *err, enum creel_kind kind, int sys, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    int saved = errno;
    va_list ap;
    err->kind = kind;
    err->sys = sys;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n < 0)
        err->text[0] = '\0';
    if (sys != 0) {
        size_t len = strlen(err->text);
        (void)snprintf(err->text + len, sizeof err->text - len, "%s%s", len > 0 ? ": " : "", strerror(sys));
    }
    errno = saved;
    return -1;
}

int creel_wrap(struct creel_err *err, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    int saved = errno;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n < 0)
        err->text[0] = '\0';
    size_t len = strlen(err->text);
    size_t room = sizeof err->text - len;
    if (room > 3)
        (void)snprintf(err->text + len, room, ": %.*s", (int)(room - 3), old);
    errno = saved;
    return -1;
}

int creel_fail_as(struct creel_err *err, const struct creel_err *cause)
{
    if (err != NULL)
        *err = *cause;
    return -1;
}

int creel_fail_nomem(struct creel_err *err)
{
    return creel_fail(err, CREEL_EXHAUSTED, ENOMEM, "allocating memory");
}

enum creel_kind creel_kind_of_errno(int sys)
{
    switch (sys) {
    case ENOENT:
    case ENOTDIR:
        return CREEL_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return CREEL_DENIED;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return CREEL_EXHAUSTED;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
        return CREEL_INVALID;
    case EEXIST:
    case EBUSY:
        return CREEL_CONFLICT;
    case ETIMEDOUT:
        return CREEL_TIMEOUT;
    case ENOSYS:
    case EOPNOTSUPP:
        return CREEL_UNSUPPORTED;
    default:
        return CREEL_INTERNAL;
    }
}
