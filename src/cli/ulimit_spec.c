/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ulimit_spec.h"

#include "cli/json.h"

#include "base/parse.h"
#include "base/strv.h"

#include <inttypes.h>
#include <string.h>

static const char *const ulimit_names[] = {
    "core",   "cpu",    "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
    "nofile", "nproc",  "rss",  "rtprio", "rttime", "sigpending", "stack",
};

static bool name_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ulimit_names); i++)
        if (strcmp(ulimit_names[i], name) == 0)
            return true;
    return false;
}

static int limits_parse(const char *text, int64_t *soft, int64_t *hard, struct creel_err *err)
{
    auto_strv parts = STRV_INIT;
    if (!strv_split(&parts, text, ':'))
        return creel_fail_nomem(err);
    if (parts.count > 2)
        return creel_fail(err, CREEL_INVALID, 0, "too many limit value arguments - %s, can only have up to two, "
                          "`soft[:hard]`", text);
    for (size_t i = 0; i < parts.count; i++)
        if (!parse_i64(parts.items[i], -1, INT64_MAX, i == 0 ? soft : hard))
            return creel_fail(err, CREEL_INVALID, 0, "invalid limit '%s': a number, or -1 for unlimited",
                              parts.items[i]);
    if (parts.count == 1)
        *hard = *soft;
    if (*hard != -1 && (*soft == -1 || *soft > *hard))
        return creel_fail(err, CREEL_INVALID, 0,
                          "ulimit soft limit must be less than or equal to hard limit: %" PRId64 " > %" PRId64, *soft,
                          *hard);
    return 0;
}

int ulimit_spec_parse(const char *text, json_t **ret, struct creel_err *err)
{
    const char *eq = strchr(text, '=');
    int64_t soft, hard;
    if (eq == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "invalid ulimit argument: %s", text);
    auto_free char *name = strndup(text, (size_t)(eq - text));
    if (name == NULL)
        return creel_fail_nomem(err);
    if (!name_known(name))
        return creel_fail(err, CREEL_INVALID, 0, "invalid ulimit type: %s", name);
    if (limits_parse(eq + 1, &soft, &hard, err) < 0)
        return -1;
    auto_json *o = json_object();
    if (json_put(o, "Name", json_string(name), err) < 0 || json_put(o, "Soft", json_integer(soft), err) < 0
        || json_put(o, "Hard", json_integer(hard), err) < 0)
        return -1;
    *ret = json_incref(o);
    return 0;
}
