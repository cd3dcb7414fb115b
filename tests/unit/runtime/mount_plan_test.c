/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/mount_plan: an OCI configuration (in.json) and the plan made of it (want), or the refusal.
 * The annotation "host" names the cgroup layout: "v2" (default), "v1", "hybrid". GOLDEN_UPDATE=1 rewrites `want`. */
#include "check.h"

#include "runtime/mount_plan.h"

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
        .config = c, .bundle = "/bundle", .layout = &layout, .cgroup_path = "/creel/x",
        .bind_devices = oci_namespace_find(c, OCI_NS_USER) != NULL,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_as_written_down),
        cmocka_unit_test(proc_cannot_be_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
