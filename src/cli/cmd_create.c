/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_create.c: make a container without starting it; options as for run. */
#include "cli/cid_file.h"
#include "cli/run_options.h"
#include "cli/run_request.h"
#include "cli/terminal.h"
#include "cli/warnings.h"

#include <creel/container.h>

static int create(struct cli *c)
{
    auto_run_request r = { 0 };
    auto_cid_file cid = CID_FILE_INIT;
    auto_free char *warnings = NULL;
    char id[65] = "";
    struct creel_err err = { 0 };
    unsigned rows, cols;

    terminal_size(STDOUT_FILENO, &rows, &cols);
    if (run_request_build(c, false, rows, cols, &r, &err) < 0)
        return cli_error(c, 125, "%s: %s (see 'creel %s --help')", cli_invoked(c), err.text, cli_invoked(c));
    if (cid_file_open(&cid, cli_string(c, "cidfile"), &err) < 0)
        return cli_fail(c, &err);
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (creel_container_create(e, cli_string(c, "name"), r.body, id, &warnings, &err) < 0)
        return cli_fail(c, &err);
    warnings_say(c, warnings);
    (void)fprintf(cli_out(c), "%s\n", id); /* main looks at ferror */
    return cid_file_write(&cid, id, &err) < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_create = {
    .name = "create",
    .alias = "container create",
    .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Make a container without starting it",
    .description =
        "Makes a container as creel run does and prints its id; creel start starts it. The options have the "
        "same meaning as those of creel run.",
    .examples = "creel create --name job busybox sh -c 'echo working'\n"
                "creel start -a job",
    .options = create_options,
    .min_args = 1,
    .max_args = -1,
    .stop_at_operand = true,
    .complete = CLI_COMPLETE_IMAGE,
    .run = create,
    .group = CLI_GROUP_CONTAINER,
};
