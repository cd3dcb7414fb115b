/* SPDX-License-Identifier: Apache-2.0 */
/* What is understood is printed and understood again, the same; nothing else is a state. */
#include "ociruntime/state.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_state a = STATE_INIT, b = STATE_INIT;
    auto_bytes text = BYTES_INIT;
    struct creel_err err = { 0 };
    if (state_parse((const char *)data, size, &a, &err) < 0) {
        assert(err.kind != CREEL_OK && err.text[0] != '\0');
        return 0;
    }
    assert(state_print(&a, &text, &err) == 0);
    assert(state_parse(text.data, text.len, &b, &err) == 0);
    assert(strcmp(a.bundle, b.bundle) == 0 && strcmp(a.rootfs, b.rootfs) == 0 && strcmp(a.cgroup, b.cgroup) == 0
           && strcmp(a.created, b.created) == 0 && a.manager == b.manager && a.rootless == b.rootless
           && a.notifies == b.notifies && a.config_len == b.config_len
           && memcmp(a.config_text, b.config_text, a.config_len) == 0);
    return 0;
}
