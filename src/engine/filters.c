/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/filters.h"

#include "base/parse.h"

#include <ctype.h>
#include <jansson.h>
#include <regex.h>
#include <string.h>

enum { FILTER_DOCUMENT_MAX = 1 << 20, PATTERN_MAX = 256, PLUSES_MAX = 4, REPEAT_MAX = 64 };

int filters_fail(struct creel_err *err, const char *key, const char *value)
{
    return creel_fail(err, CREEL_INVALID, 0, "invalid filter '%s=%s'", key, value);
}

/* Keys may carry blanks around them. */
static char *trimmed(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    return strndup(s, n);
}

static bool is_known(const char *const *known, const char *key)
{
    for (; *known != NULL; known++) {
        if (strcmp(*known, key) == 0)
            return true;
    }
    return false;
}

/* A list of strings, or an object whose member names are the values. */
static int add_values(struct filter *f, json_t *values, struct creel_err *err)
{
    const char *text;
    json_t *item;
    size_t i;
    bool ok = true;
    if (json_is_object(values)) {
        json_object_foreach(values, text, item)
            ok = strv_add(&f->values, text) && ok;
    } else if (json_is_array(values)) {
        json_array_foreach(values, i, item) {
            if (!json_is_string(item))
                return creel_fail(err, CREEL_INVALID, 0, "filter '%s' has a value that is not a string", f->key);
            ok = strv_add(&f->values, json_string_value(item)) && ok;
        }
    } else {
        return creel_fail(err, CREEL_INVALID, 0, "filter '%s' is neither a list nor an object", f->key);
    }
    return ok ? 0 : creel_fail_nomem(err);
}

static int add_filter(struct filters *to, const char *key, json_t *values, const char *const *known,
                      struct creel_err *err)
{
    struct filter *f = &to->items[to->count];
    f->values = (struct strv)STRV_INIT;
    f->key = trimmed(key);
    if (f->key == NULL)
        return creel_fail_nomem(err);
    to->count++;
    if (!is_known(known, f->key))
        return creel_fail(err, CREEL_INVALID, 0, "invalid filter '%s'", f->key);
    return add_values(f, values, err);
}

static int add_all(struct filters *to, json_t *doc, const char *const *known, struct creel_err *err)
{
    const char *key;
    json_t *values;
    size_t n = json_object_size(doc);
    to->items = n > 0 ? calloc(n, sizeof *to->items) : NULL;
    if (n > 0 && to->items == NULL)
        return creel_fail_nomem(err);
    json_object_foreach(doc, key, values) {
        if (add_filter(to, key, values, known, err) < 0)
            return -1;
    }
    return 0;
}

int filters_parse(const char *json, const char *const *known, struct filters *ret, struct creel_err *err)
{
    *ret = (struct filters)FILTERS_INIT;
    if (json == NULL || json[0] == '\0')
        return 0;
    json_error_t where;
    json_t *doc = strlen(json) <= FILTER_DOCUMENT_MAX ? json_loads(json, JSON_REJECT_DUPLICATES, &where) : NULL;
    if (!json_is_object(doc)) {
        json_decref(doc);
        return creel_fail(err, CREEL_INVALID, 0, "the filters are not a JSON object");
    }
    int r = add_all(ret, doc, known, err);
    json_decref(doc);
    if (r < 0)
        filters_fini(ret);
    return r;
}

void filters_fini(struct filters *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].key);
        strv_fini(&f->items[i].values);
    }
    free(f->items);
    *f = (struct filters)FILTERS_INIT;
}

const struct strv *filters_get(const struct filters *f, const char *key)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].key, key) == 0 && f->items[i].values.count > 0)
            return &f->items[i].values;
    }
    return NULL;
}

int filters_bool(const struct filters *f, const char *key, struct creel_err *err)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
    const struct strv *v = filters_get(f, key);
    if (v == NULL)
        return -1;
    for (size_t i = 0; v->count == 1 && i < ARRAY_LEN(yes); i++) {
        if (strcmp(v->items[0], yes[i]) == 0)
            return 1;
        if (strcmp(v->items[0], no[i]) == 0)
            return 0;
    }
    (void)filters_fail(err, key, v->items[v->count - 1]);
    return -2;
}

static bool label_matches(json_t *labels, const char *want)
{
    const char *eq = strchr(want, '=');
    if (eq == NULL)
        return json_object_get(labels, want) != NULL;
    auto_free char *key = strndup(want, (size_t)(eq - want));
    const char *value = key != NULL ? json_string_value(json_object_get(labels, key)) : NULL;
    return value != NULL && strcmp(value, eq + 1) == 0;
}

bool filters_match_labels(const struct strv *want, const char *labels_json)
{
    if (want == NULL || want->count == 0)
        return true;
    json_t *labels = labels_json != NULL ? json_loads(labels_json, 0, NULL) : NULL;
    bool all = labels != NULL;
    for (size_t i = 0; all && i < want->count; i++)
        all = label_matches(labels, want->items[i]);
    json_decref(labels);
    return all;
}

/* --- patterns --- */

struct filter_patterns {
    size_t count;
    struct { regex_t regex; bool compiled; char *text; } items[];
};

/* The C library multiplies repetitions out in memory ("x+" is kept as "xx*", so nested ones double each time) and
 * takes exponential time for back references. Hostile patterns must not reach it; names need no more than this. */
static bool is_cheap(const char *pattern)
{
    int pluses = 0, braces = 0, number = 0;
    if (strlen(pattern) > PATTERN_MAX)
        return false;
    for (const char *p = pattern; *p != '\0'; p++) {
        pluses += *p == '+';
        braces += *p == '{';
        number = braces > 0 && isdigit((unsigned char)*p) ? number * 10 + (*p - '0') : 0;
        if (pluses > PLUSES_MAX || braces > 1 || number > REPEAT_MAX || (p[0] == '\\' && isdigit((unsigned char)p[1])))
            return false;
    }
    return true;
}

int filter_patterns_new(const struct strv *patterns, struct filter_patterns **ret, struct creel_err *err)
{
    struct filter_patterns *p = calloc(1, sizeof *p + patterns->count * sizeof p->items[0]);
    if (p == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < patterns->count; i++) {
        p->items[i].text = strdup(patterns->items[i]);
        if (p->items[i].text == NULL) {
            filter_patterns_free(p);
            return creel_fail_nomem(err);
        }
        p->items[i].compiled = is_cheap(patterns->items[i])
                               && regcomp(&p->items[i].regex, patterns->items[i], REG_EXTENDED | REG_NOSUB) == 0;
        p->count++;
    }
    *ret = p;
    return 0;
}

bool filter_patterns_match(const struct filter_patterns *p, const char *text)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].compiled ? regexec(&p->items[i].regex, text, 0, NULL, 0) == 0
                                 : strstr(text, p->items[i].text) != NULL)
            return true;
    }
    return false;
}

void filter_patterns_free(struct filter_patterns *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].compiled)
            regfree(&p->items[i].regex);
        free(p->items[i].text);
    }
    free(p);
}

/* --- ports --- */

static bool take_port(const char *s, size_t n, int *ret)
{
    char digits[8];
    uint64_t v;
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, s, n);
    digits[n] = '\0';
    if (!parse_u64(digits, 65535, &v))
        return false;
    *ret = (int)v;
    return true;
}

bool filter_ports_parse(const char *text, struct filter_ports *ret)
{
    struct filter_ports p = { .proto = "tcp" };
    size_t len = strcspn(text, "/"), first = strcspn(text, "-/");
    if (text[len] == '/') {
        static const char *const protos[] = { "tcp", "udp", "sctp" };
        size_t i = 0;
        while (i < ARRAY_LEN(protos) && strcmp(text + len + 1, protos[i]) != 0)
            i++;
        if (i == ARRAY_LEN(protos))
            return false;
        memcpy(p.proto, protos[i], strlen(protos[i]) + 1);
    }
    if (!take_port(text, first, &p.first))
        return false;
    p.last = p.first;
    if (first < len && (!take_port(text + first + 1, len - first - 1, &p.last) || p.last < p.first))
        return false;
    *ret = p;
    return true;
}
