/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/security_option.h"

#include <string.h>

static int seccomp_parse(const char *value, struct security_options *o, struct creel_err *err)
{
    o->seccomp_unconfined = strcmp(value, "unconfined") == 0;
    o->seccomp_profile = NULL;
    if (o->seccomp_unconfined || strcmp(value, "builtin") == 0)
        return 0;
    if (value[strspn(value, " \t\r\n")] != '{')
        return creel_fail(err, CREEL_INVALID, 0,
                          "opening seccomp profile (%.200s) failed: the engine takes the text of a profile, 'builtin' or "
                          "'unconfined'",
                          value);
    o->seccomp_profile = value;
    return 0;
}

static int option_parse(const char *text, struct security_options *o, struct creel_err *err)
{
    size_t n = strcspn(text, "=:");
    const char *value = text[n] != '\0' ? text + n + 1 : NULL;
    bool on = value == NULL || strcmp(value, "true") == 0;
    if (strncmp(text, "no-new-privileges", n) == 0 && n == 17) {
        if (!on && strcmp(value, "false") != 0)
            return creel_fail(err, CREEL_INVALID, 0, "invalid --security-opt: no-new-privileges=%.100s", value);
        o->no_new_privileges = on;
        return 0;
    }
    if (strcmp(text, "disable") == 0) { /* the short form of label=disable */
        o->label_disable = true;
        return 0;
    }
    if (value == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "invalid --security-opt 1: \"%.100s\"", text);
    if (n == 7 && strncmp(text, "seccomp", n) == 0)
        return seccomp_parse(value, o, err);
    if (n == 8 && strncmp(text, "apparmor", n) == 0) {
        o->apparmor = strcmp(value, "unconfined") == 0 || value[0] == '\0' ? NULL : value;
        return 0;
    }
    if (n == 5 && strncmp(text, "label", n) == 0) {
        if (strcmp(value, "disable") == 0)
            o->label_disable = true;
        else
            o->label = value;
        return 0;
    }
    if (n == 11 && strncmp(text, "systempaths", n) == 0 && strcmp(value, "unconfined") == 0) {
        o->systempaths_unconfined = true;
        return 0;
    }
    return creel_fail(err, CREEL_INVALID, 0, "invalid --security-opt 2: \"%.100s\"", text);
}

int security_options_parse(const json_t *host, struct security_options *ret, struct creel_err *err)
{
    struct security_options o = { 0 };
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(host, "SecurityOpt"), i, v)
        if (option_parse(json_string_value(v), &o, err) < 0)
            return -1;
    *ret = o;
    return 0;
}
