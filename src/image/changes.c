/* SPDX-License-Identifier: Apache-2.0 */
#include "image/changes.h"

#include "base/bytes.h"
#include "base/parse.h"
#include "base/strv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { INSTRUCTION_MAX = 64 << 10, PORT_MAX = 65535, PORTS_MAX = 4096 };

struct change {
    json_t *config;
    const char *name;   /* upper-case instruction, for messages */
    const char *rest;   /* its operands, no blanks before or after */
    bool cmd_given;     /* a CMD among the changes so far */
    struct creel_err *err;
};

static int bad(const struct change *c, const char *why)
{
    return creel_fail(c->err, CREEL_INVALID, 0, "change \"%s %.200s\": %s", c->name, c->rest, why);
}

static int set(const struct change *c, json_t *object, const char *key, json_t *value)
{
    return value == NULL || json_object_set_new(object, key, value) < 0 ? creel_fail_nomem(c->err) : 0;
}

/* The named member, made if it is missing or null. Borrowed. */
static json_t *member(const struct change *c, const char *key, bool array)
{
    json_t *v = json_object_get(c->config, key);
    if (array ? json_is_array(v) : json_is_object(v))
        return v;
    v = array ? json_array() : json_object();
    return set(c, c->config, key, v) < 0 ? NULL : v;
}

/* --- words --- */

static const char *env_value(const json_t *config, const char *name, size_t n)
{
    const json_t *env = json_object_get(config, "Env"), *item;
    size_t i;
    json_array_foreach(env, i, item) {
        const char *s = json_string_value(item);
        if (s != NULL && strncmp(s, name, n) == 0 && s[n] == '=')
            return s + n + 1;
    }
    return "";
}

/* Replace $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word} at *p (which points at '$'). */
static int expand(const struct change *c, const char **p, struct bytes *out)
{
    const char *s = *p + 1;
    bool braces = *s == '{';
    const char *name = braces ? s + 1 : s;
    size_t n = 0;
    while (isalnum((unsigned char)name[n]) || name[n] == '_')
        n++;
    if (n == 0 || isdigit((unsigned char)name[0])) {
        if (braces)
            return bad(c, "a variable between ${ and } needs a name");
        bytes_addc(out, '$');
        *p = s;
        return 0;
    }
    const char *value = env_value(c->config, name, n), *end = name + n;
    if (braces) {
        const char *close = strchr(end, '}');
        if (close == NULL)
            return bad(c, "${ without }");
        if (end != close) {
            if (end[0] != ':' || (end[1] != '-' && end[1] != '+'))
                return bad(c, "only ${NAME}, ${NAME:-word} and ${NAME:+word} are understood");
            bool use_word = (end[1] == '-') == (value[0] == '\0');
            if (use_word)
                bytes_add(out, end + 2, (size_t)(close - end - 2));
            value = use_word || end[1] == '+' ? "" : value;
        }
        end = close + 1;
    }
    bytes_adds(out, value);
    *p = end;
    return 0;
}

/* One word at *p: quotes, backslashes and variables are dealt with. Returns 1 and the word, 0 at the end of the
 * text. */
static int next_word(const struct change *c, const char **p, bool expanding, struct bytes *out)
{
    const char *s = *p + strspn(*p, " \t");
    char quote = '\0';
    bytes_reset(out);
    if (*s == '\0')
        return 0;
    while (*s != '\0' && (quote != '\0' || (*s != ' ' && *s != '\t'))) {
        if (*s == '\\' && quote != '\'' && s[1] != '\0') {
            if (quote == '"' && strchr("\"\\$", s[1]) == NULL)
                bytes_addc(out, '\\');
            bytes_addc(out, s[1]);
            s += 2;
        } else if (*s == '$' && quote != '\'' && expanding) {
            if (expand(c, &s, out) < 0)
                return -1;
        } else if (quote == '\0' && (*s == '"' || *s == '\'')) {
            quote = *s++;
        } else if (*s == quote) {
            quote = '\0';
            s++;
        } else {
            bytes_addc(out, *s++);
        }
    }
    if (quote != '\0')
        return bad(c, "a quotation mark is not closed");
    *p = s;
    return bytes_ok(out) ? 1 : creel_fail_nomem(c->err);
}

/* All words, expanded. */
static int words(const struct change *c, struct strv *out)
{
    auto_bytes w = BYTES_INIT;
    const char *p = c->rest;
    int r;
    while ((r = next_word(c, &p, true, &w)) == 1)
        if (!strv_addn(out, bytes_str(&w), w.len))
            return creel_fail_nomem(c->err);
    return r;
}

/* A JSON array of strings, or NULL when the text is not one (then it is shell form). */
static json_t *json_form(const char *text)
{
    if (text[0] != '[')
        return NULL;
    json_t *a = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *item;
    size_t i;
    bool ok = json_is_array(a);
    json_array_foreach(a, i, item)
        ok = ok && json_is_string(item);
    if (ok)
        return a;
    json_decref(a);
    return NULL;
}

/* --- instructions --- */

/* JSON form as it is, shell form behind the image's shell. */
static json_t *command(const struct change *c, const char *text)
{
    json_t *a = json_form(text);
    if (a != NULL)
        return a;
    a = json_deep_copy(json_object_get(c->config, "Shell"));
    if (!json_is_array(a) || json_array_size(a) == 0) {
        json_decref(a);
        a = json_pack("[s,s]", "/bin/sh", "-c");
    }
    if (a != NULL && json_array_append_new(a, json_string(text)) == 0)
        return a;
    json_decref(a);
    return NULL;
}

static int change_cmd(struct change *c)
{
    c->cmd_given = true;
    return set(c, c->config, "Cmd", c->rest[0] != '\0' ? command(c, c->rest) : json_null());
}

static int change_entrypoint(struct change *c)
{
    /* a new entry point makes the old arguments meaningless */
    if (!c->cmd_given)
        (void)json_object_del(c->config, "Cmd");
    return set(c, c->config, "Entrypoint", c->rest[0] != '\0' ? command(c, c->rest) : json_null());
}

static int change_shell(struct change *c)
{
    json_t *a = json_form(c->rest);
    if (a == NULL || json_array_size(a) == 0) {
        json_decref(a);
        return bad(c, "expected a JSON array of strings");
    }
    return set(c, c->config, "Shell", a);
}

static int put_env(const struct change *c, const char *name, size_t n, const char *value)
{
    json_t *env = member(c, "Env", true), *item;
    auto_bytes text = BYTES_INIT;
    size_t i;
    if (env == NULL)
        return -1;
    bytes_add(&text, name, n);
    bytes_addc(&text, '=');
    bytes_adds(&text, value);
    json_t *s = bytes_ok(&text) ? json_string(bytes_str(&text)) : NULL;
    if (s == NULL)
        return bad(c, "not UTF-8");
    json_array_foreach(env, i, item)
        if (json_is_string(item) && strncmp(json_string_value(item), bytes_str(&text), n + 1) == 0)
            return json_array_set_new(env, i, s) < 0 ? creel_fail_nomem(c->err) : 0;
    return json_array_append_new(env, s) < 0 ? creel_fail_nomem(c->err) : 0;
}

static int put_label(const struct change *c, const char *name, size_t n, const char *value)
{
    json_t *labels = member(c, "Labels", false);
    auto_free char *key = strndup(name, n);
    if (labels == NULL || key == NULL)
        return creel_fail_nomem(c->err);
    json_t *s = json_string(value);
    if (s == NULL || json_object_set_new(labels, key, s) < 0)
        return bad(c, "not UTF-8");
    return 0;
}

/* "a=b c='d e'", or the old form "a b c d" which is one pair. */
static int pairs(struct change *c, int (*put)(const struct change *c, const char *name, size_t n, const char *value))
{
    auto_bytes w = BYTES_INIT;
    const char *p = c->rest;
    int r = next_word(c, &p, true, &w);
    if (r <= 0)
        return r < 0 ? -1 : bad(c, "expected name=value");
    if (strchr(bytes_str(&w), '=') == NULL) {
        auto_free char *name = bytes_take(&w);
        auto_bytes value = BYTES_INIT;
        for (bool first = true; (r = next_word(c, &p, true, &w)) == 1; first = false)
            bytes_addf(&value, "%s%s", first ? "" : " ", bytes_str(&w));
        if (r < 0)
            return -1;
        if (name == NULL || name[0] == '\0' || value.len == 0)
            return bad(c, "expected name=value");
        return put(c, name, strlen(name), bytes_str(&value));
    }
    for (; r == 1; r = next_word(c, &p, true, &w)) {
        const char *text = bytes_str(&w), *eq = strchr(text, '=');
        if (eq == NULL || eq == text)
            return bad(c, "expected name=value");
        if (put(c, text, (size_t)(eq - text), eq + 1) < 0)
            return -1;
    }
    return r;
}

static int change_env(struct change *c)
{
    return pairs(c, put_env);
}

static int change_label(struct change *c)
{
    return pairs(c, put_label);
}

static int put_ports(struct change *c, json_t *ports, char *text)
{
    const char *protocol = "tcp";
    uint64_t first, last;
    char *slash = strchr(text, '/'), *dash;
    if (slash != NULL) {
        *slash = '\0';
        protocol = slash + 1;
        for (char *q = slash + 1; *q != '\0'; q++)
            *q = (char)tolower((unsigned char)*q);
    }
    if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 && strcmp(protocol, "sctp") != 0)
        return bad(c, "the protocol of a port is tcp, udp or sctp");
    if ((dash = strchr(text, '-')) != NULL)
        *dash = '\0';
    if (!parse_u64(text, PORT_MAX, &first) || first == 0)
        return bad(c, "expected a port from 1 to 65535");
    last = first;
    if (dash != NULL && (!parse_u64(dash + 1, PORT_MAX, &last) || last < first))
        return bad(c, "expected a range of ports, first-last");
    for (uint64_t port = first; port <= last; port++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%u/%s", (unsigned)port, protocol);
        if (set(c, ports, key, json_object()) < 0)
            return -1;
        if (json_object_size(ports) > PORTS_MAX)
            return bad(c, "more than 4096 ports");
    }
    return 0;
}

static int change_expose(struct change *c)
{
    auto_strv v = STRV_INIT;
    json_t *ports = member(c, "ExposedPorts", false);
    if (ports == NULL || words(c, &v) < 0)
        return -1;
    if (v.count == 0)
        return bad(c, "expected at least one port");
    for (size_t i = 0; i < v.count; i++)
        if (put_ports(c, ports, v.items[i]) < 0)
            return -1;
    return 0;
}

static int one_word(struct change *c, const char *key)
{
    auto_strv v = STRV_INIT;
    if (words(c, &v) < 0)
        return -1;
    if (v.count != 1 || v.items[0][0] == '\0')
        return bad(c, "expected exactly one word");
    json_t *s = json_string(v.items[0]);
    return s == NULL ? bad(c, "not UTF-8") : set(c, c->config, key, s);
}

static int change_user(struct change *c)
{
    return one_word(c, "User");
}

static int change_stopsignal(struct change *c)
{
    return one_word(c, "StopSignal");
}

static int change_workdir(struct change *c)
{
    auto_bytes path = BYTES_INIT, w = BYTES_INIT;
    const char *p = c->rest, *old = json_string_value(json_object_get(c->config, "WorkingDir"));
    for (int r; (r = next_word(c, &p, true, &w)) != 0;) { /* a path may have blanks in it */
        if (r < 0)
            return -1;
        bytes_addf(&path, "%s%s", path.len > 0 ? " " : "", bytes_str(&w));
    }
    if (path.len == 0)
        return bad(c, "expected a directory");
    auto_bytes full = BYTES_INIT;
    if (bytes_str(&path)[0] != '/')
        bytes_addf(&full, "%s%s", old != NULL ? old : "",
                   old != NULL && old[0] != '\0' && old[strlen(old) - 1] == '/' ? "" : "/");
    bytes_adds(&full, bytes_str(&path));
    while (full.len > 1 && full.data[full.len - 1] == '/')
        full.data[--full.len] = '\0';
    json_t *s = bytes_ok(&full) && bytes_ok(&path) ? json_string(bytes_str(&full)) : NULL;
    return s == NULL ? bad(c, "not UTF-8") : set(c, c->config, "WorkingDir", s);
}

static int put_volume(const struct change *c, json_t *volumes, const char *path)
{
    if (path[0] == '\0')
        return bad(c, "a volume needs a path");
    json_t *o = json_object();
    return o == NULL || json_object_set_new(volumes, path, o) < 0 ? bad(c, "not UTF-8") : 0;
}

static int change_volume(struct change *c)
{
    json_t *volumes = member(c, "Volumes", false), *list = json_form(c->rest), *item;
    auto_strv v = STRV_INIT;
    size_t i;
    int r = volumes == NULL ? -1 : 0;
    if (r == 0 && list == NULL)
        r = words(c, &v);
    if (r == 0 && json_array_size(list) + v.count == 0)
        r = bad(c, "expected at least one path");
    json_array_foreach(list, i, item)
        if (r == 0)
            r = put_volume(c, volumes, json_string_value(item));
    for (i = 0; i < v.count && r == 0; i++)
        r = put_volume(c, volumes, v.items[i]);
    json_decref(list);
    return r;
}

static int change_onbuild(struct change *c)
{
    static const char *const never[] = { "ONBUILD", "FROM", "MAINTAINER" };
    size_t n = strcspn(c->rest, " \t");
    if (n == 0)
        return bad(c, "expected an instruction");
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (strlen(never[i]) == n && strncasecmp(c->rest, never[i], n) == 0)
            return bad(c, "this instruction cannot be deferred");
    json_t *list = member(c, "OnBuild", true), *s = json_string(c->rest);
    if (list == NULL || s == NULL) {
        json_decref(s);
        return list == NULL ? -1 : bad(c, "not UTF-8");
    }
    return json_array_append_new(list, s) < 0 ? creel_fail_nomem(c->err) : 0;
}

/* --- HEALTHCHECK --- */

/* One "--name=value" at *p into `check`. Returns 1 when there was one, 0. */
static int health_option(const struct change *c, const char **p, json_t *check)
{
    static const struct { const char *flag, *key; } durations[] = {
        { "--interval=", "Interval" }, { "--timeout=", "Timeout" }, { "--start-period=", "StartPeriod" },
        { "--start-interval=", "StartInterval" },
    };
    auto_bytes w = BYTES_INIT;
    const char *s = *p;
    int64_t ns;
    uint64_t retries;
    if (strncmp(s, "--", 2) != 0)
        return 0;
    if (next_word(c, &s, false, &w) < 0)
        return -1;
    *p = s + strspn(s, " \t");
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        size_t n = strlen(durations[i].flag);
        if (strncmp(bytes_str(&w), durations[i].flag, n) != 0)
            continue;
        if (!parse_duration_ns(bytes_str(&w) + n, &ns) || ns < 0 || (ns > 0 && ns < 1000000))
            return bad(c, "expected a duration of at least 1ms (\"30s\", \"1m30s\")");
        return set(c, check, durations[i].key, json_integer(ns)) < 0 ? -1 : 1;
    }
    if (strncmp(bytes_str(&w), "--retries=", 10) == 0) {
        if (!parse_u64(bytes_str(&w) + 10, INT32_MAX, &retries))
            return bad(c, "--retries needs a number");
        return set(c, check, "Retries", json_integer((json_int_t)retries)) < 0 ? -1 : 1;
    }
    return bad(c, "the options are --interval, --timeout, --start-period, --start-interval and --retries");
}

static json_t *health_test(const char *text)
{
    json_t *test = json_form(text);
    if (test == NULL)
        return json_pack("[s,s]", "CMD-SHELL", text);
    if (json_array_insert_new(test, 0, json_string("CMD")) == 0)
        return test;
    json_decref(test);
    return NULL;
}

static int change_healthcheck(struct change *c)
{
    const char *p = c->rest;
    if (strcasecmp(p, "NONE") == 0)
        return set(c, c->config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
    json_t *check = json_object();
    int r = 1;
    while (r == 1)
        r = check == NULL ? creel_fail_nomem(c->err) : health_option(c, &p, check);
    if (r == 0
        && (strncasecmp(p, "CMD", 3) != 0 || (p[3] != ' ' && p[3] != '\t') || p[3 + strspn(p + 3, " \t")] == '\0'))
        r = bad(c, "expected NONE, or options and CMD with a command");
    if (r == 0)
        r = set(c, check, "Test", health_test(p + 3 + strspn(p + 3, " \t")));
    if (r < 0) {
        json_decref(check);
        return -1;
    }
    return set(c, c->config, "Healthcheck", check);
}

static const struct {
    const char *name;
    int (*apply)(struct change *c);
} instructions[] = {
    { "CMD", change_cmd },
    { "ENTRYPOINT", change_entrypoint },
    { "ENV", change_env },
    { "EXPOSE", change_expose },
    { "HEALTHCHECK", change_healthcheck },
    { "LABEL", change_label },
    { "ONBUILD", change_onbuild },
    { "SHELL", change_shell },
    { "STOPSIGNAL", change_stopsignal },
    { "USER", change_user },
    { "VOLUME", change_volume },
    { "WORKDIR", change_workdir },
};

static int apply_one(struct change *c, const char *text)
{
    text += strspn(text, " \t");
    size_t n = strcspn(text, " \t"), end = strlen(text);
    while (end > n && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    if (end > INSTRUCTION_MAX || strpbrk(text, "\n\r") != NULL)
        return creel_fail(c->err, CREEL_INVALID, 0, "change \"%.60s…\": an instruction is one line of at most 64 KiB",
                          text);
    for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
        if (strlen(instructions[i].name) != n || strncasecmp(text, instructions[i].name, n) != 0)
            continue;
        const char *rest = text + n + strspn(text + n, " \t");
        auto_free char *copy = strndup(rest, rest < text + end ? (size_t)(text + end - rest) : 0);
        if (copy == NULL)
            return creel_fail_nomem(c->err);
        c->name = instructions[i].name;
        c->rest = copy;
        int r = instructions[i].apply(c);
        c->rest = NULL;
        return r;
    }
    return creel_fail(c->err, CREEL_INVALID, 0,
                      "change \"%.60s\": expected CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, "
                      "STOPSIGNAL, USER, VOLUME or WORKDIR", text);
}

int changes_apply(json_t *config, const char *const *changes, struct creel_err *err)
{
    struct change c = { .config = config, .err = err };
    for (; changes != NULL && *changes != NULL; changes++)
        if (apply_one(&c, *changes) < 0)
            return -1;
    return 0;
}
