/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_completion.c: creel completion, and the hidden commands behind scripts and the build: __complete, __man,
 * __reap. */
#include "cli/cli.h"

#include "cli/table.h"

#include "base/parse.h"

#include <creel/container.h>
#include <creel/engine.h>
#include <creel/image.h>

#include <string.h>

static int completion(struct cli *c)
{
    auto_bytes text = BYTES_INIT;
    if (!cli_completion_print(&c->table, cli_args(c)->items[0], &text))
        return cli_error(c, 1, "completion: there is none for '%s': bash, zsh or fish", cli_args(c)->items[0]);
    (void)fwrite(bytes_str(&text), 1, text.len, c->out); /* main looks at ferror */
    return bytes_ok(&text) ? 0 : cli_error(c, 1, "out of memory");
}

const struct cli_command cli_cmd_completion = {
    .name = "completion",
    .synopsis = "bash|zsh|fish",
    .summary = "Print a completion script for a shell",
    .description =
        "Prints a script that teaches a shell creel's commands, options, and the names of containers and images. "
        "Installed packages bring these scripts along.",
    .examples = "source <(creel completion bash)\n"
                "creel completion fish > ~/.config/fish/completions/creel.fish",
    .min_args = 1,
    .max_args = 1,
    .group = CLI_GROUP_ENGINE,
    .run = completion,
};

/* --- __complete containers|running|images --- */

/* A name that a shell could take for more than a word is left out. */
static void say_name(struct cli *c, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:/@+";
    if (name[0] != '\0' && name[strspn(name, plain)] == '\0')
        (void)fprintf(c->out, "%s\n", name); /* main looks at ferror */
}

static int say_container(void *arg, const struct creel_container_row *r)
{
    say_name(arg, r->name);
    return 0;
}

static int say_image(void *arg, const struct creel_image_row *r)
{
    char name[512];
    if (strcmp(r->repository, "<none>") == 0)
        return 0;
    int n = strcmp(r->tag, "<none>") == 0 ? snprintf(name, sizeof name, "%s", r->repository)
                                          : snprintf(name, sizeof name, "%s:%s", r->repository, r->tag);
    if (n > 0 && (size_t)n < sizeof name)
        say_name(arg, name);
    return 0;
}

static int complete(struct cli *c)
{
    const char *what = cli_args(c)->items[0];
    struct creel *e = cli_engine(c);
    struct creel_err err = { 0 };
    const struct creel_list_options o = { .size = sizeof o, .all = strcmp(what, "containers") == 0 };
    if (e == NULL)
        return 1;
    int r = strcmp(what, "images") == 0 ? creel_image_list(e, 0, NULL, say_image, c, &err)
                                        : creel_container_list(e, &o, say_container, c, &err);
    return r < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_complete = {
    .name = "__complete", .synopsis = "containers|running|images", .summary = "Print names for completion scripts",
    .min_args = 1, .max_args = 1, .hidden = true, .group = CLI_GROUP_ENGINE, .run = complete,
};

/* --- __man DIR --- */

static int man(struct cli *c)
{
    struct creel_err err = { 0 };
    return cli_man_write(&c->table, cli_args(c)->items[0], &err) < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_man = {
    .name = "__man",
    .synopsis = "DIR",
    .summary = "Write the manual pages",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .group = CLI_GROUP_ENGINE,
    .run = man,
};

/* --- __reap: what a monitor starts when a run, or an exec, has ended and nobody is there to be told. The monitor waits for
 * it, so opening the engine leaves this run to us: its monitor lives. --- */

static int reap(struct cli *c)
{
    const struct strv *a = cli_args(c);
    struct creel_err err = { 0 };
    int64_t run, code;
    if ((a->count != 2 && a->count != 4) || !parse_i64(a->items[1], 1, INT64_MAX, &run)
        || (a->count == 4 && !parse_i64(a->items[3], 0, 255, &code)))
        return cli_error(c, CLI_EXIT_USAGE, "__reap: started by monitors only");
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    int r = a->count == 4 ? creel_reap_exec(e, a->items[0], a->items[2], (int)code, &err)
                          : creel_reap(e, a->items[0], run, &err);
    return r < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_reap = {
    .name = "__reap",
    .synopsis = "ID RUN [EXEC CODE]",
    .summary = "Commit the exit that a monitor has recorded",
    .min_args = 2,
    .max_args = 4,
    .hidden = true,
    .group = CLI_GROUP_ENGINE,
    .run = reap,
};
