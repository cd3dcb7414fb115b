/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_import.c: an image of one layer from a root file system tar. */
#include "engine/image_work.h"

#include "base/clock.h"
#include "image/changes.h"

#include <string.h>

/* The configuration document of an imported image, compact and with sorted members, so that equal input and time give
 * an equal image. */
static char *import_config(json_t *config, const char *diff_id, const char *message)
{
    char now[CLOCK_TEXT_MAX];
    (void)clock_print(clock_now_ns(), now);
    const char *comment = message != NULL ? message : "";
    json_t *doc =
        json_pack("{s:s,s:s,s:s,s:s,s:O,s:[{s:s,s:s}],s:{s:s,s:[s]}}", "architecture", manifest_host_architecture(),
                  "os", "linux", "created", now, "comment", comment, "config", config, "history", "created", now,
                  "comment", comment, "rootfs", "type", "layers", "diff_ids", diff_id);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(doc);
    return text;
}

static int import_commit(struct image_work *w, json_t *config, const char *message, const struct reference *ref,
                         char *ret_id, struct creel_err *err)
{
    auto_free char *text = import_config(config, w->layers[0].row.diff_id, message);
    if (text == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the message is not UTF-8");
    const struct image_work_commit c = {
        .config = text, .refs = ref, .ref_count = ref != NULL ? 1 : 0, .event = "import"
    };
    return image_work_commit(w, &c, ret_id, err);
}

static int import(struct creel *e, int in_fd, const struct reference *ref, const char *message, json_t *config,
                  creel_progress progress, void *arg, char *ret_id, struct creel_err *err)
{
    auto_image_work w = IMAGE_WORK_INIT;
    if (image_work_begin(e, progress, arg, &w, err) < 0 || image_work_layers(&w, 1, err) < 0
        || image_work_unpack(&w, 0, in_fd, err) < 0)
        return -1;
    return import_commit(&w, config, message, ref, ret_id, err);
}

int creel_image_import(struct creel *e, int in_fd, const char *ref, const char *message, const char *const *changes,
                       creel_progress progress, void *arg, char *ret_id, struct creel_err *err)
{
    struct reference name;
    if (ref != NULL && reference_parse_tagged(ref, &name, err) < 0)
        return -1;
    if (ref != NULL && name.digest[0] != '\0')
        return creel_fail(err, CREEL_INVALID, 0, "cannot import as %s: a digest cannot be chosen", ref);
    json_t *config = json_object();
    int r = config == NULL ? creel_fail_nomem(err) : changes_apply(config, changes, err);
    if (r == 0)
        r = import(e, in_fd, ref != NULL ? &name : NULL, message, config, progress, arg, ret_id, err);
    json_decref(config);
    return r < 0 ? creel_wrap(err, "importing an image") : 0;
}
