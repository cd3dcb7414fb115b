/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli.h: what is behind `struct cli`; for the framework (main, parse, help, man, completion) and for the commands
 * that are part of it (help, completion). Other commands use command.h only. */
#ifndef CREEL_CLI_CLI_H
#define CREEL_CLI_CLI_H

#include "cli/command.h"

#include "base/bytes.h"

enum { CLI_GLOBAL_MAX = 8, CLI_EXIT_USAGE = 125 };

struct cli_value {
    bool given;
    bool flag;
    const char *text;       /* borrowed from argv: the last one */
    int64_t number;
    struct strv list;
};

/* A set of commands: the program's own in main, small ones in tests. */
struct cli_table {
    const struct cli_command *const *commands;
    size_t count;
};

struct cli {
    struct cli_table table;
    const struct cli_command *command;  /* NULL: none was named */
    char invoked[64];                   /* as typed */
    struct cli_value *values;           /* one per option of `command` */
    struct cli_value global[CLI_GLOBAL_MAX];
    struct strv args;
    bool help;                          /* --help was among the options */
    FILE *out, *err;
    int out_error;                      /* errno of the first flush that failed */
    bool out_is_terminal, err_is_terminal, color;
    struct creel *engine;
};

void cli_init(struct cli *c, const struct cli_table *table, FILE *out, FILE *err);
void cli_fini(struct cli *c);

/* --- parse.c --- */
/* argv[0] is the program. Strings are borrowed from argv. On failure the text is what the user should read. */
int cli_parse(struct cli *c, int argc, char *const *argv, struct creel_err *err);
/* The command that `words[0..count)` begin with, as name or alias; *ret_used is 1 or 2. NULL: none. */
const struct cli_command *cli_command_find(const struct cli_table *t, char *const *words, size_t count,
                                           size_t *ret_used);
/* True when some command's name or alias is "<word> something". */
bool cli_is_group(const struct cli_table *t, const char *word);
size_t cli_option_count(const struct cli_option *options);
/* Goes through a comma-separated list of names: `*at` is "" or NULL at the end. False when there are no more. */
bool cli_alias_next(const char **at, char *buf, size_t size);

/* --- suggest.c --- */
/* How many single-letter edits (insert, delete, change, swap neighbours) lead from a to b; more than 32 letters: 99.
 */
unsigned cli_distance(const char *a, const char *b);

/* --- help.c --- */
void cli_help_program(const struct cli_table *t, struct bytes *out);
void cli_help_group(const struct cli_table *t, const char *group, struct bytes *out);
void cli_help_command(const struct cli_command *cmd, struct bytes *out);
const char *cli_group_title(enum cli_group group);

/* --- man.c --- */
void cli_man_program(const struct cli_table *t, struct bytes *out);
void cli_man_command(const struct cli_command *cmd, struct bytes *out);
/* creel.1 and creel-<verb>.1 for every command that is not hidden. */
int cli_man_write(const struct cli_table *t, const char *dir, struct creel_err *err);

/* --- completion.c --- */
/* shell: "bash", "zsh" or "fish"; false for others. */
bool cli_completion_print(const struct cli_table *t, const char *shell, struct bytes *out);

#endif
