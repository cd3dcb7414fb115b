/* SPDX-License-Identifier: Apache-2.0 */
/* sys/path.c: see sys/path.h.
 *
 * The walker keeps a stack of the directories it came through; ".." pops. So a directory that an attacker moves
 * meanwhile cannot carry the walk above the root, as opening ".." would. Invariants:
 *   W1  stack[0] is the root itself, borrowed; the others are O_PATH descriptors opened with O_NOFOLLOW from the one below.
 *   W2  A link is only ever read from the descriptor that was found to be the link, and its text is put in front of what
 *       is left to walk. */
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { RETRY_MAX = 128, LINKS_MAX = 40, DEPTH_MAX = 256 };

int sys_openat2(int dir, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
    const struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if ((errno == EAGAIN || errno == EINTR) && i < RETRY_MAX)
            continue; /* a rename raced with a ".." */
        return -errno;
    }
}

/* A filter that does not know openat2 answers ENOSYS, an old one EPERM; both mean "walk". */
static bool no_openat2(int r)
{
    return r == -ENOSYS || r == -EPERM;
}

struct walk {
    int stack[DEPTH_MAX];
    int depth;          /* stack[0..depth] are open */
    unsigned links;
    char rest[2 * PATH_MAX];
    char name[NAME_MAX + 1];
};

static void walk_init(struct walk *w, int root)
{
    w->stack[0] = root;
    w->depth = 0;
    w->links = 0;
}

static void walk_fini(struct walk *w)
{
    while (w->depth > 0)
        (void)close(w->stack[w->depth--]);
}

static int walk_set(struct walk *w, const char *path)
{
    size_t n = strlen(path);
    if (n == 0)
        return -ENOENT;
    if (n >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(w->rest, path, n + 1);
    return 0;
}

/* Take the next component into w->name. 1 there is one, 0 none is left. *ret_last: nothing but slashes follows. */
static int walk_next(struct walk *w, bool *ret_last)
{
    char *p = w->rest;
    while (*p == '/')
        p++;
    if (*p == '\0')
        return 0;
    size_t n = strcspn(p, "/");
    if (n > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(w->name, p, n);
    w->name[n] = '\0';
    p += n;
    const char *q = p;
    while (*q == '/')
        q++;
    *ret_last = *q == '\0';
    memmove(w->rest, p, strlen(p) + 1);
    return 1;
}

static void walk_up(struct walk *w)
{
    if (w->depth > 0)
        (void)close(w->stack[w->depth--]);
}

static int walk_push(struct walk *w, int fd)
{
    if (w->depth + 1 >= DEPTH_MAX) {
        (void)close(fd);
        return -ENAMETOOLONG;
    }
    w->stack[++w->depth] = fd;
    return 0;
}

/* A link of procfs that leads to an object and not to its text (fd/7, cwd, root): these say their size is 64. */
static bool is_magic(int link, const struct stat *st)
{
    struct statfs s;
    return st->st_size == 64 && fstatfs(link, &s) == 0 && (unsigned long)s.f_type == PROC_SUPER_MAGIC;
}

/* W2: replace the link by its text. */
static int walk_expand(struct walk *w, int link, const struct stat *st)
{
    char text[PATH_MAX];
    if (++w->links > LINKS_MAX || is_magic(link, st))
        return -ELOOP;
    ssize_t n = readlinkat(link, "", text, sizeof text - 1);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ENOENT;
    if ((size_t)n >= sizeof text - 1)
        return -ENAMETOOLONG;
    size_t rest = strlen(w->rest);
    if ((size_t)n + 1 + rest >= sizeof w->rest)
        return -ENAMETOOLONG;
    memmove(w->rest + n + 1, w->rest, rest + 1);
    memcpy(w->rest, text, (size_t)n);
    w->rest[n] = '/';
    if (text[0] == '/')
        while (w->depth > 0)
            walk_up(w);
    return 0;
}

/* Open one component without following it, making it if asked to. */
static int walk_open(struct walk *w, enum sys_make make)
{
    int dir = w->stack[w->depth];
    for (int i = 0; i < RETRY_MAX; i++) {
        int fd = openat(dir, w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT || make == SYS_MAKE_NOTHING)
            return fd >= 0 ? fd : -errno;
        if (make == SYS_MAKE_DIR) {
            if (mkdirat(dir, w->name, 0755) < 0 && errno != EEXIST)
                return -errno;
        } else {
            fd = openat(dir, w->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
            if (fd < 0 && errno != EEXIST)
                return -errno;
            if (fd >= 0)
                (void)close(fd);
        }
    }
    return -EAGAIN;
}

/* Walk everything that is in w->rest. Ends with the result on top of the stack, or, with `keep_last`, with the last
 * component's name in w->name and its directory on top. With O_NOFOLLOW among the flags the last component may be a link,
 * which is the result then, as openat2 has it (only O_PATH can open it). */
static int walk_run(struct walk *w, enum sys_make make, int flags, bool no_links, bool keep_last)
{
    bool last = false;
    for (;;) {
        int r = walk_next(w, &last);
        if (r < 0)
            return r;
        if (r == 0)
            return keep_last ? -EISDIR : 0;
        if (strcmp(w->name, ".") == 0)
            continue;
        if (strcmp(w->name, "..") == 0) {
            walk_up(w);
            continue;
        }
        if (last && keep_last)
            return 0;
        int fd = walk_open(w, make == SYS_MAKE_NOTHING || last ? make : SYS_MAKE_DIR);
        if (fd < 0)
            return fd;
        struct stat st;
        if (fstat(fd, &st) < 0) {
            r = -errno;
            (void)close(fd);
            return r;
        }
        bool kept = last && (flags & O_NOFOLLOW) && w->rest[0] == '\0';
        if (S_ISLNK(st.st_mode) && !(kept && !no_links && (flags & O_PATH))) {
            r = no_links || kept ? -ELOOP : walk_expand(w, fd, &st);
            (void)close(fd);
            if (r < 0)
                return r;
            continue;
        }
        if (!last && !S_ISDIR(st.st_mode)) {
            (void)close(fd);
            return -ENOTDIR;
        }
        r = walk_push(w, fd);
        if (r < 0)
            return r;
    }
}

/* A process outside of the pid namespace of the procfs that it sees is not in there. Then by name; but it has to be what
 * the walk has found. */
static int reopen_by_name(struct walk *w, int fd, int flags)
{
    struct stat want, got;
    int r = openat(w->stack[w->depth - 1], w->name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (r < 0)
        return -errno;
    bool same = fstat(fd, &want) == 0 && fstat(r, &got) == 0 && want.st_dev == got.st_dev && want.st_ino == got.st_ino;
    if (same && ((flags & O_NONBLOCK) || fcntl(r, F_SETFL, fcntl(r, F_GETFL) & ~O_NONBLOCK) == 0))
        return r;
    (void)close(r);
    return -EAGAIN;
}

/* Turn the O_PATH result into what `flags` asks for. */
static int walk_result(struct walk *w, int flags)
{
    int fd = w->stack[w->depth];
    if (w->depth == 0 || (flags & O_PATH) == 0 || (flags & O_DIRECTORY) != 0) {
        /* "." of a directory, or reopening through /proc for anything else: the file, not the name, decides */
        struct stat st;
        if (fstat(fd, &st) < 0)
            return -errno;
        if (S_ISDIR(st.st_mode)) {
            int r = openat(fd, ".", (flags & ~O_NOFOLLOW) | O_CLOEXEC);
            return r < 0 ? -errno : r;
        }
        if (flags & O_DIRECTORY)
            return -ENOTDIR;
        if (flags & O_PATH) {
            w->depth--;
            return fd;
        }
        char path[32] = "/proc/self/fd/";
        size_t at = 14, n = 0;
        char digits[12];
        for (unsigned v = (unsigned)fd; n == 0 || v > 0; v /= 10)
            digits[n++] = (char)('0' + v % 10);
        while (n > 0)
            path[at++] = digits[--n];
        path[at] = '\0';
        int r = open(path, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
        if (r < 0 && errno == ENOENT)
            return reopen_by_name(w, fd, flags);
        return r < 0 ? -errno : r;
    }
    w->depth--;
    return fd;
}

static int walk_path(int root, const char *path, int flags, enum sys_make make, bool no_links)
{
    struct walk w;
    walk_init(&w, root);
    int r = walk_set(&w, path);
    if (r == 0)
        r = walk_run(&w, make, flags, no_links, false);
    if (r == 0)
        r = walk_result(&w, flags);
    walk_fini(&w);
    return r;
}

int sys_open_in_root(int root, const char *path, int flags)
{
    int r = sys_openat2(root, path, (uint64_t)(unsigned)flags, 0, SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_MAGICLINKS);
    return no_openat2(r) ? walk_path(root, path, flags, SYS_MAKE_NOTHING, false) : r;
}

/* The walker's version of RESOLVE_NO_XDEV: same device and, where statx tells it, same mount. */
static int same_mount(int a, int b)
{
    struct statx sa, sb;
    if (statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &sa) < 0 || statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &sb) < 0)
        return -errno;
    if (sa.stx_dev_major != sb.stx_dev_major || sa.stx_dev_minor != sb.stx_dev_minor)
        return -EXDEV;
    if ((sa.stx_mask & STATX_MNT_ID) && (sb.stx_mask & STATX_MNT_ID) && sa.stx_mnt_id != sb.stx_mnt_id)
        return -EXDEV;
    return 0;
}

int sys_open_no_links(int root, const char *path, int flags, int no_xdev)
{
    uint64_t resolve = SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_SYMLINKS | (no_xdev ? SYS_RESOLVE_NO_XDEV : 0);
    int r = sys_openat2(root, path, (uint64_t)(unsigned)flags, 0, resolve);
    if (!no_openat2(r))
        return r;
    r = walk_path(root, path, flags, SYS_MAKE_NOTHING, true);
    if (r >= 0 && no_xdev) {
        int x = same_mount(root, r);
        if (x < 0) {
            (void)close(r);
            return x;
        }
    }
    return r;
}

int sys_make_in_root(int root, const char *path, enum sys_make make)
{
    int r = sys_open_in_root(root, path, O_PATH);
    if (r != -ENOENT || make == SYS_MAKE_NOTHING)
        return r;
    return walk_path(root, path, O_PATH, make, false);
}

int sys_make_parent_in_root(int root, const char *path, char *name)
{
    struct walk w;
    walk_init(&w, root);
    int r = walk_set(&w, path);
    if (r == 0)
        r = walk_run(&w, SYS_MAKE_DIR, O_PATH, false, true);
    if (r == 0) {
        memcpy(name, w.name, strlen(w.name) + 1);
        r = walk_result(&w, O_PATH | O_DIRECTORY);
    }
    walk_fini(&w);
    return r;
}
