/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_verbs.c: the verbs that do one thing to each container they are given: stop kill restart pause unpause rm
 * rename wait. Those that may take long (stop, restart, rm) work on several containers at a time. */
#include "cli/parallel.h"

#include <creel/container.h>

#include <limits.h>
#include <string.h>

/* --- stop, restart --- */

struct stop_options { const char *signal; int timeout; };

static int read_stop_options(struct cli *c, struct stop_options *o)
{
    int64_t seconds;
    *o = (struct stop_options){ .signal = cli_string(c, "signal"), .timeout = -2 };
    if (!cli_int(c, "timeout", &seconds))
        return 0;
    if (seconds < -1 || seconds > INT_MAX)
        return cli_error(c, 125, "%s: a timeout is -1 (for ever) or a number of seconds, not %lld", cli_invoked(c),
                         (long long)seconds);
    o->timeout = (int)seconds;
    return 0;
}

static int stop_one(void *arg, struct creel *e, const char *ref, struct creel_err *err)
{
    const struct stop_options *o = arg;
    int r = creel_container_stop(e, ref, o->signal, o->timeout, err);
    return r < 0 && err->kind == CREEL_NOT_MODIFIED ? 0 : r; /* stopped already is what was asked for */
}

static int stop(struct cli *c)
{
    struct stop_options o;
    int code = read_stop_options(c, &o);
    return code != 0 ? code : parallel_each(c, stop_one, &o, NULL);
}

static int restart_one(void *arg, struct creel *e, const char *ref, struct creel_err *err)
{
    const struct stop_options *o = arg;
    return creel_container_restart(e, ref, o->signal, o->timeout, err);
}

static int restart(struct cli *c)
{
    struct stop_options o;
    int code = read_stop_options(c, &o);
    return code != 0 ? code : parallel_each(c, restart_one, &o, NULL);
}

static const struct cli_option stop_options[] = {
    { .name = "signal",
      .letter = 's',
      .kind = CLI_STRING,
      .metavar = "SIGNAL",
      .help = "Signal to send first",
      .def = "the container's stop signal",
      .complete = CLI_COMPLETE_SIGNAL },
    { .name = "timeout",
      .letter = 't',
      .kind = CLI_INT,
      .metavar = "SECONDS",
      .help = "How long to wait before killing; -1: for ever",
      .def = "the container's stop timeout, else 10",
      .alias = "time" },
    { .name = NULL },
};

const struct cli_command cli_cmd_stop = {
    .name = "stop",
    .alias = "container stop",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Stop running containers",
    .description = "Sends the stop signal to the main process of each container, waits, and kills it when the time "
                   "is over. Prints "
                   "each name or id as it was given. A container that is stopped already is no error.",
    .examples = "creel stop -t 30 web db",
    .options = stop_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_RUNNING,
    .run = stop,
};

const struct cli_command cli_cmd_restart = {
    .name = "restart",
    .alias = "container restart",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Stop containers and start them again",
    .description =
        "Stops each container as creel stop does, and starts it. A container that is not running is started.",
    .examples = "creel restart web",
    .options = stop_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = restart,
};

/* --- kill --- */

static int kill_one(void *arg, struct creel *e, const char *ref, struct creel_err *err)
{
    return creel_container_kill(e, ref, arg, err);
}

static int kill_run(struct cli *c)
{
    const char *name = cli_string(c, "signal");
    auto_free char *signal = NULL;
    if (name != NULL && name[0] != '\0' && (signal = strdup(name)) == NULL)
        return cli_error(c, 1, "out of memory");
    return parallel_each(c, kill_one, signal, NULL);
}

static const struct cli_option kill_options[] = {
    { .name = "signal",
      .letter = 's',
      .kind = CLI_STRING,
      .metavar = "SIGNAL",
      .help = "Signal to send",
      .def = "KILL",
      .complete = CLI_COMPLETE_SIGNAL },
    { .name = NULL },
};

const struct cli_command cli_cmd_kill = {
    .name = "kill",
    .alias = "container kill",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Kill running containers, or send them a signal",
    .description = "Sends a signal to the main process of each container. Without --signal it is KILL, and creel "
                   "waits for the end.",
    .examples = "creel kill -s HUP web",
    .options = kill_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_RUNNING,
    .run = kill_run,
};

/* --- pause, unpause --- */

static int pause_one(struct cli *c, struct creel *e, const char *ref, struct creel_err *err)
{
    return creel_container_pause(e, ref, err);
}

static int pause_run(struct cli *c)
{
    return cli_each(c, pause_one);
}

static int unpause_one(struct cli *c, struct creel *e, const char *ref, struct creel_err *err)
{
    return creel_container_unpause(e, ref, err);
}

static int unpause_run(struct cli *c)
{
    return cli_each(c, unpause_one);
}

const struct cli_command cli_cmd_pause = {
    .name = "pause",
    .alias = "container pause",
    .synopsis = "CONTAINER...",
    .summary = "Freeze all processes of containers",
    .description = "Freezes the control group of each container. Its processes keep their memory and files and get "
                   "no processor time.",
    .examples = "creel pause web",
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_RUNNING,
    .run = pause_run,
};

const struct cli_command cli_cmd_unpause = {
    .name = "unpause",
    .alias = "container unpause",
    .synopsis = "CONTAINER...",
    .summary = "Let the processes of frozen containers go on",
    .description = "Thaws the control group of each container that creel pause has frozen.",
    .examples = "creel unpause web",
    .min_args = 1, .max_args = -1, .group = CLI_GROUP_CONTAINER, .complete = CLI_COMPLETE_RUNNING, .run = unpause_run,
};

/* --- rm --- */

static int rm_one(void *arg, struct creel *e, const char *ref, struct creel_err *err)
{
    return creel_container_remove(e, ref, arg, err);
}

/* With --force, what is gone already is no failure. */
static bool rm_forgives(void *arg, const struct creel_err *err)
{
    const struct creel_remove_options *o = arg;
    return o->force && err->kind == CREEL_NOT_FOUND;
}

static int rm(struct cli *c)
{
    if (cli_flag(c, "link"))
        return cli_error(c, 125, "rm: there are no links between containers to remove (--link)");
    struct creel_remove_options o = { .size = sizeof o,
                                      .force = cli_flag(c, "force"),
                                      .volumes = cli_flag(c, "volumes") };
    return parallel_each(c, rm_one, &o, rm_forgives);
}

static const struct cli_option rm_options[] = {
    { .name = "force",
      .letter = 'f',
      .kind = CLI_FLAG,
      .help = "Kill the container first if it runs; do not fail if there is none" },
    { .name = "link", .letter = 'l', .kind = CLI_FLAG, .help = "Refused: creel has no links between containers" },
    { .name = "volumes", .letter = 'v', .kind = CLI_FLAG, .help = "Remove the container's anonymous volumes too" },
    { .name = NULL },
};

const struct cli_command cli_cmd_rm = {
    .name = "rm",
    .alias = "container rm,container remove",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Remove containers",
    .description = "Removes each container with its files and logs. A running one is refused without -f. Prints each "
                   "name or id as it "
                   "was given.",
    .examples = "creel rm -f web\n"
                "creel rm $(creel ps -aq --filter status=exited)",
    .options = rm_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = rm,
};

/* --- rename --- */

static int rename_run(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    const struct strv *args = cli_args(c);
    return creel_container_rename(e, args->items[0], args->items[1], &err) < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_rename = {
    .name = "rename",
    .alias = "container rename",
    .synopsis = "CONTAINER NAME",
    .summary = "Give a container another name",
    .description = "Gives a container another name. It may be running.",
    .examples = "creel rename web web-old",
    .min_args = 2, .max_args = 2, .group = CLI_GROUP_CONTAINER, .complete = CLI_COMPLETE_CONTAINER, .run = rename_run,
};

/* --- wait --- */

static int wait_run(struct cli *c)
{
    struct creel *e = cli_engine(c);
    int code = 0;
    if (e == NULL)
        return 1;
    for (size_t i = 0; i < cli_args(c)->count; i++) {
        struct creel_exit x;
        struct creel_err err = { 0 };
        if (creel_container_wait(e, cli_args(c)->items[i], cli_string(c, "condition"), -1, &x, &err) < 0) {
            code = cli_fail(c, &err);
            continue;
        }
        (void)fprintf(cli_out(c), "%d\n", creel_exit_shell(&x)); /* main looks at ferror */
        (void)cli_flush(c);                                     /* each as it ends */
    }
    return code;
}

static const struct cli_option wait_options[] = {
    { .name = "condition", .kind = CLI_STRING, .metavar = "WHAT", .help = "What to wait for", .def = "not-running",
      .complete = CLI_COMPLETE_WORDS, .words = "not-running next-exit removed" },
    { .name = NULL },
};

const struct cli_command cli_cmd_wait = {
    .name = "wait",
    .alias = "container wait",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Wait until containers stop, then print their exit codes",
    .description = "Waits for each container in turn and prints its exit code: the code of the process, 128 + the "
                   "signal that ended "
                   "it, or 255 when it is not known.",
    .examples = "creel wait job",
    .options = wait_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = wait_run,
};
