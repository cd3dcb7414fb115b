/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/procfs_join.h: procfs of a pid namespace that one does not want to be in. Parent side.
 *
 * A procfs shows the pid namespace of the process that opened its context. The container's process must not be seen in a
 * joined namespace before it is confined (runtime/guide.h), so a process that can do nothing else opens the context
 * there, and we make the mount from it. Whoever is in that namespace may have taken that process over: what it hands out
 * is used only if it is a context of procfs. */
#ifndef CREEL_RUNTIME_PROCFS_JOIN_H
#define CREEL_RUNTIME_PROCFS_JOIN_H

#include "base/err.h"
#include "runtime/mount_plan.h"

/* Make every procfs of the plan, detached (step.fd), as one of `pid_ns`. Needs privilege. Errors: UNSUPPORTED before Linux
 * 5.2, CONFLICT (the namespace has no processes any more), INVALID (an option). */
int procfs_join_mounts(struct mount_plan *p, int pid_ns, struct creel_err *err);

#endif
