/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_diff.c: what a container changed: its overlay upper directory against the layers below.
 *
 * For each directory the layers that show through at that place are carried along (`below`, topmost first), so that a
 * name costs one look per layer. Results are sorted by path; a parent comes before what is in it. */
#include "image/archive_op.h"

#include "base/bytes.h"
#include "base/strv.h"
#include "image/confine.h"
#include "image/sink.h"
#include "image/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { UPPER_FD = WORKER_FIRST_FD, LOWER_FD, LAYERS_MAX = 128, DEPTH_MAX = 2100 };
enum { MODIFIED, ADDED, DELETED };

/* Layers that have the present directory; fds owned below the top level. */
struct below { int fds[LAYERS_MAX]; size_t count; };

struct diff {
    struct strv found;          /* kind digit, then the path */
    struct bytes path;
    const json_t *stubs;
    unsigned depth;
    size_t max;
};

static int note(struct diff *d, int kind, struct creel_err *err)
{
    if (d->found.count >= d->max)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "more than %zu changes", d->max);
    return bytes_ok(&d->path) && strv_addf(&d->found, "%d%s", kind, bytes_str(&d->path)) ? 0 : creel_fail_nomem(err);
}

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir)
{
    char v[2];
    return fgetxattr(dir, "trusted.overlay.opaque", v, sizeof v) == 1 && v[0] == 'y';
}

/* What the layers below show under `name`. 1 and *st, 0 nothing, -1. For a directory the layers that make it up go
 * into *ret (may be NULL). */
static int look_below(const struct below *b, const char *name, struct stat *st, struct below *ret,
                      struct creel_err *err)
{
    bool found = false;
    if (ret != NULL)
        ret->count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct stat one;
        if (fstatat(b->fds[i], name, &one, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue;
            return creel_fail(err, CREEL_INTERNAL, errno, "looking at %s in a layer", name);
        }
        if (is_whiteout(&one) || (found && !S_ISDIR(one.st_mode)))
            break;
        if (!found)
            *st = one;
        found = true;
        if (!S_ISDIR(one.st_mode) || ret == NULL)
            break;
        int fd = openat(b->fds[i], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "opening %s in a layer", name);
        ret->fds[ret->count++] = fd;
        if (is_opaque(fd))
            break;
    }
    return found;
}

static void below_close(struct below *b)
{
    while (b->count > 0)
        (void)close(b->fds[--b->count]);
}

static int list_names(int dir, struct strv *ret, struct creel_err *err)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL) {
        int e = errno;
        fd_closep(&copy);
        return creel_fail(err, CREEL_INTERNAL, e, "listing a directory");
    }
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL)
            return errno == 0 ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "listing a directory");
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 && !strv_add(ret, ent->d_name))
            return creel_fail_nomem(err);
    }
}

static size_t enter(struct diff *d, const char *name)
{
    size_t before = d->path.len;
    bytes_addf(&d->path, "/%s", name);
    return before;
}

static void leave(struct diff *d, size_t before)
{
    if (d->path.len > before) {
        d->path.len = before;
        d->path.data[before] = '\0';
    }
}

/* Names of the layers below an opaque directory that it does not have itself: deleted. */
static int note_hidden(struct diff *d, int upper, const struct below *b, struct creel_err *err)
{
    for (size_t i = 0; i < b->count; i++) {
        auto_strv names = STRV_INIT;
        if (list_names(b->fds[i], &names, err) < 0)
            return -1;
        for (size_t k = 0; k < names.count; k++) {
            struct stat st;
            bool earlier = fstatat(upper, names.items[k], &st, AT_SYMLINK_NOFOLLOW) == 0;
            for (size_t j = 0; j < i && !earlier; j++)
                earlier = fstatat(b->fds[j], names.items[k], &st, AT_SYMLINK_NOFOLLOW) == 0;
            if (earlier || look_below(b, names.items[k], &st, NULL, NULL) != 1)
                continue;
            size_t before = enter(d, names.items[k]);
            int r = note(d, DELETED, err);
            leave(d, before);
            if (r < 0)
                return -1;
        }
    }
    return 0;
}

static int walk(struct diff *d, int upper, const struct below *b, size_t *ret_stubs, struct creel_err *err);

static bool same_owner_and_mode(const struct stat *a, const struct stat *b)
{
    return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

/* A directory is told of when it is new, when its owner or mode changed, or when something in it did. One that is
 * only there for the runtime's mount points is not. *ret_stub: that was the case. */
static int walk_dir(struct diff *d, int parent, const char *name, const struct stat *st, const struct below *b,
                    bool *ret_stub, struct creel_err *err)
{
    struct below *mine = malloc(sizeof *mine);
    struct stat old;
    size_t stubs = 0, before = d->found.count;
    auto_fd fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || mine == NULL) {
        free(mine);
        return creel_fail(err, CREEL_INTERNAL, errno, "opening %s", bytes_str(&d->path));
    }
    mine->count = 0;
    int there = look_below(b, name, &old, mine, err), r = there < 0 ? -1 : 0;
    bool was_dir = there == 1 && S_ISDIR(old.st_mode);
    if (r == 0 && was_dir && is_opaque(fd))
        r = note_hidden(d, fd, mine, err);
    if (r == 0)
        r = walk(d, fd, mine, &stubs, err);
    bool quiet = d->found.count == before;
    *ret_stub = r == 0 && quiet && stubs > 0 && there == 0;
    if (r == 0 && !*ret_stub && !(was_dir && quiet && same_owner_and_mode(st, &old)))
        r = note(d, there == 1 ? MODIFIED : ADDED, err);
    below_close(mine);
    free(mine);
    return r;
}

static bool is_empty_dir(int parent, const char *name)
{
    auto_strv names = STRV_INIT;
    auto_fd fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && list_names(fd, &names, NULL) == 0 && names.count == 0;
}

static int walk_one(struct diff *d, int upper, const char *name, const struct below *b, bool *ret_stub,
                    struct creel_err *err)
{
    struct stat st, old;
    if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "looking at %s", bytes_str(&d->path));
    int there = look_below(b, name, &old, NULL, err);
    if (there < 0)
        return -1;
    if (is_whiteout(&st))
        return there == 1 ? note(d, DELETED, err) : 0;
    bool listed = bytes_ok(&d->path) && json_object_get(d->stubs, bytes_str(&d->path)) != NULL;
    *ret_stub = listed && there == 0
                && ((S_ISREG(st.st_mode) && st.st_size == 0) || (S_ISDIR(st.st_mode) && is_empty_dir(upper, name)));
    if (*ret_stub)
        return 0;
    if (S_ISDIR(st.st_mode))
        return walk_dir(d, upper, name, &st, b, ret_stub, err);
    return note(d, there == 1 ? MODIFIED : ADDED, err);
}

static int walk(struct diff *d, int upper, const struct below *b, size_t *ret_stubs, struct creel_err *err)
{
    auto_strv names = STRV_INIT;
    if (++d->depth > DEPTH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the directories below %.200s… are nested too deeply",
                          bytes_str(&d->path));
    if (list_names(upper, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        bool stub = false;
        size_t before = enter(d, names.items[i]);
        int r = walk_one(d, upper, names.items[i], b, &stub, err);
        leave(d, before);
        if (r < 0)
            return -1;
        *ret_stubs += stub;
    }
    d->depth--;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

/* Records on the output: a digit, the path, a NUL. */
static int write_records(struct diff *d, struct creel_err *err)
{
    auto_sink out = SINK_INIT;
    if (d->found.count > 1)
        qsort(d->found.items, d->found.count, sizeof *d->found.items, by_path);
    if (sink_open(&out, STDOUT_FILENO, false, err) < 0)
        return -1;
    for (size_t i = 0; i < d->found.count; i++)
        if (sink_write(&out, d->found.items[i], strlen(d->found.items[i]) + 1, err) < 0)
            return -1;
    return sink_finish(&out, err);
}

int archive_op_diff(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    struct confine c = { .tree = -1, .trusted_xattrs = true, .limits = &a->limits };
    struct below bottom = { .count = 0 };
    struct diff d = { .found = STRV_INIT, .path = BYTES_INIT, .stubs = json_object_get(a->request, "stubs"),
                      .max = (size_t)a->limits.entries };
    json_int_t layers = json_integer_value(json_object_get(a->request, "layers"));
    size_t stubs = 0;
    *ret_ok = NULL;
    if (layers < 0 || layers >= LAYERS_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the request has an impossible number of layers");
    for (; bottom.count < (size_t)layers; bottom.count++)
        bottom.fds[bottom.count] = LOWER_FD + (int)bottom.count;
    if (confine_enter(&c, err) < 0)
        return -1;
    int r = walk(&d, UPPER_FD, &bottom, &stubs, err);
    if (r == 0)
        r = write_records(&d, err);
    strv_fini(&d.found);
    bytes_fini(&d.path);
    return r;
}
