/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_inspect.c: one image and its history, with Docker's field names. */
#include "engine/image_work.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

/* What documents are made of. */
struct facts {
    struct image_row row;
    json_t *config;             /* the configuration document */
    json_t *tags, *digests;
    struct layer_row layers[LAYERS_MAX];
    size_t count;
    bool failed;
};

static void facts_fini(struct facts *f)
{
    image_row_fini(&f->row);
    json_decref(f->config);
    json_decref(f->tags);
    json_decref(f->digests);
}

static int take_name(void *arg, const char *name, const char *id)
{
    (void)id;
    struct facts *f = arg;
    struct reference r;
    char familiar[REFERENCE_TEXT_MAX];
    if (reference_parse(name, &r, NULL) < 0)
        return 0;
    json_t *list = r.tag[0] != '\0' ? f->tags : f->digests;
    return f->failed = json_array_append_new(list, json_string(reference_print_familiar(&r, familiar))) < 0;
}

static int take_layer(void *arg, const struct layer_row *l)
{
    struct facts *f = arg;
    if (f->count == LAYERS_MAX)
        return f->failed = true;
    f->layers[f->count++] = *l;
    return 0;
}

static int read_facts(struct creel *e, const char *ref, struct facts *f, struct creel_err *err)
{
    char id[72];
    f->tags = json_array();
    f->digests = json_array();
    if (f->tags == NULL || f->digests == NULL)
        return creel_fail_nomem(err);
    if (engine_image_lookup(e, ref, id, NULL, err) < 0 || image_row_get(e->store, id, &f->row, err) < 0
        || image_name_each(e->store, id, take_name, f, err) < 0
        || image_layer_each(e->store, id, take_layer, f, err) < 0)
        return -1;
    if (f->failed)
        return creel_fail_nomem(err);
    f->config = json_loads(f->row.config, 0, NULL);
    return f->config != NULL ? 0
                             : creel_fail(err, CREEL_INTERNAL, 0, "the stored configuration of %s is damaged", id);
}

/* All reads over one snapshot. */
static int snapshot(struct creel *e, const char *ref, struct facts *f, struct creel_err *err)
{
    int64_t rev;
    if (store_read_begin(e->store, &rev, err) < 0)
        return -1;
    int r = read_facts(e, ref, f, err);
    store_read_end(e->store);
    return r;
}

static json_t *text_of(const struct facts *f, const char *key)
{
    const char *s = json_string_value(json_object_get(f->config, key));
    return json_string(s != NULL ? s : "");
}

/* Docker shows every member of Config, also those the document leaves out. */
static json_t *config_of(const struct facts *f)
{
    static const struct { const char *key; char kind;
    } shown[] = {
        { "Hostname", 's' },     { "Domainname", 's' },   { "User", 's' },       { "AttachStdin", 'b' },
        { "AttachStdout", 'b' }, { "AttachStderr", 'b' }, { "Tty", 'b' },        { "OpenStdin", 'b' },
        { "StdinOnce", 'b' },    { "Env", 'n' },          { "Cmd", 'n' },        { "Image", 's' },
        { "Volumes", 'n' },      { "WorkingDir", 's' },   { "Entrypoint", 'n' }, { "OnBuild", 'n' },
        { "Labels", 'n' },
    };
    json_t *o = json_object(), *own = json_object_get(f->config, "config");
    for (size_t i = 0; i < ARRAY_LEN(shown) && o != NULL; i++) {
        char k = shown[i].kind;
        (void)json_object_set_new(o, shown[i].key,
                                  k == 's'   ? json_string("")
                                  : k == 'b' ? json_false()
                                             : json_null());
    }
    if (o != NULL && json_is_object(own))
        (void)json_object_update(o, own);
    return o;
}

static json_t *graph_driver(struct creel *e, const struct facts *f)
{
    auto_bytes lower = BYTES_INIT;
    char upper[64] = "";
    for (size_t i = f->count; i-- > 0;) {
        if (i + 1 == f->count)
            continue;
        bytes_addf(&lower, "%s%s/layers/%" PRId64 "/fs", lower.len > 0 ? ":" : "", e->root, f->layers[i].n);
    }
    json_t *data = json_object();
    if (lower.len > 0)
        (void)json_object_set_new(data, "LowerDir", json_string(bytes_str(&lower)));
    if (f->count > 0) {
        (void)snprintf(upper, sizeof upper, "/layers/%" PRId64 "/fs", f->layers[f->count - 1].n);
        (void)json_object_set_new(data, "UpperDir", json_sprintf("%s%s", e->root, upper));
    }
    return json_pack("{s:s,s:o}", "Name", "overlay2", "Data", data);
}

static json_t *inspect_document(struct creel *e, const struct facts *f)
{
    char tagged[CLOCK_TEXT_MAX], created[CLOCK_TEXT_MAX];
    json_t *diff_ids = json_array();
    for (size_t i = 0; i < f->count && diff_ids != NULL; i++)
        (void)json_array_append_new(diff_ids, json_string(f->layers[i].diff_id));
    json_t *o = json_pack("{s:s,s:O,s:O,s:s,s:o,s:s,s:o,s:{},s:o,s:o,s:o,s:o,s:s,s:I,s:I,s:o,s:{s:s,s:o},s:{s:s}}",
                          "Id", f->row.id, "RepoTags", f->tags, "RepoDigests", f->digests, "Parent",
                          f->row.parent != NULL ? f->row.parent : "", "Comment", text_of(f, "comment"), "Created",
                          clock_print(f->row.created_ns, created), "Container", text_of(f, "container"),
                          "ContainerConfig", "DockerVersion", text_of(f, "docker_version"), "Author",
                          text_of(f, "author"), "Config", config_of(f), "Architecture", text_of(f, "architecture"),
                          "Os", "linux", "Size", (json_int_t)f->row.size, "VirtualSize", (json_int_t)f->row.size,
                          "GraphDriver", graph_driver(e, f), "RootFS", "Type", "layers", "Layers", diff_ids,
                          "Metadata", "LastTagTime", clock_print(f->row.tagged_ns, tagged));
    if (o != NULL && json_object_get(f->config, "variant") != NULL)
        (void)json_object_set_new(o, "Variant", text_of(f, "variant"));
    return o;
}

int creel_image_inspect(struct creel *e, const char *ref, char **ret_json, struct creel_err *err)
{
    struct facts f = { .count = 0 };
    int r = snapshot(e, ref, &f, err);
    if (r == 0) {
        json_t *o = inspect_document(e, &f);
        *ret_json = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (*ret_json == NULL)
            r = creel_fail_nomem(err);
    }
    facts_fini(&f);
    return r;
}

/* One line of history: the k-th from the bottom. The newest carries the image's id and tags. */
static json_t *history_line(const struct facts *f, const json_t *item, bool newest, int64_t size)
{
    const char *created = json_string_value(json_object_get(item, "created"));
    const char *by = json_string_value(json_object_get(item, "created_by"));
    const char *comment = json_string_value(json_object_get(item, "comment"));
    int64_t ns = 0;
    if (created != NULL)
        (void)clock_parse(created, &ns);
    return json_pack("{s:s,s:I,s:s,s:O,s:I,s:s}", "Id", newest ? f->row.id : "<missing>", "Created",
                     (json_int_t)(ns / 1000000000), "CreatedBy", by != NULL ? by : "", "Tags",
                     newest && json_array_size(f->tags) > 0 ? f->tags : json_null(), "Size", (json_int_t)size,
                     "Comment", comment != NULL ? comment : "");
}

/* The document lists the oldest first, marking instructions without a layer; layers it does not tell of get a line
 * each. */
static json_t *history_document(const struct facts *f)
{
    const json_t *history = json_object_get(f->config, "history"), *item;
    json_t *out = json_array();
    size_t i, layer = 0, n = json_array_size(history);
    json_array_foreach(history, i, item) {
        bool has_layer = !json_is_true(json_object_get(item, "empty_layer")) && layer < f->count;
        int64_t size = has_layer ? f->layers[layer++].size : 0;
        bool newest = i + 1 == n && layer == f->count;
        (void)json_array_insert_new(out, 0, history_line(f, item, newest, size));
    }
    for (; layer < f->count; layer++)
        (void)json_array_insert_new(out, 0, history_line(f, NULL, layer + 1 == f->count, f->layers[layer].size));
    return out;
}

int creel_image_history(struct creel *e, const char *ref, char **ret_json, struct creel_err *err)
{
    struct facts f = { .count = 0 };
    int r = snapshot(e, ref, &f, err);
    if (r == 0) {
        json_t *o = history_document(&f);
        *ret_json = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (*ret_json == NULL)
            r = creel_fail_nomem(err);
    }
    facts_fini(&f);
    return r;
}
