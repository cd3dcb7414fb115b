/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_inspect.c: creel inspect and creel image inspect. Without a template the engine's text is only indented,
 * not parsed. What was found is printed before what was not is reported. */
#include "cli/document.h"
#include "cli/json.h"
#include "cli/json_out.h"
#include "cli/command.h"
#include "cli/table.h"

#include <creel/container.h>
#include <creel/image.h>

#include <string.h>

enum type { TYPE_ANY, TYPE_CONTAINER, TYPE_IMAGE };

struct output {
    struct template *template;
    bool compact;               /* --format json */
    bool failed;                /* the template met something it could not print */
    struct bytes text;
    size_t count;
};

static int look_up(struct creel *e, const char *ref, enum type type, bool size, char **ret, struct creel_err *err)
{
    if (type != TYPE_IMAGE) {
        int r = creel_container_inspect(e, ref, size, ret, err);
        if (r == 0 || type == TYPE_CONTAINER || err->kind != CREEL_NOT_FOUND)
            return r;
    }
    if (creel_image_inspect(e, ref, ret, err) == 0)
        return 0;
    if (type == TYPE_ANY && (err->kind == CREEL_NOT_FOUND || err->kind == CREEL_INVALID))
        return creel_fail(err, CREEL_NOT_FOUND, 0, "No such object: %.200s", ref);
    return -1;
}

static int add(struct output *o, const char *text, struct creel_err *err)
{
    auto_json *j = NULL;
    if (o->template != NULL) {
        if (document_parse(text, &j, err) < 0)
            return -1;
        return document_print(o->template, j, &o->text, err);
    }
    if (o->count++ > 0)
        bytes_adds(&o->text, o->compact ? "," : ",\n    ");
    if (!o->compact) {
        json_out_indent(text, strlen(text), 4, &o->text);
    } else {
        if (document_parse(text, &j, err) < 0)
            return -1;
        json_out(j, &o->text);
    }
    return 0;
}

static int print(struct cli *c, struct output *o, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    if (!bytes_ok(&o->text))
        return creel_fail_nomem(err);
    if (o->template != NULL) {
        if (o->text.len == 0 && !o->failed)
            bytes_addc(&o->text, '\n');
        text_escape(&out, bytes_str(&o->text), o->text.len, cli_terminal(c) ? TEXT_ESCAPE_LINES : TEXT_ESCAPE_NONE);
    } else if (o->compact || o->count == 0) {
        bytes_addf(&out, "[%s]\n", bytes_str(&o->text));
    } else {
        bytes_adds(&out, "[\n    ");
        bytes_add(&out, bytes_str(&o->text), o->text.len);
        bytes_adds(&out, "\n]\n");
    }
    if (!bytes_ok(&out))
        return creel_fail_nomem(err);
    (void)fwrite(bytes_str(&out), 1, out.len, cli_out(c)); /* main looks at ferror */
    return 0;
}

/* Scripts look for Docker's words at the start of the line. */
static int say_missing(const char *what)
{
    auto_bytes line = BYTES_INIT;
    bytes_adds(&line, "Error: ");
    text_escape(&line, what, strlen(what), TEXT_ESCAPE_ALL);
    (void)fprintf(stderr, "%s\n", bytes_str(&line)); /* nowhere else to complain */
    return 1;
}

static int inspect_all(struct cli *c, struct output *o, enum type type, bool size)
{
    struct creel *e = cli_engine(c);
    struct creel_err err = { 0 };
    struct strv missing = STRV_INIT;
    int code = 0;
    if (e == NULL)
        return 1;
    for (size_t i = 0; i < cli_args(c)->count; i++) {
        auto_free char *text = NULL;
        if (look_up(e, cli_args(c)->items[i], type, size, &text, &err) < 0) {
            if (!strv_add(&missing, err.text))
                code = cli_fail(c, &err);
        } else if (add(o, text, &err) < 0) {
            o->failed = true;
            code = cli_fail(c, &err);
            break;
        }
    }
    if (print(c, o, &err) < 0)
        code = cli_fail(c, &err);
    (void)cli_flush(c); /* a failure shows at the end */
    for (size_t i = 0; i < missing.count; i++)
        code = say_missing(missing.items[i]);
    strv_fini(&missing);
    return code;
}

static int inspect(struct cli *c, enum type type, bool size)
{
    struct creel_err err = { 0 };
    const char *format = cli_string(c, "format");
    struct output o = { .compact = format != NULL && strcmp(format, "json") == 0, .text = BYTES_INIT };
    if (document_template(format, &o.template, &err) < 0)
        return cli_fail(c, &err);
    int code = inspect_all(c, &o, type, size);
    template_free(o.template);
    bytes_fini(&o.text);
    return code;
}

static int any_inspect(struct cli *c)
{
    const char *name = cli_string(c, "type");
    enum type type = strncmp(cli_invoked(c), "container", 9) == 0 ? TYPE_CONTAINER : TYPE_ANY;
    if (name != NULL && strcmp(name, "container") == 0)
        type = TYPE_CONTAINER;
    else if (name != NULL && strcmp(name, "image") == 0)
        type = TYPE_IMAGE;
    else if (name != NULL && name[0] != '\0')
        return cli_error(c, 1, "'%s' is not a type of object: container or image", name);
    return inspect(c, type, cli_flag(c, "size"));
}

static int image_inspect(struct cli *c)
{
    return inspect(c, TYPE_IMAGE, false);
}

static const struct cli_option options[] = {
    { .name = "format",
      .letter = 'f',
      .kind = CLI_STRING,
      .metavar = "FORMAT",
      .help = "Print with a Go template, or 'json' on one line" },
    { .name = "size", .letter = 's', .kind = CLI_FLAG, .help = "Show how much a container has written" },
    { .name = "type",
      .kind = CLI_STRING,
      .metavar = "TYPE",
      .help = "Look only for this type of object",
      .complete = CLI_COMPLETE_WORDS,
      .words = "container image" },
    { .name = NULL },
};

const struct cli_command cli_cmd_inspect = {
    .name = "inspect",
    .alias = "container inspect",
    .synopsis = "[OPTIONS] NAME|ID...",
    .summary = "Show everything about containers or images",
    .description =
        "Prints a JSON array with the documents of all objects that were found, with the field names of the Docker "
        "Engine API. A name is looked for among the containers, then among the images. Objects that do not exist "
        "are reported, and the exit code is then 1.",
    .examples = "creel inspect -f '{{.State.Status}}' web\n"
                "creel inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' web\n"
                "creel inspect -f '{{index .Config.Labels \"com.example.owner\"}}' web",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_CONTAINER,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = any_inspect,
};

static const struct cli_option image_options[] = {
    { .name = "format",
      .letter = 'f',
      .kind = CLI_STRING,
      .metavar = "FORMAT",
      .help = "Print with a Go template, or 'json' on one line" },
    { .name = NULL },
};

const struct cli_command cli_cmd_image_inspect = {
    .name = "image inspect",
    .synopsis = "[OPTIONS] IMAGE...",
    .summary = "Show everything about images",
    .description =
        "Prints a JSON array with the documents of all images that were found, with the field names of the Docker "
        "Engine API.",
    .examples = "creel image inspect -f '{{json .Config.Env}}' busybox",
    .options = image_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_IMAGE,
    .complete = CLI_COMPLETE_IMAGE,
    .run = image_inspect,
};
