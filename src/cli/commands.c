/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.c: every command, in the order of --help. Each is a file cmd_<name>.c. */
#include "cli/command.h"

extern const struct cli_command
    /* containers */
    /* images */
    /* engine */
    cli_cmd_help;

const struct cli_command *const cli_commands[] = {
    /* containers */
    /* images */
    /* engine */
    &cli_cmd_help,
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;
