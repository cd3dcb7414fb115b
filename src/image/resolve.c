/* SPDX-License-Identifier: Apache-2.0 */
#include "image/resolve.h"

#include "base/cleanup.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 255 };

/* The target of the link `at` ("/a/b", itself without links on the way). Returns its length, 0 when it is no link or
 * not there, -errno. */
static ssize_t read_link(int root, const char *at, char *target, size_t size)
{
    auto_fd fd = sys_open_in_root(root, at, O_PATH | O_NOFOLLOW);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0;
    if (fd < 0)
        return fd;
    ssize_t n = readlinkat(fd, "", target, size - 1);
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -errno;
    if ((size_t)n >= size - 1)
        return -ENAMETOOLONG;
    target[n] = '\0';
    return n;
}

static void drop_last(char *out, size_t *len)
{
    while (*len > 0 && out[*len - 1] != '/')
        (*len)--;
    if (*len > 0)
        (*len)--;
    out[*len] = '\0';
}

/* Put `target` in front of what is left to walk. */
static int prepend(char *rest, size_t size, const char *target)
{
    size_t n = strlen(target), old = strlen(rest);
    if (n + 1 + old + 1 > size)
        return -ENAMETOOLONG;
    memmove(rest + n + 1, rest, old + 1);
    memcpy(rest, target, n);
    rest[n] = '/';
    return 0;
}

int resolve_path(int root, const char *path, bool follow_last, char *out)
{
    char rest[2 * ARCHIVE_PATH_MAX + 4], target[ARCHIVE_PATH_MAX + 1];
    size_t len = 0, n = strlen(path);
    int links = 0;
    if (n > ARCHIVE_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(rest, path, n + 1);
    out[0] = '\0';
    while (rest[0] != '\0') {
        char name[256];
        size_t skip = strspn(rest, "/"), part = strcspn(rest + skip, "/");
        if (part > 255 || len + 1 + part > ARCHIVE_PATH_MAX)
            return -ENAMETOOLONG;
        memcpy(name, rest + skip, part);
        name[part] = '\0';
        memmove(rest, rest + skip + part, strlen(rest + skip + part) + 1);
        bool last = rest[strspn(rest, "/")] == '\0';
        if (part == 0 || strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            drop_last(out, &len);
            continue;
        }
        size_t before = len;
        out[len++] = '/';
        memcpy(out + len, name, part + 1);
        len += part;
        if (last && !follow_last)
            continue;
        ssize_t link = read_link(root, out, target, sizeof target);
        if (link < 0)
            return (int)link;
        if (link == 0)
            continue;
        if (++links > LINKS_MAX)
            return -ELOOP;
        len = target[0] == '/' ? 0 : before;
        out[len] = '\0';
        int r = prepend(rest, sizeof rest, target);
        if (r < 0)
            return r;
    }
    if (len == 0)
        memcpy(out, "/", 2);
    return 0;
}
