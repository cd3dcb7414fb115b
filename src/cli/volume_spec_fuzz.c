/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that is accepted is exactly one of a bind and a mount, from an absolute path to an absolute path. */
#include "cli/json.h"
#include "cli/volume_spec.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = strndup((const char *)data, size);
    auto_free char *bind = NULL;
    auto_json *mount = NULL;
    struct creel_err err = { 0 };
    if (volume_spec_parse(text, "/cwd", &bind, &mount, &err) < 0) {
        assert(bind == NULL && mount == NULL && err.text[0] != '\0');
        return 0;
    }
    assert((bind == NULL) != (mount == NULL));
    if (bind != NULL) {
        const char *colon = strchr(bind, ':');
        assert(bind[0] == '/' && colon != NULL && colon[1] == '/' && colon[2] != '\0');
    } else {
        const char *source = json_string_value(json_object_get(mount, "Source"));
        assert(source != NULL && source[0] == '/');
    }
    return 0;
}
