/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/fd_socket.h: --console-socket and --pidfd-socket: a socket on which the caller waits for one
 * descriptor. */
#ifndef CREEL_OCIRUNTIME_FD_SOCKET_H
#define CREEL_OCIRUNTIME_FD_SOCKET_H

#include "base/err.h"

/* Connect, before anything is made that would have to be undone. Any path length. *ret: close-on-exec. */
int fd_socket_connect(const char *path, int *ret, struct creel_err *err);
/* Send `fd` with `name` as the text of the message, as runc does; receivers take the descriptor and may show the
 * name. */
int fd_socket_send(int sock, int fd, const char *name, struct creel_err *err);

#endif
