/* SPDX-License-Identifier: Apache-2.0 */
/* cli/man.c: the table of commands as manual pages: creel.1 and one page for each command. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Text as roff: no letter of it may be taken for a request or an escape. */
static void add_text(struct bytes *out, const char *s, size_t len)
{
    bool start = out->len == 0 || out->data[out->len - 1] == '\n';
    for (size_t i = 0; i < len; i++) {
        if (start && (s[i] == '.' || s[i] == '\''))
            bytes_adds(out, "\\&");
        start = s[i] == '\n';
        if (s[i] == '\\')
            bytes_adds(out, "\\e");
        else if (s[i] == '-')
            bytes_adds(out, "\\-");
        else
            bytes_addc(out, s[i]);
    }
}

static void add(struct bytes *out, const char *s)
{
    add_text(out, s, strlen(s));
}

static void page_name(const char *command, struct bytes *out)
{
    bytes_adds(out, "creel");
    if (command[0] != '\0')
        bytes_addc(out, '-');
    for (const char *p = command; *p != '\0'; p++)
        bytes_addc(out, *p == ' ' ? '-' : *p);
}

static void header(const char *command, const char *summary, struct bytes *out)
{
    auto_bytes name = BYTES_INIT;
    page_name(command, &name);
    bytes_addf(out, ".TH \"%s\" 1 \"\" \"creel %s\" \"creel manual\"\n.SH NAME\n", bytes_str(&name), CREEL_VERSION);
    add(out, bytes_str(&name));
    bytes_adds(out, " \\- ");
    add(out, summary);
    bytes_addc(out, '\n');
    out->failed = out->failed || !bytes_ok(&name);
}

static void option(const struct cli_option *o, struct bytes *out)
{
    bytes_adds(out, ".TP\n");
    if (o->letter != 0)
        bytes_addf(out, "\\fB\\-%c\\fR, ", o->letter);
    bytes_adds(out, "\\fB\\-\\-");
    add(out, o->name);
    bytes_adds(out, "\\fR");
    if (o->metavar != NULL) {
        bytes_adds(out, " \\fI");
        add(out, o->metavar);
        bytes_adds(out, "\\fR");
    }
    bytes_addc(out, '\n');
    add(out, o->help);
    if (o->def != NULL) {
        bytes_adds(out, " (default ");
        add(out, o->def);
        bytes_addc(out, ')');
    }
    bytes_addc(out, '\n');
}

static void options(const struct cli_option *list, bool with_help, struct bytes *out)
{
    static const struct cli_option help = { .name = "help", .kind = CLI_FLAG, .help = "Print help and exit" };
    bytes_adds(out, ".SH OPTIONS\n");
    for (const struct cli_option *o = list; o != NULL && o->name != NULL; o++)
        option(o, out);
    if (with_help)
        option(&help, out);
}

/* Paragraphs end at a newline; lines that begin with a blank are shown as they are. */
static void paragraphs(const char *text, struct bytes *out)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (n == 0)
            bytes_adds(out, ".PP");
        else if (text[0] == ' ')
            bytes_adds(out, ".nf\n");
        add_text(out, text, n);
        bytes_adds(out, n > 0 && text[0] == ' ' ? "\n.fi\n" : "\n");
        text += n + (text[n] == '\n');
    }
}

static void examples(const char *text, struct bytes *out)
{
    bytes_adds(out, ".SH EXAMPLES\n.nf\n");
    add(out, text);
    bytes_adds(out, "\n.fi\n");
}

void cli_man_command(const struct cli_command *cmd, struct bytes *out)
{
    char name[64];
    header(cmd->name, cmd->summary, out);
    bytes_adds(out, ".SH SYNOPSIS\n\\fBcreel ");
    add(out, cmd->name);
    bytes_adds(out, "\\fR ");
    add(out, cmd->synopsis);
    bytes_addc(out, '\n');
    for (const char *a = cmd->alias; cli_alias_next(&a, name, sizeof name);) {
        bytes_adds(out, ".br\n\\fBcreel ");
        add(out, name);
        bytes_adds(out, "\\fR ");
        add(out, cmd->synopsis);
        bytes_addc(out, '\n');
    }
    bytes_adds(out, ".SH DESCRIPTION\n");
    paragraphs(cmd->description != NULL ? cmd->description : cmd->summary, out);
    options(cmd->options, true, out);
    if (cmd->examples != NULL)
        examples(cmd->examples, out);
    bytes_adds(out, ".SH SEE ALSO\n\\fBcreel\\fR(1)\n");
}

static void command_list(const struct cli_table *t, enum cli_group group, struct bytes *out)
{
    bytes_addf(out, ".SS %s\n", cli_group_title(group));
    for (size_t i = 0; i < t->count; i++) {
        const struct cli_command *cmd = t->commands[i];
        if (cmd->hidden || cmd->group != group)
            continue;
        auto_bytes page = BYTES_INIT;
        page_name(cmd->name, &page);
        bytes_adds(out, ".TP\n\\fB");
        add(out, bytes_str(&page));
        bytes_adds(out, "\\fR(1)\n");
        add(out, cmd->summary);
        bytes_addc(out, '\n');
    }
}

void cli_man_program(const struct cli_table *t, struct bytes *out)
{
    header("", "containers without a daemon", out);
    bytes_adds(
        out,
        ".SH SYNOPSIS\n\\fBcreel\\fR [OPTIONS] COMMAND [ARG...]\n.SH DESCRIPTION\n"
        "creel runs containers. There is no daemon: each command works on the engine's store itself, and a small\n"
        "monitor stays with each running container. Commands and options have the names and the meaning that\n"
        "users of Docker know.\n.SH COMMANDS\n");
    for (int g = CLI_GROUP_CONTAINER; g <= CLI_GROUP_ENGINE; g++)
        command_list(t, (enum cli_group)g, out);
    options(cli_global_options, false, out);
    bytes_adds(
        out,
        ".SH EXIT STATUS\n"
        "0 when all went well, 1 when an operand failed, 125 when the command line was wrong. run, exec and\n"
        "start \\-a give the exit status of the process, 128 + the signal that ended it, 126 when the command\n"
        "could not be executed, 127 when it was not found, and 125 when creel itself failed.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBCREEL_ROOT\\fR, \\fBCREEL_RUN_ROOT\\fR\nwhat \\-\\-root and \\-\\-run\\-root are when not given\n"
        ".TP\n\\fBCREEL_LIBEXEC\\fR\nwhere the programs creel\\-monitor and creel\\-archive are\n"
        ".TP\n\\fBNO_COLOR\\fR\nwhen set, nothing is coloured\n"
        ".SH FILES\n"
        ".TP\n/var/lib/creel\nthe store, images, containers and their logs\n"
        ".TP\n/run/creel\nsockets and other things that do not outlive the host\n");
}

static int write_page(int dir, const char *command, const struct bytes *text, struct creel_err *err)
{
    auto_bytes name = BYTES_INIT;
    page_name(command, &name);
    bytes_adds(&name, ".1");
    if (!bytes_ok(text) || !bytes_ok(&name))
        return creel_fail_nomem(err);
    auto_fd fd = openat(dir, bytes_str(&name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", bytes_str(&name));
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(fd, text->data + at, text->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "write %s", bytes_str(&name));
        at += (size_t)n;
    }
    return 0;
}

int cli_man_write(const struct cli_table *t, const char *dir, struct creel_err *err)
{
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the directory %s", dir);
    auto_fd fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", dir);
    auto_bytes text = BYTES_INIT;
    cli_man_program(t, &text);
    if (write_page(fd, "", &text, err) < 0)
        return -1;
    for (size_t i = 0; i < t->count; i++) {
        if (t->commands[i]->hidden)
            continue;
        bytes_reset(&text);
        cli_man_command(t->commands[i], &text);
        if (write_page(fd, t->commands[i]->name, &text, err) < 0)
            return -1;
    }
    return 0;
}
