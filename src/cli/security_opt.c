/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/security_opt.h"

#include "cli/file_text.h"
#include "cli/json.h"

#include <string.h>

bool security_profile_compact(const char *text, size_t len, struct bytes *out)
{
    bool in_string = false;
    size_t depth = 0, start = out->len;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!in_string && strchr(" \t\r\n", c) != NULL && c != '\0')
            continue;
        bytes_addc(out, c);
        if (in_string && c == '\\' && i + 1 < len)
            bytes_addc(out, text[++i]);
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth-- == 0)
            return false;
    }
    return bytes_ok(out) && !in_string && depth == 0 && out->len > start && out->data[start] == '{';
}

static int seccomp_load(const char *path, json_t *list, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT, option = BYTES_INIT;
    if (file_text_read(path, SECURITY_PROFILE_MAX, &text, err) < 0)
        return creel_wrap(err, "opening seccomp profile (%s) failed", path);
    bytes_adds(&option, "seccomp=");
    if (!security_profile_compact(bytes_str(&text), text.len, &option))
        return creel_fail(err, CREEL_INVALID, 0, "seccomp profile (%s) is not a JSON object", path);
    return json_push_text(list, bytes_str(&option), "the seccomp profile", err);
}

static int option_apply(const char *text, json_t *list, bool *unconfined_paths, struct creel_err *err)
{
    size_t key = strcspn(text, "=:");
    if (text[key] == '\0') {
        if (strcmp(text, "no-new-privileges") != 0)
            return creel_fail(err, CREEL_INVALID, 0, "invalid --security-opt: \"%s\"", text);
        return json_push_text(list, text, "--security-opt", err);
    }
    const char *value = text + key + 1;
    if (key == strlen("systempaths") && strncmp(text, "systempaths", key) == 0 && strcmp(value, "unconfined") == 0) {
        *unconfined_paths = true;
        return 0;
    }
    if (key == strlen("seccomp") && strncmp(text, "seccomp", key) == 0 && strcmp(value, "unconfined") != 0
        && strcmp(value, "builtin") != 0)
        return seccomp_load(value, list, err);
    return json_push_text(list, text, "--security-opt", err);
}

int security_opt_apply(const struct strv *options, json_t *host_config, struct creel_err *err)
{
    bool unconfined_paths = false;
    auto_json *list = json_array();
    for (size_t i = 0; i < options->count; i++)
        if (option_apply(options->items[i], list, &unconfined_paths, err) < 0)
            return -1;
    if (json_array_size(list) > 0 && json_put(host_config, "SecurityOpt", json_incref(list), err) < 0)
        return -1;
    if (unconfined_paths
        && (json_put(host_config, "MaskedPaths", json_array(), err) < 0
            || json_put(host_config, "ReadonlyPaths", json_array(), err) < 0))
        return -1;
    return 0;
}
