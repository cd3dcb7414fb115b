/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/notify.h: sd_notify for containers. Where the caller has NOTIFY_SOCKET, the container gets a socket of its own,
 * <state>/notify/notify.sock mounted at /run/notify, and only "READY=" is handed on, together with the container's pid: what
 * else a container could tell the service manager is none of its business. */
#ifndef CREEL_OCIRUNTIME_NOTIFY_H
#define CREEL_OCIRUNTIME_NOTIFY_H

#include "ociruntime/log.h"
#include "ociruntime/state.h"

#include <stdbool.h>

enum { NOTIFY_READY_MAX = 4096 };

/* The caller's socket, or NULL. */
const char *notify_host(void);
/* Make the directory and add the mount and the variable to the configuration (not to the one that is remembered). */
int notify_prepare(const struct state *s, const char *root, struct oci_config *c, struct creel_err *err);
/* Bind the socket. A descriptor; -1 and err. */
int notify_listen(const struct state *s, struct creel_err *err);
/* Take one datagram from it (does not block). True: it says READY=…, which has been handed on to the host's socket with
 * MAINPID=main_pid. */
bool notify_pass(int sock, const char *host, pid_t main_pid, const struct log *log);
/* Wait for that or the end of the container; then until the service manager has taken note, at most 30 seconds. */
void notify_wait(int sock, const char *host, pid_t main_pid, int pidfd, const struct log *log);

#endif
