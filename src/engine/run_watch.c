/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_watch.h"

#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

static void drain(int fd)
{
    char buf[4096] __attribute__((aligned(8)));
    ssize_t n;
    do
        n = read(fd, buf, sizeof buf);
    while (n > 0 || (n < 0 && errno == EINTR));
}

int run_watch_arm(struct run_watch *w, struct creel *e, const char *id, struct creel_err *err)
{
    char path[128];
    if (w->fd < 0)
        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make an inotify instance to watch container %s", id);
    drain(w->fd);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/containers/%s", e->run_fd, id);
    const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR;
    if (inotify_add_watch(w->fd, path, mask) < 0 && errno != ENOENT)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "watch %s/containers/%s", e->run_root, id);
    return 0;
}
