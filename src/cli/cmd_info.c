/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_info.c: creel info and creel version. */
#include "cli/document.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/json_out.h"
#include "cli/command.h"
#include "cli/table.h"

#include <string.h>
#include <sys/utsname.h>

/* --- printing a document as a list of "Name: value" --- */

struct line { const char *label, *path; enum { LINE_TEXT, LINE_MEMORY, LINE_LIST, LINE_PAIRS, LINE_KEYS } kind; };

static const json_t *look_up(const json_t *j, const char *path)
{
    char key[64];
    while (*path != '\0' && j != NULL) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        j = json_object_get(j, key);
        path += n + (path[n] == '.');
    }
    return j;
}

static void add_text(struct bytes *out, const json_t *j)
{
    if (json_is_string(j))
        text_escape(out, json_string_value(j), json_string_length(j), TEXT_ESCAPE_ALL);
    else
        json_out(j, out);
}

static void add_line(struct bytes *out, const struct line *l, const json_t *document)
{
    const json_t *j = look_up(document, l->path);
    size_t indent = strspn(l->label, " ");
    if (j == NULL || json_is_null(j) || (json_is_string(j) && json_string_length(j) == 0))
        return;
    bytes_addf(out, "%s:", l->label);
    if (l->kind == LINE_MEMORY) {
        json_int_t n = json_integer_value(j);
        bytes_addc(out, ' ');
        human_memory(n > 0 ? (uint64_t)n : 0, out);
    } else if (l->kind == LINE_KEYS) {
        const char *key;
        json_t *value, *object = (json_t *)(uintptr_t)j; /* iteration only reads */
        json_object_foreach(object, key, value)
            bytes_addf(out, " %s", key);
    } else if (l->kind == LINE_LIST) {
        for (size_t i = 0; i < json_array_size(j); i++) {
            bytes_addf(out, "\n%*s ", (int)indent, "");
            add_text(out, json_array_get(j, i));
        }
    } else if (l->kind == LINE_PAIRS) {
        for (size_t i = 0; i < json_array_size(j); i++) {
            bytes_addf(out, "\n%*s ", (int)indent, "");
            add_text(out, json_array_get(json_array_get(j, i), 0));
            bytes_adds(out, ": ");
            add_text(out, json_array_get(json_array_get(j, i), 1));
        }
    } else {
        bytes_addc(out, ' ');
        add_text(out, j);
    }
    bytes_addc(out, '\n');
}

static int print_document(struct cli *c, json_t *document, const char *format, const struct line *lines, size_t count)
{
    auto_bytes text = BYTES_INIT, out = BYTES_INIT;
    auto_template *t = NULL;
    struct creel_err err = { 0 };
    if (document_template(format, &t, &err) < 0)
        return cli_fail(c, &err);
    if (t != NULL) {
        if (document_print(t, document, &text, &err) < 0)
            return cli_fail(c, &err);
    } else if (format != NULL && format[0] != '\0') {
        json_out(document, &text);
        bytes_addc(&text, '\n');
    } else {
        for (size_t i = 0; i < count; i++)
            add_line(&text, &lines[i], document);
    }
    text_escape(&out, bytes_str(&text), text.len, cli_terminal(c) ? TEXT_ESCAPE_LINES : TEXT_ESCAPE_NONE);
    if (!bytes_ok(&text) || !bytes_ok(&out))
        return cli_error(c, 1, "out of memory");
    (void)fwrite(bytes_str(&out), 1, out.len, cli_out(c)); /* main looks at ferror */
    return 0;
}

/* --- info --- */

static void say_warnings(struct cli *c, const json_t *warnings)
{
    for (size_t i = 0; i < json_array_size(warnings); i++)
        (void)cli_error(c, 0, "%s", json_string_value(json_array_get(warnings, i)));
}

static int info(struct cli *c)
{
    static const struct line lines[] = {
        { "Containers", "Containers", LINE_TEXT },
        { " Running", "ContainersRunning", LINE_TEXT },
        { " Paused", "ContainersPaused", LINE_TEXT },
        { " Stopped", "ContainersStopped", LINE_TEXT },
        { "Images", "Images", LINE_TEXT },
        { "Version", "ServerVersion", LINE_TEXT },
        { "Storage Driver", "Driver", LINE_TEXT },
        { " Status", "DriverStatus", LINE_PAIRS },
        { "Logging Driver", "LoggingDriver", LINE_TEXT },
        { "Cgroup Driver", "CgroupDriver", LINE_TEXT },
        { "Cgroup Version", "CgroupVersion", LINE_TEXT },
        { "Runtimes", "Runtimes", LINE_KEYS },
        { "Default Runtime", "DefaultRuntime", LINE_TEXT },
        { "Security Options", "SecurityOptions", LINE_LIST },
        { "Kernel Version", "KernelVersion", LINE_TEXT },
        { "Operating System", "OperatingSystem", LINE_TEXT },
        { "OS Type", "OSType", LINE_TEXT },
        { "Architecture", "Architecture", LINE_TEXT },
        { "CPUs", "NCPU", LINE_TEXT },
        { "Total Memory", "MemTotal", LINE_MEMORY },
        { "Name", "Name", LINE_TEXT },
        { "ID", "ID", LINE_TEXT },
        { "Root Dir", "DockerRootDir", LINE_TEXT },
    };
    struct creel *e = cli_engine(c);
    auto_free char *text = NULL;
    auto_json *document = NULL;
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    if (creel_info(e, &text, &err) < 0 || document_parse(text, &document, &err) < 0)
        return cli_fail(c, &err);
    const char *format = cli_string(c, "format");
    int code = print_document(c, document, format, lines, ARRAY_LEN(lines));
    if (code == 0 && (format == NULL || format[0] == '\0'))
        say_warnings(c, json_object_get(document, "Warnings"));
    return code;
}

static const struct cli_option options[] = {
    { .name = "format",
      .letter = 'f',
      .kind = CLI_STRING,
      .metavar = "FORMAT",
      .help = "Print with a Go template, or 'json'" },
    { .name = NULL },
};

const struct cli_command cli_cmd_info = {
    .name = "info",
    .alias = "system info",
    .synopsis = "[OPTIONS]",
    .summary = "Show the state of the engine and what the host can do",
    .description = "Shows how many containers and images there are, where they are kept, and what the host offers. "
                   "--format json prints "
                   "all of it.",
    .examples = "creel info\n"
                "creel info -f '{{.CgroupVersion}}'",
    .options = options,
    .group = CLI_GROUP_ENGINE,
    .run = info,
};

/* --- version: one program is client and engine --- */

static json_t *version_half(const struct utsname *u)
{
    const char *arch = strcmp(u->machine, "x86_64") == 0    ? "amd64"
                       : strcmp(u->machine, "aarch64") == 0 ? "arm64"
                                                            : u->machine;
    return json_pack("{s:s, s:s, s:s, s:s}", "Version", CREEL_VERSION, "Os", "linux", "Arch", arch, "KernelVersion",
                     u->release);
}

static int version(struct cli *c)
{
    static const struct line lines[] = {
        { "Version", "Server.Version", LINE_TEXT },
        { "OS", "Server.Os", LINE_TEXT },
        { "Architecture", "Server.Arch", LINE_TEXT },
        { "Kernel", "Server.KernelVersion", LINE_TEXT },
    };
    struct utsname u;
    if (uname(&u) < 0)
        return cli_error(c, 1, "asking the kernel for its version: %s", strerror(errno));
    auto_json *document = json_pack("{s:o, s:o}", "Client", version_half(&u), "Server", version_half(&u));
    if (document == NULL)
        return cli_error(c, 1, "out of memory");
    return print_document(c, document, cli_string(c, "format"), lines, ARRAY_LEN(lines));
}

const struct cli_command cli_cmd_version = {
    .name = "version",
    .synopsis = "[OPTIONS]",
    .summary = "Show the version of creel",
    .description = "Shows the version of creel and of the kernel. For scripts written for Docker, --format has the "
                   "same fields under "
                   ".Client and .Server.",
    .examples = "creel version --format '{{.Server.Version}}'",
    .options = options,
    .group = CLI_GROUP_ENGINE,
    .run = version,
};
