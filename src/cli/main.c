/* SPDX-License-Identifier: Apache-2.0 */
/* cli/main.c: the program creel. All state hangs off one struct cli; standard output is buffered whole and its
 * failure is an error of the program. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A descriptor 0, 1 or 2 that is closed would be reused for the store. */
static bool standard_files_open(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) /* no CLOEXEC: inherited */
            return false;
    return true;
}

static int print_help(struct cli *c)
{
    auto_bytes text = BYTES_INIT;
    if (c->command != NULL)
        cli_help_command(c->command, &text);
    else if (c->invoked[0] != '\0')
        cli_help_group(&c->table, c->invoked, &text);
    else
        cli_help_program(&c->table, &text);
    (void)fwrite(bytes_str(&text), 1, text.len, c->out); /* finish looks at ferror */
    return bytes_ok(&text) ? 0 : cli_error(c, 1, "out of memory");
}

static int dispatch(struct cli *c)
{
    if (c->help || cli_flag(c, "help"))
        return print_help(c);
    if (c->command == NULL && cli_flag(c, "version")) {
        (void)fprintf(c->out, "creel version %s\n", CREEL_VERSION); /* finish looks at ferror */
        return 0;
    }
    if (c->command == NULL)
        return print_help(c);
    return c->command->run(c);
}

/* Output that never arrived is a failure, unless the command had a worse one to tell. */
static int finish(struct cli *c, int code)
{
    errno = 0;
    if (!cli_flush(c)) {
        int e = c->out_error;
        int mine = cli_error(c, 1, "writing the output%s%s", e != 0 ? ": " : "", e != 0 ? strerror(e) : "");
        return code != 0 ? code : mine;
    }
    return code;
}

int main(int argc, char **argv)
{
    static char buffer[64 * 1024]; /* stdio uses it until the process is gone */
    const struct cli_table table = { cli_commands, cli_command_count };
    struct creel_err err = { 0 };
    struct cli c;

    if (!standard_files_open())
        return CLI_EXIT_USAGE;
    if (setvbuf(stdout, buffer, _IOFBF, sizeof buffer) != 0)
        return CLI_EXIT_USAGE;
    cli_init(&c, &table, stdout, stderr);
    int code = cli_parse(&c, argc, argv, &err) < 0 ? cli_error(&c, CLI_EXIT_USAGE, "%s", err.text) : dispatch(&c);
    code = finish(&c, code);
    cli_fini(&c);
    return code;
}
