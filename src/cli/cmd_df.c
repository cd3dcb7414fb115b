/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_df.c: creel system df: what images and containers take, by queries of the store. */
#include "cli/human.h"
#include "cli/listing.h"

#include <creel/container.h>
#include <creel/image.h>

#include <string.h>

struct row {
    const char *type;
    size_t total, active;
    uint64_t size, reclaimable;
    struct strv seen;           /* images already counted under another name */
    bool failed;
};

enum { ACTIVE, RECLAIMABLE, SIZE, TOTAL_COUNT, TYPE };
static const struct listing_column columns[] = {
    [ACTIVE] = { "Active", "ACTIVE" },
    [RECLAIMABLE] = { "Reclaimable", "RECLAIMABLE" },
    [SIZE] = { "Size", "SIZE" },
    [TOTAL_COUNT] = { "TotalCount", "TOTAL" },
    [TYPE] = { "Type", "TYPE" },
    { NULL, NULL },
};

static void print(void *arg, size_t column, struct bytes *out)
{
    const struct row *r = arg;
    switch (column) {
    case ACTIVE: bytes_addf(out, "%zu", r->active); break;
    case RECLAIMABLE:
        human_size(r->reclaimable, 4, out);
        if (r->size > 0)
            bytes_addf(out, " (%.0f%%)", (double)r->reclaimable / (double)r->size * 100);
        break;
    case SIZE: human_size(r->size, 4, out); break;
    case TOTAL_COUNT: bytes_addf(out, "%zu", r->total); break;
    case TYPE: bytes_adds(out, r->type); break;
    default: break;
    }
}

static const struct listing_kind kind = { "*formatter.diskUsageContext", columns, print, NULL };

static int add_image(void *arg, const struct creel_image_row *i)
{
    struct row *r = arg;
    if (strv_has(&r->seen, i->id))
        return 0;
    r->failed = !strv_add(&r->seen, i->id);
    r->total++;
    r->active += i->containers > 0;
    uint64_t size = i->size > 0 ? (uint64_t)i->size : 0;
    r->size += size;
    r->reclaimable += i->containers > 0 ? 0 : size;
    return r->failed;
}

static int add_container(void *arg, const struct creel_container_row *k)
{
    struct row *r = arg;
    bool active =
        strcmp(k->state, "running") == 0 || strcmp(k->state, "paused") == 0 || strcmp(k->state, "restarting") == 0;
    uint64_t size = k->size_rw > 0 ? (uint64_t)k->size_rw : 0;
    r->total++;
    r->active += active;
    r->size += size;
    r->reclaimable += active ? 0 : size;
    return 0;
}

static int show(struct cli *c, struct creel *e, struct row *images, struct row *containers, struct creel_err *err)
{
    static const char *const table[] = { "Type", "TotalCount", "Active", "Size", "Reclaimable", NULL };
    auto_listing l = { 0 };
    const struct creel_list_options o = { .size = sizeof o, .all = 1, .with_size = 1 };
    if (listing_begin(&l, c, &kind, table, cli_string(c, "format"), NULL, err) < 0)
        return -1;
    if (creel_image_list(e, 1, NULL, add_image, images, err) < 0 ||
        creel_container_list(e, &o, add_container, containers, err) < 0)
        return -1;
    if (images->failed)
        return creel_fail_nomem(err);
    if (listing_row(&l, images, err) < 0 || listing_row(&l, containers, err) < 0)
        return -1;
    return listing_flush(&l, c, err);
}

static int df(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct row images = { .type = "Images", .seen = STRV_INIT },
               containers = { .type = "Containers", .seen = STRV_INIT };
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    int r = show(c, e, &images, &containers, &err);
    strv_fini(&images.seen);
    return r < 0 ? cli_fail(c, &err) : 0;
}

static const struct cli_option options[] = {
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = LISTING_FORMAT_HELP },
    { .name = NULL },
};

const struct cli_command cli_cmd_df = {
    .name = "system df",
    .synopsis = "[OPTIONS]",
    .summary = "Show what images and containers take on the disk",
    .description = "Shows how many images and containers there are, how many are in use, and what they take. Layers "
                   "that several images "
                   "share are counted with each of them.\n"
                   "\n"
                   "Fields for --format: .Type .TotalCount .Active .Size .Reclaimable",
    .examples = "creel system df",
    .options = options,
    .group = CLI_GROUP_ENGINE,
    .run = df,
};
