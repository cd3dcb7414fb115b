/* SPDX-License-Identifier: Apache-2.0 */
/* cli/parse.c: arguments to values, over the table of a command.
 *
 * Rules, as Docker's users know them: --name=value, --name value, -n value, -nvalue, -n=value, clusters of letters
 * whose last may take a value, flags with =true or =false, `--` ends the options, options may follow operands unless
 * the command says otherwise. Global options come before the command. Values are borrowed from argv; only lists copy.
 */
#include "cli/cli.h"

#include "base/parse.h"

#include <assert.h>
#include <string.h>

const struct cli_option cli_global_options[] = {
    { .name = "root",
      .kind = CLI_STRING,
      .metavar = "DIR",
      .help = "Directory of the engine's durable state (also CREEL_ROOT)",
      .def = "/var/lib/creel",
      .complete = CLI_COMPLETE_DIR },
    { .name = "run-root",
      .kind = CLI_STRING,
      .metavar = "DIR",
      .help = "Directory of the engine's volatile state (also CREEL_RUN_ROOT)",
      .def = "/run/creel",
      .complete = CLI_COMPLETE_DIR },
    { .name = "cgroup-manager",
      .kind = CLI_STRING,
      .metavar = "MANAGER",
      .help = "Who makes the control groups",
      .def = "auto",
      .complete = CLI_COMPLETE_WORDS,
      .words = "auto cgroupfs systemd" },
    { .name = "debug", .letter = 'D', .kind = CLI_FLAG, .help = "Show the kind and errno of an error with its text" },
    { .name = "version", .letter = 'v', .kind = CLI_FLAG, .help = "Print the version and exit" },
    { .name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "Print help and exit" },
    { .name = NULL },
};

/* Where parsing stands; one per call. */
struct args {
    struct cli *c;
    const struct cli_option *options;
    struct cli_value *values;
    const char *who;            /* "run", or "" for the program's own options */
    char *const *argv;
    size_t at, count;
};

size_t cli_option_count(const struct cli_option *options)
{
    size_t n = 0;
    while (options != NULL && options[n].name != NULL)
        n++;
    return n;
}

bool cli_alias_next(const char **at, char *buf, size_t size)
{
    while (*at != NULL && **at != '\0') {
        size_t n = strcspn(*at, ",");
        const char *start = *at;
        *at += n + ((*at)[n] == ',');
        if (n == 0 || n >= size)
            continue;
        memcpy(buf, start, n);
        buf[n] = '\0';
        return true;
    }
    return false;
}

static bool alias_has(const char *aliases, const char *name, size_t len)
{
    while (aliases != NULL && *aliases != '\0') {
        size_t n = strcspn(aliases, ",");
        if (n == len && memcmp(aliases, name, n) == 0)
            return true;
        aliases += n + (aliases[n] == ',');
    }
    return false;
}

static bool text_is(const char *text, const char *s, size_t len)
{
    return strncmp(text, s, len) == 0 && text[len] == '\0';
}

/* --- finding the command --- */

static bool command_has_name(const struct cli_command *cmd, const char *name, size_t len)
{
    return text_is(cmd->name, name, len) || alias_has(cmd->alias, name, len);
}

const struct cli_command *cli_command_find(const struct cli_table *t, char *const *words, size_t count,
                                           size_t *ret_used)
{
    char two[64];
    if (count == 0)
        return NULL;
    int n = count > 1 ? snprintf(two, sizeof two, "%s %s", words[0], words[1]) : -1;
    bool have_two = n > 0 && (size_t)n < sizeof two;
    for (size_t i = 0; have_two && i < t->count; i++)
        if (command_has_name(t->commands[i], two, (size_t)n)) {
            *ret_used = 2;
            return t->commands[i];
        }
    for (size_t i = 0; i < t->count; i++)
        if (command_has_name(t->commands[i], words[0], strlen(words[0]))) {
            *ret_used = 1;
            return t->commands[i];
        }
    return NULL;
}

static bool begins_with_word(const char *name, const char *word, size_t len)
{
    return strncmp(name, word, len) == 0 && name[len] == ' ';
}

bool cli_is_group(const struct cli_table *t, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < t->count; i++) {
        if (begins_with_word(t->commands[i]->name, word, len))
            return true;
        for (const char *a = t->commands[i]->alias; a != NULL && *a != '\0'; a += strcspn(a, ","), a += *a == ',')
            if (begins_with_word(a, word, len))
                return true;
    }
    return false;
}

/* The last word of a name when its first word is `group`, or the whole name when there is no group. */
static const char *name_within(const char *name, const char *group)
{
    if (group == NULL)
        return strchr(name, ' ') == NULL ? name : NULL;
    size_t len = strlen(group);
    return begins_with_word(name, group, len) ? name + len + 1 : NULL;
}

static void consider(const char *typed, const char *name, unsigned *best, char *buf, size_t size)
{
    unsigned d = name == NULL ? 99 : cli_distance(typed, name);
    if (d < *best) {
        *best = d;
        (void)snprintf(buf, size, "%s", name); /* names of the table are short */
    }
}

static unsigned distance_allowed(const char *typed)
{
    size_t n = strlen(typed);
    return n <= 3 ? 1 : n <= 6 ? 2 : 3;
}

static int unknown_command(const struct cli *c, const char *group, const char *typed, struct creel_err *err)
{
    char near[64] = "", name[64];
    unsigned best = distance_allowed(typed) + 1;
    for (size_t i = 0; i < c->table.count; i++) {
        const struct cli_command *cmd = c->table.commands[i];
        if (cmd->hidden)
            continue;
        consider(typed, name_within(cmd->name, group), &best, near, sizeof near);
        for (const char *a = cmd->alias; cli_alias_next(&a, name, sizeof name);)
            consider(typed, name_within(name, group), &best, near, sizeof near);
    }
    const char *sep = group == NULL ? "" : " ";
    if (group == NULL)
        group = "";
    if (near[0] != '\0')
        return creel_fail(err, CREEL_INVALID, 0,
                          "unknown command '%s%s%s', did you mean '%s%s%s'? (see 'creel --help')", group, sep, typed,
                          group, sep, near);
    return creel_fail(err, CREEL_INVALID, 0, "unknown command '%s%s%s' (see 'creel --help')", group, sep, typed);
}

/* --- options --- */

__attribute__((format(printf, 3, 4))) static int fail(const struct args *a, struct creel_err *err, const char *fmt,
                                                      ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a message may be cut */
    va_end(ap);
    if (a->who[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "%s (see 'creel --help')", text);
    return creel_fail(err, CREEL_INVALID, 0, "%s: %s (see 'creel %s --help')", a->who, text, a->who);
}

static int unknown_option(const struct args *a, const char *name, size_t len, struct creel_err *err)
{
    char typed[64], near[64] = "";
    if (len >= sizeof typed)
        len = sizeof typed - 1;
    memcpy(typed, name, len);
    typed[len] = '\0';
    unsigned best = distance_allowed(typed) + 1;
    for (const struct cli_option *o = a->options; o->name != NULL; o++)
        consider(typed, o->name, &best, near, sizeof near);
    if (near[0] != '\0')
        return fail(a, err, "unknown option --%s, did you mean --%s?", typed, near);
    return fail(a, err, "unknown option --%s", typed);
}

static bool parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(s, yes[i]) == 0)
            return *ret = true, true;
        if (strcmp(s, no[i]) == 0)
            return *ret = false, true;
    }
    return false;
}

static int set_flag(const struct args *a, size_t i, const char *text, struct creel_err *err)
{
    struct cli_value *v = &a->values[i];
    bool on = true;
    if (text != NULL && !parse_bool(text, &on))
        return fail(a, err, "option --%s: '%.64s' is not true or false", a->options[i].name, text);
    v->given = true;
    v->flag = on;
    return 0;
}

static int set_value(const struct args *a, size_t i, const char *text, struct creel_err *err)
{
    const struct cli_option *o = &a->options[i];
    struct cli_value *v = &a->values[i];
    if (o->kind == CLI_INT && !parse_i64(text, INT64_MIN, INT64_MAX, &v->number))
        return fail(a, err, "option --%s: '%.64s' is not a whole number", o->name, text);
    if (o->kind == CLI_LIST && !strv_add(&v->list, text))
        return creel_fail_nomem(err);
    v->given = true;
    v->text = text;
    return 0;
}

/* The value that follows in the next argument. */
static int take_next(struct args *a, size_t i, const char *shown, struct creel_err *err)
{
    if (a->at >= a->count)
        return fail(a, err, "option %s needs a value (%s)", shown, a->options[i].metavar);
    return set_value(a, i, a->argv[a->at++], err);
}

static int parse_long(struct args *a, const char *arg, struct creel_err *err)
{
    const char *name = arg + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    for (size_t i = 0; a->options[i].name != NULL; i++) {
        const struct cli_option *o = &a->options[i];
        if (!text_is(o->name, name, len) && !alias_has(o->alias, name, len))
            continue;
        if (o->kind == CLI_FLAG)
            return set_flag(a, i, value, err);
        if (value != NULL)
            return set_value(a, i, value, err);
        return take_next(a, i, arg, err);
    }
    if (text_is("help", name, len)) {
        a->c->help = true;
        return 0;
    }
    return unknown_option(a, name, len, err);
}

/* -d, -it, -eVALUE, -e=VALUE, -t=false */
static int parse_cluster(struct args *a, const char *arg, struct creel_err *err)
{
    for (const char *p = arg + 1; *p != '\0'; p++) {
        size_t i = 0;
        while (a->options[i].name != NULL && a->options[i].letter != *p)
            i++;
        if (a->options[i].name == NULL) {
            if (*p != 'h')
                return fail(a, err, "unknown option -%.*s%s%s", 1, p, arg[2] != '\0' ? " in " : "",
                            arg[2] != '\0' ? arg : "");
            a->c->help = true;
            continue;
        }
        const char *rest = p[1] == '=' ? p + 2 : p + 1;
        if (a->options[i].kind == CLI_FLAG) {
            if (set_flag(a, i, p[1] == '=' ? rest : NULL, err) < 0)
                return -1;
            if (p[1] == '=')
                return 0;
            continue;
        }
        if (p[1] != '\0')
            return set_value(a, i, rest, err);
        char shown[] = { '-', *p, '\0' };
        return take_next(a, i, shown, err);
    }
    return 0;
}

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0';
}

static int parse_one(struct args *a, const char *arg, struct creel_err *err)
{
    return arg[1] == '-' ? parse_long(a, arg, err) : parse_cluster(a, arg, err);
}

static int parse_global(struct args *a, struct creel_err *err)
{
    while (a->at < a->count && is_option(a->argv[a->at])) {
        const char *arg = a->argv[a->at++];
        if (strcmp(arg, "--") == 0)
            return 0;
        if (parse_one(a, arg, err) < 0)
            return -1;
    }
    return 0;
}

static int parse_command(struct args *a, struct creel_err *err)
{
    const struct cli_command *cmd = a->c->command;
    bool options = true;
    while (a->at < a->count) {
        const char *arg = a->argv[a->at++];
        if (options && strcmp(arg, "--") == 0) {
            options = false;
        } else if (options && is_option(arg)) {
            if (parse_one(a, arg, err) < 0)
                return -1;
        } else {
            if (!strv_add(&a->c->args, arg))
                return creel_fail_nomem(err);
            options = options && !cmd->stop_at_operand;
        }
    }
    if (a->c->help)
        return 0;
    size_t n = a->c->args.count;
    if (n < (size_t)cmd->min_args)
        return fail(a, err, "needs %s%d operand%s: creel %s %s", cmd->max_args == cmd->min_args ? "" : "at least ",
                    cmd->min_args, cmd->min_args == 1 ? "" : "s", a->who, cmd->synopsis);
    if (cmd->max_args >= 0 && n > (size_t)cmd->max_args) {
        if (cmd->max_args == 0)
            return fail(a, err, "takes no operands, got '%.64s'", a->c->args.items[0]);
        return fail(a, err, "takes at most %d operand%s, got %zu: creel %s %s", cmd->max_args,
                    cmd->max_args == 1 ? "" : "s", n, a->who, cmd->synopsis);
    }
    return 0;
}

int cli_parse(struct cli *c, int argc, char *const *argv, struct creel_err *err)
{
    struct args a = { .c = c, .options = cli_global_options, .values = c->global, .who = "", .argv = argv, .at = 1,
                      .count = argc > 0 ? (size_t)argc : 0 };
    assert(cli_option_count(cli_global_options) <= CLI_GLOBAL_MAX);
    if (parse_global(&a, err) < 0)
        return -1;
    if (a.at >= a.count)
        return 0;

    size_t used = 0;
    const char *word = argv[a.at];
    c->command = cli_command_find(&c->table, argv + a.at, a.count - a.at, &used);
    if (c->command == NULL) {
        if (!cli_is_group(&c->table, word))
            return unknown_command(c, NULL, word, err);
        (void)snprintf(c->invoked, sizeof c->invoked, "%s", word); /* a group's name is short */
        if (a.at + 1 < a.count && !is_option(argv[a.at + 1]))
            return unknown_command(c, word, argv[a.at + 1], err);
        c->help = true;
        return 0;
    }
    (void)snprintf(c->invoked, sizeof c->invoked, "%s%s%s", word, used == 2 ? " " : "",
                   used == 2 ? argv[a.at + 1] : "");
    a.at += used;
    a.options = c->command->options;
    c->values = calloc(cli_option_count(a.options) + 1, sizeof *c->values);
    if (c->values == NULL)
        return creel_fail_nomem(err);
    a.values = c->values;
    a.who = c->invoked;
    static const struct cli_option none[] = { { .name = NULL } };
    if (a.options == NULL)
        a.options = none;
    return parse_command(&a, err);
}

/* --- what a command sees --- */

static size_t option_at(const struct cli_option *options, const char *name)
{
    size_t i = 0;
    while (options != NULL && options[i].name != NULL && strcmp(options[i].name, name) != 0)
        i++;
    return i;
}

static const struct cli_value *value_of(const struct cli *c, const char *name, const struct cli_option **ret_option)
{
    const struct cli_option *options = c->command == NULL ? NULL : c->command->options;
    size_t i = option_at(options, name);
    if (options != NULL && options[i].name != NULL) {
        *ret_option = &options[i];
        return &c->values[i];
    }
    i = option_at(cli_global_options, name);
    assert(cli_global_options[i].name != NULL); /* a command asked for an option that its table does not have */
    *ret_option = &cli_global_options[i];
    return &c->global[i];
}

bool cli_flag(const struct cli *c, const char *name)
{
    const struct cli_option *o;
    const struct cli_value *v = value_of(c, name, &o);
    assert(o->kind == CLI_FLAG);
    return v->given ? v->flag : o->def != NULL && strcmp(o->def, "true") == 0;
}

bool cli_given(const struct cli *c, const char *name)
{
    const struct cli_option *o;
    return value_of(c, name, &o)->given;
}

const char *cli_string(const struct cli *c, const char *name)
{
    const struct cli_option *o;
    const struct cli_value *v = value_of(c, name, &o);
    assert(o->kind != CLI_FLAG);
    return v->text;
}

const struct strv *cli_list(const struct cli *c, const char *name)
{
    const struct cli_option *o;
    const struct cli_value *v = value_of(c, name, &o);
    assert(o->kind == CLI_LIST);
    return &v->list;
}

bool cli_int(const struct cli *c, const char *name, int64_t *ret)
{
    const struct cli_option *o;
    const struct cli_value *v = value_of(c, name, &o);
    assert(o->kind == CLI_INT);
    if (v->given)
        *ret = v->number;
    return v->given;
}

const struct strv *cli_args(const struct cli *c)
{
    return &c->args;
}

const char *cli_invoked(const struct cli *c)
{
    return c->invoked;
}
