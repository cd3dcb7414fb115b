/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_find.c: from what people write to an image. Full id, then name, then unique id prefix. */
#include "engine/image_work.h"

#include "base/ident.h"

#include <inttypes.h>
#include <string.h>

static int no_such_image(const char *ref, struct creel_err *err)
{
    struct reference r;
    bool named = reference_parse(ref, &r, NULL) == 0;
    return creel_fail(err, CREEL_NOT_FOUND, 0, "No such image: %.300s%s", ref,
                      named && r.tag[0] == '\0' && r.digest[0] == '\0' ? ":latest" : "");
}

/* "sha256:<hex>" or "<hex>", whole or the beginning. 1, 0, -1. */
static int lookup_id(struct creel *e, const char *ref, char *ret_id, struct creel_err *err)
{
    const char *hex = strncmp(ref, "sha256:", 7) == 0 ? ref + 7 : ref;
    if (!ident_is_prefix(hex))
        return 0;
    int n = image_row_by_prefix(e->store, hex, ret_id, err);
    if (n > 1)
        return creel_fail(err, CREEL_INVALID, 0, "image id %s is ambiguous: more than one begins with it", ref);
    return n;
}

int engine_image_lookup(struct creel *e, const char *ref, char *ret_id, struct reference *ret_name,
                        struct creel_err *err)
{
    struct reference name;
    char canonical[REFERENCE_TEXT_MAX];
    int found = 0;
    if (ret_name != NULL)
        *ret_name = (struct reference){ .name = "" };
    if (digest_ok(ref) || ident_is_full(ref))
        found = lookup_id(e, ref, ret_id, err);
    if (found == 0 && reference_parse_tagged(ref, &name, NULL) == 0) {
        found = image_name_get(e->store, reference_print(&name, canonical), ret_id, err);
        if (found == 1 && ret_name != NULL)
            *ret_name = name;
    }
    if (found == 0)
        found = lookup_id(e, ref, ret_id, err);
    if (found < 0)
        return -1;
    if (found == 0 && reference_parse(ref, &name, err) < 0 && !ident_is_full(ref) && !digest_ok(ref))
        return -1; /* not even a name: say what is wrong with it */
    return found == 0 ? no_such_image(ref, err) : 0;
}

void engine_image_fini(struct engine_image *i)
{
    free(i->ref);
    free(i->config);
    strv_fini(&i->lower);
    *i = (struct engine_image){ .lower = STRV_INIT };
}

struct lower { struct strv *names; bool failed; };

static int add_lower(void *arg, const struct layer_row *l)
{
    struct lower *lower = arg;
    lower->failed = !strv_addf(lower->names, "%" PRId64 "/fs", l->n);
    return lower->failed;
}

/* The store lists the lowest first, overlay wants the topmost first. */
static void reverse(struct strv *v)
{
    for (size_t a = 0, b = v->count; a + 1 < b; a++) {
        b--;
        char *t = v->items[a];
        v->items[a] = v->items[b];
        v->items[b] = t;
    }
}

static int first_name(void *arg, const char *name, const char *id)
{
    (void)id;
    char *buf = arg;
    struct reference r;
    if (reference_parse(name, &r, NULL) == 0)
        (void)reference_print_familiar(&r, buf);
    return 1;
}

int engine_image_find(struct creel *e, const char *ref, struct engine_image *ret, struct creel_err *err)
{
    auto_engine_image img = { .lower = STRV_INIT };
    auto_image_row row = { .rev = 0 };
    struct reference name;
    char familiar[REFERENCE_TEXT_MAX] = "";
    if (engine_image_lookup(e, ref, img.id, &name, err) < 0 || image_row_get(e->store, img.id, &row, err) < 0)
        return -1;
    if (name.name[0] != '\0')
        (void)reference_print_familiar(&name, familiar);
    else if (image_name_each(e->store, img.id, first_name, familiar, err) < 0)
        return -1;
    struct lower lower = { .names = &img.lower };
    if (image_layer_each(e->store, img.id, add_lower, &lower, err) < 0)
        return -1;
    if (lower.failed)
        return creel_fail_nomem(err);
    reverse(&img.lower);
    img.ref = strdup(familiar[0] != '\0' ? familiar : img.id);
    img.config = ptr_take(&row.config);
    if (img.ref == NULL)
        return creel_fail_nomem(err);
    *ret = img;
    img = (struct engine_image){ .lower = STRV_INIT };
    return 0;
}
