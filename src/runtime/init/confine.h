/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/confine.h: from a process with all privileges to the one the configuration describes.
 *
 * Runs between clone and exec: async-signal-safe, no allocation. The calls are made in the order in which they are
 * declared (security.md P6); any failure is final and told through launch_fail (return -1). Used by a container's init
 * and by exec alike. */
#ifndef CREEL_RUNTIME_INIT_CONFINE_H
#define CREEL_RUNTIME_INIT_CONFINE_H

#include "runtime/launch.h"
#include "runtime/process_plan.h"

#include <limits.h>

/* First of all: nothing may be read from us (if `hide`), handlers and masks of the caller are gone, umask 0. */
int confine_begin(bool hide, struct launch_msg *fail);
/* Nothing may be read from us (not dumpable). */
int confine_hide(struct launch_msg *fail);
/* What needs privilege and procfs: oom score, scheduling, labels. `self`: an O_PATH descriptor of this process's own
 * directory in a genuine procfs; -1 if nothing is to be written there (see confine_needs_proc). */
int confine_settings(const struct process_plan *p, int self, struct launch_msg *fail);
bool confine_needs_proc(const struct process_plan *p);
/* The same through the caller's /proc, while that is still the one we see. */
int confine_settings_early(const struct process_plan *p, struct launch_msg *fail);
/* A session keyring of the container's own. After its user namespace is entered. */
int confine_keyring(const struct process_plan *p, struct launch_msg *fail);
/* A session of its own; with a terminal, `tty` becomes its controlling one. */
int confine_session(int tty, struct launch_msg *fail);
/* Descriptors: stdio[] become 0, 1, 2; 3 to 3 + preserve - 1 stay; *sock moves right behind them and *gate
 * (NULL: none) behind that, close-on-exec; everything else is closed. give_pipes: pipes among stdio get the user as their owner. */
int confine_descriptors(const struct process_plan *p, const int stdio[3], int preserve, bool give_pipes, int *sock,
                        int *gate, struct launch_msg *fail);
/* Find HOME in the root's passwd file when the environment has none. */
void confine_home(const struct process_plan *p);
/* Working directory (made when missing, if `make`), and the proof that it lies in our root. Must come after
 * confine_descriptors. */
int confine_directory(const struct process_plan *p, bool make, struct launch_msg *fail);
/* Resource limits: late, because a small one could stop the steps before. A guide leaves a limit of processes that is
 * lowered to the process it makes, or it could not make it. */
int confine_rlimits(const struct process_plan *p, bool is_guide, struct launch_msg *fail);
int confine_rlimit_processes(const struct process_plan *p, struct launch_msg *fail);
/* Bounding set, groups, ids, capability sets, umask. CAP_SYS_ADMIN stays until confine_end if a filter is to be loaded
 * without no_new_privs. */
int confine_identity(const struct process_plan *p, struct launch_msg *fail);
/* Where argv[0] is, as the user sees it. */
int confine_find(const struct process_plan *p, char path[PATH_MAX], struct launch_msg *fail);
/* no_new_privs, filter, last capabilities, execve. Returns only on failure. A filter that asks an agent is made known on
 * `sock` first, with write and read, because every other call may already be one that the agent is asked about. */
int confine_end(const struct process_plan *p, const char *path, int sock, struct launch_msg *fail);
/* The same in two: all but the execve, and that. */
int confine_lock(const struct process_plan *p, int sock, struct launch_msg *fail);
int confine_execute(const struct process_plan *p, const char *path, struct launch_msg *fail);
/* Die with the parent, if that was asked for; for a process that was cloned after confine_identity. */
int confine_follow_parent(const struct process_plan *p, struct launch_msg *fail);

#endif
