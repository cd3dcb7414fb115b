/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/own_view.c: see ociruntime/own_view.h. */
#include "ociruntime/own_view.h"

#include "base/cleanup.h"
#include "sys/process.h"
#include "sys/self_guard.h"

#include <fcntl.h>

#define MARK "_CREEL_RUNTIME_GUARDED"

int own_view_enter(char **argv, struct creel_err *err)
{
    if (self_guard_active())
        return 0;
    if (getenv(MARK) != NULL)
        return creel_fail(err, CREEL_INTERNAL, 0, "the read-only view of the program can be written through");
    auto_fd view = self_guard_open("/proc/self/exe", err);
    if (view < 0)
        return -1;
    if (setenv(MARK, "1", 1) < 0)
        return creel_fail_nomem(err);
    int r = sys_execveat(view, "", argv, environ, AT_EMPTY_PATH);
    return creel_fail(err, CREEL_INTERNAL, -r, "execute the read-only view of the program");
}
