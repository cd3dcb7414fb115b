/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: a request that was accepted is accepted again in its normalised form and normalises to itself; its filled
 * form is accepted too; merging an empty update changes nothing. */
#include "spec/container_request.h"
#include "spec/host_config.h"
#include "spec/mount_point.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a body with these two parts; both are given up. */
static char *body_print(json_t *config, json_t *host)
{
    assert(json_object_set_new(config, "HostConfig", host) == 0);
    char *text = json_dumps(config, JSON_SORT_KEYS);
    json_decref(config);
    assert(text != NULL);
    return text;
}

/* What a body normalises to, or the message it is refused with. */
static char *normal_form(char *text)
{
    auto_container_request r = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    int parsed = container_request_parse(text, strlen(text), &r, &warnings, &err);
    free(text);
    return parsed < 0 ? strdup(err.text) : body_print(json_deep_copy(r.config), json_deep_copy(r.host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_container_request r = { 0 };
    auto_strv warnings = STRV_INIT;
    auto_json update = NULL;
    auto_json merged = NULL;
    auto_json exec = NULL;
    struct creel_err err = { 0 };
    if (exec_request_parse((const char *)data, size, &exec, &err) == 0)
        assert(json_array_size(json_object_get(exec, "Cmd")) > 0);
    if (update_request_parse((const char *)data, size, &update, &err) == 0) {
        auto_json empty = json_object();
        (void)update_request_merge(empty, update, &merged, &err);
    }
    if (container_request_parse((const char *)data, size, &r, &warnings, &err) < 0) {
        assert(err.kind == CREEL_INVALID || err.kind == CREEL_UNSUPPORTED);
        return 0;
    }
    assert(host_config_check(r.host, &err) == 0);
    if (json_object_size(r.config) == 0)
        return 0; /* an empty Config is refused */
    char *once = normal_form(body_print(json_deep_copy(r.config), json_deep_copy(r.host)));
    char *same = body_print(json_deep_copy(r.config), json_deep_copy(r.host));
    char *filled = normal_form(body_print(container_config_fill(r.config), host_config_fill(r.host)));
    assert(once != NULL && same != NULL && filled != NULL && strcmp(once, same) == 0);
    assert(filled[0] == '{');
    free(once);
    free(same);
    free(filled);
    return 0;
}
