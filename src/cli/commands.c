/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.c: every command, in the order of --help. Each is a file cmd_<name>.c. */
#include "cli/command.h"

extern const struct cli_command
    /* containers */
    cli_cmd_logs,
    cli_cmd_export,
    cli_cmd_cp,
    cli_cmd_commit,
    cli_cmd_start,
    cli_cmd_run,
    cli_cmd_exec,
    cli_cmd_create,
    cli_cmd_attach,
    /* images */
    cli_cmd_save,
    cli_cmd_load,
    cli_cmd_import,
    /* engine */
    cli_cmd_help;

const struct cli_command *const cli_commands[] = {
    /* containers */
    &cli_cmd_logs,
    &cli_cmd_export,
    &cli_cmd_cp,
    &cli_cmd_commit,
    &cli_cmd_start,
    &cli_cmd_run,
    &cli_cmd_exec,
    &cli_cmd_create,
    &cli_cmd_attach,
    /* images */
    &cli_cmd_save,
    &cli_cmd_load,
    &cli_cmd_import,
    /* engine */
    &cli_cmd_help,
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;
