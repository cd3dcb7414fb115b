/* SPDX-License-Identifier: Apache-2.0 */
/* sys/self_guard.c: see sys/self_guard.h. */
#include "sys/self_guard.h"

#include "base/cleanup.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

/* A private copy of the mount, limited to this one file, that refuses writing for ever: it is nowhere attached, so
 * nobody can remount it. */
static int guard_by_mount(const char *path)
{
    auto_fd fd = sys_open_tree_clone(AT_FDCWD, path, 0);
    if (fd < 0)
        return fd;
    int r = sys_mount_setattr(fd, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, MS_PRIVATE, -1);
    return r < 0 ? r : fd_take(&fd);
}

static int guard_by_copy(const char *path)
{
    auto_fd from = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0)
        return -errno;
    auto_fd to = sys_memfd("creel");
    if (to < 0)
        return to;
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(to, from, NULL, (size_t)left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        left -= n;
    }
    if (fcntl(to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -errno;
    return fd_take(&to);
}

int self_guard_open(const char *path, struct creel_err *err)
{
    int fd = guard_by_mount(path);
    if (fd >= 0)
        return fd;
    if (fd == -ENOENT)
        return creel_fail(err, CREEL_NOT_FOUND, ENOENT, "open program %s", path);
    int copy = guard_by_copy(path);
    if (copy < 0)
        return creel_fail(err, CREEL_INTERNAL, -copy, "make a read-only view of %s", path);
    return copy;
}

int self_guard_active(void)
{
    struct statfs s;
    if (statfs("/proc/self/exe", &s) < 0)
        return 0;
    if ((s.f_flags & ST_RDONLY) != 0 || s.f_type != TMPFS_MAGIC) /* memory files are tmpfs's */
        return (s.f_flags & ST_RDONLY) != 0;
    auto_fd fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}
