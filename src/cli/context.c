/* SPDX-License-Identifier: Apache-2.0 */
/* cli/context.c: what a command gets from the program: the engine, a place for results, one way to report errors. */
#include "cli/cli.h"

#include "cli/table.h"

#include <stdarg.h>
#include <string.h>

void cli_init(struct cli *c, const struct cli_table *table, FILE *out, FILE *err)
{
    *c = (struct cli){ .table = *table, .out = out, .err = err };
    c->out_is_terminal = isatty(fileno(out)) == 1;
    c->err_is_terminal = isatty(fileno(err)) == 1;
    const char *no = getenv("NO_COLOR");
    c->color = c->out_is_terminal && (no == NULL || no[0] == '\0');
}

void cli_fini(struct cli *c)
{
    size_t n = c->command == NULL || c->values == NULL ? 0 : cli_option_count(c->command->options);
    for (size_t i = 0; i < n; i++)
        strv_fini(&c->values[i].list);
    free(c->values);
    for (size_t i = 0; i < CLI_GLOBAL_MAX; i++)
        strv_fini(&c->global[i].list);
    strv_fini(&c->args);
    creel_close(c->engine);
    *c = (struct cli){ .out = c->out, .err = c->err };
}

static struct creel *open_engine(struct cli *c, bool will_start)
{
    if (c->engine != NULL)
        return c->engine;
    const struct creel_options o = { .size = sizeof o,
                                     .root = cli_string(c, "root"),
                                     .run_root = cli_string(c, "run-root"),
                                     .cgroup_manager = cli_string(c, "cgroup-manager"),
                                     .will_start = will_start };
    struct creel_err err = { 0 };
    if (creel_open(&o, &c->engine, &err) < 0) {
        (void)cli_fail(c, &err);
        c->engine = NULL;
    }
    return c->engine;
}

struct creel *cli_engine(struct cli *c)
{
    return open_engine(c, false);
}

struct creel *cli_engine_to_start(struct cli *c)
{
    return open_engine(c, true);
}

FILE *cli_out(struct cli *c)
{
    return c->out;
}

bool cli_flush(struct cli *c)
{
    if (fflush(c->out) == 0 && !ferror(c->out))
        return true;
    if (c->out_error == 0)
        c->out_error = errno;
    return false;
}

bool cli_terminal(const struct cli *c)
{
    return c->out_is_terminal;
}

bool cli_color(const struct cli *c)
{
    return c->color;
}

/* Results that were printed before the error come out first. */
static void say(struct cli *c, const char *prefix, const char *text)
{
    auto_bytes line = BYTES_INIT;
    (void)cli_flush(c); /* a failure shows at the end */
    bytes_adds(&line, prefix);
    text_escape(&line, text, strlen(text), TEXT_ESCAPE_ALL);
    bytes_addc(&line, '\n');
    if (bytes_ok(&line))
        (void)fwrite(line.data, 1, line.len, c->err); /* nowhere else to complain */
    (void)fflush(c->err);
}

int cli_error(struct cli *c, int code, const char *fmt, ...)
{
    auto_bytes text = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    bytes_vaddf(&text, fmt, ap);
    va_end(ap);
    say(c, "creel: ", bytes_ok(&text) ? bytes_str(&text) : "out of memory");
    return code;
}

static void say_err(struct cli *c, const struct creel_err *err)
{
    const char *text = err->text[0] != '\0' ? err->text : "unknown error";
    if (cli_flag(c, "debug"))
        (void)cli_error(c, 1, "%s [%s, errno %d]", text, creel_kind_name(err->kind), err->sys);
    else
        say(c, "creel: ", text);
}

int cli_fail(struct cli *c, const struct creel_err *err)
{
    say_err(c, err);
    return 1;
}

int cli_fail_run(struct cli *c, const struct creel_err *err)
{
    say_err(c, err);
    if (err->kind == CREEL_CANNOT_INVOKE)
        return 126;
    if (err->kind == CREEL_NO_COMMAND)
        return 127;
    return 125;
}

int cli_each(struct cli *c, int (*each)(struct cli *c, struct creel *e, const char *ref, struct creel_err *err))
{
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    int code = 0;
    for (size_t i = 0; i < c->args.count; i++) {
        struct creel_err err = { 0 };
        if (each(c, e, c->args.items[i], &err) < 0)
            code = cli_fail(c, &err);
        else
            (void)fprintf(c->out, "%s\n", c->args.items[i]); /* main looks at ferror */
    }
    return code;
}
