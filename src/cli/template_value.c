/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_value.c: values of a template: truth, types, and text as Go's fmt prints it with %v. */
#include "cli/template_tree.h"

#include <math.h>
#include <string.h>

void value_fini(struct value *v)
{
    json_decref(v->json);
    v->json = NULL;
    v->kind = VALUE_NONE;
}

bool value_true(const struct value *v)
{
    if (v->kind != VALUE_JSON)
        return v->kind == VALUE_ROW;
    switch (json_typeof(v->json)) {
    case JSON_OBJECT: return json_object_size(v->json) > 0;
    case JSON_ARRAY: return json_array_size(v->json) > 0;
    case JSON_STRING: return json_string_length(v->json) > 0;
    case JSON_INTEGER: return json_integer_value(v->json) != 0;
    case JSON_REAL: return json_real_value(v->json) != 0;
    case JSON_TRUE: return true;
    case JSON_FALSE:
    case JSON_NULL: return false;
    }
    return false;
}

const char *value_type(const struct value *v)
{
    if (v->kind == VALUE_ROW)
        return "struct";
    if (v->kind == VALUE_NONE)
        return "nil";
    switch (json_typeof(v->json)) {
    case JSON_OBJECT: return "map[string]interface {}";
    case JSON_ARRAY: return "[]interface {}";
    case JSON_STRING: return "string";
    case JSON_INTEGER: return "int";
    case JSON_REAL: return "float64";
    case JSON_TRUE:
    case JSON_FALSE: return "bool";
    case JSON_NULL: return "nil";
    }
    return "nil";
}

const char *value_text(const struct value *v, size_t *ret_len)
{
    if (v->kind == VALUE_JSON && json_is_string(v->json)) {
        *ret_len = json_string_length(v->json);
        return json_string_value(v->json);
    }
    *ret_len = 0;
    return v->kind == VALUE_JSON && json_is_null(v->json) && v->zero == TEMPLATE_ZERO_STRING ? "" : NULL;
}

json_t *value_string(const char *s, size_t len)
{
    return json_stringn_nocheck(s, len); /* a template may hold bytes that are not UTF-8 */
}

json_t *value_string_of(const struct bytes *b)
{
    return bytes_ok(b) ? value_string(bytes_str(b), b->len) : NULL;
}

/* The fewest digits that read back as the same number; plain notation for exponents -4 to 20. */
static void real_print(double d, struct bytes *out)
{
    char text[64];
    if (!isfinite(d)) {
        bytes_adds(out, isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf");
        return;
    }
    int digits = 1;
    do
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, d); /* at most 25 characters */
    while (strtod(text, NULL) != d && digits++ < 17);
    const char *e = strchr(text, 'e');
    int exponent = e == NULL ? 0 : (int)strtol(e + 1, NULL, 10);
    if (exponent < -4 || exponent >= 21) {
        bytes_adds(out, text);
        return;
    }
    int decimals = digits - 1 - exponent;
    bytes_addf(out, "%.*f", decimals > 0 ? decimals : 0, d);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void map_print(const json_t *j, struct bytes *out)
{
    size_t n = json_object_size(j), i = 0;
    auto_free const char **keys = calloc(n + 1, sizeof *keys);
    if (keys == NULL) {
        out->failed = true;
        return;
    }
    json_t *object = (json_t *)(uintptr_t)j; /* iteration only reads */
    for (void *it = json_object_iter(object); it != NULL && i < n; it = json_object_iter_next(object, it))
        keys[i++] = json_object_iter_key(it);
    qsort(keys, i, sizeof *keys, compare_keys);
    bytes_adds(out, "map[");
    for (size_t k = 0; k < i; k++) {
        bytes_addf(out, "%s%s:", k > 0 ? " " : "", keys[k]);
        json_print_go(json_object_get(j, keys[k]), false, out);
    }
    bytes_addc(out, ']');
}

void json_print_go(const json_t *j, bool top, struct bytes *out)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT: map_print(j, out); break;
    case JSON_ARRAY:
        bytes_addc(out, '[');
        for (size_t i = 0; i < json_array_size(j); i++) {
            if (i > 0)
                bytes_addc(out, ' ');
            json_print_go(json_array_get(j, i), false, out);
        }
        bytes_addc(out, ']');
        break;
    case JSON_STRING: bytes_add(out, json_string_value(j), json_string_length(j)); break;
    case JSON_INTEGER: bytes_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j)); break;
    case JSON_REAL: real_print(json_real_value(j), out); break;
    case JSON_TRUE: bytes_adds(out, "true"); break;
    case JSON_FALSE: bytes_adds(out, "false"); break;
    case JSON_NULL: bytes_adds(out, top ? "<no value>" : "<nil>"); break;
    }
}

void value_print(const struct value *v, struct bytes *out)
{
    if (v->kind == VALUE_NONE) {
        bytes_adds(out, "<no value>");
        return;
    }
    if (v->kind == VALUE_ROW) {
        bytes_adds(out, "{}");
        return;
    }
    if (!json_is_null(v->json)) {
        json_print_go(v->json, true, out);
        return;
    }
    switch (v->zero) {
    case TEMPLATE_ZERO_POINTER: bytes_adds(out, "<nil>"); break;
    case TEMPLATE_ZERO_LIST: bytes_adds(out, "[]"); break;
    case TEMPLATE_ZERO_MAP: bytes_adds(out, "map[]"); break;
    case TEMPLATE_ZERO_STRING: break;
    case TEMPLATE_ZERO_NUMBER: bytes_addc(out, '0'); break;
    case TEMPLATE_ZERO_BOOL: bytes_adds(out, "false"); break;
    case TEMPLATE_ZERO_NONE: bytes_adds(out, "<no value>"); break;
    }
}
