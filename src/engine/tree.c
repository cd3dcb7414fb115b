/* SPDX-License-Identifier: Apache-2.0 */
/* engine/tree.c: removing directory trees by descriptor.
 *
 * The trees are what containers wrote: hostile names, any depth, entries that change while we look. Every step is
 * relative to a held descriptor and follows no link. Depth is bounded by memory, not by descriptors: a directory is
 * reopened through ".." only after checking that it is the one we came from, so at most two descriptors are open. */
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Remove what is not a directory in `fd`. Returns 1 and the name of a subdirectory that is left, 0 when empty, -errno. */
static int remove_entries(int fd, char *subdir, size_t size)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return -errno;
    auto_dir DIR *d = fdopendir(copy);
    if (d == NULL) {
        int e = errno;
        (void)close(copy);
        return -e;
    }
    rewinddir(d);
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL)
            return errno != 0 ? -errno : 0;
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        if (ent->d_type != DT_DIR && unlinkat(fd, ent->d_name, 0) == 0)
            continue;
        if (ent->d_type != DT_DIR && errno == ENOENT)
            continue;
        if (ent->d_type != DT_DIR && errno != EISDIR && errno != EPERM)
            return -errno;
        if (unlinkat(fd, ent->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            continue;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return -errno;
        size_t n = strlen(ent->d_name);
        if (n >= size)
            return -ENAMETOOLONG;
        memcpy(subdir, ent->d_name, n + 1);
        return 1;
    }
}

/* One level of the descent: identity of the directory and its name in the parent. */
struct level {
    dev_t dev;
    ino_t ino;
    char *name;
};

struct levels {
    struct level *items;
    size_t count, cap;
};

static int levels_push(struct levels *v, int fd, const char *name)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (v->count == v->cap) {
        size_t cap = v->cap == 0 ? 16 : v->cap * 2;
        struct level *items = realloc(v->items, cap * sizeof *items);
        if (items == NULL)
            return -ENOMEM;
        v->items = items;
        v->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return -ENOMEM;
    v->items[v->count++] = (struct level){ .dev = st.st_dev, .ino = st.st_ino, .name = copy };
    return 0;
}

static void levels_fini(struct levels *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i].name);
    free(v->items);
}

/* Back to the parent: it must be the directory we descended from, else somebody moved things under us. */
static int ascend(int *fd, struct levels *v)
{
    auto_fd up = openat(*fd, "..", DIR_FLAGS);
    struct stat st;
    if (up < 0 || fstat(up, &st) < 0)
        return -errno;
    const struct level *parent = &v->items[v->count - 2];
    if (st.st_dev != parent->dev || st.st_ino != parent->ino)
        return -EBUSY;
    int r = unlinkat(up, v->items[v->count - 1].name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
    if (r < 0 && r != -ENOTEMPTY)
        return r;
    fd_closep(fd);
    *fd = fd_take(&up);
    free(v->items[--v->count].name);
    return 0;
}

static int remove_below(int top, struct levels *v)
{
    auto_fd fd = fcntl(top, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return -errno;
    int r = levels_push(v, fd, "");
    char name[256];
    while (r == 0) {
        r = remove_entries(fd, name, sizeof name);
        if (r == 0) {
            if (v->count == 1)
                return 0;
            r = ascend(&fd, v);
            continue;
        }
        if (r < 0)
            return r;
        int sub = openat(fd, name, DIR_FLAGS);
        if (sub < 0 && errno == ENOENT) {
            r = 0;
            continue;
        }
        if (sub < 0)
            return -errno;
        fd_closep(&fd);
        fd = sub;
        r = levels_push(v, fd, name);
    }
    return r;
}

int tree_remove(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno == ENOTDIR)
        return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return -errno;
    auto_fd top = openat(dir_fd, name, DIR_FLAGS);
    if (top < 0)
        return errno == ENOENT ? 0 : -errno;
    struct levels v = { 0 };
    int r = remove_below(top, &v);
    levels_fini(&v);
    if (r < 0)
        return r;
    return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int64_t size_below(DIR *d, unsigned depth)
{
    enum { DEPTH_MAX = 512 }; /* each level holds a descriptor; deeper trees are counted up to here */
    int64_t total = 0;
    for (struct dirent *ent; (ent = readdir(d)) != NULL;) {
        struct stat st;
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0
            || fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        /* a file with several links is counted once per link below; images rarely have many */
        total += S_ISREG(st.st_mode) && st.st_nlink > 1 ? (int64_t)st.st_blocks * 512 / (int64_t)st.st_nlink
                                                        : (int64_t)st.st_blocks * 512;
        if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
            continue;
        int fd = openat(dirfd(d), ent->d_name, DIR_FLAGS);
        if (fd < 0)
            continue;
        auto_dir DIR *sub = fdopendir(fd);
        if (sub == NULL)
            (void)close(fd);
        else
            total += size_below(sub, depth + 1);
    }
    return total;
}

int64_t tree_size(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, DIR_FLAGS);
    if (fd < 0)
        return 0;
    auto_dir DIR *d = fdopendir(fd);
    if (d == NULL) {
        (void)close(fd);
        return 0;
    }
    return size_below(d, 0);
}
