/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/resources.c: options to limits by a table; limits changed by limits as documents. */
#include "ociruntime/resources.h"

#include "base/parse.h"
#include "ociruntime/input.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20 };

/* ------------------------------------------------------------------ the table of single limits */

enum kind {
    KIND_U64,       /* decimal */
    KIND_I64,       /* decimal, may be negative */
    KIND_SIZE,      /* bytes with an optional unit; -1: no limit */
    KIND_SET,       /* text such as "0-3,7" */
};
struct limit { const char *option; enum kind kind; size_t at; };
#define AT(member) offsetof(struct oci_resources, member)
static const struct limit limits[] = {
    { "blkio-weight", KIND_U64, AT(block_io.weight) },
    { "cpu-period", KIND_U64, AT(cpu.period) },
    { "cpu-quota", KIND_I64, AT(cpu.quota) },
    { "cpu-burst", KIND_U64, AT(cpu.burst) },
    { "cpu-share", KIND_U64, AT(cpu.shares) },
    { "cpu-rt-period", KIND_U64, AT(cpu.realtime_period) },
    { "cpu-rt-runtime", KIND_I64, AT(cpu.realtime_runtime) },
    { "cpu-idle", KIND_I64, AT(cpu.idle) },
    { "cpuset-cpus", KIND_SET, AT(cpu.cpus) },
    { "cpuset-mems", KIND_SET, AT(cpu.mems) },
    { "memory", KIND_SIZE, AT(memory.limit) },
    { "memory-reservation", KIND_SIZE, AT(memory.reservation) },
    { "memory-swap", KIND_SIZE, AT(memory.swap) },
    { "kernel-memory", KIND_SIZE, AT(memory.kernel) },
    { "kernel-memory-tcp", KIND_SIZE, AT(memory.kernel_tcp) },
    { "pids-limit", KIND_I64, AT(pids_limit) },
};
#undef AT

static int limit_parse(const struct limit *l, const char *text, struct oci_resources *r, struct creel_err *err)
{
    bool ok;
    void *at = (char *)r + l->at;
    if (l->kind == KIND_SET) {
        *(char **)at = strdup(text);
        return *(char **)at != NULL ? 0 : creel_fail_nomem(err);
    }
    if (l->kind == KIND_U64) {
        struct opt_u64 *v = at;
        ok = parse_u64(text, UINT64_MAX, &v->value);
        v->set = ok;
    } else {
        struct opt_i64 *v = at;
        ok = l->kind == KIND_I64 || strcmp(text, "-1") == 0 ? parse_i64(text, INT64_MIN, INT64_MAX, &v->value)
                                                            : parse_size(text, 1024, &v->value);
        v->set = ok;
    }
    return ok ? 0 : creel_fail(err, CREEL_INVALID, 0, "invalid value for %s: \"%.60s\"", l->option, text);
}

/* An empty text is "not given", as in runc. */
static int from_options(const struct invocation *in, struct oci_resources *r, struct creel_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const char *text = option_string(in, limits[i].option);
        if (text != NULL && text[0] != '\0' && limit_parse(&limits[i], text, r, err) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ the document */

static int from_document(const char *path, struct oci_resources *r, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    bytes_init_max(&text, DOCUMENT_MAX);
    bool standard = strcmp(path, "-") == 0;
    if ((standard ? input_read(STDIN_FILENO, "standard input", &text, err) : input_read_file(path, &text, err)) < 0)
        return -1;
    if (oci_resources_parse(bytes_str(&text), text.len, r, err) < 0)
        return creel_wrap(err, "resources in %s", standard ? "standard input" : path);
    return 0;
}

static void leave_out(const struct invocation *in, struct oci_resources *r)
{
    if (r->memory.kernel.set || r->memory.kernel_tcp.set)
        log_line(&in->log, LOG_LEVEL_WARNING, "Kernel memory settings are ignored and will be removed");
    r->memory.kernel.set = r->memory.kernel_tcp.set = false;
    for (size_t i = 0; i < r->device_count; i++) {
        free(r->devices[i].type);
        free(r->devices[i].access);
    }
    free(r->devices);
    r->devices = NULL;
    r->device_count = 0;
}

int resources_requested(const struct invocation *in, struct oci_resources *ret, struct creel_err *err)
{
    const char *path = option_string(in, "resources");
    memset(ret, 0, sizeof *ret);
    int result = path != NULL && path[0] != '\0' ? from_document(path, ret, err) : from_options(in, ret, err);
    if (result < 0)
        return -1;
    leave_out(in, ret);
    return 0;
}

/* ------------------------------------------------------------------ merging */

/* As documents, in which a member that is absent says so by itself. */
static json_t *document_of(const struct oci_resources *r, struct creel_err *err)
{
    auto_free char *text = NULL;
    if (oci_resources_print(r, &text, err) < 0)
        return NULL;
    json_t *doc = json_loads(text, 0, NULL);
    if (doc == NULL)
        (void)creel_fail_nomem(err);    /* it was printed just now */
    return doc;
}

/* Rows speak of the same thing when all that names it is the same. */
static bool same_row(const json_t *a, const json_t *b)
{
    static const char *const names[] = { "major", "minor", "pageSize", "name" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);
        if (x != y && !json_equal(x, y))
            return false;
    }
    return true;
}

static bool merge_rows(json_t *to, json_t *from)
{
    size_t i, k;
    json_t *row, *mine;
    json_array_foreach(from, i, row) {
        bool found = false;
        json_array_foreach(to, k, mine)
            if (same_row(mine, row)) {
                found = true;
                if (json_object_update(mine, row) < 0)
                    return false;
            }
        if (!found && json_array_append(to, row) < 0)
            return false;
    }
    return true;
}

/* Not deeper than the shape that both were printed from. */
static bool merge_members(json_t *to, json_t *from)
{
    const char *key;
    json_t *v;
    json_object_foreach(from, key, v) {
        json_t *mine = json_object_get(to, key);
        bool ok = json_is_object(mine) && json_is_object(v) ? merge_members(mine, v)
                  : json_is_array(mine) && json_is_array(v) ? merge_rows(mine, v)
                                                            : json_object_set(to, key, v) == 0;
        if (!ok)
            return false;
    }
    return true;
}

int resources_merge(struct oci_resources *to, const struct oci_resources *from, struct creel_err *err)
{
    json_auto_t *a = document_of(to, err), *b = a != NULL ? document_of(from, err) : NULL;
    if (a == NULL || b == NULL)
        return -1;
    struct oci_resources merged = { 0 };
    auto_free char *text = merge_members(a, b) ? json_dumps(a, JSON_COMPACT) : NULL;
    if (text == NULL)
        return creel_fail_nomem(err);
    if (oci_resources_parse(text, strlen(text), &merged, err) < 0) {
        oci_resources_fini(&merged);
        return -1;
    }
    oci_resources_fini(to);
    *to = merged;
    return 0;
}
