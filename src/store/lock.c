/* SPDX-License-Identifier: Apache-2.0 */
/* store/lock.c: the store-wide lock (S1), and the bell that it rings.
 *
 * root/store.lock is opened for each write transaction and closed after it. The lock belongs to the open file
 * description, so it goes with the process that holds it, however that ends. Closing a file that was open for
 * writing is an inotify event (IN_CLOSE_WRITE): that is how followers learn of a commit. Watching the WAL instead
 * would wake them when its frames are written, which is before the commit can be seen; and a writer killed right
 * after its commit would wake nobody. The file is never removed. It is empty: what counts is the lock. */
#include "store/internal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>

static int open_lock(struct store *s)
{
    const int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(s->root_fd, "store.lock", flags);
    if (fd < 0 && errno == ENOENT)
        fd = openat(s->root_fd, "store.lock", flags | O_CREAT, 0600);
    return fd;
}

int store_lock(struct store *s, struct creel_err *err)
{
    assert(s->lock_fd < 0);
    auto_fd fd = open_lock(s);
    if (fd < 0)
        return creel_fail(err, errno == EROFS ? CREEL_DENIED : creel_kind_of_errno(errno), errno,
                          "open %s/store.lock to change the store", s->root);
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return creel_fail(err, CREEL_INTERNAL, errno, "lock %s/store.lock", s->root);
    }
    s->lock_fd = fd_take(&fd);
    return 0;
}

void store_unlock(struct store *s)
{
    fd_closep(&s->lock_fd);
}

/* Adds the watch, making the file first if the store has never been written to. */
static int add_watch(struct store *s, int inotify_fd)
{
    char path[64];
    int n = snprintf(path, sizeof path, "/proc/self/fd/%d/store.lock", s->root_fd);
    assert(n > 0 && (size_t)n < sizeof path);
    if (inotify_add_watch(inotify_fd, path, IN_CLOSE_WRITE) >= 0)
        return 0;
    if (errno != ENOENT)
        return -errno;
    auto_fd made = open_lock(s);
    if (made < 0 || inotify_add_watch(inotify_fd, path, IN_CLOSE_WRITE) < 0)
        return -errno;
    return 0;
}

int store_changed_fd(struct store *s, struct creel_err *err)
{
    if (s->changed_fd >= 0)
        return s->changed_fd;
    auto_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make an inotify instance to watch the store");
    int r = add_watch(s, fd);
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "watch %s/store.lock", s->root);
    s->changed_fd = fd_take(&fd);
    return s->changed_fd;
}

void store_changed_ack(struct store *s)
{
    char buf[4096] __attribute__((aligned(8)));
    ssize_t n;
    do
        n = s->changed_fd < 0 ? 0 : read(s->changed_fd, buf, sizeof buf);
    while (n > 0 || (n < 0 && errno == EINTR));
}
