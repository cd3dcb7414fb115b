/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/cgroup_report: the files of a group as a kernel showed them (v1-<controller>/…,
 * v2/…), the host's huge page sizes, and the document made from them. GOLDEN_UPDATE=1 rewrites the `want` files. */
#include "check.h"

#include "runtime/cgroup_report.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int file_read(const char *path, char *buf, size_t cap)
{
    auto_file FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    size_t n = fread(buf, 1, cap - 1, f);
    while (n > 0 && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return (int)n;
}

static int folder_read(void *arg, const char *controller, const char *file, char *buf, size_t cap)
{
    char path[1024];
    int n = controller != NULL
                ? snprintf(path, sizeof path, GOLDEN_DIR "/cgroup_report/%s/v1-%s/%s", (const char *)arg, controller, file)
                : snprintf(path, sizeof path, GOLDEN_DIR "/cgroup_report/%s/v2/%s", (const char *)arg, file);
    assert_in_range(n, 1, sizeof path - 1);
    return file_read(path, buf, cap);
}

static void compare(const char *folder)
{
    char path[1024], sizes_text[256], want[65536];
    auto_strv sizes = STRV_INIT;
    auto_bytes out = BYTES_INIT;
    (void)snprintf(path, sizeof path, GOLDEN_DIR "/cgroup_report/%s/page_sizes", folder);
    if (file_read(path, sizes_text, sizeof sizes_text) > 0)
        assert_true(strv_split(&sizes, sizes_text, '\n'));
    const struct cgroup_texts texts = { .read = folder_read, .arg = (void *)(uintptr_t)folder, .page_sizes = &sizes };
    assert_int_equal(cgroup_report_print(&texts, &out, NULL), 0);
    json_auto_t *doc = json_loads(bytes_str(&out), JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(doc);
    auto_bytes lines = BYTES_INIT;      /* one member per line, for whoever reviews a change */
    for (size_t i = 0; i < out.len; i++) {
        bytes_addc(&lines, out.data[i]);
        if (out.data[i] == ',')
            bytes_addc(&lines, '\n');
    }
    assert_true(bytes_ok(&lines));
    const char *got = bytes_str(&lines);
    (void)snprintf(path, sizeof path, GOLDEN_DIR "/cgroup_report/%s/want", folder);
    if (getenv("GOLDEN_UPDATE") != NULL) {
        auto_file FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fprintf(f, "%s\n", got) > 0);
        return;
    }
    assert_true(file_read(path, want, sizeof want) > 0);
    if (strcmp(got, want) != 0)
        fail_msg("%s: got\n%s\nwant\n%s", folder, got, want);
}

static void documents_are_as_written_down(void **state)
{
    (void)state;
    unsigned cases = 0;
    auto_dir DIR *d = opendir(GOLDEN_DIR "/cgroup_report");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') {
            compare(e->d_name);
            cases++;
        }
    assert_true(cases >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(documents_are_as_written_down) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
