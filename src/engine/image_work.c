/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_work.c: the work directory of an image, and the workers that unpack its layers into it. */
#include "engine/image_work.h"

#include "base/ident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

enum { WORKERS_MAX = 8 };

int image_work_begin(struct creel *e, creel_progress progress, void *arg, struct image_work *ret,
                     struct creel_err *err)
{
    char id[IDENT_LEN + 1], text[32];
    struct image_work w = { .e = e, .dir = -1, .progress = progress, .progress_arg = arg };
    if (archive_limits_parse(getenv("CREEL_ARCHIVE_LIMITS"), &w.limits, err) < 0)
        return -1;
    ident_make(id);
    (void)snprintf(text, sizeof text, "image-%.8s", id);
    (void)staging_name(text, w.name);
    auto_fd tmp = openat(e->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tmp >= 0)
        (void)staging_sweep(tmp); /* what killed commands left */
    if (tmp < 0 || mkdirat(tmp, w.name, 0700) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "making a directory in %s/tmp", e->root);
    w.dir = openat(tmp, w.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.dir < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening %s/tmp/%s", e->root, w.name);
    *ret = w;
    return 0;
}

void image_work_end(struct image_work *w)
{
    int saved = errno;
    free(w->layers);
    w->layers = NULL;
    if (w->dir >= 0) {
        auto_fd tmp = openat(w->e->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fd_closep(&w->dir);
        if (tmp >= 0)
            (void)tree_remove(tmp, w->name); /* what stays behind is swept when its maker is dead */
    }
    errno = saved;
}

static const char *part_name(size_t i, const char *what, char *buf)
{
    (void)snprintf(buf, 32, "%zu.%s", i, what);
    return buf;
}

/* What a failed or superseded attempt at layer i left. */
static int clear_layer(struct image_work *w, size_t i, struct creel_err *err)
{
    char layer[32], blob[32];
    int r = tree_remove(w->dir, part_name(i, "layer", layer));
    if (r == 0)
        r = tree_remove(w->dir, part_name(i, "blob", blob));
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "clearing %s/tmp/%s", w->e->root, w->name) : 0;
}

int image_work_layers(struct image_work *w, size_t count, struct creel_err *err)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->layers[i].unpacked && clear_layer(w, i, err) < 0)
            return -1;
    free(w->layers);
    w->count = 0;
    w->layers = calloc(count > 0 ? count : 1, sizeof *w->layers);
    if (w->layers == NULL)
        return creel_fail_nomem(err);
    for (; w->count < count; w->count++)
        w->layers[w->count].raw_size = -1;
    return 0;
}

int image_work_find_known(struct image_work *w, struct creel_err *err)
{
    for (size_t i = 0; i < w->count; i++) {
        struct image_work_layer *l = &w->layers[i];
        if (l->unpacked || l->row.n != 0 || l->row.diff_id[0] == '\0')
            continue;
        struct layer_row row;
        int found = layer_row_find(w->e->store, l->row.diff_id, &row, err);
        if (found < 0)
            return -1;
        if (found == 1)
            l->row = row;
    }
    return 0;
}

/* --- workers --- */

static int start_unpack(struct image_work *w, size_t i, int in, struct worker *ret, struct creel_err *err)
{
    char layer[32], blob_name[32];
    if (clear_layer(w, i, err) < 0)
        return -1;
    (void)part_name(i, "layer", layer);
    (void)part_name(i, "blob", blob_name);
    auto_fd parent =
        mkdirat(w->dir, layer, 0700) < 0 ? -1 : openat(w->dir, layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || mkdirat(parent, "fs", 0755) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "making the directory of a layer");
    auto_fd fs = openat(parent, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd blob = openat(w->dir, blob_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fs < 0 || fchmod(fs, 0755) < 0 || blob < 0) /* the umask is the caller's */
        return creel_fail(err, creel_kind_of_errno(errno), errno, "making the files of a layer");
    json_t *request = json_pack("{s:o}", "limits", archive_limits_print(&w->limits));
    if (request == NULL)
        return creel_fail_nomem(err);
    int r = worker_start(w->e->libexec, "unpack", request, in, -1, (const int[]){ fs, blob }, 2, ret, err);
    json_decref(request);
    return r;
}

static bool copy_digest(const json_t *o, const char *key, char *buf)
{
    const char *s = json_string_value(json_object_get(o, key));
    if (!digest_ok(s))
        return false;
    memcpy(buf, s, DIGEST_MAX);
    return true;
}

static bool copy_size(const json_t *o, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(o, key);
    *ret = json_integer_value(v);
    return json_is_integer(v) && *ret >= 0;
}

/* What the worker says of the layer it unpacked, against what was promised. */
static int finish_unpack(struct image_work_layer *l, const json_t *ok, struct creel_err *err)
{
    const json_t *blob = json_object_get(ok, "blob");
    const char *type = json_string_value(json_object_get(blob, "media_type"));
    char raw[DIGEST_MAX];
    int64_t raw_size;
    struct layer_row row = { .n = 0 };
    if (!copy_digest(ok, "diff_id", row.diff_id) || !copy_digest(ok, "raw_digest", raw)
        || !copy_size(ok, "raw_size", &raw_size) || !copy_size(ok, "content_size", &row.size)
        || !copy_size(ok, "plain_size", &row.tar_size) || !copy_digest(blob, "digest", row.blob)
        || !copy_size(blob, "size", &row.blob_size) || type == NULL || strlen(type) >= sizeof row.media_type)
        return creel_fail(err, CREEL_INTERNAL, 0, "the archive worker's answer makes no sense");
    memcpy(row.media_type, type, strlen(type) + 1);
    if (l->raw_size >= 0 && raw_size != l->raw_size)
        return creel_fail(err, CREEL_INVALID, 0, "the layer has %" PRId64 " bytes, its manifest says %" PRId64,
                          raw_size, l->raw_size);
    if (l->raw_digest[0] != '\0' && strcmp(raw, l->raw_digest) != 0)
        return creel_fail(err, CREEL_INVALID, 0, "the layer's digest is %s, its manifest says %s", raw,
                          l->raw_digest);
    if (l->row.diff_id[0] != '\0' && strcmp(row.diff_id, l->row.diff_id) != 0)
        return creel_fail(err, CREEL_INVALID, 0, "the layer's content has digest %s, the image configuration says %s",
                          row.diff_id, l->row.diff_id);
    l->row = row;
    l->unpacked = true;
    return 0;
}

static void tell_progress(struct image_work *w, size_t i, uint64_t done)
{
    char what[64];
    if (w->progress == NULL)
        return;
    (void)snprintf(what, sizeof what, "layer %zu of %zu", i + 1, w->count);
    w->progress(w->progress_arg, what, done, w->layers[i].raw_size > 0 ? (uint64_t)w->layers[i].raw_size : 0);
}

struct unpacking {
    struct worker worker;
    size_t layer;
};

/* One message of a worker. Returns 1 when it goes on, 0 when its layer is complete. */
static int unpacking_step(struct image_work *w, struct unpacking *u, struct creel_err *err)
{
    uint64_t done = 0, total = 0;
    json_t *ok = NULL;
    int r = worker_next(&u->worker, &done, &total, &ok, err);
    if (r == 1) {
        tell_progress(w, u->layer, done);
        return 1;
    }
    if (r == 0)
        r = finish_unpack(&w->layers[u->layer], ok, err);
    json_decref(ok);
    if (r < 0 && w->count > 1)
        return creel_wrap(err, "layer %zu of %zu", u->layer + 1, w->count);
    if (r == 0)
        tell_progress(w, u->layer, (uint64_t)w->layers[u->layer].row.tar_size);
    return r;
}

int image_work_unpack(struct image_work *w, size_t i, int in, struct creel_err *err)
{
    auto_worker worker = WORKER_INIT;
    struct unpacking u = { .layer = i };
    if (start_unpack(w, i, in, &worker, err) < 0)
        return -1;
    int r;
    do {
        u.worker = worker;
        r = unpacking_step(w, &u, err);
        worker = u.worker;
    } while (r == 1);
    return r;
}

static size_t worker_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

/* The next layer from *at on that needs work. An equal one before it will do for both. */
static bool next_missing(const struct image_work *w, size_t *at)
{
    for (; *at < w->count; (*at)++) {
        const struct image_work_layer *l = &w->layers[*at];
        bool repeated = false;
        for (size_t k = 0; k < *at && l->row.diff_id[0] != '\0'; k++)
            repeated = repeated || strcmp(w->layers[k].row.diff_id, l->row.diff_id) == 0;
        if (l->row.n == 0 && !l->unpacked && !repeated)
            return true;
    }
    return false;
}

int image_work_unpack_all(struct image_work *w, int (*open_layer)(void *arg, size_t i, struct creel_err *err),
                          void *arg, struct creel_err *err)
{
    struct unpacking running[WORKERS_MAX];
    struct pollfd fds[WORKERS_MAX];
    size_t count = 0, max = worker_count(), next = 0;
    int r = 0;
    while (r >= 0) {
        for (; r >= 0 && count < max && next_missing(w, &next); next++) {
            auto_fd in = open_layer(arg, next, err);
            running[count] = (struct unpacking){ .worker = WORKER_INIT, .layer = next };
            r = in < 0 ? -1 : start_unpack(w, next, in, &running[count].worker, err);
            if (r == 0)
                count++;
        }
        if (r < 0 || count == 0)
            break;
        for (size_t k = 0; k < count; k++)
            fds[k] = (struct pollfd){ .fd = running[k].worker.control, .events = POLLIN };
        if (poll(fds, count, -1) < 0) {
            if (errno != EINTR)
                r = creel_fail(err, CREEL_INTERNAL, errno, "waiting for archive workers");
            continue;
        }
        for (size_t k = count; k-- > 0 && r >= 0;) {
            if (fds[k].revents == 0)
                continue;
            r = unpacking_step(w, &running[k], err);
            if (r == 0) {
                worker_stop(&running[k].worker);
                running[k] = running[--count];
            }
        }
    }
    for (size_t k = 0; k < count; k++)
        worker_stop(&running[k].worker);
    return r < 0 ? -1 : 0;
}
