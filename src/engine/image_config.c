/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image_config.h"

#include "spec/container_request.h"
#include "spec/env_list.h"

#include <string.h>

static bool is_strings(const json_t *list)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list))
        return false;
    json_array_foreach((json_t *)list, i, v)
        if (!json_is_string(v))
            return false;
    return true;
}

/* Members of a map that the request does not have. values_are_text: labels; else ports and volumes, whose values mean
 * nothing. */
static int map_unite(json_t *config, const json_t *image, const char *member, bool values_are_text, struct creel_err *err)
{
    const json_t *theirs = json_object_get(image, member);
    json_t *ours = json_object_get(config, member);
    const char *key;
    json_t *v;
    if (!json_is_object(theirs) || json_object_size(theirs) == 0)
        return 0;
    auto_json united = ours != NULL ? json_copy(ours) : json_object();
    json_object_foreach((json_t *)theirs, key, v) {
        if (key[0] == '\0' || !text_is_printable(key) || json_object_get(united, key) != NULL
            || (values_are_text && !json_is_string(v)))
            continue;
        if (json_object_set_new(united, key, values_are_text ? json_incref(v) : json_object()) < 0)
            return creel_fail_nomem(err);
    }
    if (united == NULL)
        return creel_fail_nomem(err);
    return json_object_size(united) > 0 && json_object_set(config, member, united) < 0 ? creel_fail_nomem(err) : 0;
}

static int text_inherit(json_t *config, const json_t *image, const char *member, struct creel_err *err)
{
    const char *s = json_text(image, member);
    if (json_text(config, member)[0] != '\0' || s[0] == '\0')
        return 0;
    if (!text_is_printable(s))
        return creel_fail(err, CREEL_INVALID, 0, "the image's %s has control characters", member);
    return json_object_set_new(config, member, json_string(s)) < 0 ? creel_fail_nomem(err) : 0;
}

/* The image's Cmd only when neither Cmd nor Entrypoint was given; [""] as Entrypoint means none. */
static int command_merge(json_t *config, const json_t *image, struct creel_err *err)
{
    json_t *cmd = json_object_get(image, "Cmd"), *entrypoint = json_object_get(image, "Entrypoint");
    json_t *ours = json_object_get(config, "Entrypoint");
    if (json_array_size(ours) == 0) {
        if (json_object_get(config, "Cmd") == NULL && is_strings(cmd) && json_array_size(cmd) > 0
            && json_object_set(config, "Cmd", cmd) < 0)
            return creel_fail_nomem(err);
        if (ours == NULL && is_strings(entrypoint) && json_array_size(entrypoint) > 0
            && json_object_set(config, "Entrypoint", entrypoint) < 0)
            return creel_fail_nomem(err);
    }
    ours = json_object_get(config, "Entrypoint");
    if (ours != NULL && (json_array_size(ours) == 0
                         || (json_array_size(ours) == 1 && json_string_length(json_array_get(ours, 0)) == 0)))
        (void)json_object_del(config, "Entrypoint");
    const json_t *first = json_object_get(config, "Entrypoint");
    if (first == NULL)
        first = json_object_get(config, "Cmd");
    if (json_array_size(first) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "No command specified");
    if (command_check("Cmd", json_object_get(config, "Cmd"), err) < 0
        || command_check("Entrypoint", json_object_get(config, "Entrypoint"), err) < 0)
        return -1;
    return 0;
}

static int env_merge(json_t *config, const json_t *image, struct creel_err *err)
{
    const json_t *theirs = json_object_get(image, "Env");
    auto_json env = env_list_merge_image(json_object_get(config, "Env"), is_strings(theirs) ? theirs : NULL);
    if (env == NULL)
        return creel_fail_nomem(err);
    if (json_array_size(env) > 0 && json_object_set(config, "Env", env) < 0)
        return creel_fail_nomem(err);
    return command_check("Env", env, err);
}

static int working_dir_merge(json_t *config, const json_t *image, struct creel_err *err)
{
    bool ours = json_text(config, "WorkingDir")[0] != '\0';
    if (text_inherit(config, image, "WorkingDir", err) < 0)
        return -1;
    const char *dir = json_text(config, "WorkingDir");
    if (ours || dir[0] == '\0' || dir[0] == '/')
        return 0;
    auto_json absolute = json_sprintf("/%s", dir);
    return absolute == NULL || json_object_set(config, "WorkingDir", absolute) < 0 ? creel_fail_nomem(err) : 0;
}

/* The parts the request leaves open come from the image. */
static int health_merge(json_t *config, const json_t *image, struct creel_err *err)
{
    const json_t *theirs = json_object_get(image, "Healthcheck");
    json_t *ours = json_object_get(config, "Healthcheck");
    static const char *const numbers[] = { "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries" };
    if (!json_is_object(theirs) || !is_strings(json_object_get(theirs, "Test")))
        return 0;
    auto_json merged = ours != NULL ? json_copy(ours) : json_object();
    if (merged == NULL)
        return creel_fail_nomem(err);
    if (json_object_get(merged, "Test") == NULL
        && json_object_set(merged, "Test", json_object_get(theirs, "Test")) < 0)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_t *v = json_object_get(theirs, numbers[i]);
        if (json_object_get(merged, numbers[i]) == NULL && json_is_integer(v) && json_integer_value(v) > 0
            && json_object_set(merged, numbers[i], v) < 0)
            return creel_fail_nomem(err);
    }
    return json_object_set(config, "Healthcheck", merged) < 0 ? creel_fail_nomem(err) : 0;
}

int image_config_merge(const char *image_config, json_t *config, struct creel_err *err)
{
    auto_json document = NULL;
    if (schema_parse("image configuration", image_config, strlen(image_config), &document, err) < 0)
        return -1;
    const json_t *image = json_object_get(document, "config");
    if (env_merge(config, image, err) < 0 || text_inherit(config, image, "User", err) < 0
        || text_inherit(config, image, "StopSignal", err) < 0 || working_dir_merge(config, image, err) < 0
        || map_unite(config, image, "Labels", true, err) < 0 || map_unite(config, image, "ExposedPorts", false, err) < 0
        || map_unite(config, image, "Volumes", false, err) < 0 || health_merge(config, image, err) < 0
        || command_merge(config, image, err) < 0)
        return -1;
    return 0;
}
