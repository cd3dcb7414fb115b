/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.c: the table of commands as text for a terminal. */
#include "cli/cli.h"

#include "cli/table.h"

#include <string.h>

enum { HELP_WIDTH = 100, HELP_TEXT_MAX = 34 };

const char *cli_group_title(enum cli_group group)
{
    switch (group) {
    case CLI_GROUP_CONTAINER: return "Containers";
    case CLI_GROUP_IMAGE: return "Images";
    case CLI_GROUP_ENGINE: return "Engine";
    }
    return "Other";
}

/* Words of `text`, broken into lines of HELP_WIDTH that begin with `indent` blanks; the first line's indent is there.
 */
static void wrap(struct bytes *out, const char *text, size_t indent)
{
    size_t column = indent;
    bool first = true;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (!first && column + 1 + n > HELP_WIDTH) {
            bytes_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            bytes_addc(out, ' ');
            column++;
        }
        bytes_add(out, text, n);
        column += n;
        text += n;
        while (*text == ' ')
            text++;
        first = false;
    }
    bytes_addc(out, '\n');
}

/* Paragraphs end at a newline; a line that begins with a blank stays as it is. */
static void paragraphs(struct bytes *out, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        auto_free char *line = strndup(text, n);
        if (line == NULL) {
            out->failed = true;
            return;
        }
        if (line[0] == ' ' || line[0] == '\0')
            bytes_addf(out, "%s\n", line);
        else
            wrap(out, line, 0);
        text += n + (text[n] == '\n');
    }
}

static void option_left(const struct cli_option *o, struct bytes *left)
{
    if (o->letter != 0)
        bytes_addf(left, "  -%c, --%s", o->letter, o->name);
    else
        bytes_addf(left, "      --%s", o->name);
    if (o->metavar != NULL)
        bytes_addf(left, " %s", o->metavar);
}

static void option_line(const struct cli_option *o, size_t indent, struct bytes *out)
{
    auto_bytes left = BYTES_INIT, text = BYTES_INIT;
    option_left(o, &left);
    bytes_adds(&text, o->help);
    if (o->def != NULL)
        bytes_addf(&text, " (default %s)", o->def);
    bytes_adds(out, bytes_str(&left));
    if (left.len + 2 > indent)
        bytes_addf(out, "\n%*s", (int)indent, "");
    else
        bytes_addf(out, "%*s", (int)(indent - left.len), "");
    wrap(out, bytes_str(&text), indent);
    out->failed = out->failed || !bytes_ok(&left) || !bytes_ok(&text);
}

static void option_list(const struct cli_option *options, bool with_help, struct bytes *out)
{
    static const struct cli_option help = { .name = "help", .kind = CLI_FLAG, .help = "Print this help and exit" };
    size_t indent = 16;
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        auto_bytes left = BYTES_INIT;
        option_left(o, &left);
        if (left.len + 2 > indent && left.len + 2 <= HELP_TEXT_MAX)
            indent = left.len + 2;
    }
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++)
        option_line(o, indent, out);
    if (with_help)
        option_line(&help, indent, out);
}

void cli_help_command(const struct cli_command *cmd, struct bytes *out)
{
    bytes_addf(out, "Usage: creel %s%s%s\n\n%s\n", cmd->name, cmd->synopsis[0] != '\0' ? " " : "", cmd->synopsis,
               cmd->summary);
    if (cmd->description != NULL && cmd->description[0] != '\0') {
        bytes_addc(out, '\n');
        paragraphs(out, cmd->description);
    }
    if (cmd->alias != NULL) {
        char name[64];
        bytes_addf(out, "\nAliases:\n  creel %s", cmd->name);
        for (const char *a = cmd->alias; cli_alias_next(&a, name, sizeof name);)
            bytes_addf(out, ", creel %s", name);
        bytes_addc(out, '\n');
    }
    bytes_adds(out, "\nOptions:\n");
    option_list(cmd->options, true, out);
    if (cmd->examples != NULL) {
        bytes_adds(out, "\nExamples:\n");
        for (const char *p = cmd->examples; *p != '\0';) {
            size_t n = strcspn(p, "\n");
            bytes_addf(out, "  %.*s\n", (int)n, p);
            p += n + (p[n] == '\n');
        }
    }
}

static void command_lines(const struct cli_table *t, enum cli_group group, struct bytes *out)
{
    bytes_addf(out, "\n%s:\n", cli_group_title(group));
    for (size_t i = 0; i < t->count; i++)
        if (!t->commands[i]->hidden && t->commands[i]->group == group)
            bytes_addf(out, "  %-16s  %s\n", t->commands[i]->name, t->commands[i]->summary);
}

void cli_help_program(const struct cli_table *t, struct bytes *out)
{
    bytes_adds(out, "Usage: creel [OPTIONS] COMMAND [ARG...]\n\nContainers without a daemon\n");
    for (int g = CLI_GROUP_CONTAINER; g <= CLI_GROUP_ENGINE; g++)
        command_lines(t, (enum cli_group)g, out);
    bytes_adds(out, "\nOptions:\n");
    option_list(cli_global_options, false, out);
    bytes_adds(out, "\n'creel COMMAND --help' or 'creel help COMMAND' says more about a command.\n");
}

/* `creel image`: what can follow, under the names that begin with the word. */
void cli_help_group(const struct cli_table *t, const char *group, struct bytes *out)
{
    size_t len = strlen(group);
    bytes_addf(out, "Usage: creel %s COMMAND [ARG...]\n\nCommands:\n", group);
    for (size_t i = 0; i < t->count; i++) {
        const struct cli_command *cmd = t->commands[i];
        char name[64] = "", alias[64];
        if (cmd->hidden)
            continue;
        if (strncmp(cmd->name, group, len) == 0 && cmd->name[len] == ' ')
            (void)snprintf(name, sizeof name, "%s", cmd->name); /* names are short */
        for (const char *a = cmd->alias; name[0] == '\0' && cli_alias_next(&a, alias, sizeof alias);)
            if (strncmp(alias, group, len) == 0 && alias[len] == ' ')
                (void)snprintf(name, sizeof name, "%s", alias);
        if (name[0] != '\0')
            bytes_addf(out, "  %-20s  %s\n", name, cmd->summary);
    }
}
