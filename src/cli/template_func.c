/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_func.c: the functions of templates: those of Go's package and those that Docker adds. */
#include "cli/template_tree.h"

#include "cli/json_out.h"
#include "cli/table.h"
#include "cli/template_printf.h"

#include <ctype.h>
#include <string.h>

enum { PAD_MAX = 4096 };

static int give(struct value *ret, json_t *j, struct creel_err *err)
{
    if (j == NULL)
        return creel_fail_nomem(err);
    *ret = value_own(j);
    return 0;
}

static int give_bytes(struct value *ret, const struct bytes *b, struct creel_err *err)
{
    return give(ret, value_string_of(b), err);
}

static bool is_null(const struct value *v)
{
    return v->kind == VALUE_NONE || (v->kind == VALUE_JSON && json_is_null(v->json));
}

/* The argument as a string, or an error as Go words it. */
static const char *want_text(const struct value *v, size_t *ret_len, struct creel_err *err)
{
    const char *s = value_text(v, ret_len);
    if (s == NULL)
        (void)creel_fail(err, CREEL_INVALID, 0, "wrong type for value; expected string; got %s", value_type(v));
    return s;
}

static int want_int(const struct value *v, json_int_t *ret, struct creel_err *err)
{
    if (v->kind != VALUE_JSON || !json_is_integer(v->json))
        return creel_fail(err, CREEL_INVALID, 0, "wrong type for value; expected int; got %s", value_type(v));
    *ret = json_integer_value(v->json);
    return 0;
}

/* --- logic and comparison --- */

static int run_not(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return give(ret, json_boolean(!value_true(&a[0])), err);
}

enum basic { BASIC_NONE, BASIC_NIL, BASIC_BOOL, BASIC_NUMBER, BASIC_STRING };

static enum basic basic_kind(const struct value *v)
{
    if (is_null(v))
        return v->zero == TEMPLATE_ZERO_STRING ? BASIC_STRING : BASIC_NIL;
    if (v->kind != VALUE_JSON)
        return BASIC_NONE;
    return json_is_boolean(v->json) ? BASIC_BOOL : json_is_number(v->json) ? BASIC_NUMBER
           : json_is_string(v->json) ? BASIC_STRING : BASIC_NONE;
}

/* <0, 0, >0 */
static int order(const struct value *a, const struct value *b, enum basic kind)
{
    if (kind == BASIC_STRING) {
        size_t n, m;
        const char *s = value_text(a, &n), *t = value_text(b, &m);
        int r = memcmp(s, t, n < m ? n : m);
        return r != 0 ? r : n < m ? -1 : n > m;
    }
    if (kind == BASIC_BOOL)
        return json_is_true(a->json) - json_is_true(b->json);
    if (kind != BASIC_NUMBER)
        return 0; /* nil and nil */
    if (json_is_integer(a->json) && json_is_integer(b->json)) {
        json_int_t x = json_integer_value(a->json), y = json_integer_value(b->json);
        return x < y ? -1 : x > y;
    }
    double x = json_number_value(a->json), y = json_number_value(b->json);
    return x < y ? -1 : x > y;
}

static int same(const struct value *a, const struct value *b, bool *ret, struct creel_err *err)
{
    enum basic x = basic_kind(a), y = basic_kind(b);
    if (x == BASIC_NIL || y == BASIC_NIL) {
        *ret = x == y; /* nil differs from everything else */
        return 0;
    }
    if (x == BASIC_NONE || y == BASIC_NONE)
        return creel_fail(err, CREEL_INVALID, 0, "non-comparable type %s", value_type(x == BASIC_NONE ? a : b));
    if (x != y)
        return creel_fail(err, CREEL_INVALID, 0, "incompatible types for comparison");
    *ret = order(a, b, x) == 0;
    return 0;
}

/* eq is true when the first equals any of the others. */
static int run_eq(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    bool equal = false;
    for (size_t i = 1; i < n && !equal; i++)
        if (same(&a[0], &a[i], &equal, err) < 0)
            return -1;
    return give(ret, json_boolean(equal), err);
}

static int run_ne(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    bool equal = false;
    if (same(&a[0], &a[1], &equal, err) < 0)
        return -1;
    return give(ret, json_boolean(!equal), err);
}

static int ordered(const struct value *a, int *ret, struct creel_err *err)
{
    enum basic x = basic_kind(&a[0]), y = basic_kind(&a[1]);
    if ((x != BASIC_NUMBER && x != BASIC_STRING) || (y != BASIC_NUMBER && y != BASIC_STRING))
        return creel_fail(err, CREEL_INVALID, 0, "invalid type for comparison");
    if (x != y)
        return creel_fail(err, CREEL_INVALID, 0, "incompatible types for comparison");
    *ret = order(&a[0], &a[1], x);
    return 0;
}

#define COMPARISON(name, op)                                                                                        \
    static int run_##name(const struct value *a, size_t n, struct value *ret, struct creel_err *err)                \
    {                                                                                                               \
        int r;                                                                                                      \
        return ordered(a, &r, err) < 0 ? -1 : give(ret, json_boolean(r op 0), err);                                 \
    }
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)
#undef COMPARISON

/* --- parts of things --- */

static int index_one(const struct value *from, const struct value *key, struct value *ret, struct creel_err *err)
{
    if (is_null(from)) {
        if (from->zero == TEMPLATE_ZERO_MAP)
            return give(ret, json_string(""), err);
        return creel_fail(err, CREEL_INVALID, 0, "index of untyped nil");
    }
    json_t *j = from->kind == VALUE_JSON ? from->json : NULL;
    if (json_is_object(j)) {
        size_t n;
        const char *k = value_text(key, &n);
        if (k == NULL)
            return creel_fail(err, CREEL_INVALID, 0, "value has type %s; should be string", value_type(key));
        json_t *hit = json_object_getn(j, k, n);
        if (hit == NULL)
            return give(ret, json_string(""), err); /* what a map of strings gives: nothing to see, and false */
        *ret = value_own(json_incref(hit));
        return 0;
    }
    json_int_t i;
    size_t size = json_is_array(j) ? json_array_size(j) : json_is_string(j) ? json_string_length(j) : 0;
    if (!json_is_array(j) && !json_is_string(j))
        return creel_fail(err, CREEL_INVALID, 0, "can't index item of type %s", value_type(from));
    if (key->kind != VALUE_JSON || !json_is_integer(key->json))
        return creel_fail(err, CREEL_INVALID, 0, "cannot index slice/array with type %s", value_type(key));
    i = json_integer_value(key->json);
    if (i < 0 || (size_t)i >= size)
        return creel_fail(err, CREEL_INVALID, 0, "index out of range: %" JSON_INTEGER_FORMAT, i);
    if (json_is_string(j))
        return give(ret, json_integer((unsigned char)json_string_value(j)[i]), err);
    *ret = value_own(json_incref(json_array_get(j, (size_t)i)));
    return 0;
}

static struct value copy(const struct value *v)
{
    struct value r = *v;
    json_incref(r.json);
    return r;
}

static int run_index(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_value now = copy(&a[0]);
    for (size_t i = 1; i < n; i++) {
        struct value next = { 0 };
        if (index_one(&now, &a[i], &next, err) < 0)
            return -1;
        value_fini(&now);
        now = next;
    }
    *ret = now;
    now = (struct value){ 0 };
    return 0;
}

static int run_slice(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    json_t *j = a[0].kind == VALUE_JSON ? a[0].json : NULL;
    if (is_null(&a[0]) && a[0].zero == TEMPLATE_ZERO_NONE)
        return creel_fail(err, CREEL_INVALID, 0, "slice of untyped nil");
    if (!json_is_array(j) && !json_is_string(j) && !is_null(&a[0]))
        return creel_fail(err, CREEL_INVALID, 0, "can't slice item of type %s", value_type(&a[0]));
    json_int_t size = json_is_array(j)    ? (json_int_t)json_array_size(j)
                      : json_is_string(j) ? (json_int_t)json_string_length(j)
                                          : 0;
    json_int_t bounds[3] = { 0, size, size };
    for (size_t i = 1; i < n; i++) {
        if (want_int(&a[i], &bounds[i - 1], err) < 0)
            return -1;
        if (bounds[i - 1] < 0 || bounds[i - 1] > size)
            return creel_fail(err, CREEL_INVALID, 0, "index out of range: %" JSON_INTEGER_FORMAT, bounds[i - 1]);
    }
    if (bounds[0] > bounds[1])
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid slice index: %" JSON_INTEGER_FORMAT " > %" JSON_INTEGER_FORMAT, bounds[0],
                          bounds[1]);
    if (json_is_string(j))
        return give(ret, value_string(json_string_value(j) + bounds[0], (size_t)(bounds[1] - bounds[0])), err);
    json_t *part = json_array();
    for (json_int_t i = bounds[0]; part != NULL && i < bounds[1]; i++)
        if (json_array_append(part, json_array_get(j, (size_t)i)) < 0) {
            json_decref(part);
            part = NULL;
        }
    return give(ret, part, err);
}

static int run_len(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    json_t *j = a[0].kind == VALUE_JSON ? a[0].json : NULL;
    if (json_is_array(j))
        return give(ret, json_integer((json_int_t)json_array_size(j)), err);
    if (json_is_object(j))
        return give(ret, json_integer((json_int_t)json_object_size(j)), err);
    if (json_is_string(j))
        return give(ret, json_integer((json_int_t)json_string_length(j)), err);
    if (is_null(&a[0])) {
        bool known =
            a[0].zero == TEMPLATE_ZERO_LIST || a[0].zero == TEMPLATE_ZERO_MAP || a[0].zero == TEMPLATE_ZERO_STRING;
        return known ? give(ret, json_integer(0), err) : creel_fail(err, CREEL_INVALID, 0, "len of nil pointer");
    }
    return creel_fail(err, CREEL_INVALID, 0, "len of type %s", value_type(&a[0]));
}

/* --- printing --- */

static bool is_string(const struct value *v)
{
    return v->kind == VALUE_JSON && json_is_string(v->json);
}

static void print_arg(const struct value *v, struct bytes *out)
{
    if (is_null(v) && v->zero == TEMPLATE_ZERO_NONE)
        bytes_adds(out, "<nil>");
    else
        value_print(v, out);
}

/* Blanks between operands when neither is a string. */
static int run_print(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !is_string(&a[i - 1]) && !is_string(&a[i]))
            bytes_addc(&b, ' ');
        print_arg(&a[i], &b);
    }
    return give_bytes(ret, &b, err);
}

static int run_println(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            bytes_addc(&b, ' ');
        print_arg(&a[i], &b);
    }
    bytes_addc(&b, '\n');
    return give_bytes(ret, &b, err);
}

static int run_printf(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    size_t len;
    const char *format = want_text(&a[0], &len, err);
    if (format == NULL)
        return -1;
    template_printf(format, len, a + 1, n - 1, &b);
    return give_bytes(ret, &b, err);
}

/* What html, js and urlquery escape is the text of print, byte by byte. */
static int escaped(const struct value *a, size_t n, struct value *ret, void (*escape)(unsigned char c, struct bytes *out),
                   struct creel_err *err)
{
    auto_value text = { 0 };
    auto_bytes b = BYTES_INIT;
    if (run_print(a, n, &text, err) < 0)
        return -1;
    const char *s = json_string_value(text.json);
    for (size_t i = 0; i < json_string_length(text.json); i++)
        escape((unsigned char)s[i], &b);
    return give_bytes(ret, &b, err);
}

static void escape_html(unsigned char c, struct bytes *out)
{
    switch (c) {
    case '"': bytes_adds(out, "&#34;"); break;
    case '\'': bytes_adds(out, "&#39;"); break;
    case '&': bytes_adds(out, "&amp;"); break;
    case '<': bytes_adds(out, "&lt;"); break;
    case '>': bytes_adds(out, "&gt;"); break;
    case '\0': bytes_adds(out, "\xef\xbf\xbd"); break;
    default: bytes_addc(out, (char)c); break;
    }
}

static void escape_js(unsigned char c, struct bytes *out)
{
    if (c == '\\' || c == '\'' || c == '"')
        bytes_addf(out, "\\%c", c);
    else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '=')
        bytes_addf(out, "\\u%04X", c);
    else
        bytes_addc(out, (char)c);
}

static void escape_url(unsigned char c, struct bytes *out)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || (c != 0 && strchr("-_.~", c) != NULL))
        bytes_addc(out, (char)c);
    else if (c == ' ')
        bytes_addc(out, '+');
    else
        bytes_addf(out, "%%%02X", c);
}

static int run_html(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return escaped(a, n, ret, escape_html, err);
}

static int run_js(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return escaped(a, n, ret, escape_js, err);
}

static int run_urlquery(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return escaped(a, n, ret, escape_url, err);
}

/* --- Docker's --- */

static int run_json(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    if (a[0].kind != VALUE_JSON)
        bytes_adds(&b, "null");
    else
        json_out(a[0].json, &b);
    return give_bytes(ret, &b, err);
}

static int run_join(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    size_t len;
    const char *sep = want_text(&a[1], &len, err);
    if (sep == NULL)
        return -1;
    if (!is_null(&a[0]) && (a[0].kind != VALUE_JSON || !json_is_array(a[0].json)))
        return creel_fail(err, CREEL_INVALID, 0, "wrong type for value; expected []string; got %s",
                          value_type(&a[0]));
    for (size_t i = 0; !is_null(&a[0]) && i < json_array_size(a[0].json); i++) {
        if (i > 0)
            bytes_add(&b, sep, len);
        json_print_go(json_array_get(a[0].json, i), false, &b);
    }
    return give_bytes(ret, &b, err);
}

static int run_split(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    size_t len, seplen;
    const char *s = want_text(&a[0], &len, err), *sep = s == NULL ? NULL : want_text(&a[1], &seplen, err);
    if (sep == NULL)
        return -1;
    auto_value list = value_own(json_array());
    if (list.json == NULL)
        return creel_fail_nomem(err);
    for (size_t at = 0;;) {
        int32_t code;
        size_t end = len, next = len;
        const char *hit = seplen > 0 ? memmem(s + at, len - at, sep, seplen) : NULL;
        if (hit != NULL) {
            end = (size_t)(hit - s);
            next = end + seplen;
        } else if (seplen == 0) {
            if (at >= len) /* an empty separator cuts into characters */
                break;
            end = next = at + text_char(s + at, len - at, &code);
        }
        if (json_array_append_new(list.json, value_string(s + at, end - at)) < 0)
            return creel_fail_nomem(err);
        at = next;
        if (hit == NULL && seplen > 0)
            break;
    }
    *ret = list;
    list = (struct value){ 0 };
    return 0;
}

static int letter_case(const struct value *v, int (*first)(int), int (*rest)(int), struct value *ret,
                       struct creel_err *err)
{
    size_t len;
    const char *s = want_text(v, &len, err);
    if (s == NULL)
        return -1;
    auto_bytes b = BYTES_INIT;
    bool start = true;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        int (*f)(int) = start ? first : rest;
        bytes_addc(&b, c < 0x80 && f != NULL ? (char)f(c) : (char)c);
        start = c < 0x80 && !isalnum(c) && c != '_' && c != '\'';
    }
    return give_bytes(ret, &b, err);
}

static int run_lower(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return letter_case(&a[0], tolower, tolower, ret, err);
}

static int run_upper(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return letter_case(&a[0], toupper, toupper, ret, err);
}

static int run_title(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return letter_case(&a[0], toupper, NULL, ret, err);
}

static int run_pad(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    json_int_t before, after;
    size_t len;
    const char *s = want_text(&a[0], &len, err);
    if (s == NULL || want_int(&a[1], &before, err) < 0 || want_int(&a[2], &after, err) < 0)
        return -1;
    if (before < 0 || after < 0 || before > PAD_MAX || after > PAD_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "padding must be between 0 and %d", PAD_MAX);
    auto_bytes b = BYTES_INIT;
    if (len > 0) {
        bytes_addf(&b, "%*s", (int)before, "");
        bytes_add(&b, s, len);
        bytes_addf(&b, "%*s", (int)after, "");
    }
    return give_bytes(ret, &b, err);
}

static int run_truncate(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    json_int_t max;
    size_t len;
    const char *s = want_text(&a[0], &len, err);
    if (s == NULL || want_int(&a[1], &max, err) < 0)
        return -1;
    if (max < 0)
        return creel_fail(err, CREEL_INVALID, 0, "length must not be negative");
    return give(ret, value_string(s, (json_int_t)len < max ? len : (size_t)max), err);
}

static int run_lazy(const struct value *a, size_t n, struct value *ret, struct creel_err *err)
{
    return creel_fail(err, CREEL_INTERNAL, 0, "and, or are evaluated by the runner");
}

/* The last column: in the header of a table the function leaves the title as it is. */
static const struct template_func funcs[] = {
    { "and", 1, -1, run_lazy, 1, false },      { "or", 1, -1, run_lazy, 2, false },
    { "not", 1, 1, run_not, 0, false },        { "eq", 2, -1, run_eq, 0, false },
    { "ne", 2, 2, run_ne, 0, false },          { "lt", 2, 2, run_lt, 0, false },
    { "le", 2, 2, run_le, 0, false },          { "gt", 2, 2, run_gt, 0, false },
    { "ge", 2, 2, run_ge, 0, false },          { "index", 1, -1, run_index, 0, false },
    { "slice", 1, 4, run_slice, 0, false },    { "len", 1, 1, run_len, 0, false },
    { "print", 0, -1, run_print, 0, false },   { "printf", 1, -1, run_printf, 0, false },
    { "println", 0, -1, run_println, 0, false },{ "html", 0, -1, run_html, 0, false },
    { "js", 0, -1, run_js, 0, false },         { "urlquery", 0, -1, run_urlquery, 0, false },
    { "json", 1, 1, run_json, 0, true },       { "join", 2, 2, run_join, 0, true },
    { "split", 2, 2, run_split, 0, true },     { "lower", 1, 1, run_lower, 0, true },
    { "upper", 1, 1, run_upper, 0, true },     { "title", 1, 1, run_title, 0, true },
    { "pad", 3, 3, run_pad, 0, false },        { "truncate", 2, 2, run_truncate, 0, true },
};

const struct template_func *template_func_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
        if (strncmp(funcs[i].name, name, len) == 0 && funcs[i].name[len] == '\0')
            return &funcs[i];
    return NULL;
}
