/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_commit.c: from a finished work directory to rows (image_work.h, W2). */
#include "engine/image_work.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>

static const char intent_verb[] = "image-add";

int engine_image_lock(struct creel *e, bool exclusive, struct creel_err *err)
{
    auto_fd fd = openat(e->root_fd, "images.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "opening %s/images.lock", e->root);
    while (flock(fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
        if (errno != EINTR)
            return creel_fail(err, CREEL_INTERNAL, errno, "locking %s/images.lock", e->root);
    return fd_take(&fd);
}

/* The first layer of this image with the same content; i itself if there is none before. */
static size_t first_equal(const struct image_work *w, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(w->layers[k].row.diff_id, w->layers[i].row.diff_id) == 0)
            return k;
    return i;
}

/* 1 when a layer that was found in the store is not there any more. */
static int check_known(struct image_work *w, struct creel_err *err)
{
    int gone = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct image_work_layer *l = &w->layers[i];
        struct layer_row now;
        if (l->row.n == 0 || l->unpacked)
            continue;
        int found = layer_row_find(w->e->store, l->row.diff_id, &now, err);
        if (found < 0)
            return -1;
        if (found == 1) {
            l->row = now;
        } else {
            l->row.n = 0;
            gone = 1;
        }
    }
    return gone;
}

/* First transaction: numbers for the new layers, and the intent that lists what is about to appear. */
static int reserve(struct image_work *w, json_t *names, int64_t *ret_intent, struct creel_err *err)
{
    json_t *layers = json_object_get(names, "layers"), *blobs = json_object_get(names, "blobs");
    auto_tx tx = { 0 };
    if (store_begin(w->e->store, &tx, err) < 0)
        return -1;
    for (size_t i = 0; i < w->count; i++) {
        struct image_work_layer *l = &w->layers[i];
        if (!l->unpacked || first_equal(w, i) != i)
            continue;
        if (layer_row_reserve(&tx, l->row.diff_id, &l->row.n, err) < 0)
            return -1;
        if (json_array_append_new(layers, json_integer(l->row.n)) < 0
            || json_array_append_new(blobs, json_string(l->row.blob)) < 0)
            return creel_fail_nomem(err);
    }
    auto_free char *data = json_dumps(names, JSON_COMPACT);
    if (data == NULL)
        return creel_fail_nomem(err);
    if (intent_row_insert(&tx, intent_verb, w->name, data, ret_intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int sync_dir(struct creel *e, const char *name, int *ret, struct creel_err *err)
{
    auto_fd fd = openat(e->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (ret == NULL && fsync(fd) < 0))
        return creel_fail(err, CREEL_INTERNAL, errno, "%s %s/%s", ret == NULL ? "syncing" : "opening", e->root, name);
    if (ret != NULL)
        *ret = fd_take(&fd);
    return 0;
}

static int publish_files(struct image_work *w, struct creel_err *err)
{
    auto_fd layers = -1, blobs = -1;
    if (sync_dir(w->e, "layers", &layers, err) < 0 || sync_dir(w->e, "blobs/sha256", &blobs, err) < 0)
        return -1;
    for (size_t i = 0; i < w->count; i++) {
        const struct image_work_layer *l = &w->layers[i];
        char from[32], number[32];
        if (!l->unpacked || first_equal(w, i) != i)
            continue;
        (void)snprintf(from, sizeof from, "%zu.layer", i);
        (void)snprintf(number, sizeof number, "%" PRId64, l->row.n);
        if (renameat(w->dir, from, layers, number) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "moving a layer to %s/layers/%s", w->e->root, number);
        (void)snprintf(from, sizeof from, "%zu.blob", i);
        if (renameat(w->dir, from, blobs, digest_hex(l->row.blob)) < 0) /* replaces an equal one */
            return creel_fail(err, CREEL_INTERNAL, errno, "moving a blob to %s/blobs/sha256", w->e->root);
    }
    return sync_dir(w->e, "layers", NULL, err) < 0 || sync_dir(w->e, "blobs/sha256", NULL, err) < 0 ? -1 : 0;
}

static int append_event(struct store_tx *tx, const char *action, const char *id, const char *name,
                        struct creel_err *err)
{
    json_t *o = json_pack("{s:s}", "name", name);
    auto_free char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text == NULL ? creel_fail_nomem(err) : event_row_append(tx, "image", action, id, text, err);
}

static int put_names(struct store_tx *tx, const struct image_work_commit *c, const char *id, int64_t now,
                     struct creel_err *err)
{
    char name[REFERENCE_TEXT_MAX], familiar[REFERENCE_TEXT_MAX];
    for (size_t i = 0; i < c->ref_count; i++) {
        (void)reference_print_familiar(&c->refs[i], familiar);
        if (image_name_put(tx, reference_print(&c->refs[i], name), id, now, NULL, err) < 0
            || append_event(tx, c->event, id, familiar, err) < 0)
            return -1;
    }
    return c->ref_count == 0 ? append_event(tx, c->event, id, id, err) : 0;
}

/* An intent whose recovery removes the layers that nobody needs. */
static int announce_leftovers(struct image_work *w, struct store_tx *tx, const json_t *superseded, int64_t *ret_intent,
                              struct creel_err *err)
{
    if (json_array_size(json_object_get(superseded, "layers")) == 0)
        return 0;
    auto_free char *data = json_dumps(superseded, JSON_COMPACT);
    return data == NULL ? creel_fail_nomem(err) : intent_row_insert(tx, intent_verb, w->name, data, ret_intent, err);
}

/* Last transaction: everything becomes true. superseded: {"layers":[…]} gets the numbers that an equal layer of somebody
 * else made useless; *intent is then the one that stands until they are gone, else 0. */
static int publish_rows(struct image_work *w, const struct image_work_commit *c, struct image_row *row,
                        int64_t *intent, json_t *superseded, struct creel_err *err)
{
    int64_t left = 0;
    struct image_layer layers[LAYERS_MAX];
    int64_t now = clock_now_ns();
    auto_tx tx = { 0 };
    if (store_begin(w->e->store, &tx, err) < 0)
        return -1;
    row->size = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct image_work_layer *l = &w->layers[i];
        size_t first = first_equal(w, i);
        int64_t n = l->row.n;
        if (first != i) {
            layers[i] = layers[first];
            row->size += w->layers[first].row.size;
            continue;
        }
        if (l->unpacked) {
            if (blob_row_put(&tx, l->row.blob, l->row.blob_size, l->row.media_type, err) < 0)
                return -1;
            int ready = layer_row_ready(&tx, &l->row, &n, err);
            if (ready < 0)
                return -1;
            if (ready == 0 && json_array_append_new(json_object_get(superseded, "layers"), json_integer(l->row.n)) < 0)
                return creel_fail_nomem(err);
        }
        layers[i] = (struct image_layer){ .n = n, .blob = l->row.blob };
        row->size += l->row.size;
    }
    if (image_row_insert(&tx, row, layers, w->count, err) < 0 || put_names(&tx, c, row->id, now, err) < 0
        || intent_row_delete(&tx, *intent, err) < 0 || announce_leftovers(w, &tx, superseded, &left, err) < 0
        || store_commit(&tx, err) < 0)
        return -1;
    *intent = left;
    return 0;
}

/* The reserved rows, what got its final name, and the intent. */
static int undo(struct creel *e, int64_t intent, const json_t *names, struct creel_err *err)
{
    const json_t *item;
    size_t i;
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    json_array_foreach(json_object_get(names, "layers"), i, item)
        if (layer_row_unreserve(&tx, json_integer_value(item), err) < 0)
            return -1;
    if (store_commit(&tx, err) < 0)
        return -1;
    if (engine_image_remove_files(e, names, err) < 0) /* rows first: a layer that got ready is left alone */
        return -1;
    auto_tx last = { 0 };
    if (store_begin(e->store, &last, err) < 0 || intent_row_delete(&last, intent, err) < 0)
        return -1;
    return store_commit(&last, err);
}

int engine_image_recover(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_fd lock = engine_image_lock(e, true, err);
    json_t *names = i->data != NULL ? json_loads(i->data, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int r = lock < 0 ? -1 : undo(e, i->seq, names, err);
    json_decref(names);
    return r;
}

static int fill_row(const struct image_work_commit *c, struct image_row *row, struct creel_err *err)
{
    auto_image_config config = { .count = 0 };
    bool failed;
    if (image_config_parse(c->config, strlen(c->config), &config, err) < 0)
        return -1;
    (void)digest_of(c->config, strlen(c->config), row->id);
    row->config = strdup(c->config);
    row->labels = image_config_labels(&config, &failed);
    row->parent = c->parent != NULL ? strdup(c->parent) : NULL;
    row->created_ns = config.created_ns;
    return row->config == NULL || failed || (c->parent != NULL && row->parent == NULL) ? creel_fail_nomem(err) : 0;
}

static int commit_locked(struct image_work *w, const struct image_work_commit *c, struct image_row *row,
                         json_t *names, json_t *superseded, struct creel_err *err)
{
    int64_t intent = 0;
    struct creel_err ignored = { 0 }; /* the first failure is what the caller should read; recovery tries again */
    int gone = check_known(w, err);
    if (gone != 0)
        return gone;
    if (syncfs(w->dir) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "syncing the layers below %s", w->e->root);
    if (reserve(w, names, &intent, err) < 0)
        return -1;
    if (publish_files(w, err) < 0 || publish_rows(w, c, row, &intent, superseded, err) < 0) {
        (void)undo(w->e, intent, names, &ignored);
        return -1;
    }
    if (intent != 0)
        (void)undo(w->e, intent, superseded, &ignored);
    return 0;
}

int image_work_commit(struct image_work *w, const struct image_work_commit *c, char *ret_id, struct creel_err *err)
{
    auto_image_row row = { .rev = 0 };
    if (fill_row(c, &row, err) < 0)
        return -1;
    auto_fd lock = engine_image_lock(w->e, false, err);
    if (lock < 0)
        return -1;
    json_t *names = json_pack("{s:[],s:[]}", "layers", "blobs"), *superseded = json_pack("{s:[]}", "layers");
    int r = names == NULL || superseded == NULL
                ? creel_fail_nomem(err)
                : commit_locked(w, c, &row, names, superseded, err);
    if (r == 0)
        memcpy(ret_id, row.id, sizeof row.id);
    json_decref(names);
    json_decref(superseded);
    return r;
}
