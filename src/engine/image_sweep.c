/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_sweep.c: deleting images, and what nothing refers to afterwards (image_work.h, W3). */
#include "engine/image_work.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static const char intent_verb[] = "image-sweep";

static int has_layer(void *arg, const struct layer_row *l, bool ready)
{
    (void)ready;
    json_t *kept = arg;
    char key[32];
    (void)snprintf(key, sizeof key, "%" PRId64, l->n);
    return json_object_set_new(kept, key, json_true()) < 0;
}

static int has_blob(void *arg, const char *digest, int64_t size)
{
    (void)size;
    return json_object_set_new(arg, digest, json_true()) < 0;
}

/* By rename into the trash, so that a layer is gone at once and whole. */
static int remove_layer(struct creel *e, int64_t n, int layers, int trash, struct creel_err *err)
{
    char name[32], text[48], staged[STAGING_NAME_MAX];
    (void)snprintf(name, sizeof name, "%" PRId64, n);
    (void)snprintf(text, sizeof text, "layer-%" PRId64, n);
    (void)staging_name(text, staged);
    if (renameat(layers, name, trash, staged) < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "removing %s/layers/%s", e->root, name);
    int r = tree_remove(trash, staged);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "removing %s/trash/%s", e->root, staged) : 0;
}

static int remove_named(struct creel *e, const json_t *names, const json_t *kept_layers, const json_t *kept_blobs,
                        struct creel_err *err)
{
    const json_t *item;
    size_t i;
    auto_fd layers = openat(e->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd trash = openat(e->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd blobs = openat(e->root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layers < 0 || trash < 0 || blobs < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the directories of %s", e->root);
    json_array_foreach(json_object_get(names, "layers"), i, item) {
        char key[32];
        (void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
        if (json_object_get(kept_layers, key) == NULL
            && remove_layer(e, json_integer_value(item), layers, trash, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(names, "blobs"), i, item) {
        const char *digest = json_string_value(item);
        if (!digest_ok(digest) || json_object_get(kept_blobs, digest) != NULL)
            continue;
        if (unlinkat(blobs, digest_hex(digest), 0) < 0 && errno != ENOENT)
            return creel_fail(err, CREEL_INTERNAL, errno, "removing blob %s", digest);
    }
    return 0;
}

int engine_image_remove_files(struct creel *e, const json_t *names, struct creel_err *err)
{
    if (json_array_size(json_object_get(names, "layers")) + json_array_size(json_object_get(names, "blobs")) == 0)
        return 0;
    json_t *layers = json_object(), *blobs = json_object();
    int r = layers == NULL || blobs == NULL ? creel_fail_nomem(err) : 0;
    if (r == 0
        && (layer_row_each(e->store, has_layer, layers, err) < 0
            || blob_row_each(e->store, has_blob, blobs, err) < 0))
        r = -1;
    if (r == 0)
        r = remove_named(e, names, layers, blobs, err);
    json_decref(layers);
    json_decref(blobs);
    return r;
}

struct collecting { json_t *layers, *blobs; int64_t freed; };

static int collect_layer(void *arg, int64_t n, int64_t size)
{
    struct collecting *c = arg;
    c->freed += size;
    return json_array_append_new(c->layers, json_integer(n));
}

static int collect_blob(void *arg, const char *digest, int64_t size)
{
    struct collecting *c = arg;
    c->freed += size;
    return json_array_append_new(c->blobs, json_string(digest));
}

typedef int inside_fn(void *arg, struct store_tx *tx, struct creel_err *err);

static int sweep_rows(struct creel *e, inside_fn *inside, void *arg, json_t *names, int64_t *freed,
                      int64_t *ret_intent, struct creel_err *err)
{
    struct collecting c = { .layers = json_object_get(names, "layers"), .blobs = json_object_get(names, "blobs") };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || inside(arg, &tx, err) < 0)
        return -1;
    if (image_sweep(&tx, collect_layer, collect_blob, &c, err) < 0)
        return -1;
    if (json_array_size(c.layers) + json_array_size(c.blobs) > 0) {
        auto_free char *data = json_dumps(names, JSON_COMPACT);
        if (data == NULL)
            return creel_fail_nomem(err);
        if (intent_row_insert(&tx, intent_verb, "images", data, ret_intent, err) < 0)
            return -1;
    }
    if (store_commit(&tx, err) < 0)
        return -1;
    if (freed != NULL)
        *freed += c.freed;
    return 0;
}

int engine_image_sweep(struct creel *e, inside_fn *inside, void *arg, int64_t *freed, struct creel_err *err)
{
    int64_t intent = 0;
    auto_fd lock = engine_image_lock(e, true, err);
    json_t *names = lock < 0 ? NULL : json_pack("{s:[],s:[]}", "layers", "blobs");
    if (names == NULL)
        return lock < 0 ? -1 : creel_fail_nomem(err);
    int r = sweep_rows(e, inside, arg, names, freed, &intent, err);
    if (r == 0 && intent != 0) {
        r = engine_image_remove_files(e, names, err);
        auto_tx tx = { 0 };
        if (r == 0 && (store_begin(e->store, &tx, err) < 0 || intent_row_delete(&tx, intent, err) < 0
                       || store_commit(&tx, err) < 0))
            r = -1;
    }
    json_decref(names);
    return r;
}
