/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_load.c: images from a Docker archive, an OCI archive or an OCI layout directory.
 *
 * Each image is committed by itself: when the second of two is bad, the first is there and was announced. */
#include "engine/image_archive.h"

#include "base/ident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { INDEX_DEPTH_MAX = 3, COMMIT_TRIES = 5 };

struct loading {
    struct image_work work;
    struct image_archive archive;
    void (*each)(void *arg, const char *id, const char *ref);
    void *arg;
};

/* The image that is being loaded. */
struct loaded_image {
    char *config;
    size_t config_len;
    struct strv layers;         /* member names, lowest first */
    struct reference *refs;
    size_t ref_count;
    struct loading *l;
};

static void loaded_image_fini(struct loaded_image *i)
{
    free(i->config);
    strv_fini(&i->layers);
    free(i->refs);
}
#define auto_loaded_image auto_cleanup(loaded_image_fini) struct loaded_image

static int open_layer(void *arg, size_t i, struct creel_err *err)
{
    const struct loaded_image *img = arg;
    int64_t size;
    return image_archive_member(&img->l->archive, img->layers.items[i], &size, err);
}

/* The layers that the configuration lists, known by content. */
static int list_layers(struct loading *l, const struct loaded_image *img, struct creel_err *err)
{
    auto_image_config config = { .count = 0 };
    if (image_config_parse(img->config, img->config_len, &config, err) < 0)
        return -1;
    if (config.count != img->layers.count)
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration lists %zu layers, its manifest %zu",
                          config.count, img->layers.count);
    if (image_work_layers(&l->work, config.count, err) < 0)
        return -1;
    for (size_t i = 0; i < config.count; i++)
        memcpy(l->work.layers[i].row.diff_id, config.diff_ids[i], DIGEST_MAX);
    return 0;
}

static void announce(struct loading *l, const char *id, const struct loaded_image *img)
{
    char familiar[REFERENCE_TEXT_MAX];
    if (l->each == NULL)
        return;
    for (size_t i = 0; i < img->ref_count; i++)
        l->each(l->arg, id, reference_print_familiar(&img->refs[i], familiar));
    if (img->ref_count == 0)
        l->each(l->arg, id, "");
}

/* Layers are listed; unpack what the store does not have and commit. Somebody may delete what it has meanwhile. */
static int commit_image(struct loading *l, struct loaded_image *img, struct creel_err *err)
{
    const struct image_work_commit c = { .config = img->config, .refs = img->refs, .ref_count = img->ref_count,
                                         .event = "load" };
    char id[72];
    for (int tries = 0; tries < COMMIT_TRIES; tries++) {
        if (image_work_find_known(&l->work, err) < 0 || image_work_unpack_all(&l->work, open_layer, img, err) < 0)
            return -1;
        int r = image_work_commit(&l->work, &c, id, err);
        if (r == 0)
            announce(l, id, img);
        if (r <= 0)
            return r;
    }
    return creel_fail(err, CREEL_CONFLICT, 0, "layers of this image are being deleted all the time by somebody else");
}

/* --- Docker archive --- */

static int take_tags(struct loaded_image *img, const struct strv *tags, struct creel_err *err)
{
    img->refs = calloc(tags->count > 0 ? tags->count : 1, sizeof *img->refs);
    if (img->refs == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < tags->count; i++) {
        if (reference_parse_tagged(tags->items[i], &img->refs[i], err) < 0)
            return creel_wrap(err, "manifest.json");
        if (img->refs[i].digest[0] == '\0')
            img->ref_count++;
        else
            return creel_fail(err, CREEL_INVALID, 0, "manifest.json names an image by digest: %.200s",
                              tags->items[i]);
    }
    return 0;
}

/* The digest that a member's name promises: "<hex>.json", "blobs/sha256/<hex>". */
static bool promised_digest(const char *name, char *buf)
{
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    size_t n = strcspn(base, ".");
    (void)snprintf(buf, DIGEST_MAX, "sha256:%.*s", n == DIGEST_HEX_LEN ? (int)n : 0, base);
    return digest_ok(buf);
}

static int load_docker_image(struct loading *l, const struct docker_image *d, struct creel_err *err)
{
    auto_loaded_image img = { .l = l, .layers = STRV_INIT };
    char promised[DIGEST_MAX];
    bool has_promise = promised_digest(d->config, promised);
    if (image_archive_document(&l->archive, d->config, has_promise ? promised : NULL, -1, &img.config,
                               &img.config_len, err)
        < 0)
        return -1;
    if (!strv_copy(&img.layers, &d->layers))
        return creel_fail_nomem(err);
    if (take_tags(&img, &d->tags, err) < 0 || list_layers(l, &img, err) < 0)
        return -1;
    return commit_image(l, &img, err);
}

static int load_docker(struct loading *l, struct creel_err *err)
{
    auto_free char *text = NULL;
    size_t len;
    auto_docker_manifest m = { .count = 0 };
    if (image_archive_document(&l->archive, "manifest.json", NULL, -1, &text, &len, err) < 0
        || docker_manifest_parse(text, len, &m, err) < 0)
        return -1;
    for (size_t i = 0; i < m.count; i++)
        if (load_docker_image(l, &m.images[i], err) < 0)
            return m.count > 1 ? creel_wrap(err, "image %zu of %zu", i + 1, m.count) : -1;
    return 0;
}

/* --- OCI layout --- */

static bool layer_type_known(const char *type)
{
    static const char *const known[] = {
        "",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(type, known[i]) == 0)
            return true;
    return false;
}

static int read_manifest(struct loading *l, const struct descriptor *d, struct manifest *ret, struct creel_err *err)
{
    auto_free char *text = NULL;
    char name[96];
    size_t len;
    if (image_archive_document(&l->archive, image_archive_blob_name(d->digest, name), d->digest, d->size, &text, &len,
                               err)
        < 0)
        return -1;
    return manifest_parse(text, len, d->media_type, ret, err) < 0 ? creel_wrap(err, "manifest %s", d->digest) : 0;
}

static int load_manifest(struct loading *l, const struct manifest *m, const char *ref, struct creel_err *err)
{
    auto_loaded_image img = { .l = l, .layers = STRV_INIT };
    char name[96];
    if (image_archive_document(&l->archive, image_archive_blob_name(m->config.digest, name), m->config.digest,
                               m->config.size, &img.config, &img.config_len, err)
        < 0)
        return -1;
    for (size_t i = 0; i < m->count; i++) {
        if (!layer_type_known(m->items[i].media_type))
            return creel_fail(err, CREEL_INVALID, 0, "not a container image: it has a layer of type %s",
                              m->items[i].media_type);
        if (!strv_add(&img.layers, image_archive_blob_name(m->items[i].digest, name)))
            return creel_fail_nomem(err);
    }
    img.refs = calloc(1, sizeof *img.refs);
    if (img.refs == NULL)
        return creel_fail_nomem(err);
    if (ref != NULL && reference_parse_tagged(ref, img.refs, NULL) == 0 && img.refs->digest[0] == '\0')
        img.ref_count = 1;
    if (list_layers(l, &img, err) < 0)
        return -1;
    for (size_t i = 0; i < m->count; i++) {
        memcpy(l->work.layers[i].raw_digest, m->items[i].digest, DIGEST_MAX);
        l->work.layers[i].raw_size = m->items[i].size;
    }
    return commit_image(l, &img, err);
}

/* An image, or an index of the same image for several platforms, of which this host's is taken. */
static int load_descriptor(struct loading *l, const struct descriptor *d, const char *ref, int depth,
                           struct creel_err *err)
{
    auto_manifest m = { .count = 0 };
    if (depth > INDEX_DEPTH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the image's indexes are nested too deeply");
    if (read_manifest(l, d, &m, err) < 0)
        return -1;
    if (!m.is_index)
        return load_manifest(l, &m, ref, err);
    const struct descriptor *best = manifest_choose(&m, "linux", manifest_host_architecture());
    if (best == NULL)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "the index %s has no image for linux/%s", d->digest,
                          manifest_host_architecture());
    return load_descriptor(l, best, ref, depth + 1, err);
}

/* Entries for other platforms are left out if the same name (or none) is there for this one. */
static bool foreign_variant(const struct manifest *index, const struct descriptor *d)
{
    if (d->os[0] == '\0')
        return false;
    if (strcmp(d->os, "unknown") == 0)
        return true;
    if (strcmp(d->os, "linux") == 0 && strcmp(d->architecture, manifest_host_architecture()) == 0)
        return false;
    for (size_t i = 0; i < index->count; i++) {
        const struct descriptor *o = &index->items[i];
        bool same_name = (o->name == NULL) == (d->name == NULL) && (o->name == NULL || strcmp(o->name, d->name) == 0);
        if (same_name && strcmp(o->os, "linux") == 0 && strcmp(o->architecture, manifest_host_architecture()) == 0)
            return true;
    }
    return false;
}

static int check_layout(struct loading *l, struct creel_err *err)
{
    auto_free char *text = NULL;
    size_t len;
    json_t *doc;
    if (image_archive_document(&l->archive, "oci-layout", NULL, -1, &text, &len, err) < 0
        || manifest_document_parse("oci-layout", text, len, &doc, err) < 0)
        return -1;
    const char *version = json_string_value(json_object_get(doc, "imageLayoutVersion"));
    int r = version != NULL && strncmp(version, "1.", 2) == 0
                ? 0 : creel_fail(err, CREEL_UNSUPPORTED, 0, "the OCI layout is of an unknown version");
    json_decref(doc);
    return r;
}

static int load_oci(struct loading *l, struct creel_err *err)
{
    auto_free char *text = NULL;
    size_t len, loaded = 0;
    auto_manifest index = { .count = 0 };
    if (check_layout(l, err) < 0 || image_archive_document(&l->archive, "index.json", NULL, -1, &text, &len, err) < 0
        || manifest_parse(text, len, "", &index, err) < 0)
        return creel_wrap(err, "reading the OCI layout");
    if (!index.is_index)
        return creel_fail(err, CREEL_INVALID, 0, "index.json of the OCI layout is not an index");
    for (size_t i = 0; i < index.count; i++) {
        if (foreign_variant(&index, &index.items[i]))
            continue;
        if (load_descriptor(l, &index.items[i], index.items[i].name, 0, err) < 0)
            return index.count > 1 ? creel_wrap(err, "image %zu of %zu", i + 1, index.count) : -1;
        loaded++;
    }
    return loaded > 0 ? 0 : creel_fail(err, CREEL_NOT_FOUND, 0, "the OCI layout has no image for linux/%s",
                                       manifest_host_architecture());
}

static int load(struct loading *l, int in_fd, struct creel_err *err)
{
    if (image_archive_open(&l->work, in_fd, &l->archive, err) < 0)
        return -1;
    if (image_archive_has(&l->archive, "manifest.json"))
        return load_docker(l, err);
    if (image_archive_has(&l->archive, "index.json"))
        return load_oci(l, err);
    if (image_archive_has(&l->archive, "repositories"))
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "the archive is of the format before Docker 1.10; save it anew");
    return creel_fail(err, CREEL_INVALID, 0,
                      "not an image archive: neither manifest.json nor index.json is in it (a root file "
                      "system goes through \"creel import\")");
}

int creel_image_load(struct creel *e, int in_fd, creel_progress progress,
                     void (*each)(void *arg, const char *id, const char *ref), void *arg, struct creel_err *err)
{
    struct loading l = { .work = IMAGE_WORK_INIT, .archive = IMAGE_ARCHIVE_INIT, .each = each, .arg = arg };
    if (image_work_begin(e, progress, arg, &l.work, err) < 0)
        return creel_wrap(err, "loading images");
    int r = load(&l, in_fd, err);
    image_archive_close(&l.archive);
    image_work_end(&l.work);
    return r < 0 ? creel_wrap(err, "loading images") : 0;
}
