/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/mount_plan: an OCI configuration (in.json) and the plan made of it (want), or the refusal.
 * The annotation "host" names the cgroup layout: "v2" (default), "v1", "hybrid". GOLDEN_UPDATE=1 rewrites `want`. */
#include "check.h"

#include "runtime/mount_plan.h"
#include "sys/mnt.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static char *text_of(const char *folder, const char *file)
{
    char path[1024];
    auto_bytes text = BYTES_INIT;
    assert_true((size_t)snprintf(path, sizeof path, GOLDEN_DIR "/mount_plan/%s/%s", folder, file) < sizeof path);
    auto_file FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    for (int c; (c = fgetc(f)) != EOF;)
        bytes_addc(&text, (char)c);
    return bytes_take(&text);
}

static const char *host_mountinfo(const struct oci_config *c)
{
    const char *host = "v2";
    for (size_t i = 0; i < c->annotation_count; i++)
        if (strcmp(c->annotations[i].key, "host") == 0)
            host = c->annotations[i].value;
    if (strcmp(host, "v1") == 0)
        return "20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
               "31 20 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    if (strcmp(host, "hybrid") == 0)
        return "20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
               "31 20 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    if (strcmp(host, "none") == 0)
        return "20 1 0:1 / / rw - ext4 a rw\n";
    return "20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
}

static char *outcome(const char *folder)
{
    struct creel_err err = { 0 };
    struct cgroup_layout layout;
    struct mount_plan plan;
    auto_bytes out = BYTES_INIT;
    auto_free char *in = text_of(folder, "in.json");
    auto_oci_config c = NULL;
    if (in == NULL)
        fail_msg("%s lacks in.json", folder);
    if (oci_config_parse(in, strlen(in), &c, &err) < 0 || cgroup_layout_load(host_mountinfo(c), &layout, &err) < 0)
        fail_msg("%s: %s", folder, err.text);
    const struct mount_plan_input input = {
        .config = c, .bundle = "/bundle", .root = "/bundle/rootfs", .layout = &layout, .cgroup_path = "/creel/x",
        .bind_devices = oci_namespace_find(c, OCI_NS_USER) != NULL, .mount_label = c->linux_.mount_label,
    };
    if (mount_plan_build(&input, &plan, &err) < 0)
        bytes_addf(&out, "error %s: %s\n", creel_kind_name(err.kind), err.text);
    else
        mount_plan_print(&plan, &out);
    mount_plan_fini(&plan);
    cgroup_layout_fini(&layout);
    return bytes_take(&out);
}

static void plans_are_as_written_down(void **state)
{
    (void)state;
    auto_dir DIR *d = opendir(GOLDEN_DIR "/mount_plan");
    size_t seen = 0, wrong = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        auto_free char *got = outcome(e->d_name), *want = text_of(e->d_name, "want");
        seen++;
        if (getenv("GOLDEN_UPDATE") != NULL) {
            char path[1024];
            assert_true((size_t)snprintf(path, sizeof path, GOLDEN_DIR "/mount_plan/%s/want", e->d_name) < sizeof path);
            auto_file FILE *f = fopen(path, "we");
            assert_non_null(f);
            assert_true(fputs(got, f) >= 0);
        } else if (want == NULL || strcmp(got, want) != 0) {
            print_message("%s: got\n%swant\n%s", e->d_name, got, want != NULL ? want : "(no such file)\n");
            wrong++;
        }
    }
    assert_true(seen > 15);
    assert_int_equal(wrong, 0);
}

/* Nothing may be mounted at or below /proc but procfs and a few files, however the path is spelt. */
static void proc_cannot_be_covered(void **state)
{
    (void)state;
    static const struct { const char *target, *type, *options; bool ok; } rows[] = {
        { "/proc", "proc", "nosuid", true }, { "/proc", "tmpfs", "nosuid", false }, { "/proc/", "tmpfs", "nosuid", false },
        { "/proc/self", "bind", "bind", false }, { "/proc/self/attr", "bind", "bind", false },
        { "/proc/sys", "tmpfs", "ro", false }, { "//proc/./sys", "tmpfs", "ro", false },
        { "/etc/../proc/sys", "tmpfs", "ro", false }, { "/proc/../proc/1", "bind", "bind", false },
        { "/proc/1/root", "bind", "rbind", false }, { "/proc/meminfo", "bind", "bind", true },
        { "/proc/meminfo", "tmpfs", "ro", false }, { "/proc/meminfo/x", "bind", "bind", false },
        { "/proc/net/dev", "bind", "bind", true }, { "/procfs", "tmpfs", "ro", true }, { "/x/proc", "tmpfs", "ro", true },
        { "/proc/sys", "cgroup", "ro", false }, { "/", "tmpfs", "ro", false }, { "/..", "tmpfs", "ro", false },
        { "/.", "bind", "bind", false },
    };
    struct cgroup_layout layout;
    assert_int_equal(cgroup_layout_load(host_mountinfo(&(struct oci_config){ 0 }), &layout, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mount_plan plan;
        struct creel_err err = { 0 };
        char *option = (char *)rows[i].options;
        struct oci_mount m = { .destination = (char *)rows[i].target, .type = (char *)rows[i].type,
                               .source = (char *)"/src", .options = { .items = &option, .count = 1 } };
        struct oci_config c = { .mounts = &m, .mount_count = 1 };
        const struct mount_plan_input in = { .config = &c, .layout = &layout, .cgroup_path = "/x" };
        int r = mount_plan_build(&in, &plan, &err);
        mount_plan_fini(&plan);
        if ((r == 0) != rows[i].ok)
            fail_msg("%s on %s: %s", rows[i].type, rows[i].target, r == 0 ? "accepted" : err.text);
        if (r < 0 && err.kind != CREEL_INVALID)
            fail_msg("%s on %s: kind %s", rows[i].type, rows[i].target, creel_kind_name(err.kind));
    }
    cgroup_layout_fini(&layout);
}

/* What is named, what the source has, and what becomes of it; "!" refused. */
static void binds_get_flags_as_mount_8_gives_them(void **state)
{
    (void)state;
    enum { FREE, LOCKED, KEEP };
    static const struct { const char *named; uint64_t now; int how; const char *set, *clear; } rows[] = {
        { "", MOUNT_ATTR_RDONLY, FREE, "", "" },
        { "rprivate,rro", MOUNT_ATTR_RDONLY, FREE, "", "" },
        { "ro", MOUNT_ATTR_NODEV, FREE, "ro", "nosuid nodev noexec nosymfollow" },
        { "dev", MOUNT_ATTR_RDONLY, FREE, "", "ro nosuid nodev noexec nosymfollow" },
        { "atime", MOUNT_ATTR_NOATIME, FREE, "", "ro nosuid nodev noexec nosymfollow" },
        { "norelatime", MOUNT_ATTR_RDONLY, FREE, "", "" },
        { "noatime", 0, FREE, "noatime", "ro nosuid nodev noexec nosymfollow atime nodiratime" },
        { "relatime", MOUNT_ATTR_NOATIME, FREE, "", "ro nosuid nodev noexec nosymfollow atime nodiratime" },
        { "nodiratime", MOUNT_ATTR_NOATIME, FREE, "nodiratime", "ro nosuid nodev noexec nosymfollow atime" },
        { "nodiratime,strictatime", 0, FREE, "nodiratime strictatime", "ro nosuid nodev noexec nosymfollow atime" },
        { "ro", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW, LOCKED, "ro", "nosuid noexec nosymfollow" },
        { "dev", MOUNT_ATTR_RDONLY, LOCKED, "", "nosuid nodev noexec nosymfollow" },
        { "rw", MOUNT_ATTR_RDONLY, LOCKED, "!", "" },
        { "rw", MOUNT_ATTR_NODEV, LOCKED, "", "ro nosuid noexec nosymfollow" },
        { "noatime", MOUNT_ATTR_STRICTATIME, LOCKED, "!", "" },
        { "noatime", MOUNT_ATTR_NOATIME, LOCKED, "noatime", "ro nosuid nodev noexec nosymfollow atime nodiratime" },
        { "nodiratime", 0, LOCKED, "!", "" },
        { "diratime", MOUNT_ATTR_NODIRATIME, LOCKED, "", "ro nosuid nodev noexec nosymfollow" },
        { "rw,noexec", MOUNT_ATTR_RDONLY, KEEP, "noexec", "" },
    };
    static const struct { const char *name; uint64_t bits; } names[] = {
        { "ro", MOUNT_ATTR_RDONLY }, { "nosuid", MOUNT_ATTR_NOSUID }, { "nodev", MOUNT_ATTR_NODEV },
        { "noexec", MOUNT_ATTR_NOEXEC }, { "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW }, { "atime", MOUNT_ATTR__ATIME },
        { "noatime", MOUNT_ATTR_NOATIME }, { "strictatime", MOUNT_ATTR_STRICTATIME }, { "nodiratime", MOUNT_ATTR_NODIRATIME },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv list = STRV_INIT;
        struct mount_options o;
        uint64_t set = 0, clear = 0, want[2] = { 0, 0 };
        assert_true(strv_split(&list, rows[i].named, ','));
        assert_int_equal(mount_options_parse(&list, &o, NULL), 0);
        int r = mount_bind_flags(&o, rows[i].now, rows[i].how == LOCKED, rows[i].how == KEEP, &set, &clear);
        mount_options_fini(&o);
        assert_int_equal(r, rows[i].set[0] == '!' ? -EPERM : 0);
        if (r < 0)
            continue;
        for (int k = 0; k < 2; k++) {
            auto_strv words = STRV_INIT;
            assert_true(strv_split(&words, k == 0 ? rows[i].set : rows[i].clear, ' '));
            for (size_t n = 0; n < ARRAY_LEN(names); n++)
                want[k] |= strv_has(&words, names[n].name) ? names[n].bits : 0;
        }
        if (set != want[0] || clear != want[1])
            fail_msg("row %zu (%s): set %llx, clear %llx", i, rows[i].named, (unsigned long long)set, (unsigned long long)clear);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_get_flags_as_mount_8_gives_them),
        cmocka_unit_test(plans_are_as_written_down),
        cmocka_unit_test(proc_cannot_be_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
