/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_check.c: creel check. */
#include "cli/command.h"
#include "cli/table.h"

#include <string.h>

struct found { struct cli *c; size_t count, repaired; bool repair; };

static void say(void *arg, const struct creel_finding *f)
{
    struct found *d = arg;
    auto_bytes line = BYTES_INIT;
    bytes_addf(&line, "%s ", f->what);
    text_escape(&line, f->object, strlen(f->object), TEXT_ESCAPE_ALL);
    bytes_adds(&line, ": ");
    text_escape(&line, f->detail, strlen(f->detail), TEXT_ESCAPE_ALL);
    bytes_adds(&line, f->repaired ? " (repaired)\n" : d->repair ? " (not repaired)\n" : "\n");
    (void)fwrite(bytes_str(&line), 1, line.len, cli_out(d->c)); /* main looks at ferror */
    d->count++;
    d->repaired += f->repaired != 0;
}

static int check(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct found d = { .c = c, .repair = cli_flag(c, "repair") };
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    if (creel_check(e, d.repair, say, &d, &err) < 0)
        return cli_fail(c, &err);
    return d.count > d.repaired ? 1 : 0;
}

static const struct cli_option options[] = {
    { .name = "repair", .kind = CLI_FLAG, .help = "Mend what differs" },
    { .name = NULL },
};

const struct cli_command cli_cmd_check = {
    .name = "check",
    .alias = "system check",
    .synopsis = "[OPTIONS]",
    .summary = "Compare what the store says with what is there",
    .description = "Compares the rows of the store, the kernel's objects (processes, control groups) and the "
                   "directories, and prints one "
                   "line for each difference. The exit code is 0 if there is none or all were repaired, else 1.",
    .examples = "creel check\n"
                "creel check --repair",
    .options = options,
    .group = CLI_GROUP_ENGINE,
    .run = check,
};
