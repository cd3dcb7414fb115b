/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_tree.h: a parsed template; shared by template_parse.c, template_run.c and template_func.c only. */
#ifndef CREEL_CLI_TEMPLATE_TREE_H
#define CREEL_CLI_TEMPLATE_TREE_H

#include "cli/template.h"

enum {
    TEMPLATE_TEXT_MAX = 1 << 20,
    TEMPLATE_DEPTH_MAX = 100,
    TEMPLATE_ARGS_MAX = 64,
    TEMPLATE_OUTPUT_MAX = 256 << 20
};

/* A value owns a reference to `json`. */
enum value_kind {
    VALUE_NONE,     /* "<no value>" */
    VALUE_JSON,
    VALUE_ROW,      /* the row of the input */
};
struct value {
    enum value_kind kind;
    json_t *json;
    enum template_zero zero;    /* the declared shape of the field it came from */
};

enum operand_kind { OPERAND_DOT, OPERAND_FIELD, OPERAND_VARIABLE, OPERAND_FUNCTION, OPERAND_LITERAL, OPERAND_PIPE };

struct template_pipe;
struct template_func;
struct operand {
    enum operand_kind kind;
    size_t at;                      /* where errors say it is */
    const char *text;               /* its source, for errors */
    size_t text_len;
    const char *name;               /* variable, with $ */
    const struct template_func *func;
    json_t *literal;                /* owned by the template */
    struct template_pipe *pipe;     /* parenthesised */
    const char **fields;            /* what follows: .A.B */
    size_t field_count;
};
struct command {
    struct operand *args;
    size_t count;
    const char *text;
    size_t text_len;
};
struct template_pipe {
    const char *vars[2];            /* {{$k, $v := …}} */
    size_t var_count;
    bool assign;                    /* = instead of := */
    struct command *commands;
    size_t count;
};

enum node_kind { NODE_TEXT, NODE_ACTION, NODE_IF, NODE_RANGE, NODE_WITH, NODE_TEMPLATE, NODE_BREAK, NODE_CONTINUE };
struct node {
    enum node_kind kind;
    size_t at;
    struct node *next;              /* in its list */
    const char *text;               /* NODE_TEXT, or the name for NODE_TEMPLATE */
    size_t text_len;
    struct template_pipe *pipe;
    struct node *body, *otherwise;
};

struct define {
    const char *name;
    struct node *body;
    struct define *next;
};

struct block;       /* memory that lives as long as the template */
struct template {
    char *source;
    size_t len;
    struct node *body;
    struct define *defines;
    struct block *blocks;
    json_t *literals;               /* array that owns every literal */
};

/* --- values --- */
void value_fini(struct value *v);
static inline struct value value_own(json_t *json)
{
    return (struct value){ json != NULL ? VALUE_JSON : VALUE_NONE, json, TEMPLATE_ZERO_NONE };
}
bool value_true(const struct value *v);
/* As Go's fmt prints with %v. */
void value_print(const struct value *v, struct bytes *out);
void json_print_go(const json_t *j, bool top, struct bytes *out);
const char *value_type(const struct value *v);
/* What a text argument is: strings as they are. Borrowed. NULL if it is no string. */
const char *value_text(const struct value *v, size_t *ret_len);
json_t *value_string(const char *s, size_t len);
json_t *value_string_of(const struct bytes *b);
#define auto_value auto_cleanup(value_fini) struct value

/* --- functions --- */
struct template_func {
    const char *name;
    int min, max;                   /* arguments; max -1 any */
    int (*run)(const struct value *args, size_t count, struct value *ret, struct creel_err *err);
    int lazy;                       /* 1 `and`, 2 `or`: arguments are evaluated as far as needed */
    bool keeps_title;               /* in the header of a table: gives its first argument */
};
const struct template_func *template_func_find(const char *name, size_t len);

#endif
