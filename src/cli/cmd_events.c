/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_events.c: creel events. An event is printed whole and at once, so that a reader of the pipe sees it. */
#include "cli/document.h"
#include "cli/filter.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/command.h"
#include "cli/table.h"

#include "base/clock.h"

#include <creel/event.h>

#include <string.h>

#define NS_PER_S INT64_C(1000000000)

struct printer {
    struct cli *c;
    struct template *template;
    struct creel_err *err;
    bool failed;
};

/* What a template sees; names as in Docker's message, and .Rev. */
struct view {
    const struct creel_event *ev;
    json_t *attributes;
};

static const char *attribute(const struct view *v, const char *name)
{
    const char *s = json_string_value(json_object_get(v->attributes, name));
    return s == NULL ? "" : s;
}

static json_t *field(void *arg, const char *name)
{
    const struct view *v = arg;
    if (strcmp(name, "Type") == 0)
        return json_string(v->ev->type);
    if (strcmp(name, "Action") == 0 || strcasecmp(name, "Status") == 0)
        return json_string(v->ev->action);
    if (strcmp(name, "ID") == 0 || strcmp(name, "id") == 0)
        return json_string(v->ev->actor_id);
    if (strcasecmp(name, "From") == 0)
        return json_string(strcmp(v->ev->type, "container") == 0 ? attribute(v, "image") : "");
    if (strcmp(name, "Actor") == 0)
        return json_pack("{s:s, s:O}", "ID", v->ev->actor_id, "Attributes", v->attributes);
    if (strcasecmp(name, "Scope") == 0)
        return json_string("local");
    if (strcasecmp(name, "Time") == 0)
        return json_integer(v->ev->time_ns / NS_PER_S);
    if (strcasecmp(name, "TimeNano") == 0)
        return json_integer(v->ev->time_ns);
    if (strcasecmp(name, "Rev") == 0)
        return json_integer(v->ev->rev);
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 2024-01-02T03:04:05.000000000Z container start ID (image=busybox, name=web) */
static void print_line(const struct view *v, struct bytes *out)
{
    human_rfc3339(v->ev->time_ns, 1, out);
    bytes_addf(out, " %s %s %s", v->ev->type, v->ev->action, v->ev->actor_id);
    size_t n = json_object_size(v->attributes), i = 0;
    auto_free const char **keys = calloc(n + 1, sizeof *keys);
    if (keys == NULL) {
        out->failed = true;
        return;
    }
    for (void *it = json_object_iter(v->attributes); it != NULL && i < n;
         it = json_object_iter_next(v->attributes, it))
        keys[i++] = json_object_iter_key(it);
    qsort(keys, i, sizeof *keys, compare_keys);
    for (size_t k = 0; k < i; k++)
        bytes_addf(out, "%s%s=%s", k == 0 ? " (" : ", ", keys[k], attribute(v, keys[k]));
    if (i > 0)
        bytes_addc(out, ')');
}

static int render(struct printer *p, struct view *v, struct bytes *out)
{
    static const char *const names[] = { "status", "id",   "from",     "Type", "Action", "Actor",
                                         "scope",  "time", "timeNano", "rev",  NULL };
    const struct template_row row = { .type_name = "*events.Message", .names = names, .field = field };
    const struct template_input in = { .row = &row, .arg = v, .fields = document_fields };
    if (p->template != NULL) {
        if (template_run(p->template, &in, out, p->err) < 0)
            return creel_wrap(p->err, "failed to execute template");
    } else {
        print_line(v, out);
    }
    return 0;
}

static int print(void *arg, const struct creel_event *ev)
{
    struct printer *p = arg;
    auto_json *attributes = json_loads(ev->attributes_json, JSON_ALLOW_NUL, NULL);
    auto_json *none = attributes == NULL ? json_object() : NULL;
    struct view v = { ev, attributes == NULL ? none : attributes };
    auto_bytes text = BYTES_INIT, line = BYTES_INIT;
    p->failed = render(p, &v, &text) < 0;
    if (p->failed)
        return 1;
    enum text_escape how = p->template == NULL  ? TEXT_ESCAPE_ALL
                           : cli_terminal(p->c) ? TEXT_ESCAPE_LINES
                                                : TEXT_ESCAPE_NONE;
    text_escape(&line, bytes_str(&text), text.len, how);
    bytes_addc(&line, '\n');
    /* A reader that went away ends the stream; main looks at ferror. */
    return !bytes_ok(&line) || fwrite(bytes_str(&line), 1, line.len, cli_out(p->c)) != line.len ||
           !cli_flush(p->c);
}

static int read_time(struct cli *c, const char *option, int64_t *ret, struct creel_err *err)
{
    const char *text = cli_string(c, option);
    *ret = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    if (!clock_parse_when(text, clock_now_ns(), ret))
        return creel_fail(err, CREEL_INVALID, 0,
                          "--%s: '%.100s' is no time: use 2024-01-02T15:04:05Z, seconds since 1970 or a "
                          "duration such as 10m",
                          option, text);
    return 0;
}

static int follow(struct cli *c, struct printer *p, const char *filters, struct creel_err *err)
{
    struct creel_event_options o = { .size = sizeof o, .after_rev = -1, .stop_fd = -1, .filters_json = filters };
    if (read_time(c, "since", &o.since_ns, err) < 0 || read_time(c, "until", &o.until_ns, err) < 0)
        return cli_error(c, 125, "events: %s", err->text);
    bool after = cli_int(c, "after", &o.after_rev);
    o.follow = !cli_flag(c, "no-follow") && (o.until_ns == 0 || o.until_ns > clock_now_ns());
    /* As Docker: from now on, unless a limit was given; an --until that has passed only replays. */
    if (!after && o.since_ns == 0 && o.until_ns == 0 && o.follow)
        o.since_ns = clock_now_ns();
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (creel_events(e, &o, print, p, err) < 0 || p->failed)
        return cli_fail(c, err);
    return 0;
}

static int events(struct cli *c)
{
    struct creel_err err = { 0 };
    auto_free char *filters = NULL;
    auto_template *t = NULL;
    const char *format = cli_string(c, "format");
    if (format != NULL && strcmp(format, "json") == 0)
        format = "{{json .}}";
    if (filter_json(cli_list(c, "filter"), &filters, &err) < 0 || document_template(format, &t, &err) < 0)
        return cli_fail(c, &err);
    struct printer p = { .c = c, .template = t, .err = &err };
    return follow(c, &p, filters, &err);
}

static const struct cli_option options[] = {
    { .name = "after",
      .kind = CLI_INT,
      .metavar = "REVISION",
      .help = "Begin with the first event after this revision" },
    { .name = "filter",
      .letter = 'f',
      .kind = CLI_LIST,
      .metavar = "KEY=VALUE",
      .help = "Show only events that match; may be given several times" },
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = "Print with a Go template, or 'json'" },
    { .name = "no-follow", .kind = CLI_FLAG, .help = "Print what is there and exit" },
    { .name = "since", .kind = CLI_STRING, .metavar = "TIME", .help = "Begin at this time, or this long ago" },
    { .name = "until", .kind = CLI_STRING, .metavar = "TIME", .help = "End at this time, or this long ago" },
    { .name = NULL },
};

const struct cli_command cli_cmd_events = {
    .name = "events",
    .alias = "system events",
    .synopsis = "[OPTIONS]",
    .summary = "Show what happens, as it happens",
    .description = "Prints one line for each event. Without --since or --after it begins now; it goes on until "
                   "--until or an interrupt.\n"
                   "\n"
                   "Every event has a revision (.Rev, and \"rev\" in JSON): --after with the last one that was seen "
                   "continues without a "
                   "gap and without a repetition.\n"
                   "\n"
                   "Filters are type, event, container, image and label.\n"
                   "\n"
                   "Fields for --format: .Type .Action .Actor.ID .Actor.Attributes .Status .ID .From .Scope .Time "
                   ".TimeNano .Rev",
    .examples = "creel events --filter container=web\n"
                "creel events --since 1h --no-follow --format '{{json .}}'",
    .options = options,
    .group = CLI_GROUP_ENGINE,
    .run = events,
};
