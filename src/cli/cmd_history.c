/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_history.c: creel history. */
#include "cli/human.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/ident.h"

#include <creel/image.h>

#include <string.h>

enum { HISTORY_COMMAND_MAX = 45 };
#define NS_PER_S INT64_C(1000000000)

struct row {
    const json_t *r;            /* {Id, Created, CreatedBy, Tags, Size, Comment} */
    int64_t now;
    bool trunc, human;
};

static const char *member(const struct row *w, const char *key)
{
    const char *s = json_string_value(json_object_get(w->r, key));
    return s == NULL ? "" : s;
}

static void print_id(const struct row *w, struct bytes *out)
{
    const char *id = member(w, "Id");
    if (w->trunc && strncmp(id, "sha256:", 7) == 0) {
        id += 7;
        bytes_add(out, id, strnlen(id, IDENT_SHORT_LEN));
    } else {
        bytes_adds(out, id);
    }
}

static void print_created_by(const struct row *w, struct bytes *out)
{
    auto_free char *text = strdup(member(w, "CreatedBy"));
    if (text == NULL) {
        out->failed = true;
        return;
    }
    for (char *p = text; *p != '\0'; p++)
        if (*p == '\t')
            *p = ' ';
    text_ellipsis(out, text, strlen(text), w->trunc ? HISTORY_COMMAND_MAX : SIZE_MAX);
}

enum { COMMENT, CREATED_AT, CREATED_BY, CREATED_SINCE, ID, SIZE };
static const struct listing_column columns[] = {
    [COMMENT] = { "Comment", "COMMENT" },
    [CREATED_AT] = { "CreatedAt", "CREATED AT" },
    [CREATED_BY] = { "CreatedBy", "CREATED BY" },
    [CREATED_SINCE] = { "CreatedSince", "CREATED" },
    [ID] = { "ID", "IMAGE" },
    [SIZE] = { "Size", "SIZE" },
    { NULL, NULL },
};

static void print(void *arg, size_t column, struct bytes *out)
{
    const struct row *w = arg;
    int64_t created = json_integer_value(json_object_get(w->r, "Created"));
    json_int_t size = json_integer_value(json_object_get(w->r, "Size"));
    switch (column) {
    case COMMENT: bytes_adds(out, member(w, "Comment")); break;
    case CREATED_AT: human_rfc3339(created * NS_PER_S, 0, out); break;
    case CREATED_BY: print_created_by(w, out); break;
    case CREATED_SINCE:
        if (created > 0)
            human_ago(w->now, created * NS_PER_S, out);
        else
            bytes_adds(out, "N/A");
        break;
    case ID: print_id(w, out); break;
    case SIZE:
        if (w->human)
            human_size(size > 0 ? (uint64_t)size : 0, 3, out);
        else
            bytes_addf(out, "%" JSON_INTEGER_FORMAT, size);
        break;
    default: break;
    }
}

static const struct listing_kind kind = { "*formatter.historyContext", columns, print, NULL };

static int print_all(struct cli *c, struct listing *l, const char *text, struct creel_err *err)
{
    auto_json *list = json_loads(text, 0, NULL);
    struct row row = { .now = clock_now_ns(), .trunc = !cli_flag(c, "no-trunc"), .human = cli_flag(c, "human") };
    if (!json_is_array(list))
        return creel_fail(err, CREEL_INTERNAL, 0, "the engine's history is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        row.r = json_array_get(list, i);
        if (listing_row(l, &row, err) < 0)
            return -1;
    }
    return listing_flush(l, c, err);
}

static int history(struct cli *c)
{
    static const char *const human[] = { "ID", "CreatedSince", "CreatedBy", "Size", "Comment", NULL };
    static const char *const exact[] = { "ID", "CreatedAt", "CreatedBy", "Size", "Comment", NULL };
    struct creel_err err = { 0 };
    auto_free char *text = NULL;
    auto_listing l = { 0 };
    if (listing_begin(&l, c, &kind, cli_flag(c, "human") ? human : exact, cli_string(c, "format"),
                      cli_flag(c, "quiet") ? "ID" : NULL, &err) < 0)
        return cli_fail(c, &err);
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (creel_image_history(e, cli_args(c)->items[0], &text, &err) < 0 || print_all(c, &l, text, &err) < 0)
        return cli_fail(c, &err);
    return 0;
}

static const struct cli_option options[] = {
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = LISTING_FORMAT_HELP },
    { .name = "human", .letter = 'H', .kind = CLI_FLAG, .help = "Print sizes and dates for people", .def = "true" },
    { .name = "no-trunc", .kind = CLI_FLAG, .help = "Do not shorten ids and commands" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Print ids only" },
    { .name = NULL },
};

const struct cli_command cli_cmd_history = {
    .name = "history",
    .alias = "image history",
    .synopsis = "[OPTIONS] IMAGE",
    .summary = "Show how an image was made",
    .description = "Lists the steps that made an image, the last one first.\n"
                   "\n"
                   "Fields for --format: .ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment",
    .examples = "creel history --no-trunc busybox",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .group = CLI_GROUP_IMAGE,
    .complete = CLI_COMPLETE_IMAGE,
    .run = history,
};
