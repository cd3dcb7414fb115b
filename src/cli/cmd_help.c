/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_help.c: creel help [COMMAND]. */
#include "cli/cli.h"

static int help_run(struct cli *c)
{
    const struct strv *args = cli_args(c);
    auto_bytes text = BYTES_INIT;
    size_t used = 0;
    const struct cli_command *cmd = cli_command_find(&c->table, strv_argv(args), args->count, &used);
    if (args->count == 0)
        cli_help_program(&c->table, &text);
    else if (cmd != NULL && used == args->count)
        cli_help_command(cmd, &text);
    else if (args->count == 1 && cli_is_group(&c->table, args->items[0]))
        cli_help_group(&c->table, args->items[0], &text);
    else
        return cli_error(c, 1, "help: there is no command '%s%s%s'", args->items[0], args->count > 1 ? " " : "",
                         args->count > 1 ? args->items[1] : "");
    (void)fwrite(bytes_str(&text), 1, text.len, c->out); /* main looks at ferror */
    return bytes_ok(&text) ? 0 : cli_error(c, 1, "out of memory");
}

const struct cli_command cli_cmd_help = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "Print help about creel or one of its commands",
    .max_args = 2,
    .group = CLI_GROUP_ENGINE,
    .run = help_run,
};
