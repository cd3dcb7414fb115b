/* SPDX-License-Identifier: Apache-2.0 */
#include "image/archive_limits.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strv.h"

#include <stddef.h>
#include <string.h>

const struct archive_limits archive_limits_default = {
    .bytes = 256LL << 30,
    .entries = 4000000,
    .ratio = 100,
    .ratio_floor = 512LL << 20,
    .members = 20000,
    .xattrs = 128 << 10,
    .memory = 768LL << 20,
    .seconds = 7200,
};

static const struct {
    const char *name;
    size_t at;
} fields[] = {
    { "bytes", offsetof(struct archive_limits, bytes) },
    { "entries", offsetof(struct archive_limits, entries) },
    { "ratio", offsetof(struct archive_limits, ratio) },
    { "ratio-floor", offsetof(struct archive_limits, ratio_floor) },
    { "members", offsetof(struct archive_limits, members) },
    { "xattrs", offsetof(struct archive_limits, xattrs) },
    { "memory", offsetof(struct archive_limits, memory) },
    { "seconds", offsetof(struct archive_limits, seconds) },
};

static int64_t *field(struct archive_limits *l, size_t i)
{
    return (int64_t *)(void *)((char *)l + fields[i].at);
}

static int set_word(struct archive_limits *l, char *word, struct creel_err *err)
{
    char *eq = strchr(word, '=');
    int64_t v;
    if (eq != NULL)
        *eq = '\0';
    for (size_t i = 0; i < ARRAY_LEN(fields) && eq != NULL; i++) {
        if (strcmp(word, fields[i].name) != 0)
            continue;
        if (!parse_size(eq + 1, 1024, &v) || v <= 0)
            return creel_fail(err, CREEL_INVALID, 0, "archive limit %s=%.40s: not a positive size", word, eq + 1);
        *field(l, i) = v;
        return 0;
    }
    return creel_fail(
        err, CREEL_INVALID, 0,
        "archive limit \"%.60s\": expected name=number with bytes, entries, ratio, ratio-floor, members, "
        "xattrs, memory or seconds",
        word);
}

int archive_limits_parse(const char *text, struct archive_limits *ret, struct creel_err *err)
{
    struct archive_limits l = archive_limits_default;
    if (text != NULL && text[0] != '\0') {
        auto_strv words = STRV_INIT;
        if (!strv_split(&words, text, ','))
            return creel_fail_nomem(err);
        for (size_t i = 0; i < words.count; i++)
            if (set_word(&l, words.items[i], err) < 0)
                return -1;
    }
    *ret = l;
    return 0;
}

json_t *archive_limits_print(const struct archive_limits *l)
{
    struct archive_limits copy = *l;
    json_t *o = json_object();
    for (size_t i = 0; i < ARRAY_LEN(fields) && o != NULL; i++) {
        if (json_object_set_new(o, fields[i].name, json_integer(*field(&copy, i))) < 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

int archive_limits_read(const json_t *object, struct archive_limits *ret)
{
    struct archive_limits l;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const json_t *v = json_object_get(object, fields[i].name);
        if (!json_is_integer(v) || json_integer_value(v) <= 0)
            return -1;
        *field(&l, i) = json_integer_value(v);
    }
    *ret = l;
    return 0;
}
