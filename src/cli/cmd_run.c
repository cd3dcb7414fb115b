/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_run.c: make a container and start it, in the foreground with its streams, or detached. Exit codes: 125
 * creel's own failure, 126 and 127 the command cannot be run or was not found, otherwise the container's. */
#include "cli/cid_file.h"
#include "cli/foreground.h"
#include "cli/run_options.h"
#include "cli/run_request.h"
#include "cli/warnings.h"

#include <creel/container.h>

static int usage(struct cli *c, const struct creel_err *err)
{
    return cli_error(c, 125, "%s: %s (see 'creel %s --help')", cli_invoked(c), err->text, cli_invoked(c));
}

static void say_network(const struct run_request *r)
{
    if (r->network_defaulted && isatty(STDERR_FILENO) == 1)
        (void)fputs("creel: the container has no network: until networks exist the default is --network none\n",
                    stderr);
}

static int run_detached(struct cli *c, const struct run_request *r, struct cid_file *cid)
{
    char id[65] = "";
    auto_free char *warnings = NULL;
    struct creel_err err = { 0 };
    struct creel *e = cli_engine_to_start(c);
    if (e == NULL)
        return 125;
    int rc = creel_container_run(e, cli_string(c, "name"), r->body, NULL, id, &warnings, NULL, &err);
    warnings_say(c, warnings);
    if (rc < 0) {
        (void)cid_file_write(cid, id, NULL); /* the failure of the start is what counts */
        return cli_fail_run(c, &err);
    }
    if (cid_file_write(cid, id, &err) < 0)
        return cli_fail_run(c, &err);
    (void)fprintf(cli_out(c), "%s\n", id); /* main looks at ferror */
    return 0;
}

static int run_attached(struct cli *c, struct foreground *f, const struct run_request *r, struct cid_file *cid)
{
    char id[65] = "";
    auto_free char *warnings = NULL;
    struct creel_session *session = NULL;
    struct creel_err err = { 0 };
    const struct creel_attach_options attach = { .size = sizeof attach, .want_stdin = r->attach_in,
                                                 .want_stdout = r->attach_out, .want_stderr = r->attach_err,
                                                 .rows = f->rows, .cols = f->cols };
    struct creel *e = cli_engine_to_start(c);
    if (e == NULL)
        return 125;
    int rc = creel_container_run(e, cli_string(c, "name"), r->body, &attach, id, &warnings, &session, &err);
    warnings_say(c, warnings);
    if (rc < 0) {
        (void)cid_file_write(cid, id, NULL); /* the failure of the start is what counts */
        return cli_fail_run(c, &err);
    }
    if (cid_file_write(cid, id, &err) < 0)
        (void)cli_fail_run(c, &err); /* the container runs: its end is what is reported */
    f->container = id;
    return foreground_copy(c, f, session);
}

static int run(struct cli *c)
{
    bool detach = cli_flag(c, "detach");
    auto_foreground f = FOREGROUND_INIT;
    auto_run_request r = { 0 };
    auto_cid_file cid = CID_FILE_INIT;
    struct creel_err err = { 0 };
    unsigned rows, cols;

    terminal_size(STDOUT_FILENO, &rows, &cols);
    if (run_request_build(c, detach, rows, cols, &r, &err) < 0)
        return usage(c, &err);
    f.tty = r.tty;
    f.in = r.attach_in;
    f.out = r.attach_out;
    f.err = r.attach_err;
    f.proxy = cli_flag(c, "sig-proxy");
    f.detach_keys = cli_string(c, "detach-keys");
    int code = foreground_check(c, &f, 125);
    if (code != 0)
        return code;
    if (cid_file_open(&cid, cli_string(c, "cidfile"), &err) < 0)
        return cli_fail_run(c, &err);
    say_network(&r);
    if (detach)
        return run_detached(c, &r, &cid);
    if (foreground_begin(&f, &err) < 0)
        return cli_fail_run(c, &err);
    return run_attached(c, &f, &r, &cid);
}

const struct cli_command cli_cmd_run = {
    .name = "run",
    .alias = "container run",
    .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Make a container from an image and run a command in it",
    .description =
        "Makes a container from IMAGE and starts it with COMMAND, or with the command that the image names. In the "
        "foreground the container's output is shown, signals are passed on to it, and its exit code becomes that of "
        "creel run; with --interactive standard input is connected, with --tty the process gets a terminal, and the "
        "keys ctrl-p ctrl-q detach from it without ending it. With --detach the container's id is printed and it runs "
        "in the background.\n\n"
        "Exit codes: 125 when creel itself failed, 126 when the command cannot be executed, 127 when it was not found, "
        "128+n when it was ended by signal n, otherwise the command's own.",
    .examples = "creel run --rm busybox echo hello\n"
                "creel run -it --rm busybox sh\n"
                "creel run -d --name web -v /srv/www:/www:ro -m 64m busybox httpd -f -h /www",
    .options = run_options,
    .min_args = 1,
    .max_args = -1,
    .stop_at_operand = true,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
    .group = CLI_GROUP_CONTAINER,
};
