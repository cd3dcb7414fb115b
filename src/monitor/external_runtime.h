/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/external_runtime.h: a container made by another OCI runtime (runc, crun, …).
 *
 * The runtime is not trusted to be well (security.md T8): every call has a deadline and is killed with all it
 * started, its words are read up to a bound, and what it claims to have done is checked (the process exists and is
 * our child). */
#ifndef CREEL_MONITOR_EXTERNAL_RUNTIME_H
#define CREEL_MONITOR_EXTERNAL_RUNTIME_H

#include "monitor/monitor.h"

struct external_container;

/* Enter a private mount namespace, put the overlay on <run_dir>/rootfs (if there are layers) and call "create". With
 * tty, *ret_console is the terminal's master. On failure nothing is left. */
int external_create(struct monitor *m, const int stdio[3], bool tty, struct external_container **ret,
                    int *ret_console, struct creel_err *err);
int external_start(struct external_container *x, struct creel_err *err);
pid_t external_pid(const struct external_container *x);
int external_pidfd(const struct external_container *x);     /* borrowed */
/* "exec --detach" with an OCI process document. The process is our child (sub-reaper). */
int external_exec(struct external_container *x, const char *process_json, const int stdio[3],
                  bool tty, struct runtime_process *ret, struct creel_err *err);
/* "delete --force". */
void external_delete(struct external_container *x);
void external_free(struct external_container *x);

#endif
