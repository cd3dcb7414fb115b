/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container_view.h"

#include "engine/container_spec.h"
#include "image/archive_limits.h"
#include "sys/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { TRIES = 3 };

static void add_fd(struct container_view *v, int fd)
{
    v->fds[v->fd_count++] = fd;
}

void container_view_close(struct container_view *v)
{
    for (size_t i = 0; i < v->fd_count; i++)
        fd_closep(&v->fds[i]);
    v->fd_count = 0;
    json_decref(v->request);
    v->request = NULL;
    if (v->lock >= 0 && v->made_run_dir) { /* nobody else can be in it while we hold its lock */
        char path[96];
        (void)snprintf(path, sizeof path, "containers/%s/lock", v->row.id);
        (void)unlinkat(v->e->run_fd, path, 0);
        (void)snprintf(path, sizeof path, "containers/%s", v->row.id);
        (void)unlinkat(v->e->run_fd, path, AT_REMOVEDIR);
    }
    fd_closep(&v->lock);
    container_row_fini(&v->row);
}

/* 1: the init process is there and *ret its pidfd; 0: it has just ended. */
static int open_init(const struct container_row *row, int *ret, struct creel_err *err)
{
    uint64_t start = 0;
    auto_fd fd = (int)syscall(SYS_pidfd_open, row->pid, 0u);
    if (fd < 0 && errno == ESRCH)
        return 0;
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening process %d", (int)row->pid);
    /* looked at after the pidfd was made: the same start time means the same process (security.md P7) */
    if (sys_process_start(row->pid, &start) < 0 || start != row->pid_start)
        return 0;
    *ret = fd_take(&fd);
    return 1;
}

/* --- stopped --- */

static int has_upper(struct container_view *v)
{
    char path[96];
    struct stat st;
    (void)snprintf(path, sizeof path, "containers/%s/upper", v->row.id);
    return fstatat(v->e->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Binds are opened by us, so that the worker sees the sources that the operator named. */
static int add_mounts(struct container_view *v, json_t *view, struct creel_err *err)
{
    json_t *records = v->row.mounts != NULL ? json_loads(v->row.mounts, 0, NULL) : NULL, *list = json_array(), *m;
    size_t i;
    bool ok = list != NULL && json_object_set_new(view, "mounts", list) == 0;
    json_array_foreach(records, i, m) {
        const char *source = json_string_value(json_object_get(m, "Source"));
        const char *target = json_string_value(json_object_get(m, "Destination"));
        const char *type = json_string_value(json_object_get(m, "Type"));
        if (source == NULL || target == NULL || type == NULL || strcmp(type, "bind") != 0
            || v->fd_count == WORKER_FDS_MAX)
            continue;
        int fd = open(source, O_PATH | O_CLOEXEC);
        if (fd < 0)
            continue; /* gone: the next start will say so */
        add_fd(v, fd);
        bool read_only = !json_is_true(json_object_get(m, "RW"));
        ok = ok && json_array_append_new(list, json_pack("{s:s,s:b}", "target", target, "read_only", read_only)) == 0;
    }
    json_decref(records);
    return ok ? 0 : creel_fail_nomem(err);
}

static int open_stopped(struct container_view *v, json_t *view, struct creel_err *err)
{
    auto_engine_image image = { .lower = STRV_INIT };
    auto_container_spec spec = { .root = NULL };
    if (v->row.image_id != NULL && engine_image_find(v->e, v->row.image_id, &image, err) < 0)
        return -1;
    if (container_spec_load(&v->row, &spec, err) < 0)
        return -1;
    json_t *lower = json_array();
    bool ok = lower != NULL;
    for (size_t i = 0; i < image.lower.count; i++)
        ok = ok && json_array_append_new(lower, json_string(image.lower.items[i])) == 0;
    ok = json_object_set_new(view, "lower", lower) == 0 && ok;
    ok = json_object_set_new(view, "id", json_string(v->row.id)) == 0 && ok;
    ok = json_object_set_new(view, "upper", json_boolean(has_upper(v))) == 0 && ok;
    ok = json_object_set_new(view, "read_only",
                             json_boolean(json_is_true(json_object_get(spec.host, "ReadonlyRootfs"))))
             == 0
         && ok;
    int layers = openat(v->e->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layers < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening %s/layers", v->e->root);
    add_fd(v, layers);
    return !ok ? creel_fail_nomem(err) : add_mounts(v, view, err);
}

/* Keep it stopped while it is written to. 1 locked, 0 somebody has started it, -1. */
static int lock_stopped(struct container_view *v, struct creel_err *err)
{
    char path[96];
    struct stat st;
    (void)snprintf(path, sizeof path, "containers/%s", v->row.id);
    v->made_run_dir = fstatat(v->e->run_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0;
    int lock = lifecycle_lock(v->e, v->row.id, true, false);
    if (lock == -EWOULDBLOCK)
        return 0;
    if (lock < 0)
        return creel_fail(err, CREEL_INTERNAL, -lock, "locking container %s", v->row.name);
    v->lock = lock;
    if (has_upper(v))
        return 1;
    /* created and never started: it gets its directories now */
    auto_engine_bundle bundle = { .container_dir = NULL };
    v->made_run_dir = false;
    return engine_bundle_write(v->e, &v->row, &bundle, err) < 0 ? -1 : 1;
}

/* 1 done, 0 its state has changed under us. */
static int try_open(struct container_view *v, bool writable, struct creel_err *err)
{
    json_t *view = json_object_get(v->request, "view");
    if (lifecycle_is_up(&v->row) && v->row.pid > 0) {
        int fd = -1, r = open_init(&v->row, &fd, err);
        if (r <= 0)
            return r;
        add_fd(v, fd);
        return json_object_set_new(view, "pid", json_true()) < 0 ? creel_fail_nomem(err) : 1;
    }
    if (writable) {
        int r = lock_stopped(v, err);
        if (r <= 0)
            return r;
    }
    return open_stopped(v, view, err) < 0 ? -1 : 1;
}

int container_view_open(struct creel *e, const char *ref, bool writable, struct container_view *ret,
                        struct creel_err *err)
{
    struct archive_limits limits;
    if (archive_limits_parse(getenv("CREEL_ARCHIVE_LIMITS"), &limits, err) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        auto_container_view v = CONTAINER_VIEW_INIT;
        v.e = e;
        if (lifecycle_settled(e, ref, &v.row, err) < 0)
            return -1;
        v.request = json_pack("{s:{},s:o}", "view", "limits", archive_limits_print(&limits));
        if (v.request == NULL)
            return creel_fail_nomem(err);
        int r = try_open(&v, writable, err);
        if (r < 0)
            return -1;
        if (r == 1) {
            *ret = v;
            v = (struct container_view)CONTAINER_VIEW_INIT;
            return 0;
        }
    }
    return creel_fail(err, CREEL_CONFLICT, 0, "container %s is being started, stopped or written to by others", ref);
}

int container_view_run(struct container_view *v, const char *op, int in, int out, json_t **ret_ok,
                       struct creel_err *err)
{
    auto_worker w = WORKER_INIT;
    json_t *ok = NULL;
    if (worker_start(v->e->libexec, op, v->request, in, out, v->fds, v->fd_count, &w, err) < 0)
        return -1;
    if (worker_wait(&w, NULL, NULL, &ok, err) < 0)
        return -1;
    if (ret_ok != NULL)
        *ret_ok = ok;
    else
        json_decref(ok);
    return 0;
}

json_t *container_view_stubs(void)
{
    static const char *const paths[] = {
        "/.dockerenv", "/dev",      "/dev/console",     "/dev/mqueue", "/dev/pts", "/dev/shm",      "/etc/hostname",
        "/etc/hosts",  "/etc/mtab", "/etc/resolv.conf", "/proc",       "/sys",     "/sys/fs/cgroup"
    };
    json_t *stubs = json_object();
    bool ok = stubs != NULL;
    for (size_t i = 0; i < ARRAY_LEN(paths) && ok; i++)
        ok = json_object_set_new(stubs, paths[i], json_true()) == 0;
    if (ok)
        return stubs;
    json_decref(stubs);
    return NULL;
}
