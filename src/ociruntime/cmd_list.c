/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_list.c: creel-runtime list. */
#include "ociruntime/command.h"
#include "ociruntime/output.h"
#include "ociruntime/status_document.h"

#include <string.h>

enum { COLUMNS = 6, COLUMN_GAP = 3 };
struct row { char *cells[COLUMNS]; };
struct rows { struct row *items; size_t count; };

static void rows_fini(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            free(r->items[i].cells[c]);
    free(r->items);
}

/* A bundle's path may hold what a terminal obeys. */
static char *harmless_copy(const char *text)
{
    char *copy = strdup(text);
    for (char *p = copy; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return copy;
}

static int rows_add(struct rows *r, const char *const cells[COLUMNS], struct creel_err *err)
{
    struct row *more = reallocarray(r->items, r->count + 1, sizeof *more);
    if (more == NULL)
        return creel_fail_nomem(err);
    r->items = more;
    memset(&r->items[r->count], 0, sizeof *more);
    for (size_t c = 0; c < COLUMNS; c++)
        if ((r->items[r->count].cells[c] = harmless_copy(cells[c])) == NULL) {
            r->count++; /* freed with the others */
            return creel_fail_nomem(err);
        }
    r->count++;
    return 0;
}

static void rows_print(const struct rows *r, struct bytes *out)
{
    size_t width[COLUMNS] = { 12 - COLUMN_GAP, 12 - COLUMN_GAP, 12 - COLUMN_GAP, 12 - COLUMN_GAP, 12 - COLUMN_GAP, 0 };
    for (size_t i = 0; i < r->count; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            width[c] = strlen(r->items[i].cells[c]) > width[c] ? strlen(r->items[i].cells[c]) : width[c];
    for (size_t i = 0; i < r->count; i++) {
        for (size_t c = 0; c + 1 < COLUMNS; c++)
            bytes_addf(out, "%-*s", (int)width[c] + COLUMN_GAP, r->items[i].cells[c]);
        bytes_addf(out, "%s\n", r->items[i].cells[COLUMNS - 1]);
    }
}

static int add_row(struct rows *rows, const struct state *s, enum container_status status, struct creel_err *err)
{
    char owner[OWNER_TEXT_MAX], pid[16];
    status_document_owner(s, owner);
    (void)snprintf(pid, sizeof pid, "%d", status == CONTAINER_STOPPED ? 0 : (int)s->pid);
    const char *const cells[COLUMNS] = { s->id, pid, container_status_name(status), s->bundle, s->created, owner };
    return rows_add(rows, cells, err);
}

struct listing { bool json, quiet; struct rows rows; struct bytes out; size_t count; };

static int list_one(struct listing *l, const char *root, const char *id, const struct log *log, struct creel_err *err)
{
    auto_state s = STATE_INIT;
    enum container_status status;
    struct creel_err why = { 0 };
    if (state_load(root, id, &s, &why) < 0 || state_status(&s, &status, &why) < 0) {
        if (why.kind != CREEL_NOT_FOUND) /* removed meanwhile, or not whole: there is no such container */
            log_line(log, LOG_LEVEL_ERROR, "load container %s: %s", id, why.text);
        return 0;
    }
    l->count++;
    if (l->quiet) {
        bytes_addf(&l->out, "%s\n", id);
        return 0;
    }
    if (!l->json)
        return add_row(&l->rows, &s, status, err);
    bytes_adds(&l->out, l->count > 1 ? "," : "");
    return status_document_print(&s, status, false, &l->out, err);
}

static int list_all(struct listing *l, const char *root, bool named, const struct log *log, struct creel_err *err)
{
    static const char *const titles[COLUMNS] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
    auto_strv ids = STRV_INIT;
    if (named && access(root, F_OK) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the directory %s", root);
    if (state_list(root, &ids, err) < 0 || (!l->json && !l->quiet && rows_add(&l->rows, titles, err) < 0))
        return -1;
    bytes_adds(&l->out, l->json && !l->quiet ? "[" : "");
    for (size_t i = 0; i < ids.count; i++)
        if (list_one(l, root, ids.items[i], log, err) < 0)
            return -1;
    if (l->json && !l->quiet) {
        if (l->count == 0) { /* what Go makes of no list */
            bytes_reset(&l->out);
            bytes_adds(&l->out, "null");
        } else {
            bytes_addc(&l->out, ']');
        }
    }
    rows_print(&l->rows, &l->out);
    return output_write(&l->out, err);
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    const char *format = option_string(in, "format");
    struct listing l = { .json = strcmp(format, "json") == 0, .quiet = option_flag(in, "quiet"), .out = BYTES_INIT };
    if (!l.json && strcmp(format, "table") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid format option");
    int r = invocation_root(in, &root, err);
    if (r == 0)
        r = list_all(&l, root, option_given(in, "root"), &in->log, err);
    rows_fini(&l.rows);
    bytes_fini(&l.out);
    return r;
}

static const struct option options[] = {
    { .name = "format", .letter = 'f', .kind = OPTION_STRING, .metavar = "FORMAT", .def = "table", .help = "table or json" },
    { .name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .help = "print ids only" },
    { .name = NULL },
};
const struct command command_list = {
    .name = "list", .synopsis = "[command options]", .summary = "list the containers below --root",
    .options = options, .min_args = 0, .max_args = 0, .run = run,
};
