/* SPDX-License-Identifier: Apache-2.0 */
/* A record that is read prints and reads back the same; a mount that is accepted has a type, a target and, when it is a
 * bind, an absolute or plain source. */
#include "cli/csv.h"
#include "cli/json.h"
#include "cli/mount_spec.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void record_round_trip(const char *text)
{
    auto_strv first = STRV_INIT, second = STRV_INIT;
    auto_bytes printed = BYTES_INIT;
    struct creel_err err = { 0 };
    if (csv_parse(text, &first, &err) < 0)
        return;
    csv_print(&first, &printed);
    assert(csv_parse(bytes_str(&printed), &second, &err) == 0 && first.count == second.count);
    for (size_t i = 0; i < first.count; i++)
        assert(strcmp(first.items[i], second.items[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = strndup((const char *)data, size);
    auto_json *mount = NULL;
    struct creel_err err = { 0 };
    record_round_trip(text);
    if (mount_spec_parse(text, "/cwd", &mount, &err) < 0) {
        assert(mount == NULL && err.text[0] != '\0');
        return 0;
    }
    const char *type = json_string_value(json_object_get(mount, "Type"));
    const char *target = json_string_value(json_object_get(mount, "Target"));
    const char *source = json_string_value(json_object_get(mount, "Source"));
    assert(target != NULL && target[0] != '\0');
    assert(strcmp(type, "tmpfs") == 0 || (strcmp(type, "bind") == 0 && source != NULL && source[0] != '.'));
    return 0;
}
