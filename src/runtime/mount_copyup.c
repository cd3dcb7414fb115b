/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_copyup.c: see runtime/mount_copyup.h. */
#include "runtime/mount_copyup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 100 };

struct entry { uint64_t ino; int64_t off; unsigned short len; unsigned char type; char name[]; };

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
    int r = 0;
    int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (from < 0)
        return -errno;
    struct stat now;
    int to = fstat(from, &now) < 0 || !S_ISREG(now.st_mode)
                 ? -1
                 : openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        r = errno == 0 ? -EIO : -errno;
    for (off_t left = st->st_size; r == 0 && left > 0;) {
        ssize_t n = sendfile(to, from, NULL, (size_t)(left > INT_MAX ? INT_MAX : left));
        if (n < 0 && errno != EINTR)
            r = -errno;
        if (n == 0)
            break; /* it shrank meanwhile */
        left -= n > 0 ? n : 0;
    }
    if (to >= 0)
        (void)close(to);
    (void)close(from);
    return r;
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(from_dir, name, text, sizeof text - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return symlinkat(text, to_dir, name) < 0 ? -errno : 0;
}

static int copy_owner(int to_dir, const char *name, const struct stat *st)
{
    const struct timespec times[2] = { st->st_atim, st->st_mtim };
    if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
        return -errno;
    return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_tree(int from, int to, int depth);

static int copy_directory(int from_dir, int to_dir, const char *name, int depth)
{
    if (mkdirat(to_dir, name, 0700) < 0)
        return -errno;
    int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return -errno;
    int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = to < 0 ? -errno : copy_tree(from, to, depth + 1);
    if (to >= 0)
        (void)close(to);
    (void)close(from);
    return r;
}

static int copy_entry(int from, int to, const char *name, int depth)
{
    struct stat st;
    int r;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    switch (st.st_mode & S_IFMT) {
    case S_IFDIR:
        r = copy_directory(from, to, name, depth);
        break;
    case S_IFREG:
        r = copy_file(from, to, name, &st);
        break;
    case S_IFLNK:
        r = copy_link(from, to, name);
        break;
    default:
        r = mknodat(to, name, st.st_mode & ~(mode_t)07777, st.st_rdev) < 0 ? -errno : 0;
        break;
    }
    return r < 0 ? r : copy_owner(to, name, &st);
}

static int copy_tree(int from, int to, int depth)
{
    _Alignas(struct entry) char buf[4096];
    long n;
    if (depth > DEPTH_MAX)
        return -ENAMETOOLONG;
    while ((n = syscall(SYS_getdents64, from, buf, sizeof buf)) > 0)
        for (long at = 0; at < n;) {
            const struct entry *e = (const struct entry *)(void *)(buf + at);
            at += e->len;
            if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
                continue;
            int r = copy_entry(from, to, e->name, depth);
            if (r < 0)
                return r;
        }
    return n < 0 ? -errno : 0;
}

int mount_copyup(int from, int to)
{
    struct stat st;
    int dir = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int top = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = top < 0 || fstat(dir, &st) < 0 ? -errno : copy_tree(dir, top, 0);
    if (r == 0 && (fchown(top, st.st_uid, st.st_gid) < 0 || fchmod(top, st.st_mode & 07777) < 0))
        r = -errno;
    if (top >= 0)
        (void)close(top);
    (void)close(dir);
    return r;
}
