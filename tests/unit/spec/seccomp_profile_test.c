/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules of a profile apply to whom. What they compile to is tested in runtime/seccomp. */
#include "check.h"

#include "base/cleanup.h"
#include "spec/seccomp_profile.h"

#include <string.h>

static const char profile[] =
    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":["
    "{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
    "{\"architecture\":\"SCMP_ARCH_S390X\",\"subArchitectures\":null}],\"syscalls\":["
    "{\"names\":[\"always\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":null,\"includes\":{},\"excludes\":{}},"
    "{\"name\":\"oldform\",\"action\":\"SCMP_ACT_ALLOW\"},"
    "{\"names\":[\"in-cap\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_A\",\"CAP_B\"]}},"
    "{\"names\":[\"ex-cap\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"caps\":[\"CAP_A\",\"CAP_C\"]}},"
    "{\"names\":[\"in-arch\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"amd64\",\"arm64\"]}},"
    "{\"names\":[\"ex-arch\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"arches\":[\"amd64\"]}},"
    "{\"names\":[\"in-new\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"5.10\"}},"
    "{\"names\":[\"ex-new\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"minKernel\":\"5.10\"}}]}";

/* The names of the rules that apply, in order. */
static void applies(const char *machine, unsigned major, unsigned minor, const char *const *caps, const char *arches,
                    const char *names)
{
    struct creel_err err = { 0 };
    auto_strv have = STRV_INIT;
    struct oci_seccomp s = { 0 };
    auto_strv got = STRV_INIT;
    char joined[512] = "", arch_text[256] = "";
    for (; *caps != NULL; caps++)
        assert_true(strv_add(&have, *caps));
    struct seccomp_context ctx = { .caps = &have, .machine = machine, .kernel_major = major, .kernel_minor = minor };
    if (seccomp_profile_resolve(profile, strlen(profile), &ctx, &s, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(s.present);
    for (size_t i = 0; i < s.syscall_count; i++) {
        assert_int_equal(s.syscalls[i].names.count, 1);
        strncat(joined, s.syscalls[i].names.items[0], sizeof joined - strlen(joined) - 2);
        strncat(joined, " ", sizeof joined - strlen(joined) - 1);
    }
    for (size_t i = 0; i < s.architectures.count; i++) {
        strncat(arch_text, s.architectures.items[i], sizeof arch_text - strlen(arch_text) - 2);
        strncat(arch_text, " ", sizeof arch_text - strlen(arch_text) - 1);
    }
    assert_string_equal(joined, names);
    assert_string_equal(arch_text, arches);
    oci_seccomp_fini(&s);
}

#define CAPS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void rules_apply_by_capability_architecture_and_kernel(void **state)
{
    (void)state;
    const char *x86 = "SCMP_ARCH_X86_64 SCMP_ARCH_X86 ";
    applies("x86_64", 5, 10, CAPS("CAP_X"), x86, "always oldform ex-cap in-arch in-new ");
    applies("x86_64", 5, 9, CAPS("CAP_A"), x86, "always oldform in-arch ex-new ");
    applies("x86_64", 6, 0, CAPS("CAP_A", "CAP_B"), x86, "always oldform in-cap in-arch in-new ");
    applies("x86_64", 4, 19, CAPS("CAP_B"), x86, "always oldform ex-cap in-arch ex-new ");
    applies("s390x", 6, 0, CAPS("CAP_C"), "SCMP_ARCH_S390X ", "always oldform ex-arch in-new ");
    applies("aarch64", 6, 0, CAPS("CAP_C"), "", "always oldform in-arch ex-arch in-new ");
    applies("unheard-of", 6, 0, CAPS("CAP_C"), "", "always oldform ex-arch in-new ");
}

static void the_default_profile_resolves_everywhere(void **state)
{
    (void)state;
    static const char *const machines[] = { "x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64", "loongarch64" };
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        struct creel_err err = { 0 };
        auto_strv caps = STRV_INIT;
        struct oci_seccomp a = { 0 }, b = { 0 };
        auto_free char *x = NULL, *y = NULL;
        struct seccomp_context ctx = { .caps = &caps, .machine = machines[i], .kernel_major = 6, .kernel_minor = 1 };
        assert_int_equal(seccomp_profile_default(&ctx, &a, &err), 0);
        assert_int_equal(seccomp_profile_resolve(NULL, 0, &ctx, &b, &err), 0);
        assert_true(a.syscall_count > 8 && a.syscalls[0].names.count > 300 && a.default_errno_set && a.default_errno == 1);
        assert_int_equal(oci_seccomp_print(&a, &x, &err), 0);
        assert_int_equal(oci_seccomp_print(&b, &y, &err), 0);
        assert_string_equal(x, y);
        oci_seccomp_fini(&a);
        oci_seccomp_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_apply_by_capability_architecture_and_kernel),
        cmocka_unit_test(the_default_profile_resolves_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
