/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/launch.h: the conversation between the runtime and the process it makes.
 *
 * Fixed-size messages over a SOCK_SEQPACKET pair; descriptors may ride along. Silence is a failure: end of file where a
 * step was expected means the other side died. The one exception is named: after LAUNCH_GO the end of file is the news
 * that execve closed the socket.
 *
 *   parent                                   child
 *   (clone)
 *   LAUNCH_MAPPED     ───────────────────►   has ids            only with a new user namespace
 *   LAUNCH_GROUPED    ───────────────────►   is in its cgroup   only when not born in the v2 group
 *                     ◄───────────────────   LAUNCH_SOURCE     for each bind that is `lent` (mount_plan.h), as the plan
 *                                                              goes, in which LAUNCH_GROUPED has its place; carries it
 *   LAUNCH_LENT       ───────────────────►   carries the copy
 *                     ◄───────────────────   LAUNCH_MOUNTED     only with hooks that run before the pivot
 *   LAUNCH_HOOKED     ───────────────────►
 *                     ◄───────────────────   LAUNCH_CONSOLE    only with a terminal; carries its master
 *                     ◄───────────────────   LAUNCH_READY
 *   LAUNCH_GO         ───────────────────►   executes
 *                     ◄───────────────────   LAUNCH_LISTENER   only when the filter asks an agent; fd number in `sys`
 *   LAUNCH_LISTENED   ───────────────────►
 *                     ◄───────────────────   end of file
 * With a guide (guide.h), LAUNCH_UNSHARED comes first where a user namespace is made, and before LAUNCH_READY
 *                     ◄───────────────────   LAUNCH_CLONED     the guide ends; from here on its sibling speaks
 *   LAUNCH_TAKEN      ───────────────────►
 * With a gate (init/gate.h), after LAUNCH_READY
 *   LAUNCH_PARK       ───────────────────►   lets go of this socket and waits for LAUNCH_GO at the gate, which it
 *                                                               sends back, and whence the rest goes on
 * At any point the child may send LAUNCH_FAILED instead, and is gone afterwards.
 * launch_send, launch_recv and launch_fail are async-signal-safe. */
#ifndef CREEL_RUNTIME_LAUNCH_H
#define CREEL_RUNTIME_LAUNCH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum launch_step { LAUNCH_FAILED, LAUNCH_MAPPED, LAUNCH_GROUPED, LAUNCH_MOUNTED, LAUNCH_HOOKED, LAUNCH_CONSOLE,
                   LAUNCH_READY, LAUNCH_GO, LAUNCH_LISTENER, LAUNCH_LISTENED,
                   LAUNCH_CLONED /* namespace.c, guide.c: the process in between; sys is the pid */,
                   LAUNCH_UNSHARED, LAUNCH_TAKEN, LAUNCH_PARK,
                   LAUNCH_SOURCE, LAUNCH_LENT,
                   LAUNCH_STEP_COUNT };
enum { LAUNCH_FDS_MAX = 20, LAUNCH_WHERE_MAX = 500 };

struct launch_msg {
    uint32_t step;
    int32_t sys;                    /* LAUNCH_FAILED: errno, 0 none */
    uint32_t kind;                  /* LAUNCH_FAILED: enum creel_kind */
    char where[LAUNCH_WHERE_MAX];   /* what was tried; NUL-terminated */
};

const char *launch_step_name(uint32_t step);
/* 0 or -errno. */
int launch_send(int sock, const struct launch_msg *m, const int *fds, size_t fd_count);
int launch_send_step(int sock, enum launch_step step);
/* 1 a message, 0 end of file, -errno (-EBADMSG: of the wrong size). fds: LAUNCH_FDS_MAX, close-on-exec, the caller's;
 * may be NULL when none are expected (any that come are closed). */
int launch_recv(int sock, struct launch_msg *m, int *fds, size_t *ret_fd_count);
/* Fill in a failure: the parts, joined. Returns -1. */
int launch_fail(struct launch_msg *m, enum creel_kind kind, int sys, const char *part, ...)
    __attribute__((sentinel));
/* Parent: where the child runs hooks first, wait until it says something, at most as long as those may take. What it says, and
 * whether it says anything in time, is for the launch_expect that follows. */
void launch_wait(int sock, int timeout_ms);
/* Parent: wait for `want`, at most timeout_ms. ret_fds as in launch_recv. want == LAUNCH_STEP_COUNT: the end of file.
 * Errors are the child's own words, or INTERNAL ("process died before …"), or TIMEOUT. */
int launch_expect(int sock, uint32_t want, int timeout_ms, int *fds, size_t *ret_fd_count, struct creel_err *err);
/* The same without descriptors, giving the message. */
int launch_expect_msg(int sock, uint32_t want, int timeout_ms, struct launch_msg *ret, struct creel_err *err);
/* The process in between that an exec needs: wait until it has cloned. A failure of either process comes back as -1,
 * with *ret_pid > 0 if there is a process to be ended all the same. */
int launch_expect_clone(int sock, int timeout_ms, int *ret_pid, struct creel_err *err);

#endif
