/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_work.h: how an image gets into the store and out of it.
 *
 *   W1  Work in progress lies in one directory <root>/tmp/<maker>-image-…; whatever fails or is killed leaves nothing
 *       else.
 *   W2  To commit: data synced; numbers reserved together with the intent "image-add" that lists what will get a
 *       final name; layers and blobs renamed, directories synced; rows, names and events in one transaction that also
 *       ends the intent. Killed before the last step: recovery deletes the reserved rows and what they name.
 *   W3  To delete: rows and the intent "image-sweep" in one transaction; then the files; then the intent.
 *   W4  <root>/images.lock is held shared from choosing what exists to the last step of W2 and exclusively during W3,
 *       so that a blob that is being deleted is not at the same time taken as present. It is never held while
 *       unpacking. */
#ifndef CREEL_ENGINE_IMAGE_WORK_H
#define CREEL_ENGINE_IMAGE_WORK_H

#include "engine/engine.h"
#include "engine/staging.h"
#include "image/archive_limits.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/worker.h"
#include "store/image.h"

/* One layer of an image that is being made. */
struct image_work_layer {
    struct layer_row row;       /* diff_id "": not known before. n 0: not in the store yet, then "<index>.layer" and
                                   "<index>.blob" of the work directory hold it once it is unpacked */
    char raw_digest[72];        /* what the stream must hash to as it comes, "" unknown */
    int64_t raw_size;           /* -1 unknown */
    bool unpacked;
};

struct image_work {
    struct creel *e;
    struct archive_limits limits;
    char name[STAGING_NAME_MAX];
    int dir;                    /* the work directory */
    struct image_work_layer *layers;
    size_t count;
    creel_progress progress;
    void *progress_arg;
};
#define IMAGE_WORK_INIT { .dir = -1 }

/* Make the work directory. */
int image_work_begin(struct creel *e, creel_progress progress, void *arg, struct image_work *ret,
                     struct creel_err *err);
void image_work_end(struct image_work *w);  /* removes it; empty is fine */
#define auto_image_work auto_cleanup(image_work_end) struct image_work

/* Start the list of one image's layers anew: `count` unknown ones. What an earlier list left is removed. */
int image_work_layers(struct image_work *w, size_t count, struct creel_err *err);
/* Which of the layers with a known diff_id are in the store already: fills their rows. */
int image_work_find_known(struct image_work *w, struct creel_err *err);
/* Unpack layer i from `in` (its whole content, to its end). */
int image_work_unpack(struct image_work *w, size_t i, int in, struct creel_err *err);
/* Unpack all that are neither in the store nor unpacked, several at a time. open_layer returns a descriptor that is
 * closed after use. */
int image_work_unpack_all(struct image_work *w, int (*open_layer)(void *arg, size_t i, struct creel_err *err),
                          void *arg, struct creel_err *err);

struct image_work_commit {
    const char *config;             /* the configuration document */
    const char *parent;             /* NULL */
    const struct reference *refs;   /* names to give */
    size_t ref_count;
    const char *event;              /* "import", "load", "commit" … */
};
/* W2. ret_id: 72 bytes. Returns 0; 1 when a layer that was in the store has been deleted meanwhile (its row is
 * cleared: unpack it and call again); -1. */
int image_work_commit(struct image_work *w, const struct image_work_commit *c, char *ret_id, struct creel_err *err);

/* --- engine/image_find.c --- */
/* The id (72 bytes) that `ref` means: full id, name, unique id prefix. *ret_name (may be NULL): what it was found as,
 * "" by id. NOT_FOUND in Docker's words. */
int engine_image_lookup(struct creel *e, const char *ref, char *ret_id, struct reference *ret_name,
                        struct creel_err *err);

/* --- engine/image_sweep.c --- */
/* W3. `inside` runs in the transaction: it deletes image rows and appends events, and may refuse. Then every layer
 * and blob that nothing refers to any more goes. *freed (may be NULL): bytes given back are added. */
int engine_image_sweep(struct creel *e, int (*inside)(void *arg, struct store_tx *tx, struct creel_err *err),
                       void *arg, int64_t *freed, struct creel_err *err);
/* Inside: delete an image with its names, event included; then its untagged parents that nothing else needs, unless
 * no_prune. `said` gets pairs of words: "untagged" name, "deleted" id. */
int engine_image_delete(struct creel *e, struct store_tx *tx, const char *id, bool no_prune, struct strv *said,
                        struct creel_err *err);
/* Recovery of abandoned intents, called from engine_recover. */
int engine_image_recover(struct creel *e, const struct intent_row *i, struct creel_err *err);
int engine_image_recover_commit(struct creel *e, const struct intent_row *i, struct creel_err *err);
/* <root>/images.lock: a descriptor that holds it. Blocks. */
int engine_image_lock(struct creel *e, bool exclusive, struct creel_err *err);
/* Remove those layers and blobs of {"layers":[n…],"blobs":["sha256:…"…]} from disk that have no row. W4
 * exclusively. */
int engine_image_remove_files(struct creel *e, const json_t *names, struct creel_err *err);

#endif
