/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/fd_socket.h"

#include "sys/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PATIENCE_S = 10 };

int fd_socket_connect(const char *path, int *ret, struct creel_err *err)
{
    int r = sys_unix_connect(path, PATIENCE_S);
    if (r == -ENOTSOCK)
        return creel_fail(err, CREEL_INVALID, 0, "%s is not a socket (a link to one is not followed)", path);
    if (r == -ETIMEDOUT)
        return creel_fail(err, CREEL_TIMEOUT, 0, "connect to socket %s: nobody has taken what waits there for %d seconds", path,
                          PATIENCE_S);
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "connect to socket %s", path);
    *ret = r;
    return 0;
}

int fd_socket_send(int sock, int fd, const char *name, struct creel_err *err)
{
    char text[256];
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control = { .bytes = { 0 } };
    int n = snprintf(text, sizeof text, "%s", name);
    struct iovec io = { .iov_base = text, .iov_len = n > 0 ? strlen(text) : 1 };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    ssize_t sent;
    do {
        sent = sendmsg(sock, &m, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "send a descriptor to the caller's socket") : 0;
}
