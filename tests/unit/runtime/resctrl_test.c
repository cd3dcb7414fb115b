/* SPDX-License-Identifier: Apache-2.0 */
/* A resctrl file system of plain files: making a directory fills it, as the kernel does, removing one takes its files along,
 * and writes are noted down. */
#include "check.h"

#include "base/bytes.h"
#include "runtime/resctrl.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct bytes written = BYTES_INIT;   /* "<path below root> <text>|…" */
static const char *full;                    /* no directory of that name can be made any more */

int __real_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __real_unlinkat(int dir, const char *path, int flags);
int __wrap_unlinkat(int dir, const char *path, int flags);
ssize_t __wrap_write(int fd, const void *data, size_t len);

static void put_file(int dir, const char *where, const char *name, const char *text)
{
    char path[600];
    assert_true(snprintf(path, sizeof path, "%s/%s", where, name) < (int)sizeof path);
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
    char below[600];
    if (full != NULL && strstr(path, full) != NULL) {
        errno = ENOSPC;
        return -1;
    }
    if (__real_mkdirat(dir, path, mode) < 0)
        return -1;
    put_file(dir, path, "tasks", "");
    if (strstr(path, "mon_groups/") == NULL) {
        put_file(dir, path, "schemata", "    L3:0=fff;1=fff\n    MB:0=100;1=100\n");
        assert_true(snprintf(below, sizeof below, "%s/mon_groups", path) < (int)sizeof below);
        assert_int_equal(__real_mkdirat(dir, below, 0755), 0);
    }
    return 0;
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
    static const char *const files[] = { "tasks", "schemata" };
    char below[600];
    assert_int_equal(flags, AT_REMOVEDIR);
    for (size_t i = 0; i < 2; i++) {
        assert_true(snprintf(below, sizeof below, "%s/%s", path, files[i]) < (int)sizeof below);
        (void)__real_unlinkat(dir, below, 0);
    }
    assert_true(snprintf(below, sizeof below, "%s/mon_groups", path) < (int)sizeof below);
    (void)__real_unlinkat(dir, below, AT_REMOVEDIR);
    return __real_unlinkat(dir, path, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    char link[40], path[300];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    assert_true(n > (ssize_t)strlen(root));
    path[n] = '\0';
    if (memmem(data, len, "bad", 3) != NULL) {
        errno = EINVAL;
        return -1;
    }
    bytes_adds(&written, path + strlen(root) + 1);
    bytes_addc(&written, ' ');
    bytes_add(&written, data, len);
    return (ssize_t)len;
}

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/resctrl-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(top >= 0);
    assert_int_equal(__real_mkdirat(top, "info", 0755), 0);
    assert_int_equal(__real_mkdirat(top, "mon_groups", 0755), 0);
    put_file(top, "info", "last_cmd_status", "mask out of range\n");
    put_file(top, ".", "schemata", "    L3:0=fff;1=fff\n    MB:0=100;1=100\n");
    put_file(top, ".", "tasks", "");
    (void)close(top);
    bytes_reset(&written);
    full = NULL;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    bytes_fini(&written);
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool there(const char *path)
{
    char full_path[300];
    (void)snprintf(full_path, sizeof full_path, "%s/%s", root, path);
    return access(full_path, F_OK) == 0;
}

static struct oci_config *config_of(const char *rdt)
{
    struct oci_config *c = NULL;
    struct creel_err err = { 0 };
    auto_bytes text = BYTES_INIT;
    bytes_addf(&text, "{\"ociVersion\":\"1.3.0\",\"linux\":{\"intelRdt\":%s}}", rdt);
    if (oci_config_parse(text.data, text.len, &c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static struct resctrl *opened(const struct oci_config *c)
{
    struct resctrl *r = NULL;
    struct creel_err err = { 0 };
    if (resctrl_open(c, "box", root, &r, &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

static void without_a_class_the_group_is_the_containers_and_goes_with_it(void **state)
{
    (void)state;
    auto_oci_config c = config_of("{\"memBwSchema\":\"MB:0=20\",\"l3CacheSchema\":\"L3:0=f\",\"schemata\":[\"L2:0=f\"],"
                                  "\"enableMonitoring\":true}");
    struct resctrl *r = opened(c);
    int fds[RESCTRL_TASKS_MAX];
    size_t count;
    assert_int_equal(resctrl_create(r, NULL), 0);
    assert_string_equal(bytes_str(&written), "box/schemata L3:0=f\nbox/schemata MB:0=20\nbox/schemata L2:0=f\n");
    assert_true(there("box/mon_groups/box"));
    bytes_reset(&written);
    assert_int_equal(resctrl_tasks(r, fds, &count, NULL), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(write(fds[i], "0", 1), 1);
    assert_string_equal(bytes_str(&written), "box/tasks 0box/mon_groups/box/tasks 0");
    resctrl_free(r);
    r = opened(c);  /* as another process would at the end */
    assert_int_equal(resctrl_remove(r, NULL), 0);
    assert_false(there("box"));
    assert_int_equal(resctrl_remove(r, NULL), 0);
    resctrl_free(r);
}

static void an_update_writes_to_the_group_that_is_there(void **state)
{
    (void)state;
    auto_oci_config before = config_of("{\"l3CacheSchema\":\"L3:0=f\"}");
    auto_oci_config after = config_of("{\"l3CacheSchema\":\"L3:0=3\",\"memBwSchema\":\"MB:0=50\"}");
    auto_oci_config bad = config_of("{\"l3CacheSchema\":\"L3:0=bad\"}");
    struct creel_err err = { 0 };
    struct resctrl *r = opened(after);
    assert_int_equal(resctrl_update(r, &err), -1);   /* nobody has made it */
    resctrl_free(r);
    r = opened(before);
    assert_int_equal(resctrl_create(r, NULL), 0);
    resctrl_free(r);
    bytes_reset(&written);
    r = opened(after);
    assert_int_equal(resctrl_update(r, NULL), 0);
    assert_string_equal(bytes_str(&written), "box/schemata L3:0=3\nbox/schemata MB:0=50\n");
    resctrl_free(r);
    r = opened(bad);
    assert_int_equal(resctrl_update(r, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    assert_int_equal(resctrl_remove(r, NULL), 0);
    resctrl_free(r);
    assert_int_equal(resctrl_update(NULL, NULL), 0);
}

static void a_named_class_is_made_and_stays(void **state)
{
    (void)state;
    auto_oci_config c = config_of("{\"closID\":\"gold\",\"schemata\":[\"L3:0=f\"],\"enableMBM\":true}");
    struct resctrl *r = opened(c);
    assert_int_equal(resctrl_create(r, NULL), 0);
    assert_true(there("gold/mon_groups/box"));
    assert_int_equal(resctrl_remove(r, NULL), 0);
    assert_true(there("gold"));
    assert_false(there("gold/mon_groups/box"));
    resctrl_free(r);
}

static void a_class_that_is_there_has_to_match(void **state)
{
    (void)state;
    static const struct { const char *rdt; const char *words; } rows[] = {
        { "{\"closID\":\"gold\",\"l3CacheSchema\":\"L3:0=0FFF\"}", NULL },
        { "{\"closID\":\"gold\",\"memBwSchema\":\"MB:0=100;1=100\"}", NULL },
        { "{\"closID\":\"gold\"}", NULL },
        { "{\"closID\":\"/\",\"schemata\":[\"L3:1=fff\"]}", NULL },
        { "{\"closID\":\"gold\",\"l3CacheSchema\":\"L3:0=f\"}", "schemata are not L3:0=f" },
        { "{\"closID\":\"gold\",\"schemata\":[\"L2:0=f\"]}", "schemata are not L2:0=f" },
        { "{\"closID\":\"/\",\"memBwSchema\":\"MB:0=10\"}", "schemata are not MB:0=10" },
        { "{\"closID\":\"silver\"}", "there is no group" },
    };
    auto_oci_config plain = config_of("{\"closID\":\"gold\",\"schemata\":[\"L3:0=fff\"]}");
    struct resctrl *first = opened(plain);
    assert_int_equal(resctrl_create(first, NULL), 0);
    resctrl_free(first);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_oci_config c = config_of(rows[i].rdt);
        struct resctrl *r = opened(c);
        bytes_reset(&written);
        int e = resctrl_create(r, &err);
        assert_int_equal(e, rows[i].words == NULL ? 0 : -1);
        if (rows[i].words != NULL && strstr(err.text, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].rdt, err.text);
        assert_string_equal(bytes_str(&written), ""); /* never written to a group that is somebody's */
        assert_true(there("gold"));
        assert_int_equal(resctrl_remove(r, NULL), 0);
        assert_true(there("gold") && there("schemata"));
        resctrl_free(r);
    }
}

static void what_fails_leaves_nothing(void **state)
{
    (void)state;
    static const struct { const char *rdt, *full, *words; enum creel_kind kind; } rows[] = {
        { "{\"l3CacheSchema\":\"L3:bad\"}", NULL, "mask out of range", CREEL_INVALID },
        { "{\"closID\":\"gold\",\"schemata\":[\"L3:0=f\",\"L3:bad\"]}", NULL, "mask out of range", CREEL_INVALID },
        { "{\"enableMonitoring\":true}", "mon_groups/", "make monitoring group", CREEL_EXHAUSTED },
        { "{}", "box", "make group", CREEL_EXHAUSTED },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_oci_config c = config_of(rows[i].rdt);
        struct resctrl *r = opened(c);
        full = rows[i].full;
        assert_int_equal(resctrl_create(r, &err), -1);
        full = NULL;
        assert_int_equal(err.kind, rows[i].kind);
        if (strstr(err.text, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].rdt, err.text);
        assert_false(there("box") || there("gold"));
        resctrl_free(r);
    }
}

static void a_group_of_the_containers_name_is_not_taken_over(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    auto_oci_config c = config_of("{\"schemata\":[\"L3:0=f\"]}");
    struct resctrl *r = opened(c), *second = opened(c);
    assert_int_equal(resctrl_create(r, NULL), 0);
    assert_int_equal(resctrl_create(second, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_true(there("box"));
    resctrl_free(second);
    resctrl_undo(r);
    assert_false(there("box"));
    resctrl_free(r);
}

static void configurations_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"closID\":\"a/b\"}", "{\"closID\":\"..\"}", "{\"closID\":\"info\"}", "{\"closID\":\"mon_groups\"}",
        "{\"memBwSchema\":\"L3:0=f\"}", "{\"memBwSchema\":\"MB:0=1\\nL3:0=f\"}", "{\"schemata\":[\"L3:0=f\\nMB:0=1\"]}",
        "{\"schemata\":[\"\"]}",
    };
    struct resctrl *r = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_oci_config c = config_of(rows[i]);
        assert_int_equal(resctrl_open(c, "box", root, &r, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_null(r);
    }
    const struct oci_config none = { 0 };
    assert_int_equal(resctrl_open(&none, "box", "/nosuch", &r, NULL), 0);
    assert_null(r);
    assert_int_equal(resctrl_create(NULL, NULL), 0);
    assert_int_equal(resctrl_remove(NULL, NULL), 0);
    struct creel_err err = { 0 };
    auto_oci_config c = config_of("{}");
    assert_int_equal(resctrl_open(c, "box", "/nosuch", &r, &err), -1);
    assert_int_equal(err.kind, CREEL_UNSUPPORTED);
}

static void schemata_are_compared_by_meaning(void **state)
{
    (void)state;
    static const char have[] = "    MB:0=100;1= 90\n    L3:0=00ff;1=f\nL3CODE:0=1\n";
    static const char *const same[] = { "", "L3:0=ff", "L3:1=0F;0=FF", "L3: 1 = f ", "MB:1=90\nL3:0=ff\n", "L3CODE:0=1", "L3:" };
    static const char *const other[] = { "L3:0=fff", "L3:2=f", "L2:0=f", "MB:0=10", "MB:1=90\nL3:0=f", "L3CODE:1=1", "nonsense" };
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (!resctrl_schemata_match(same[i], have))
            fail_msg("%s is the same", same[i]);
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        if (resctrl_schemata_match(other[i], have))
            fail_msg("%s is not the same", other[i]);
}

static void the_mount_is_found(void **state)
{
    (void)state;
    auto_free char *at = resctrl_find("22 1 0:21 / /sys rw - sysfs sysfs rw\n"
                                      "30 22 0:30 / /sys/fs/res\\040ctrl rw,nosuid shared:9 - resctrl resctrl rw\n");
    assert_string_equal(at, "/sys/fs/res ctrl");
    assert_null(resctrl_find("22 1 0:21 / /sys rw - sysfs resctrl rw\n30 22\n - resctrl \n"));
    assert_null(resctrl_find(""));
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
int main(void)
{
    const struct CMUnitTest tests[] = {
        with_root(without_a_class_the_group_is_the_containers_and_goes_with_it),
        with_root(an_update_writes_to_the_group_that_is_there),
        with_root(a_named_class_is_made_and_stays),
        with_root(a_class_that_is_there_has_to_match),
        with_root(what_fails_leaves_nothing),
        with_root(a_group_of_the_containers_name_is_not_taken_over),
        with_root(configurations_that_cannot_be_are_refused),
        cmocka_unit_test(schemata_are_compared_by_meaning),
        cmocka_unit_test(the_mount_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
