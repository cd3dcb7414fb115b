/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "runtime/sysctl.h"

#include <string.h>

static struct oci_namespace own[] = { { .type = OCI_NS_NETWORK }, { .type = OCI_NS_IPC }, { .type = OCI_NS_UTS },
                                      { .type = OCI_NS_USER } };
static struct oci_config isolated = { .linux_ = { .namespaces = own, .namespace_count = 4 } };
static struct oci_config hostly = { 0 };

static void keys_become_paths(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "net.ipv4.ip_forward", "sys/net/ipv4/ip_forward" },
        { "net/ipv4/ip_forward", "sys/net/ipv4/ip_forward" },
        { "net/ipv4/conf/eth0.1/forwarding", "sys/net/ipv4/conf/eth0.1/forwarding" },
        { "net.ipv4.conf.eth0/1.forwarding", "sys/net/ipv4/conf/eth0.1/forwarding" },
        { "kernel.shmmax", "sys/kernel/shmmax" },
        { "kernel/sem", "sys/kernel/sem" },
        { "kernel.shm_rmid_forced", "sys/kernel/shm_rmid_forced" },
        { "kernel.domainname", "sys/kernel/domainname" },
        { "fs.mqueue.msg_max", "sys/fs/mqueue/msg_max" },
        { "user.max_user_namespaces", "sys/user/max_user_namespaces" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[SYSCTL_PATH_MAX];
        struct creel_err err = { 0 };
        if (sysctl_path(&isolated, NULL, rows[i][0], "1", path, &err) < 0)
            fail_msg("%s: %s", rows[i][0], err.text);
        assert_string_equal(path, rows[i][1]);
        assert_int_equal(sysctl_path(&hostly, NULL, rows[i][0], "1", path, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_non_null(strstr(err.text, rows[i][0]));
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "", ".", "/", "net", "net.", ".net.a", "net..ipv4", "net/../kernel/core_pattern", "net/ipv4/../../kernel/core_pattern",
        "net/./a", "net//a", "/net/a", "net/a/", "kernel.core_pattern", "kernel/core_pattern", "kernel.hostname", "vm.swappiness",
        "kernel.shmmaxx", "kernel.shm", "kernel.sysrq", "fs.mqueue", "fs.file-max", "net.a=1", "net.a+net.b", "net.a b",
        "net.a\nkernel.core_pattern", "net.a\\b", "net.\xc3\xa4", "user", "Kernel.shmmax", "net.ipv4.//.x", "net.ipv4./.x", "net/ipv4/../x", "fs.mqueue/msg_max", "kernel.domainname.x", "kernel/domainname/x", "netx.a",
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char path[SYSCTL_PATH_MAX];
        struct creel_err err = { 0 };
        if (sysctl_path(&isolated, NULL, keys[i], "1", path, &err) == 0)
            fail_msg("\"%s\" was accepted as %s", keys[i], path);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
    char longest[400], path[SYSCTL_PATH_MAX];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "net.", 4);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(sysctl_path(&isolated, NULL, longest, "1", path, NULL), -1);
}

static void values_are_one_line(void **state)
{
    (void)state;
    char path[SYSCTL_PATH_MAX], big[5000];
    memset(big, '1', sizeof big);
    big[sizeof big - 1] = '\0';
    assert_int_equal(sysctl_path(&isolated, NULL, "kernel.sem", "250\t32000 100 128", path, NULL), 0);
    assert_int_equal(sysctl_path(&isolated, NULL, "net.a", "", path, NULL), 0);
    assert_int_equal(sysctl_path(&isolated, NULL, "net.a", "1\nkernel.core_pattern=|/x", path, NULL), -1);
    assert_int_equal(sysctl_path(&isolated, NULL, "net.a", "1\r", path, NULL), -1);
    assert_int_equal(sysctl_path(&isolated, NULL, "net.a", big, path, NULL), -1);
    assert_int_equal(sysctl_path(&isolated, NULL, "net.a", NULL, path, NULL), -1);
}

static void a_joined_host_namespace_counts_as_the_hosts(void **state)
{
    (void)state;
    char path[SYSCTL_PATH_MAX];
    bool shared[OCI_NS_COUNT] = { [OCI_NS_NETWORK] = true };
    assert_int_equal(sysctl_path(&isolated, shared, "net.ipv4.ip_forward", "1", path, NULL), -1);
    assert_int_equal(sysctl_path(&isolated, shared, "kernel.sem", "1", path, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_become_paths),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(values_are_one_line),
        cmocka_unit_test(a_joined_host_namespace_counts_as_the_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
