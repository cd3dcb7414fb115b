/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/man.c: the tables as the manual page creel-runtime(8); see ociruntime/command.h. */
#include "ociruntime/command.h"

#include "base/bytes.h"

#include <string.h>

/* Text as roff: no letter of it may be taken for a request or an escape. */
static void add_len(struct bytes *out, const char *s, size_t len)
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
    add_len(out, s, strlen(s));
}

static void option_item(const struct option *o, struct bytes *out)
{
    if (o->hidden)
        return;
    bytes_adds(out, ".TP\n\\fB\\-\\-");
    add(out, o->name);
    bytes_adds(out, "\\fR");
    if (o->letter != 0)
        bytes_addf(out, ", \\fB\\-%c\\fR", o->letter);
    if (o->metavar != NULL) {
        bytes_adds(out, " \\fI");
        add(out, o->metavar);
        bytes_adds(out, "\\fR");
    }
    bytes_addc(out, '\n');
    add(out, o->help);
    if (o->def != NULL && o->def[0] != '\0') {
        bytes_adds(out, " (default ");
        add(out, o->def);
        bytes_addc(out, ')');
    }
    bytes_addc(out, '\n');
}

static void paragraphs(const char *text, struct bytes *out)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (n == 0)
            bytes_adds(out, ".PP");
        add_len(out, text, n);
        bytes_addc(out, '\n');
        text += n + (text[n] == '\n');
    }
}

static void command_section(const struct command *c, struct bytes *out)
{
    bytes_adds(out, ".SS \"");
    add(out, c->name);
    bytes_addc(out, ' ');
    add(out, c->synopsis);
    bytes_adds(out, "\"\n");
    add(out, c->summary);
    bytes_addc(out, '\n');
    if (c->description != NULL) {
        bytes_adds(out, ".PP\n");
        paragraphs(c->description, out);
    }
    for (const struct option *o = c->options; o != NULL && o->name != NULL; o++)
        option_item(o, out);
}

void command_man(struct bytes *out)
{
    bytes_addf(out, ".TH \"creel\\-runtime\" 8 \"\" \"creel %s\" \"creel manual\"\n.SH NAME\n"
                    "creel\\-runtime \\- Open Container Initiative runtime\n.SH SYNOPSIS\n"
                    "\\fBcreel\\-runtime\\fR [global options] \\fIcommand\\fR [options] [arguments]\n.SH DESCRIPTION\n",
               CREEL_VERSION);
    add(out, "creel-runtime makes containers from bundles: directories with a root file system and a config.json after the OCI "
             "runtime specification. Engines call it (Docker, containerd, podman); commands, options and messages are those "
             "they know from runc. No process of it stays behind a container that was made with create or run --detach.\n");
    bytes_adds(out, ".SH GLOBAL OPTIONS\n");
    for (const struct option *o = global_options; o->name != NULL; o++)
        option_item(o, out);
    bytes_adds(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++)
        command_section(commands[i], out);
    bytes_adds(out,
        ".SH EXIT STATUS\n0 when all went well; 1 after an error, which is on standard error and in the log; 3 for an unknown "
        "command. run and exec in the foreground give the exit status of the process, or 128 and the signal that ended it; exec "
        "gives 255 when it failed itself.\n"
        ".SH FILES\n.TP\n/run/creel\\-runtime/\\fIid\\fR\nwhat is remembered of a container; only its owner can look into it\n"
        ".SH SEE ALSO\n\\fBcreel\\fR(1)\n");
}
