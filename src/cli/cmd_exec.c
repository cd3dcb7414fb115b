/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_exec.c: another process in a running container. */
#include "cli/foreground.h"
#include "cli/json.h"
#include "cli/run_request.h"

#include <creel/container.h>

static int text_member(struct cli *c, json_t *o, const char *key, const char *option, struct creel_err *err)
{
    const char *value = cli_string(c, option);
    return value == NULL ? 0 : json_put_text(o, key, value, option, err);
}

static int list_member(json_t *o, const char *key, const struct strv *list, size_t from, const char *what,
                       struct creel_err *err)
{
    auto_json *array = json_array();
    for (size_t i = from; i < list->count; i++)
        if (json_push_text(array, list->items[i], what, err) < 0)
            return -1;
    return json_put(o, key, json_incref(array), err);
}

static int request(struct cli *c, const struct foreground *f, char **ret, struct creel_err *err)
{
    auto_json *o = json_object();
    auto_strv env = STRV_INIT;
    if (run_request_env(c, &env, err) < 0 || list_member(o, "Cmd", cli_args(c), 1, "the command", err) < 0
        || (env.count > 0 && list_member(o, "Env", &env, 0, "--env", err) < 0)
        || text_member(c, o, "User", "user", err) < 0 || text_member(c, o, "WorkingDir", "workdir", err) < 0
        || text_member(c, o, "DetachKeys", "detach-keys", err) < 0
        || json_put(o, "Tty", json_boolean(f->tty), err) < 0
        || json_put(o, "Privileged", json_boolean(cli_flag(c, "privileged")), err) < 0
        || json_put(o, "AttachStdin", json_boolean(f->in), err) < 0
        || json_put(o, "AttachStdout", json_boolean(f->out), err) < 0
        || json_put(o, "AttachStderr", json_boolean(f->err), err) < 0)
        return -1;
    *ret = json_dumps(o, JSON_COMPACT);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

/* As a shell tells them apart: 126 and 127 for the command, 1 for what is ours. */
static int failed(struct cli *c, const struct creel_err *err)
{
    return err->kind == CREEL_CANNOT_INVOKE || err->kind == CREEL_NO_COMMAND ? cli_fail_run(c, err) : cli_fail(c, err);
}

static int exec(struct cli *c)
{
    bool detach = cli_flag(c, "detach");
    auto_foreground f = FOREGROUND_INIT;
    auto_free char *body = NULL;
    struct creel_session *session = NULL;
    char exec_id[65];
    struct creel_err err = { 0 };

    f.tty = cli_flag(c, "tty");
    f.in = cli_flag(c, "interactive") && !detach;
    f.out = f.err = !detach;
    f.detach_keys = cli_string(c, "detach-keys");
    int code = foreground_check(c, &f, 125);
    if (code != 0)
        return code;
    if (request(c, &f, &body, &err) < 0)
        return cli_error(c, 125, "%s: %s (see 'creel %s --help')", cli_invoked(c), err.text, cli_invoked(c));
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (!detach && foreground_begin(&f, &err) < 0)
        return cli_fail(c, &err);
    if (creel_container_exec(e, cli_args(c)->items[0], body, detach, f.rows, f.cols, exec_id, &session, &err) < 0)
        return failed(c, &err);
    return session == NULL ? 0 : foreground_copy(c, &f, session);
}

static const struct cli_option options[] = {
    { .name = "detach", .letter = 'd', .kind = CLI_FLAG, .help = "Run in the background" },
    { .name = "detach-keys", .kind = CLI_STRING, .metavar = "KEYS", .help = "Keys that detach, such as ctrl-p,ctrl-q" },
    { .name = "env", .letter = 'e', .kind = CLI_LIST, .metavar = "NAME[=VALUE]",
      .help = "Set an environment variable, or pass the caller's on" },
    { .name = "env-file", .kind = CLI_LIST, .metavar = "FILE", .help = "Read environment variables from a file",
      .complete = CLI_COMPLETE_FILE },
    { .name = "interactive", .letter = 'i', .kind = CLI_FLAG, .help = "Connect standard input" },
    { .name = "privileged", .kind = CLI_FLAG, .help = "Give the process all capabilities" },
    { .name = "tty", .letter = 't', .kind = CLI_FLAG, .help = "Give the process a terminal" },
    { .name = "user", .letter = 'u', .kind = CLI_STRING, .metavar = "USER[:GROUP]", .help = "User, by name or number" },
    { .name = "workdir", .letter = 'w', .kind = CLI_STRING, .metavar = "DIR", .help = "Working directory" },
    { .name = NULL },
};

const struct cli_command cli_cmd_exec = {
    .name = "exec",
    .alias = "container exec",
    .synopsis = "[OPTIONS] CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .description = "Runs COMMAND beside the container's own process, with its namespaces, environment and confinement. "
                   "The command's exit code becomes that of creel exec: 126 when it cannot be executed, 127 when it was "
                   "not found, 1 when the container is not running.",
    .examples = "creel exec web ps\n"
                "creel exec -it web sh",
    .options = options,
    .min_args = 2,
    .max_args = -1,
    .stop_at_operand = true,
    .complete = CLI_COMPLETE_RUNNING,
    .run = exec,
    .group = CLI_GROUP_CONTAINER,
};
