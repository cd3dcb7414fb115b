/* SPDX-License-Identifier: Apache-2.0 */
#include "image/rooted.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

enum { RACE_RETRIES = 64, DEPTH_MAX = 2100 /* ARCHIVE_PATH_MAX allows 2048 components */ };

int rooted_open(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    for (int i = 0; i < RACE_RETRIES; i++) {
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0)
            return fd;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) /* a rename somewhere raced with a ".." */
            return -errno;
    }
    return -EAGAIN;
}

static int remove_dir(int dir, const char *name, unsigned depth);

static int remove_one(int dir, const char *name, unsigned char type, unsigned depth)
{
    if (type != DT_DIR) {
        if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
            return 0;
        if (errno != EISDIR && errno != EPERM)
            return -errno;
    }
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno == ENOTEMPTY || errno == EEXIST ? remove_dir(dir, name, depth) : -errno;
}

static int remove_dir(int dir, const char *name, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return -ELOOP;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    auto_dir DIR *d = fdopendir(fd);
    if (d == NULL) {
        int e = errno;
        (void)close(fd);
        return -e;
    }
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL && errno != 0)
            return -errno;
        if (ent == NULL)
            break;
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        int r = remove_one(fd, ent->d_name, ent->d_type, depth + 1);
        if (r < 0)
            return r;
    }
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

int rooted_remove(int dir, const char *name)
{
    return remove_one(dir, name, DT_UNKNOWN, 0);
}
