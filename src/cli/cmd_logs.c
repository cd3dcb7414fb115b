/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_logs.c: what a container has written, to the stream it was written to. */
#include "cli/command.h"
#include "cli/log_print.h"

#include "base/clock.h"
#include "base/parse.h"

#include <creel/container.h>
#include <string.h>

static int print_record(void *arg, int stream, int64_t time_ns, const char *attrs_json, const char *data, size_t len)
{
    struct log_print *p = arg;
    if (data == NULL)
        return log_print_flush(p);
    return log_print_record(p, stream, time_ns, attrs_json, data, len);
}

static int time_option(struct cli *c, const char *name, int64_t *ret)
{
    const char *text = cli_string(c, name);
    if (text == NULL || clock_parse_when(text, clock_now_ns(), ret))
        return 0;
    return cli_error(c, 1,
                     "invalid value for \"%s\": '%s' is neither a time (2006-01-02T15:04:05Z, Unix seconds) nor a "
                     "duration (10m)",
                     name, text);
}

/* "all", a count, and as with Docker anything that is no count means all. */
static int64_t tail_option(const struct cli *c)
{
    const char *text = cli_string(c, "tail");
    int64_t n;
    return text != NULL && parse_i64(text, 0, INT64_MAX, &n) ? n : -1;
}

static int logs(struct cli *c)
{
    struct creel_log_options o = { .size = sizeof o, .follow = cli_flag(c, "follow"),
                                   .timestamps = cli_flag(c, "timestamps"), .details = cli_flag(c, "details"),
                                   .want_stdout = 1, .want_stderr = 1, .tail = tail_option(c) };
    auto_log_print p;
    struct creel_err err = { 0 };

    log_print_init(&p, STDOUT_FILENO, STDERR_FILENO, o.timestamps, o.details);
    if (time_option(c, "since", &o.since_ns) != 0 || time_option(c, "until", &o.until_ns) != 0)
        return 1;
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    int rc = creel_container_logs(e, cli_args(c)->items[0], &o, -1, print_record, &p, &err);
    (void)log_print_flush(&p); /* p.failed says it */
    if (rc < 0)
        return cli_fail(c, &err);
    if (p.failed != 0)
        return cli_error(c, 1, "writing the logs: %s", strerror(p.failed));
    return 0;
}

static const struct cli_option options[] = {
    { .name = "details", .kind = CLI_FLAG, .help = "Show the attributes that log options added" },
    { .name = "follow", .letter = 'f', .kind = CLI_FLAG, .help = "Go on until the container ends" },
    { .name = "since", .kind = CLI_STRING, .metavar = "TIME",
      .help = "Only what was written since then: a time, or a duration back from now such as 10m" },
    { .name = "tail", .letter = 'n', .kind = CLI_STRING, .metavar = "NUMBER", .help = "Only the last lines",
      .def = "all" },
    { .name = "timestamps", .letter = 't', .kind = CLI_FLAG, .help = "Show when each line was written" },
    { .name = "until", .kind = CLI_STRING, .metavar = "TIME", .help = "Only what was written before then" },
    { .name = NULL },
};

const struct cli_command cli_cmd_logs = {
    .name = "logs",
    .alias = "container logs",
    .synopsis = "[OPTIONS] CONTAINER",
    .summary = "Show what a container has written",
    .description = "Shows the log of a container: what it wrote to standard output on standard output, the rest on "
                   "standard error. Works while it runs and after its end.",
    .examples = "creel logs --tail 20 -f web\n"
                "creel logs --since 10m -t web",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = logs,
    .group = CLI_GROUP_CONTAINER,
};
