/* SPDX-License-Identifier: Apache-2.0 */
/* sys/unix_socket.c: see sys/unix_socket.h. */
#include "sys/unix_socket.h"

#include "base/cleanup.h"
#include "sys/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

/* By way of a descriptor of the socket's file: what was looked at is what is connected to. */
int sys_unix_connect(const char *path, int seconds)
{
    struct stat st;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = seconds };
    auto_fd place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0 || fstat(place, &st) < 0)
        return -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    auto_fd s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _Static_assert(sizeof a.sun_path >= SYS_FD_PATH_MAX, "the path of a descriptor is short");
    (void)sys_fd_path(place, a.sun_path);
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return -errno;
    int r;
    do {
        r = connect(s, (const struct sockaddr *)&a, sizeof a);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return fd_take(&s);
}
