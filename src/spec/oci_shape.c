/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_shape.c: the table walker for OCI documents. Recursion follows the tables, which are finite. */
#include "spec/oci_shape.h"

#include "spec/oci_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An array element can be much larger than the two bytes of its text, so their number is bounded too. */
enum { ELEMENTS_MAX = 65536, STRINGS_MAX = 1 << 20 };

static void *field_at(const struct oci_field *f, void *at) { return (char *)at + f->offset; }
static size_t *count_at(const struct oci_field *f, void *at) { return (void *)((char *)at + f->aux); }
static bool *flag_at(const struct oci_field *f, void *at) { return (void *)((char *)at + f->aux); }

/* ------------------------------------------------------------------ parse */

/* Room for element number `count` in a zero-filled growing array. The capacity is the next power of two, so it needs
 * no field of its own. */
static void *grow(void **items, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0) {
        size_t cap = count == 0 ? 1 : count * 2;
        void *p = reallocarray(*items, cap, size);
        if (p == NULL)
            return NULL;
        *items = p;
    }
    void *e = (char *)*items + count * size;
    memset(e, 0, size);
    return e;
}

static int parse_string(struct json_reader *r, char **at)
{
    char *s = NULL;
    if (json_read_string(r, &s) < 0)
        return -1;
    free(*at);
    *at = s;
    return 0;
}

static int parse_strv(struct json_reader *r, struct strv *v)
{
    int more;
    if (json_array_begin(r) < 0)
        return -1;
    while ((more = json_array_next(r)) > 0) {
        char *s = NULL;
        if (v->count == STRINGS_MAX)
            return json_fail(r, "more than %d strings", STRINGS_MAX);
        if (json_read_string(r, &s) < 0)
            return -1;
        if (!strv_own(v, s))
            return creel_fail_nomem(r->err);
    }
    return more;
}

static int parse_u32v(struct json_reader *r, uint32_t **items, size_t *count)
{
    int more;
    if (json_array_begin(r) < 0)
        return -1;
    while ((more = json_array_next(r)) > 0) {
        uint64_t v;
        if (*count == ELEMENTS_MAX)
            return json_fail(r, "more than %d elements", ELEMENTS_MAX);
        if (json_u64(r, UINT32_MAX, &v) < 0)
            return -1;
        void *p = *items;
        uint32_t *e = grow(&p, *count, sizeof **items);
        if (e == NULL)
            return creel_fail_nomem(r->err);
        *items = p;
        *e = (uint32_t)v;
        (*count)++;
    }
    return more;
}

static int parse_array(const struct oci_field *f, struct json_reader *r, void *at)
{
    void **items = field_at(f, at);
    size_t *count = count_at(f, at);
    int more;
    if (json_array_begin(r) < 0)
        return -1;
    while ((more = json_array_next(r)) > 0) {
        if (*count == ELEMENTS_MAX)
            return json_fail(r, "more than %d elements", ELEMENTS_MAX);
        void *e = grow(items, *count, f->shape->size);
        if (e == NULL)
            return creel_fail_nomem(r->err);
        (*count)++;     /* from here on fini sees it */
        if (oci_shape_parse(f->shape, r, e) < 0)
            return -1;
    }
    return more;
}

static int by_string(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int map_check_unique(const struct oci_field *f, struct json_reader *r, void **items, size_t count)
{
    size_t size = f->kind == OCI_F_KV ? sizeof(struct oci_kv) : f->shape->size;
    if (count < 2)
        return 0;
    auto_free char **keys = calloc(count, sizeof *keys);
    if (keys == NULL)
        return creel_fail_nomem(r->err);
    for (size_t i = 0; i < count; i++)
        keys[i] = *(char **)(void *)((char *)*items + i * size);
    qsort(keys, count, sizeof *keys, by_string);
    for (size_t i = 1; i < count; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return json_fail(r, "%.100s is there twice", keys[i]);
    return 0;
}

static int parse_map(const struct oci_field *f, struct json_reader *r, void *at)
{
    static const size_t kv = sizeof(struct oci_kv);
    void **items = field_at(f, at);
    size_t *count = count_at(f, at), len;
    char scratch[4096];
    const char *key;
    int more;
    if (json_object_begin(r) < 0)
        return -1;
    while ((more = json_object_next(r, &key, &len, scratch, sizeof scratch)) > 0) {
        if (*count == ELEMENTS_MAX)
            return json_fail(r, "more than %d members", ELEMENTS_MAX);
        char **e = grow(items, *count, f->kind == OCI_F_KV ? kv : f->shape->size);
        if (e == NULL)
            return creel_fail_nomem(r->err);
        (*count)++;
        e[0] = strndup(key, len);
        if (e[0] == NULL)
            return creel_fail_nomem(r->err);
        if (f->kind == OCI_F_KV ? parse_string(r, &((struct oci_kv *)(void *)e)->value) < 0
                                : oci_shape_parse(f->shape, r, e) < 0)
            return -1;
    }
    return more < 0 ? -1 : map_check_unique(f, r, items, *count);
}

static int parse_ns(struct json_reader *r, enum oci_ns *at)
{
    auto_free char *s = NULL;
    if (json_read_string(r, &s) < 0)
        return -1;
    for (int ns = 0; ns < OCI_NS_COUNT; ns++)
        if (strcmp(s, oci_ns_name((enum oci_ns)ns)) == 0) {
            *at = (enum oci_ns)ns;
            return 0;
        }
    return json_fail(r, "unknown namespace \"%.40s\"", s);
}

static int parse_number(const struct oci_field *f, struct json_reader *r, void *p, void *at)
{
    int64_t i;
    uint64_t u;
    switch ((int)f->kind) {
    case OCI_F_I32:
        if (json_i64(r, INT32_MIN, INT32_MAX, &i) < 0)
            return -1;
        *(int32_t *)p = (int32_t)i;
        return 0;
    case OCI_F_U32: case OCI_F_SET_U32:
        if (json_u64(r, UINT32_MAX, &u) < 0)
            return -1;
        *(uint32_t *)p = (uint32_t)u;
        if (f->kind == OCI_F_SET_U32)
            *flag_at(f, at) = true;
        return 0;
    case OCI_F_I64: return json_i64(r, INT64_MIN, INT64_MAX, p);
    case OCI_F_SET_I64:
        *flag_at(f, at) = true;
        return json_i64(r, INT64_MIN, INT64_MAX, p);
    case OCI_F_U64: return json_u64(r, UINT64_MAX, p);
    case OCI_F_OPT_I64:
        ((struct opt_i64 *)p)->set = true;
        return json_i64(r, INT64_MIN, INT64_MAX, &((struct opt_i64 *)p)->value);
    default: /* OCI_F_OPT_U64 */
        ((struct opt_u64 *)p)->set = true;
        return json_u64(r, UINT64_MAX, &((struct opt_u64 *)p)->value);
    }
}

static int parse_value(const struct oci_field *f, struct json_reader *r, void *at)
{
    void *p = field_at(f, at);
    switch (f->kind) {
    case OCI_F_STR: return parse_string(r, p);
    case OCI_F_SET_STRV: *flag_at(f, at) = true; return parse_strv(r, p);
    case OCI_F_STRV: return parse_strv(r, p);
    case OCI_F_BOOL: return json_bool(r, p);
    case OCI_F_OPT_BOOL:
        ((struct opt_bool *)p)->set = true;
        return json_bool(r, &((struct opt_bool *)p)->value);
    case OCI_F_I32: case OCI_F_U32: case OCI_F_I64: case OCI_F_U64: case OCI_F_SET_U32: case OCI_F_SET_I64:
    case OCI_F_OPT_I64: case OCI_F_OPT_U64:
        return parse_number(f, r, p, at);
    case OCI_F_U32V: return parse_u32v(r, p, count_at(f, at));
    case OCI_F_NS: return parse_ns(r, p);
    case OCI_F_OBJ: return oci_shape_parse(f->shape, r, p);
    case OCI_F_ARR: return parse_array(f, r, at);
    case OCI_F_MAP: case OCI_F_KV: return parse_map(f, r, at);
    }
    abort();
}

/* Members mostly come in the table's order, so the search begins behind the last hit. */
static size_t field_find(const struct oci_shape *shape, size_t from, const char *key, size_t len)
{
    for (size_t n = 0; n < shape->count; n++) {
        size_t i = from + n < shape->count ? from + n : from + n - shape->count;
        const char *k = shape->fields[i].key, *other = shape->fields[i].alias;
        if (strncmp(k, key, len) == 0 && k[len] == '\0')
            return i;
        if (other != NULL && strncmp(other, key, len) == 0 && other[len] == '\0')
            return i;
    }
    return shape->count;
}

int oci_shape_parse(const struct oci_shape *shape, struct json_reader *r, void *at)
{
    uint64_t seen = 0;
    size_t next = 0, len;
    char scratch[4096];
    const char *key;
    int more;
    if (json_object_begin(r) < 0)
        return -1;
    if (shape->present >= 0)
        *((bool *)at + shape->present) = true;
    while ((more = json_object_next(r, &key, &len, scratch, sizeof scratch)) > 0) {
        size_t i = field_find(shape, next < shape->count ? next : 0, key, len);
        if (i == shape->count) {
            if (json_skip(r) < 0)       /* unknown members are kept out */
                return -1;
            continue;
        }
        if (seen & (uint64_t)1 << i)
            return json_fail(r, "the member is there twice");
        seen |= (uint64_t)1 << i;
        next = i + 1;
        if (json_peek(r) == JSON_T_NULL ? json_read_null(r) < 0 : parse_value(&shape->fields[i], r, at) < 0)
            return -1;
    }
    for (size_t i = 0; more == 0 && i < shape->count; i++)
        if ((shape->fields[i].flags & OCI_FIELD_REQUIRED) && !(seen & (uint64_t)1 << i))
            return json_fail(r, "the member \"%s\" is missing", shape->fields[i].key);
    return more;
}

/* ------------------------------------------------------------------ print */

struct printer { struct bytes *out; struct creel_err *err; };

static int print_object(struct printer *p, const struct oci_shape *shape, const void *at, bool *ret_any);

static int print_string(struct printer *p, const struct oci_field *f, const char *s)
{
    if (json_add_string(p->out, s))
        return 0;
    return creel_fail(p->err, CREEL_INVALID, 0, "%s: the text is not valid UTF-8", f->key);
}

static int print_strv(struct printer *p, const struct oci_field *f, const struct strv *v)
{
    bytes_addc(p->out, '[');
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            bytes_addc(p->out, ',');
        if (print_string(p, f, v->items[i]) < 0)
            return creel_wrap(p->err, "element %zu", i);
    }
    bytes_addc(p->out, ']');
    return 0;
}

static int print_elements(struct printer *p, const struct oci_field *f, const void *items, size_t count)
{
    bool map = f->kind != OCI_F_ARR, any;
    size_t size = f->kind == OCI_F_KV ? sizeof(struct oci_kv) : f->shape->size;
    bytes_addc(p->out, map ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        const void *e = (const char *)items + i * size;
        if (i > 0)
            bytes_addc(p->out, ',');
        if (map) {
            if (print_string(p, f, *(const char *const *)e) < 0)
                return -1;
            bytes_addc(p->out, ':');
        }
        if (f->kind == OCI_F_KV) {
            const char *value = ((const struct oci_kv *)e)->value;
            if (print_string(p, f, value != NULL ? value : "") < 0)
                return -1;
        } else if (print_object(p, f->shape, e, &any) < 0) {
            return creel_wrap(p->err, "%s[%zu]", f->key, i);
        }
    }
    bytes_addc(p->out, map ? '}' : ']');
    return 0;
}

static bool printer_number(struct printer *p, const struct oci_field *f, const void *v, const void *at)
{
    const bool *flag = (const void *)((const char *)at + f->aux);
    switch ((int)f->kind) {
    case OCI_F_I32: bytes_addf(p->out, "%" PRId32, *(const int32_t *)v); return *(const int32_t *)v != 0;
    case OCI_F_U32: bytes_addf(p->out, "%" PRIu32, *(const uint32_t *)v); return *(const uint32_t *)v != 0;
    case OCI_F_SET_U32: bytes_addf(p->out, "%" PRIu32, *(const uint32_t *)v); return *flag;
    case OCI_F_I64: bytes_addf(p->out, "%" PRId64, *(const int64_t *)v); return *(const int64_t *)v != 0;
    case OCI_F_SET_I64: bytes_addf(p->out, "%" PRId64, *(const int64_t *)v); return *flag;
    case OCI_F_U64: bytes_addf(p->out, "%" PRIu64, *(const uint64_t *)v); return *(const uint64_t *)v != 0;
    case OCI_F_OPT_I64:
        bytes_addf(p->out, "%" PRId64, ((const struct opt_i64 *)v)->value);
        return ((const struct opt_i64 *)v)->set;
    default: /* OCI_F_OPT_U64 */
        bytes_addf(p->out, "%" PRIu64, ((const struct opt_u64 *)v)->value);
        return ((const struct opt_u64 *)v)->set;
    }
}

/* 1: a value was written; 0: it is zero or absent (the caller takes back what was written, unless the row says
 * ALWAYS); -1 error. */
static int print_value(struct printer *p, const struct oci_field *f, const void *at)
{
    const void *v = (const char *)at + f->offset;
    const size_t *count = (const void *)((const char *)at + f->aux);
    bool any = false;
    switch (f->kind) {
    case OCI_F_STR:
        if (*(const char *const *)v == NULL)
            return 0;
        return print_string(p, f, *(const char *const *)v) < 0 ? -1 : 1;
    case OCI_F_SET_STRV:
        if (!*(const bool *)((const char *)at + f->aux))
            return 0;
        return print_strv(p, f, v) < 0 ? -1 : 1;
    case OCI_F_STRV:
        if (((const struct strv *)v)->count == 0 && !(f->flags & OCI_FIELD_ALWAYS))
            return 0;
        return print_strv(p, f, v) < 0 ? -1 : 1;
    case OCI_F_BOOL:
        bytes_adds(p->out, *(const bool *)v ? "true" : "false");
        return *(const bool *)v;
    case OCI_F_OPT_BOOL:
        bytes_adds(p->out, ((const struct opt_bool *)v)->value ? "true" : "false");
        return ((const struct opt_bool *)v)->set;
    case OCI_F_I32: case OCI_F_U32: case OCI_F_I64: case OCI_F_U64: case OCI_F_SET_U32: case OCI_F_SET_I64:
    case OCI_F_OPT_I64: case OCI_F_OPT_U64:
        return printer_number(p, f, v, at);
    case OCI_F_U32V:
        for (size_t i = 0; i < *count; i++)
            bytes_addf(p->out, "%c%" PRIu32, i == 0 ? '[' : ',', (*(const uint32_t *const *)v)[i]);
        bytes_addc(p->out, ']');
        return *count > 0;
    case OCI_F_NS: return print_string(p, f, oci_ns_name(*(const enum oci_ns *)v)) < 0 ? -1 : 1;
    case OCI_F_OBJ:
        if (print_object(p, f->shape, v, &any) < 0)
            return creel_wrap(p->err, "%s", f->key);
        return any;
    case OCI_F_ARR: case OCI_F_MAP: case OCI_F_KV:
        if (*count == 0)
            return 0;
        return print_elements(p, f, *(const void *const *)v, *count) < 0 ? -1 : 1;
    }
    abort();
}

static void cut_back(struct bytes *out, size_t len)
{
    if (bytes_ok(out) && out->data != NULL) {
        out->len = len;
        out->data[len] = '\0';
    }
}

/* *ret_any: something that is not zero is in it, or it was there although empty. */
static int print_object(struct printer *p, const struct oci_shape *shape, const void *at, bool *ret_any)
{
    bool first = true;
    *ret_any = shape->present >= 0 && *((const bool *)at + shape->present);
    bytes_addc(p->out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct oci_field *f = &shape->fields[i];
        size_t before = p->out->len;
        bytes_adds(p->out, first ? "\"" : ",\"");
        bytes_adds(p->out, f->key);
        bytes_adds(p->out, "\":");
        int r = print_value(p, f, at);
        if (r < 0)
            return -1;
        *ret_any |= r == 1;
        if (r == 0 && !(f->flags & OCI_FIELD_ALWAYS))
            cut_back(p->out, before);
        else
            first = false;
    }
    bytes_addc(p->out, '}');
    return 0;
}

int oci_shape_print(const struct oci_shape *shape, const void *at, struct bytes *out, struct creel_err *err)
{
    struct printer p = { .out = out, .err = err };
    bool any;
    if (print_object(&p, shape, at, &any) < 0)
        return -1;
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* ------------------------------------------------------------------ free */

static void fini_elements(const struct oci_field *f, void *at)
{
    void **items = field_at(f, at);
    size_t *count = count_at(f, at);
    for (size_t i = 0; i < *count && f->kind == OCI_F_KV; i++) {
        struct oci_kv *kv = (struct oci_kv *)*items + i;
        free(kv->key);
        free(kv->value);
    }
    for (size_t i = 0; i < *count && f->kind != OCI_F_KV; i++) {
        void *e = (char *)*items + i * f->shape->size;
        if (f->kind == OCI_F_MAP)
            free(*(char **)e);
        oci_shape_fini(f->shape, e);
    }
    free(*items);
    *items = NULL;
    *count = 0;
}

void oci_shape_fini(const struct oci_shape *shape, void *at)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct oci_field *f = &shape->fields[i];
        void *p = field_at(f, at);
        switch (f->kind) {
        case OCI_F_STR:
            free(*(char **)p);
            *(char **)p = NULL;
            break;
        case OCI_F_STRV: case OCI_F_SET_STRV: strv_fini(p); break;
        case OCI_F_U32V:
            free(*(uint32_t **)p);
            *(uint32_t **)p = NULL;
            *count_at(f, at) = 0;
            break;
        case OCI_F_OBJ: oci_shape_fini(f->shape, p); break;
        case OCI_F_ARR: case OCI_F_MAP: case OCI_F_KV: fini_elements(f, at); break;
        case OCI_F_BOOL: case OCI_F_I32: case OCI_F_U32: case OCI_F_I64: case OCI_F_U64: case OCI_F_SET_U32:
        case OCI_F_SET_I64: case OCI_F_OPT_I64: case OCI_F_OPT_U64: case OCI_F_OPT_BOOL: case OCI_F_NS:
            break;  /* owns nothing */
        }
    }
}
