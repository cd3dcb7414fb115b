/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "runtime/mount_options.h"

#include <stdio.h>
#include <string.h>

static void options_are_sorted_by_what_the_kernel_does(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "rw" },
        { "defaults", "rw" },
        { "ro", "ro" },
        { "ro,nosuid,nodev,noexec", "ro,nosuid,nodev,noexec" },
        { "nosuid,noexec,nodev,ro", "ro,nosuid,nodev,noexec" },
        { "ro,rw", "rw" },
        { "rw,ro", "ro" },
        { "nosuid,suid", "rw" },
        { "noatime", "rw,noatime" },
        { "noatime,relatime", "rw" },
        { "noatime,strictatime", "rw,strictatime" },
        { "strictatime,noatime", "rw,noatime" },
        { "nodiratime", "rw,nodiratime" },
        { "nosymfollow", "rw,nosymfollow" },
        { "rro", "rw,rec:ro" },
        { "rro,rrw", "rw,rec-off:ro" },
        { "rnosuid,rnodev,rnoexec,rnoatime", "rw,rec:nosuid,rec:nodev,rec:noexec,rec:noatime" },
        { "rexec,rsuid,rdev,rsymfollow,rdiratime", "rw,rec-off:nosuid,rec-off:nodev,rec-off:noexec,rec-off:nodiratime,rec-off:nosymfollow" },
        { "private", "rw,private" },
        { "rprivate", "rw,rprivate" },
        { "rshared,rslave", "rw,rshared,rslave" },
        { "unbindable,runbindable", "rw,unbindable,runbindable" },
        { "size=64m,mode=755", "rw,data:size=64m,data:mode=755" },
        { "ro,size=64m", "ro,data:size=64m" },
        { "sync,dirsync,lazytime,mand,iversion", "rw,super:sync,super:dirsync,super:lazytime,super:mand,super:iversion" },
        { "async,loud,silent,nomand,nolazytime,noiversion,norelatime,nostrictatime,auto,noauto,_netdev", "rw" },
        { "tmpcopyup", "rw,copy-up" },
        { "idmap", "rw,idmap" },
        { "ridmap", "rw,ridmap" },
        { "nofail", "rw,nofail" },
        { "RO", "rw,data:RO" },
        { "ro ", "rw,data:ro " },
        { "newinstance,ptmxmode=0666", "rw,data:newinstance,data:ptmxmode=0666" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv list = STRV_INIT;
        auto_bytes out = BYTES_INIT;
        struct mount_options o;
        assert_true(strv_split(&list, rows[i][0], ','));
        assert_int_equal(mount_options_parse(&list, &o, NULL), 0);
        mount_options_print(&o, &out);
        if (strcmp(bytes_str(&out), rows[i][1]) != 0)
            fail_msg("\"%s\" became \"%s\"", rows[i][0], bytes_str(&out));
        mount_options_fini(&o);
    }
}

static void binds_and_remounts_are_told_apart(void **state)
{
    (void)state;
    static const struct { const char *options; bool bind, recursive, remount; } rows[] = {
        { "bind", true, false, false }, { "rbind", true, true, false }, { "rbind,bind", true, true, false },
        { "remount,ro", false, false, true }, { "ro", false, false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv list = STRV_INIT;
        struct mount_options o;
        assert_true(strv_split(&list, rows[i].options, ','));
        assert_int_equal(mount_options_parse(&list, &o, NULL), 0);
        assert_int_equal(o.bind, rows[i].bind);
        assert_int_equal(o.recursive, rows[i].recursive);
        assert_int_equal(o.remount, rows[i].remount);
        mount_options_fini(&o);
    }
}

/* The search is binary: a row out of order would never be found. */
static void every_option_of_the_table_is_found(void **state)
{
    (void)state;
    size_t n = 0;
    for (; mount_option_at(n) != NULL; n++) {
        auto_strv list = STRV_INIT;
        struct mount_options o;
        assert_true(n == 0 || strcmp(mount_option_at(n - 1), mount_option_at(n)) < 0);
        assert_true(strv_add(&list, mount_option_at(n)));
        assert_int_equal(mount_options_parse(&list, &o, NULL), 0);
        if (o.data.count != 0)
            fail_msg("%s is not known", mount_option_at(n));
        mount_options_fini(&o);
    }
    assert_true(n > 60);
}

static void too_many_propagations_are_refused(void **state)
{
    (void)state;
    auto_strv list = STRV_INIT;
    struct mount_options o;
    struct creel_err err = { 0 };
    for (int i = 0; i < 5; i++)
        assert_true(strv_add(&list, "rslave"));
    assert_int_equal(mount_options_parse(&list, &o, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    mount_options_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_sorted_by_what_the_kernel_does),
        cmocka_unit_test(binds_and_remounts_are_told_apart),
        cmocka_unit_test(every_option_of_the_table_is_found),
        cmocka_unit_test(too_many_propagations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
