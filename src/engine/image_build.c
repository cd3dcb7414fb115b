/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_build.c: `creel commit`: an image of a container and what it changed.
 *
 * The container's upper directory is packed in layer form by one worker, whose output a second one reads like any
 * imported layer: what is stored went through the same checks as everything from outside. */
#include "engine/container_view.h"
#include "engine/image_work.h"

#include "base/clock.h"
#include "base/ident.h"
#include "engine/container_spec.h"
#include "image/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct build {
    struct creel *e;
    struct container_row row;
    struct reference ref;
    bool named, pause;
    json_t *request;            /* of the caller */
    json_t *parent_config;      /* configuration document of the image it came from */
    char parent[72];
    struct image_work work;
};

static void build_fini(struct build *b)
{
    container_row_fini(&b->row);
    json_decref(b->request);
    json_decref(b->parent_config);
    image_work_end(&b->work);
}
#define auto_build auto_cleanup(build_fini) struct build

static int read_request(struct build *b, const char *text, struct creel_err *err)
{
    static const char *const known[] = { "Repo", "Tag", "Author", "Comment", "Pause", "Changes", "Config" };
    json_error_t why;
    const char *key;
    json_t *value;
    b->request = json_loads(text != NULL ? text : "{}", JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(b->request))
        return creel_fail(err, CREEL_INVALID, 0, "the commit request is not a JSON object");
    json_object_foreach(b->request, key, value) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found)
            return creel_fail(err, CREEL_INVALID, 0, "unknown member %.100s in the commit request", key);
    }
    const char *repo = json_string_value(json_object_get(b->request, "Repo"));
    const char *tag = json_string_value(json_object_get(b->request, "Tag"));
    json_t *pause = json_object_get(b->request, "Pause");
    b->pause = pause == NULL || json_is_null(pause) || json_is_true(pause);
    if (repo == NULL || repo[0] == '\0')
        return 0;
    auto_bytes name = BYTES_INIT;
    bytes_addf(&name, "%s%s%s", repo, tag != NULL && tag[0] != '\0' ? ":" : "", tag != NULL ? tag : "");
    if (reference_parse_tagged(bytes_str(&name), &b->ref, err) < 0)
        return -1;
    if (b->ref.digest[0] != '\0')
        return creel_fail(err, CREEL_INVALID, 0, "cannot commit as %s: a digest cannot be chosen", repo);
    b->named = true;
    return 0;
}

/* The layers of the image the container came from are those of the new one, too. */
static int take_layer(void *arg, const struct layer_row *l)
{
    struct build *b = arg;
    if (b->work.count + 1 < LAYERS_MAX) {
        b->work.layers[b->work.count].row = *l;
        b->work.layers[b->work.count].raw_size = -1;
    }
    b->work.count++;
    return 0;
}

static int take_parent(struct build *b, struct creel_err *err)
{
    auto_image_row image = { .rev = 0 };
    if (image_work_layers(&b->work, LAYERS_MAX, err) < 0)
        return -1;
    b->work.count = 0;
    if (b->row.image_id == NULL)
        return 0;
    if (image_row_get(b->e->store, b->row.image_id, &image, err) < 0
        || image_layer_each(b->e->store, b->row.image_id, take_layer, b, err) < 0)
        return -1;
    if (b->work.count + 1 > LAYERS_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0,
                          "the image has %zu layers already; at most %d can be mounted together", b->work.count,
                          LAYERS_MAX);
    (void)snprintf(b->parent, sizeof b->parent, "%s", b->row.image_id);
    b->parent_config = json_loads(image.config, 0, NULL);
    return b->parent_config != NULL
               ? 0
               : creel_fail(err, CREEL_INTERNAL, 0, "the configuration of %s is damaged", b->parent);
}

/* --- the layer --- */

static int pack_to(struct build *b, int out, struct worker *ret, struct creel_err *err)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s/upper", b->row.id);
    auto_fd upper = openat(b->e->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* a container that never ran has changed nothing: the empty directory of the work serves */
    auto_fd empty = -1;
    if (upper < 0 && errno == ENOENT) {
        if (mkdirat(b->work.dir, "empty", 0755) < 0
            || (empty = openat(b->work.dir, "empty", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "making an empty directory");
    } else if (upper < 0) {
        return creel_fail(err, CREEL_INTERNAL, errno, "opening %s/%s", b->e->root, path);
    }
    json_t *request = json_pack("{s:o,s:s,s:o}", "limits", archive_limits_print(&b->work.limits), "name", ".",
                                "stubs", container_view_stubs());
    if (request == NULL)
        return creel_fail_nomem(err);
    int r = worker_start(b->e->libexec, "pack-layer", request, -1, out, upper >= 0 ? &upper : &empty, 1, ret, err);
    json_decref(request);
    return r;
}

static int make_layer(struct build *b, struct creel_err *err)
{
    int fds[2];
    json_t *ok = NULL;
    auto_worker packer = WORKER_INIT;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "making a pipe");
    auto_fd in = fds[0], out = fds[1];
    if (pack_to(b, out, &packer, err) < 0)
        return -1;
    fd_closep(&out);
    struct creel_err unpacking = { 0 }, packing = { 0 };
    size_t at = b->work.count++;
    int r = image_work_unpack(&b->work, at, in, &unpacking);
    fd_closep(&in);
    /* when packing failed, its words say why the other one found the stream cut off */
    if (worker_wait(&packer, NULL, NULL, &ok, &packing) < 0 && packing.kind != CREEL_CANCELED)
        return creel_fail(err, packing.kind, 0, "%s", packing.text);
    json_decref(ok);
    return r < 0 ? creel_fail(err, unpacking.kind, 0, "%s", unpacking.text) : 0;
}

static int drop_intent(struct creel *e, int64_t seq, struct creel_err *err)
{
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || intent_row_delete(&tx, seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* Nobody would unpause the container if we were killed: the intent says that somebody has to. */
static int pause_with_intent(struct build *b, int64_t *ret_intent, struct creel_err *err)
{
    char object[IDENT_LEN + sizeof "commit:"];
    struct creel_err why = { 0 };
    (void)snprintf(object, sizeof object, "commit:%s",
                   b->row.id); /* not the id alone: others would wait for us to end */
    {
        auto_tx tx = { 0 };
        if (store_begin(b->e->store, &tx, err) < 0
            || intent_row_insert(&tx, "commit-pause", object, b->row.id, ret_intent, err) < 0
            || store_commit(&tx, err) < 0)
            return -1;
    }
    if (creel_container_pause(b->e, b->row.id, &why) == 0)
        return 1;
    if (drop_intent(b->e, *ret_intent, err) < 0)
        return -1;
    /* it stopped, or somebody else paused it: both stand still */
    return why.kind == CREEL_CONFLICT || why.kind == CREEL_NOT_MODIFIED
               ? 0
               : creel_fail(err, why.kind, 0, "pausing: %s", why.text);
}

static int unpause(struct creel *e, const char *id, int64_t intent, struct creel_err *err)
{
    struct creel_err why = { 0 };
    if (creel_container_unpause(e, id, &why) < 0 && why.kind != CREEL_CONFLICT && why.kind != CREEL_NOT_FOUND
        && why.kind != CREEL_NOT_MODIFIED)
        return creel_fail(err, why.kind, 0, "unpausing: %s", why.text);
    return drop_intent(e, intent, err);
}

int engine_image_recover_commit(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    return i->data == NULL ? drop_intent(e, i->seq, err) : unpause(e, i->data, i->seq, err);
}

/* The container stands still meanwhile, if it runs and that was asked for. */
static int make_layer_paused(struct build *b, struct creel_err *err)
{
    int64_t intent = 0;
    struct creel_err later = { 0 };
    int paused = b->pause && b->row.state == CONTAINER_RUNNING ? pause_with_intent(b, &intent, err) : 0;
    if (paused < 0)
        return -1;
    int r = make_layer(b, err);
    if (paused == 1 && unpause(b->e, b->row.id, intent, &later) < 0 && r == 0)
        return creel_fail(err, later.kind, 0, "%s", later.text);
    return r;
}

/* --- the configuration --- */

/* Members of a container's Config that describe it, not an image. */
static const char *const container_only[] = { "Hostname",        "Domainname",   "AttachStdin",
                                              "AttachStdout",    "AttachStderr", "Tty",
                                              "OpenStdin",       "StdinOnce",    "Image",
                                              "NetworkDisabled", "MacAddress",   "StopTimeout" };

static json_t *image_config(struct build *b, struct creel_err *err)
{
    auto_container_spec spec = { .root = NULL };
    json_t *changes = json_object_get(b->request, "Changes"), *item;
    auto_strv texts = STRV_INIT;
    size_t i;
    if (container_spec_load(&b->row, &spec, err) < 0)
        return NULL;
    json_t *config = json_deep_copy(spec.config);
    for (i = 0; i < ARRAY_LEN(container_only); i++)
        (void)json_object_del(config, container_only[i]);
    const char *key;
    void *next;
    json_object_foreach_safe(config, next, key, item)
        if (json_is_null(item) || (json_is_string(item) && json_string_length(item) == 0)
            || ((json_is_array(item) || json_is_object(item)) && json_object_size(item) + json_array_size(item) == 0))
            (void)json_object_del(config, key);
    json_array_foreach(changes, i, item)
        if (!json_is_string(item) || !strv_add(&texts, json_string_value(item))) {
            json_decref(config);
            (void)creel_fail(err, CREEL_INVALID, 0, "Changes of the commit request is not a list of texts");
            return NULL;
        }
    if (config == NULL || changes_apply(config, (const char *const *)strv_argv(&texts), err) < 0) {
        json_decref(config);
        return NULL;
    }
    return config;
}

/* What the container ran, for the history. */
static json_t *history_entry(struct build *b, const char *now)
{
    auto_bytes by = BYTES_INIT;
    auto_container_spec spec = { .root = NULL };
    struct creel_err ignored;
    json_t *item,
        *argv = container_spec_load(&b->row, &spec, &ignored) == 0 ? container_spec_argv(spec.config) : NULL;
    size_t i;
    json_array_foreach(argv, i, item)
        bytes_addf(&by, "%s%s", i > 0 ? " " : "", json_string_value(item));
    json_decref(argv);
    json_t *o = json_pack("{s:s,s:s}", "created", now, "created_by", bytes_str(&by));
    const char *author = json_string_value(json_object_get(b->request, "Author"));
    const char *comment = json_string_value(json_object_get(b->request, "Comment"));
    if (o != NULL && author != NULL && author[0] != '\0')
        (void)json_object_set_new(o, "author", json_string(author));
    if (o != NULL && comment != NULL && comment[0] != '\0')
        (void)json_object_set_new(o, "comment", json_string(comment));
    return o;
}

static char *document(struct build *b, json_t *config)
{
    char now[CLOCK_TEXT_MAX];
    (void)clock_print(clock_now_ns(), now);
    json_t *diff_ids = json_array(), *history = json_deep_copy(json_object_get(b->parent_config, "history"));
    const char *arch = json_string_value(json_object_get(b->parent_config, "architecture"));
    for (size_t i = 0; i < b->work.count && diff_ids != NULL; i++)
        (void)json_array_append_new(diff_ids, json_string(b->work.layers[i].row.diff_id));
    if (!json_is_array(history)) {
        json_decref(history);
        history = json_array();
    }
    (void)json_array_append_new(history, history_entry(b, now));
    json_t *doc =
        json_pack("{s:s,s:s,s:s,s:s,s:O,s:o,s:{s:s,s:o}}", "architecture",
                  arch != NULL ? arch : manifest_host_architecture(), "os", "linux", "created", now, "container",
                  b->row.id, "config", config, "history", history, "rootfs", "type", "layers", "diff_ids", diff_ids);
    static const struct { const char *from, *to; } texts[] = { { "Author", "author" }, { "Comment", "comment" } };
    for (size_t i = 0; i < ARRAY_LEN(texts) && doc != NULL; i++) {
        const json_t *t = json_object_get(b->request, texts[i].from);
        if (json_is_string(t) && json_string_length(t) > 0)
            (void)json_object_set_new(doc, texts[i].to, json_string(json_string_value(t)));
    }
    json_t *variant = json_object_get(b->parent_config, "variant");
    if (doc != NULL && json_is_string(variant))
        (void)json_object_set(doc, "variant", variant);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(doc);
    return text;
}

static int append_event(struct build *b, const char *image_id, struct creel_err *err)
{
    char ref[REFERENCE_TEXT_MAX] = "";
    if (b->named)
        (void)reference_print_familiar(&b->ref, ref);
    const char *comment = json_string_value(json_object_get(b->request, "Comment"));
    auto_free char *attributes = engine_event_attributes(&b->row, "comment", comment != NULL ? comment : "",
                                                         "imageID", image_id, "imageRef", ref, NULL);
    auto_tx tx = { 0 };
    if (attributes == NULL)
        return creel_fail_nomem(err);
    if (store_begin(b->e->store, &tx, err) < 0
        || event_row_append(&tx, "container", "commit", b->row.id, attributes, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int build(struct build *b, char *ret_id, struct creel_err *err)
{
    if (image_work_begin(b->e, NULL, NULL, &b->work, err) < 0 || take_parent(b, err) < 0)
        return -1;
    json_t *config = image_config(b, err); /* before the work: a bad change should not cost a pause */
    if (config == NULL)
        return -1;
    int r = make_layer_paused(b, err);
    auto_free char *text = r == 0 ? document(b, config) : NULL;
    json_decref(config);
    if (r < 0)
        return -1;
    if (text == NULL)
        return creel_fail_nomem(err);
    const struct image_work_commit c = { .config = text,
                                         .parent = b->parent[0] != '\0' ? b->parent : NULL,
                                         .refs = &b->ref,
                                         .ref_count = b->named,
                                         .event = "create" };
    r = image_work_commit(&b->work, &c, ret_id, err);
    if (r == 1) /* the container refers to it, so only by force */
        return creel_fail(err, CREEL_CONFLICT, 0, "the image of the container has been deleted");
    return r < 0 ? -1 : append_event(b, ret_id, err);
}

int creel_container_commit(struct creel *e, const char *ref, const char *commit_json, char *ret_image_id,
                           struct creel_err *err)
{
    auto_build b = { .e = e, .work = IMAGE_WORK_INIT };
    if (read_request(&b, commit_json, err) < 0 || lifecycle_settled(e, ref, &b.row, err) < 0)
        return -1;
    if (b.row.state == CONTAINER_REMOVING || b.row.state == CONTAINER_DEAD)
        return creel_fail(err, CREEL_CONFLICT, 0, "You cannot commit container %s which is %s", b.row.name,
                          b.row.state == CONTAINER_DEAD ? "Dead" : "Removing");
    return build(&b, ret_image_id, err) < 0 ? creel_wrap(err, "committing container %s", b.row.name) : 0;
}
