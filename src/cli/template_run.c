/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_run.c: executing a parsed template. Values are counted references, so nothing of the document is
 * copied. Bounds: nesting of {{template}}, variables, steps and output; a template cannot run for ever. */
#include "cli/template_tree.h"

#include <string.h>

enum { RUN_VARS_MAX = 512 };
#define RUN_STEPS_MAX ((uint64_t)1 << 32)

/* What a list of nodes says to the loop around it. */
enum flow { FLOW_FAILED = -1, FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

struct run {
    const struct template *t;
    const struct template_input *in;
    struct bytes *out;
    struct creel_err *err;
    const char *name;               /* of the template that runs, for errors */
    struct { const char *name; struct value value; } vars[RUN_VARS_MAX];
    size_t var_count;
    uint64_t steps, max_steps;
    unsigned depth;
};

__attribute__((format(printf, 5, 6))) static int fail(const struct run *r, size_t at, const char *text, size_t len,
                                                     const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap); /* a message may be cut */
    va_end(ap);
    size_t line = 1, start = 0;
    for (size_t i = 0; i < at && i < r->t->len; i++)
        if (r->t->source[i] == '\n') {
            line++;
            start = i + 1;
        }
    return creel_fail(r->err, CREEL_INVALID, 0, "template: :%zu:%zu: executing \"%s\" at <%.*s>: %s", line,
                      at - start, r->name, len < 200 ? (int)len : 200, text, what);
}

static int fail_at(const struct run *r, const struct operand *o, const char *what, const char *more)
{
    return fail(r, o->at, o->text, o->text_len, "%s%s", what, more);
}

static struct value copy(const struct value *v)
{
    struct value c = *v;
    json_incref(c.json);
    return c;
}

static enum template_zero zero_of(const struct run *r, const char *name)
{
    for (const struct template_field *f = r->in->fields; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f->zero;
    return TEMPLATE_ZERO_NONE;
}

/* --- fields --- */

static json_t *zero_json(enum template_zero zero)
{
    switch (zero) {
    case TEMPLATE_ZERO_STRING: return json_string("");
    case TEMPLATE_ZERO_NUMBER: return json_integer(0);
    case TEMPLATE_ZERO_BOOL: return json_false();
    case TEMPLATE_ZERO_NONE:
    case TEMPLATE_ZERO_POINTER:
    case TEMPLATE_ZERO_LIST:
    case TEMPLATE_ZERO_MAP: return json_null();
    }
    return json_null();
}

static int row_field(const struct run *r, const struct operand *o, const char *name, struct value *ret)
{
    json_t *j = r->in->row->field(r->in->arg, name);
    if (j == NULL)
        return fail(r, o->at, o->text, o->text_len, "can't evaluate field %s in type %s", name,
                    r->in->row->type_name);
    *ret = value_own(j);
    return 0;
}

static int object_field(const struct run *r, const struct operand *o, const struct value *v, const char *name,
                        struct value *ret)
{
    json_t *j = json_object_get(v->json, name);
    enum template_zero zero = zero_of(r, name);
    if (j != NULL) {
        *ret = (struct value){ VALUE_JSON, json_incref(j), zero };
        return 0;
    }
    if (v->zero == TEMPLATE_ZERO_MAP) { /* a map of names that users choose: nothing there is no mistake */
        *ret = (struct value){ 0 };
        return 0;
    }
    if (zero == TEMPLATE_ZERO_NONE)
        return fail(r, o->at, o->text, o->text_len, "map has no entry for key \"%s\"", name);
    *ret = (struct value){ VALUE_JSON, zero_json(zero), zero };
    return ret->json == NULL ? creel_fail_nomem(r->err) : 0;
}

static int field(const struct run *r, const struct operand *o, const struct value *v, const char *name,
                 struct value *ret)
{
    if (v->kind == VALUE_ROW)
        return row_field(r, o, name, ret);
    if (v->kind == VALUE_JSON && json_is_object(v->json))
        return object_field(r, o, v, name, ret);
    if (v->kind == VALUE_JSON && json_is_null(v->json)) {
        if (v->zero == TEMPLATE_ZERO_MAP) {
            *ret = (struct value){ 0 };
            return 0;
        }
        return fail(r, o->at, o->text, o->text_len, "nil pointer evaluating field %s", name);
    }
    return fail(r, o->at, o->text, o->text_len, "can't evaluate field %s in type %s", name, value_type(v));
}

/* --- pipelines --- */

static int eval_pipe(struct run *r, const struct value *dot, const struct template_pipe *pipe, struct value *ret);

static int step(struct run *r)
{
    if (++r->steps > r->max_steps || r->out->len > TEMPLATE_OUTPUT_MAX)
        return creel_fail(r->err, CREEL_EXHAUSTED, 0, "the template runs too long or prints too much");
    return 0;
}

static int variable(const struct run *r, const struct operand *o, struct value *ret)
{
    for (size_t i = r->var_count; i > 0; i--)
        if (strcmp(r->vars[i - 1].name, o->name) == 0) {
            *ret = copy(&r->vars[i - 1].value);
            return 0;
        }
    return fail_at(r, o, "undefined variable: ", o->name);
}

static int eval_function(struct run *r, const struct value *dot, const struct command *cmd, const struct value *final,
                         struct value *ret);

static int eval_base(struct run *r, const struct value *dot, const struct operand *o, struct value *ret)
{
    switch (o->kind) {
    case OPERAND_DOT:
    case OPERAND_FIELD: *ret = copy(dot); return 0;
    case OPERAND_VARIABLE: return variable(r, o, ret);
    case OPERAND_LITERAL: *ret = value_own(json_incref(o->literal)); return 0;
    case OPERAND_PIPE: return eval_pipe(r, dot, o->pipe, ret);
    case OPERAND_FUNCTION: {
        struct operand only = *o; /* as an argument: called without any */
        struct command cmd = { .args = &only, .count = 1, .text = o->text, .text_len = o->text_len };
        return eval_function(r, dot, &cmd, NULL, ret);
    }
    }
    return fail_at(r, o, "unknown operand", "");
}

static int eval_operand(struct run *r, const struct value *dot, const struct operand *o, struct value *ret)
{
    auto_value now = { 0 };
    if (step(r) < 0 || eval_base(r, dot, o, &now) < 0)
        return -1;
    for (size_t i = 0; i < o->field_count; i++) {
        struct value next = { 0 };
        if (now.kind == VALUE_NONE)
            return fail_at(r, o, "nil data; no entry for key ", o->fields[i]);
        if (field(r, o, &now, o->fields[i], &next) < 0)
            return -1;
        value_fini(&now);
        now = next;
    }
    *ret = now;
    now = (struct value){ 0 };
    return 0;
}

/* `and` and `or` give the first argument that decides, and evaluate no more than that. */
static int eval_lazy(struct run *r, const struct value *dot, const struct command *cmd, const struct value *final,
                     struct value *ret)
{
    bool stop_at = cmd->args[0].func->lazy == 2;
    for (size_t i = 1; i < cmd->count; i++) {
        auto_value v = { 0 };
        if (eval_operand(r, dot, &cmd->args[i], &v) < 0)
            return -1;
        if (value_true(&v) == stop_at || (i + 1 == cmd->count && final == NULL)) {
            *ret = v;
            v = (struct value){ 0 };
            return 0;
        }
    }
    *ret = copy(final);
    return 0;
}

/* {{json .}} of a row: all its fields. */
static int row_object(const struct run *r, struct value *v)
{
    auto_value object = value_own(json_object());
    for (const char *const *name = r->in->row->names; object.json != NULL && *name != NULL; name++)
        if (json_object_set_new(object.json, *name, r->in->row->field(r->in->arg, *name)) < 0)
            return creel_fail_nomem(r->err);
    if (object.json == NULL)
        return creel_fail_nomem(r->err);
    value_fini(v);
    *v = object;
    object = (struct value){ 0 };
    return 0;
}

static int call(struct run *r, const struct command *cmd, struct value *args, size_t count, struct value *ret)
{
    const struct template_func *f = cmd->args[0].func;
    struct creel_err err = { 0 };
    if (count < (size_t)f->min || (f->max >= 0 && count > (size_t)f->max)) {
        if (f->min == f->max)
            return fail(r, cmd->args[0].at, f->name, strlen(f->name), "wrong number of args for %s: want %d got %zu",
                        f->name, f->min, count);
        return fail(r, cmd->args[0].at, f->name, strlen(f->name),
                    "wrong number of args for %s: want at least %d got %zu", f->name, f->min, count);
    }
    if (f->keeps_title && r->in->row != NULL && r->in->row->is_header) {
        *ret = copy(&args[0]);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (args[i].kind == VALUE_ROW && row_object(r, &args[i]) < 0)
            return -1;
    if (f->run(args, count, ret, &err) < 0)
        return fail(r, cmd->args[0].at, cmd->text, cmd->text_len, "error calling %s: %s", f->name, err.text);
    return 0;
}

static int eval_function(struct run *r, const struct value *dot, const struct command *cmd, const struct value *final,
                         struct value *ret)
{
    if (cmd->args[0].func->lazy != 0 && cmd->count > 1)
        return eval_lazy(r, dot, cmd, final, ret);
    struct value args[TEMPLATE_ARGS_MAX + 1] = { 0 };
    size_t count = 0;
    int result = 0;
    for (size_t i = 1; i < cmd->count && result == 0; i++) {
        result = eval_operand(r, dot, &cmd->args[i], &args[count]);
        count += result == 0;
    }
    if (final != NULL && result == 0)
        args[count++] = copy(final);
    if (result == 0)
        result = call(r, cmd, args, count, ret);
    for (size_t i = 0; i < count; i++)
        value_fini(&args[i]);
    return result;
}

/* {{.Label "x"}}: the one thing that looks like a method. */
static int eval_method(struct run *r, const struct value *dot, const struct command *cmd, const struct value *final,
                       struct value *ret)
{
    const struct operand *o = &cmd->args[0];
    const char *name = o->field_count > 0 ? o->fields[o->field_count - 1] : NULL;
    bool on_row = o->field_count == 1 && r->in->row != NULL && r->in->row->call != NULL &&
                  (o->kind == OPERAND_FIELD ? dot->kind == VALUE_ROW : o->kind == OPERAND_VARIABLE);
    if (name == NULL)
        return fail(r, o->at, o->text, o->text_len, "can't give argument to non-function %.*s",
                    o->text_len < 64 ? (int)o->text_len : 64, o->text);
    if (!on_row || cmd->count + (final != NULL) != 2)
        return fail(r, o->at, o->text, o->text_len, "%s has arguments but cannot be invoked as function", name);
    auto_value arg = { 0 };
    if (final != NULL)
        arg = copy(final);
    else if (eval_operand(r, dot, &cmd->args[1], &arg) < 0)
        return -1;
    size_t len;
    const char *text = value_text(&arg, &len);
    if (text == NULL)
        return fail(r, o->at, o->text, o->text_len, "wrong type for value; expected string; got %s",
                    value_type(&arg));
    json_t *j = r->in->row->call(r->in->arg, name, text);
    if (j == NULL)
        return fail(r, o->at, o->text, o->text_len, "%s has arguments but cannot be invoked as function", name);
    *ret = value_own(j);
    return 0;
}

static int eval_command(struct run *r, const struct value *dot, const struct command *cmd, const struct value *final,
                        struct value *ret)
{
    const struct operand *o = &cmd->args[0];
    if (o->kind == OPERAND_FUNCTION)
        return eval_function(r, dot, cmd, final, ret);
    if (cmd->count > 1 || final != NULL)
        return eval_method(r, dot, cmd, final, ret);
    if (o->kind == OPERAND_LITERAL && json_is_null(o->literal))
        return fail_at(r, o, "nil is not a command", "");
    return eval_operand(r, dot, o, ret);
}

static int set_variable(struct run *r, const char *name, bool assign, const struct value *v)
{
    for (size_t i = r->var_count; assign && i > 0; i--)
        if (strcmp(r->vars[i - 1].name, name) == 0) {
            value_fini(&r->vars[i - 1].value);
            r->vars[i - 1].value = copy(v);
            return 0;
        }
    if (r->var_count == RUN_VARS_MAX)
        return creel_fail(r->err, CREEL_EXHAUSTED, 0, "the template has too many variables");
    r->vars[r->var_count].name = name;
    r->vars[r->var_count++].value = copy(v);
    return 0;
}

static void pop_variables(struct run *r, size_t mark)
{
    while (r->var_count > mark)
        value_fini(&r->vars[--r->var_count].value);
}

/* The value of the last command; variables are the caller's business for range. */
static int eval_commands(struct run *r, const struct value *dot, const struct template_pipe *pipe, struct value *ret)
{
    auto_value now = { 0 };
    for (size_t i = 0; i < pipe->count; i++) {
        struct value next = { 0 };
        if (eval_command(r, dot, &pipe->commands[i], i > 0 ? &now : NULL, &next) < 0)
            return -1;
        value_fini(&now);
        now = next;
    }
    *ret = now;
    now = (struct value){ 0 };
    return 0;
}

static int eval_pipe(struct run *r, const struct value *dot, const struct template_pipe *pipe, struct value *ret)
{
    auto_value v = { 0 };
    if (eval_commands(r, dot, pipe, &v) < 0)
        return -1;
    for (size_t i = 0; i < pipe->var_count; i++)
        if (set_variable(r, pipe->vars[i], pipe->assign, &v) < 0)
            return -1;
    *ret = v;
    v = (struct value){ 0 };
    return 0;
}

/* --- nodes --- */

static enum flow run_list(struct run *r, const struct value *dot, const struct node *n);

static enum flow run_scoped(struct run *r, const struct value *dot, const struct node *list)
{
    size_t mark = r->var_count;
    enum flow flow = run_list(r, dot, list);
    pop_variables(r, mark);
    return flow;
}

static enum flow run_condition(struct run *r, const struct value *dot, const struct node *n)
{
    size_t mark = r->var_count;
    auto_value v = { 0 };
    enum flow flow = FLOW_FAILED;
    if (eval_pipe(r, dot, n->pipe, &v) == 0) {
        if (value_true(&v))
            flow = run_list(r, n->kind == NODE_WITH ? &v : dot, n->body);
        else
            flow = run_list(r, dot, n->otherwise);
    }
    pop_variables(r, mark);
    return flow;
}

/* One turn of a range, with its variables. `key` is an index or a map's key. */
static enum flow run_turn(struct run *r, const struct node *n, json_t *key, json_t *element, enum template_zero zero)
{
    size_t mark = r->var_count;
    auto_value k = value_own(key), v = { VALUE_JSON, element, zero };
    const struct template_pipe *p = n->pipe;
    enum flow flow = FLOW_FAILED;
    if (key == NULL || element == NULL)
        return (void)creel_fail_nomem(r->err), FLOW_FAILED;
    if (step(r) < 0)
        return FLOW_FAILED;
    int ok = p->var_count == 0 ? 0 : p->var_count == 1 ? set_variable(r, p->vars[0], p->assign, &v)
             : set_variable(r, p->vars[0], p->assign, &k) < 0 ? -1 : set_variable(r, p->vars[1], p->assign, &v);
    if (ok == 0)
        flow = run_list(r, &v, n->body);
    pop_variables(r, mark);
    return flow;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum flow range_object(struct run *r, const struct node *n, json_t *j)
{
    size_t count = json_object_size(j), i = 0;
    auto_free const char **keys = calloc(count + 1, sizeof *keys);
    enum flow flow = FLOW_NEXT;
    if (keys == NULL)
        return (void)creel_fail_nomem(r->err), FLOW_FAILED;
    for (void *it = json_object_iter(j); it != NULL && i < count; it = json_object_iter_next(j, it))
        keys[i++] = json_object_iter_key(it);
    qsort(keys, i, sizeof *keys, compare_keys);
    for (size_t k = 0; k < i && flow != FLOW_FAILED && flow != FLOW_BREAK; k++)
        flow = run_turn(r, n, value_string(keys[k], strlen(keys[k])), json_incref(json_object_get(j, keys[k])),
                        TEMPLATE_ZERO_NONE);
    return flow == FLOW_FAILED ? flow : FLOW_NEXT;
}

static enum flow run_range(struct run *r, const struct value *dot, const struct node *n)
{
    auto_value v = { 0 };
    enum flow flow = FLOW_NEXT;
    if (eval_commands(r, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    json_t *j = v.kind == VALUE_JSON ? v.json : NULL;
    bool can = json_is_array(j) || json_is_object(j) || json_is_null(j) || json_is_integer(j) || v.kind == VALUE_NONE;
    if (!can) {
        const struct command *c = &n->pipe->commands[n->pipe->count - 1];
        auto_bytes text = BYTES_INIT;
        value_print(&v, &text);
        (void)fail(r, c->args[0].at, c->text, c->text_len, "range can't iterate over %.100s", bytes_str(&text));
        return FLOW_FAILED;
    }
    if (!value_true(&v))
        return run_scoped(r, dot, n->otherwise);
    if (json_is_object(j))
        return range_object(r, n, j);
    json_int_t count = json_is_integer(j) ? json_integer_value(j) : (json_int_t)json_array_size(j);
    for (json_int_t i = 0; i < count && flow != FLOW_FAILED && flow != FLOW_BREAK; i++)
        flow = run_turn(r, n, json_integer(i),
                        json_is_array(j) ? json_incref(json_array_get(j, (size_t)i)) : json_integer(i),
                        TEMPLATE_ZERO_NONE);
    return flow == FLOW_FAILED ? flow : FLOW_NEXT;
}

static enum flow run_template(struct run *r, const struct value *dot, const struct node *n)
{
    const struct define *d = r->t->defines;
    while (d != NULL && strcmp(d->name, n->text) != 0)
        d = d->next;
    if (d == NULL) {
        (void)fail(r, n->at, "{{template}}", 12, "template \"%s\" not defined", n->text);
        return FLOW_FAILED;
    }
    if (++r->depth > TEMPLATE_DEPTH_MAX) {
        (void)fail(r, n->at, "{{template}}", 12, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
        return FLOW_FAILED;
    }
    auto_value v = { 0 };
    if (n->pipe != NULL && eval_pipe(r, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    size_t mark = r->var_count;
    const char *outer = r->name;
    r->name = d->name;
    enum flow flow = set_variable(r, "$", false, &v) < 0 ? FLOW_FAILED : run_list(r, &v, d->body);
    r->name = outer;
    pop_variables(r, mark);
    r->depth--;
    return flow == FLOW_FAILED ? flow : FLOW_NEXT;
}

static enum flow run_node(struct run *r, const struct value *dot, const struct node *n)
{
    switch (n->kind) {
    case NODE_TEXT: bytes_add(r->out, n->text, n->text_len); return FLOW_NEXT;
    case NODE_BREAK: return FLOW_BREAK;
    case NODE_CONTINUE: return FLOW_CONTINUE;
    case NODE_IF:
    case NODE_WITH: return run_condition(r, dot, n);
    case NODE_RANGE: return run_range(r, dot, n);
    case NODE_TEMPLATE: return run_template(r, dot, n);
    case NODE_ACTION: {
        auto_value v = { 0 };
        if (eval_pipe(r, dot, n->pipe, &v) < 0)
            return FLOW_FAILED;
        if (n->pipe->var_count == 0)
            value_print(&v, r->out);
        return FLOW_NEXT;
    }
    }
    return FLOW_FAILED;
}

static enum flow run_list(struct run *r, const struct value *dot, const struct node *n)
{
    enum flow flow = FLOW_NEXT;
    for (; n != NULL && flow == FLOW_NEXT; n = n->next)
        flow = step(r) < 0 ? FLOW_FAILED : run_node(r, dot, n);
    return flow;
}

int template_run(const struct template *t, const struct template_input *in, struct bytes *out, struct creel_err *err)
{
    struct run r;
    r.t = t;
    r.in = in;
    r.out = out;
    r.err = err;
    r.name = "";
    r.var_count = 0;
    r.steps = 0;
    r.max_steps = in->max_steps > 0 ? in->max_steps : RUN_STEPS_MAX;
    r.depth = 0;
    auto_value root = { .kind = in->row != NULL ? VALUE_ROW : VALUE_JSON,
                        .json = in->row != NULL ? NULL : json_incref(in->json) };
    int result = set_variable(&r, "$", false, &root);
    if (result == 0)
        result = run_list(&r, &root, t->body) == FLOW_FAILED ? -1 : 0;
    pop_variables(&r, 0);
    if (result == 0 && !bytes_ok(out))
        return creel_fail_nomem(err);
    return result;
}
