/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/invocation.c: one command line, taken apart; see ociruntime/command.h.
 *
 * Both --option=value and --option value are understood, one dash or two before a long name (as Go's flag package does), and
 * letters that are put together (-it), as getopt does. */
#include "ociruntime/command.h"

#include "base/bytes.h"
#include "base/parse.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct option help_row = { .name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show help" };
/* Its value lives behind those of the table. */
enum { HELP_AT = INVOCATION_VALUES_MAX - 1 };

static bool alias_is(const char *aliases, const char *name, size_t len)
{
    for (const char *a = aliases; a != NULL && *a != '\0';) {
        size_t n = strcspn(a, ",");
        if (n == len && memcmp(a, name, len) == 0)
            return true;
        a += n + (a[n] == ',');
    }
    return false;
}

static bool row_is(const struct option *o, const char *name, size_t len)
{
    return (strlen(o->name) == len && memcmp(o->name, name, len) == 0) || (len == 1 && o->letter == name[0])
        || alias_is(o->alias, name, len);
}

/* The row's place in the table, HELP_AT, or -1. */
static int row_find(const struct option *table, const char *name, size_t len)
{
    for (int i = 0; table != NULL && table[i].name != NULL; i++)
        if (row_is(&table[i], name, len)) {
            assert(i < HELP_AT);
            return i;
        }
    return row_is(&help_row, name, len) ? HELP_AT : -1;
}

static const struct option *row_at(const struct option *table, int at)
{
    return at == HELP_AT ? &help_row : &table[at];
}

static bool text_is_bool(const char *s, bool *ret)
{
    static const char *const words[2][6] = { { "0", "f", "F", "false", "FALSE", "False" },
                                             { "1", "t", "T", "true", "TRUE", "True" } };
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < 6; i++)
            if (strcmp(words[v][i], s) == 0) {
                *ret = v == 1;
                return true;
            }
    return false;
}

static int value_set(const struct option *o, struct invocation_value *v, const char *text, struct creel_err *err)
{
    v->given = true;
    v->text = text;
    switch (o->kind) {
    case OPTION_FLAG:
        if (!text_is_bool(text, &v->flag))
            return creel_fail(err, CREEL_INVALID, 0, "invalid boolean value \"%s\" for -%s: parse error", text, o->name);
        return 0;
    case OPTION_INT:
        if (!parse_i64(text, INT64_MIN, INT64_MAX, &v->number))
            return creel_fail(err, CREEL_INVALID, 0, "invalid value \"%s\" for flag -%s: parse error", text, o->name);
        return 0;
    case OPTION_LIST:
        return strv_add(&v->list, text) ? 0 : creel_fail_nomem(err);
    case OPTION_STRING:
        return 0;
    }
    abort();
}

struct scan { const struct option *table; struct invocation_value *values; char **argv; int argc, at; };

/* "-it": every letter an option, all but the last of them flags. */
static int letters(struct scan *s, const char *cluster, struct creel_err *err)
{
    for (const char *p = cluster; *p != '\0'; p++) {
        int row = row_find(s->table, p, 1);
        if (row < 0)
            return creel_fail(err, CREEL_INVALID, 0, "flag provided but not defined: -%s", cluster);
        const struct option *o = row_at(s->table, row);
        const char *value = "true";
        bool last = p[1] == '\0';
        if (o->kind != OPTION_FLAG) {
            value = !last ? p + 1 : s->at < s->argc ? s->argv[s->at++] : NULL;
            last = true;
        }
        if (value == NULL)
            return creel_fail(err, CREEL_INVALID, 0, "flag needs an argument: -%c", *p);
        if (value_set(o, &s->values[row], value, err) < 0)
            return -1;
        if (last)
            break;
    }
    return 0;
}

static int one_option(struct scan *s, const char *word, struct creel_err *err)
{
    bool single = word[1] != '-';
    const char *name = word + (single ? 1 : 2);
    size_t len = strcspn(name, "=");
    int row = row_find(s->table, name, len);
    if (row < 0 && single && len > 1 && name[len] == '\0')
        return letters(s, name, err);
    if (row < 0 && single && row_find(s->table, name, 1) >= 0)
        return letters(s, name, err); /* -b/path=with=signs */
    if (row < 0)
        return creel_fail(err, CREEL_INVALID, 0, "flag provided but not defined: -%.*s", (int)len, name);
    const struct option *o = row_at(s->table, row);
    const char *value = name[len] == '=' ? name + len + 1 : o->kind == OPTION_FLAG ? "true" : NULL;
    if (value == NULL && s->at < s->argc)
        value = s->argv[s->at++];
    if (value == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "flag needs an argument: -%.*s", (int)len, name);
    return value_set(o, &s->values[row], value, err);
}

/* Up to the first operand, or through all of them into `operands`. Returns where it stopped. */
static int scan_options(struct scan *s, struct strv *operands, struct creel_err *err)
{
    while (s->at < s->argc) {
        char *word = s->argv[s->at];
        if (word[0] != '-' || word[1] == '\0') {
            if (operands == NULL)
                return 0;
            s->at++;
            if (!strv_add(operands, word))
                return creel_fail_nomem(err);
            continue;
        }
        s->at++;
        if (strcmp(word, "--") == 0)
            break;
        if (one_option(s, word, err) < 0)
            return -1;
    }
    for (; operands != NULL && s->at < s->argc; s->at++)
        if (!strv_add(operands, s->argv[s->at]))
            return creel_fail_nomem(err);
    return 0;
}

static int check_count(const struct invocation *in, struct creel_err *err)
{
    const struct command *c = in->command;
    int n = (int)in->args.count;
    if (c->min_args == c->max_args && n != c->min_args)
        return creel_fail(err, CREEL_INVALID, 0, "%s: \"%s\" requires exactly %d argument(s)", in->program, c->name,
                          c->min_args);
    if (n < c->min_args)
        return creel_fail(err, CREEL_INVALID, 0, "%s: \"%s\" requires a minimum of %d argument(s)", in->program, c->name,
                          c->min_args);
    if (c->max_args >= 0 && n > c->max_args)
        return creel_fail(err, CREEL_INVALID, 0, "%s: \"%s\" requires a maximum of %d argument(s)", in->program, c->name,
                          c->max_args);
    return 0;
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int invocation_parse(struct invocation *in, int argc, char **argv, struct creel_err *err)
{
    *in = (struct invocation){ .program = argc > 0 ? argv[0] : "creel-runtime", .log = LOG_INIT, .failure_code = 1 };
    struct scan s = { .table = global_options, .values = in->globals, .argv = argv, .argc = argc, .at = 1 };
    if (scan_options(&s, NULL, err) < 0)
        return -1;
    if (s.at >= argc)
        return 0;
    if (strcmp(argv[s.at], "help") == 0 || strcmp(argv[s.at], "h") == 0) {
        in->globals[HELP_AT] = (struct invocation_value){ .given = true, .flag = true };
        if (++s.at >= argc)
            return 0;
    }
    in->command = command_find(argv[s.at++]);
    if (in->command == NULL) {
        in->failure_code = 3;
        return creel_fail(err, CREEL_INVALID, 0, "No help topic for '%s'", argv[s.at - 1]);
    }
    s.table = in->command->options;
    s.values = in->values;
    if (scan_options(&s, in->command->stop_at_operand ? NULL : &in->args, err) < 0)
        return -1;
    for (; s.at < argc; s.at++)
        if (!strv_add(&in->args, argv[s.at]))
            return creel_fail_nomem(err);
    return option_flag(in, "help") ? 0 : check_count(in, err);
}

void invocation_fini(struct invocation *in)
{
    for (size_t i = 0; i < INVOCATION_VALUES_MAX; i++) {
        strv_fini(&in->globals[i].list);
        strv_fini(&in->values[i].list);
    }
    strv_fini(&in->args);
    log_close(&in->log);
}

/* --- what a command asks --- */

static const struct invocation_value *value_of(const struct invocation *in, const char *name, const struct option **ret)
{
    const struct option *table = in->command != NULL ? in->command->options : NULL;
    int row = row_find(table, name, strlen(name));
    if (row == HELP_AT) {
        *ret = &help_row;
        return in->values[row].given ? &in->values[row] : &in->globals[row];
    }
    if (row >= 0) {
        *ret = &table[row];
        return &in->values[row];
    }
    row = row_find(global_options, name, strlen(name));
    assert(row >= 0);
    *ret = &global_options[row];
    return &in->globals[row];
}

bool option_given(const struct invocation *in, const char *name)
{
    const struct option *o;
    return value_of(in, name, &o)->given;
}

bool option_flag(const struct invocation *in, const char *name)
{
    const struct option *o;
    const struct invocation_value *v = value_of(in, name, &o);
    return v->given ? v->flag : o->def != NULL && strcmp(o->def, "true") == 0;
}

const char *option_string(const struct invocation *in, const char *name)
{
    const struct option *o;
    const struct invocation_value *v = value_of(in, name, &o);
    return v->given ? v->text : o->def;
}

const struct strv *option_list(const struct invocation *in, const char *name)
{
    const struct option *o;
    return &value_of(in, name, &o)->list;
}

int64_t option_int(const struct invocation *in, const char *name)
{
    const struct option *o;
    const struct invocation_value *v = value_of(in, name, &o);
    int64_t n = 0;
    if (v->given)
        return v->number;
    return o->def != NULL && parse_i64(o->def, INT64_MIN, INT64_MAX, &n) ? n : 0;
}

const char *invocation_arg(const struct invocation *in, size_t at)
{
    return at < in->args.count ? in->args.items[at] : NULL;
}

int invocation_root(const struct invocation *in, char **ret, struct creel_err *err)
{
    const char *given = option_string(in, "root"), *session = getenv("XDG_RUNTIME_DIR");
    struct bytes b = BYTES_INIT;
    if (given != NULL && given[0] != '\0') {
        if (given[0] != '/') {
            auto_free char *here = getcwd(NULL, 0);
            if (here == NULL)
                return creel_fail(err, CREEL_INTERNAL, errno, "find the current directory");
            bytes_addf(&b, "%s/", here);
        }
        bytes_adds(&b, given);
    } else if (invocation_rootless(in) && session != NULL && session[0] == '/') {
        bytes_addf(&b, "%s/creel-runtime", session);
    } else {
        bytes_adds(&b, "/run/creel-runtime");
    }
    if (!bytes_ok(&b)) {
        bytes_fini(&b);
        return creel_fail_nomem(err);
    }
    *ret = bytes_take(&b);
    return 0;
}

enum cgroup_manager invocation_cgroup_manager(const struct invocation *in)
{
    const char *named = option_string(in, "cgroup-manager");
    if (option_flag(in, "systemd-cgroup") || (named != NULL && strcmp(named, "systemd") == 0))
        return CGROUP_SYSTEMD;
    return named != NULL && strcmp(named, "disabled") == 0 ? CGROUP_DISABLED : CGROUP_FS;
}

bool invocation_rootless(const struct invocation *in)
{
    bool yes;
    const char *said = option_string(in, "rootless");
    return said != NULL && text_is_bool(said, &yes) ? yes : geteuid() != 0;
}
