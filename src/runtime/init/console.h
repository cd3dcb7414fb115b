/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/console.h: a terminal pair in the container's devpts. Async-signal-safe. */
#ifndef CREEL_RUNTIME_INIT_CONSOLE_H
#define CREEL_RUNTIME_INIT_CONSOLE_H

#include "runtime/launch.h"
#include "runtime/process_plan.h"

struct console { int master, tty; };   /* -1 when there is none */

/* From the open multiplexer of a devpts instance (taken over; -errno is accepted and reported). Both ends come from the
 * descriptor, never from a name (CVE-2025-52565). The terminal belongs to the process's user and has its size. */
int console_open(int ptmx, const struct process_plan *p, struct console *ret, struct launch_msg *fail);
/* Send the master to the parent (LAUNCH_CONSOLE). */
int console_send(const struct console *c, int sock);

#endif
