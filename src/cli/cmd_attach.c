/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_attach.c: the caller's streams on a container that runs. */
#include "cli/container_facts.h"
#include "cli/foreground.h"

#include <creel/container.h>
#include <string.h>

static int state_check(struct cli *c, const struct container_facts *facts)
{
    if (strcmp(facts->state, "paused") == 0)
        return cli_error(c, 1, "you cannot attach to a paused container, unpause it first");
    if (strcmp(facts->state, "restarting") == 0)
        return cli_error(c, 1, "you cannot attach to a restarting container, wait until it is running");
    if (strcmp(facts->state, "running") != 0)
        return cli_error(c, 1, "you cannot attach to a stopped container, start it first");
    return 0;
}

static int attach(struct cli *c)
{
    const char *ref = cli_args(c)->items[0];
    auto_foreground f = FOREGROUND_INIT;
    struct container_facts facts;
    struct creel_session *session = NULL;
    struct creel_err err = { 0 };
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (container_facts_get(e, ref, &facts, &err) < 0)
        return cli_fail(c, &err);
    f.tty = facts.tty;
    f.in = facts.open_stdin && !cli_flag(c, "no-stdin");
    f.out = f.err = true;
    f.proxy = cli_flag(c, "sig-proxy");
    f.detach_keys = cli_string(c, "detach-keys");
    f.container = facts.id;
    f.redraw = facts.tty;
    int code = state_check(c, &facts);
    if (code == 0)
        code = foreground_check(c, &f, 1);
    if (code != 0)
        return code;
    if (foreground_begin(&f, &err) < 0)
        return cli_fail(c, &err);
    const struct creel_attach_options o = { .size = sizeof o, .want_stdin = f.in, .want_stdout = 1, .want_stderr = 1,
                                            .rows = f.rows, .cols = f.cols };
    if (creel_container_attach(e, facts.id, &o, &session, &err) < 0)
        return cli_fail(c, &err);
    return foreground_copy(c, &f, session);
}

static const struct cli_option options[] = {
    { .name = "detach-keys", .kind = CLI_STRING, .metavar = "KEYS", .help = "Keys that detach, such as ctrl-p,ctrl-q" },
    { .name = "no-stdin", .kind = CLI_FLAG, .help = "Do not connect standard input" },
    { .name = "sig-proxy", .kind = CLI_FLAG, .help = "Pass signals on to the process", .def = "true" },
    { .name = NULL },
};

const struct cli_command cli_cmd_attach = {
    .name = "attach",
    .alias = "container attach",
    .synopsis = "[OPTIONS] CONTAINER",
    .summary = "Connect to the streams of a running container",
    .description = "Shows what the container writes from now on and, if it was made with --interactive, passes on what is "
                   "typed. Any number of callers may be attached. Ends with the container's exit code, or with 0 after "
                   "the detach keys.",
    .examples = "creel attach web\n"
                "creel attach --no-stdin --sig-proxy=false web",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .complete = CLI_COMPLETE_RUNNING,
    .run = attach,
    .group = CLI_GROUP_CONTAINER,
};
