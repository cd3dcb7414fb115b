/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/log_option.h"

#include "base/bytes.h"
#include "base/parse.h"

#include <regex.h>
#include <string.h>

enum { MAX_FILE_DEFAULT = 5, MAX_FILE_LIMIT = 1000 };
#define MAX_SIZE_DEFAULT ((int64_t)20 * 1000 * 1000)

static const char *const drivers[] = { "json-file", "cri", "none" };

struct option {
    const char *name;
    int (*set)(struct log_options *o, const char *value, struct creel_err *err);
};

static int set_max_size(struct log_options *o, const char *value, struct creel_err *err)
{
    if (strcmp(value, "-1") == 0) {
        o->max_size = -1;
        return 0;
    }
    if (!parse_size(value, 1000, &o->max_size) || o->max_size <= 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid value for max-size: %.100s", value);
    return 0;
}

static int set_max_file(struct log_options *o, const char *value, struct creel_err *err)
{
    int64_t n;
    if (!parse_i64(value, 1, MAX_FILE_LIMIT, &n))
        return creel_fail(err, CREEL_INVALID, 0, "max-file is %.100s, it must be from 1 to %d", value, MAX_FILE_LIMIT);
    o->max_file = (int)n;
    return 0;
}

static int set_compress(struct log_options *o, const char *value, struct creel_err *err)
{
    o->compress = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    if (!o->compress && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid value for compress: %.100s", value);
    return 0;
}

static int set_mode(struct log_options *o, const char *value, struct creel_err *err)
{
    (void)o;
    if (strcmp(value, "blocking") == 0 || value[0] == '\0')
        return 0;
    if (strcmp(value, "non-blocking") == 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "logger: mode=non-blocking is not supported; the monitor writes to a local file");
    return creel_fail(err, CREEL_INVALID, 0, "logger: logging mode not supported: %.100s", value);
}

static int regex_check(const char *name, const char *value, struct creel_err *err)
{
    regex_t re;
    if (strlen(value) > 1024 || regcomp(&re, value, REG_EXTENDED | REG_NOSUB) != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid value for %s: %.100s", name, value);
    regfree(&re);
    return 0;
}

static int set_labels(struct log_options *o, const char *value, struct creel_err *err)
{
    (void)err;
    o->labels = value;
    return 0;
}

static int set_labels_regex(struct log_options *o, const char *value, struct creel_err *err)
{
    o->labels_regex = value;
    return regex_check("labels-regex", value, err);
}

static int set_env(struct log_options *o, const char *value, struct creel_err *err)
{
    (void)err;
    o->env = value;
    return 0;
}

static int set_env_regex(struct log_options *o, const char *value, struct creel_err *err)
{
    o->env_regex = value;
    return regex_check("env-regex", value, err);
}

static int tag_print(const char *tag, const struct log_subject *s, struct bytes *out, struct creel_err *err);

static int set_tag(struct log_options *o, const char *value, struct creel_err *err)
{
    static const struct log_subject nobody = { "", "", "", "", NULL, NULL };
    auto_bytes scratch = BYTES_INIT;
    o->tag = value;
    return tag_print(value, &nobody, &scratch, err);
}

static const struct option options[] = {
    { "max-size", set_max_size }, { "max-file", set_max_file },         { "compress", set_compress },
    { "mode", set_mode },         { "labels", set_labels },             { "labels-regex", set_labels_regex },
    { "env", set_env },           { "env-regex", set_env_regex },       { "tag", set_tag },
    /* Left out: max-buffer-size, which only means something with mode=non-blocking. */
};

int log_options_parse(const json_t *host, struct log_options *ret, struct creel_err *err)
{
    const json_t *config = json_object_get(host, "LogConfig");
    const char *type = json_text(config, "Type"), *key;
    struct log_options o = { .max_size = MAX_SIZE_DEFAULT, .max_file = MAX_FILE_DEFAULT };
    json_t *v;
    if (type[0] == '\0')
        type = drivers[0];
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (strcmp(drivers[i], type) == 0)
            o.driver = drivers[i];
    if (o.driver == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "logger: no log driver named '%.100s' is registered", type);
    json_object_foreach(json_object_get(config, "Config"), key, v) {
        size_t at = 0;
        while (at < ARRAY_LEN(options) && strcmp(options[at].name, key) != 0)
            at++;
        if (at == ARRAY_LEN(options) || strcmp(o.driver, "none") == 0)
            return creel_fail(err, CREEL_INVALID, 0, "unknown log opt '%.100s' for %s log driver", key, o.driver);
        if (options[at].set(&o, json_string_value(v), err) < 0)
            return -1;
    }
    *ret = o;
    return 0;
}

/* --- attributes --- */
static const char *tag_value(const char *name, size_t n, const struct log_subject *s)
{
    static const char *const names[] = { "ID", "FullID", "Name", "ImageName", "ImageFullID", "ImageID", "DaemonName" };
    const char *values[] = { s->id, s->id, s->name, s->image_ref, s->image_id, s->image_id, "creel" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strlen(names[i]) == n && strncmp(names[i], name, n) == 0)
            return values[i];
    return NULL;
}

/* The fields of a Go template that log tags use: {{.ID}}, {{.Name}} …; nothing else of that language. */
static int tag_print(const char *tag, const struct log_subject *s, struct bytes *out, struct creel_err *err)
{
    const char *p = tag;
    while (*p != '\0') {
        const char *open = strstr(p, "{{");
        if (open == NULL) {
            bytes_adds(out, p);
            break;
        }
        bytes_add(out, p, (size_t)(open - p));
        open += 2 + strspn(open + 2, " ");
        size_t n = *open == '.' ? strcspn(open + 1, " }") : 0;
        const char *value = n > 0 ? tag_value(open + 1, n, s) : NULL;
        const char *close = n > 0 ? open + 1 + n : open;
        close += strspn(close, " ");
        if (value == NULL || strncmp(close, "}}", 2) != 0)
            return creel_fail(err, CREEL_INVALID, 0, "failed to parse log tag \"%.100s\": only fields like {{.ID}} or "
                              "{{.Name}} are known", tag);
        bool is_short = (n == 2 && open[1] == 'I') || (n == 7 && strncmp(open + 1, "ImageID", 7) == 0);
        if (strncmp(value, "sha256:", 7) == 0 && is_short)
            value += 7;
        bytes_add(out, value, is_short && strlen(value) > 12 ? 12 : strlen(value));
        p = close + 2;
    }
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* Is `name` in the comma list, or does it match the expression? */
static bool chosen(const char *name, size_t n, const char *list, regex_t *re)
{
    for (const char *p = list; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, ",");
        if (len == n && strncmp(p, name, n) == 0)
            return true;
        p += len + (p[len] == ',');
    }
    if (re == NULL)
        return false;
    auto_free char *copy = strndup(name, n);
    return copy != NULL && regexec(re, copy, 0, NULL, 0) == 0;
}

static int labels_choose(const struct log_options *o, const json_t *labels, json_t *out, struct creel_err *err)
{
    regex_t re;
    bool with = o->labels_regex != NULL && regcomp(&re, o->labels_regex, REG_EXTENDED | REG_NOSUB) == 0;
    const char *key;
    json_t *v;
    int r = 0;
    json_object_foreach((json_t *)labels, key, v)
        if (chosen(key, strlen(key), o->labels, with ? &re : NULL))
            r |= json_object_set(out, key, v);
    if (with)
        regfree(&re);
    return r == 0 ? 0 : creel_fail_nomem(err);
}

static int env_choose(const struct log_options *o, const json_t *env, json_t *out, struct creel_err *err)
{
    regex_t re;
    bool with = o->env_regex != NULL && regcomp(&re, o->env_regex, REG_EXTENDED | REG_NOSUB) == 0;
    size_t i;
    json_t *v;
    int r = 0;
    json_array_foreach((json_t *)env, i, v) {
        const char *s = json_string_value(v), *eq = strchr(s, '=');
        if (eq == NULL || !chosen(s, (size_t)(eq - s), o->env, with ? &re : NULL))
            continue;
        auto_free char *name = strndup(s, (size_t)(eq - s));
        r |= name == NULL ? -1 : json_object_set_new(out, name, json_string(eq + 1));
    }
    if (with)
        regfree(&re);
    return r == 0 ? 0 : creel_fail_nomem(err);
}

int log_attributes_print(const struct log_options *o, const struct log_subject *s, char **ret, struct creel_err *err)
{
    *ret = NULL;
    if (o->labels == NULL && o->labels_regex == NULL && o->env == NULL && o->env_regex == NULL && o->tag == NULL)
        return 0;
    auto_json out = json_object();
    auto_bytes tag = BYTES_INIT;
    if (out == NULL)
        return creel_fail_nomem(err);
    if (labels_choose(o, s->labels, out, err) < 0 || env_choose(o, s->env, out, err) < 0)
        return -1;
    if (o->tag != NULL && o->tag[0] != '\0') {
        if (tag_print(o->tag, s, &tag, err) < 0)
            return -1;
        if (json_object_set_new(out, "tag", json_string(bytes_str(&tag))) < 0)
            return creel_fail_nomem(err);
    }
    if (json_object_size(out) == 0)
        return 0;
    *ret = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}
