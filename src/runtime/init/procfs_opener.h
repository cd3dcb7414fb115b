/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/procfs_opener.h: the process that opens a procfs context inside a pid namespace (runtime/procfs_join.h).
 * Async-signal-safe. */
#ifndef CREEL_RUNTIME_INIT_PROCFS_OPENER_H
#define CREEL_RUNTIME_INIT_PROCFS_OPENER_H

/* After a clone; sock and pid_ns are kept, all else is given up. Does not return. */
_Noreturn void init_procfs_opener(int sock, int pid_ns);

#endif
