/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/cgroup: mountinfo and v2 controllers of a host, resources, and what would be written.
 * GOLDEN_UPDATE=1 rewrites the `want` files. */
#include "check.h"

#include "runtime/cgroup_internal.h"
#include "runtime/dbus_message.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static char *text_of(const char *folder, const char *file)
{
    char path[1024];
    auto_bytes text = BYTES_INIT;
    assert_true((size_t)snprintf(path, sizeof path, GOLDEN_DIR "/cgroup/%s/%s", folder, file) < sizeof path);
    auto_file FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    for (int c; (c = fgetc(f)) != EOF;)
        bytes_addc(&text, (char)c);
    return bytes_take(&text);
}

static void devices_print(const struct cgroup_layout *l, const struct oci_resources *r, struct bytes *out)
{
    struct creel_err err = { 0 };
    struct device_rules all, reduced;
    bool allow;
    if (device_rules_build(r, &all, &err) < 0) {
        bytes_addf(out, "error %s: %s\n", creel_kind_name(err.kind), err.text);
        return;
    }
    if (cgroup_layout_find(l, "devices") == NULL) {
        bytes_adds(out, "device rules, the last match decides\n");
        device_rules_print(&all, out);
    } else if (device_rules_reduce(&all, &allow, &reduced, &err) < 0) {
        bytes_addf(out, "error %s: %s\n", creel_kind_name(err.kind), err.text);
    } else {
        bytes_addf(out, "devices: %s all, except\n", allow ? "allow" : "deny");
        device_rules_print(&reduced, out);
        device_rules_fini(&reduced);
    }
    device_rules_fini(&all);
}

/* With a file "systemd" (its version, then "bfq" or nothing): what systemd is told. */
static void properties_print(const struct cgroup_layout *l, const struct oci_resources *r, const char *systemd,
                             struct bytes *out)
{
    struct creel_err err = { 0 };
    struct oci_resources rounded = *r;
    auto_bytes list = BYTES_INIT;
    const struct systemd_facts f = { .version = (unsigned)atoll(systemd), .unified = l->unified,
                                     .bfq = strstr(systemd, "bfq") != NULL,
                                     .majors = "Character devices:\n  5 tty\n136 pts\n\nBlock devices:\n  5 not-this\n" };
    cgroup_quota_round(&rounded);
    if (cgroup_properties_build(&f, &rounded, true, &list, &err) < 0) {
        bytes_addf(out, "error %s: %s\n", creel_kind_name(err.kind), err.text);
        return;
    }
    struct dbus_reader d = { .data = (const uint8_t *)list.data, .len = list.len };
    while (!d.bad && d.at < d.len) {
        dbus_value_print(&d, "(sv)", out);
        bytes_addc(out, '\n');
    }
    assert_false(d.bad);
}

static char *outcome(const char *folder)
{
    struct creel_err err = { 0 };
    struct cgroup_layout l;
    struct cgroup_plan p;
    struct oci_resources r = { 0 };
    auto_bytes out = BYTES_INIT;
    auto_free char *systemd = text_of(folder, "systemd");
    auto_free char *mountinfo = text_of(folder, "mountinfo"), *controllers = text_of(folder, "controllers"),
                   *resources = text_of(folder, "resources.json");
    if (mountinfo == NULL || controllers == NULL || resources == NULL)
        fail_msg("%s lacks mountinfo, controllers or resources.json", folder);
    if (cgroup_layout_load(mountinfo, &l, &err) < 0 ||
        oci_resources_parse(resources, strlen(resources), &r, &err) < 0)
        fail_msg("%s: %s", folder, err.text);
    for (size_t i = 0; i < l.count; i++)
        if (l.items[i].v2)
            assert_int_equal(sscanf(controllers, "%127s", l.items[i].controllers), 1);
    if (cgroup_plan_build(&l, "/creel/x", &r, &p, &err) < 0) {
        bytes_addf(&out, "error %s: %s\n", creel_kind_name(err.kind), err.text);
    } else {
        cgroup_plan_print(&p, &l, &out);
        cgroup_plan_fini(&p);
        if (r.device_count > 0)
            devices_print(&l, &r, &out);
        if (systemd != NULL)
            properties_print(&l, &r, systemd, &out);
    }
    oci_resources_fini(&r);
    cgroup_layout_fini(&l);
    return bytes_take(&out);
}

static void plans_are_as_written_down(void **state)
{
    (void)state;
    auto_dir DIR *d = opendir(GOLDEN_DIR "/cgroup");
    size_t seen = 0, wrong = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        auto_free char *got = outcome(e->d_name), *want = text_of(e->d_name, "want");
        seen++;
        if (getenv("GOLDEN_UPDATE") != NULL) {
            char path[1024];
            assert_true((size_t)snprintf(path, sizeof path, GOLDEN_DIR "/cgroup/%s/want", e->d_name) < sizeof path);
            auto_file FILE *f = fopen(path, "we");
            assert_non_null(f);
            assert_true(fputs(got, f) >= 0);
        } else if (want == NULL || strcmp(got, want) != 0) {
            print_message("%s: got\n%swant\n%s", e->d_name, got, want != NULL ? want : "(no such file)\n");
            wrong++;
        }
    }
    assert_true(seen > 30);
    assert_int_equal(wrong, 0);
}

/* ------------------------------------------------------------------ layout */

static void layout_of(const char *text, struct bytes *out)
{
    struct creel_err err = { 0 };
    struct cgroup_layout l;
    if (cgroup_layout_load(text, &l, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < l.count; i++)
        bytes_addf(out, "%s%s at %s\n", l.items[i].v2 ? "v2 " : "", l.items[i].controllers, l.items[i].mount);
    bytes_adds(out, l.unified ? "unified" : l.hybrid ? "hybrid" : l.count > 0 ? "v1" : "none");
    cgroup_layout_fini(&l);
}

static void only_reachable_mounts_count(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "none"},
        {"junk\n\n1 2\n36 35 98:0 / /mnt rw - cgroup\n", "none"},
        {"20 1 0:1 / / rw - ext4 /dev/a rw\n30 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
         "v2  at /sys/fs/cgroup\nunified"},
        {"30 20 0:2 / /sys/fs/cgroup/cpu rw shared:5 master:6 - cgroup cgroup rw,cpu,cpuacct\n",
         "cpu,cpuacct at /sys/fs/cgroup/cpu\nv1"},
        /* something else is mounted over it, or over a directory above it */
        {"20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /cg rw - cgroup cgroup rw,cpu\n31 30 0:3 / /cg rw - tmpfs t rw\n",
         "none"},
        {"20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/cg rw - cgroup cgroup rw,cpu\n31 20 0:3 / /sys rw - tmpfs t rw\n",
         "none"},
        /* a directory whose name only begins alike does not hide it */
        {"20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/cg rw - cgroup cgroup rw,cpu\n31 20 0:3 / /sys/c rw - tmpfs t rw\n",
         "cpu at /sys/cg\nv1"},
        /* the tmpfs came first: what is on it is visible */
        {"20 1 0:1 / / rw - ext4 a rw\n29 20 0:9 / /cg rw - tmpfs t rw\n30 29 0:2 / /cg/cpu rw - cgroup cgroup rw,cpu\n",
         "cpu at /cg/cpu\nv1"},
        /* stacked: the upper one is what the path shows, whatever is below both */
        {"20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /cg rw - cgroup cgroup rw,cpu\n31 30 0:3 / /cg rw - cgroup cgroup rw,memory\n",
         "memory at /cg\nv1"},
        /* an old tree below a new one of the same place */
        {"20 1 0:1 / / rw - ext4 a rw\n29 20 0:9 / /cg rw - tmpfs t rw\n30 29 0:2 / /cg/cpu rw - cgroup cgroup rw,cpu\n"
         "40 29 0:10 / /cg rw - tmpfs t rw\n41 40 0:2 / /cg/cpu rw - cgroup cgroup rw,cpu\n",
         "cpu at /cg/cpu\nv1"},
        /* the root of the hierarchy is preferred to a part of it */
        {"30 20 0:2 /part /a rw - cgroup cgroup rw,cpu\n31 20 0:2 / /b rw - cgroup cgroup rw,cpu\n32 20 0:2 / /c rw - cgroup cgroup rw,cpu\n",
         "cpu at /b\nv1"},
        {"30 20 0:2 / /a\\040b\\134c rw - cgroup cgroup rw,name=systemd,xattr\n", "name=systemd at /a b\\c\nv1"},
        {"30 20 0:2 / /a rw - cgroup cgroup rw,pids\n31 20 0:3 / /u rw - cgroup2 none rw\n",
         "pids at /a\nv2  at /u\nhybrid"},
        {"30 30 0:2 / /a rw - cgroup cgroup rw,pids\n", "pids at /a\nv1"},
        {"30 31 0:2 / /a rw - cgroup cgroup rw,pids\n31 30 0:2 / /a rw - tmpfs t rw\n", "none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_bytes got = BYTES_INIT;
        layout_of(rows[i][0], &got);
        if (strcmp(bytes_str(&got), rows[i][1]) != 0)
            fail_msg("%sgot\n%s", rows[i][0], bytes_str(&got));
    }
}

/* ------------------------------------------------------------------ values */

static void shares_become_weights(void **state)
{
    (void)state;
    const struct { uint64_t shares, weight;
    } rows[] = {
        {0, 1}, {1, 1}, {2, 1}, {1024, 100}, {262144, 10000}, {UINT64_MAX, 10000}, {512, 59}, {2048, 174},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (cgroup_weight_of_shares(rows[i].shares) != rows[i].weight)
            fail_msg("%llu: %llu", (unsigned long long)rows[i].shares,
                     (unsigned long long)cgroup_weight_of_shares(rows[i].shares));
    uint64_t last = 0;
    for (uint64_t s = 2; s < 262200; s++) {
        uint64_t w = cgroup_weight_of_shares(s);
        assert_true(w >= last && w >= 1 && w <= 10000);
        last = w;
    }
}

static void paths_are_cleaned(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"/creel/x", "/creel/x"},
        {"creel/x/", "/creel/x"},
        {"//a///b", "/a/b"},
        {"/a/..b/...", "/a/..b/..."},
        {"/", NULL},
        {"", NULL},
        {"/a/..", NULL},
        {"..", NULL},
        {"/a/./b", NULL},
        {"/a\nb", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_free char *got = cgroup_path_clean(rows[i][0], &err);
        if ((got == NULL) != (rows[i][1] == NULL) || (got != NULL && strcmp(got, rows[i][1]) != 0))
            fail_msg("\"%s\" became \"%s\"", rows[i][0], got != NULL ? got : "(refused)");
    }
}

static void values_are_read(void **state)
{
    (void)state;
    const char *const text = "low 0\nhigh 12\noom_kill 3\noom_kill_other 4\n";
    uint64_t v = 0;
    assert_true(cgroup_value_parse("17\n", NULL, &v) && v == 17);
    assert_true(cgroup_value_parse("max\n", NULL, &v) && v == UINT64_MAX);
    assert_true(cgroup_value_parse("max 100000", NULL, &v) && v == UINT64_MAX);
    assert_true(cgroup_value_parse(text, "oom_kill", &v) && v == 3);
    assert_true(cgroup_value_parse(text, "high", &v) && v == 12);
    assert_true(cgroup_value_parse("18446744073709551615", NULL, &v) && v == UINT64_MAX);
    assert_false(cgroup_value_parse("18446744073709551616", NULL, &v));
    assert_false(cgroup_value_parse(text, "oom", &v));
    assert_false(cgroup_value_parse("", NULL, &v));
    assert_false(cgroup_value_parse("-1", NULL, &v));
    assert_false(cgroup_value_parse("1x", NULL, &v));
    assert_true(cgroup_list_same("0-3,7", "7,0,1,2-3"));
    assert_true(cgroup_list_same("", "\n"));
    assert_false(cgroup_list_same("0-3", "0-2"));
    assert_false(cgroup_list_same("3-0", "3-0"));
    assert_false(cgroup_list_same("99999999", "99999999"));
    uint64_t sum = 0;
    cgroup_io_parse("8:0 rbytes=1 wbytes=20 rios=3\n8:16 rbytes=4 wbytes=50\n\n253:0 \n", "wbytes=", &sum);
    assert_int_equal(sum, 70);
    sum = 0;
    cgroup_io_parse("8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n", "Read ", &sum);
    assert_int_equal(sum, 5);
}

static void a_value_that_was_not_kept_is_noticed(void **state)
{
    (void)state;
    const struct { uint64_t grain; const char *wrote, *got; bool kept;
    } rows[] = {
        {4096, "67108864", "67108864", true},
        {4096, "67108865", "67108864", true},
        {4096, "67108864", "67104768", false},
        {4096, "67108864", "9223372036854771712", false},
        {4096, "67108864", "max", false},
        {1, "100", "100", true},
        {1, "100", "99", false},
        {1, "100", "max", false},
        {1, "50000 100000", "50000 100000", true},
        {1, "-1", "-1", true},
        {1, "default 5", "default 5", false},
        {1, "5", "default 5", true},
        {4096, "9223372036854775807", "max", true},
        {4096, "9223372036854775807", "9223372036854771712", true},
        {CGROUP_LIST, "0-1", "0,1", true},
        {CGROUP_LIST, "0-1", "0", false},
        {0, "x", "y", true},
        {2097152, "1", "0", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cgroup_write w = { .grain = rows[i].grain };
        if (cgroup_value_kept(&w, rows[i].wrote, rows[i].got) != rows[i].kept)
            fail_msg("row %zu: wrote %s, got %s", i, rows[i].wrote, rows[i].got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_as_written_down),
        cmocka_unit_test(only_reachable_mounts_count),
        cmocka_unit_test(shares_become_weights),
        cmocka_unit_test(paths_are_cleaned),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(a_value_that_was_not_kept_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
