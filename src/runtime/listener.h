/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/listener.h: handing the descriptor on which a filter asks its questions (SCMP_ACT_NOTIFY) to the agent that the
 * configuration names. Parent side.
 *
 * The process loads its filter, writes the descriptor's number on the launch socket (LAUNCH_LISTENER) and waits; we copy
 * the descriptor out of it, send it with the state document to the agent's socket, and let the process go on. What an
 * agent decides about memory that the process can still change is no security boundary. */
#ifndef CREEL_RUNTIME_LISTENER_H
#define CREEL_RUNTIME_LISTENER_H

#include "base/err.h"
#include "spec/oci_config.h"

#include <sys/types.h>

/* Take part in that conversation: wait, copy, send, answer. `sock` is the launch socket, `pidfd` the process. */
int listener_pass(int sock, int pidfd, pid_t pid, const struct oci_config *c, const char *id, const char *bundle,
                  const char *status, struct creel_err *err);

#endif
