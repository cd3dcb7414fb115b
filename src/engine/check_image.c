/* SPDX-License-Identifier: Apache-2.0 */
/* engine/check_image.c: layer and blob rows against what lies in <root>/layers and <root>/blobs. All of it under the
 * images' lock, so there is no work in progress to be mistaken for a difference: a layer that is not ready then
 * belongs to a process that died. */
#include "engine/check.h"
#include "engine/image_work.h"

#include "base/parse.h"
#include "image/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct layer { int64_t n; bool ready; char diff_id[72]; };
struct blob { char digest[72]; int64_t size; };

struct images {
    struct layer *layers;
    struct blob *blobs;
    size_t layer_count, blob_count;
    bool failed;
};

static void images_fini(struct images *im)
{
    free(im->layers);
    free(im->blobs);
}

static int add_layer(void *arg, const struct layer_row *l, bool ready)
{
    struct images *im = arg;
    struct layer *items = realloc(im->layers, (im->layer_count + 1) * sizeof *items);
    im->failed = items == NULL;
    if (im->failed)
        return 1;
    im->layers = items;
    items[im->layer_count] = (struct layer){ .n = l->n, .ready = ready };
    memcpy(items[im->layer_count++].diff_id, l->diff_id, sizeof l->diff_id);
    return 0;
}

static int add_blob(void *arg, const char *digest, int64_t size)
{
    struct images *im = arg;
    struct blob *items = realloc(im->blobs, (im->blob_count + 1) * sizeof *items);
    im->failed = items == NULL;
    if (im->failed)
        return 1;
    im->blobs = items;
    items[im->blob_count] = (struct blob){ .size = size };
    (void)snprintf(items[im->blob_count++].digest, sizeof items->digest, "%s", digest);
    return 0;
}

/* --- mending --- */

static int mend_layer_dir(struct check *c, const char *name, struct creel_err *err)
{
    char path[300];
    (void)snprintf(path, sizeof path, "layers/%s", name);
    int r = tree_remove(c->e->root_fd, path);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", c->e->root, path) : 0;
}

static int mend_blob_file(struct check *c, const char *name, struct creel_err *err)
{
    char path[300];
    (void)snprintf(path, sizeof path, "blobs/sha256/%s", name);
    int r = tree_remove(c->e->root_fd, path);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", c->e->root, path) : 0;
}

static int mend_layer_row(struct check *c, const char *name, struct creel_err *err)
{
    uint64_t n;
    auto_tx tx = { 0 };
    if (!parse_u64(name, INT64_MAX, &n))
        return creel_fail(err, CREEL_INTERNAL, 0, "layer %s has no number", name);
    if (mend_layer_dir(c, name, err) < 0 || store_begin(c->e->store, &tx, err) < 0
        || layer_row_unreserve(&tx, (int64_t)n, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* --- comparing --- */

static const struct layer *find_layer(const struct images *im, const char *name)
{
    uint64_t n;
    for (size_t i = 0; parse_u64(name, INT64_MAX, &n) && i < im->layer_count; i++) {
        if (im->layers[i].n == (int64_t)n)
            return &im->layers[i];
    }
    return NULL;
}

static void check_layers(struct check *c, const struct images *im, const struct strv *dirs)
{
    for (size_t i = 0; i < dirs->count; i++) {
        if (find_layer(im, dirs->items[i]) == NULL)
            check_report(c, "orphan-layer", dirs->items[i], mend_layer_dir, "%s/layers/%s belongs to no layer", c->e->root,
                         dirs->items[i]);
    }
    for (size_t i = 0; i < im->layer_count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%" PRId64, im->layers[i].n);
        if (!im->layers[i].ready)
            check_report(c, "interrupted-layer", name, mend_layer_row, "layer %s was never finished, and nobody is at it",
                         name);
        else if (!check_has(dirs, name))
            check_report(c, "lost-layer", name, NULL,
                         "the files of layer %s (%s) are gone; remove the images that use it and load them again", name,
                         im->layers[i].diff_id);
    }
}

static const struct blob *find_blob(const struct images *im, const char *hex)
{
    for (size_t i = 0; i < im->blob_count; i++) {
        if (strcmp(digest_hex(im->blobs[i].digest), hex) == 0)
            return &im->blobs[i];
    }
    return NULL;
}

static void check_blobs(struct check *c, const struct images *im, const struct strv *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (find_blob(im, files->items[i]) == NULL)
            check_report(c, "orphan-blob", files->items[i], mend_blob_file, "%s/blobs/sha256/%s belongs to no layer",
                         c->e->root, files->items[i]);
    }
    auto_fd dir = openat(c->e->root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < im->blob_count; i++) {
        const struct blob *b = &im->blobs[i];
        struct stat st;
        if (dir < 0 || fstatat(dir, digest_hex(b->digest), &st, AT_SYMLINK_NOFOLLOW) < 0)
            check_report(c, "lost-blob", b->digest, NULL,
                         "blob %s is gone; its images run, but cannot be saved: load them again", b->digest);
        else if (!S_ISREG(st.st_mode) || st.st_size != b->size)
            check_report(c, "damaged-blob", b->digest, NULL, "blob %s has %lld bytes instead of %lld", b->digest,
                         (long long)st.st_size, (long long)b->size);
    }
}

int check_images(struct check *c, struct creel_err *err)
{
    auto_cleanup(images_fini) struct images im = { .layer_count = 0 };
    auto_strv dirs = STRV_INIT, files = STRV_INIT;
    auto_fd lock = engine_image_lock(c->e, true, err);
    if (lock < 0)
        return -1;
    if (store_read_begin(c->e->store, NULL, err) < 0)
        return -1;
    int r = layer_row_each(c->e->store, add_layer, &im, err) < 0 || blob_row_each(c->e->store, add_blob, &im, err) < 0 ? -1
                                                                                                                      : 0;
    store_read_end(c->e->store);
    if (im.failed)
        return creel_fail_nomem(err);
    if (r < 0 || check_list_dir(c->e->root_fd, "layers", true, &dirs, err) < 0
        || check_list_dir(c->e->root_fd, "blobs/sha256", true, &files, err) < 0)
        return -1;
    check_layers(c, &im, &dirs);
    check_blobs(c, &im, &files);
    return 0;
}
