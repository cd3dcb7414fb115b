/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/layer_view.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { LINKS_MAX = 40, PATH_BYTES_MAX = 4096, COMPONENTS_MAX = 32 /* bounds a walk's quadratic cost */ };

enum found { FOUND_NOTHING, FOUND_HIDDEN, FOUND_FILE, FOUND_LINK, FOUND_DIR, FOUND_OTHER };

/* What one layer says about a path without links in it. */
struct hit {
    enum found what;
    int parent;         /* FOUND_FILE, FOUND_LINK: directory descriptor that holds the name, owned */
    bool opaque;        /* a directory on the way hides the layers below */
};

static bool is_opaque(int dir)
{
    char value[2];
    return fgetxattr(dir, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

static enum found classify(const struct stat *st)
{
    if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0))
        return FOUND_HIDDEN; /* a whiteout */
    if (S_ISREG(st->st_mode))
        return FOUND_FILE;
    if (S_ISLNK(st->st_mode))
        return FOUND_LINK;
    return S_ISDIR(st->st_mode) ? FOUND_DIR : FOUND_OTHER;
}

/* Look `parts[0..count)` up in one layer. A component on the way that is no directory hides the layers below. */
static int layer_look(int root, char *const *parts, size_t count, struct hit *ret)
{
    struct hit h = { .what = FOUND_DIR, .parent = -1 };
    auto_fd dir = -1; /* the last directory on the way; -1: still at the root */
    struct stat st;
    for (size_t i = 0; i + 1 < count; i++) {
        int next = openat(dir >= 0 ? dir : root, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
            return -errno;
        if (next < 0) {
            h.what = errno == ENOENT ? FOUND_NOTHING : FOUND_HIDDEN;
            *ret = h;
            return 0;
        }
        fd_closep(&dir);
        dir = next;
        h.opaque = h.opaque || is_opaque(dir);
    }
    if (count > 0) {
        int r = fstatat(dir >= 0 ? dir : root, parts[count - 1], &st, AT_SYMLINK_NOFOLLOW);
        if (r < 0 && errno != ENOENT)
            return -errno;
        h.what = r < 0 ? FOUND_NOTHING : classify(&st);
    }
    if (h.what == FOUND_FILE || h.what == FOUND_LINK) {
        if (dir < 0 && (dir = fcntl(root, F_DUPFD_CLOEXEC, 3)) < 0)
            return -errno;
        h.parent = fd_take(&dir);
    }
    *ret = h;
    return 0;
}

/* The same over all layers. `parts` contain no link in the merged tree. */
static int view_look(const struct layer_view *v, char *const *parts, size_t count, struct hit *ret)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->roots[i] < 0)
            continue;
        int r = layer_look(v->roots[i], parts, count, ret);
        if (r < 0)
            return r;
        if (ret->what != FOUND_NOTHING)
            return 0;
        if (ret->opaque)
            break;
    }
    *ret = (struct hit){ .what = FOUND_NOTHING, .parent = -1 };
    return 0;
}

/* The target of the link `name` in `dir` and the rest of the path behind it, as one absolute path. */
static int link_expand(int dir, char *const *parts, size_t at, size_t count, char **ret)
{
    char target[PATH_BYTES_MAX];
    auto_bytes path = BYTES_INIT;
    ssize_t n = readlinkat(dir, parts[at], target, sizeof target - 1);
    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    target[n] = '\0';
    for (size_t i = 0; target[0] != '/' && i < at; i++)
        bytes_addf(&path, "/%s", parts[i]);
    bytes_addf(&path, "/%s", target);
    for (size_t i = at + 1; i < count; i++)
        bytes_addf(&path, "/%s", parts[i]);
    if (path.len >= PATH_BYTES_MAX)
        return -ENAMETOOLONG;
    *ret = bytes_take(&path);
    return *ret == NULL ? -ENOMEM : 0;
}

static int file_read(int dir, const char *name, size_t max, struct bytes *out)
{
    struct stat st;
    auto_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL; /* replaced meanwhile */
    size_t start = out->len;
    for (;;) {
        if (out->len - start > max)
            return -EFBIG;
        if (!bytes_reserve(out, 4096))
            return -ENOMEM;
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}

/* Split a path whose ".." have to be taken component by component (behind a link they mean the link's target). */
static int split(const char *path, struct strv *parts)
{
    for (const char *p = path; *p != '\0';) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n > 0 && !(n == 1 && p[0] == '.') && !strv_addn(parts, p, n))
            return -ENOMEM;
        if (parts->count > COMPONENTS_MAX)
            return -ENAMETOOLONG;
        p += n;
    }
    return 0;
}

/* One walk from the top to the first link, or to the end. Returns 1 when *path was replaced by an expanded one. */
static int walk(const struct layer_view *v, char **path, size_t max, struct bytes *out)
{
    auto_strv parts = STRV_INIT;
    int r = split(*path, &parts);
    for (size_t i = 0; r == 0 && i < parts.count; i++) {
        if (strcmp(parts.items[i], "..") == 0) { /* what is in front is a real directory: it was looked at */
            strv_remove(&parts, i--);
            if (i + 1 > 0)
                strv_remove(&parts, i--);
            continue;
        }
        struct hit h = { .parent = -1 };
        r = view_look(v, parts.items, i + 1, &h);
        auto_fd parent = h.parent;
        if (r < 0)
            return r;
        if (h.what == FOUND_LINK) {
            char *expanded = NULL;
            r = link_expand(parent, parts.items, i, parts.count, &expanded);
            if (r < 0)
                return r;
            free(*path);
            *path = expanded;
            return 1;
        }
        bool last = i + 1 == parts.count;
        if (last && h.what == FOUND_FILE)
            return file_read(parent, parts.items[i], max, out);
        if (last || h.what != FOUND_DIR)
            return h.what == FOUND_NOTHING || h.what == FOUND_HIDDEN ? -ENOENT : last ? -EINVAL : -ENOTDIR;
    }
    return r < 0 ? r : -EINVAL;
}

/* Most files are reached without links; then the whole path is looked up at once. */
static int straight(const struct layer_view *v, const char *path, size_t max, struct bytes *out)
{
    auto_strv parts = STRV_INIT;
    struct hit h = { .parent = -1 };
    int r = split(path, &parts);
    if (r == 0)
        r = view_look(v, parts.items, parts.count, &h);
    auto_fd parent = h.parent;
    if (r < 0)
        return r;
    return h.what == FOUND_FILE ? file_read(parent, parts.items[parts.count - 1], max, out) : 1;
}

int layer_view_read(const struct layer_view *v, const char *path, size_t max, struct bytes *out)
{
    auto_free char *at = strdup(path);
    int r = straight(v, path, max, out);
    if (r <= 0)
        return r;
    if (at == NULL)
        return -ENOMEM;
    for (unsigned links = 0; links < LINKS_MAX; links++) {
        r = walk(v, &at, max, out);
        if (r <= 0)
            return r;
    }
    return -ELOOP;
}
