/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_save.c: images into one archive, in Docker's format or as an OCI layout.
 *
 * What goes in is decided over one snapshot of the store; the worker then reads blobs. Layers that images share are
 * in the archive once. Docker's format holds plain tars (their digest is the diff_id), OCI the blobs as they came;
 * what came without compression was compressed only for keeping and is a plain tar again. */
#include "engine/image_work.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define OCI "application/vnd.oci.image."

struct saving {
    struct creel *e;
    json_t *members;            /* for the worker */
    json_t *seen;               /* names of members */
    json_t *images;             /* manifest.json, or the entries of index.json */
    json_t *repositories;       /* Docker's older table of names */
    bool failed;
};

/* One image: its names asked for, its document, its layers. */
struct saved_image {
    struct image_row row;
    struct reference refs[32];
    size_t ref_count;
    struct layer_row layers[LAYERS_MAX];
    size_t count;
};

/* Takes `value` over. */
static void put(struct saving *s, json_t *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object, key, value) < 0)
        s->failed = true;
}

static void append(struct saving *s, json_t *array, json_t *value)
{
    if (value == NULL || json_array_append_new(array, value) < 0)
        s->failed = true;
}

static bool first_time(struct saving *s, const char *name)
{
    if (json_object_get(s->seen, name) != NULL)
        return false;
    put(s, s->seen, name, json_true());
    return true;
}

static void add_text(struct saving *s, const char *name, const char *text)
{
    if (first_time(s, name))
        append(s, s->members, json_pack("{s:s,s:s}", "name", name, "text", text));
}

static void add_blob(struct saving *s, const char *name, const struct layer_row *l, bool plain)
{
    if (first_time(s, name))
        append(s, s->members,
               json_pack("{s:s,s:s,s:s,s:I,s:b}", "name", name, "blob", digest_hex(l->blob), "digest",
                         plain ? l->diff_id : l->blob, "size", (json_int_t)(plain ? l->tar_size : l->blob_size),
                         "plain", plain));
}

static int take_layer(void *arg, const struct layer_row *l)
{
    struct saved_image *img = arg;
    if (img->count < LAYERS_MAX)
        img->layers[img->count] = *l;
    img->count++;
    return 0;
}

static int read_image(struct creel *e, const char *id, struct saved_image *img, struct creel_err *err)
{
    if (image_row_get(e->store, id, &img->row, err) < 0 || image_layer_each(e->store, id, take_layer, img, err) < 0)
        return -1;
    return img->count <= LAYERS_MAX ? 0 : creel_fail(err, CREEL_INTERNAL, 0, "image %s has too many layers", id);
}

/* --- Docker --- */

static void add_docker(struct saving *s, const struct saved_image *img)
{
    char name[96], familiar[REFERENCE_TEXT_MAX];
    json_t *tags = json_array(), *layers = json_array();
    (void)snprintf(name, sizeof name, "%s.json", digest_hex(img->row.id));
    add_text(s, name, img->row.config);
    json_t *entry = json_pack("{s:s,s:o,s:o}", "Config", name, "RepoTags", tags, "Layers", layers);
    for (size_t i = 0; i < img->count; i++) {
        (void)snprintf(name, sizeof name, "%s.tar", digest_hex(img->layers[i].diff_id));
        add_blob(s, name, &img->layers[i], true);
        append(s, layers, json_string(name));
    }
    for (size_t i = 0; i < img->ref_count; i++) {
        const char *repository = reference_familiar_name(img->refs[i].name);
        append(s, tags, json_string(reference_print_familiar(&img->refs[i], familiar)));
        if (json_object_get(s->repositories, repository) == NULL)
            put(s, s->repositories, repository, json_object());
        put(s, json_object_get(s->repositories, repository), img->refs[i].tag,
            json_string(img->count > 0 ? digest_hex(img->layers[img->count - 1].diff_id) : ""));
    }
    if (img->ref_count == 0)
        put(s, entry, "RepoTags", json_null());
    append(s, s->images, entry);
}

static void finish_docker(struct saving *s)
{
    auto_free char *manifest = json_dumps(s->images, JSON_COMPACT);
    auto_free char *repositories = json_dumps(s->repositories, JSON_COMPACT | JSON_SORT_KEYS);
    if (manifest == NULL || repositories == NULL) {
        s->failed = true;
        return;
    }
    add_text(s, "manifest.json", manifest);
    if (json_object_size(s->repositories) > 0)
        add_text(s, "repositories", repositories);
}

/* --- OCI --- */

static void add_oci_entry(struct saving *s, const char *digest, size_t size, const struct reference *ref,
                          const char *arch)
{
    char name[REFERENCE_TEXT_MAX];
    json_t *d =
        json_pack("{s:s,s:s,s:I}", "mediaType", OCI "manifest.v1+json", "digest", digest, "size", (json_int_t)size);
    if (arch != NULL && arch[0] != '\0')
        put(s, d, "platform", json_pack("{s:s,s:s}", "architecture", arch, "os", "linux"));
    if (ref != NULL) {
        (void)reference_print(ref, name);
        put(s, d, "annotations", json_pack("{s:s,s:s}", "io.containerd.image.name", name,
                                           "org.opencontainers.image.ref.name", name));
    }
    append(s, s->images, d);
}

static void add_oci(struct saving *s, const struct saved_image *img)
{
    char name[96], digest[DIGEST_MAX];
    json_t *layers = json_array();
    for (size_t i = 0; i < img->count; i++) {
        const struct layer_row *l = &img->layers[i];
        bool plain = strcmp(l->media_type, OCI "layer.v1.tar") == 0;
        const char *layer = plain ? l->diff_id : l->blob;
        (void)snprintf(name, sizeof name, "blobs/sha256/%s", digest_hex(layer));
        add_blob(s, name, l, plain);
        append(s, layers, json_pack("{s:s,s:s,s:I}", "mediaType", l->media_type, "digest", layer, "size",
                                    (json_int_t)(plain ? l->tar_size : l->blob_size)));
    }
    (void)snprintf(name, sizeof name, "blobs/sha256/%s", digest_hex(img->row.id));
    add_text(s, name, img->row.config);
    json_t *m = json_pack("{s:i,s:s,s:{s:s,s:s,s:I},s:o}", "schemaVersion", 2, "mediaType", OCI "manifest.v1+json",
                          "config", "mediaType", OCI "config.v1+json", "digest", img->row.id, "size",
                          (json_int_t)strlen(img->row.config), "layers", layers);
    auto_free char *text = m != NULL ? json_dumps(m, JSON_COMPACT) : NULL;
    json_decref(m);
    json_t *config = json_loads(img->row.config, 0, NULL);
    const char *arch = json_string_value(json_object_get(config, "architecture"));
    if (text == NULL) {
        s->failed = true;
    } else {
        (void)snprintf(name, sizeof name, "blobs/sha256/%s", digest_hex(digest_of(text, strlen(text), digest)));
        add_text(s, name, text);
        for (size_t i = 0; i < img->ref_count; i++)
            add_oci_entry(s, digest, strlen(text), &img->refs[i], arch);
        if (img->ref_count == 0)
            add_oci_entry(s, digest, strlen(text), NULL, arch);
    }
    json_decref(config);
}

static void finish_oci(struct saving *s)
{
    json_t *index =
        json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType", OCI "index.v1+json", "manifests", s->images);
    auto_free char *text = index != NULL ? json_dumps(index, JSON_COMPACT) : NULL;
    json_decref(index);
    if (text == NULL) {
        s->failed = true;
        return;
    }
    add_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    add_text(s, "index.json", text);
}

static const struct {
    const char *name;
    void (*add)(struct saving *s, const struct saved_image *img);
    void (*finish)(struct saving *s);
} formats[] = {
    { "docker-archive", add_docker, finish_docker },
    { "oci-archive", add_oci, finish_oci },
};

/* Whether refs[i] was asked for the first time, and the names under which the same image is asked for. */
static int gather(struct creel *e, const char *const *refs, size_t i, struct saved_image *img, struct creel_err *err)
{
    char id[72], other[72];
    struct reference name;
    if (engine_image_lookup(e, refs[i], id, NULL, err) < 0)
        return -1;
    for (size_t k = 0; refs[k] != NULL; k++) {
        if (engine_image_lookup(e, refs[k], other, &name, err) < 0)
            return -1;
        if (strcmp(id, other) != 0)
            continue;
        if (k < i)
            return 0;
        if (name.tag[0] == '\0')
            continue;
        if (img->ref_count == ARRAY_LEN(img->refs))
            return creel_fail(err, CREEL_EXHAUSTED, 0, "more than %zu names of one image", ARRAY_LEN(img->refs));
        img->refs[img->ref_count++] = name;
    }
    return read_image(e, id, img, err) < 0 ? -1 : 1;
}

static int plan(struct saving *s, size_t format, const char *const *refs, struct creel_err *err)
{
    for (size_t i = 0; refs[i] != NULL; i++) {
        struct saved_image *img = calloc(1, sizeof *img);
        if (img == NULL)
            return creel_fail_nomem(err);
        int r = gather(s->e, refs, i, img, err);
        if (r == 1)
            formats[format].add(s, img);
        image_row_fini(&img->row);
        free(img);
        if (r < 0)
            return -1;
    }
    formats[format].finish(s);
    return s->failed ? creel_fail_nomem(err) : 0;
}

/* lock: given back as soon as the worker has opened all blobs. */
static int compose(struct saving *s, int out_fd, int *lock, creel_progress progress, void *arg, struct creel_err *err)
{
    auto_worker w = WORKER_INIT;
    struct archive_limits limits = archive_limits_default;
    json_t *ok = NULL;
    auto_fd blobs = openat(s->e->root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening %s/blobs", s->e->root);
    limits.bytes = limits.ratio = INT64_MAX / 2; /* these were checked when they came in */
    json_t *request = json_pack("{s:O,s:o}", "members", s->members, "limits", archive_limits_print(&limits));
    int r = request == NULL ? creel_fail_nomem(err)
                            : worker_start(s->e->libexec, "compose", request, -1, out_fd, &blobs, 1, &w, err);
    json_decref(request);
    while (r == 0) {
        uint64_t done = 0, total = 0;
        int got = worker_next(&w, &done, &total, &ok, err);
        if (got <= 0) {
            json_decref(ok);
            return got;
        }
        fd_closep(lock);
        if (progress != NULL)
            progress(arg, "saving", done, 0);
    }
    return -1;
}

int creel_image_save(struct creel *e, const char *const *refs, const char *format, int out_fd,
                     creel_progress progress, void *arg, struct creel_err *err)
{
    struct saving s = { .e = e, .members = json_array(), .seen = json_object(), .images = json_array(),
                        .repositories = json_object() };
    size_t at = 0;
    int64_t rev;
    while (at < ARRAY_LEN(formats) && strcmp(formats[at].name, format != NULL ? format : "docker-archive") != 0)
        at++;
    int r = 0;
    if (at == ARRAY_LEN(formats))
        r = creel_fail(err, CREEL_INVALID, 0, "unknown archive format \"%s\" (docker-archive or oci-archive)",
                       format);
    else if (refs == NULL || refs[0] == NULL)
        r = creel_fail(err, CREEL_INVALID, 0, "no image was named");
    else if (s.members == NULL || s.seen == NULL || s.images == NULL || s.repositories == NULL)
        r = creel_fail_nomem(err);
    /* blobs that were seen stay until the worker has them open */
    auto_fd lock = r == 0 ? engine_image_lock(e, false, err) : -1;
    if (r == 0 && (lock < 0 || store_read_begin(e->store, &rev, err) < 0))
        r = -1;
    if (r == 0) {
        r = plan(&s, at, refs, err);
        store_read_end(e->store);
    }
    if (r == 0)
        r = compose(&s, out_fd, &lock, progress, arg, err);
    json_decref(s.members);
    json_decref(s.seen);
    json_decref(s.images);
    json_decref(s.repositories);
    return r < 0 ? creel_wrap(err, "saving images") : 0;
}
