/* SPDX-License-Identifier: Apache-2.0 */
/* sys/identity.h: naming a process so that a recycled pid is not taken for it: pid, start time, boot. */
#ifndef CREEL_SYS_IDENTITY_H
#define CREEL_SYS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start time in clock ticks since boot (field 22 of /proc/<pid>/stat), also of a zombie. 0, or -errno; -ESRCH when
 * there is no such process. */
int sys_process_start(pid_t pid, uint64_t *ret);
/* Whether this very process still runs. A zombie does not. When /proc cannot be read the answer is true: in doubt it
 * is alive. */
bool sys_process_alive(pid_t pid, uint64_t start);
/* The kernel's boot id (36 characters), read once; "" when it cannot be read. */
const char *sys_boot_id(void);
/* Start time of the calling process, read once (again after a fork); 0 when it cannot be read. */
uint64_t sys_self_start(void);

#endif
