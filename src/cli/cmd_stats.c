/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_stats.c: creel stats. A share of processor time needs two samples: one is taken each second on a timer, and
 * a row shows the difference to the sample before (Docker's formula). */
#include "cli/human.h"
#include "cli/listing.h"

#include "base/ident.h"
#include "base/strv.h"

#include <creel/container.h>

#include <string.h>
#include <time.h>

struct sample {
    char ref[65];               /* a full id, or empty: not seen in the last list */
    struct creel_stats now, before;
    bool ok, has_before;
};
struct samples {
    struct sample *items;
    size_t count, cap;
};
struct row {
    const struct sample *s;
    bool trunc;
};

/* --- columns --- */

static double cpu_percent(const struct sample *s)
{
    if (!s->ok || !s->has_before || s->now.cpu_ns <= s->before.cpu_ns || s->now.system_ns <= s->before.system_ns)
        return 0;
    double used = (double)(s->now.cpu_ns - s->before.cpu_ns), all = (double)(s->now.system_ns - s->before.system_ns);
    return used / all * s->now.online_cpus * 100;
}

static void print_pair(uint64_t a, uint64_t b, struct bytes *out)
{
    human_size(a, 3, out);
    bytes_adds(out, " / ");
    human_size(b, 3, out);
}

enum { BLOCK_IO, CPU_PERC, CONTAINER, ID, MEM_PERC, MEM_USAGE, NAME, NET_IO, PIDS };
static const struct listing_column columns[] = {
    [BLOCK_IO] = { "BlockIO", "BLOCK I/O" },
    [CPU_PERC] = { "CPUPerc", "CPU %" },
    [CONTAINER] = { "Container", "CONTAINER" },
    [ID] = { "ID", "CONTAINER ID" },
    [MEM_PERC] = { "MemPerc", "MEM %" },
    [MEM_USAGE] = { "MemUsage", "MEM USAGE / LIMIT" },
    [NAME] = { "Name", "NAME" },
    [NET_IO] = { "NetIO", "NET I/O" },
    [PIDS] = { "PIDs", "PIDS" },
    { NULL, NULL },
};

static void print_id(const struct row *w, struct bytes *out)
{
    bytes_add(out, w->s->ref, w->trunc ? strnlen(w->s->ref, IDENT_SHORT_LEN) : strlen(w->s->ref));
}

static void print(void *arg, size_t column, struct bytes *out)
{
    const struct row *w = arg;
    const struct creel_stats *n = &w->s->now;
    if (!w->s->ok && column != CONTAINER && column != ID && column != NAME) {
        bytes_adds(out, column == MEM_USAGE || column == NET_IO || column == BLOCK_IO ? "-- / --" : "--");
        return;
    }
    switch (column) {
    case BLOCK_IO: print_pair(n->read_bytes, n->write_bytes, out); break;
    case CPU_PERC: bytes_addf(out, "%.2f%%", cpu_percent(w->s)); break;
    case CONTAINER:
    case ID: print_id(w, out); break;
    case MEM_PERC:
        bytes_addf(out, "%.2f%%",
                   n->memory_limit > 0 ? (double)n->memory_usage / (double)n->memory_limit * 100 : 0.0);
        break;
    case MEM_USAGE:
        human_memory(n->memory_usage, out);
        bytes_adds(out, " / ");
        human_memory(n->memory_limit, out);
        break;
    case NAME: bytes_adds(out, n->name[0] != '\0' ? n->name : "--"); break;
    case NET_IO: print_pair(n->rx_bytes, n->tx_bytes, out); break;
    case PIDS: bytes_addf(out, "%llu", (unsigned long long)n->pids); break;
    default: break;
    }
}

static const struct listing_kind kind = { "*container.statsContext", columns, print, NULL };

/* --- samples --- */

static struct sample *sample_of(struct samples *all, const char *id)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].ref, id) == 0)
            return &all->items[i];
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 16 : all->cap * 2;
        struct sample *items = reallocarray(all->items, cap, sizeof *items);
        if (items == NULL)
            return NULL;
        all->items = items;
        all->cap = cap;
    }
    struct sample *s = &all->items[all->count++];
    *s = (struct sample){ 0 };
    (void)snprintf(s->ref, sizeof s->ref, "%s", id); /* ids have 64 letters */
    return s;
}

struct collector { struct strv ids; };

static int collect(void *arg, const struct creel_container_row *r)
{
    return !strv_add(&((struct collector *)arg)->ids, r->id);
}

/* Which containers: those named, or all that run now. */
static int list_ids(struct cli *c, struct creel *e, struct strv *ret, struct creel_err *err)
{
    for (size_t i = 0; i < cli_args(c)->count; i++) {
        char id[65];
        if (creel_container_resolve(e, cli_args(c)->items[i], id, err) < 0)
            return -1;
        if (!strv_add(ret, id))
            return creel_fail_nomem(err);
    }
    if (cli_args(c)->count > 0)
        return 0;
    struct collector d = { STRV_INIT };
    const struct creel_list_options o = { .size = sizeof o, .all = cli_flag(c, "all") };
    int r = creel_container_list(e, &o, collect, &d, err);
    strv_fini(ret);
    *ret = d.ids;
    return r;
}

/* A sample of each container that is to be shown. */
static int take_samples(struct cli *c, struct creel *e, struct samples *all, struct strv *ids, struct creel_err *err)
{
    if (list_ids(c, e, ids, err) < 0)
        return -1;
    for (size_t i = 0; i < ids->count; i++) {
        struct sample *s = sample_of(all, ids->items[i]);
        struct creel_err one = { 0 };
        if (s == NULL)
            return creel_fail_nomem(err);
        s->has_before = s->ok;
        s->before = s->now;
        struct creel_stats got = { .size = sizeof got };
        s->ok = creel_container_stats(e, ids->items[i], &got, &one) == 0; /* one that stopped shows as -- */
        if (s->ok)
            s->now = got;
    }
    return 0;
}

static int show(struct cli *c, const struct samples *all, const struct strv *ids, bool clear, struct creel_err *err)
{
    static const char *const table[] = { "ID",    "Name",    "CPUPerc", "MemUsage", "MemPerc",
                                         "NetIO", "BlockIO", "PIDs",    NULL };
    auto_listing l = { 0 };
    if (listing_begin(&l, c, &kind, table, cli_string(c, "format"), NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < ids->count; i++)
        for (size_t k = 0; k < all->count; k++) {
            struct row row = { &all->items[k], !cli_flag(c, "no-trunc") };
            if (strcmp(all->items[k].ref, ids->items[i]) == 0 && listing_row(&l, &row, err) < 0)
                return -1;
        }
    if (clear)
        (void)fputs("\033[H\033[J", cli_out(c)); /* from the top left corner, the rest of the screen blank */
    return listing_flush(&l, c, err);
}

/* The next whole second of `at`, so that samples do not drift. */
static void next_second(struct timespec *at)
{
    at->tv_sec++;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL) == EINTR)
        continue;
}

static int watch(struct cli *c, struct creel *e, struct samples *all, struct strv *ids, struct creel_err *err)
{
    bool stream = !cli_flag(c, "no-stream");
    struct timespec at;
    if (clock_gettime(CLOCK_MONOTONIC, &at) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "reading the clock");
    if (take_samples(c, e, all, ids, err) < 0)
        return -1;
    do {
        next_second(&at);
        strv_fini(ids);
        if (take_samples(c, e, all, ids, err) < 0 || show(c, all, ids, stream && cli_terminal(c), err) < 0)
            return -1;
        if (stream && !cli_flush(c))
            return 0; /* the reader went away; main says so */
    } while (stream);
    return 0;
}

static int stats(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct samples all = { 0 };
    struct strv ids = STRV_INIT;
    struct creel_err err = { 0 };
    auto_listing probe = { 0 }; /* a bad template is told before the first second is over */
    if (e == NULL)
        return 1;
    static const char *const none[] = { "ID", NULL };
    int r = listing_begin(&probe, c, &kind, none, cli_string(c, "format"), NULL, &err);
    if (r == 0)
        r = watch(c, e, &all, &ids, &err);
    free(all.items);
    strv_fini(&ids);
    return r < 0 ? cli_fail(c, &err) : 0;
}

static const struct cli_option options[] = {
    { .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "Show all containers, not just running ones" },
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = LISTING_FORMAT_HELP },
    { .name = "no-stream", .kind = CLI_FLAG, .help = "Print once and exit" },
    { .name = "no-trunc", .kind = CLI_FLAG, .help = "Do not shorten ids" },
    { .name = NULL },
};

const struct cli_command cli_cmd_stats = {
    .name = "stats",
    .alias = "container stats",
    .synopsis = "[OPTIONS] [CONTAINER...]",
    .summary = "Show what containers use, second by second",
    .description = "Shows processor time, memory, network and block I/O and processes of the containers, of all "
                   "running ones if none is "
                   "named, once a second. Memory is without the page cache that the kernel could drop at once.\n"
                   "\n"
                   "Fields for --format: .Container .ID .Name .CPUPerc .MemUsage .MemPerc .NetIO .BlockIO .PIDs",
    .examples = "creel stats --no-stream\n"
                "creel stats --format '{{.Name}} {{.CPUPerc}}' web",
    .options = options,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_RUNNING,
    .run = stats,
};
