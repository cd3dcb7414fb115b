/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_export.c: a container's whole root file system as a tar. */
#include "cli/command.h"
#include "cli/output_file.h"

#include <creel/container.h>

static int export(struct cli *c)
{
    auto_output_file out = OUTPUT_FILE_INIT;
    struct creel_err err = { 0 };
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (output_file_open(&out, cli_string(c, "output"), "save", &err) < 0
        || creel_container_export(e, cli_args(c)->items[0], out.fd, &err) < 0 || output_file_commit(&out, &err) < 0)
        return cli_fail(c, &err);
    return 0;
}

static const struct cli_option options[] = {
    { .name = "output", .letter = 'o', .kind = CLI_STRING, .metavar = "FILE",
      .help = "Write to this file instead of standard output", .complete = CLI_COMPLETE_FILE },
    { .name = NULL },
};

const struct cli_command cli_cmd_export = {
    .name = "export",
    .alias = "container export",
    .synopsis = "[OPTIONS] CONTAINER",
    .summary = "Write a container's root file system to a tar archive",
    .description =
        "Writes what the container sees as its root, without what is mounted below it, to a tar archive. The "
        "container may be running.",
    .examples = "creel export -o web.tar web\n"
                "creel export web | creel import - web:flat",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = export,
    .group = CLI_GROUP_CONTAINER,
};
