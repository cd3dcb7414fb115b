/* SPDX-License-Identifier: Apache-2.0 */
#include "image/extract.h"

#include "image/entry_path.h"
#include "image/rooted.h"
#include "sys/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char opaque_xattr[] = "trusted.overlay.opaque";

struct extract_dir {
    char *path;
    struct timespec times[2];
};

void extract_init(struct extract *x, int root, unsigned flags, const char *rename_to)
{
    *x = (struct extract){ .root = root, .flags = flags, .rename_to = rename_to, .parent = -1 };
}

static void forget_parent(struct extract *x)
{
    fd_closep(&x->parent);
}

void extract_fini(struct extract *x)
{
    forget_parent(x);
    for (size_t i = 0; i < x->dir_count; i++)
        free(x->dirs[i].path);
    free(x->dirs);
}

static int entry_fail(const char *what, const char *path, int sys, struct creel_err *err)
{
    switch (sys) {
    case ENOSPC: case EDQUOT: case EFBIG: case ENOMEM: case EMFILE:
        return creel_fail(err, CREEL_EXHAUSTED, sys, "%s %s", what, path);
    case ELOOP:
        return creel_fail(err, CREEL_INVALID, 0, "%s %s: the symbolic links on the way go round in circles", what,
                          path);
    case ENAMETOOLONG:
        return creel_fail(err, CREEL_INVALID, 0, "%s %s: the name is too long for this file system", what, path);
    case EROFS:
        return creel_fail(err, CREEL_DENIED, sys, "%s %s", what, path);
    default:
        return creel_fail(err, CREEL_INTERNAL, sys, "%s %s", what, path);
    }
}

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int set_opaque(int dir, const char *path, struct creel_err *err)
{
    auto_fd fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsetxattr(fd, opaque_xattr, "y", 1, 0) < 0)
        return entry_fail("marking as opaque", path, errno, err);
    return 0;
}

/* mkdir for a directory that the archive did not list (E5), where a whiteout may be in the way. */
static int make_implied(int parent, const char *name, const char *path, bool layer, struct creel_err *err)
{
    bool was_whiteout = false;
    if (mkdirat(parent, name, 0755) < 0) {
        struct stat st;
        if (errno != EEXIST)
            return entry_fail("making the directory of", path, errno, err);
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return entry_fail("looking at the parent of", path, errno, err);
        if (!layer || !is_whiteout(&st))
            return creel_fail(err, CREEL_INVALID, 0,
                              "\"%s\": a parent is not a directory (or a link that leads nowhere)", path);
        if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0755) < 0)
            return entry_fail("making the directory of", path, errno, err);
        was_whiteout = true;
    }
    if (!was_whiteout)
        return 0;
    auto_fd dir = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dir < 0 ? entry_fail("opening the directory of", path, errno, err) : set_opaque(dir, path, err);
}

/* Make the missing part of `dir`, one component at a time: the first that does not resolve is created below the last
 * that did. */
static int make_parents(struct extract *x, char *dir, const char *path, int *ret, struct creel_err *err)
{
    auto_fd at = sys_open_in_root(x->root, ".", O_PATH | O_DIRECTORY);
    if (at < 0)
        return entry_fail("opening the root for", path, -at, err);
    for (char *end = dir; *end != '\0';) {
        const char *name = *end == '/' ? end + 1 : end;
        end = strchr(name, '/');
        if (end == NULL)
            end = dir + strlen(dir);
        char rest = *end;
        *end = '\0';
        int fd = sys_open_in_root(x->root, dir, O_PATH | O_DIRECTORY);
        if (fd == -ENOENT || fd == -ENOTDIR) {
            char component[256];
            (void)snprintf(component, sizeof component, "%s", name); /* entry_path_clean has bounded it */
            if (make_implied(at, component, path, (x->flags & EXTRACT_LAYER) != 0, err) < 0)
                return -1;
            fd = sys_open_in_root(x->root, dir, O_PATH | O_DIRECTORY);
        }
        *end = rest;
        if (fd < 0)
            return entry_fail("opening the directory of", path, -fd, err);
        fd_closep(&at);
        at = fd;
    }
    *ret = fd_take(&at);
    return 0;
}

/* Parent directory of `path`, made if need be; kept for the next entry. Borrowed. */
static int open_parent(struct extract *x, const char *path, struct creel_err *err)
{
    char dir[ARCHIVE_PATH_MAX + 1];
    const char *base = entry_path_base(path);
    size_t n = base > path ? (size_t)(base - path) - 1 : 0;
    memcpy(dir, path, n);
    dir[n] = '\0';
    if (x->parent >= 0 && strcmp(dir, x->parent_path) == 0)
        return 0;
    forget_parent(x);
    int fd = sys_open_in_root(x->root, n > 0 ? dir : ".", O_PATH | O_DIRECTORY);
    if ((fd == -ENOENT || fd == -ENOTDIR) && n > 0) {
        if (make_parents(x, dir, path, &fd, err) < 0)
            return -1;
    } else if (fd < 0) {
        return entry_fail("opening the directory of", path, -fd, err);
    }
    x->parent = fd;
    memcpy(x->parent_path, dir, n + 1);
    return 0;
}

static int remember_times(struct extract *x, const struct tar_entry *e, struct creel_err *err)
{
    if (x->dir_count == x->dir_cap) {
        size_t cap = x->dir_cap == 0 ? 64 : x->dir_cap * 2;
        struct extract_dir *dirs = reallocarray(x->dirs, cap, sizeof *dirs);
        if (dirs == NULL)
            return creel_fail_nomem(err);
        x->dirs = dirs;
        x->dir_cap = cap;
    }
    char *path = strdup(e->path);
    if (path == NULL)
        return creel_fail_nomem(err);
    x->dirs[x->dir_count++] = (struct extract_dir){ .path = path, .times = { e->atime, e->mtime } };
    return 0;
}

/* E6. What is no directory any more was replaced by a later entry. */
static int set_dir_times(struct extract *x, struct creel_err *err)
{
    for (size_t i = x->dir_count; i-- > 0;) {
        const struct extract_dir *d = &x->dirs[i];
        auto_fd fd =
            sys_open_in_root(x->root, d->path[0] != '\0' ? d->path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
            continue;
        if (fd < 0 || futimens(fd, d->times) < 0)
            return entry_fail("setting the times of", d->path, fd < 0 ? -fd : errno, err);
    }
    return 0;
}

static int set_xattrs(int fd, const struct tar_entry *e, struct creel_err *err)
{
    for (size_t i = 0; i < e->xattr_count; i++) {
        const struct tar_xattr *a = &e->xattrs[i];
        if (fsetxattr(fd, a->name, a->value, a->size, 0) == 0)
            continue;
        if (errno == EOPNOTSUPP && strncmp(a->name, "user.", 5) == 0)
            continue; /* the file system keeps none: a loss that programs must expect */
        if (errno == EINVAL && strcmp(a->name, "security.capability") == 0)
            return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" has malformed file capabilities",
                              e->path);
        return entry_fail("setting extended attributes of", e->path, errno, err);
    }
    return 0;
}

/* Owner first: changing it clears set-uid bits and capabilities. */
static int set_metadata(struct extract *x, int fd, const struct tar_entry *e, struct creel_err *err)
{
    if ((x->flags & EXTRACT_OWNER) != 0 && fchown(fd, e->uid, e->gid) < 0)
        return entry_fail("setting the owner of", e->path, errno, err);
    if (fchmod(fd, e->mode) < 0)
        return entry_fail("setting the mode of", e->path, errno, err);
    return set_xattrs(fd, e, err);
}

static int write_data(struct extract *x, int fd, struct tar_reader *r, const struct tar_entry *e,
                      struct creel_err *err)
{
    const void *data;
    size_t size;
    int64_t offset, end = 0;
    int got;
    while ((got = tar_reader_data(r, &data, &size, &offset, err)) == 1) {
        if (offset > e->size || (int64_t)size > e->size - offset)
            return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" has more data than it says", e->path);
        for (size_t done = 0; done < size;) {
            ssize_t n = pwrite(fd, (const char *)data + done, size - done, offset + (int64_t)done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return entry_fail("writing", e->path, errno, err);
            done += (size_t)n;
        }
        x->written += (int64_t)size;
        end = offset + (int64_t)size;
    }
    if (got < 0)
        return -1;
    if (end < e->size && ftruncate(fd, e->size) < 0) /* a hole at the end */
        return entry_fail("sizing", e->path, errno, err);
    return 0;
}

/* Remove what has the entry's name, unless both are directories (*ret_kept). A removed whiteout makes a new directory
 * opaque (*ret_whiteout): the lower one stays deleted. */
static int make_room(struct extract *x, const struct tar_entry *e, const char *base, bool *ret_kept,
                     bool *ret_whiteout, struct creel_err *err)
{
    struct stat st;
    *ret_kept = *ret_whiteout = false;
    if (fstatat(x->parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : entry_fail("looking at", e->path, errno, err);
    if (S_ISDIR(st.st_mode) && e->type == TAR_DIR) {
        *ret_kept = true;
        return 0;
    }
    if ((x->flags & EXTRACT_NO_OVERWRITE_DIR_NON_DIR) != 0 && S_ISDIR(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "cannot overwrite directory \"%s\" with non-directory", e->path);
    if ((x->flags & EXTRACT_NO_OVERWRITE_DIR_NON_DIR) != 0 && e->type == TAR_DIR)
        return creel_fail(err, CREEL_INVALID, 0, "cannot overwrite non-directory \"%s\" with directory", e->path);
    *ret_whiteout = (x->flags & EXTRACT_LAYER) != 0 && is_whiteout(&st);
    int r = rooted_remove(x->parent, base);
    if (r == -EBUSY && S_ISREG(st.st_mode) && e->type == TAR_FILE) {
        *ret_kept = true; /* a file that is a mount point (/etc/hosts): its content can still be replaced */
        return 0;
    }
    return r < 0 ? entry_fail("replacing", e->path, -r, err) : 0;
}

static int put_file(struct extract *x, struct tar_reader *r, const struct tar_entry *e, const char *base,
                    bool in_place, struct creel_err *err)
{
    int how = in_place ? O_WRONLY | O_TRUNC | O_NONBLOCK : O_WRONLY | O_CREAT | O_EXCL;
    auto_fd fd = openat(x->parent, base, how | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return entry_fail("creating", e->path, errno, err);
    const struct timespec times[2] = { e->atime, e->mtime };
    if (write_data(x, fd, r, e, err) < 0 || set_metadata(x, fd, e, err) < 0)
        return -1;
    return futimens(fd, times) < 0 ? entry_fail("setting the times of", e->path, errno, err) : 0;
}

static int put_dir(struct extract *x, const struct tar_entry *e, const char *base, bool kept, bool opaque,
                   struct creel_err *err)
{
    if (!kept && mkdirat(x->parent, base, 0700) < 0)
        return entry_fail("making the directory", e->path, errno, err);
    auto_fd fd = openat(x->parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return entry_fail("opening the directory", e->path, errno, err);
    if (set_metadata(x, fd, e, err) < 0 || (opaque && set_opaque(fd, e->path, err) < 0))
        return -1;
    return remember_times(x, e, err);
}

/* The directory that everything goes into. */
static int put_root(struct extract *x, const struct tar_entry *e, struct creel_err *err)
{
    if (e->type != TAR_DIR)
        return creel_fail(err, CREEL_INVALID, 0, "the archive says that its top directory is not a directory");
    auto_fd fd = openat(x->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return entry_fail("opening", "/", errno, err);
    return set_metadata(x, fd, e, err) < 0 ? -1 : remember_times(x, e, err);
}

static int put_hard_link(struct extract *x, const struct tar_entry *e, const char *base, struct creel_err *err)
{
    const char *target = entry_path_base(e->link);
    char dir[ARCHIVE_PATH_MAX + 1];
    size_t n = target > e->link ? (size_t)(target - e->link) - 1 : 0;
    memcpy(dir, e->link, n);
    dir[n] = '\0';
    auto_fd from = sys_open_in_root(x->root, n > 0 ? dir : ".", O_PATH | O_DIRECTORY);
    struct stat st, old;
    if (from < 0 || target[0] == '\0' || fstatat(from, target, &st, AT_SYMLINK_NOFOLLOW) < 0
        || ((x->flags & EXTRACT_LAYER) != 0 && is_whiteout(&st)))
        return creel_fail(err, CREEL_INVALID, 0, "the hard link \"%s\" is to \"%s\", which is not in this archive",
                          e->path, e->link);
    if (S_ISDIR(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "the hard link \"%s\" is to a directory, \"%s\"", e->path, e->link);
    if (fstatat(x->parent, base, &old, AT_SYMLINK_NOFOLLOW) == 0 && old.st_dev == st.st_dev
        && old.st_ino == st.st_ino)
        return 0; /* linked already, or a link to itself */
    bool kept, whiteout;
    if (make_room(x, e, base, &kept, &whiteout, err) < 0)
        return -1;
    forget_parent(x); /* the target may be below what was just removed; look again */
    if (open_parent(x, e->path, err) < 0)
        return -1;
    if (linkat(from, target, x->parent, base, 0) < 0)
        return errno == ENOENT ? creel_fail(err, CREEL_INVALID, 0,
                                            "the hard link \"%s\" replaces its own target \"%s\"", e->path, e->link)
                               : entry_fail("linking", e->path, errno, err);
    return 0;
}

static int put_symlink(struct extract *x, const struct tar_entry *e, const char *base, struct creel_err *err)
{
    const struct timespec times[2] = { e->atime, e->mtime };
    if (symlinkat(e->link, x->parent, base) < 0)
        return entry_fail("making the link", e->path, errno, err);
    if ((x->flags & EXTRACT_OWNER) != 0 && fchownat(x->parent, base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return entry_fail("setting the owner of", e->path, errno, err);
    if (utimensat(x->parent, base, times, AT_SYMLINK_NOFOLLOW) < 0)
        return entry_fail("setting the times of", e->path, errno, err);
    return 0;
}

/* Devices and fifos. The mode is complete at creation (the umask is 0); there is no descriptor to change it
 * through. */
static int put_node(struct extract *x, const struct tar_entry *e, const char *base, struct creel_err *err)
{
    const struct timespec times[2] = { e->atime, e->mtime };
    mode_t type = e->type == TAR_CHAR ? S_IFCHR : e->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;
    if (mknodat(x->parent, base, type | e->mode, e->device) < 0)
        return entry_fail("making the node", e->path, errno, err);
    if ((x->flags & EXTRACT_OWNER) != 0 && fchownat(x->parent, base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return entry_fail("setting the owner of", e->path, errno, err);
    if (utimensat(x->parent, base, times, AT_SYMLINK_NOFOLLOW) < 0)
        return entry_fail("setting the times of", e->path, errno, err);
    return 0;
}

/* E4. A whiteout speaks of lower layers only: what this layer itself has under that name stays, and hides the lower
 * one. */
static int put_whiteout(struct extract *x, const struct tar_entry *e, const char *hidden, struct creel_err *err)
{
    struct stat st;
    if (fstatat(x->parent, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return entry_fail("looking at", e->path, errno, err);
        if (mknodat(x->parent, hidden, S_IFCHR, makedev(0, 0)) < 0)
            return entry_fail("making the whiteout", e->path, errno, err);
        return 0;
    }
    if (!S_ISDIR(st.st_mode))
        return 0;
    auto_fd dir = openat(x->parent, hidden, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dir < 0 ? entry_fail("opening", e->path, errno, err) : set_opaque(dir, e->path, err);
}

/* 1: the entry was a whiteout and is dealt with; 0: it is an ordinary one. */
static int try_whiteout(struct extract *x, const struct tar_entry *e, struct creel_err *err)
{
    const char *hidden = NULL, *base = entry_path_base(e->path);
    for (const char *p = e->path; p < base;) { /* ".wh.x/y": a directory with a reserved name */
        const char *slash = strchr(p, '/');
        if (strncmp(p, WHITEOUT_PREFIX, sizeof WHITEOUT_PREFIX - 1) == 0)
            return strncmp(p, ".wh..wh.", 8) == 0
                       ? 1
                       : creel_fail(err, CREEL_INVALID, 0,
                                    "the archive entry \"%s\" uses a name that is reserved for whiteouts", e->path);
        p = slash + 1;
    }
    switch (entry_path_whiteout(base, &hidden)) {
    case WHITEOUT_NONE:
        return 0;
    case WHITEOUT_IGNORED:
        return 1;
    case WHITEOUT_BAD:
        return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" is a whiteout of nothing", e->path);
    case WHITEOUT_OPAQUE:
        return open_parent(x, e->path, err) < 0 || set_opaque(x->parent, e->path, err) < 0 ? -1 : 1;
    case WHITEOUT_FILE:
        return open_parent(x, e->path, err) < 0 || put_whiteout(x, e, hidden, err) < 0 ? -1 : 1;
    }
    abort();
}

static int rename_first(const char *to, bool dotted, char *path, struct creel_err *err)
{
    char old[ARCHIVE_PATH_MAX + 1];
    memcpy(old, path, strlen(path) + 1);
    const char *slash = strchr(old, '/');
    const char *rest = dotted ? old : slash != NULL ? slash + 1 : "";
    int n = snprintf(path, ARCHIVE_PATH_MAX + 1, "%s%s%s", to, rest[0] != '\0' ? "/" : "", rest);
    if (n < 0 || n > ARCHIVE_PATH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" becomes too long when renamed", old);
    return 0;
}

static int add_prefix(const char *prefix, char *path, struct creel_err *err)
{
    size_t n = strlen(prefix), len = strlen(path);
    if (n + 1 + len > ARCHIVE_PATH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%s/%.200s… is longer than %d bytes", prefix, path,
                          ARCHIVE_PATH_MAX);
    memmove(path + n + (len > 0), path, len + 1);
    memcpy(path, prefix, n);
    if (len > 0)
        path[n] = '/';
    return 0;
}

static int extract_one(struct extract *x, struct tar_reader *r, struct tar_entry *e, struct creel_err *err)
{
    if (x->rename_to != NULL
        && (rename_first(x->rename_to, e->path_dotted, e->path, err) < 0
            || (e->type == TAR_HARDLINK && rename_first(x->rename_to, e->link_dotted, e->link, err) < 0)))
        return -1;
    if (x->prefix != NULL
        && (add_prefix(x->prefix, e->path, err) < 0
            || (e->type == TAR_HARDLINK && add_prefix(x->prefix, e->link, err) < 0)))
        return -1;
    if (e->path[0] == '\0')
        return put_root(x, e, err);
    if ((x->flags & EXTRACT_LAYER) != 0) {
        int whiteout = try_whiteout(x, e, err);
        if (whiteout != 0)
            return whiteout < 0 ? -1 : 0;
    }
    if (open_parent(x, e->path, err) < 0)
        return -1;
    const char *base = entry_path_base(e->path);
    if (e->type == TAR_HARDLINK)
        return put_hard_link(x, e, base, err);
    bool kept, whiteout;
    if (make_room(x, e, base, &kept, &whiteout, err) < 0)
        return -1;
    if (!kept && e->type != TAR_FILE) {
        /* a directory that the cache holds may just have gone, or a link may now stand for another one */
        forget_parent(x);
        if (open_parent(x, e->path, err) < 0)
            return -1;
    }
    switch (e->type) {
    case TAR_FILE: return put_file(x, r, e, base, kept, err);
    case TAR_DIR: return put_dir(x, e, base, kept, whiteout, err);
    case TAR_SYMLINK: return put_symlink(x, e, base, err);
    case TAR_CHAR: case TAR_BLOCK: case TAR_FIFO: return put_node(x, e, base, err);
    case TAR_HARDLINK: break;
    }
    abort();
}

int extract_all(struct extract *x, struct tar_reader *r, struct creel_err *err)
{
    struct tar_entry e;
    int got;
    while ((got = tar_reader_next(r, &e, err)) == 1)
        if (extract_one(x, r, &e, err) < 0)
            return -1;
    return got < 0 ? -1 : set_dir_times(x, err);
}
