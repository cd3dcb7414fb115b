/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/device_spec.h"

#include "cli/json.h"

#include "base/strv.h"

#include <string.h>

static bool permissions_ok(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || strspn(s, "rwm") != n)
        return false;
    for (const char *c = "rwm"; *c != '\0'; c++)
        if (strchr(s, *c) != strrchr(s, *c))
            return false;
    return true;
}

int device_spec_parse(const char *text, json_t **ret, struct creel_err *err)
{
    auto_strv s = STRV_INIT;
    if (!strv_split(&s, text, ':'))
        return creel_fail_nomem(err);
    if (text[0] == '\0' || s.count > 3)
        return creel_fail(err, CREEL_INVALID, 0, "bad format for path: %s", text);
    const char *host = s.items[0], *inside = host, *permissions = "rwm";
    if (s.count == 3) {
        inside = s.items[1];
        permissions = s.items[2];
        if (!permissions_ok(permissions))
            return creel_fail(err, CREEL_INVALID, 0, "bad mode specified: %s", permissions);
    } else if (s.count == 2 && permissions_ok(s.items[1])) {
        permissions = s.items[1];
    } else if (s.count == 2) {
        inside = s.items[1];
    }
    if (host[0] != '/' || inside[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0, "%s is not an absolute path", host[0] != '/' ? host : inside);
    auto_json *o = json_object();
    if (json_put_text(o, "PathOnHost", host, "the device's path", err) < 0
        || json_put_text(o, "PathInContainer", inside, "the device's path in the container", err) < 0
        || json_put(o, "CgroupPermissions", json_string(permissions), err) < 0)
        return -1;
    *ret = json_incref(o);
    return 0;
}

/* Digits or "*"; returns behind it, or NULL. */
static const char *number_skip(const char *p)
{
    if (*p == '*')
        return p + 1;
    size_t n = strspn(p, "0123456789");
    return n == 0 ? NULL : p + n;
}

int device_rule_check(const char *text, struct creel_err *err)
{
    const char *p = text;
    bool ok = *p != '\0' && strchr("acb", *p) != NULL && p[1] == ' ';
    if (ok)
        ok = (p = number_skip(p + 2)) != NULL && *p == ':';
    if (ok)
        ok = (p = number_skip(p + 1)) != NULL && *p == ' ';
    if (ok)
        ok = strlen(p + 1) >= 1 && strlen(p + 1) <= 3 && strspn(p + 1, "rwm") == strlen(p + 1);
    return ok ? 0 : creel_fail(err, CREEL_INVALID, 0, "invalid device cgroup format '%s'", text);
}
