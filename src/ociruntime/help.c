/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/help.c: the tables as text for --help; see ociruntime/command.h. */
#include "ociruntime/command.h"

#include "base/bytes.h"

#include <string.h>

enum { HELP_WIDTH = 100, HELP_INDENT = 34 };

static void wrap(struct bytes *out, const char *text, size_t indent)
{
    size_t column = indent;
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, " ");
        if (column > indent && column + 1 + n > HELP_WIDTH) {
            bytes_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        bytes_addf(out, "%s%.*s", column > indent ? " " : "", (int)n, p);
        column += n + (column > indent);
        p += n;
        p += strspn(p, " ");
    }
    bytes_addc(out, '\n');
}

static void option_line(const struct option *o, struct bytes *out)
{
    auto_bytes left = BYTES_INIT, text = BYTES_INIT;
    if (o->hidden)
        return;
    bytes_addf(&left, "   --%s", o->name);
    if (o->letter != 0)
        bytes_addf(&left, ", -%c", o->letter);
    if (o->metavar != NULL)
        bytes_addf(&left, " %s", o->metavar);
    bytes_adds(&text, o->help);
    if (o->def != NULL && o->def[0] != '\0')
        bytes_addf(&text, " (default: %s)", o->def);
    bytes_adds(out, bytes_str(&left));
    if (left.len + 2 > HELP_INDENT)
        bytes_addf(out, "\n%*s", HELP_INDENT, "");
    else
        bytes_addf(out, "%*s", (int)(HELP_INDENT - left.len), "");
    wrap(out, bytes_str(&text), HELP_INDENT);
    out->failed = out->failed || !bytes_ok(&left) || !bytes_ok(&text);
}

static void option_lines(const struct option *table, struct bytes *out)
{
    static const struct option help = { .name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show help" };
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        option_line(o, out);
    option_line(&help, out);
}

static void paragraphs(const char *text, struct bytes *out)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        auto_free char *line = strndup(text, n);
        if (line == NULL) {
            out->failed = true;
            return;
        }
        bytes_adds(out, n > 0 ? "   " : "");
        wrap(out, line, n > 0 ? 3 : 0);
        text += n + (text[n] == '\n');
    }
}

void command_help(const struct command *cmd, struct bytes *out)
{
    bytes_addf(out, "NAME:\n   creel-runtime %s - %s\n\nUSAGE:\n   creel-runtime %s %s\n", cmd->name, cmd->summary, cmd->name,
               cmd->synopsis);
    if (cmd->description != NULL) {
        bytes_adds(out, "\nDESCRIPTION:\n");
        paragraphs(cmd->description, out);
    }
    bytes_adds(out, "\nOPTIONS:\n");
    option_lines(cmd->options, out);
}

void command_help_program(struct bytes *out)
{
    bytes_addf(out, "NAME:\n   creel-runtime, in place of runc - Open Container Initiative runtime\n\nUSAGE:\n   creel-runtime [global options] "
                    "command [command options] [arguments...]\n\nVERSION:\n   %s\n\nCOMMANDS:\n", CREEL_VERSION);
    for (size_t i = 0; i < command_count; i++)
        bytes_addf(out, "   %-10s  %s\n", commands[i]->name, commands[i]->summary);
    bytes_adds(out, "   help        show help of the program or of one command\n\nGLOBAL OPTIONS:\n");
    option_lines(global_options, out);
}
