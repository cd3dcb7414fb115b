/* SPDX-License-Identifier: Apache-2.0 */
/* cli/listing.c: see listing.h. */
#include "cli/listing.h"

#include "cli/table.h"

#include <assert.h>
#include <string.h>

enum { LISTING_MIN_WIDTH = 10 };

static size_t column_of(const struct listing_kind *kind, const char *name)
{
    size_t i = 0;
    while (kind->columns[i].name != NULL && strcmp(kind->columns[i].name, name) != 0)
        i++;
    return i;
}

/* What a template sees of a row. */
struct row_view {
    struct listing *l;
    void *row;
};

static json_t *field(void *arg, const char *name)
{
    struct row_view *v = arg;
    size_t i = column_of(v->l->kind, name);
    if (v->l->kind->columns[i].name == NULL)
        return NULL;
    struct bytes *b = &v->l->scratch;
    bytes_reset(b);
    v->l->kind->print(v->row, i, b);
    if (!v->l->aligned)
        return bytes_ok(b) ? json_stringn_nocheck(bytes_str(b), b->len) : NULL;
    auto_bytes safe = BYTES_INIT; /* a newline or tab would break the table */
    text_escape(&safe, bytes_str(b), b->len, TEXT_ESCAPE_ALL);
    return bytes_ok(b) && bytes_ok(&safe) ? json_stringn_nocheck(bytes_str(&safe), safe.len) : NULL;
}

static json_t *call(void *arg, const char *name, const char *argument)
{
    struct row_view *v = arg;
    return v->l->kind->call == NULL ? NULL : v->l->kind->call(v->row, name, argument);
}

static json_t *title(void *arg, const char *name)
{
    const struct listing *l = ((struct row_view *)arg)->l;
    size_t i = column_of(l->kind, name);
    return json_string(l->kind->columns[i].name == NULL ? "<no value>" : l->kind->columns[i].title);
}

/* {{.Label "x"}} in a header is its argument. */
static json_t *call_title(void *arg, const char *name, const char *argument)
{
    return json_string(argument);
}

static void use_columns(struct listing *l, const char *const *names)
{
    for (l->table_count = 0; names[l->table_count] != NULL; l->table_count++) {
        assert(l->table_count < ARRAY_LEN(l->table_columns));
        l->table_columns[l->table_count] = column_of(l->kind, names[l->table_count]);
        assert(l->kind->columns[l->table_columns[l->table_count]].name != NULL);
    }
}

/* \t and \n are written with a backslash on command lines. */
static char *expand(const char *format)
{
    while (*format == ' ')
        format++;
    size_t len = strlen(format), n = 0;
    while (len > 0 && format[len - 1] == ' ')
        len--;
    char *text = malloc(len + 1);
    for (size_t i = 0; text != NULL && i < len; i++) {
        bool escape = format[i] == '\\' && i + 1 < len && (format[i + 1] == 't' || format[i + 1] == 'n');
        text[n++] = !escape ? format[i] : format[i + 1] == 't' ? '\t' : '\n';
        i += escape;
    }
    if (text != NULL)
        text[n] = '\0';
    return text;
}

static int use_template(struct listing *l, const char *format, struct creel_err *err)
{
    if (strncmp(format, "table", 5) == 0) {
        l->aligned = l->with_header = true;
        format += 5;
    } else if (strcmp(format, "json") == 0) {
        format = "{{json .}}";
    }
    auto_free char *text = expand(format);
    if (text == NULL)
        return creel_fail_nomem(err);
    if (template_parse(text, &l->template, err) < 0)
        return creel_wrap(err, "template parsing error");
    return 0;
}

int listing_begin(struct listing *l, struct cli *c, const struct listing_kind *kind, const char *const *table,
                  const char *format, const char *quiet, struct creel_err *err)
{
    *l = (struct listing){
        .kind = kind, .table = table, .escape = cli_terminal(c), .text = BYTES_INIT, .scratch = BYTES_INIT
    };
    size_t n = 0;
    for (; kind->columns[n].name != NULL; n++) {
        assert(n + 1 < ARRAY_LEN(l->names));
        l->names[n] = kind->columns[n].name;
    }
    l->names[n] = NULL;
    bool plain = format == NULL || format[0] == '\0' || strcmp(format, "table") == 0;
    if (!plain)
        return use_template(l, format, err);
    const char *const only[] = { quiet, NULL };
    l->aligned = true;
    l->with_header = quiet == NULL;
    use_columns(l, quiet != NULL ? only : table);
    return 0;
}

static int run_template(struct listing *l, const struct template_row *view, void *row, struct creel_err *err)
{
    struct row_view v = { l, row };
    const struct template_input in = { .row = view, .arg = &v };
    if (template_run(l->template, &in, &l->text, err) < 0)
        return creel_wrap(err, "failed to execute template");
    bytes_addc(&l->text, '\n');
    return 0;
}

static int add_header(struct listing *l, struct creel_err *err)
{
    l->with_header = false;
    if (l->template != NULL) {
        const struct template_row view = {
            .type_name = "header", .names = l->names, .field = title, .call = call_title, .is_header = true
        };
        return run_template(l, &view, NULL, err);
    }
    for (size_t i = 0; i < l->table_count; i++) {
        if (i > 0)
            bytes_addc(&l->text, '\t');
        bytes_adds(&l->text, l->kind->columns[l->table_columns[i]].title);
    }
    bytes_addc(&l->text, '\n');
    return 0;
}

int listing_row(struct listing *l, void *row, struct creel_err *err)
{
    if (l->with_header && add_header(l, err) < 0)
        return -1;
    if (l->template != NULL) {
        const struct template_row view = {
            .type_name = l->kind->type_name, .names = l->names, .field = field, .call = call
        };
        return run_template(l, &view, row, err);
    }
    for (size_t i = 0; i < l->table_count; i++) {
        if (i > 0)
            bytes_addc(&l->text, '\t');
        bytes_reset(&l->scratch);
        l->kind->print(row, l->table_columns[i], &l->scratch);
        text_escape(&l->text, bytes_str(&l->scratch), l->scratch.len, TEXT_ESCAPE_ALL);
        l->text.failed = l->text.failed || !bytes_ok(&l->scratch);
    }
    bytes_addc(&l->text, '\n');
    return bytes_ok(&l->text) ? 0 : creel_fail_nomem(err);
}

int listing_flush(struct listing *l, struct cli *c, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    if (l->with_header && add_header(l, err) < 0)
        return -1;
    if (l->aligned)
        table_align(&out, bytes_str(&l->text), l->text.len, LISTING_MIN_WIDTH);
    else
        text_escape(&out, bytes_str(&l->text), l->text.len, l->escape ? TEXT_ESCAPE_LINES : TEXT_ESCAPE_NONE);
    if (!bytes_ok(&l->text) || !bytes_ok(&out))
        return creel_fail_nomem(err);
    (void)fwrite(bytes_str(&out), 1, out.len, cli_out(c)); /* main looks at ferror */
    bytes_reset(&l->text);
    return 0;
}

void listing_fini(struct listing *l)
{
    template_free(l->template);
    bytes_fini(&l->text);
    bytes_fini(&l->scratch);
    l->template = NULL;
}
