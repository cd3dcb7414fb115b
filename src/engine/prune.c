/* SPDX-License-Identifier: Apache-2.0 */
/* engine/prune.c: `creel system prune`: stopped containers, then images that nothing uses, then what they were made
 * of. */
#include "engine/filters.h"
#include "engine/image_work.h"

#include "base/clock.h"

#include <string.h>

struct pruning {
    struct creel *e;
    struct filters filters;
    int64_t until_ns;               /* 0: none */
    bool all_images;
    struct strv containers;         /* candidates */
    json_t *deleted_containers, *deleted_images;
    int64_t freed;
    struct strv said;
    bool failed;
};

static bool old_enough(const struct pruning *p, int64_t created_ns)
{
    return p->until_ns == 0 || created_ns < p->until_ns;
}

static bool labels_match(const struct pruning *p, const char *labels_json)
{
    const struct strv *want = filters_get(&p->filters, "label"), *not_want = filters_get(&p->filters, "label!");
    if (want != NULL && !filters_match_labels(want, labels_json))
        return false;
    for (size_t i = 0; not_want != NULL && i < not_want->count; i++) {
        const struct strv one = { .items = &not_want->items[i], .count = 1 };
        if (filters_match_labels(&one, labels_json))
            return false;
    }
    return true;
}

static int take_container(void *arg, const struct creel_container_row *r)
{
    struct pruning *p = arg;
    bool stopped =
        strcmp(r->state, "created") == 0 || strcmp(r->state, "exited") == 0 || strcmp(r->state, "dead") == 0;
    if (!stopped || !old_enough(p, r->created_ns) || !labels_match(p, r->labels_json))
        return 0;
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)(r->size_rw > 0 ? r->size_rw : 0));
    p->failed = !strv_add(&p->containers, r->id) || !strv_add(&p->containers, text);
    return p->failed;
}

/* A container that was started or removed by somebody since it was listed stays as it is. */
static int prune_containers(struct pruning *p, struct creel_err *err)
{
    const struct creel_list_options o = { .size = sizeof o, .all = 1, .with_size = 1 };
    if (creel_container_list(p->e, &o, take_container, p, err) < 0)
        return -1;
    for (size_t i = 0; i + 1 < p->containers.count && !p->failed; i += 2) {
        const struct creel_remove_options how = { .size = sizeof how };
        struct creel_err why = { .kind = CREEL_OK };
        const char *id = p->containers.items[i];
        if (creel_container_remove(p->e, id, &how, &why) < 0) {
            if (why.kind == CREEL_CONFLICT || why.kind == CREEL_NOT_FOUND)
                continue;
            return creel_fail(err, why.kind, 0, "removing container %.12s: %s", id, why.text);
        }
        p->freed += strtoll(p->containers.items[i + 1], NULL, 10);
        p->failed = json_array_append_new(p->deleted_containers, json_string(id)) < 0;
    }
    return p->failed ? creel_fail_nomem(err) : 0;
}

struct candidate_list { struct pruning *p; struct strv ids; };

static int any_name(void *arg, const char *name, const char *id)
{
    (void)name;
    (void)id;
    *(bool *)arg = true;
    return 1;
}

static int take_image(void *arg, const struct image_row *r)
{
    struct candidate_list *l = arg;
    if (old_enough(l->p, r->created_ns) && labels_match(l->p, r->labels))
        l->p->failed = !strv_add(&l->ids, r->id);
    return l->p->failed;
}

/* 1 when nothing keeps the image. */
static int is_unused(struct pruning *p, const char *id, struct creel_err *err)
{
    bool named = false;
    int64_t users = 0, children = 0;
    int there = image_row_exists(p->e->store, id, err); /* went with its child, perhaps */
    if (there <= 0)
        return there;
    if (image_name_each(p->e->store, id, any_name, &named, err) < 0
        || container_row_image_users(p->e->store, id, &users, err) < 0
        || image_child_count(p->e->store, id, &children, err) < 0)
        return -1;
    return (p->all_images || !named) && users == 0 && children == 0;
}

/* Until a pass over all finds nothing: a parent becomes unused when its last child goes. */
static int prune_inside(void *arg, struct store_tx *tx, struct creel_err *err)
{
    struct candidate_list l = { .p = arg, .ids = STRV_INIT };
    int r = image_row_each(l.p->e->store, take_image, &l, err);
    if (l.p->failed)
        r = creel_fail_nomem(err);
    for (bool again = true; again && r >= 0;) {
        again = false;
        for (size_t i = 0; i < l.ids.count && r >= 0; i++) {
            r = is_unused(l.p, l.ids.items[i], err);
            if (r != 1)
                continue;
            again = true;
            r = engine_image_delete(l.p->e, tx, l.ids.items[i], true, &l.p->said, err);
        }
    }
    strv_fini(&l.ids);
    return r < 0 ? -1 : 0;
}

static int prune_images(struct pruning *p, struct creel_err *err)
{
    if (engine_image_sweep(p->e, prune_inside, p, &p->freed, err) < 0)
        return -1;
    for (size_t i = 0; i + 1 < p->said.count; i += 2) {
        bool untagged = strcmp(p->said.items[i], "untagged") == 0;
        json_t *o = json_pack("{s:s}", untagged ? "Untagged" : "Deleted", p->said.items[i + 1]);
        if (json_array_append_new(p->deleted_images, o) < 0)
            return creel_fail_nomem(err);
    }
    return 0;
}

static int read_filters(struct pruning *p, const char *json, struct creel_err *err)
{
    static const char *const known[] = { "label", "label!", "until", NULL };
    if (filters_parse(json, known, &p->filters, err) < 0)
        return -1;
    const struct strv *until = filters_get(&p->filters, "until");
    if (until != NULL && !clock_parse_when(until->items[0], clock_now_ns(), &p->until_ns))
        return filters_fail(err, "until", until->items[0]);
    return 0;
}

int creel_system_prune(struct creel *e, int all_images, const char *filters_json, char **ret_json,
                       struct creel_err *err)
{
    struct pruning p = { .e = e, .all_images = all_images != 0, .deleted_containers = json_array(),
                         .deleted_images = json_array() };
    int r = p.deleted_containers == NULL || p.deleted_images == NULL ? creel_fail_nomem(err)
                                                                      : read_filters(&p, filters_json, err);
    if (r == 0)
        r = prune_containers(&p, err);
    if (r == 0)
        r = prune_images(&p, err);
    if (r == 0) {
        json_t *o = json_pack("{s:O,s:O,s:I}", "ContainersDeleted", p.deleted_containers, "ImagesDeleted",
                              p.deleted_images, "SpaceReclaimed", (json_int_t)p.freed);
        *ret_json = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (*ret_json == NULL)
            r = creel_fail_nomem(err);
    }
    filters_fini(&p.filters);
    strv_fini(&p.containers);
    strv_fini(&p.said);
    json_decref(p.deleted_containers);
    json_decref(p.deleted_images);
    return r;
}
