/* SPDX-License-Identifier: Apache-2.0 */
/* sys/self_guard.h: an executable view of one of our own programs that nothing can write through (security.md P4).
 *
 * A container can open /proc/<pid>/exe of any process it can see and, once the program is not running any more, write to
 * it. So whatever becomes visible to a container is executed from here: a detached, read-only mount of the program (no
 * copy, no memory), or where that is refused a sealed copy in memory. */
#ifndef CREEL_SYS_SELF_GUARD_H
#define CREEL_SYS_SELF_GUARD_H

#include "base/err.h"

/* A close-on-exec descriptor for execveat(fd, "", argv, envp, AT_EMPTY_PATH). -1 and err on failure. */
int self_guard_open(const char *path, struct creel_err *err);
/* Whether the running program can be written through /proc/self/exe: 1 it is protected, 0 it is not. */
int self_guard_active(void);

#endif
