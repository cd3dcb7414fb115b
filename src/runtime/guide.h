/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/guide.h: the parent's side of a guide, a process that makes another one in a pid namespace that exists.
 *
 * Who has CAP_SYS_PTRACE there may take over everything that it can see, dumpable or not, unless its user namespace is
 * a lower one. So nothing appears in the namespace that still has more than the container (CVE-2016-9962): the guide
 * stays outside, gives up everything but what the process may keep, and then clones it as its own sibling
 * (runtime/init/guide.h). It serves exec, a container that joins a pid namespace, and the opening of procfs there. */
#ifndef CREEL_RUNTIME_GUIDE_H
#define CREEL_RUNTIME_GUIDE_H

#include "base/err.h"
#include "runtime/process_plan.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whether a process with this filter and this scheduling can still be made by a guide that has them already. */
bool guide_can_make(const struct process_plan *p);
/* Wait until the guide *pid has cloned, and reap it. *pid and *pidfd (-1: the kernel has none) are then those of the
 * process it made, a child of ours. On failure they are whatever is left to be ended. */
int guide_take_over(int sock, pid_t *pid, int *pidfd, struct creel_err *err);

#endif
