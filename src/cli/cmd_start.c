/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_start.c: start containers that exist; with -a or -i one of them in the foreground. */
#include "cli/container_facts.h"
#include "cli/foreground.h"

#include <creel/container.h>

static int start_one(struct cli *c, struct creel *e, const char *ref, struct creel_err *err)
{
    (void)c;
    if (creel_container_start(e, ref, NULL, NULL, err) < 0 && err->kind != CREEL_NOT_MODIFIED)
        return -1;
    return 0;
}

/* Connected before it runs; when it runs already, to what it is doing. */
static int start_session(struct creel *e, const struct foreground *f, struct creel_session **ret, struct creel_err *err)
{
    const struct creel_attach_options attach = { .size = sizeof attach, .want_stdin = f->in, .want_stdout = 1,
                                                 .want_stderr = 1, .rows = f->rows, .cols = f->cols };
    if (creel_container_start(e, f->container, &attach, ret, err) == 0)
        return 0;
    if (err->kind != CREEL_NOT_MODIFIED)
        return -1;
    return creel_container_attach(e, f->container, &attach, ret, err);
}

static int start_attached(struct cli *c, struct creel *e)
{
    const struct strv *refs = cli_args(c);
    auto_foreground f = FOREGROUND_INIT;
    struct container_facts facts;
    struct creel_session *session = NULL;
    struct creel_err err = { 0 };
    if (refs->count > 1)
        return cli_error(c, 1, "you cannot start and attach multiple containers at once");
    if (container_facts_get(e, refs->items[0], &facts, &err) < 0)
        return cli_fail(c, &err);
    f.tty = facts.tty;
    f.in = cli_flag(c, "interactive") && facts.open_stdin;
    f.out = f.err = f.proxy = true;
    f.detach_keys = cli_string(c, "detach-keys");
    f.container = facts.id;
    int code = foreground_check(c, &f, 1);
    if (code != 0)
        return code;
    if (foreground_begin(&f, &err) < 0 || start_session(e, &f, &session, &err) < 0)
        return cli_fail(c, &err);
    return foreground_copy(c, &f, session);
}

static int start(struct cli *c)
{
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (cli_flag(c, "attach") || cli_flag(c, "interactive"))
        return start_attached(c, e);
    return cli_each(c, start_one);
}

static const struct cli_option options[] = {
    { .name = "attach", .letter = 'a', .kind = CLI_FLAG, .help = "Show the output and pass signals on" },
    { .name = "detach-keys", .kind = CLI_STRING, .metavar = "KEYS", .help = "Keys that detach, such as ctrl-p,ctrl-q" },
    { .name = "interactive", .letter = 'i', .kind = CLI_FLAG, .help = "Connect standard input as well" },
    { .name = NULL },
};

const struct cli_command cli_cmd_start = {
    .name = "start",
    .alias = "container start",
    .synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Start containers that were made or have ended",
    .description = "Starts each container and prints its name as given. With --attach or --interactive exactly one "
                   "container is started, its output is shown, and its exit code becomes that of creel start. Starting a "
                   "container that runs changes nothing and is no error.",
    .examples = "creel start web\n"
                "creel start -ai shell",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = start,
    .group = CLI_GROUP_CONTAINER,
};
