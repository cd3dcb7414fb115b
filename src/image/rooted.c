/* SPDX-License-Identifier: Apache-2.0 */
#include "image/rooted.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>

enum { DEPTH_MAX = 2100 /* ARCHIVE_PATH_MAX allows 2048 components */ };

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
