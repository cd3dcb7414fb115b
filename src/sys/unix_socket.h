/* SPDX-License-Identifier: Apache-2.0 */
/* sys/unix_socket.h: sockets that somebody else has put in the file system. */
#ifndef CREEL_SYS_UNIX_SOCKET_H
#define CREEL_SYS_UNIX_SOCKET_H

/* A close-on-exec stream socket that is connected to the one at `path`, of any length; a link in the path's last component is not
 * followed. Whoever listens there may be slow or stuck: connecting and each later send take `seconds` at most; the latter
 * then fail with EAGAIN. Otherwise -errno: -ENOTSOCK, -ETIMEDOUT, or why it cannot be opened or connected. */
int sys_unix_connect(const char *path, int seconds);

#endif
