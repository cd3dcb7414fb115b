/* SPDX-License-Identifier: Apache-2.0 */
/* Help, manual page and completion scripts of a small table, compared with the files in tests/golden/cli. With
 * CREEL_GOLDEN_UPDATE=1 the files are rewritten, so that the difference shows in review. */
#include "cli/cli.h"

#include "../check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_option run_options[] = {
    { .name = "detach", .letter = 'd', .kind = CLI_FLAG, .help = "Leave it running & say it's \"there\" [once]: done" },
    { .name = "env", .letter = 'e', .kind = CLI_LIST, .metavar = "NAME=VALUE", .help = "Set a variable" },
    { .name = "env-file", .kind = CLI_LIST, .metavar = "FILE", .help = "Read variables from a file", .complete = CLI_COMPLETE_FILE },
    { .name = "network", .kind = CLI_STRING, .metavar = "NETWORK", .help = "How it is connected", .def = "none",
      .complete = CLI_COMPLETE_WORDS, .words = "none host", .alias = "net" },
    { .name = "stop-signal", .kind = CLI_STRING, .metavar = "SIGNAL", .help = "What stops it", .complete = CLI_COMPLETE_SIGNAL },
    { .name = "a-very-long-name-for-an-option", .kind = CLI_INT, .metavar = "NUMBER",
      .help = "Something that takes so many words to explain that the line has to be broken in two, or even in three if the "
              "words are long" },
    { .name = NULL },
};
static const struct cli_command cmd_run = {
    .name = "run", .alias = "container run", .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]", .summary = "Make and start it",
    .description = "The first paragraph.\n\n.The second one begins with a dot and has a back\\slash.\n  an indented line",
    .examples = "creel run --rm busybox echo 'hi'\n.creel run x",
    .options = run_options, .min_args = 1, .max_args = -1, .stop_at_operand = true, .complete = CLI_COMPLETE_IMAGE,
    .group = CLI_GROUP_CONTAINER,
};
static const struct cli_command cmd_stop = {
    .name = "stop", .alias = "container stop", .synopsis = "CONTAINER...", .summary = "Stop it", .min_args = 1, .max_args = -1,
    .complete = CLI_COMPLETE_RUNNING, .group = CLI_GROUP_CONTAINER,
};
static const struct cli_command cmd_image_inspect = {
    .name = "image inspect", .synopsis = "IMAGE...", .summary = "Show images", .min_args = 1, .max_args = -1,
    .complete = CLI_COMPLETE_IMAGE, .group = CLI_GROUP_IMAGE,
};
static const struct cli_command cmd_help = {
    .name = "help", .synopsis = "[COMMAND]", .summary = "Print help", .max_args = 2, .group = CLI_GROUP_ENGINE,
};
static const struct cli_command cmd_secret = { .name = "__secret", .synopsis = "", .summary = "Not shown", .hidden = true };
static const struct cli_command *const commands[] = { &cmd_run, &cmd_stop, &cmd_image_inspect, &cmd_help, &cmd_secret };
static const struct cli_table table = { commands, 5 };

static void read_file(const char *path, struct bytes *out)
{
    char buf[4096];
    auto_file FILE *f = fopen(path, "re");
    if (f == NULL)
        fail_msg("cannot open %s: %s", path, strerror(errno));
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        bytes_add(out, buf, n);
}

static void compare(const char *name, const struct bytes *got)
{
    char path[512];
    auto_bytes want = BYTES_INIT;
    assert_true(bytes_ok(got));
    assert_in_range(snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name), 1, sizeof path - 1);
    if (getenv("CREEL_GOLDEN_UPDATE") != NULL) {
        auto_file FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(got->data, 1, got->len, f), got->len);
        return;
    }
    read_file(path, &want);
    if (strcmp(bytes_str(got), bytes_str(&want)) != 0)
        fail_msg("%s differs; CREEL_GOLDEN_UPDATE=1 rewrites it. Now:\n%s", path, bytes_str(got));
}

static void help_of_a_command(void **state)
{
    auto_bytes out = BYTES_INIT;
    cli_help_command(&cmd_run, &out);
    compare("help-command.want", &out);
}

static void help_of_the_program(void **state)
{
    auto_bytes out = BYTES_INIT;
    cli_help_program(&table, &out);
    compare("help-program.want", &out);
}

static void help_of_a_group(void **state)
{
    auto_bytes out = BYTES_INIT;
    cli_help_group(&table, "container", &out);
    compare("help-group.want", &out);
}

static void manual_page_of_a_command(void **state)
{
    auto_bytes out = BYTES_INIT;
    cli_man_command(&cmd_run, &out);
    compare("man-command.want", &out);
}

static void manual_page_of_the_program(void **state)
{
    auto_bytes out = BYTES_INIT;
    cli_man_program(&table, &out);
    compare("man-program.want", &out);
}

static void completion_of(const char *shell, const char *name)
{
    auto_bytes out = BYTES_INIT;
    assert_true(cli_completion_print(&table, shell, &out));
    compare(name, &out);
}

static void completion_for_bash(void **state)
{
    completion_of("bash", "completion.bash.want");
}

static void completion_for_zsh(void **state)
{
    completion_of("zsh", "completion.zsh.want");
}

static void completion_for_fish(void **state)
{
    completion_of("fish", "completion.fish.want");
}

static void no_completion_for_other_shells(void **state)
{
    auto_bytes out = BYTES_INIT;
    assert_false(cli_completion_print(&table, "tcsh", &out));
    assert_int_equal(out.len, 0);
}

static void pages_are_written_for_all_but_hidden_commands(void **state)
{
    char dir[] = "/tmp/creel-man.XXXXXX", path[64];
    static const char *const pages[] = { "creel.1", "creel-run.1", "creel-stop.1", "creel-image-inspect.1", "creel-help.1" };
    struct creel_err err = { 0 };
    assert_non_null(mkdtemp(dir));
    assert_int_equal(cli_man_write(&table, dir, &err), 0);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, pages[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0); /* nothing else was there */
    assert_int_equal(cli_man_write(&table, "/proc/nowhere", &err), -1);
    assert_non_null(strstr(err.text, "/proc/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_of_a_command),        cmocka_unit_test(help_of_the_program),
        cmocka_unit_test(help_of_a_group),          cmocka_unit_test(manual_page_of_a_command),
        cmocka_unit_test(manual_page_of_the_program), cmocka_unit_test(completion_for_bash),
        cmocka_unit_test(completion_for_zsh),       cmocka_unit_test(completion_for_fish),
        cmocka_unit_test(no_completion_for_other_shells),
        cmocka_unit_test(pages_are_written_for_all_but_hidden_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
