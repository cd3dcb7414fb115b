/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_top.c: creel top and creel diff: what a container does and what it has changed. */
#include "cli/json.h"
#include "cli/command.h"
#include "cli/table.h"

#include <creel/container.h>

#include <string.h>

enum { TOP_MIN_WIDTH = 20 };

static void add_cells(const json_t *list, struct bytes *cells)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *cell = json_array_get(list, i);
        if (i > 0)
            bytes_addc(cells, '\t');
        if (json_is_string(cell))
            text_escape(cells, json_string_value(cell), json_string_length(cell), TEXT_ESCAPE_ALL);
    }
    bytes_addc(cells, '\n');
}

static int print_processes(struct cli *c, const char *text)
{
    auto_json *answer = json_loads(text, JSON_ALLOW_NUL, NULL);
    const json_t *rows = json_object_get(answer, "Processes");
    auto_bytes cells = BYTES_INIT, out = BYTES_INIT;
    add_cells(json_object_get(answer, "Titles"), &cells);
    for (size_t i = 0; i < json_array_size(rows); i++)
        add_cells(json_array_get(rows, i), &cells);
    table_align(&out, bytes_str(&cells), cells.len, TOP_MIN_WIDTH);
    if (!bytes_ok(&cells) || !bytes_ok(&out))
        return cli_error(c, 1, "out of memory");
    (void)fwrite(bytes_str(&out), 1, out.len, cli_out(c)); /* main looks at ferror */
    return 0;
}

static int top(struct cli *c)
{
    struct creel *e = cli_engine(c);
    const struct strv *args = cli_args(c);
    auto_bytes ps_args = BYTES_INIT;
    auto_free char *text = NULL;
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    for (size_t i = 1; i < args->count; i++)
        bytes_addf(&ps_args, "%s%s", i > 1 ? " " : "", args->items[i]);
    if (!bytes_ok(&ps_args))
        return cli_error(c, 1, "out of memory");
    if (creel_container_top(e, args->items[0], ps_args.len > 0 ? bytes_str(&ps_args) : NULL, &text, &err) < 0)
        return cli_fail(c, &err);
    return print_processes(c, text);
}

const struct cli_command cli_cmd_top = {
    .name = "top",
    .alias = "container top",
    .synopsis = "CONTAINER [PS-OPTION...]",
    .summary = "Show the processes of a container",
    .description = "Shows the processes of a running container with their ids on the host. What follows the container "
                   "is a format as ps has it: -ef (also without any), aux, or -o with a list of columns.",
    .examples = "creel top web\n"
                "creel top web -o pid,comm,rss",
    .min_args = 1,
    .max_args = -1,
    .stop_at_operand = true,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_RUNNING,
    .run = top,
};

static int print_change(void *arg, int kind, const char *path)
{
    struct cli *c = arg;
    auto_bytes line = BYTES_INIT;
    bytes_addf(&line, "%c ", kind == 1 ? 'A' : kind == 2 ? 'D' : 'C');
    text_escape(&line, path, strlen(path), cli_terminal(c) ? TEXT_ESCAPE_ALL : TEXT_ESCAPE_NONE);
    bytes_addc(&line, '\n');
    return fwrite(bytes_str(&line), 1, line.len, cli_out(c)) != line.len; /* stops; main looks at ferror */
}

static int diff(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    return creel_container_diff(e, cli_args(c)->items[0], print_change, c, &err) < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_diff = {
    .name = "diff",
    .alias = "container diff",
    .synopsis = "CONTAINER",
    .summary = "Show what a container has changed in its file system",
    .description = "Prints one line for each path that differs from the image: A added, C changed, D deleted.",
    .examples = "creel diff web",
    .min_args = 1, .max_args = 1, .group = CLI_GROUP_CONTAINER, .complete = CLI_COMPLETE_CONTAINER, .run = diff,
};
