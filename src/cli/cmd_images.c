/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_images.c: creel images. */
#include "cli/filter.h"
#include "cli/human.h"
#include "cli/listing.h"

#include "base/clock.h"
#include "base/ident.h"

#include <creel/image.h>

#include <string.h>

struct row {
    const struct creel_image_row *r;
    int64_t now;
    bool trunc;
};

static void print_id(const struct row *w, struct bytes *out)
{
    const char *id = w->r->id;
    if (w->trunc && strncmp(id, "sha256:", 7) == 0)
        id += 7;
    size_t n = strlen(id);
    bytes_add(out, id, w->trunc && n > IDENT_SHORT_LEN ? IDENT_SHORT_LEN : n);
}

enum {
    CONTAINERS,
    CREATED_AT,
    CREATED_SINCE,
    DIGEST,
    ID,
    REPOSITORY,
    SHARED_SIZE,
    SIZE,
    TAG,
    UNIQUE_SIZE,
    VIRTUAL_SIZE
};
static const struct listing_column columns[] = {
    [CONTAINERS] = { "Containers", "CONTAINERS" },
    [CREATED_AT] = { "CreatedAt", "CREATED AT" },
    [CREATED_SINCE] = { "CreatedSince", "CREATED" },
    [DIGEST] = { "Digest", "DIGEST" },
    [ID] = { "ID", "IMAGE ID" },
    [REPOSITORY] = { "Repository", "REPOSITORY" },
    [SHARED_SIZE] = { "SharedSize", "SHARED SIZE" },
    [SIZE] = { "Size", "SIZE" },
    [TAG] = { "Tag", "TAG" },
    [UNIQUE_SIZE] = { "UniqueSize", "UNIQUE SIZE" },
    [VIRTUAL_SIZE] = { "VirtualSize", "SIZE" },
    { NULL, NULL },
};

static void print(void *arg, size_t column, struct bytes *out)
{
    const struct row *w = arg;
    uint64_t size = w->r->size > 0 ? (uint64_t)w->r->size : 0;
    switch (column) {
    case CONTAINERS: bytes_addf(out, "%d", w->r->containers); break;
    case CREATED_AT: human_time(w->r->created_ns, out); break;
    case CREATED_SINCE:
        if (w->r->created_ns != 0)
            human_ago(w->now, w->r->created_ns, out);
        else
            bytes_adds(out, "N/A");
        break;
    case DIGEST: bytes_adds(out, w->r->digest == NULL || w->r->digest[0] == '\0' ? "<none>" : w->r->digest); break;
    case ID: print_id(w, out); break;
    case REPOSITORY: bytes_adds(out, w->r->repository); break;
    case SHARED_SIZE:
    case UNIQUE_SIZE: bytes_adds(out, "N/A"); break; /* as Docker: only its df works them out */
    case SIZE:
    case VIRTUAL_SIZE: human_size(size, 3, out); break;
    case TAG: bytes_adds(out, w->r->tag); break;
    default: break;
    }
}

static const struct listing_kind kind = { "*formatter.imageContext", columns, print, NULL };

struct listed {
    struct listing *l;
    struct row row;
    bool unique;                /* -q: an image with two names once */
    struct strv seen;
    struct creel_err *err;
    bool failed;
};

static int add(void *arg, const struct creel_image_row *r)
{
    struct listed *d = arg;
    d->row.r = r;
    if (d->unique && strv_has(&d->seen, r->id))
        return 0;
    if (d->unique && !strv_add(&d->seen, r->id)) {
        (void)creel_fail_nomem(d->err);
        d->failed = true;
    } else {
        d->failed = listing_row(d->l, &d->row, d->err) < 0;
    }
    return d->failed;
}

/* An operand is a filter on the name. */
static int read_filters(struct cli *c, char **ret, struct creel_err *err)
{
    auto_strv all = STRV_INIT;
    if (!strv_copy(&all, cli_list(c, "filter")))
        return creel_fail_nomem(err);
    if (cli_args(c)->count > 0 && !strv_addf(&all, "reference=%s", cli_args(c)->items[0]))
        return creel_fail_nomem(err);
    return filter_json(&all, ret, err);
}

static int images(struct cli *c)
{
    static const char *const normal[] = { "Repository", "Tag", "ID", "CreatedSince", "Size", NULL };
    static const char *const digests[] = { "Repository", "Tag", "Digest", "ID", "CreatedSince", "Size", NULL };
    struct creel_err err = { 0 };
    auto_free char *filters = NULL;
    auto_listing l = { 0 };
    const char *format = cli_string(c, "format");
    bool quiet = cli_flag(c, "quiet");
    if (read_filters(c, &filters, &err) < 0 ||
        listing_begin(&l, c, &kind, cli_flag(c, "digests") ? digests : normal, format, quiet ? "ID" : NULL, &err) < 0)
        return cli_fail(c, &err);
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    struct listed d = {
        &l,   { .now = clock_now_ns(), .trunc = !cli_flag(c, "no-trunc") }, quiet && format == NULL, STRV_INIT, &err,
        false
    };
    int r = creel_image_list(e, cli_flag(c, "all"), filters, add, &d, &err);
    strv_fini(&d.seen);
    if (r < 0 || d.failed || listing_flush(&l, c, &err) < 0)
        return cli_fail(c, &err);
    return 0;
}

static const struct cli_option options[] = {
    { .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "Show all images, also intermediate ones" },
    { .name = "digests", .kind = CLI_FLAG, .help = "Show digests" },
    { .name = "filter", .letter = 'f', .kind = CLI_LIST, .metavar = "KEY=VALUE",
      .help = "Show only images that match; may be given several times" },
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = LISTING_FORMAT_HELP },
    { .name = "no-trunc", .kind = CLI_FLAG, .help = "Do not shorten ids" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Print ids only" },
    { .name = NULL },
};

const struct cli_command cli_cmd_images = {
    .name = "images",
    .alias = "image ls,image list",
    .synopsis = "[OPTIONS] [REPOSITORY[:TAG]]",
    .summary = "List images",
    .description =
        "Lists images, newest first, one line for each name.\n"
        "\n"
        "Filters are dangling, label, before, since and reference (a pattern for the name).\n"
        "\n"
        "Fields for --format: .Repository .Tag .Digest .ID .CreatedSince .CreatedAt .Size .VirtualSize .SharedSize "
        ".UniqueSize .Containers",
    .examples = "creel images --digests\n"
                "creel images -q --filter dangling=true\n"
                "creel images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
    .options = options,
    .max_args = 1,
    .group = CLI_GROUP_IMAGE,
    .complete = CLI_COMPLETE_IMAGE,
    .run = images,
};
