/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_list.c: `creel images`: one row per name, over one snapshot of the store. */
#include "engine/filters.h"
#include "engine/image_work.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static const char none[] = "<none>";

struct listing {
    struct creel *e;
    struct filters filters;
    bool all;
    json_t *names;                          /* id → list of canonical names */
    json_t *users;                          /* id → number of containers */
    int64_t before_ns, since_ns, until_ns;  /* 0: not asked for */
    char before_id[72], since_id[72];
    int dangling;                           /* 1, 0, -1 */
    int (*each)(void *arg, const struct creel_image_row *row);
    void *arg;
    bool stop;
    struct creel_err *err;
    bool failed;
};

static int collect_name(void *arg, const char *name, const char *id)
{
    struct listing *l = arg;
    json_t *list = json_object_get(l->names, id);
    if (list == NULL) {
        list = json_array();
        if (list == NULL || json_object_set_new(l->names, id, list) < 0)
            return l->failed = true;
    }
    return l->failed = json_array_append_new(list, json_string(name)) < 0;
}

static int collect_user(void *arg, const struct container_row *r)
{
    struct listing *l = arg;
    if (r->image_id == NULL)
        return 0;
    json_int_t n = json_integer_value(json_object_get(l->users, r->image_id));
    return l->failed = json_object_set_new(l->users, r->image_id, json_integer(n + 1)) < 0;
}

static bool wanted_image(struct listing *l, const struct image_row *r)
{
    const struct strv *labels = filters_get(&l->filters, "label");
    if (labels != NULL && !filters_match_labels(labels, r->labels))
        return false;
    if (l->before_id[0] != '\0' && (r->created_ns >= l->before_ns || strcmp(r->id, l->before_id) == 0))
        return false;
    if (l->since_id[0] != '\0' && (r->created_ns <= l->since_ns || strcmp(r->id, l->since_id) == 0))
        return false;
    return l->until_ns == 0 || r->created_ns < l->until_ns;
}

/* Whether the filter "reference" lets this name pass; 1, 0, -1 a bad pattern. */
static int wanted_name(struct listing *l, const struct reference *ref)
{
    const struct strv *patterns = filters_get(&l->filters, "reference");
    if (patterns == NULL)
        return 1;
    for (size_t i = 0; i < patterns->count; i++) {
        int m = ref->name[0] != '\0' ? reference_matches(ref, patterns->items[i]) : 0;
        if (m < 0)
            return filters_fail(l->err, "reference", patterns->items[i]);
        if (m == 1)
            return 1;
    }
    return 0;
}

static void emit(struct listing *l, const struct image_row *r, const struct reference *ref)
{
    const struct creel_image_row row = {
        .id = r->id,
        .repository = ref->name[0] != '\0' ? reference_familiar_name(ref->name) : none,
        .tag = ref->tag[0] != '\0' ? ref->tag : none,
        .digest = ref->digest[0] != '\0' ? ref->digest : none,
        .created_ns = r->created_ns,
        .size = r->size,
        .containers = (int)json_integer_value(json_object_get(l->users, r->id)),
        .labels_json = r->labels != NULL ? r->labels : "{}",
    };
    l->stop = l->each(l->arg, &row) != 0;
}

static int list_image(void *arg, const struct image_row *r)
{
    struct listing *l = arg;
    const json_t *names = json_object_get(l->names, r->id), *name;
    struct reference ref = { .name = "" };
    size_t i;
    int64_t children = 0;
    bool dangling = json_array_size(names) == 0;
    if (!wanted_image(l, r) || (l->dangling >= 0 && l->dangling != (int)dangling))
        return 0;
    if (dangling && !l->all && image_child_count(l->e->store, r->id, &children, l->err) < 0)
        return l->failed = true;
    if (dangling && children == 0) {
        int w = wanted_name(l, &ref);
        if (w == 1)
            emit(l, r, &ref);
        l->failed = w < 0;
    }
    json_array_foreach(names, i, name) {
        int w = reference_parse(json_string_value(name), &ref, l->err) < 0 ? -1 : wanted_name(l, &ref);
        if (w < 0)
            return l->failed = true;
        if (w == 1 && !l->stop)
            emit(l, r, &ref);
    }
    return l->failed || l->stop;
}

static int find_limit(struct listing *l, const char *key, char *ret_id, int64_t *ret_ns)
{
    const struct strv *v = filters_get(&l->filters, key);
    auto_image_row row = { .rev = 0 };
    if (v == NULL)
        return 0;
    if (engine_image_lookup(l->e, v->items[0], ret_id, NULL, l->err) < 0
        || image_row_get(l->e->store, ret_id, &row, l->err) < 0)
        return -1;
    *ret_ns = row.created_ns;
    return 0;
}

static int read_filters(struct listing *l, const char *json)
{
    static const char *const known[] = { "before", "dangling", "label", "reference", "since", "until", NULL };
    if (filters_parse(json, known, &l->filters, l->err) < 0)
        return -1;
    const struct strv *until = filters_get(&l->filters, "until");
    if (until != NULL && !clock_parse_when(until->items[0], clock_now_ns(), &l->until_ns))
        return filters_fail(l->err, "until", until->items[0]);
    l->dangling = filters_bool(&l->filters, "dangling", l->err);
    return l->dangling == -2 ? -1 : 0;
}

static int list_in_snapshot(struct listing *l)
{
    struct store *s = l->e->store;
    if (find_limit(l, "before", l->before_id, &l->before_ns) < 0
        || find_limit(l, "since", l->since_id, &l->since_ns) < 0)
        return -1;
    if (image_name_each(s, NULL, collect_name, l, l->err) < 0
        || container_row_each(s, 0, 0, false, collect_user, l, l->err) < 0)
        return -1;
    if (l->failed)
        return creel_fail_nomem(l->err);
    return image_row_each(s, list_image, l, l->err) < 0 || l->failed ? -1 : 0;
}

int creel_image_list(struct creel *e, int all, const char *filters_json,
                     int (*each)(void *arg, const struct creel_image_row *row), void *arg, struct creel_err *err)
{
    struct creel_err own = { 0 };
    struct listing l = { .e = e, .all = all != 0, .names = json_object(), .users = json_object(), .each = each,
                         .arg = arg, .err = err != NULL ? err : &own };
    int64_t rev;
    int r = l.names == NULL || l.users == NULL ? creel_fail_nomem(err) : read_filters(&l, filters_json);
    if (r == 0) {
        r = store_read_begin(e->store, &rev, err);
        if (r == 0) {
            r = list_in_snapshot(&l);
            store_read_end(e->store);
        }
    }
    filters_fini(&l.filters);
    json_decref(l.names);
    json_decref(l.users);
    return r;
}
