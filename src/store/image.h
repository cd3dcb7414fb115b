/* SPDX-License-Identifier: Apache-2.0 */
/* store/image.h: images, their names, layers and blobs.
 *
 *   I1  An image row exists only with all its layers and their blobs; those were synced before the commit.
 *   I2  A layer's number is never used twice, so a directory found without a row is garbage. Numbers are reserved
 *       (the row is not ready) before the directory gets its name.
 *   I3  Two ready layers never have the same diff_id; two blobs never the same digest.
 *   I4  What no image refers to may be deleted; references are counted by query, never stored. */
#ifndef CREEL_STORE_IMAGE_H
#define CREEL_STORE_IMAGE_H

#include "store/store.h"

/* A name is canonical: "docker.io/library/busybox:latest", or with "@sha256:…". Ids, diff ids and blob digests are
 * "sha256:" and 64 hex characters. Strings are owned by the row; NULL = SQL NULL. */
struct image_row {
    char id[72];
    char *config;               /* the configuration document, byte for byte; loaded only by image_row_get */
    char *labels;               /* JSON object of the configuration's labels, NULL none */
    char *parent;               /* image it was committed from; NULL */
    int64_t created_ns;         /* as the configuration says */
    int64_t tagged_ns;          /* last time a name was given, 0 never */
    int64_t size;               /* bytes of the files of all layers */
    int64_t rev;
};
void image_row_fini(struct image_row *r);
static inline void image_row_finip(struct image_row *r) { image_row_fini(r); }
#define auto_image_row auto_cleanup(image_row_finip) struct image_row

struct layer_row {
    int64_t n;
    char diff_id[72];
    int64_t size, tar_size;     /* bytes of its files; bytes of its tar */
    char blob[72];              /* the blob it is stored as */
    int64_t blob_size;
    char media_type[96];        /* what it is offered as; "….v1.tar": the blob is compressed only for keeping */
};

/* --- reading: with or without an open transaction --- */
int image_row_get(struct store *s, const char *id, struct image_row *ret, struct creel_err *err); /* NOT_FOUND */
int image_row_exists(struct store *s, const char *id, struct creel_err *err);                     /* 1, 0, -1 */
/* The image a canonical name stands for: 1 with id filled (72 bytes), 0 none, -1. */
int image_name_get(struct store *s, const char *name, char *ret_id, struct creel_err *err);
/* The images whose id begins with "sha256:<prefix>": returns how many (at most 2 are counted), the first in
 * ret_id. */
int image_row_by_prefix(struct store *s, const char *hex_prefix, char *ret_id, struct creel_err *err);
/* All images, newest first (created, then id); the config is not loaded. */
int image_row_each(struct store *s, int (*each)(void *arg, const struct image_row *r), void *arg,
                   struct creel_err *err);
/* The names of an image in order; id NULL: of all images. */
int image_name_each(struct store *s, const char *id, int (*each)(void *arg, const char *name, const char *id),
                    void *arg, struct creel_err *err);
/* The layers of an image, lowest first. */
int image_layer_each(struct store *s, const char *id, int (*each)(void *arg, const struct layer_row *l), void *arg,
                     struct creel_err *err);
int image_child_count(struct store *s, const char *id, int64_t *ret, struct creel_err *err);
/* The ready layer with this diff_id: 1, 0, -1. Its newest blob. */
int layer_row_find(struct store *s, const char *diff_id, struct layer_row *ret, struct creel_err *err);
int layer_row_each(struct store *s, int (*each)(void *arg, const struct layer_row *l, bool ready), void *arg,
                   struct creel_err *err);
int blob_row_each(struct store *s, int (*each)(void *arg, const char *digest, int64_t size), void *arg,
                  struct creel_err *err);

/* --- writing --- */
/* A number for a layer that is about to get its directory (I2). */
int layer_row_reserve(struct store_tx *tx, const char *diff_id, int64_t *ret_n, struct creel_err *err);
/* Make a reserved layer ready. Returns 1; 0 when another ready layer has this diff_id by now: *ret_n is its number
 * and the reserved row is gone. */
int layer_row_ready(struct store_tx *tx, const struct layer_row *l, int64_t *ret_n, struct creel_err *err);
/* Only if it is not ready. */
int layer_row_unreserve(struct store_tx *tx, int64_t n, struct creel_err *err);
int blob_row_put(struct store_tx *tx, const char *digest, int64_t size, const char *media_type,
                 struct creel_err *err);
/* 1 inserted, 0 was there already (its layers then are as they were). layers: numbers and blob digests, lowest
 * first. */
struct image_layer { int64_t n; const char *blob; };
int image_row_insert(struct store_tx *tx, const struct image_row *r, const struct image_layer *layers, size_t count,
                     struct creel_err *err);
/* Give a name to an image, taking it from another if need be: ret_old (72 bytes, may be NULL) is that one or "". */
int image_name_put(struct store_tx *tx, const char *name, const char *id, int64_t now_ns, char *ret_old,
                   struct creel_err *err);
int image_name_delete(struct store_tx *tx, const char *name, struct creel_err *err); /* 1, 0 */
int image_row_delete(struct store_tx *tx, const char *id, struct creel_err *err);    /* its names go, too */
/* Delete the ready layers and the blobs that no image refers to; the callbacks tell what is to be removed from disk
 * after the commit. */
int image_sweep(struct store_tx *tx, int (*layer)(void *arg, int64_t n, int64_t size),
                int (*blob)(void *arg, const char *digest, int64_t size), void *arg, struct creel_err *err);

#endif
