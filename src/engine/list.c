/* SPDX-License-Identifier: Apache-2.0 */
/* engine/list.c: creel_container_list. One snapshot of the store; rows that pass the filters are copied, and shown
 * to the caller when the snapshot is over, so that a slow reader (a pager) holds up nobody and may call anything.
 *
 * Only what a filter asks for is parsed: labels for `label`, mounts for `volume`, the documents for `publish` and
 * `expose`.
 *
 * A row that says it runs is believed while its monitor's lock is held. If not (a reboot, a killed monitor), it is
 * brought back to the truth after the snapshot, and the list is made once more. */
#include "engine/filters.h"
#include "engine/image_work.h"
#include "engine/state_text.h"

#include "base/clock.h"
#include "base/parse.h"
#include "sys/identity.h"

#include <jansson.h>
#include <limits.h>
#include <string.h>

#define BIT(s) (1u << CONTAINER_##s)

/* A row as it is kept until the snapshot is over: one allocation, the texts behind the struct. */
struct entry {
    struct creel_container_row row;
    struct state_facts facts;
    char text[];
};

/* Whether the tag that a container was made from still names its image; asked once per reference. */
struct tag { char *ref; char id[72]; };

struct query {
    struct creel *e;
    struct filters filters;
    unsigned states;            /* for SQL; the exact state is checked by the text */
    int limit;
    bool with_spec;
    int64_t now_ns;
    const struct strv *status, *labels, *volumes, *networks;
    struct filter_patterns *names;
    struct strv ids;            /* full ids the id filter stands for */
    bool by_id;
    int64_t before_ns, after_ns;
    int exited[32];
    size_t exited_count;
    bool nothing;               /* a filter that no container can pass */
    struct strv ancestors;      /* per ancestor: image id, then its layers from the bottom, as "id\n12/fs\n3/fs\n" */
    bool by_ancestor;
    struct filter_ports *publish, *expose;
    size_t publish_count, expose_count;
    struct entry **items;
    size_t count, cap;
    struct tag *tags;
    size_t tag_count;
    struct strv stale;          /* ids of rows that say they run, but nobody holds their lock */
    struct creel_err err;       /* of a callback */
    bool failed;
};

static void query_fini(struct query *q)
{
    filters_fini(&q->filters);
    filter_patterns_free(q->names);
    strv_fini(&q->ids);
    strv_fini(&q->ancestors);
    strv_fini(&q->stale);
    free(q->publish);
    free(q->expose);
    for (size_t i = 0; i < q->count; i++)
        free(q->items[i]);
    free(q->items);
    for (size_t i = 0; i < q->tag_count; i++)
        free(q->tags[i].ref);
    free(q->tags);
}

/* --- preparing: every value is checked before a row is read --- */

static int prepare_status(struct query *q, bool all, struct creel_err *err)
{
    static const struct { const char *name; unsigned states; } sets[] = {
        { "created", BIT(CREATED) | BIT(STARTING) }, { "running", BIT(RUNNING) }, { "paused", BIT(PAUSED) },
        { "exited", BIT(EXITED) | BIT(STARTING) },   { "removing", BIT(REMOVING) }, { "dead", BIT(DEAD) },
    };
    q->status = filters_get(&q->filters, "status");
    for (size_t i = 0; q->status != NULL && i < q->status->count; i++) {
        if (!state_text_state_known(q->status->items[i]))
            return filters_fail(err, "status", q->status->items[i]);
        for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
            if (strcmp(sets[k].name, q->status->items[i]) == 0)
                q->states |= sets[k].states;
        }
    }
    if (q->status == NULL && !all)
        q->states = BIT(RUNNING) | BIT(PAUSED);
    return 0;
}

static int prepare_exited(struct query *q, struct creel_err *err)
{
    const struct strv *v = filters_get(&q->filters, "exited");
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        int64_t code;
        if (!parse_i64(v->items[i], INT_MIN, INT_MAX, &code) || q->exited_count == ARRAY_LEN(q->exited))
            return filters_fail(err, "exited", v->items[i]);
        q->exited[q->exited_count++] = (int)code;
    }
    return 0;
}

/* An id filter is a prefix of one container's id; an ambiguous or unknown one stands for none. */
static int prepare_ids(struct query *q, struct creel_err *err)
{
    const struct strv *v = filters_get(&q->filters, "id");
    q->by_id = v != NULL;
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        char id[65];
        struct creel_err none = { 0 };
        if (container_row_resolve(q->e->store, v->items[i], id, &none) < 0) {
            if (none.kind != CREEL_NOT_FOUND && none.kind != CREEL_INVALID)
                return creel_fail_as(err, &none);
            continue;
        }
        if (strncmp(id, v->items[i], strlen(v->items[i])) == 0 && !strv_add(&q->ids, id)) /* not found by its name */
            return creel_fail_nomem(err);
    }
    return 0;
}

static int prepare_borders(struct query *q, struct creel_err *err)
{
    const struct strv *before = filters_get(&q->filters, "before"), *since = filters_get(&q->filters, "since");
    q->before_ns = INT64_MAX;
    q->after_ns = INT64_MIN;
    for (int side = 0; side < 2; side++) {
        const struct strv *v = side == 0 ? before : since;
        for (size_t i = 0; v != NULL && i < v->count; i++) {
            char id[65];
            struct container_row row;
            if (container_row_resolve(q->e->store, v->items[i], id, err) < 0
                || container_row_get(q->e->store, id, &row, err) < 0)
                return -1;
            if (side == 0 && row.created_ns < q->before_ns)
                q->before_ns = row.created_ns;
            if (side == 1 && row.created_ns > q->after_ns)
                q->after_ns = row.created_ns;
            container_row_fini(&row);
        }
    }
    return 0;
}

/* The layers from the bottom up, so that an image built on another begins with the other's text. */
static int image_chain(const struct engine_image *img, struct bytes *out)
{
    for (size_t i = img->lower.count; i > 0; i--)
        bytes_addf(out, "%s\n", img->lower.items[i - 1]);
    return bytes_ok(out) ? 0 : -1;
}

static int prepare_ancestors(struct query *q, struct creel_err *err)
{
    const struct strv *v = filters_get(&q->filters, "ancestor");
    q->by_ancestor = v != NULL;
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        auto_engine_image img = { 0 };
        struct creel_err none = { 0 };
        auto_bytes text = BYTES_INIT;
        if (engine_image_find(q->e, v->items[i], &img, &none) < 0)
            continue; /* an unknown ancestor has no descendants */
        bytes_addf(&text, "%s\n", img.id);
        if (image_chain(&img, &text) < 0 || !strv_add(&q->ancestors, bytes_str(&text)))
            return creel_fail_nomem(err);
    }
    return 0;
}

static int prepare_ports(struct query *q, const char *key, struct filter_ports **ret, size_t *ret_count,
                         struct creel_err *err)
{
    const struct strv *v = filters_get(&q->filters, key);
    if (v == NULL)
        return 0;
    *ret = calloc(v->count, sizeof **ret);
    if (*ret == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < v->count; i++) {
        if (!filter_ports_parse(v->items[i], &(*ret)[i]))
            return filters_fail(err, key, v->items[i]);
    }
    *ret_count = v->count;
    q->with_spec = true;
    return 0;
}

/* Filters of things a container here never has: tasks of a cluster; health, until checks run. */
static int prepare_constant(struct query *q, struct creel_err *err)
{
    static const char *const health[] = { "starting", "healthy", "unhealthy", "none" };
    int task = filters_bool(&q->filters, "is-task", err);
    if (task == -2)
        return -1;
    q->nothing = task == 1;
    const struct strv *v = filters_get(&q->filters, "health");
    bool none = v == NULL;
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        size_t k = 0;
        while (k < ARRAY_LEN(health) && strcmp(health[k], v->items[i]) != 0)
            k++;
        if (k == ARRAY_LEN(health))
            return filters_fail(err, "health", v->items[i]);
        none = none || k == ARRAY_LEN(health) - 1;
    }
    q->nothing = q->nothing || !none;
    return 0;
}

static int prepare(struct query *q, const struct creel_list_options *o, struct creel_err *err)
{
    bool all = o->all || o->limit > 0 || filters_get(&q->filters, "exited") != NULL;
    const struct strv *names = filters_get(&q->filters, "name");
    q->labels = filters_get(&q->filters, "label");
    q->volumes = filters_get(&q->filters, "volume");
    q->networks = filters_get(&q->filters, "network");
    q->limit = o->limit;
    q->now_ns = clock_now_ns();
    if (names != NULL && filter_patterns_new(names, &q->names, err) < 0)
        return -1;
    return prepare_status(q, all, err) < 0 || prepare_exited(q, err) < 0 || prepare_ids(q, err) < 0
                   || prepare_borders(q, err) < 0 || prepare_constant(q, err) < 0
                   || prepare_ports(q, "publish", &q->publish, &q->publish_count, err) < 0
                   || prepare_ports(q, "expose", &q->expose, &q->expose_count, err) < 0
                   || prepare_ancestors(q, err) < 0
               ? -1
               : 0;
}

/* --- matching, cheapest first --- */

static bool has_exit(const struct query *q, const struct state_facts *f)
{
    if (q->exited_count == 0)
        return true;
    if (f->running || f->started_ns == 0)
        return false;
    for (size_t i = 0; i < q->exited_count; i++) {
        if (q->exited[i] == f->exit_code)
            return true;
    }
    return false;
}

/* The pattern is tried on the name with and without its slash. */
static bool has_name(const struct query *q, const char *name)
{
    char slashed[260];
    if (q->names == NULL)
        return true;
    int n = snprintf(slashed, sizeof slashed, "/%s", name);
    return n > 0 && (filter_patterns_match(q->names, slashed) || filter_patterns_match(q->names, slashed + 1));
}

static bool has_volume(const struct strv *want, const char *mounts)
{
    static const char *const keys[] = { "Name", "Source", "Destination" };
    if (want == NULL)
        return true;
    json_t *list = mounts != NULL ? json_loads(mounts, 0, NULL) : NULL, *m;
    bool found = false;
    size_t i;
    json_array_foreach(list, i, m) {
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            const char *v = json_string_value(json_object_get(m, keys[k]));
            found = found || (v != NULL && v[0] != '\0' && strv_has(want, v));
        }
    }
    json_decref(list);
    return found;
}

/* A key such as "8080/tcp" of a port table, in one of the ranges. */
static bool in_ranges(const char *key, const struct filter_ports *ranges, size_t count)
{
    struct filter_ports p;
    if (!filter_ports_parse(key, &p))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (p.first <= ranges[i].last && p.last >= ranges[i].first && strcmp(p.proto, ranges[i].proto) == 0)
            return true;
    }
    return false;
}

static bool has_port(json_t *table, const struct filter_ports *ranges, size_t count)
{
    const char *key;
    json_t *value;
    bool found = count == 0;
    json_object_foreach(table, key, value)
        found = found || in_ranges(key, ranges, count);
    return found;
}

static bool has_ports(const struct query *q, const char *spec)
{
    if (q->publish_count + q->expose_count == 0)
        return true;
    json_t *doc = spec != NULL ? json_loads(spec, 0, NULL) : NULL;
    json_t *bound = json_object_get(json_object_get(doc, "HostConfig"), "PortBindings");
    json_t *exposed = json_object_get(json_object_get(doc, "Config"), "ExposedPorts");
    bool found = has_port(bound, q->publish, q->publish_count) && has_port(exposed, q->expose, q->expose_count);
    json_decref(doc);
    return found;
}

/* Made from an ancestor, or from an image whose lowest layers are the ancestor's. */
static bool has_ancestor(const struct query *q, const char *image_id)
{
    if (!q->by_ancestor)
        return true;
    if (image_id == NULL || q->ancestors.count == 0)
        return false;
    auto_engine_image img = { 0 };
    auto_bytes chain = BYTES_INIT;
    struct creel_err none = { 0 };
    bool known = engine_image_find(q->e, image_id, &img, &none) == 0 && image_chain(&img, &chain) == 0;
    for (size_t i = 0; i < q->ancestors.count; i++) {
        const char *a = q->ancestors.items[i];
        size_t id_len = strcspn(a, "\n");
        if (strlen(image_id) == id_len && memcmp(image_id, a, id_len) == 0)
            return true;
        if (known && a[id_len + 1] != '\0' && strncmp(bytes_str(&chain), a + id_len + 1, strlen(a + id_len + 1)) == 0)
            return true;
    }
    return false;
}

static bool matches(const struct query *q, const struct container_row *r, const struct state_facts *f)
{
    return r->created_ns < q->before_ns && r->created_ns > q->after_ns
           && (q->status == NULL || strv_has(q->status, state_text_state(f))) && has_exit(q, f)
           && (!q->by_id || strv_has(&q->ids, r->id)) && has_name(q, r->name != NULL ? r->name : "")
           && (q->networks == NULL || (r->network_mode != NULL && strv_has(q->networks, r->network_mode)))
           && filters_match_labels(q->labels, r->labels) && has_volume(q->volumes, r->mounts) && has_ports(q, r->spec)
           && has_ancestor(q, r->image_id);
}

/* --- keeping --- */

/* The image as the list shows it: what the user wrote while that still names the image, else its short id. */
static const char *shown_image(struct query *q, const struct container_row *r, char *buf, size_t size)
{
    const char *ref = r->image_ref != NULL ? r->image_ref : "", *id = r->image_id != NULL ? r->image_id : "";
    struct tag *t = NULL;
    for (size_t i = 0; t == NULL && i < q->tag_count; i++)
        t = strcmp(q->tags[i].ref, ref) == 0 ? &q->tags[i] : NULL;
    if (t == NULL) {
        struct tag *tags = realloc(q->tags, (q->tag_count + 1) * sizeof *tags);
        if (tags == NULL)
            return NULL;
        q->tags = tags;
        t = &tags[q->tag_count];
        struct creel_err none = { 0 };
        if (ref[0] == '\0' || engine_image_lookup(q->e, ref, t->id, NULL, &none) < 0)
            t->id[0] = '\0';
        t->ref = strdup(ref);
        if (t->ref == NULL)
            return NULL;
        q->tag_count++;
    }
    if (strcmp(t->id, id) == 0)
        return ref;
    const char *hex = strchr(id, ':');
    int n = snprintf(buf, size, "%.12s", hex != NULL ? hex + 1 : id);
    return n < 0 ? NULL : buf;
}

static struct entry *entry_new(const struct container_row *r, const struct state_facts *f, const char *image)
{
    const char *texts[] = { r->id, r->name, image, r->image_id, r->command, r->labels, r->mounts, r->network_mode };
    static const char *const defaults[] = { "", "", "", "", "", "{}", "[]", "" };
    size_t sizes[ARRAY_LEN(texts)], total = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        texts[i] = texts[i] != NULL ? texts[i] : defaults[i];
        sizes[i] = strlen(texts[i]) + 1;
        total += sizes[i];
    }
    struct entry *x = malloc(sizeof *x + total);
    if (x == NULL)
        return NULL;
    const char *at[ARRAY_LEN(texts)];
    char *p = x->text;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++, p += sizes[i - 1]) {
        memcpy(p, texts[i], sizes[i]);
        at[i] = p;
    }
    x->facts = *f;
    x->row = (struct creel_container_row){
        .id = at[0], .name = at[1], .image = at[2], .image_id = at[3], .command = at[4], .labels_json = at[5],
        .mounts_json = at[6], .network_mode = at[7], .created_ns = r->created_ns, .started_ns = r->started_ns,
        .finished_ns = r->finished_ns, .size_rw = -1, .size_root = -1, .pid = (int)r->pid, .exit_code = f->exit_code,
    };
    return x;
}

static bool is_stale(const struct query *q, const struct container_row *r)
{
    const char *boot = sys_boot_id();
    return (boot[0] != '\0' && r->boot_id != NULL && strcmp(boot, r->boot_id) != 0) || !engine_run_alive(q->e, r->id);
}

static int keep(void *arg, const struct container_row *r)
{
    struct query *q = arg;
    const struct state_facts f = state_facts_of(r);
    if (f.running && is_stale(q, r) && !strv_add(&q->stale, r->id))
        goto nomem;
    if (!matches(q, r, &f))
        return 0;
    if (q->count == q->cap) {
        size_t cap = q->cap == 0 ? 16 : q->cap * 2;
        struct entry **items = realloc(q->items, cap * sizeof *items);
        if (items == NULL)
            goto nomem;
        q->items = items;
        q->cap = cap;
    }
    char buf[16];
    const char *image = shown_image(q, r, buf, sizeof buf);
    struct entry *x = image != NULL ? entry_new(r, &f, image) : NULL;
    if (x == NULL)
        goto nomem;
    q->items[q->count++] = x;
    return q->limit > 0 && q->count == (size_t)q->limit;
nomem:
    q->failed = true;
    (void)creel_fail_nomem(&q->err);
    return 1;
}

/* --- showing --- */

static void measure(struct creel *e, struct creel_container_row *row)
{
    auto_free char *upper = NULL;
    auto_image_row image = { 0 };
    struct creel_err none = { 0 };
    if (asprintf(&upper, "containers/%s/upper", row->id) < 0)
        return;
    row->size_rw = tree_size(e->root_fd, upper);
    row->size_root = row->size_rw + (image_row_get(e->store, row->image_id, &image, &none) == 0 ? image.size : 0);
}

static void show(struct query *q, bool with_size,
                 int (*each)(void *arg, const struct creel_container_row *row), void *arg)
{
    for (size_t i = 0; i < q->count; i++) {
        char status[STATE_TEXT_MAX];
        struct creel_container_row *row = &q->items[i]->row;
        row->state = state_text_state(&q->items[i]->facts);
        row->status = state_text_status(&q->items[i]->facts, q->now_ns, status);
        if (with_size)
            measure(q->e, row);
        if (each(arg, row) != 0)
            return;
    }
}

static int run_query(struct query *q, const struct creel_list_options *o, struct creel_err *err)
{
    static const char *const known[] = { "ancestor", "before", "exited", "expose", "health", "id", "is-task",
                                         "isolation", "label", "name", "network", "publish", "since", "status",
                                         "volume", NULL };
    if (filters_parse(o->filters_json, known, &q->filters, err) < 0 || store_read_begin(q->e->store, NULL, err) < 0)
        return -1;
    int r = prepare(q, o, err);
    if (r == 0 && !q->nothing)
        r = container_row_list(q->e->store, q->states, q->with_spec, keep, q, err);
    store_read_end(q->e->store);
    return q->failed ? creel_fail_as(err, &q->err) : r;
}

/* Whether there was anything to bring back. */
static bool reconcile(struct query *q)
{
    for (size_t i = 0; i < q->stale.count; i++) {
        struct creel_err ignored = { 0 }; /* the list then shows what the row says; creel check tells why */
        (void)engine_reconcile(q->e, q->stale.items[i], &ignored);
    }
    return q->stale.count > 0;
}

int creel_container_list(struct creel *e, const struct creel_list_options *options,
                         int (*each)(void *arg, const struct creel_container_row *row), void *arg,
                         struct creel_err *err)
{
    struct creel_list_options o = { .size = sizeof o };
    if (options != NULL)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    auto_cleanup(query_fini) struct query q = { .e = e };
    if (run_query(&q, &o, err) < 0)
        return -1;
    if (reconcile(&q)) {
        query_fini(&q);
        q = (struct query){ .e = e };
        if (run_query(&q, &o, err) < 0)
            return -1;
    }
    show(&q, o.with_size != 0, each, arg);
    return 0;
}
