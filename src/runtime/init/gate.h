/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/gate.h: waiting for whoever starts a container whose maker has gone.
 *
 * The gate is a datagram socket that the maker bound in a directory only its user can look into. One message opens it: "go",
 * with one end of a socket pair on which the conversation of launch.h goes on. A datagram is all or nothing, so a starter
 * that is killed has either started the container or not; and connecting to the socket tells whether somebody still waits
 * behind it, without disturbing him. */
#ifndef CREEL_RUNTIME_INIT_GATE_H
#define CREEL_RUNTIME_INIT_GATE_H

#include "runtime/launch.h"

#include <stdbool.h>

/* The first process of a pid namespace is deaf to signals that it has no handler for; whoever waits here should end by the usual
 * ones all the same. execve undoes it. */
void gate_heed_signals(void);
/* Block until the message comes; others are thrown away, and with `own_pids` so is what comes from the container itself: a
 * sender outside of its pid namespace has no pid there. *ret_sock: close-on-exec. Async-signal-safe. */
int gate_wait(int gate, bool own_pids, int *ret_sock, struct launch_msg *fail);

#endif
