/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include "base/clock.h"

#include <string.h>
#include <sys/utsname.h>

int manifest_document_parse(const char *what, const char *text, size_t len, json_t **ret, struct creel_err *err)
{
    json_error_t why;
    if (len > DOCUMENT_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the %s is larger than %d bytes", what, DOCUMENT_MAX);
    json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (doc == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the %s is not proper JSON: line %d: %s", what, why.line, why.text);
    *ret = doc;
    return 0;
}

/* A text member that is missing or null counts as "". */
static int get_text(const char *what, const json_t *o, const char *key, char *buf, size_t size, struct creel_err *err)
{
    const json_t *v = json_object_get(o, key);
    buf[0] = '\0';
    if (v == NULL || json_is_null(v))
        return 0;
    const char *s = json_string_value(v);
    if (s == NULL || json_string_length(v) >= size)
        return creel_fail(err, CREEL_INVALID, 0, "the %s has a %s that is no text or too long", what, key);
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return creel_fail(err, CREEL_INVALID, 0, "the %s has control characters in its %s", what, key);
    memcpy(buf, s, strlen(s) + 1);
    return 0;
}

/* --- configuration --- */

void image_config_fini(struct image_config *c)
{
    free(c->diff_ids);
    json_decref(c->document);
    *c = (struct image_config){ .count = 0 };
}

static int read_diff_ids(const json_t *doc, struct image_config *c, struct creel_err *err)
{
    const json_t *rootfs = json_object_get(doc, "rootfs"), *ids = json_object_get(rootfs, "diff_ids"), *item;
    const char *type = json_string_value(json_object_get(rootfs, "type"));
    size_t i, n = json_array_size(ids);
    if (type == NULL || strcmp(type, "layers") != 0 || !(json_is_array(ids) || json_is_null(ids) || ids == NULL))
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration has no list of layers (rootfs.diff_ids)");
    if (n > LAYERS_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the image has %zu layers; at most %d can be mounted together", n,
                          LAYERS_MAX);
    c->diff_ids = calloc(n > 0 ? n : 1, sizeof *c->diff_ids);
    if (c->diff_ids == NULL)
        return creel_fail_nomem(err);
    json_array_foreach(ids, i, item) {
        const char *s = json_string_value(item);
        if (!digest_ok(s) || json_string_length(item) != DIGEST_LEN)
            return creel_fail(err, CREEL_INVALID, 0, "layer %zu of the image configuration has no proper digest", i);
        memcpy(c->diff_ids[i], s, DIGEST_MAX);
    }
    c->count = n;
    return 0;
}

/* The parts of "config" that are used later have the types they should have. */
static int check_config(const json_t *doc, struct creel_err *err)
{
    static const struct {
        const char *key;
        json_type type, item;
    } members[] = {
        { "Env", JSON_ARRAY, JSON_STRING },           { "Cmd", JSON_ARRAY, JSON_STRING },
        { "Entrypoint", JSON_ARRAY, JSON_STRING },    { "Shell", JSON_ARRAY, JSON_STRING },
        { "OnBuild", JSON_ARRAY, JSON_STRING },       { "Labels", JSON_OBJECT, JSON_STRING },
        { "ExposedPorts", JSON_OBJECT, JSON_OBJECT }, { "Volumes", JSON_OBJECT, JSON_OBJECT },
        { "User", JSON_STRING, JSON_NULL },           { "WorkingDir", JSON_STRING, JSON_NULL },
        { "StopSignal", JSON_STRING, JSON_NULL },     { "Healthcheck", JSON_OBJECT, JSON_NULL },
    };
    json_t *config = json_object_get(doc, "config"), *item;
    const char *key;
    size_t at;
    if (config == NULL || json_is_null(config))
        return 0;
    if (!json_is_object(config))
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration's \"config\" is not an object");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *v = json_object_get(config, members[i].key);
        if (v == NULL || json_is_null(v))
            continue;
        bool ok = json_typeof(v) == members[i].type;
        if (members[i].type == JSON_ARRAY)
            json_array_foreach(v, at, item)
                ok = ok && json_typeof(item) == members[i].item;
        if (members[i].type == JSON_OBJECT && members[i].item != JSON_NULL)
            json_object_foreach(v, key, item)
                ok = ok && (json_typeof(item) == members[i].item || json_is_null(item));
        if (!ok)
            return creel_fail(err, CREEL_INVALID, 0, "the image configuration's %s is of the wrong type",
                              members[i].key);
    }
    return 0;
}

int image_config_parse(const char *text, size_t len, struct image_config *ret, struct creel_err *err)
{
    auto_image_config c = { .count = 0 };
    char created[64];
    if (manifest_document_parse("image configuration", text, len, &c.document, err) < 0)
        return -1;
    if (!json_is_object(c.document))
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration is not a JSON object");
    if (json_object_get(c.document, "layers") != NULL || json_object_get(c.document, "manifests") != NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration could also be read as a manifest");
    if (read_diff_ids(c.document, &c, err) < 0 || check_config(c.document, err) < 0
        || get_text("image configuration", c.document, "os", c.os, sizeof c.os, err) < 0
        || get_text("image configuration", c.document, "architecture", c.architecture, sizeof c.architecture, err) < 0
        || get_text("image configuration", c.document, "created", created, sizeof created, err) < 0)
        return -1;
    if (created[0] != '\0' && !clock_parse(created, &c.created_ns))
        return creel_fail(err, CREEL_INVALID, 0, "the image configuration's time of creation, \"%s\", is not one",
                          created);
    if (c.os[0] != '\0' && strcmp(c.os, "linux") != 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "the image is for %s; creel runs Linux images", c.os);
    *ret = c;
    c = (struct image_config){ .count = 0 };
    return 0;
}

char *image_config_labels(const struct image_config *c, bool *ret_failed)
{
    const json_t *labels = json_object_get(json_object_get(c->document, "config"), "Labels");
    *ret_failed = false;
    if (!json_is_object(labels) || json_object_size(labels) == 0)
        return NULL;
    char *text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
    *ret_failed = text == NULL;
    return text;
}

/* --- manifests --- */

static const char *const index_types[] = { "application/vnd.oci.image.index.v1+json",
                                           "application/vnd.docker.distribution.manifest.list.v2+json" };
static const char *const manifest_types[] = { "application/vnd.oci.image.manifest.v1+json",
                                              "application/vnd.docker.distribution.manifest.v2+json" };

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

void manifest_fini(struct manifest *m)
{
    free(m->config.name);
    for (size_t i = 0; i < m->count; i++)
        free(m->items[i].name);
    free(m->items);
    *m = (struct manifest){ .count = 0 };
}

static int read_descriptor(const json_t *o, struct descriptor *ret, struct creel_err *err)
{
    struct descriptor d = { .size = 0 };
    const json_t *size = json_object_get(o, "size"), *platform = json_object_get(o, "platform"),
                 *notes = json_object_get(o, "annotations");
    const char *digest = json_string_value(json_object_get(o, "digest"));
    if (!json_is_object(o) || !digest_ok(digest))
        return creel_fail(err, CREEL_INVALID, 0, "the manifest refers to content without a proper sha256 digest");
    memcpy(d.digest, digest, DIGEST_MAX);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the manifest does not say the size of %s", digest);
    d.size = json_integer_value(size);
    if (get_text("manifest", o, "mediaType", d.media_type, sizeof d.media_type, err) < 0
        || get_text("manifest", platform, "os", d.os, sizeof d.os, err) < 0
        || get_text("manifest", platform, "architecture", d.architecture, sizeof d.architecture, err) < 0
        || get_text("manifest", platform, "variant", d.variant, sizeof d.variant, err) < 0)
        return -1;
    const char *name = json_string_value(json_object_get(notes, "io.containerd.image.name"));
    const char *short_name = json_string_value(json_object_get(notes, "org.opencontainers.image.ref.name"));
    if (name == NULL && short_name != NULL && strpbrk(short_name, ":/") != NULL)
        name = short_name; /* else it is a bare tag, which names nothing by itself */
    if (name != NULL && (d.name = strdup(name)) == NULL)
        return creel_fail_nomem(err);
    *ret = d;
    return 0;
}

static int read_items(const json_t *array, size_t max, struct manifest *m, struct creel_err *err)
{
    size_t n = json_array_size(array);
    if (n > max)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the %s has %zu entries; at most %zu are allowed",
                          m->is_index ? "index" : "manifest", n, max);
    m->items = calloc(n > 0 ? n : 1, sizeof *m->items);
    if (m->items == NULL)
        return creel_fail_nomem(err);
    for (; m->count < n; m->count++)
        if (read_descriptor(json_array_get(array, m->count), &m->items[m->count], err) < 0)
            return -1;
    return 0;
}

static int read_manifest(const json_t *doc, const char *media_type, struct manifest *m, struct creel_err *err)
{
    const json_t *layers = json_object_get(doc, "layers"), *manifests = json_object_get(doc, "manifests"),
                 *version = json_object_get(doc, "schemaVersion");
    char own_type[128];
    if (!json_is_object(doc) || !json_is_integer(version) || json_integer_value(version) != 2)
        return creel_fail(err, CREEL_INVALID, 0, "not an image manifest of schema version 2");
    if (get_text("manifest", doc, "mediaType", own_type, sizeof own_type, err) < 0)
        return -1;
    if ((layers != NULL || json_object_get(doc, "config") != NULL) && manifests != NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the manifest could be read as an image and as an index");
    m->is_index = json_is_array(manifests);
    const char *const *types = m->is_index ? index_types : manifest_types;
    if ((own_type[0] != '\0' && !is_one_of(own_type, types, 2))
        || (media_type[0] != '\0' && !is_one_of(media_type, types, 2)))
        return creel_fail(err, CREEL_INVALID, 0, "the manifest's media type and its content disagree");
    if (m->is_index)
        return read_items(manifests, MANIFESTS_MAX, m, err);
    if (!json_is_array(layers))
        return creel_fail(err, CREEL_INVALID, 0, "the manifest has no list of layers");
    if (json_array_size(layers) > LAYERS_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the image has %zu layers; at most %d can be mounted together",
                          json_array_size(layers), LAYERS_MAX);
    return read_descriptor(json_object_get(doc, "config"), &m->config, err) < 0
               ? -1
               : read_items(layers, LAYERS_MAX, m, err);
}

int manifest_parse(const char *text, size_t len, const char *media_type, struct manifest *ret, struct creel_err *err)
{
    auto_manifest m = { .count = 0 };
    json_t *doc;
    if (manifest_document_parse("manifest", text, len, &doc, err) < 0)
        return -1;
    int r = read_manifest(doc, media_type, &m, err);
    json_decref(doc);
    if (r < 0)
        return -1;
    *ret = m;
    m = (struct manifest){ .count = 0 };
    return 0;
}

const struct descriptor *manifest_choose(const struct manifest *index, const char *os, const char *architecture)
{
    const struct descriptor *only = NULL;
    size_t images = 0;
    for (size_t i = 0; i < index->count; i++) {
        const struct descriptor *d = &index->items[i];
        if (strcmp(d->os, "unknown") == 0) /* attestations */
            continue;
        if (strcmp(d->os, os) == 0 && strcmp(d->architecture, architecture) == 0)
            return d;
        only = d;
        images++;
    }
    return images == 1 && only->os[0] == '\0' ? only : NULL;
}

const char *manifest_host_architecture(void)
{
    static const struct { const char *machine, *go; } names[] = {
        { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armv7l", "arm" }, { "armv6l", "arm" }, { "i686", "386" },
        { "i386", "386" }, { "ppc64le", "ppc64le" }, { "s390x", "s390x" }, { "riscv64", "riscv64" },
        { "loongarch64", "loong64" }, { "mips64", "mips64le" },
    };
    static struct utsname u;
    if (uname(&u) < 0)
        return "unknown";
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(u.machine, names[i].machine) == 0)
            return names[i].go;
    return u.machine;
}

/* --- Docker's manifest.json --- */

void docker_manifest_fini(struct docker_manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->images[i].config);
        strv_fini(&m->images[i].tags);
        strv_fini(&m->images[i].layers);
    }
    free(m->images);
    *m = (struct docker_manifest){ .count = 0 };
}

static int read_strings(const json_t *array, const char *what, size_t max, struct strv *ret, struct creel_err *err)
{
    const json_t *item;
    size_t i;
    if (array == NULL || json_is_null(array))
        return 0;
    if (!json_is_array(array) || json_array_size(array) > max)
        return creel_fail(err, json_is_array(array) ? CREEL_EXHAUSTED : CREEL_INVALID, 0,
                          "manifest.json: %s must be a list of at most %zu texts", what, max);
    json_array_foreach(array, i, item) {
        if (!json_is_string(item) || json_string_length(item) > 4095)
            return creel_fail(err, CREEL_INVALID, 0, "manifest.json: %s has an entry that is no text or too long",
                              what);
        if (!strv_add(ret, json_string_value(item)))
            return creel_fail_nomem(err);
    }
    return 0;
}

static int read_docker_image(const json_t *o, struct docker_image *ret, struct creel_err *err)
{
    const char *config = json_string_value(json_object_get(o, "Config"));
    if (config == NULL || config[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "manifest.json: an image has no Config");
    ret->config = strdup(config);
    if (ret->config == NULL)
        return creel_fail_nomem(err);
    if (json_array_size(json_object_get(o, "Layers")) > LAYERS_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the image has %zu layers; at most %d can be mounted together",
                          json_array_size(json_object_get(o, "Layers")), LAYERS_MAX);
    return read_strings(json_object_get(o, "RepoTags"), "RepoTags", REPO_TAGS_MAX, &ret->tags, err) < 0
                   || read_strings(json_object_get(o, "Layers"), "Layers", LAYERS_MAX, &ret->layers, err) < 0
               ? -1 : 0;
}

int docker_manifest_parse(const char *text, size_t len, struct docker_manifest *ret, struct creel_err *err)
{
    auto_docker_manifest m = { .count = 0 };
    json_t *doc;
    if (manifest_document_parse("manifest.json", text, len, &doc, err) < 0)
        return -1;
    size_t n = json_array_size(doc);
    int r = 0;
    if (!json_is_array(doc) || n == 0 || n > MANIFESTS_MAX)
        r = creel_fail(err, CREEL_INVALID, 0, "manifest.json is not a list of 1 to %d images", MANIFESTS_MAX);
    if (r == 0 && (m.images = calloc(n, sizeof *m.images)) == NULL)
        r = creel_fail_nomem(err);
    while (r == 0 && m.count < n) {
        m.count++;
        r = read_docker_image(json_array_get(doc, m.count - 1), &m.images[m.count - 1], err);
    }
    json_decref(doc);
    if (r < 0)
        return -1;
    *ret = m;
    m = (struct docker_manifest){ .count = 0 };
    return 0;
}
