/* SPDX-License-Identifier: Apache-2.0 */
/* Two layers below a temporary directory and a canary beside them that must never be read. */
#include "../check.h"

#include "engine/engine.h"
#include "engine/layer_view.h"
#include "engine/name_generator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct fixture { char dir[64]; int root, fds[3]; };

static void make(struct fixture *f, const char *path, const char *text)
{
    auto_fd fd = openat(f->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void make_link(struct fixture *f, const char *path, const char *target)
{
    assert_int_equal(symlinkat(target, f->root, path), 0);
}

static int setup(void **state)
{
    static const char *const dirs[] = { "up", "mid", "low", "up/etc", "mid/etc", "low/etc", "low/usr", "low/usr/etc", "low/op",
                                        "mid/op", "low/d", "canary" };
    static const char *const layers[] = { "up", "mid", "low" };
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/creel-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->root = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        assert_int_equal(mkdirat(f->root, dirs[i], 0755), 0);
    make(f, "canary/secret", "secret");
    make(f, "low/etc/passwd", "low");
    make(f, "mid/etc/group", "mid");
    make(f, "low/etc/group", "low");
    make(f, "up/etc/only", "up");
    make(f, "low/usr/etc/file", "usr");
    make(f, "low/op/hidden", "low");
    make(f, "mid/op/seen", "mid");
    make(f, "low/d/file", "low");
    make(f, "up/d", "a file over a directory");
    make_link(f, "up/etc/abs", "/etc/passwd");
    make_link(f, "up/etc/rel", "../usr/etc/file");
    make_link(f, "up/etc/out", "../../../../../../canary/secret");
    make_link(f, "up/etc/loop", "loop");
    make_link(f, "up/etc/dangling", "/nowhere/at/all");
    make_link(f, "up/link", "usr");
    make_link(f, "up/etc/proc", "/proc/self/root/etc/passwd");
    assert_int_equal(mkfifoat(f->root, "up/etc/fifo", 0644), 0);
    for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
        f->fds[i] = openat(f->root, layers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fds[i] >= 0);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(f->fds); i++)
        (void)close(f->fds[i]);
    (void)close(f->root);
    int r = tree_remove(AT_FDCWD, f->dir);
    free(f);
    return r;
}

static void check_read(struct fixture *f, const char *path, int want, const char *text)
{
    const struct layer_view v = { f->fds, ARRAY_LEN(f->fds) };
    auto_bytes out = BYTES_INIT;
    int r = layer_view_read(&v, path, 100, &out);
    if (r != want)
        fail_msg("%s: got %d (%s), want %d", path, r, strerror(-r), want);
    if (r == 0)
        assert_string_equal(bytes_str(&out), text);
}

static void files_are_found_as_overlayfs_would_show_them(void **state)
{
    struct fixture *f = *state;
    check_read(f, "/etc/passwd", 0, "low");
    check_read(f, "/etc/group", 0, "mid");
    check_read(f, "/etc/only", 0, "up");
    check_read(f, "//etc/./passwd", 0, "low");
    check_read(f, "/etc/../etc/passwd", 0, "low");
    check_read(f, "/d/file", -ENOTDIR, NULL);
    check_read(f, "/etc", -EINVAL, NULL);
    check_read(f, "/etc/nothing", -ENOENT, NULL);
    check_read(f, "/", -EINVAL, NULL);
}

static void links_stay_inside(void **state)
{
    struct fixture *f = *state;
    check_read(f, "/etc/abs", 0, "low");
    check_read(f, "/etc/rel", 0, "usr");
    check_read(f, "/link/etc/file", 0, "usr");
    check_read(f, "/link/../etc/passwd", 0, "low"); /* ".." of the link's target, whose parent is the root */
    check_read(f, "/etc/out", -ENOENT, NULL);
    check_read(f, "/etc/proc", -ENOENT, NULL);
    check_read(f, "/etc/dangling", -ENOENT, NULL);
    check_read(f, "/etc/loop", -ELOOP, NULL);
    check_read(f, "/../../../canary/secret", -ENOENT, NULL);
}

static void what_is_no_small_regular_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char big[201];
    memset(big, 'x', sizeof big - 1);
    big[200] = '\0';
    make(f, "up/etc/big", big);
    check_read(f, "/etc/big", -EFBIG, NULL);
    check_read(f, "/etc/fifo", -EINVAL, NULL);
}

static void whiteouts_and_opaque_directories_hide(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0 || mknodat(f->root, "mid/etc/passwd", S_IFCHR | 0600, makedev(0, 0)) < 0)
        skip(); /* making whiteouts needs privileges */
    char mid_op[96];
    (void)snprintf(mid_op, sizeof mid_op, "%s/mid/op", f->dir);
    check_read(f, "/etc/passwd", -ENOENT, NULL);
    check_read(f, "/etc/abs", -ENOENT, NULL);
    check_read(f, "/op/hidden", 0, "low");
    if (setxattr(mid_op, "trusted.overlay.opaque", "y", 1, 0) < 0)
        skip(); /* no such attributes on this file system */
    check_read(f, "/op/hidden", -ENOENT, NULL);
    check_read(f, "/op/seen", 0, "mid");
}

static void generated_names_are_two_words_and_a_digit_when_drawn_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char name[NAME_GENERATED_MAX];
        name_generate(i % 2, name);
        const char *line = strchr(name, '_');
        assert_non_null(line);
        assert_null(strchr(line + 1, '_'));
        assert_int_equal(strpbrk(name, "0123456789") != NULL, i % 2);
        assert_int_not_equal(strncmp(name, "boring_wozniak", 14), 0);
    }
}

int main(void)
{
#define WITH_LAYERS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_LAYERS(files_are_found_as_overlayfs_would_show_them),
        WITH_LAYERS(links_stay_inside),
        WITH_LAYERS(what_is_no_small_regular_file_is_refused),
        WITH_LAYERS(whiteouts_and_opaque_directories_hide),
        cmocka_unit_test(generated_names_are_two_words_and_a_digit_when_drawn_again),
    };
#undef WITH_LAYERS
    return cmocka_run_group_tests(tests, NULL, NULL);
}
