/* SPDX-License-Identifier: Apache-2.0 */
/* engine/files.c: files of containers and of the caller as tar streams; what a container changed. The work is done by
 * creel-archive (image/archive_op.h), confined to the files in question. */
#include "engine/container_view.h"

#include "base/clock.h"
#include "image/archive_limits.h"

#include <creel/archive.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* "… in container <ref>", as Docker words a missing file. */
static int name_container(struct creel_err *err, const char *ref)
{
    if (err != NULL && err->kind == CREEL_NOT_FOUND && strncmp(err->text, "Could not find the file ", 24) == 0) {
        char text[sizeof err->text];
        memcpy(text, err->text, sizeof text);
        return creel_fail(err, CREEL_NOT_FOUND, 0, "%.700s in container %.255s", text, ref);
    }
    return -1;
}

static int set(json_t *request, const char *key, json_t *value, struct creel_err *err)
{
    return value == NULL || json_object_set_new(request, key, value) < 0
               ? creel_fail(err, CREEL_INVALID, 0, "a path or name is not UTF-8") : 0;
}

static int append_event(struct creel *e, const struct container_row *row, const char *action, struct creel_err *err)
{
    auto_free char *attributes = engine_event_attributes(row, NULL);
    auto_tx tx = { 0 };
    if (attributes == NULL)
        return creel_fail_nomem(err);
    if (store_begin(e->store, &tx, err) < 0
        || event_row_append(&tx, "container", action, row->id, attributes, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

int creel_container_path_stat(struct creel *e, const char *ref, const char *path, char **ret_json,
                              struct creel_err *err)
{
    auto_container_view v = CONTAINER_VIEW_INIT;
    json_t *ok = NULL;
    if (container_view_open(e, ref, false, &v, err) < 0 || set(v.request, "path", json_string(path), err) < 0)
        return -1;
    if (container_view_run(&v, "stat", -1, -1, &ok, err) < 0)
        return name_container(err, ref);
    char when[CLOCK_TEXT_MAX];
    int64_t ns = json_integer_value(json_object_get(ok, "mtime")) * 1000000000
                 + json_integer_value(json_object_get(ok, "mtime_nsec"));
    const char *name = json_string_value(json_object_get(ok, "name"));
    const char *link = json_string_value(json_object_get(ok, "linkTarget"));
    json_t *o = json_pack("{s:s,s:I,s:I,s:s,s:s}", "name", name != NULL ? name : "", "size",
                          json_integer_value(json_object_get(ok, "size")), "mode",
                          json_integer_value(json_object_get(ok, "mode")), "mtime", clock_print(ns, when),
                          "linkTarget", link != NULL ? link : "");
    *ret_json = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    json_decref(ok);
    return *ret_json != NULL ? 0 : creel_fail_nomem(err);
}

int creel_container_copy_out(struct creel *e, const char *ref, const char *path, int follow_link, int out_fd,
                             struct creel_err *err)
{
    auto_container_view v = CONTAINER_VIEW_INIT;
    if (container_view_open(e, ref, false, &v, err) < 0 || set(v.request, "path", json_string(path), err) < 0
        || set(v.request, "follow", json_boolean(follow_link), err) < 0)
        return -1;
    if (container_view_run(&v, "copy-out", -1, out_fd, NULL, err) < 0)
        return name_container(err, ref);
    return append_event(e, &v.row, "archive-path", err);
}

int creel_container_copy_in(struct creel *e, const char *ref, const char *path, int in_fd,
                            const struct creel_copy_in_options *o, struct creel_err *err)
{
    struct creel_copy_in_options given = { .size = sizeof given };
    auto_container_view v = CONTAINER_VIEW_INIT;
    if (o != NULL)
        memcpy(&given, o, o->size < sizeof given ? o->size : sizeof given);
    if (container_view_open(e, ref, true, &v, err) < 0 || set(v.request, "path", json_string(path), err) < 0
        || set(v.request, "keep_owner", json_true(), err) < 0
        || set(v.request, "no_overwrite_dir_non_dir", json_boolean(given.no_overwrite_dir_non_dir), err) < 0)
        return -1;
    if (container_view_run(&v, "copy-in", in_fd, -1, NULL, err) < 0)
        return name_container(err, ref);
    return append_event(e, &v.row, "extract-to-dir", err);
}

int creel_container_export(struct creel *e, const char *ref, int out_fd, struct creel_err *err)
{
    auto_container_view v = CONTAINER_VIEW_INIT;
    if (container_view_open(e, ref, false, &v, err) < 0)
        return -1;
    if (container_view_run(&v, "export", -1, out_fd, NULL, err) < 0)
        return creel_wrap(err, "exporting container %s", v.row.name);
    return append_event(e, &v.row, "export", err);
}

/* --- diff --- */

struct changes {
    int (*each)(void *arg, int kind, const char *path);
    void *arg;
    bool stopped;
};

/* Whole records of the buffer. */
static int take_records(struct bytes *in, struct changes *c, struct creel_err *err)
{
    size_t at = 0;
    for (const char *end; at < in->len && (end = memchr(in->data + at, '\0', in->len - at)) != NULL;) {
        const char *record = in->data + at;
        if (record[0] < '0' || record[0] > '2' || record[1] != '/')
            return creel_fail(err, CREEL_INTERNAL, 0, "the archive worker's answer makes no sense");
        if (!c->stopped)
            c->stopped = c->each(c->arg, record[0] - '0', record + 1) != 0;
        at = (size_t)(end - in->data) + 1;
    }
    bytes_consume(in, at);
    return 0;
}

static int read_changes(int fd, struct changes *c, struct creel_err *err)
{
    auto_bytes in = BYTES_INIT;
    for (;;) {
        if (in.len > 65536 || !bytes_reserve(&in, 65536))
            return creel_fail(err, CREEL_INTERNAL, 0, "the archive worker's answer makes no sense");
        ssize_t n = read(fd, in.data + in.len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "reading from the archive worker");
        if (n == 0)
            return 0;
        in.len += (size_t)n;
        if (take_records(&in, c, err) < 0)
            return -1;
    }
}

/* The upper directory and the layers below it. Returns their number, 0 when the container never had an upper
 * directory. */
static int open_layers(struct creel *e, const struct container_row *row, int *fds, size_t *ret_lower,
                       struct creel_err *err)
{
    char path[96];
    auto_engine_image image = { .lower = STRV_INIT };
    (void)snprintf(path, sizeof path, "containers/%s/upper", row->id);
    int upper = openat(e->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (upper < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "opening %s/%s", e->root, path);
    fds[0] = upper;
    if (row->image_id != NULL && engine_image_find(e, row->image_id, &image, err) < 0)
        return -1;
    for (size_t i = 0; i < image.lower.count; i++) {
        (void)snprintf(path, sizeof path, "layers/%.64s", image.lower.items[i]);
        fds[1 + i] = openat(e->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fds[1 + i] < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "opening %s/%s", e->root, path);
        *ret_lower = i + 1;
    }
    return 1;
}

static int diff(struct creel *e, const int *fds, size_t lower, struct changes *c,
                struct creel_err *err)
{
    int pipe_fds[2];
    auto_worker w = WORKER_INIT;
    json_t *ok = NULL, *request = json_pack("{s:o,s:I,s:o}", "limits", archive_limits_print(&archive_limits_default),
                                            "layers", (json_int_t)lower, "stubs", container_view_stubs());
    if (request == NULL)
        return creel_fail_nomem(err);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        json_decref(request);
        return creel_fail(err, CREEL_INTERNAL, errno, "making a pipe");
    }
    auto_fd out = pipe_fds[0];
    int r = worker_start(e->libexec, "diff", request, -1, pipe_fds[1], fds, 1 + lower, &w, err);
    (void)close(pipe_fds[1]);
    json_decref(request);
    if (r == 0)
        r = read_changes(out, c, err);
    if (r == 0)
        r = worker_wait(&w, NULL, NULL, &ok, err);
    json_decref(ok);
    return r;
}

int creel_container_diff(struct creel *e, const char *ref, int (*each)(void *arg, int kind, const char *path),
                         void *arg, struct creel_err *err)
{
    auto_row row = { 0 };
    struct changes c = { .each = each, .arg = arg };
    int fds[WORKER_FDS_MAX];
    size_t lower = 0;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = -1;
    if (lifecycle_settled(e, ref, &row, err) < 0)
        return -1;
    int r = open_layers(e, &row, fds, &lower, err);
    if (r == 1)
        r = diff(e, fds, lower, &c, err);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fd_closep(&fds[i]);
    return r < 0 ? creel_wrap(err, "looking for changes of container %s", row.name) : 0;
}

/* --- the caller's own files --- */

static int run_on_dir(struct creel *e, const char *op, json_t *request, int dir_fd, int in, int out,
                      struct creel_err *err)
{
    auto_worker w = WORKER_INIT;
    json_t *ok = NULL;
    struct archive_limits limits;
    int r = archive_limits_parse(getenv("CREEL_ARCHIVE_LIMITS"), &limits, err);
    if (r == 0)
        r = set(request, "limits", archive_limits_print(&limits), err);
    auto_fd dir = r == 0 ? openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (r == 0 && dir < 0)
        r = creel_fail(err, creel_kind_of_errno(errno), errno, "opening the directory");
    if (r == 0)
        r = worker_start(e->libexec, op, request, in, out, &dir, 1, &w, err);
    if (r == 0)
        r = worker_wait(&w, NULL, NULL, &ok, err);
    json_decref(ok);
    return r;
}

int creel_archive_pack(struct creel *e, int dir_fd, const char *name, const struct creel_pack_options *o, int out_fd,
                       struct creel_err *err)
{
    struct creel_pack_options given = { .size = sizeof given };
    if (o != NULL)
        memcpy(&given, o, o->size < sizeof given ? o->size : sizeof given);
    json_t *request = json_object();
    int r = request == NULL ? creel_fail_nomem(err) : set(request, "name", json_string(name), err);
    if (r == 0 && given.rename_to != NULL)
        r = set(request, "rename_to", json_string(given.rename_to), err);
    if (r == 0)
        r = set(request, "root_owned", json_boolean(given.root_owned), err);
    if (r == 0)
        r = run_on_dir(e, "pack", request, dir_fd, -1, out_fd, err);
    json_decref(request);
    return r;
}

int creel_archive_unpack(struct creel *e, int dir_fd, int in_fd, const struct creel_unpack_options *o,
                         struct creel_err *err)
{
    struct creel_unpack_options given = { .size = sizeof given };
    if (o != NULL)
        memcpy(&given, o, o->size < sizeof given ? o->size : sizeof given);
    json_t *request = json_object();
    int r = request == NULL ? creel_fail_nomem(err) : set(request, "keep_owner", json_boolean(given.keep_owner), err);
    if (r == 0 && given.rename_to != NULL)
        r = set(request, "rename_to", json_string(given.rename_to), err);
    if (r == 0)
        r = set(request, "no_overwrite_dir_non_dir", json_boolean(given.no_overwrite_dir_non_dir), err);
    if (r == 0)
        r = run_on_dir(e, "unpack-files", request, dir_fd, in_fd, -1, err);
    json_decref(request);
    return r;
}
