/* SPDX-License-Identifier: Apache-2.0 */
/* A profile that resolves is an OCI description that prints and parses. */
#include "base/cleanup.h"
#include "spec/seccomp_profile.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    auto_strv caps = STRV_INIT;
    struct oci_seccomp s = { 0 };
    auto_free char *text = NULL;
    if (!strv_add(&caps, "CAP_SYS_ADMIN"))
        return 0;
    struct seccomp_context ctx = {.caps = &caps,
                                  .machine = size % 2 ? "x86_64" : "s390x",
                                  .kernel_major = 5,
                                  .kernel_minor = (unsigned)size % 20};
    if (seccomp_profile_resolve((const char *)data, size, &ctx, &s, &err) < 0) {
        assert(err.kind == CREEL_INVALID && err.text[0] != '\0');
        return 0;
    }
    int r = oci_seccomp_print(&s, &text, &err);
    assert(r == 0 && s.present && s.default_action != NULL);
    for (size_t i = 0; i < s.syscall_count; i++)
        assert(s.syscalls[i].names.count > 0 && s.syscalls[i].action != NULL);
    oci_seccomp_fini(&s);
    return 0;
}
