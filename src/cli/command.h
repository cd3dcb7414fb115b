/* SPDX-License-Identifier: Apache-2.0 */
/* cli/command.h: one table describes every command; parsing, --help, man pages and shell completion are all derived
 * from it, so they cannot disagree. A command is a const struct cli_command in cli/cmd_<name>.c; small ones of a kind
 * share a file. */
#ifndef CREEL_CLI_COMMAND_H
#define CREEL_CLI_COMMAND_H

#include "base/err.h"
#include "base/strv.h"

#include <creel/engine.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum cli_kind {
    CLI_FLAG,       /* --rm, --rm=false */
    CLI_STRING,     /* last one wins */
    CLI_LIST,       /* may be repeated */
    CLI_INT,        /* decimal, may be negative */
};
enum cli_complete {
    CLI_COMPLETE_NONE,
    CLI_COMPLETE_FILE,
    CLI_COMPLETE_DIR,
    CLI_COMPLETE_CONTAINER,
    CLI_COMPLETE_RUNNING,
    CLI_COMPLETE_IMAGE,
    CLI_COMPLETE_SIGNAL,
    CLI_COMPLETE_CAP,
    CLI_COMPLETE_WORDS
};

struct cli_option {
    const char *name;           /* long name without dashes */
    char letter;                /* 0 = none */
    enum cli_kind kind;
    const char *metavar;        /* "STRING"; NULL for flags */
    const char *help;           /* one sentence, no full stop */
    const char *def;            /* default shown in help, or NULL */
    enum cli_complete complete;
    const char *words;          /* space-separated, for CLI_COMPLETE_WORDS */
    const char *alias;          /* other long names for the same option, comma-separated, not listed; or NULL */
};

enum cli_group { CLI_GROUP_CONTAINER, CLI_GROUP_IMAGE, CLI_GROUP_ENGINE };

struct cli;
struct cli_command {
    const char *name;           /* "run", or two words: "image inspect" */
    const char *alias;          /* another name for the same ("container ls" for "ps"), comma-separated, or NULL */
    const char *synopsis;       /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
    const char *summary;        /* one line, for the list of commands */
    const char *description;    /* paragraphs for --help and man page */
    const char *examples;       /* "creel run --rm busybox echo hi\n…" or NULL */
    const struct cli_option *options;   /* ends with name == NULL */
    int min_args, max_args;     /* operands; max -1 = any */
    bool stop_at_operand;       /* options end at the first operand (run, exec) */
    bool hidden;                /* not listed (helpers such as __reap) */
    enum cli_complete complete; /* operands */
    int (*run)(struct cli *c);  /* exit code */
    enum cli_group group;       /* where --help lists it */
};
/* In the order of the list in --help; generated nowhere else. */
extern const struct cli_command *const cli_commands[];
extern const size_t cli_command_count;
/* Global options: --root, --run-root, --cgroup-manager, --debug, --version, --help … */
extern const struct cli_option cli_global_options[];

/* --- what a command sees --- */
/* A name that is not in the command's table is looked up in the global options. A flag that was not given has the
 * value of its `def` ("true": yes). */
bool cli_flag(const struct cli *c, const char *name);
bool cli_given(const struct cli *c, const char *name);
const char *cli_string(const struct cli *c, const char *name);       /* NULL when not given */
const struct strv *cli_list(const struct cli *c, const char *name);  /* never NULL */
bool cli_int(const struct cli *c, const char *name, int64_t *ret); /* false when not given; range checked by caller */
const struct strv *cli_args(const struct cli *c);                    /* operands */
const char *cli_invoked(const struct cli *c);                        /* "ps" or "container ls", as typed */
/* Opens the engine with the global options on first use; prints the error and returns NULL if it cannot. */
struct creel *cli_engine(struct cli *c);
struct creel *cli_engine_to_start(struct cli *c); /* the same, for a command that starts a container next */
FILE *cli_out(struct cli *c);       /* results */
/* One line on stderr, "creel: <text>"; control characters are escaped. Returns `code`. */
int cli_error(struct cli *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for an error object, with the exit code that its kind stands for (1; run and exec use 125, 126, 127). */
int cli_fail(struct cli *c, const struct creel_err *err);
int cli_fail_run(struct cli *c, const struct creel_err *err);
/* For each operand: `each` returns 0, or -1 with `err`, which is then reported by cli_fail; the others still have
 * their turn. Prints each operand that worked, as given. Exit code 1 if any failed. */
int cli_each(struct cli *c, int (*each)(struct cli *c, struct creel *e, const char *ref, struct creel_err *err));
/* Pass on what was printed to cli_out until now. False when it cannot be; main says so at the end. */
bool cli_flush(struct cli *c);
bool cli_terminal(const struct cli *c); /* stdout is a terminal: control characters in names are escaped */
bool cli_color(const struct cli *c);    /* the same, and NO_COLOR is not set */

#endif
