/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_apply.h: carrying out a mount plan, step by step, by descriptor.
 *
 * Runs between clone and exec, in the container's mount namespace: async-signal-safe, no allocation. A target is
 * resolved once, inside the root, and what is mounted is attached to the descriptor that came out (security.md P1,
 * P2). Failures are told through launch_fail. */
#ifndef CREEL_RUNTIME_MOUNT_APPLY_H
#define CREEL_RUNTIME_MOUNT_APPLY_H

#include "runtime/init/console.h"
#include "runtime/launch.h"
#include "runtime/mount_plan.h"

struct mount_apply {
    struct mount_plan *plan;
    int root;                 /* O_PATH descriptor of the attached root mount */
    int null, empty;          /* sources of masks, opened when first needed; start at -1 */
    struct console console;   /* made by MOUNT_CONSOLE */
    const struct process_plan *process; /* whose terminal it is */
    const char *mode;           /* of the tmpfs being made, where it is given none: "mode=0710" */
    int sock;                 /* to the parent, for sources that it lends */
    struct launch_msg *fail;
};

/* One step. MOUNT_CGROUP_ENTER, MOUNT_HOOKS, MOUNT_SETTINGS and MOUNT_PIVOT are the caller's (init.c). */
int mount_apply_step(struct mount_apply *a, struct mount_step *s);
/* A detached mount (s->fd) from an empty context of that type of file system, which is left to the caller. Also used
 * by the parent. */
int mount_apply_configure(struct mount_step *s, int fs, struct launch_msg *fail);
/* A descriptor of a genuine procfs that belongs to this process's pid namespace: the plan's own, or a private one.
 * *ret_owned: to be closed. */
int mount_apply_proc(struct mount_apply *a, int *ret_owned);

#endif
