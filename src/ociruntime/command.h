/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/command.h: the command line of creel-runtime as one table: parsing, --help and the manual page are derived
 * from it, so they cannot disagree. Names, options and wording are those that Docker, containerd and podman call and read.
 *
 * To add a command: a `const struct command` in cmd_<name>.c, named command_<name>; declare it at the end of this file, give
 * it a row in commands.c and its source a place in meson.build. Nothing else.
 *
 * A command's `run` returns the exit code, or -1 with err: main then logs the error as runc does (standard error, and the file
 * of --log) and exits with in->failure_code, which is 1 unless the command sets another first (exec: 255). */
#ifndef CREEL_OCIRUNTIME_COMMAND_H
#define CREEL_OCIRUNTIME_COMMAND_H

#include "base/err.h"
#include "base/strv.h"
#include "ociruntime/log.h"
#include "runtime/cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,        /* --force, --force=false */
    OPTION_STRING,      /* the last one wins */
    OPTION_LIST,        /* may be repeated */
    OPTION_INT,         /* decimal, may be negative */
};

struct option {
    const char *name;           /* long name without dashes */
    char letter;                /* 0: none */
    enum option_kind kind;
    const char *metavar;        /* "PATH"; NULL for flags */
    const char *help;           /* one sentence, no full stop */
    const char *def;            /* value when not given, also shown in the help; or NULL */
    const char *alias;          /* other long names, comma-separated; or NULL */
    bool hidden;                /* accepted, not listed */
};

struct invocation;
struct command {
    const char *name;           /* "create" */
    const char *synopsis;       /* "[options] <container-id>" */
    const char *summary;        /* one line */
    const char *description;    /* paragraphs for --help and the manual page, or NULL */
    const struct option *options;   /* ends with name == NULL */
    int min_args, max_args;     /* operands; max -1: any number */
    bool stop_at_operand;       /* options end at the first operand (exec); otherwise they may follow operands */
    bool guarded;               /* makes processes in containers: runs from a read-only view of the program (own_view.h) */
    int (*run)(struct invocation *in, struct creel_err *err);
};
/* In the order of the list in --help. */
extern const struct command *const commands[];
extern const size_t command_count;
/* --root, --log, --log-format, --debug, --systemd-cgroup, --cgroup-manager, --rootless … */
extern const struct option global_options[];

/* --- what a command sees --- */
enum { INVOCATION_VALUES_MAX = 64 };
struct invocation_value { bool given; const char *text; struct strv list; int64_t number; bool flag; };

struct invocation {
    const struct command *command;      /* NULL: none was named */
    const char *program;                /* argv[0], as runc names itself in messages */
    struct invocation_value globals[INVOCATION_VALUES_MAX], values[INVOCATION_VALUES_MAX]; /* by row of the option table */
    struct strv args;                   /* operands */
    struct log log;
    int failure_code;                   /* exit code when run returns -1 */
};

/* Parse; texts borrow from argv. Nothing but memory is touched. Errors: INVALID, in runc's words. --help and --version are
 * flags like others (every command has --help). invocation_fini in either case. */
int invocation_parse(struct invocation *in, int argc, char **argv, struct creel_err *err);
void invocation_fini(struct invocation *in);

/* Options of the command, by long name; one that is not in its table is looked for among the global ones. A name that is in
 * neither is our own mistake (assert). */
bool option_flag(const struct invocation *in, const char *name);
bool option_given(const struct invocation *in, const char *name);
const char *option_string(const struct invocation *in, const char *name);         /* its default, or NULL, when not given */
const struct strv *option_list(const struct invocation *in, const char *name);    /* never NULL */
int64_t option_int(const struct invocation *in, const char *name);                /* its default, or 0, when not given */
const char *invocation_arg(const struct invocation *in, size_t at);               /* operand, NULL past the end */

/* The directory of states: --root, or /run/creel-runtime, or $XDG_RUNTIME_DIR/creel-runtime for callers without privilege.
 * Caller frees. */
int invocation_root(const struct invocation *in, char **ret, struct creel_err *err);
enum cgroup_manager invocation_cgroup_manager(const struct invocation *in);
/* Whether errors of control groups are tolerated: --rootless, or (auto) no privilege over the host. */
bool invocation_rootless(const struct invocation *in);

/* --- documents made from the table --- */
void command_help(const struct command *cmd, struct bytes *out);
void command_help_program(struct bytes *out);
void command_man(struct bytes *out);                /* creel-runtime(8), roff */

/* --- the commands --- */
extern const struct command command_checkpoint, command_restore;
extern const struct command command_create, command_delete, command_kill, command_list, command_run, command_start, command_state;
extern const struct command command_events, command_exec, command_features, command_pause, command_ps, command_resume;
extern const struct command command_spec, command_update;

#endif
