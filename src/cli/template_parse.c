/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_parse.c: template text to tree. Recursive descent over bytes; nesting is bounded. */
#include "cli/template_scan.h"

#include "base/parse.h"

#include <string.h>

/* --- operands and pipelines --- */

static int parse_pipe(struct template_scan *p, struct template_pipe **ret);

/* The .A.B that follow without a blank. */
static int parse_fields(struct template_scan *p, struct operand *o)
{
    const char *names[TEMPLATE_ARGS_MAX];
    size_t count = 0;
    while (scan_peek(p, 0) == '.' && scan_is_word(scan_peek(p, 1))) {
        if (count == TEMPLATE_ARGS_MAX)
            return scan_fail(p, "too many fields in a path");
        if (count == 1 || (count == 0 && o->kind != OPERAND_FIELD))
            o->at = p->at; /* Go names the place of the second field */
        size_t n = 1;
        while (scan_is_word(scan_peek(p, n)))
            n++;
        names[count] = scan_take_text(p, p->s + p->at + 1, n - 1);
        if (names[count++] == NULL)
            return -1;
        p->at += n;
    }
    if (count == 0)
        return 0;
    o->fields = scan_take(p, count * sizeof *o->fields);
    if (o->fields == NULL)
        return -1;
    memcpy(o->fields, names, count * sizeof *o->fields);
    o->field_count = count;
    return 0;
}

static int parse_variable(struct template_scan *p, struct operand *o)
{
    size_t n = 1;
    while (scan_is_word(scan_peek(p, n)))
        n++;
    o->kind = OPERAND_VARIABLE;
    o->name = scan_take_text(p, p->s + p->at, n);
    if (o->name == NULL)
        return -1;
    for (size_t i = p->var_count; i > 0; i--)
        if (strcmp(p->vars[i - 1], o->name) == 0) {
            p->at += n;
            return 0;
        }
    return scan_fail(p, "undefined variable \"%s\"", o->name);
}

static int parse_identifier(struct template_scan *p, struct operand *o)
{
    size_t n = 0;
    while (scan_is_word(scan_peek(p, n)))
        n++;
    if (scan_word_is(p, "true") || scan_word_is(p, "false")) {
        bool yes = scan_word_is(p, "true");
        p->at += n;
        return literal_add(p, o, json_boolean(yes));
    }
    if (scan_word_is(p, "nil")) {
        p->at += n;
        return literal_add(p, o, json_null());
    }
    o->kind = OPERAND_FUNCTION;
    o->func = template_func_find(p->s + p->at, n);
    if (o->func == NULL)
        return scan_fail(p, "function \"%.*s\" not defined", n < 64 ? (int)n : 64, p->s + p->at);
    p->at += n;
    return 0;
}

static int parse_parenthesis(struct template_scan *p, struct operand *o)
{
    o->kind = OPERAND_PIPE;
    p->at++;
    if (parse_pipe(p, &o->pipe) < 0)
        return -1;
    scan_skip_blanks(p);
    if (scan_peek(p, 0) != ')')
        return scan_fail(p, p->at >= p->len ? "unclosed action" : "unclosed left paren");
    p->at++;
    return 0;
}

static int parse_base(struct template_scan *p, struct operand *o)
{
    char c = scan_peek(p, 0);
    if (c == '"' || c == '`')
        return literal_string(p, o);
    if (c == '\'')
        return literal_char(p, o);
    if (c == '$')
        return parse_variable(p, o);
    if (c == '(')
        return parse_parenthesis(p, o);
    if (c == '.' && !(scan_peek(p, 1) >= '0' && scan_peek(p, 1) <= '9')) {
        o->kind = scan_is_word(scan_peek(p, 1)) ? OPERAND_FIELD : OPERAND_DOT;
        p->at += o->kind == OPERAND_DOT;
        return 0;
    }
    if ((c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-')
        return literal_number(p, o);
    if (scan_is_word(c))
        return parse_identifier(p, o);
    if (p->at >= p->len)
        return scan_fail(p, "unclosed action");
    return scan_fail(p, "unexpected \"%c\" in operand", c >= 0x20 && c < 0x7f ? c : '?');
}

static int parse_operand(struct template_scan *p, struct operand *o)
{
    size_t start = p->at;
    *o = (struct operand){ .at = start };
    if (parse_base(p, o) < 0)
        return -1;
    bool takes_fields = o->kind == OPERAND_FIELD || o->kind == OPERAND_VARIABLE || o->kind == OPERAND_PIPE;
    if (takes_fields && parse_fields(p, o) < 0)
        return -1;
    if (!takes_fields && scan_peek(p, 0) == '.' && o->kind != OPERAND_DOT)
        return scan_fail(p, "unexpected . after term \"%.*s\"", (int)(p->at - start < 64 ? p->at - start : 64),
                         p->s + start);
    o->text = p->s + start;
    o->text_len = p->at - start;
    char c = scan_peek(p, 0);
    if (p->at < p->len && !scan_is_blank(c) && strchr(")|,=:", c) == NULL && !scan_at_close(p))
        return scan_fail(p, "unexpected \"%c\" in operand", c >= 0x20 && c < 0x7f ? c : '?');
    return 0;
}

static int parse_one_command(struct template_scan *p, bool first, struct command *ret)
{
    struct operand args[TEMPLATE_ARGS_MAX];
    size_t count = 0, start = p->at;
    while (p->at < p->len && !scan_at_close(p) && scan_peek(p, 0) != '|' && scan_peek(p, 0) != ')') {
        if (count == TEMPLATE_ARGS_MAX)
            return scan_fail(p, "too many arguments");
        if (parse_operand(p, &args[count++]) < 0)
            return -1;
        ret->text_len = p->at - start;
        scan_skip_blanks(p);
    }
    if (p->at >= p->len)
        return scan_fail(p, "unclosed action");
    if (count == 0)
        return scan_fail(p, "missing value for command");
    bool callable = args[0].kind != OPERAND_LITERAL && args[0].kind != OPERAND_DOT;
    if (!first && !callable)
        return scan_fail(p, "non executable command in pipeline stage 2");
    ret->args = scan_take(p, count * sizeof args[0]);
    if (ret->args == NULL)
        return -1;
    memcpy(ret->args, args, count * sizeof args[0]);
    ret->count = count;
    ret->text = p->s + start;
    return 0;
}

/* "$a :=", "$a, $b :=", "$a =" in front of a pipeline; leaves `at` alone if there is none. */
static int parse_declaration(struct template_scan *p, struct template_pipe *pipe)
{
    size_t start = p->at;
    const char *names[2];
    size_t count = 0;
    while (count < 2 && scan_peek(p, 0) == '$') {
        size_t n = 1;
        while (scan_is_word(scan_peek(p, n)))
            n++;
        names[count] = scan_take_text(p, p->s + p->at, n);
        if (names[count++] == NULL)
            return -1;
        p->at += n;
        scan_skip_blanks(p);
        if (scan_peek(p, 0) != ',')
            break;
        p->at++;
        scan_skip_blanks(p);
    }
    bool declare = scan_looking_at(p, ":="), assign = !declare && scan_peek(p, 0) == '=';
    if (count == 0 || (!declare && !assign)) {
        p->at = start;
        return 0;
    }
    p->at += declare ? 2 : 1;
    for (size_t i = 0; i < count; i++)
        pipe->vars[i] = names[i];
    pipe->var_count = count;
    pipe->assign = assign;
    return 0;
}

static int declare_vars(struct template_scan *p, const struct template_pipe *pipe)
{
    for (size_t i = 0; i < pipe->var_count; i++) {
        bool known = false;
        for (size_t k = 0; k < p->var_count; k++)
            known = known || strcmp(p->vars[k], pipe->vars[i]) == 0;
        if (pipe->assign && !known)
            return scan_fail(p, "undefined variable \"%s\"", pipe->vars[i]);
        if (p->var_count == SCAN_VARS_MAX)
            return scan_fail(p, "too many variables");
        p->vars[p->var_count++] = pipe->vars[i];
    }
    return 0;
}

static int parse_pipe(struct template_scan *p, struct template_pipe **ret)
{
    struct command commands[TEMPLATE_ARGS_MAX / 2];
    struct template_pipe *pipe = scan_take(p, sizeof *pipe);
    if (pipe == NULL)
        return -1;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return scan_fail(p, "nested too deeply");
    scan_skip_blanks(p);
    if (parse_declaration(p, pipe) < 0)
        return -1;
    size_t count = 0;
    do {
        p->at += count > 0; /* the bar */
        scan_skip_blanks(p);
        if (count == ARRAY_LEN(commands))
            return scan_fail(p, "too many commands in a pipeline");
        commands[count] = (struct command){ 0 };
        if (parse_one_command(p, count == 0, &commands[count]) < 0)
            return -1;
        count++;
    } while (scan_peek(p, 0) == '|');
    pipe->commands = scan_take(p, count * sizeof commands[0]);
    if (pipe->commands == NULL)
        return -1;
    memcpy(pipe->commands, commands, count * sizeof commands[0]);
    pipe->count = count;
    p->depth--;
    *ret = pipe;
    return declare_vars(p, pipe);
}

/* --- lists of nodes --- */

/* How a list ended. */
enum stop { STOP_EOF, STOP_END, STOP_ELSE };

static int parse_list(struct template_scan *p, struct node **ret, enum stop *ret_stop);

static struct node *take_node(struct template_scan *p, enum node_kind kind)
{
    struct node *n = scan_take(p, sizeof *n);
    if (n != NULL) {
        n->kind = kind;
        n->at = p->at;
    }
    return n;
}

/* if, range, with: the pipeline, the body, and what follows else. */
static int parse_control(struct template_scan *p, struct node *n)
{
    size_t vars = p->var_count;
    enum stop stop;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return scan_fail(p, "nested too deeply");
    if (parse_pipe(p, &n->pipe) < 0)
        return -1;
    if (n->pipe->var_count == 2 && n->kind != NODE_RANGE)
        return scan_fail(p, "too many declarations");
    if (scan_expect_close(p) < 0)
        return -1;
    p->loops += n->kind == NODE_RANGE;
    int r = parse_list(p, &n->body, &stop);
    p->loops -= n->kind == NODE_RANGE;
    if (r < 0)
        return -1;
    if (stop == STOP_ELSE) {
        scan_skip_blanks(p);
        bool again = (n->kind == NODE_IF && scan_eat_word(p, "if"))
                     || (n->kind == NODE_WITH && scan_eat_word(p, "with"));
        if (again) { /* {{else if x}} … {{end}}: the inner one takes the end */
            n->otherwise = take_node(p, n->kind);
            if (n->otherwise == NULL || parse_control(p, n->otherwise) < 0)
                return -1;
            stop = STOP_END;
        } else if (scan_expect_close(p) < 0 || parse_list(p, &n->otherwise, &stop) < 0) {
            return -1;
        }
    }
    if (stop == STOP_EOF)
        return scan_fail(p, "unexpected EOF");
    if (stop == STOP_ELSE)
        return scan_fail(p, "expected end; found {{else}}");
    p->var_count = vars;
    p->depth--;
    return 0;
}

/* The quoted name of define and template. */
static int parse_name(struct template_scan *p, const char **ret)
{
    struct operand o = { 0 };
    scan_skip_blanks(p);
    if (scan_peek(p, 0) != '"' && scan_peek(p, 0) != '`')
        return scan_fail(p, "missing name of a template");
    if (literal_string(p, &o) < 0)
        return -1;
    *ret = json_string_value(o.literal);
    return 0;
}

static int parse_define(struct template_scan *p)
{
    struct define *d = scan_take(p, sizeof *d);
    size_t vars = p->var_count;
    enum stop stop;
    if (d == NULL)
        return -1;
    if (p->depth > 0)
        return scan_fail(p, "unexpected {{define}}");
    if (parse_name(p, &d->name) < 0 || scan_expect_close(p) < 0)
        return -1;
    p->var_count = 1; /* only $ */
    p->depth++;
    if (parse_list(p, &d->body, &stop) < 0)
        return -1;
    p->depth--;
    p->var_count = vars;
    if (stop != STOP_END)
        return scan_fail(p, "unexpected EOF");
    d->next = p->t->defines;
    p->t->defines = d;
    return 0;
}

static int parse_jump(struct template_scan *p, struct node *n, const char *word)
{
    if (p->loops == 0)
        return scan_fail(p, "{{%s}} outside {{range}}", word);
    n->kind = word[0] == 'b' ? NODE_BREAK : NODE_CONTINUE;
    return scan_expect_close(p);
}

/* After "{{" (and "- "). *ret NULL: nothing to keep (comment, define). */
static int parse_action(struct template_scan *p, struct node **ret, enum stop *stop)
{
    *ret = NULL;
    *stop = STOP_EOF;
    if (scan_eat_word(p, "end")) {
        *stop = STOP_END;
        return scan_expect_close(p);
    }
    if (scan_eat_word(p, "else")) {
        *stop = STOP_ELSE; /* who opened the list reads on */
        return 0;
    }
    if (scan_eat_word(p, "define"))
        return parse_define(p);
    struct node *n = *ret = take_node(p, NODE_ACTION);
    if (n == NULL)
        return -1;
    if (scan_eat_word(p, "break"))
        return parse_jump(p, n, "break");
    if (scan_eat_word(p, "continue"))
        return parse_jump(p, n, "continue");
    n->kind = scan_eat_word(p, "if")      ? NODE_IF
              : scan_eat_word(p, "range") ? NODE_RANGE
              : scan_eat_word(p, "with")  ? NODE_WITH
                                     : NODE_ACTION;
    if (n->kind != NODE_ACTION)
        return parse_control(p, n);
    if (scan_eat_word(p, "template")) {
        n->kind = NODE_TEMPLATE;
        if (parse_name(p, &n->text) < 0)
            return -1;
        scan_skip_blanks(p);
        if (scan_at_close(p))
            return scan_expect_close(p);
    }
    return parse_pipe(p, &n->pipe) < 0 || scan_expect_close(p) < 0 ? -1 : 0;
}

/* A comment, with its closing braces; *ret says whether it was one. */
static int skip_comment(struct template_scan *p, bool *ret)
{
    *ret = scan_looking_at(p, "/*");
    if (!*ret)
        return 0;
    const char *end = p->len - p->at < 4 ? NULL : memmem(p->s + p->at + 2, p->len - p->at - 2, "*/", 2);
    if (end == NULL)
        return scan_fail(p, "unclosed comment");
    p->at = (size_t)(end - p->s) + 2;
    scan_skip_blanks(p);
    if (!scan_at_close(p))
        return scan_fail(p, "comment ends before closing delimiter");
    return scan_expect_close(p);
}

/* The text up to the next action, trimmed by both its neighbours. */
static int parse_text(struct template_scan *p, struct node **ret)
{
    size_t start = p->at;
    const char *open = memmem(p->s + start, p->len - start, "{{", 2);
    size_t end = open == NULL ? p->len : (size_t)(open - p->s);
    p->at = end;
    *ret = NULL;
    if (p->trim_next)
        while (start < end && scan_is_blank(p->s[start]))
            start++;
    p->trim_next = false;
    if (open != NULL && scan_peek(p, 2) == '-' && scan_is_blank(scan_peek(p, 3)))
        while (end > start && scan_is_blank(p->s[end - 1]))
            end--;
    if (start == end)
        return 0;
    struct node *n = *ret = take_node(p, NODE_TEXT);
    if (n == NULL)
        return -1;
    n->text = p->s + start;
    n->text_len = end - start;
    return 0;
}

static int parse_list(struct template_scan *p, struct node **ret, enum stop *ret_stop)
{
    struct node **tail = ret, *n;
    *ret = NULL;
    for (;;) {
        if (parse_text(p, &n) < 0)
            return -1;
        if (n != NULL) {
            *tail = n;
            tail = &n->next;
        }
        if (p->at >= p->len) {
            *ret_stop = STOP_EOF;
            return 0;
        }
        p->at += 2;
        if (scan_peek(p, 0) == '-' && scan_is_blank(scan_peek(p, 1)))
            p->at++;
        bool comment;
        scan_skip_blanks(p);
        if (skip_comment(p, &comment) < 0)
            return -1;
        if (comment)
            continue;
        if (parse_action(p, &n, ret_stop) < 0)
            return -1;
        if (*ret_stop != STOP_EOF)
            return 0;
        if (n != NULL) {
            *tail = n;
            tail = &n->next;
        }
    }
}

int template_parse(const char *text, struct template **ret, struct creel_err *err)
{
    size_t len = strlen(text);
    if (len > TEMPLATE_TEXT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the template is longer than %d bytes", TEMPLATE_TEXT_MAX);
    auto_template *t = calloc(1, sizeof *t);
    if (t == NULL)
        return creel_fail_nomem(err);
    t->source = strdup(text);
    t->len = len;
    t->literals = json_array();
    if (t->source == NULL || t->literals == NULL)
        return creel_fail_nomem(err);
    struct template_scan p = { .t = t, .s = t->source, .len = len, .vars = { "$" }, .var_count = 1, .err = err };
    enum stop stop;
    if (parse_list(&p, &t->body, &stop) < 0)
        return -1;
    if (stop != STOP_EOF)
        return scan_fail(&p, stop == STOP_END ? "unexpected {{end}}" : "unexpected {{else}}");
    *ret = ptr_take(&t);
    return 0;
}

void template_free(struct template *t)
{
    if (t == NULL)
        return;
    scan_free(t);
    json_decref(t->literals);
    free(t->source);
    free(t);
}
