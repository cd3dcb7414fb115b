/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_parse.c: template text to tree. Recursive descent over bytes; nesting is bounded. Everything is
 * allocated from blocks that go with the template, so no error path frees anything. */
#include "cli/template_tree.h"

#include "base/parse.h"

#include <math.h>
#include <stdalign.h>
#include <string.h>

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

enum { BLOCK_SIZE = 4096, VARS_MAX = 256 };

struct parser {
    struct template *t;
    const char *s;
    size_t len, at;
    bool trim_next;                 /* the last action ended with -}} */
    unsigned depth, loops;
    const char *vars[VARS_MAX];     /* known here */
    size_t var_count;
    struct creel_err *err;
};

static int nomem(const struct parser *p)
{
    return creel_fail_nomem(p->err);
}

static void *take(struct parser *p, size_t n)
{
    n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = p->t->blocks;
    if (b == NULL || b->size - b->used < n) {
        size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
        b = calloc(1, sizeof *b + size);
        if (b == NULL) {
            (void)nomem(p);
            return NULL;
        }
        b->size = size;
        b->next = p->t->blocks;
        p->t->blocks = b;
    }
    void *m = b->data + b->used;
    b->used += n;
    return m;
}

static const char *take_text(struct parser *p, const char *s, size_t n)
{
    char *m = take(p, n + 1);
    if (m != NULL) {
        memcpy(m, s, n);
        m[n] = '\0';
    }
    return m;
}

static size_t line_of(const struct template *t, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at && i < t->len; i++)
        line += t->source[i] == '\n';
    return line;
}

__attribute__((format(printf, 2, 3))) static int fail(const struct parser *p, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a message may be cut */
    va_end(ap);
    return creel_fail(p->err, CREEL_INVALID, 0, "template: :%zu: %s", line_of(p->t, p->at), text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static char peek(const struct parser *p, size_t off)
{
    return p->at + off < p->len ? p->s[p->at + off] : '\0';
}

static bool looking_at(const struct parser *p, const char *s)
{
    size_t n = strlen(s);
    return p->len - p->at >= n && memcmp(p->s + p->at, s, n) == 0;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->len && is_blank(p->s[p->at]))
        p->at++;
}

/* "}}" or " -}}" (the blank was skipped already). */
static bool at_close(const struct parser *p)
{
    return looking_at(p, "}}") || (looking_at(p, "-}}") && p->at > 0 && is_blank(p->s[p->at - 1]));
}

static int expect_close(struct parser *p)
{
    skip_blanks(p);
    if (p->at >= p->len)
        return fail(p, "unclosed action");
    if (!at_close(p))
        return fail(p, "unexpected \"%.*s\" in action", (int)strcspn(p->s + p->at, " }"), p->s + p->at);
    p->trim_next = p->s[p->at] == '-';
    p->at += p->trim_next ? 3 : 2;
    return 0;
}

static bool word_is(const struct parser *p, const char *word)
{
    size_t n = strlen(word);
    return looking_at(p, word) && !is_word(peek(p, n));
}

static bool eat_word(struct parser *p, const char *word)
{
    if (!word_is(p, word))
        return false;
    p->at += strlen(word);
    return true;
}

/* --- literals --- */

static int add_literal(struct parser *p, struct operand *o, json_t *j)
{
    o->kind = OPERAND_LITERAL;
    o->literal = j;
    if (j == NULL || json_array_append_new(p->t->literals, j) < 0)
        return nomem(p);
    return 0;
}

static void add_utf8(struct bytes *b, uint32_t code)
{
    if (code < 0x80) {
        bytes_addc(b, (char)code);
    } else if (code < 0x800) {
        bytes_addc(b, (char)(0xc0 | (code >> 6)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        bytes_addc(b, (char)(0xe0 | (code >> 12)));
        bytes_addc(b, (char)(0x80 | ((code >> 6) & 0x3f)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    } else {
        bytes_addc(b, (char)(0xf0 | (code >> 18)));
        bytes_addc(b, (char)(0x80 | ((code >> 12) & 0x3f)));
        bytes_addc(b, (char)(0x80 | ((code >> 6) & 0x3f)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_digits(struct parser *p, unsigned count, unsigned base, uint32_t *ret)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < count; i++) {
        int d = hex_value(peek(p, 0));
        if (d < 0 || (unsigned)d >= base)
            return false;
        v = v * base + (unsigned)d;
        p->at++;
    }
    *ret = v;
    return true;
}

/* After a backslash: append what it stands for. */
static int parse_escape(struct parser *p, char quote, struct bytes *b)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    char c = peek(p, 0);
    const char *hit = c == '\0' ? NULL : strchr(letters, c);
    uint32_t code = 0;
    if (hit != NULL || c == quote) {
        p->at++;
        bytes_addc(b, hit != NULL ? values[hit - letters] : quote);
        return 0;
    }
    if (c >= '0' && c <= '7') {
        if (!parse_digits(p, 3, 8, &code) || code > 255)
            return fail(p, "invalid syntax in quoted string");
        bytes_addc(b, (char)code);
        return 0;
    }
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    p->at++;
    if (digits == 0 || !parse_digits(p, digits, 16, &code))
        return fail(p, "invalid syntax in quoted string");
    if (c == 'x')
        bytes_addc(b, (char)code);
    else if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return fail(p, "invalid syntax in quoted string");
    else
        add_utf8(b, code);
    return 0;
}

static int parse_quoted(struct parser *p, char quote, struct bytes *b)
{
    p->at++;
    for (;;) {
        char c = peek(p, 0);
        if (p->at >= p->len || c == '\n')
            return fail(p, quote == '"' ? "unterminated quoted string" : "unterminated character constant");
        p->at++;
        if (c == quote)
            return bytes_ok(b) ? 0 : nomem(p);
        if (c != '\\')
            bytes_addc(b, c);
        else if (parse_escape(p, quote, b) < 0)
            return -1;
    }
}

static int parse_string(struct parser *p, struct operand *o)
{
    auto_bytes b = BYTES_INIT;
    if (peek(p, 0) == '"') {
        if (parse_quoted(p, '"', &b) < 0)
            return -1;
        return add_literal(p, o, value_string(bytes_str(&b), b.len));
    }
    const char *start = p->s + p->at + 1;
    const char *end = memchr(start, '`', p->len - p->at - 1);
    if (end == NULL)
        return fail(p, "unterminated raw quoted string");
    p->at = (size_t)(end - p->s) + 1;
    return add_literal(p, o, value_string(start, (size_t)(end - start)));
}

/* 'x' is a number, as in Go. */
static int parse_char(struct parser *p, struct operand *o)
{
    auto_bytes b = BYTES_INIT;
    if (parse_quoted(p, '\'', &b) < 0)
        return -1;
    const unsigned char *u = (const unsigned char *)bytes_str(&b);
    size_t n = b.len == 0 ? 0 : u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n != b.len)
        return fail(p, "malformed character constant: '%s'", bytes_str(&b));
    uint32_t code = n == 1 ? u[0] : u[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = (code << 6) | (u[i] & 0x3f);
    return add_literal(p, o, json_integer(code));
}

static int parse_number(struct parser *p, struct operand *o)
{
    char text[64];
    size_t n = 0;
    while (is_word(peek(p, n)) || peek(p, n) == '.' ||
           ((peek(p, n) == '+' || peek(p, n) == '-') && (n == 0 || peek(p, n - 1) == 'e' || peek(p, n - 1) == 'E')))
        n++;
    if (n == 0 || n >= sizeof text)
        return fail(p, "bad number syntax: \"%.*s\"", n < 32 ? (int)n : 32, p->s + p->at);
    memcpy(text, p->s + p->at, n);
    text[n] = '\0';
    char *end = NULL;
    errno = 0;
    long long i = strtoll(text, &end, 0);
    if (errno == 0 && end == text + n) {
        p->at += n;
        return add_literal(p, o, json_integer(i));
    }
    errno = 0;
    double d = strtod(text, &end);
    if (errno != 0 || end != text + n || !isfinite(d))
        return fail(p, "bad number syntax: \"%s\"", text);
    p->at += n;
    return add_literal(p, o, json_real(d));
}

/* --- operands and pipelines --- */

static int parse_pipe(struct parser *p, struct template_pipe **ret);

/* The .A.B that follow without a blank. */
static int parse_fields(struct parser *p, struct operand *o)
{
    const char *names[TEMPLATE_ARGS_MAX];
    size_t count = 0;
    while (peek(p, 0) == '.' && is_word(peek(p, 1))) {
        if (count == TEMPLATE_ARGS_MAX)
            return fail(p, "too many fields in a path");
        if (count == 1 || (count == 0 && o->kind != OPERAND_FIELD))
            o->at = p->at; /* Go names the place of the second field */
        size_t n = 1;
        while (is_word(peek(p, n)))
            n++;
        names[count] = take_text(p, p->s + p->at + 1, n - 1);
        if (names[count++] == NULL)
            return -1;
        p->at += n;
    }
    if (count == 0)
        return 0;
    o->fields = take(p, count * sizeof *o->fields);
    if (o->fields == NULL)
        return -1;
    memcpy(o->fields, names, count * sizeof *o->fields);
    o->field_count = count;
    return 0;
}

static int parse_variable(struct parser *p, struct operand *o)
{
    size_t n = 1;
    while (is_word(peek(p, n)))
        n++;
    o->kind = OPERAND_VARIABLE;
    o->name = take_text(p, p->s + p->at, n);
    if (o->name == NULL)
        return -1;
    for (size_t i = p->var_count; i > 0; i--)
        if (strcmp(p->vars[i - 1], o->name) == 0) {
            p->at += n;
            return 0;
        }
    return fail(p, "undefined variable \"%s\"", o->name);
}

static int parse_identifier(struct parser *p, struct operand *o)
{
    size_t n = 0;
    while (is_word(peek(p, n)))
        n++;
    if (word_is(p, "true") || word_is(p, "false")) {
        bool yes = word_is(p, "true");
        p->at += n;
        return add_literal(p, o, json_boolean(yes));
    }
    if (word_is(p, "nil")) {
        p->at += n;
        return add_literal(p, o, json_null());
    }
    o->kind = OPERAND_FUNCTION;
    o->func = template_func_find(p->s + p->at, n);
    if (o->func == NULL)
        return fail(p, "function \"%.*s\" not defined", n < 64 ? (int)n : 64, p->s + p->at);
    p->at += n;
    return 0;
}

static int parse_parenthesis(struct parser *p, struct operand *o)
{
    o->kind = OPERAND_PIPE;
    p->at++;
    if (parse_pipe(p, &o->pipe) < 0)
        return -1;
    skip_blanks(p);
    if (peek(p, 0) != ')')
        return fail(p, p->at >= p->len ? "unclosed action" : "unclosed left paren");
    p->at++;
    return 0;
}

static int parse_base(struct parser *p, struct operand *o)
{
    char c = peek(p, 0);
    if (c == '"' || c == '`')
        return parse_string(p, o);
    if (c == '\'')
        return parse_char(p, o);
    if (c == '$')
        return parse_variable(p, o);
    if (c == '(')
        return parse_parenthesis(p, o);
    if (c == '.' && !(peek(p, 1) >= '0' && peek(p, 1) <= '9')) {
        o->kind = is_word(peek(p, 1)) ? OPERAND_FIELD : OPERAND_DOT;
        p->at += o->kind == OPERAND_DOT;
        return 0;
    }
    if ((c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-')
        return parse_number(p, o);
    if (is_word(c))
        return parse_identifier(p, o);
    if (p->at >= p->len)
        return fail(p, "unclosed action");
    return fail(p, "unexpected \"%c\" in operand", c >= 0x20 && c < 0x7f ? c : '?');
}

static int parse_operand(struct parser *p, struct operand *o)
{
    size_t start = p->at;
    *o = (struct operand){ .at = start };
    if (parse_base(p, o) < 0)
        return -1;
    bool takes_fields = o->kind == OPERAND_FIELD || o->kind == OPERAND_VARIABLE || o->kind == OPERAND_PIPE;
    if (takes_fields && parse_fields(p, o) < 0)
        return -1;
    if (!takes_fields && peek(p, 0) == '.' && o->kind != OPERAND_DOT)
        return fail(p, "unexpected . after term \"%.*s\"", (int)(p->at - start < 64 ? p->at - start : 64),
                    p->s + start);
    o->text = p->s + start;
    o->text_len = p->at - start;
    char c = peek(p, 0);
    if (p->at < p->len && !is_blank(c) && c != ')' && c != '|' && c != ',' && c != '=' && c != ':' && !at_close(p))
        return fail(p, "unexpected \"%c\" in operand", c >= 0x20 && c < 0x7f ? c : '?');
    return 0;
}

static int parse_one_command(struct parser *p, bool first, struct command *ret)
{
    struct operand args[TEMPLATE_ARGS_MAX];
    size_t count = 0, start = p->at;
    while (p->at < p->len && !at_close(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
        if (count == TEMPLATE_ARGS_MAX)
            return fail(p, "too many arguments");
        if (parse_operand(p, &args[count++]) < 0)
            return -1;
        ret->text_len = p->at - start;
        skip_blanks(p);
    }
    if (p->at >= p->len)
        return fail(p, "unclosed action");
    if (count == 0)
        return fail(p, "missing value for command");
    bool callable = args[0].kind != OPERAND_LITERAL && args[0].kind != OPERAND_DOT;
    if (!first && !callable)
        return fail(p, "non executable command in pipeline stage 2");
    ret->args = take(p, count * sizeof args[0]);
    if (ret->args == NULL)
        return -1;
    memcpy(ret->args, args, count * sizeof args[0]);
    ret->count = count;
    ret->text = p->s + start;
    return 0;
}

/* "$a :=", "$a, $b :=", "$a =" in front of a pipeline; leaves `at` alone if there is none. */
static int parse_declaration(struct parser *p, struct template_pipe *pipe)
{
    size_t start = p->at;
    const char *names[2];
    size_t count = 0;
    while (count < 2 && peek(p, 0) == '$') {
        size_t n = 1;
        while (is_word(peek(p, n)))
            n++;
        names[count] = take_text(p, p->s + p->at, n);
        if (names[count++] == NULL)
            return -1;
        p->at += n;
        skip_blanks(p);
        if (peek(p, 0) != ',')
            break;
        p->at++;
        skip_blanks(p);
    }
    bool declare = looking_at(p, ":="), assign = !declare && peek(p, 0) == '=';
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

static int declare_vars(struct parser *p, const struct template_pipe *pipe)
{
    for (size_t i = 0; i < pipe->var_count; i++) {
        bool known = false;
        for (size_t k = 0; k < p->var_count; k++)
            known = known || strcmp(p->vars[k], pipe->vars[i]) == 0;
        if (pipe->assign && !known)
            return fail(p, "undefined variable \"%s\"", pipe->vars[i]);
        if (p->var_count == VARS_MAX)
            return fail(p, "too many variables");
        p->vars[p->var_count++] = pipe->vars[i];
    }
    return 0;
}

static int parse_pipe(struct parser *p, struct template_pipe **ret)
{
    struct command commands[TEMPLATE_ARGS_MAX / 2];
    struct template_pipe *pipe = take(p, sizeof *pipe);
    if (pipe == NULL)
        return -1;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return fail(p, "nested too deeply");
    skip_blanks(p);
    if (parse_declaration(p, pipe) < 0)
        return -1;
    size_t count = 0;
    do {
        p->at += count > 0; /* the bar */
        skip_blanks(p);
        if (count == ARRAY_LEN(commands))
            return fail(p, "too many commands in a pipeline");
        commands[count] = (struct command){ 0 };
        if (parse_one_command(p, count == 0, &commands[count]) < 0)
            return -1;
        count++;
    } while (peek(p, 0) == '|');
    pipe->commands = take(p, count * sizeof commands[0]);
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

static int parse_list(struct parser *p, struct node **ret, enum stop *ret_stop);

static struct node *take_node(struct parser *p, enum node_kind kind)
{
    struct node *n = take(p, sizeof *n);
    if (n != NULL) {
        n->kind = kind;
        n->at = p->at;
    }
    return n;
}

/* if, range, with: the pipeline, the body, and what follows else. */
static int parse_control(struct parser *p, struct node *n)
{
    size_t vars = p->var_count;
    enum stop stop;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return fail(p, "nested too deeply");
    if (parse_pipe(p, &n->pipe) < 0)
        return -1;
    if (n->pipe->var_count == 2 && n->kind != NODE_RANGE)
        return fail(p, "too many declarations");
    if (expect_close(p) < 0)
        return -1;
    p->loops += n->kind == NODE_RANGE;
    int r = parse_list(p, &n->body, &stop);
    p->loops -= n->kind == NODE_RANGE;
    if (r < 0)
        return -1;
    if (stop == STOP_ELSE) {
        skip_blanks(p);
        bool again = (n->kind == NODE_IF && eat_word(p, "if")) || (n->kind == NODE_WITH && eat_word(p, "with"));
        if (again) { /* {{else if x}} … {{end}}: the inner one takes the end */
            n->otherwise = take_node(p, n->kind);
            if (n->otherwise == NULL || parse_control(p, n->otherwise) < 0)
                return -1;
            stop = STOP_END;
        } else if (expect_close(p) < 0 || parse_list(p, &n->otherwise, &stop) < 0) {
            return -1;
        }
    }
    if (stop == STOP_EOF)
        return fail(p, "unexpected EOF");
    if (stop == STOP_ELSE)
        return fail(p, "expected end; found {{else}}");
    p->var_count = vars;
    p->depth--;
    return 0;
}

/* The quoted name of define and template. */
static int parse_name(struct parser *p, const char **ret)
{
    struct operand o = { 0 };
    skip_blanks(p);
    if (peek(p, 0) != '"' && peek(p, 0) != '`')
        return fail(p, "missing name of a template");
    if (parse_string(p, &o) < 0)
        return -1;
    *ret = json_string_value(o.literal);
    return 0;
}

static int parse_define(struct parser *p)
{
    struct define *d = take(p, sizeof *d);
    size_t vars = p->var_count;
    enum stop stop;
    if (d == NULL)
        return -1;
    if (p->depth > 0)
        return fail(p, "unexpected {{define}}");
    if (parse_name(p, &d->name) < 0 || expect_close(p) < 0)
        return -1;
    p->var_count = 1; /* only $ */
    p->depth++;
    if (parse_list(p, &d->body, &stop) < 0)
        return -1;
    p->depth--;
    p->var_count = vars;
    if (stop != STOP_END)
        return fail(p, "unexpected EOF");
    d->next = p->t->defines;
    p->t->defines = d;
    return 0;
}

static int parse_jump(struct parser *p, struct node *n, const char *word)
{
    if (p->loops == 0)
        return fail(p, "{{%s}} outside {{range}}", word);
    n->kind = word[0] == 'b' ? NODE_BREAK : NODE_CONTINUE;
    return expect_close(p);
}

/* After "{{" (and "- "). *ret NULL: nothing to keep (comment, define). */
static int parse_action(struct parser *p, struct node **ret, enum stop *stop)
{
    *ret = NULL;
    *stop = STOP_EOF;
    if (eat_word(p, "end")) {
        *stop = STOP_END;
        return expect_close(p);
    }
    if (eat_word(p, "else")) {
        *stop = STOP_ELSE; /* who opened the list reads on */
        return 0;
    }
    if (eat_word(p, "define"))
        return parse_define(p);
    struct node *n = *ret = take_node(p, NODE_ACTION);
    if (n == NULL)
        return -1;
    if (eat_word(p, "break"))
        return parse_jump(p, n, "break");
    if (eat_word(p, "continue"))
        return parse_jump(p, n, "continue");
    n->kind = eat_word(p, "if")      ? NODE_IF
              : eat_word(p, "range") ? NODE_RANGE
              : eat_word(p, "with")  ? NODE_WITH
                                     : NODE_ACTION;
    if (n->kind != NODE_ACTION)
        return parse_control(p, n);
    if (eat_word(p, "template")) {
        n->kind = NODE_TEMPLATE;
        if (parse_name(p, &n->text) < 0)
            return -1;
        skip_blanks(p);
        if (at_close(p))
            return expect_close(p);
    }
    return parse_pipe(p, &n->pipe) < 0 || expect_close(p) < 0 ? -1 : 0;
}

/* A comment, with its closing braces; *ret says whether it was one. */
static int skip_comment(struct parser *p, bool *ret)
{
    *ret = looking_at(p, "/*");
    if (!*ret)
        return 0;
    const char *end = p->len - p->at < 4 ? NULL : memmem(p->s + p->at + 2, p->len - p->at - 2, "*/", 2);
    if (end == NULL)
        return fail(p, "unclosed comment");
    p->at = (size_t)(end - p->s) + 2;
    skip_blanks(p);
    if (!at_close(p))
        return fail(p, "comment ends before closing delimiter");
    return expect_close(p);
}

/* The text up to the next action, trimmed by both its neighbours. */
static int parse_text(struct parser *p, struct node **ret)
{
    size_t start = p->at;
    const char *open = memmem(p->s + start, p->len - start, "{{", 2);
    size_t end = open == NULL ? p->len : (size_t)(open - p->s);
    p->at = end;
    *ret = NULL;
    if (p->trim_next)
        while (start < end && is_blank(p->s[start]))
            start++;
    p->trim_next = false;
    if (open != NULL && peek(p, 2) == '-' && is_blank(peek(p, 3)))
        while (end > start && is_blank(p->s[end - 1]))
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

static int parse_list(struct parser *p, struct node **ret, enum stop *ret_stop)
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
        if (peek(p, 0) == '-' && is_blank(peek(p, 1)))
            p->at++;
        bool comment;
        skip_blanks(p);
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
    struct parser p = { .t = t, .s = t->source, .len = len, .vars = { "$" }, .var_count = 1, .err = err };
    enum stop stop;
    if (parse_list(&p, &t->body, &stop) < 0)
        return -1;
    if (stop != STOP_EOF)
        return fail(&p, stop == STOP_END ? "unexpected {{end}}" : "unexpected {{else}}");
    *ret = ptr_take(&t);
    return 0;
}

void template_free(struct template *t)
{
    if (t == NULL)
        return;
    while (t->blocks != NULL) {
        struct block *next = t->blocks->next;
        free(t->blocks);
        t->blocks = next;
    }
    json_decref(t->literals);
    free(t->source);
    free(t);
}
