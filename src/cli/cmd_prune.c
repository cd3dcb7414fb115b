/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_prune.c: creel container prune, image prune and system prune. The first two go over a list and remove each
 * object without force, so that one that is used again meanwhile stays. */
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/human.h"
#include "cli/json.h"

#include "base/clock.h"

#include <creel/container.h>
#include <creel/image.h>

#include <string.h>

static void say_reclaimed(struct cli *c, uint64_t bytes)
{
    auto_bytes text = BYTES_INIT;
    human_size(bytes, 4, &text);
    (void)fprintf(cli_out(c), "Total reclaimed space: %s\n", bytes_str(&text)); /* main looks at ferror */
}

/* --- filters: until, label and label! are looked at here --- */

struct prune_filter {
    int64_t until_ns;                   /* 0: none */
    const struct strv *filters;
};

static int read_filter(struct cli *c, struct prune_filter *f, struct creel_err *err)
{
    *f = (struct prune_filter){ .filters = cli_list(c, "filter") };
    for (size_t i = 0; i < f->filters->count; i++) {
        const char *s = f->filters->items[i];
        if (strncmp(s, "until=", 6) == 0) {
            if (!clock_parse_when(s + 6, clock_now_ns(), &f->until_ns))
                return creel_fail(err, CREEL_INVALID, 0, "filter until: '%.100s' is no time", s + 6);
        } else if (strncmp(s, "label=", 6) != 0 && strncmp(s, "label!=", 7) != 0) {
            return creel_fail(err, CREEL_INVALID, 0, "invalid filter '%.100s': until, label or label!", s);
        }
    }
    return 0;
}

/* "key" or "key=value" */
static bool label_matches(const json_t *labels, const char *want)
{
    size_t n = strcspn(want, "=");
    auto_free char *key = strndup(want, n);
    const char *value = key == NULL ? NULL : json_string_value(json_object_get(labels, key));
    return value != NULL && (want[n] == '\0' || strcmp(value, want + n + 1) == 0);
}

static bool passes(const struct prune_filter *f, int64_t created_ns, const char *labels_json)
{
    if (f->until_ns != 0 && created_ns >= f->until_ns)
        return false;
    auto_json *labels = f->filters->count > 0 ? json_loads(labels_json == NULL ? "{}" : labels_json, 0, NULL) : NULL;
    for (size_t i = 0; i < f->filters->count; i++) {
        const char *s = f->filters->items[i];
        if (strncmp(s, "label=", 6) == 0 && !label_matches(labels, s + 6))
            return false;
        if (strncmp(s, "label!=", 7) == 0 && label_matches(labels, s + 7))
            return false;
    }
    return true;
}

/* --- container prune --- */

struct candidate { char name[80]; uint64_t size; };
struct candidates {
    const struct prune_filter *filter;
    bool unused;                        /* images: every one that no container uses, not just those without a name */
    struct candidate *items;
    size_t count, cap;
    bool failed;
};

static int add_candidate(struct candidates *all, const char *name, int64_t size)
{
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 64 : all->cap * 2;
        struct candidate *items = reallocarray(all->items, cap, sizeof *items);
        if (items == NULL) {
            all->failed = true;
            return 1;
        }
        all->items = items;
        all->cap = cap;
    }
    struct candidate *k = &all->items[all->count++];
    k->size = size > 0 ? (uint64_t)size : 0;
    (void)snprintf(k->name, sizeof k->name, "%s", name); /* ids have at most 71 letters */
    return 0;
}

static int container_candidate(void *arg, const struct creel_container_row *r)
{
    struct candidates *all = arg;
    return passes(all->filter, r->created_ns, r->labels_json) ? add_candidate(all, r->id, r->size_rw) : 0;
}

static int prune_containers(struct cli *c, struct creel *e, struct candidates *all, struct creel_err *err)
{
    const struct creel_list_options o = { .size = sizeof o, .all = 1, .with_size = 1,
                                          .filters_json = "{\"status\":[\"created\",\"exited\",\"dead\"]}" };
    const struct creel_remove_options remove = { .size = sizeof remove };
    uint64_t reclaimed = 0;
    size_t removed = 0;
    if (creel_container_list(e, &o, container_candidate, all, err) < 0)
        return -1;
    if (all->failed)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < all->count; i++) {
        if (creel_container_remove(e, all->items[i].name, &remove, err) < 0) {
            if (err->kind == CREEL_NOT_FOUND || err->kind == CREEL_CONFLICT)
                continue; /* gone, or started, meanwhile */
            return -1;
        }
        (void)fprintf(cli_out(c), "%s%s\n", removed++ == 0 ? "Deleted Containers:\n" : "", all->items[i].name);
        reclaimed += all->items[i].size;
    }
    if (removed > 0)
        (void)fputc('\n', cli_out(c));
    say_reclaimed(c, reclaimed);
    return 0;
}

static int run_prune(struct cli *c, const char *warning, bool unused,
                     int (*prune)(struct cli *c, struct creel *e, struct candidates *all, struct creel_err *err))
{
    struct prune_filter filter;
    struct candidates all = { .filter = &filter, .unused = unused };
    struct creel_err err = { 0 };
    if (read_filter(c, &filter, &err) < 0)
        return cli_fail(c, &err);
    if (!cli_flag(c, "force") && !confirm(c, warning))
        return cli_error(c, 1, "nothing was removed");
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    int r = prune(c, e, &all, &err);
    free(all.items);
    return r < 0 ? cli_fail(c, &err) : 0;
}

static int container_prune(struct cli *c)
{
    return run_prune(c, "WARNING! This will remove all stopped containers.", false, prune_containers);
}

/* What all of them have; ends the list. */
#define PRUNE_OPTIONS                                                                                                  \
    { .name = "filter", .kind = CLI_LIST, .metavar = "KEY=VALUE",                                                      \
      .help = "Remove only what matches: until=TIME, label=L, label!=L" },                                             \
    { .name = "force", .letter = 'f', .kind = CLI_FLAG, .help = "Do not ask" }, { .name = NULL }

static const struct cli_option container_options[] = {
    PRUNE_OPTIONS,
};

const struct cli_command cli_cmd_container_prune = {
    .name = "container prune",
    .synopsis = "[OPTIONS]",
    .summary = "Remove all stopped containers",
    .description = "Removes every container that does not run, after asking.",
    .examples = "creel container prune -f --filter until=24h",
    .options = container_options,
    .group = CLI_GROUP_CONTAINER, .run = container_prune,
};

/* --- image prune --- */

static int image_candidate(void *arg, const struct creel_image_row *r)
{
    struct candidates *all = arg;
    bool dangling = strcmp(r->repository, "<none>") == 0;
    if (r->containers > 0 || (!dangling && !all->unused) || !passes(all->filter, r->created_ns, r->labels_json))
        return 0;
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].name, r->id) == 0)
            return 0; /* another name of the same image */
    return add_candidate(all, r->id, r->size);
}

struct removal { struct cli *c; size_t count; };

static void say_image(void *arg, const char *what, const char *name)
{
    struct removal *r = arg;
    (void)fprintf(cli_out(r->c), "%s%s: %s\n", r->count++ == 0 ? "Deleted Images:\n" : "", what, name);
}

static int prune_images(struct cli *c, struct creel *e, struct candidates *all, struct creel_err *err)
{
    struct removal said = { c, 0 };
    uint64_t reclaimed = 0;
    if (creel_image_list(e, 0, NULL, image_candidate, all, err) < 0)
        return -1;
    if (all->failed)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < all->count; i++) {
        /* Force takes several names off one image; an image that a container uses was not in the list. */
        if (creel_image_remove(e, all->items[i].name, all->unused, 0, say_image, &said, err) < 0) {
            if (err->kind == CREEL_NOT_FOUND || err->kind == CREEL_CONFLICT)
                continue;
            return -1;
        }
        reclaimed += all->items[i].size;
    }
    if (said.count > 0)
        (void)fputc('\n', cli_out(c));
    say_reclaimed(c, reclaimed);
    return 0;
}

static int image_prune(struct cli *c)
{
    bool all = cli_flag(c, "all");
    return run_prune(c,
                     all ? "WARNING! This will remove all images without at least one container associated to them."
                         : "WARNING! This will remove all dangling images.",
                     all, prune_images);
}

static const struct cli_option image_options[] = {
    { .name = "all",
      .letter = 'a',
      .kind = CLI_FLAG,
      .help = "Remove all images that no container uses, not just those without a name" },
    PRUNE_OPTIONS,
};

const struct cli_command cli_cmd_image_prune = {
    .name = "image prune",
    .synopsis = "[OPTIONS]",
    .summary = "Remove images that are not used",
    .description = "Removes images that have no name, or with -a all that no container uses, after asking.",
    .examples = "creel image prune -af",
    .options = image_options,
    .group = CLI_GROUP_IMAGE, .run = image_prune,
};

/* --- system prune: one call of the library --- */

static void print_deleted(struct cli *c, const char *title, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *kind = "", *name = json_string_value(one);
        if (json_is_object(one)) { /* {"Untagged": …} or {"Deleted": …} */
            kind = json_object_get(one, "Untagged") != NULL ? "untagged: " : "deleted: ";
            name = json_string_value(json_object_get(one, kind[0] == 'u' ? "Untagged" : "Deleted"));
        }
        (void)fprintf(cli_out(c), "%s%s%s\n", i == 0 ? title : "", kind,
                      name == NULL ? "" : name); /* main looks at ferror */
    }
    if (json_array_size(list) > 0)
        (void)fputc('\n', cli_out(c));
}

static int system_prune(struct cli *c)
{
    struct creel_err err = { 0 };
    auto_free char *filters = NULL, *text = NULL;
    bool all = cli_flag(c, "all");
    if (filter_json(cli_list(c, "filter"), &filters, &err) < 0)
        return cli_fail(c, &err);
    if (!cli_flag(c, "force") &&
        !confirm(c, all ? "WARNING! This will remove:\n  - all stopped containers\n  - all images without at least "
                          "one container "
                          "associated to them\n"
                        : "WARNING! This will remove:\n  - all stopped containers\n  - all dangling images\n"))
        return cli_error(c, 1, "nothing was removed");
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (creel_system_prune(e, all, filters, &text, &err) < 0)
        return cli_fail(c, &err);
    auto_json *answer = json_loads(text, 0, NULL);
    print_deleted(c, "Deleted Containers:\n", json_object_get(answer, "ContainersDeleted"));
    print_deleted(c, "Deleted Images:\n", json_object_get(answer, "ImagesDeleted"));
    json_int_t reclaimed = json_integer_value(json_object_get(answer, "SpaceReclaimed"));
    say_reclaimed(c, reclaimed > 0 ? (uint64_t)reclaimed : 0);
    return 0;
}

const struct cli_command cli_cmd_system_prune = {
    .name = "system prune",
    .synopsis = "[OPTIONS]",
    .summary = "Remove stopped containers and images that are not used",
    .description = "Removes all stopped containers, images that have no name (with -a: that no container uses) and "
                   "data that nothing "
                   "refers to, after asking.",
    .examples = "creel system prune -af",
    .options = image_options,
    .group = CLI_GROUP_ENGINE,
    .run = system_prune,
};
