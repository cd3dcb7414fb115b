/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/bytes.h"
#include "ociruntime/command.h"
#include "ociruntime/state.h"

#include <string.h>

enum { ARGS_MAX = 16 };
static struct invocation in;

static int parse(struct creel_err *err, const char *const words[])
{
    char *argv[ARGS_MAX] = { (char *)"creel-runtime" };
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return invocation_parse(&in, argc, argv, err);
}
#define PARSE(err, ...) parse(err, (const char *const[]){ __VA_ARGS__, NULL })

static void options_are_understood_in_every_spelling(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "--root=/r", "--log", "/l", "-log-format", "json", "create", "-b", "/b", "id",
                           "--pid-file=/p", "--no-pivot", "--preserve-fds", "2"), 0);
    assert_string_equal(in.command->name, "create");
    assert_string_equal(option_string(&in, "root"), "/r");
    assert_string_equal(option_string(&in, "log"), "/l");
    assert_string_equal(option_string(&in, "log-format"), "json");
    assert_string_equal(option_string(&in, "bundle"), "/b");
    assert_string_equal(option_string(&in, "pid-file"), "/p");
    assert_true(option_flag(&in, "no-pivot"));
    assert_false(option_flag(&in, "no-new-keyring"));
    assert_int_equal(option_int(&in, "preserve-fds"), 2);
    assert_string_equal(invocation_arg(&in, 0), "id");
    assert_null(invocation_arg(&in, 1));
    invocation_fini(&in);
    assert_int_equal(PARSE(NULL, "run", "--pidfile=/q", "-db/x=y", "--keep=false", "id"), 0);
    assert_string_equal(option_string(&in, "pid-file"), "/q");
    assert_string_equal(option_string(&in, "bundle"), "/x=y");
    assert_true(option_flag(&in, "detach"));
    assert_true(option_given(&in, "keep") && !option_flag(&in, "keep"));
    invocation_fini(&in);
}

static void options_of_exec_end_at_the_container(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "exec", "-t", "--env", "A=1", "-e", "B=2", "id", "ls", "--help", "-x"), 0);
    assert_int_equal(option_list(&in, "env")->count, 2);
    assert_int_equal(in.args.count, 4);
    assert_string_equal(invocation_arg(&in, 2), "--help");
    assert_false(option_flag(&in, "help"));
    invocation_fini(&in);
    assert_int_equal(PARSE(NULL, "kill", "id", "-9"), -1);
    invocation_fini(&in);
    assert_int_equal(PARSE(NULL, "kill", "id", "--", "-9"), 0);
    assert_string_equal(invocation_arg(&in, 1), "-9");
    invocation_fini(&in);
}

static void refused(const char *want, const char *const words[])
{
    struct creel_err err = { 0 };
    assert_int_equal(parse(&err, words), -1);
    assert_string_equal(err.text, want);
    invocation_fini(&in);
}
#define REFUSED(want, ...) refused(want, (const char *const[]){ __VA_ARGS__, NULL })

static void mistakes_are_told_in_the_words_of_the_field(void **state)
{
    (void)state;
    REFUSED("flag provided but not defined: -nosuch", "create", "--nosuch", "id");
    REFUSED("flag provided but not defined: -nosuch", "--nosuch=1", "list");
    REFUSED("flag needs an argument: -bundle", "create", "id", "--bundle");
    REFUSED("flag needs an argument: -b", "run", "-db");
    REFUSED("invalid boolean value \"maybe\" for -detach: parse error", "run", "--detach=maybe", "id");
    REFUSED("invalid value \"x\" for flag -preserve-fds: parse error", "run", "--preserve-fds", "x", "id");
    REFUSED("creel-runtime: \"state\" requires exactly 1 argument(s)", "state");
    REFUSED("creel-runtime: \"kill\" requires a minimum of 1 argument(s)", "kill");
    REFUSED("creel-runtime: \"kill\" requires a maximum of 2 argument(s)", "kill", "a", "b", "c");
    REFUSED("No help topic for 'foo'", "foo", "-h");
}

static void help_is_a_flag_of_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        auto_bytes text = BYTES_INIT;
        assert_int_equal(PARSE(NULL, commands[i]->name, "-h"), 0);
        assert_true(option_flag(&in, "help"));
        command_help(in.command, &text);
        assert_non_null(strstr(bytes_str(&text), commands[i]->name));
        for (const struct option *o = commands[i]->options; o->name != NULL; o++)
            assert_true(o->hidden || strstr(bytes_str(&text), o->name) != NULL);
        invocation_fini(&in);
    }
    auto_bytes man = BYTES_INIT;
    command_man(&man);
    assert_true(bytes_ok(&man));
    assert_null(strstr(bytes_str(&man), "\n'"));
}

static void ids_are_names_of_directories_and_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "A_b-c.d+9", "..a", "0" };
    static const char *const bad[] = { "", ".", "..", "a/b", "/", "a b", "a\n", "\xc3\xa4", "a:b", "@seccomp", "a,b" };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(state_id_check(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(state_id_check(bad[i], NULL), -1);
    char longest[257];
    memset(longest, 'a', sizeof longest - 1);
    longest[256] = '\0';
    assert_int_equal(state_id_check(longest, NULL), -1);
    longest[255] = '\0';
    assert_int_equal(state_id_check(longest, NULL), 0);
}

static void log_lines_have_the_shape_that_clients_parse(void **state)
{
    (void)state;
    auto_bytes out = BYTES_INIT;
    log_format_line(&out, true, LOG_LEVEL_ERROR, "2026-01-02T03:04:05Z", "a \"b\"\n\xff");
    assert_string_equal(bytes_str(&out), "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\u000a?\",\"time\":\"2026-01-02T03:04:05Z\"}\n");
    bytes_reset(&out);
    log_format_line(&out, false, LOG_LEVEL_WARNING, "2026-01-02T03:04:05Z", "a b");
    assert_string_equal(bytes_str(&out), "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"a b\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_understood_in_every_spelling),
        cmocka_unit_test(options_of_exec_end_at_the_container),
        cmocka_unit_test(mistakes_are_told_in_the_words_of_the_field),
        cmocka_unit_test(help_is_a_flag_of_every_command),
        cmocka_unit_test(ids_are_names_of_directories_and_nothing_else),
        cmocka_unit_test(log_lines_have_the_shape_that_clients_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
