/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/fd_socket.h"

#include "base/cleanup.h"
#include "sys/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

/* A path that is too long for an address is named by the descriptor of the socket's file; so nobody can put a link
 * to another socket in its place, either. */
int fd_socket_connect(const char *path, int *ret, struct creel_err *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char short_path[SYS_FD_PATH_MAX];
    struct stat st;
    auto_fd file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    auto_fd sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open socket %s", path);
    if (fstat(file, &st) < 0 || !S_ISSOCK(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "%s is not a socket (a link to one is not followed)", path);
    if (sock < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a socket");
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", sys_fd_path(file, short_path)); /* 32 bytes at most */
    int r;
    do {
        r = connect(sock, (const struct sockaddr *)&a, sizeof a);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "connect to socket %s", path);
    *ret = fd_take(&sock);
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
