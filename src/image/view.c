/* SPDX-License-Identifier: Apache-2.0 */
#include "image/view.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "image/confine.h"
#include "image/worker.h"
#include "sys/mnt.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { VIEW_FIRST_FD = WORKER_FIRST_FD, LAYERS_FD = VIEW_FIRST_FD, MOUNTS_FD, OVERLAY_DATA_MAX = 4000 };

#define SCRATCH "../tmp"

static int view_fail(const char *what, int error, struct creel_err *err)
{
    return creel_fail(err, creel_kind_of_errno(error), error, "looking into the container: %s", what);
}

/* --- running --- */

static int open_running(bool with_mounts, bool writable, struct creel_err *err)
{
    auto_fd own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return view_fail("opening our mount namespace", errno, err);
    if (setns(VIEW_FIRST_FD, CLONE_NEWNS) < 0)
        return errno == ESRCH ? creel_fail(err, CREEL_CONFLICT, 0, "the container has just ended")
                              : view_fail("entering its mount namespace", errno, err);
    auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd tree =
        root < 0 ? view_fail("opening its root", errno, err) : confine_tree(root, with_mounts, !writable, err);
    if (setns(own, CLONE_NEWNS) < 0)
        return view_fail("returning to our mount namespace", errno, err);
    return fd_take(&tree);
}

/* --- stopped --- */

/* Everything by names relative to the layers directory, which is where we are: a descriptor from before would be of
 * another mount namespace. */
struct stopped {
    const json_t *view;
    char dir[IDENT_LEN + sizeof "../containers/"];
    size_t layers;
    bool upper, writable;
    bool scratch; /* reading with mounts: their mount points are made in an upper layer of our own */
    int mounts[VIEW_MOUNTS_MAX];    /* private copies of the sources */
    size_t mount_count;
};

static bool layer_name_ok(const char *s)
{
    size_t n = s != NULL ? strspn(s, "0123456789") : 0;
    return n > 0 && strcmp(s + n, "/fs") == 0;
}

static int read_view(const json_t *view, bool writable, struct stopped *s, struct creel_err *err)
{
    const json_t *lower = json_object_get(view, "lower"), *item;
    const char *id = json_string_value(json_object_get(view, "id"));
    size_t i;
    *s = (struct stopped){ .view = view, .layers = json_array_size(lower), .writable = writable,
                           .upper = json_is_true(json_object_get(view, "upper")) };
    json_array_foreach(lower, i, item)
        if (!layer_name_ok(json_string_value(item)))
            return creel_fail(err, CREEL_INVALID, 0, "the request names an impossible layer");
    if (id == NULL || !ident_is_full(id))
        return creel_fail(err, CREEL_INVALID, 0, "the request names an impossible container");
    (void)snprintf(s->dir, sizeof s->dir, "../containers/%s", id);
    return 0;
}

static int overlay_data(const struct stopped *s, struct bytes *data, struct creel_err *err)
{
    const json_t *item;
    size_t i;
    bytes_adds(data, "lowerdir=");
    if (s->upper && !s->writable) /* as the topmost layer: nothing can be written by accident */
        bytes_addf(data, "%s/upper%s", s->dir, s->layers > 0 ? ":" : "");
    json_array_foreach(json_object_get(s->view, "lower"), i, item)
        bytes_addf(data, "%s%s", i > 0 ? ":" : "", json_string_value(item));
    if (s->layers == 0 && !s->upper)
        bytes_adds(data, SCRATCH "/lower");
    if (s->scratch)
        bytes_adds(data, ",upperdir=" SCRATCH "/upper,workdir=" SCRATCH "/work");
    else if (s->upper && s->writable)
        bytes_addf(data, ",upperdir=%s/upper,workdir=%s/work", s->dir, s->dir);
    bytes_adds(data, ",metacopy=off,redirect_dir=off");
    return bytes_ok(data) && data->len < OVERLAY_DATA_MAX ? 0
                                                          : creel_fail(err, CREEL_EXHAUSTED, 0, "too many layers");
}

/* A file system of our own over the engine's directory for temporary files, in this namespace only. */
static int make_scratch(struct creel_err *err)
{
    static const char *const dirs[] = { SCRATCH "/lower", SCRATCH "/upper", SCRATCH "/work" };
    if (mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=0755") < 0)
        return view_fail("mounting a scratch file system", errno, err);
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        if (mkdir(dirs[i], 0755) < 0)
            return view_fail("making a scratch directory", errno, err);
    return 0;
}

/* The container's own tree, in our namespace. A single directory needs no overlay (and gets none). */
static int open_overlay(const struct stopped *s, struct creel_err *err)
{
    auto_bytes data = BYTES_INIT;
    char name[sizeof s->dir + sizeof "/upper"];
    const char *only = NULL;
    if (s->scratch || (s->layers == 0 && !s->upper)) {
        if (make_scratch(err) < 0)
            return -1;
    } else if (s->layers == 0) {
        (void)snprintf(name, sizeof name, "%s/upper", s->dir);
        only = name;
    } else if (s->layers == 1 && !s->upper) {
        only = json_string_value(json_array_get(json_object_get(s->view, "lower"), 0));
    }
    if (only == NULL) {
        if (overlay_data(s, &data, err) < 0)
            return -1;
        /* over the directory we are in: relative names still mean what is below the mount */
        if (s->layers == 0 && !s->upper && !s->scratch)
            only = SCRATCH "/lower"; /* an empty image that never ran */
        else if (mount("overlay", ".", "overlay", s->writable || s->scratch ? 0 : MS_RDONLY, bytes_str(&data)) < 0)
            return view_fail("mounting its layers", errno, err);
        else
            only = "../layers"; /* by name, so that the mount is entered */
    }
    int fd = open(only, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? view_fail("opening its root", errno, err) : fd;
}

/* While the descriptors' mount namespace is still ours. */
static int copy_sources(struct stopped *s, struct creel_err *err)
{
    const json_t *mounts = json_object_get(s->view, "mounts"), *m;
    size_t i;
    json_array_foreach(mounts, i, m) {
        if (i == VIEW_MOUNTS_MAX)
            return creel_fail(err, CREEL_EXHAUSTED, 0, "more than %d mounts", VIEW_MOUNTS_MAX);
        int tree = sys_open_tree_clone(MOUNTS_FD + (int)i, "", AT_EMPTY_PATH | AT_RECURSIVE);
        if (tree < 0)
            return view_fail("copying the source of a mount", -tree, err);
        s->mounts[s->mount_count++] = tree;
        int r = json_is_true(json_object_get(m, "read_only"))
                    ? sys_mount_setattr(tree, AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, -1) : 0;
        if (r < 0)
            return view_fail("making a mount read-only", -r, err);
    }
    return 0;
}

/* As the next start would make them. */
static int make_mount_points(const struct stopped *s, int root, struct creel_err *err)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        const json_t *m = json_array_get(json_object_get(s->view, "mounts"), i);
        const char *target = json_string_value(json_object_get(m, "target"));
        struct stat st;
        if (target == NULL || fstat(s->mounts[i], &st) < 0)
            return creel_fail(err, CREEL_INVALID, 0, "the request has a mount without a target");
        auto_fd at = sys_make_in_root(root, target, S_ISDIR(st.st_mode) ? SYS_MAKE_DIR : SYS_MAKE_FILE);
        if (at < 0 && at != -ENOTDIR && at != -EEXIST)
            return view_fail("making a mount point", -at, err);
    }
    return 0;
}

static int attach_mount(int root, int tree, const json_t *m, struct creel_err *err)
{
    const char *target = json_string_value(json_object_get(m, "target"));
    if (target == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the request has a mount without a target");
    auto_fd at = sys_open_in_root(root, target, O_PATH);
    if (at == -ENOENT || at == -ENOTDIR)
        return 0; /* something else is in its place: the next start will complain */
    if (at < 0)
        return view_fail("finding a mount point", -at, err);
    int r = sys_move_mount(tree, at);
    return r == -ENOTDIR ? 0 : r < 0 ? view_fail("attaching a mount", -r, err) : 0;
}

/* Attach the root somewhere, so that others can be attached to it; then copy the whole. */
static int attach_all(struct stopped *s, int root, struct creel_err *err)
{
    auto_fd place = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = place < 0 ? -errno : sys_move_mount(root, place);
    if (r < 0)
        return view_fail("attaching its root", -r, err);
    for (size_t i = 0; i < s->mount_count; i++)
        if (attach_mount(root, s->mounts[i], json_array_get(json_object_get(s->view, "mounts"), i), err) < 0)
            return -1;
    return confine_tree(root, true, !s->writable, err);
}

static int open_stopped(const json_t *view, bool with_mounts, bool writable, struct creel_err *err)
{
    struct stopped s;
    if (read_view(view, writable, &s, err) < 0 || (with_mounts && copy_sources(&s, err) < 0))
        return -1;
    if (fchdir(LAYERS_FD) < 0 || unshare(CLONE_NEWNS) < 0 /* which takes the working directory along */
        || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return view_fail("making a private mount namespace", errno, err);
    s.scratch = !writable && s.mount_count > 0;
    auto_fd plain = open_overlay(&s, err);
    if (plain < 0 || make_mount_points(&s, plain, err) < 0)
        return -1;
    auto_fd root = confine_tree(plain, false, !writable || json_is_true(json_object_get(view, "read_only")), err);
    if (root < 0 || s.mount_count == 0)
        return fd_take(&root);
    return attach_all(&s, root, err);
}

int view_open(const json_t *view, bool with_mounts, bool writable, struct creel_err *err)
{
    if (json_is_true(json_object_get(view, "pid")))
        return open_running(with_mounts, writable, err);
    return open_stopped(view, with_mounts, writable, err);
}
