/* SPDX-License-Identifier: Apache-2.0 */
/* creel/image.h: images from local sources.
 *
 * An image is a configuration document whose digest is its id, and a list of layers. A reference is
 * name[:tag][@digest] normalised as Docker does ("busybox" is docker.io/library/busybox:latest and is shown as
 * busybox:latest), or an id or unique id prefix. */
#ifndef CREEL_IMAGE_H
#define CREEL_IMAGE_H

#include <creel/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Progress of long work; all text is borrowed. total 0 = unknown. NULL callback: silent. */
typedef void (*creel_progress)(void *arg, const char *what, uint64_t done, uint64_t total);

/* One layer from a root file system tar (plain or compressed, recognised by its first bytes).
 * ref NULL: untagged. changes: Dockerfile instructions (CMD, ENV, …), NULL-terminated or NULL.
 * ret_id: "sha256:<64 hex>", 72 bytes.
 * Errors: INVALID not a tar, lies about sizes, escapes, bomb · EXHAUSTED. On failure nothing is left behind. */
int creel_image_import(struct creel *e, int in_fd, const char *ref, const char *message, const char *const *changes,
                       creel_progress progress, void *arg, char *ret_id, struct creel_err *err);
/* Docker archive, OCI archive (plain or compressed), from in_fd (may be a pipe); or an OCI layout directory (in_fd is
 * then a directory descriptor). `each` is called per image with its id and reference ("" if none). */
int creel_image_load(struct creel *e, int in_fd, creel_progress progress,
                     void (*each)(void *arg, const char *id, const char *ref), void *arg, struct creel_err *err);
/* format "docker-archive" or "oci-archive"; refs NULL-terminated. */
int creel_image_save(struct creel *e, const char *const *refs, const char *format, int out_fd, creel_progress progress,
                     void *arg, struct creel_err *err);
int creel_image_tag(struct creel *e, const char *ref, const char *new_ref, struct creel_err *err);
/* Untag, and delete what is unused then. `each`: ("untagged"|"deleted", name). CONFLICT when containers use it. */
int creel_image_remove(struct creel *e, const char *ref, int force, int no_prune,
                       void (*each)(void *arg, const char *what, const char *name), void *arg, struct creel_err *err);
int creel_image_inspect(struct creel *e, const char *ref, char **ret_json, struct creel_err *err);
int creel_image_history(struct creel *e, const char *ref, char **ret_json, struct creel_err *err); /* newest first */

struct creel_image_row {
    const char *id, *repository, *tag, *digest; /* "<none>" as Docker shows it */
    int64_t created_ns;
    int64_t size;
    int containers;
    const char *labels_json;
};
/* filters_json: reference, before, since, label, dangling. One row per tag. Newest first. */
int creel_image_list(struct creel *e, int all, const char *filters_json,
                     int (*each)(void *arg, const struct creel_image_row *row), void *arg, struct creel_err *err);

#ifdef __cplusplus
}
#endif
#endif
