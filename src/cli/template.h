/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template.h: the part of Go's text/template that --format is used with, over JSON documents and over rows of a
 * list.
 *
 * Understood: text, {{- -}} trimming, comments, field paths, variables, pipelines, parentheses, literals, if / else
 * if / else, range (lists, maps in key order, numbers; break, continue, else), with, define and template; the
 * functions and or not eq ne lt le gt ge index slice len print printf println html js urlquery and Docker's json join
 * split lower upper title pad truncate. Not understood: block, method calls other than a row's own, complex numbers.
 * A field that does not exist is an error, as with `docker inspect`. Error texts are those of Go's package. */
#ifndef CREEL_CLI_TEMPLATE_H
#define CREEL_CLI_TEMPLATE_H

#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* What Docker's own types would hold in a field that the JSON document leaves out or has as null: `{{if
 * .State.Health}}` works without a health check because Health is a pointer there. */
enum template_zero {
    TEMPLATE_ZERO_NONE,
    TEMPLATE_ZERO_POINTER,
    TEMPLATE_ZERO_LIST,
    TEMPLATE_ZERO_MAP,
    TEMPLATE_ZERO_STRING,
    TEMPLATE_ZERO_NUMBER,
    TEMPLATE_ZERO_BOOL
};
struct template_field { const char *name; enum template_zero zero; };

/* A row of a list, whose fields are made when they are asked for. */
struct template_row {
    const char *type_name;          /* for error texts: "*formatter.ContainerContext" */
    const char *const *names;       /* fields in the order of {{json .}}; ends with NULL */
    /* A new reference, or NULL: no such field (or out of memory, which then shows as that). */
    json_t *(*field)(void *arg, const char *name);
    /* {{.Label "x"}}: the same for a method with one argument; may be NULL. */
    json_t *(*call)(void *arg, const char *name, const char *argument);
    bool is_header;                 /* the titles of a table: json, join, upper … leave them as they are */
};

struct template_input {
    json_t *json;                       /* borrowed; when `row` is NULL */
    const struct template_row *row;
    void *arg;
    const struct template_field *fields;/* ends with name NULL; NULL: every missing field is an error */
    uint64_t max_steps;                 /* 0: plenty */
};

struct template;
/* INVALID with "template: :1: unclosed action" and the like. */
int template_parse(const char *text, struct template **ret, struct creel_err *err);
/* Appends to `out` (also what came before an error). */
int template_run(const struct template *t, const struct template_input *in, struct bytes *out, struct creel_err *err);
void template_free(struct template *t);

static inline void template_freep(struct template **t) { int e = errno; template_free(*t); *t = NULL; errno = e; }
#define auto_template auto_cleanup(template_freep) struct template

#endif
