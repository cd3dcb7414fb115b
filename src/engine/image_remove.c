/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_remove.c: names given and taken away, and images that go with their last name. */
#include "engine/image_work.h"

#include "base/clock.h"
#include "base/ident.h"

#include <string.h>

static int image_event(struct store_tx *tx, const char *action, const char *id, const char *name,
                       struct creel_err *err)
{
    json_t *o = json_pack("{s:s}", "name", name);
    auto_free char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text == NULL ? creel_fail_nomem(err) : event_row_append(tx, "image", action, id, text, err);
}

int creel_image_tag(struct creel *e, const char *ref, const char *new_ref, struct creel_err *err)
{
    struct reference name;
    char id[72], text[REFERENCE_TEXT_MAX], familiar[REFERENCE_TEXT_MAX];
    if (reference_parse_tagged(new_ref, &name, err) < 0)
        return -1;
    if (name.digest[0] != '\0')
        return creel_fail(err, CREEL_INVALID, 0, "cannot tag as %s: a digest cannot be chosen", new_ref);
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || engine_image_lookup(e, ref, id, NULL, err) < 0
        || image_name_put(&tx, reference_print(&name, text), id, clock_now_ns(), NULL, err) < 0
        || image_event(&tx, "tag", id, reference_print_familiar(&name, familiar), err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* What a removal does, decided and checked inside its transaction. */
struct removal {
    struct creel *e;
    const char *ref;
    bool force, no_prune;
    char id[72];
    struct reference name;      /* what it was asked for as; empty: by id */
    struct strv names;          /* that go */
    struct strv said;           /* pairs: what, name; told to the caller after the commit */
};

static int take_name(void *arg, const char *name, const char *id)
{
    (void)id;
    return !strv_add(arg, name);
}

/* The first container that uses the image and whether one of them has a process. */
struct users { const char *image; char first[IDENT_SHORT_LEN + 1], running[IDENT_SHORT_LEN + 1]; };

static int find_user(void *arg, const struct container_row *r)
{
    struct users *u = arg;
    if (r->image_id == NULL || strcmp(r->image_id, u->image) != 0)
        return 0;
    if (u->first[0] == '\0')
        (void)snprintf(u->first, sizeof u->first, "%.12s", r->id);
    if (r->state == CONTAINER_RUNNING || r->state == CONTAINER_PAUSED || r->state == CONTAINER_STARTING)
        (void)snprintf(u->running, sizeof u->running, "%.12s", r->id);
    return 0;
}

static int find_users(struct removal *m, struct users *ret, struct creel_err *err)
{
    *ret = (struct users){ .image = m->id };
    return container_row_each(m->e->store, 0, 0, false, find_user, ret, err);
}

/* Docker's rules and words. By name: only the last name of an image that containers use needs force. By id:
 * everything needs force that would surprise. Unlike with Docker an image that a container uses never goes, not even
 * by force: it loses its names, the container can still be started, and pruning takes the image later. */
static int check_by_name(struct removal *m, const struct users *u, bool last, bool *ret_delete, struct creel_err *err)
{
    char familiar[REFERENCE_TEXT_MAX];
    *ret_delete = last && u->first[0] == '\0';
    if (last && u->first[0] != '\0' && !m->force)
        return creel_fail(
            err, CREEL_CONFLICT, 0,
            "conflict: unable to remove repository reference \"%s\" (must force) - container %s is using its "
            "referenced image %.12s",
            reference_print_familiar(&m->name, familiar), u->first, m->id + 7);
    return 0;
}

static int check_by_id(struct removal *m, const struct users *u, size_t repositories, int64_t children,
                       bool *ret_delete, struct creel_err *err)
{
    static const char conflict[] = "conflict: unable to delete %.12s (%s be forced) - image %s%s";
    *ret_delete = u->first[0] == '\0';
    if (u->running[0] != '\0')
        return creel_fail(err, CREEL_CONFLICT, 0, conflict, m->id + 7, "cannot",
                          "is being used by running container ", u->running);
    if (children > 0)
        return creel_fail(err, CREEL_CONFLICT, 0, conflict, m->id + 7, "cannot", "has dependent child images", "");
    if (repositories > 1 && !m->force)
        return creel_fail(err, CREEL_CONFLICT, 0, conflict, m->id + 7, "must",
                          "is referenced in multiple repositories", "");
    if (u->first[0] != '\0' && !m->force)
        return creel_fail(err, CREEL_CONFLICT, 0, conflict, m->id + 7, "must", "is being used by stopped container ",
                          u->first);
    return 0;
}

static size_t count_repositories(const struct strv *names)
{
    struct reference a, b;
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = reference_parse(names->items[i], &a, NULL) == 0 && reference_parse(names->items[k], &b, NULL) == 0
                   && strcmp(a.name, b.name) == 0;
        count += !seen;
    }
    return count;
}

static int say(struct strv *said, const char *what, const char *name, struct creel_err *err)
{
    return strv_add(said, what) && strv_add(said, name) ? 0 : creel_fail_nomem(err);
}

static int untag(struct store_tx *tx, const char *id, const char *name, struct strv *said, struct creel_err *err)
{
    struct reference r;
    char familiar[REFERENCE_TEXT_MAX];
    if (reference_parse(name, &r, err) < 0)
        return -1;
    (void)reference_print_familiar(&r, familiar);
    if (image_name_delete(tx, name, err) < 0 || image_event(tx, "untag", id, familiar, err) < 0)
        return -1;
    return say(said, "untagged", familiar, err);
}

static int delete_one(struct store_tx *tx, const char *id, const struct strv *names, struct strv *said,
                      struct creel_err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (untag(tx, id, names->items[i], said, err) < 0)
            return -1;
    if (image_row_delete(tx, id, err) < 0 || image_event(tx, "delete", id, id, err) < 0)
        return -1;
    return say(said, "deleted", id, err);
}

int engine_image_delete(struct creel *e, struct store_tx *tx, const char *id, bool no_prune, struct strv *said,
                        struct creel_err *err)
{
    char next[72];
    (void)snprintf(next, sizeof next, "%s", id);
    for (bool first = true;; first = false) {
        auto_image_row row = { .rev = 0 };
        auto_strv names = STRV_INIT;
        int64_t children = 0, users = 0;
        if (image_row_get(e->store, next, &row, err) < 0
            || image_name_each(e->store, next, take_name, &names, err) < 0
            || image_child_count(e->store, next, &children, err) < 0
            || container_row_image_users(e->store, next, &users, err) < 0)
            return -1;
        if (!first && (names.count > 0 || children > 0 || users > 0))
            return 0;
        if (delete_one(tx, next, &names, said, err) < 0)
            return -1;
        if (row.parent == NULL || no_prune)
            return 0;
        int there = image_row_exists(e->store, row.parent, err);
        if (there <= 0)
            return there;
        (void)snprintf(next, sizeof next, "%s", row.parent);
    }
}

static int remove_inside(void *arg, struct store_tx *tx, struct creel_err *err)
{
    struct removal *m = arg;
    struct users u;
    auto_strv names = STRV_INIT;
    char canonical[REFERENCE_TEXT_MAX];
    int64_t children = 0;
    bool delete_image;
    if (engine_image_lookup(m->e, m->ref, m->id, &m->name, err) < 0 || find_users(m, &u, err) < 0
        || image_name_each(m->e->store, m->id, take_name, &names, err) < 0
        || image_child_count(m->e->store, m->id, &children, err) < 0)
        return -1;
    bool by_name = m->name.name[0] != '\0';
    if (by_name) {
        if (check_by_name(m, &u, names.count == 1, &delete_image, err) < 0
            || untag(tx, m->id, reference_print(&m->name, canonical), &m->said, err) < 0)
            return -1;
        delete_image = delete_image && children == 0;
    } else {
        if (check_by_id(m, &u, count_repositories(&names), children, &delete_image, err) < 0)
            return -1;
        for (size_t i = 0; i < names.count && !delete_image; i++)
            if (untag(tx, m->id, names.items[i], &m->said, err) < 0)
                return -1;
    }
    return delete_image ? engine_image_delete(m->e, tx, m->id, m->no_prune, &m->said, err) : 0;
}

int creel_image_remove(struct creel *e, const char *ref, int force, int no_prune,
                       void (*each)(void *arg, const char *what, const char *name), void *arg, struct creel_err *err)
{
    struct removal m = { .e = e, .ref = ref, .force = force != 0, .no_prune = no_prune != 0, .said = STRV_INIT };
    int r = engine_image_sweep(e, remove_inside, &m, NULL, err);
    for (size_t i = 0; r == 0 && each != NULL && i + 1 < m.said.count; i += 2)
        each(arg, m.said.items[i], m.said.items[i + 1]);
    strv_fini(&m.said);
    return r;
}
