/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "ociruntime/example.h"
#include "spec/oci_config.h"

#include <string.h>

static struct oci_config *example(bool unified, bool rootless)
{
    const struct example_host host = { .unified = unified, .rootless = rootless, .uid = 1000, .gid = 100 };
    auto_bytes text = BYTES_INIT;
    struct oci_config *c = NULL;
    struct creel_err err = { 0 };
    assert_int_equal(example_print(&host, &text, &err), 0);
    assert_true(bytes_ok(&text));
    if (oci_config_parse(bytes_str(&text), text.len, &c, &err) < 0 || oci_config_validate(c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static const struct oci_mount *mount_at(const struct oci_config *c, const char *destination)
{
    for (size_t i = 0; i < c->mount_count; i++)
        if (strcmp(c->mounts[i].destination, destination) == 0)
            return &c->mounts[i];
    fail_msg("no mount at %s", destination);
    return NULL;
}

static void the_example_is_valid_and_careful(void **state)
{
    (void)state;
    auto_oci_config c = example(false, false);
    assert_string_equal(c->root.path, "rootfs");
    assert_true(c->root.readonly && c->process.no_new_privileges && c->process.terminal);
    assert_int_equal(c->process.caps.bounding.count, 3);
    assert_int_equal(c->process.caps.ambient.count, 0);
    assert_non_null(oci_namespace_find(c, OCI_NS_NETWORK));
    assert_null(oci_namespace_find(c, OCI_NS_CGROUP));
    assert_int_equal(c->linux_.resources.device_count, 1);
    assert_false(c->linux_.resources.devices[0].allow);
    assert_true(strv_has(&c->linux_.masked_paths, "/proc/kcore"));
    assert_true(strv_has(&c->linux_.readonly_paths, "/proc/sys"));
}

static void version_2_has_a_cgroup_namespace(void **state)
{
    (void)state;
    auto_oci_config c = example(true, false);
    assert_non_null(oci_namespace_find(c, OCI_NS_CGROUP));
}

static void rootless_needs_no_privilege(void **state)
{
    (void)state;
    auto_oci_config c = example(false, true);
    assert_non_null(oci_namespace_find(c, OCI_NS_USER));
    assert_null(oci_namespace_find(c, OCI_NS_NETWORK));
    assert_int_equal(c->linux_.uid_map_count, 1);
    assert_int_equal(c->linux_.uid_maps[0].host_id, 1000);
    assert_int_equal(c->linux_.gid_maps[0].host_id, 100);
    assert_int_equal(c->linux_.resources.device_count, 0);
    assert_string_equal(mount_at(c, "/sys")->type, "none");
    assert_string_equal(mount_at(c, "/sys")->options.items[0], "rbind");
    assert_true(strv_has(&mount_at(c, "/dev/pts")->options, "newinstance"));
    for (size_t i = 0; i < mount_at(c, "/dev/pts")->options.count; i++)
        assert_true(strncmp(mount_at(c, "/dev/pts")->options.items[i], "gid=", 4) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_valid_and_careful),
        cmocka_unit_test(version_2_has_a_cgroup_namespace),
        cmocka_unit_test(rootless_needs_no_privilege),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
