/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/hook.h: running prepared hooks, in the runtime or in the container. Async-signal-safe, no allocation. */
#ifndef CREEL_RUNTIME_INIT_HOOK_H
#define CREEL_RUNTIME_INIT_HOOK_H

#include "runtime/init/init.h"

#include <sys/types.h>

/* Run them in order; each finds the container's state on its standard input, with `pid` in it. The first that fails,
 * cannot be executed or takes longer than its timeout (it is then killed) ends it: -1 and `fail`. */
int init_hooks_run(const struct init_hooks *h, pid_t pid, struct launch_msg *fail);

#endif
