/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    DOCUMENT_MAX = 16 << 20,
    WHERE_MAX = 256,        /* longer names of nested members are cut in messages only */
};

int schema_parse(const char *what, const char *text, size_t len, json_t **ret, struct creel_err *err)
{
    json_error_t at;
    if (len > DOCUMENT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%s is %zu bytes long, the limit is %d", what, len, DOCUMENT_MAX);
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (root == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "%s is not valid JSON: %s (line %d, column %d)", what, at.text, at.line,
                          at.column);
    if (!json_is_object(root)) {
        json_decref(root);
        return creel_fail(err, CREEL_INVALID, 0, "%s must be a JSON object", what);
    }
    *ret = root;
    return 0;
}

const struct schema_field *schema_find(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcasecmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    return NULL;
}

static const char *kind_words(enum schema_kind kind)
{
    switch (kind) {
    case SCHEMA_STRING:
        return "a string";
    case SCHEMA_BOOL:
        return "true or false";
    case SCHEMA_INT:
        return "a whole number";
    case SCHEMA_STRINGS:
        return "a list of strings";
    case SCHEMA_COMMAND:
        return "a string or a list of strings";
    case SCHEMA_STRING_MAP:
        return "an object of strings";
    case SCHEMA_SET:
        return "an object of empty objects";
    case SCHEMA_INTS:
        return "a list of whole numbers";
    case SCHEMA_OBJECT:
        return "an object";
    case SCHEMA_OBJECTS:
        return "a list of objects";
    case SCHEMA_OBJECT_MAP:
        return "an object of objects";
    case SCHEMA_ANY_MAP:
        return "an object";
    case SCHEMA_ANY_LIST:
        return "a list";
    }
    abort();
}

static int wrong_type(const struct schema_field *f, const char *where, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "%s%s must be %s", where, f->name, kind_words(f->kind));
}

static bool all_strings(const json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v)
        if (!json_is_string(v))
            return false;
    return true;
}

/* Values of maps are looked at without changing the map; jansson has no const iterator. */
static bool map_values_are(const json_t *map, bool (*ok)(const json_t *v))
{
    const char *k;
    json_t *v;
    json_object_foreach((json_t *)map, k, v)
        if (!ok(v))
            return false;
    return true;
}

static bool is_string(const json_t *v)
{
    return json_is_string(v);
}

static bool is_empty_object(const json_t *v)
{
    return json_is_null(v) || (json_is_object(v) && json_object_size(v) == 0);
}

static int check_range(const struct schema_field *f, const char *where, const json_t *v, struct creel_err *err)
{
    int64_t n = json_integer_value(v);
    if ((f->min != 0 || f->max != 0) && (n < f->min || n > f->max))
        return creel_fail(err, CREEL_INVALID, 0, "%s%s is %" PRId64 ", it must be from %" PRId64 " to %" PRId64, where,
                          f->name, n, f->min, f->max);
    return 0;
}

static void deeper(char *buf, const char *where, const char *name, const char *key)
{
    int n = key == NULL ? snprintf(buf, WHERE_MAX, "%s%s.", where, name)
                        : snprintf(buf, WHERE_MAX, "%s%s[%s].", where, name, key);
    if (n < 0)
        buf[0] = '\0'; /* only the message suffers */
}

static int objects_normalise(const struct schema_field *f, const char *where, const json_t *v, json_t **ret,
                             struct creel_err *err)
{
    char inner[WHERE_MAX], number[24];
    auto_json list = json_array();
    size_t i;
    json_t *item;
    if (list == NULL)
        return creel_fail_nomem(err);
    json_array_foreach((json_t *)v, i, item) {
        json_t *one = NULL;
        if (!json_is_object(item))
            return wrong_type(f, where, err);
        (void)snprintf(number, sizeof number, "%zu", i);
        deeper(inner, where, f->name, number);
        if (schema_normalise(f->sub, inner, item, &one, err) < 0)
            return -1;
        if (json_array_append_new(list, one) < 0)
            return creel_fail_nomem(err);
    }
    *ret = ptr_take(&list);
    return 0;
}

static int object_map_normalise(const struct schema_field *f, const char *where, const json_t *v, json_t **ret,
                                struct creel_err *err)
{
    char inner[WHERE_MAX];
    auto_json map = json_object();
    const char *key;
    json_t *item;
    if (map == NULL)
        return creel_fail_nomem(err);
    json_object_foreach((json_t *)v, key, item) {
        json_t *one = NULL;
        if (json_is_null(item)) {
            one = json_object();
        } else {
            if (!json_is_object(item))
                return wrong_type(f, where, err);
            deeper(inner, where, f->name, key);
            if (schema_normalise(f->sub, inner, item, &one, err) < 0)
                return -1;
        }
        if (json_object_set_new(map, key, one) < 0)
            return creel_fail_nomem(err);
    }
    *ret = ptr_take(&map);
    return 0;
}

static int ints_check(const struct schema_field *f, const char *where, const json_t *v, struct creel_err *err)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)v, i, item) {
        if (!json_is_integer(item))
            return wrong_type(f, where, err);
        if (check_range(f, where, item, err) < 0)
            return -1;
    }
    return 0;
}

/* Check `v` (not null) and give the form to keep: a new reference. */
static int value_normalise(const struct schema_field *f, const char *where, const json_t *v, json_t **ret,
                           struct creel_err *err)
{
    char inner[WHERE_MAX];
    bool ok = false;
    switch (f->kind) {
    case SCHEMA_STRING:
        ok = json_is_string(v);
        break;
    case SCHEMA_BOOL:
        ok = json_is_boolean(v);
        break;
    case SCHEMA_INT:
        if (json_is_integer(v) && check_range(f, where, v, err) < 0)
            return -1;
        ok = json_is_integer(v);
        break;
    case SCHEMA_STRINGS:
        ok = json_is_array(v) && all_strings(v);
        break;
    case SCHEMA_COMMAND:
        if (json_is_string(v)) {
            *ret = json_pack("[O]", v);
            return *ret == NULL ? creel_fail_nomem(err) : 0;
        }
        ok = json_is_array(v) && all_strings(v);
        break;
    case SCHEMA_STRING_MAP:
        ok = json_is_object(v) && map_values_are(v, is_string);
        break;
    case SCHEMA_SET:
        ok = json_is_object(v) && map_values_are(v, is_empty_object);
        break;
    case SCHEMA_INTS:
        if (json_is_array(v) && ints_check(f, where, v, err) < 0)
            return -1;
        ok = json_is_array(v);
        break;
    case SCHEMA_OBJECT:
        if (!json_is_object(v))
            break;
        deeper(inner, where, f->name, NULL);
        return schema_normalise(f->sub, inner, v, ret, err);
    case SCHEMA_OBJECTS:
        if (!json_is_array(v))
            break;
        return objects_normalise(f, where, v, ret, err);
    case SCHEMA_OBJECT_MAP:
        if (!json_is_object(v))
            break;
        return object_map_normalise(f, where, v, ret, err);
    case SCHEMA_ANY_MAP:
        ok = json_is_object(v);
        break;
    case SCHEMA_ANY_LIST:
        ok = json_is_array(v);
        break;
    }
    if (!ok)
        return wrong_type(f, where, err);
    *ret = json_incref((json_t *)v);
    return 0;
}

/* Is this what an absent member means? Only asked for members without `keep`. */
static bool is_zero(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return json_object_size(v) == 0;
    case JSON_ARRAY: {
        size_t i;
        json_t *item;
        if (json_array_size(v) == 0)
            return true;
        json_array_foreach((json_t *)v, i, item) /* [0,0] of ConsoleSize */
            if (!json_is_integer(item) || json_integer_value(item) != 0)
                return false;
        return true;
    }
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_INTEGER:
        return json_integer_value(v) == 0;
    case JSON_REAL:
    case JSON_TRUE:
        return false;
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    }
    abort();
}

static int names_check(const struct schema *s, const char *where, const json_t *in, struct creel_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)in, key, v)
        if (schema_find(s, key) == NULL)
            return creel_fail(err, CREEL_INVALID, 0, "unknown member %s%.100s", where, key);
    return 0;
}

/* The value under the member's own spelling, or under another one. */
static int member_find(const struct schema_field *f, const char *where, const json_t *in, const json_t **ret,
                       struct creel_err *err)
{
    const char *key;
    json_t *v;
    const json_t *found = json_object_get(in, f->name);
    json_object_foreach((json_t *)in, key, v) {
        if (strcasecmp(key, f->name) != 0 || strcmp(key, f->name) == 0)
            continue;
        if (found != NULL)
            return creel_fail(err, CREEL_INVALID, 0, "member %s%s is given twice", where, f->name);
        found = v;
    }
    *ret = found;
    return 0;
}

/* Most members of most requests are absent: look once which spelling is used before searching per member. */
static bool spelling_exact(const struct schema *s, const json_t *in)
{
    size_t hits = 0;
    for (size_t i = 0; i < s->count; i++)
        hits += json_object_get(in, s->fields[i].name) != NULL;
    return hits == json_object_size(in);
}

int schema_normalise(const struct schema *s, const char *where, const json_t *in, json_t **ret, struct creel_err *err)
{
    auto_json out = json_object();
    bool exact = spelling_exact(s, in);
    if (out == NULL)
        return creel_fail_nomem(err);
    if (!exact && names_check(s, where, in, err) < 0)
        return -1;
    for (size_t i = 0; i < s->count; i++) {
        const struct schema_field *f = &s->fields[i];
        const json_t *v = json_object_get(in, f->name);
        json_t *norm = NULL;
        if (!exact && member_find(f, where, in, &v, err) < 0)
            return -1;
        if (v == NULL || json_is_null(v))
            continue;
        if (value_normalise(f, where, v, &norm, err) < 0)
            return -1;
        if (!f->keep && is_zero(norm)) {
            json_decref(norm);
            continue;
        }
        if (f->refuse != NULL) {
            json_decref(norm);
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s%s: %s", where, f->name, f->refuse);
        }
        if (json_object_set_new(out, f->name, norm) < 0)
            return creel_fail_nomem(err);
    }
    *ret = ptr_take(&out);
    return 0;
}

static json_t *value_fill(const struct schema_field *f, const json_t *v)
{
    if (f->kind == SCHEMA_OBJECT)
        return schema_fill(f->sub, v);
    if (f->kind == SCHEMA_OBJECTS) {
        auto_json list = json_array();
        size_t i;
        json_t *item;
        json_array_foreach((json_t *)v, i, item)
            if (list == NULL || json_array_append_new(list, schema_fill(f->sub, item)) < 0)
                return NULL;
        return ptr_take(&list);
    }
    return json_incref((json_t *)v);
}

json_t *schema_fill(const struct schema *s, const json_t *sparse)
{
    auto_json out = json_object();
    for (size_t i = 0; i < s->count; i++) {
        const struct schema_field *f = &s->fields[i];
        const json_t *v = json_object_get(sparse, f->name);
        json_t *value = NULL;
        if (v != NULL)
            value = value_fill(f, v);
        else if (f->fill != NULL)
            value = json_loads(f->fill, JSON_DECODE_ANY, NULL);
        else
            continue;
        if (json_object_set_new(out, f->name, value) < 0) /* also when value or out is NULL */
            return NULL;
    }
    return ptr_take(&out);
}

const char *json_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

int64_t json_number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

bool json_flag(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}
