/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of cgroup files: numbers, keyed numbers, lists, per-device counters. */
#include "runtime/cgroup_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t v = 0, again = 0, sum = 0;
    char text[32];
    auto_free char *s = strndup((const char *)data, size);
    if (s == NULL)
        return 0;
    if (cgroup_value_parse(s, NULL, &v)) {
        (void)snprintf(text, sizeof text, "%" PRIu64, v);
        bool ok = cgroup_value_parse(text, NULL, &again);
        assert(ok && again == v);
    }
    (void)cgroup_value_parse(s, "oom_kill", &v);
    cgroup_io_parse(s, "rbytes=", &sum);
    cgroup_io_parse(s, "Read ", &sum);
    /* equality of lists is reflexive for lists, and symmetric */
    char *half = s + strlen(s) / 2;
    assert(cgroup_list_same(s, half) == cgroup_list_same(half, s));
    struct cgroup_write w = { .grain = size % 3 == 0 ? CGROUP_LIST : size % 3 == 1 ? 4096 : 1 };
    (void)cgroup_value_kept(&w, s, half);
    return 0;
}
