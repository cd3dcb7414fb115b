/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments over a table of commands, as Docker's users type them. */
#include "cli/cli.h"

#include "../check.h"

#include <string.h>

static const struct cli_option run_options[] = {
    { .name = "detach", .letter = 'd', .kind = CLI_FLAG, .help = "Detach" },
    { .name = "tty", .letter = 't', .kind = CLI_FLAG, .help = "Terminal" },
    { .name = "interactive", .letter = 'i', .kind = CLI_FLAG, .help = "Stdin" },
    { .name = "sig-proxy", .kind = CLI_FLAG, .help = "Signals", .def = "true" },
    { .name = "env", .letter = 'e', .kind = CLI_LIST, .metavar = "VAR", .help = "Environment" },
    { .name = "name", .kind = CLI_STRING, .metavar = "NAME", .help = "Name" },
    { .name = "network", .kind = CLI_STRING, .metavar = "NET", .help = "Network", .alias = "net,net2" },
    { .name = "stop-timeout", .kind = CLI_INT, .metavar = "N", .help = "Seconds" },
    { .name = "hostname", .letter = 'h', .kind = CLI_STRING, .metavar = "NAME", .help = "Host name" },
    { .name = NULL },
};
static const struct cli_option ps_options[] = {
    { .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "All" },
    { .name = "last", .letter = 'n', .kind = CLI_INT, .metavar = "N", .help = "Last" },
    { .name = NULL },
};
static const struct cli_command cmd_run = { .name = "run", .alias = "container run", .synopsis = "[OPTIONS] IMAGE [COMMAND]", .summary = "Run",
                                            .options = run_options, .min_args = 1, .max_args = -1, .stop_at_operand = true };
static const struct cli_command cmd_ps = { .name = "ps", .alias = "container ls,container list,container ps", .synopsis = "[OPTIONS]",
                                           .summary = "List", .options = ps_options };
static const struct cli_command cmd_rm = { .name = "rm", .synopsis = "CONTAINER...", .summary = "Remove", .min_args = 1, .max_args = -1 };
static const struct cli_command cmd_image_inspect = { .name = "image inspect", .synopsis = "IMAGE...", .summary = "Inspect",
                                                      .min_args = 1, .max_args = 2 };
static const struct cli_command *const commands[] = { &cmd_run, &cmd_ps, &cmd_rm, &cmd_image_inspect };
static const struct cli_table table = { commands, 4 };

enum { ARGS_MAX = 32 };

/* Splits at blanks; "" stays an empty argument when written as ''. */
static int parse(struct cli *c, const char *line, struct creel_err *err)
{
    static char copy[512];
    static char *argv[ARGS_MAX + 1];
    char *save = NULL;
    int argc = 0;
    *c = (struct cli){ .table = table, .out = stdout, .err = stderr };
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    for (char *p = strtok_r(copy, " ", &save); p != NULL && argc < ARGS_MAX; p = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(p, "''") == 0 ? p + 2 : p;
    argv[argc] = NULL;
    return cli_parse(c, argc, argv, err);
}

static void fini(struct cli *c)
{
    for (size_t i = 0; c->command != NULL && c->values != NULL && i < cli_option_count(c->command->options); i++)
        strv_fini(&c->values[i].list);
    free(c->values);
    strv_fini(&c->args);
}

static void options_take_all_the_usual_forms(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel run -it -d=false --name=a --name b -e A=1 -eB=2 -e=C=3 --env D -h= --stop-timeout -1 img cmd -e x --name y", &err), 0);
    assert_ptr_equal(c.command, &cmd_run);
    assert_true(cli_flag(&c, "interactive") && cli_flag(&c, "tty"));
    assert_false(cli_flag(&c, "detach"));
    assert_true(cli_given(&c, "detach"));
    assert_string_equal(cli_string(&c, "name"), "b");
    assert_string_equal(cli_string(&c, "hostname"), "");
    const struct strv *env = cli_list(&c, "env");
    assert_int_equal(env->count, 4);
    assert_string_equal(env->items[1], "B=2");
    assert_string_equal(env->items[2], "C=3");
    int64_t n = 0;
    assert_true(cli_int(&c, "stop-timeout", &n));
    assert_int_equal(n, -1);
    assert_int_equal(cli_args(&c)->count, 6);
    assert_string_equal(cli_args(&c)->items[2], "-e");
    fini(&c);
}

static void values_may_look_like_options(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel run --name --detach -e -it img", &err), 0);
    assert_string_equal(cli_string(&c, "name"), "--detach");
    assert_string_equal(cli_list(&c, "env")->items[0], "-it");
    assert_false(cli_flag(&c, "detach"));
    fini(&c);
}

static void a_flag_that_is_not_given_has_its_default(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel run img", &err), 0);
    assert_true(cli_flag(&c, "sig-proxy"));
    assert_false(cli_given(&c, "sig-proxy"));
    assert_null(cli_string(&c, "name"));
    assert_int_equal(cli_list(&c, "env")->count, 0);
    fini(&c);
    assert_int_equal(parse(&c, "creel run --sig-proxy=false img", &err), 0);
    assert_false(cli_flag(&c, "sig-proxy"));
    fini(&c);
}

static void options_have_other_names(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel run --net=host img", &err), 0);
    assert_string_equal(cli_string(&c, "network"), "host");
    fini(&c);
    assert_int_equal(parse(&c, "creel run --net2 none img", &err), 0);
    assert_string_equal(cli_string(&c, "network"), "none");
    fini(&c);
}

static void commands_of_two_words_and_aliases_are_found(void **state)
{
    static const struct { const char *line; const struct cli_command *want; const char *invoked; } s[] = {
        { "creel image inspect x", &cmd_image_inspect, "image inspect" },
        { "creel container ls -a", &cmd_ps, "container ls" },
        { "creel container run x", &cmd_run, "container run" },
        { "creel ps", &cmd_ps, "ps" },
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        struct cli c;
        struct creel_err err = { 0 };
        assert_int_equal(parse(&c, s[i].line, &err), 0);
        assert_ptr_equal(c.command, s[i].want);
        assert_string_equal(cli_invoked(&c), s[i].invoked);
        fini(&c);
    }
}

static void global_options_come_first(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel --root /r --run-root=/v -D ps -n3", &err), 0);
    assert_string_equal(cli_string(&c, "root"), "/r");
    assert_string_equal(cli_string(&c, "run-root"), "/v");
    assert_true(cli_flag(&c, "debug"));
    int64_t n = 0;
    assert_true(cli_int(&c, "last", &n));
    assert_int_equal(n, 3);
    fini(&c);
}

static void two_dashes_end_the_options(void **state)
{
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel rm x -- -y --z", &err), 0);
    assert_int_equal(cli_args(&c)->count, 3);
    assert_string_equal(cli_args(&c)->items[1], "-y");
    fini(&c);
    assert_int_equal(parse(&c, "creel run -- img -- -x", &err), 0);
    assert_int_equal(cli_args(&c)->count, 3);
    assert_string_equal(cli_args(&c)->items[1], "--");
    fini(&c);
    assert_int_equal(parse(&c, "creel rm -", &err), 0);
    assert_string_equal(cli_args(&c)->items[0], "-");
    fini(&c);
}

static void mistakes_are_named(void **state)
{
    static const struct { const char *line, *want; } s[] = {
        { "creel rnu", "unknown command 'rnu', did you mean 'run'? (see 'creel --help')" },
        { "creel zzzzzzz", "unknown command 'zzzzzzz' (see 'creel --help')" },
        { "creel image inspct", "unknown command 'image inspct', did you mean 'image inspect'? (see 'creel --help')" },
        { "creel container qqqqqq", "unknown command 'container qqqqqq' (see 'creel --help')" },
        { "creel --rot x ps", "unknown option --rot, did you mean --root? (see 'creel --help')" },
        { "creel run --detahc x", "run: unknown option --detahc, did you mean --detach? (see 'creel run --help')" },
        { "creel run -itz x", "run: unknown option -z in -itz (see 'creel run --help')" },
        { "creel run -z x", "run: unknown option -z (see 'creel run --help')" },
        { "creel run --name", "run: option --name needs a value (NAME) (see 'creel run --help')" },
        { "creel run -de", "run: option -e needs a value (VAR) (see 'creel run --help')" },
        { "creel run --detach=x img", "run: option --detach: 'x' is not true or false (see 'creel run --help')" },
        { "creel run --stop-timeout 1x img", "run: option --stop-timeout: '1x' is not a whole number (see 'creel run --help')" },
        { "creel run", "run: needs at least 1 operand: creel run [OPTIONS] IMAGE [COMMAND] (see 'creel run --help')" },
        { "creel ps x", "ps: takes no operands, got 'x' (see 'creel ps --help')" },
        { "creel image inspect a b c", "image inspect: takes at most 2 operands, got 3: creel image inspect IMAGE... (see 'creel image inspect --help')" },
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        struct cli c;
        struct creel_err err = { 0 };
        assert_int_equal(parse(&c, s[i].line, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_string_equal(err.text, s[i].want);
        fini(&c);
    }
}

static void help_wins_over_missing_operands(void **state)
{
    static const char *const lines[] = { "creel run --help", "creel rm -h", "creel image", "creel image --help", "creel run -it --help x" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct cli c;
        struct creel_err err = { 0 };
        assert_int_equal(parse(&c, lines[i], &err), 0);
        assert_true(c.help);
        fini(&c);
    }
    struct cli c;
    struct creel_err err = { 0 };
    assert_int_equal(parse(&c, "creel run img --help", &err), 0); /* belongs to the container's command */
    assert_false(c.help);
    fini(&c);
}

static void distance_counts_edits(void **state)
{
    assert_int_equal(cli_distance("run", "run"), 0);
    assert_int_equal(cli_distance("run", "rnu"), 1);
    assert_int_equal(cli_distance("", "abc"), 3);
    assert_int_equal(cli_distance("kitten", "sitting"), 3);
    assert_int_equal(cli_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_take_all_the_usual_forms),         cmocka_unit_test(values_may_look_like_options),
        cmocka_unit_test(a_flag_that_is_not_given_has_its_default), cmocka_unit_test(options_have_other_names),
        cmocka_unit_test(commands_of_two_words_and_aliases_are_found), cmocka_unit_test(global_options_come_first),
        cmocka_unit_test(two_dashes_end_the_options),               cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_wins_over_missing_operands),          cmocka_unit_test(distance_counts_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
