/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_ps.c: creel ps. The list is one snapshot of the store; labels and mounts are parsed only when a template
 * asks. */
#include "cli/filter.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/template_printf.h"

#include "base/clock.h"
#include "base/ident.h"

#include <creel/container.h>

#include <string.h>

enum { PS_COMMAND_MAX = 20, PS_MOUNT_MAX = 15 };

struct row {
    const struct creel_container_row *r;
    int64_t now;
    bool trunc;
};

static void print_id(const struct row *w, struct bytes *out)
{
    size_t n = strlen(w->r->id);
    bytes_add(out, w->r->id, w->trunc && n > IDENT_SHORT_LEN ? IDENT_SHORT_LEN : n);
}

/* An image that has lost its name is shown by its short id. */
static void print_image(const struct row *w, struct bytes *out)
{
    const char *image = w->r->image;
    size_t n = strlen(image);
    if (n == 0)
        bytes_adds(out, "<no image>");
    else if (w->trunc && strncmp(image, "sha256:", 7) == 0 && n > 7 + IDENT_SHORT_LEN)
        bytes_add(out, image + 7, IDENT_SHORT_LEN);
    else
        bytes_add(out, image, n);
}

static void print_command(const struct row *w, struct bytes *out)
{
    size_t n = strlen(w->r->command);
    if (!w->trunc) {
        template_quote(w->r->command, n, out);
        return;
    }
    auto_bytes cut = BYTES_INIT;
    text_ellipsis(&cut, w->r->command, n, PS_COMMAND_MAX);
    template_quote(bytes_str(&cut), cut.len, out);
    out->failed = out->failed || !bytes_ok(&cut);
}

static void print_size(const struct row *w, struct bytes *out)
{
    if (w->r->size_rw < 0) {
        bytes_adds(out, "0B");
        return;
    }
    human_size((uint64_t)w->r->size_rw, 3, out);
    if (w->r->size_root > 0) {
        bytes_adds(out, " (virtual ");
        human_size((uint64_t)w->r->size_root, 3, out);
        bytes_addc(out, ')');
    }
}

static void print_labels(const struct row *w, struct bytes *out)
{
    auto_json *labels = json_loads(w->r->labels_json, 0, NULL);
    const char *key, *sep = "";
    json_t *value;
    json_object_foreach(labels, key, value) {
        bytes_addf(out, "%s%s=", sep, key);
        bytes_adds(out, json_is_string(value) ? json_string_value(value) : "");
        sep = ",";
    }
}

static const char *member(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s == NULL ? "" : s;
}

static void print_mounts(const struct row *w, struct bytes *out)
{
    auto_json *mounts = json_loads(w->r->mounts_json, 0, NULL);
    const char *sep = "";
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        const json_t *m = json_array_get(mounts, i);
        const char *name = member(m, "Name")[0] != '\0' ? member(m, "Name") : member(m, "Source");
        bytes_adds(out, sep);
        text_ellipsis(out, name, strlen(name), w->trunc ? PS_MOUNT_MAX : SIZE_MAX);
        sep = ",";
    }
}

static void print_local_volumes(const struct row *w, struct bytes *out)
{
    auto_json *mounts = json_loads(w->r->mounts_json, 0, NULL);
    unsigned count = 0;
    for (size_t i = 0; i < json_array_size(mounts); i++)
        count += strcmp(member(json_array_get(mounts, i), "Driver"), "local") == 0;
    bytes_addf(out, "%u", count);
}

static void print_networks(const struct row *w, struct bytes *out)
{
    bytes_adds(out, w->r->network_mode == NULL ? "" : w->r->network_mode);
}

enum {
    COMMAND,
    CREATED_AT,
    ID,
    IMAGE,
    LABELS,
    LOCAL_VOLUMES,
    MOUNTS,
    NAMES,
    NETWORKS,
    PORTS,
    RUNNING_FOR,
    SIZE,
    STATE,
    STATUS
};
static const struct listing_column columns[] = {
    [COMMAND] = { "Command", "COMMAND" },
    [CREATED_AT] = { "CreatedAt", "CREATED AT" },
    [ID] = { "ID", "CONTAINER ID" },
    [IMAGE] = { "Image", "IMAGE" },
    [LABELS] = { "Labels", "LABELS" },
    [LOCAL_VOLUMES] = { "LocalVolumes", "LOCAL VOLUMES" },
    [MOUNTS] = { "Mounts", "MOUNTS" },
    [NAMES] = { "Names", "NAMES" },
    [NETWORKS] = { "Networks", "NETWORKS" },
    [PORTS] = { "Ports", "PORTS" },
    [RUNNING_FOR] = { "RunningFor", "CREATED" },
    [SIZE] = { "Size", "SIZE" },
    [STATE] = { "State", "STATE" },
    [STATUS] = { "Status", "STATUS" },
    { NULL, NULL },
};

static void print(void *arg, size_t column, struct bytes *out)
{
    const struct row *w = arg;
    switch (column) {
    case COMMAND: print_command(w, out); break;
    case CREATED_AT: human_time(w->r->created_ns, out); break;
    case ID: print_id(w, out); break;
    case IMAGE: print_image(w, out); break;
    case LABELS: print_labels(w, out); break;
    case LOCAL_VOLUMES: print_local_volumes(w, out); break;
    case MOUNTS: print_mounts(w, out); break;
    case NAMES: bytes_adds(out, w->r->name); break;
    case NETWORKS: print_networks(w, out); break;
    case PORTS: break; /* no container publishes ports without a network */
    case RUNNING_FOR: human_ago(w->now, w->r->created_ns, out); break;
    case SIZE: print_size(w, out); break;
    case STATE: bytes_adds(out, w->r->state); break;
    case STATUS: bytes_adds(out, w->r->status); break;
    default: break;
    }
}

static json_t *call(void *arg, const char *name, const char *argument)
{
    const struct row *w = arg;
    if (strcmp(name, "Label") != 0)
        return NULL;
    auto_json *labels = json_loads(w->r->labels_json, 0, NULL);
    return json_string(member(labels, argument));
}

static const struct listing_kind kind = { "*formatter.ContainerContext", columns, print, call };

struct listed {
    struct listing *l;
    struct row row;
    struct creel_err *err;
    bool failed;
};

static int add(void *arg, const struct creel_container_row *r)
{
    struct listed *d = arg;
    d->row.r = r;
    d->failed = listing_row(d->l, &d->row, d->err) < 0;
    return d->failed;
}

static int list(struct cli *c, struct listing *l, const char *filters, struct creel_err *err)
{
    struct creel *e = cli_engine(c);
    int64_t last = 0;
    if (e == NULL)
        return 1;
    bool limited = cli_int(c, "last", &last) && last > 0;
    if (cli_flag(c, "latest"))
        last = 1;
    else if (!limited)
        last = 0;
    const char *format = cli_string(c, "format");
    const struct creel_list_options o = {
        .size = sizeof o,
        .all = cli_flag(c, "all") || last > 0,
        .limit = last > INT32_MAX ? INT32_MAX : (int)last,
        .with_size = cli_flag(c, "size") || (format != NULL && strstr(format, ".Size") != NULL),
        .filters_json = filters,
    };
    struct listed d = { l, { .now = clock_now_ns(), .trunc = !cli_flag(c, "no-trunc") }, err, false };
    if (creel_container_list(e, &o, add, &d, err) < 0 || d.failed || listing_flush(l, c, err) < 0)
        return cli_fail(c, err);
    return 0;
}

static int ps(struct cli *c)
{
    static const char *const normal[] = { "ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names", NULL };
    static const char *const sized[] = { "ID",    "Image", "Command", "RunningFor", "Status",
                                         "Ports", "Names", "Size",    NULL };
    struct creel_err err = { 0 };
    auto_free char *filters = NULL;
    auto_listing l = { 0 };
    if (filter_json(cli_list(c, "filter"), &filters, &err) < 0 ||
        listing_begin(&l, c, &kind, cli_flag(c, "size") ? sized : normal, cli_string(c, "format"),
                      cli_flag(c, "quiet") ? "ID" : NULL, &err) < 0)
        return cli_fail(c, &err);
    return list(c, &l, filters, &err);
}

static const struct cli_option options[] = {
    { .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "Show all containers, not just running ones" },
    { .name = "filter",
      .letter = 'f',
      .kind = CLI_LIST,
      .metavar = "KEY=VALUE",
      .help = "Show only containers that match; may be given several times" },
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = LISTING_FORMAT_HELP },
    { .name = "last",
      .letter = 'n',
      .kind = CLI_INT,
      .metavar = "N",
      .help = "Show the N containers created last, in any state",
      .def = "-1" },
    { .name = "latest", .letter = 'l', .kind = CLI_FLAG, .help = "Show the container created last, in any state" },
    { .name = "no-trunc", .kind = CLI_FLAG, .help = "Do not shorten ids and commands" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Print ids only" },
    { .name = "size", .letter = 's', .kind = CLI_FLAG, .help = "Show how much each container has written" },
    { .name = NULL },
};

const struct cli_command cli_cmd_ps = {
    .name = "ps",
    .alias = "container ls,container ps,container list",
    .synopsis = "[OPTIONS]",
    .summary = "List containers",
    .description =
        "Lists containers, newest first. Without -a, -n, -l or a filter on the state only running ones are shown.\n"
        "\n"
        "Filters are id, name, label, status, exited, ancestor, before, since, volume, network and health. The same "
        "key several times means any of the values, different keys mean all of them.\n"
        "\n"
        "Fields for --format: .ID .Image .Command .CreatedAt .RunningFor .Ports .State .Status .Size .Names .Labels "
        ".Label .Mounts .LocalVolumes .Networks",
    .examples = "creel ps -a --filter status=exited\n"
                "creel ps --format 'table {{.Names}}\\t{{.Status}}'\n"
                "creel ps -aq --filter label=job=nightly",
    .options = options,
    .group = CLI_GROUP_CONTAINER,
    .run = ps,
};
