/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a configuration calls its group: an error, or names that have no path in them, a group that lies below the
 * slice, and a unit that is found again from its group. */
#include "runtime/systemd_name.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_scope(const struct systemd_scope *s)
{
    size_t n = strlen(s->unit), k = strlen(s->group), slice = strlen(s->slice);
    assert(n > 6 && n < 256 && strchr(s->unit, '/') == NULL && strcmp(s->unit + n - 6, ".scope") == 0);
    assert(slice > 6 && strchr(s->slice, '/') == NULL && strcmp(s->slice + slice - 6, ".slice") == 0);
    assert(s->group[0] == '/' && k > n && strcmp(s->group + k - n, s->unit) == 0);
    assert(strstr(s->group, "//") == NULL && strstr(s->group, "/.") == NULL);
    auto_free char *unit = systemd_unit_of_group(s->group);
    assert(unit != NULL && strcmp(unit, s->unit) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    struct systemd_scope scope;
    auto_free char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    for (int user = 0; user < 2; user++)
        if (systemd_scope_parse(text, user, &scope, &err) == 0) {
            check_scope(&scope);
            systemd_scope_fini(&scope);
        } else {
            assert(err.kind == CREEL_INVALID && err.text[0] != '\0');
        }
    auto_free char *unit = systemd_unit_of_group(text);
    auto_bytes object = BYTES_INIT;
    systemd_unit_object(text, &object);
    assert(strspn(bytes_str(&object), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/") == object.len);
    return 0;
}
