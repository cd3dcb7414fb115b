/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations of any content: an error that leaves the list as it was, or exactly one more element of a(sv). The first line
 * is the name of the property, the rest its value. */
#include "runtime/systemd_property.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    auto_bytes list = BYTES_INIT;
    auto_free char *name = strndup((const char *)data, size);
    if (name == NULL)
        return 0;
    char *value = name + strcspn(name, "\n");
    if (*value != '\0')
        *value++ = '\0';
    systemd_put_bool(&list, "Delegate", true);
    size_t before = list.len;
    if (systemd_property_parse(name, value, &list, &err) < 0) {
        assert(list.len == before && bytes_ok(&list) && err.text[0] != '\0');
        return 0;
    }
    struct dbus_reader r = { .data = (const uint8_t *)list.data, .len = list.len };
    auto_bytes text = BYTES_INIT;
    for (int i = 0; i < 2; i++)
        dbus_value_print(&r, "(sv)", &text);
    assert(!r.bad && r.at == r.len && strncmp(text.data, "(\"Delegate\" <b true>)(\"", 23) == 0);
    return 0;
}
