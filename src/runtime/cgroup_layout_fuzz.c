/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is some layout; each hierarchy has a mount point, and no v1 set of controllers is there twice. */
#include "runtime/cgroup_internal.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    struct cgroup_layout l;
    auto_free char *text = strndup((const char *)data, size);
    if (text == NULL || cgroup_layout_parse(text, &l, &err) < 0)
        return 0;
    assert(l.count <= CGROUP_HIERARCHIES && !(l.unified && l.hybrid));
    for (size_t i = 0; i < l.count; i++) {
        assert(l.items[i].mount != NULL && strlen(l.items[i].controllers) < sizeof l.items[i].controllers);
        assert(l.items[i].v2 == (l.items[i].controllers[0] == '\0'));
        for (size_t k = 0; k < i; k++)
            assert(l.items[i].v2 != l.items[k].v2 || strcmp(l.items[i].controllers, l.items[k].controllers) != 0);
    }
    cgroup_layout_fini(&l);
    return 0;
}
