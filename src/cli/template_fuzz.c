/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a template: it ends, prints no more than it may, does not change the document, and prints the same
 * again. */
#include "cli/template.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
    "{\"Id\":\"4f66\",\"S\":{\"Status\":\"running\",\"Pid\":4242,\"F\":1.5,\"Ok\":true,\"N\":null},"
    "\"L\":{\"x\":\"1\",\"y\":\"<&>\"},\"A\":[1,\"two\",[3],{\"k\":\"v\"}]}";
static const struct template_field fields[] = { { "Health", TEMPLATE_ZERO_POINTER }, { "L", TEMPLATE_ZERO_MAP },
                                                { "N", TEMPLATE_ZERO_LIST }, { NULL, TEMPLATE_ZERO_NONE } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    auto_template *t = NULL;
    auto_free char *text = strndup((const char *)data, size);
    assert(text != NULL);
    if (template_parse(text, &t, &err) < 0) {
        assert(err.kind != CREEL_OK && err.text[0] != '\0' && t == NULL);
        return 0;
    }
    json_t *j = json_loads(document, 0, NULL), *same = json_deep_copy(j);
    const struct template_input in = { .json = j, .fields = fields, .max_steps = 2000 };
    auto_bytes a = BYTES_INIT, b = BYTES_INIT;
    bytes_init_max(&a, 1 << 20);
    bytes_init_max(&b, 1 << 20);
    int r = template_run(t, &in, &a, &err);
    assert(r == template_run(t, &in, &b, &err));
    assert(a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
    assert(json_equal(j, same));
    json_decref(j);
    json_decref(same);
    return 0;
}
