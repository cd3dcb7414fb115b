/* SPDX-License-Identifier: Apache-2.0 */
/* Names in `creel cp`: text rules, what local paths are, where things are unpacked. */
#include "cli/copy_local.h"
#include "cli/copy_plan.h"
#include "cli/pathname.h"

#include "base/cleanup.h"

#include "../check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void paths_are_cleaned_by_text(void **state)
{
    (void)state;
    static const struct { const char *path, *clean, *base, *dir, *entry; bool content, directory; } rows[] = {
        { "/a/b", "/a/b", "b", "/a", "b", false, false },
        { "/a/b/", "/a/b", "b", "/a", "b", false, true },
        { "/a/b/.", "/a/b", ".", "/a/b", ".", true, true },
        { "/", "/", "/", "/", "/", false, true },
        { "/.", "/", ".", "/", ".", true, true },
        { "//a//..//b", "/b", "b", "/", "b", false, false },
        { "/../a", "/a", "a", "/", "a", false, false },
        { ".", ".", ".", ".", ".", true, true },
        { "", ".", ".", ".", ".", false, false },
        { "a", "a", "a", ".", "a", false, false },
        { "../a/..", "..", "..", ".", "..", false, false },
        { "/a/b..", "/a/b..", "b..", "/a", "b..", false, false },
        { "/a.", "/a.", "a.", "/", "a.", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_free char *clean = pathname_clean(rows[i].path), *base = pathname_base(rows[i].path), *dir = NULL,
                       *entry = NULL;
        assert_true(pathname_split(rows[i].path, &dir, &entry));
        assert_string_equal(clean, rows[i].clean);
        assert_string_equal(base, rows[i].base);
        assert_string_equal(dir, rows[i].dir);
        assert_string_equal(entry, rows[i].entry);
        assert_int_equal(pathname_says_content(rows[i].path), rows[i].content);
        assert_int_equal(pathname_says_directory(rows[i].path), rows[i].directory);
    }
}

static void endings_are_kept(void **state)
{
    (void)state;
    static const struct { const char *clean, *original, *want; } rows[] = {
        { "/a", "a/", "/a/" }, { "/a", "a/.", "/a/." }, { "/a", "a", "/a" },   { "/", "/", "/" },
        { "/", "/.", "/." },   { "/x", ".", "/x/." },   { "/x", "./", "/x/" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_free char *have = pathname_keep_ending(rows[i].clean, rows[i].original);
        assert_string_equal(have, rows[i].want);
    }
}

static void a_colon_makes_a_container_unless_the_path_says_local(void **state)
{
    (void)state;
    static const struct { const char *text, *container, *path; } rows[] = {
        { "c:/x", "c", "/x" },     { "c:x:y", "c", "x:y" },  { "c:", "c", "" },      { "/a:b", NULL, "/a:b" },
        { "./a:b", NULL, "./a:b" }, { "../a:b", NULL, "../a:b" }, { "a", NULL, "a" }, { "-", NULL, "-" },
        { ":x", NULL, ":x" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_free char *container = NULL, *path = NULL;
        assert_int_equal(copy_argument_split(rows[i].text, &container, &path, NULL), 0);
        if (rows[i].container == NULL)
            assert_null(container);
        else
            assert_string_equal(container, rows[i].container);
        assert_string_equal(path, rows[i].path);
    }
}

/* Docker's table: what the source is × what is at the destination. */
static void copies_land_where_docker_puts_them(void **state)
{
    (void)state;
    static const struct { struct copy_source from; struct copy_target to; const char *dir, *rename, *error; } rows[] = {
        /* file to a new name, into a directory, over a file */
        { { "/s/f", NULL, false }, { "/d/n", false, false }, "/d", "n", NULL },
        { { "/s/f", NULL, false }, { "/d", true, true }, "/d", NULL, NULL },
        { { "/s/f", NULL, false }, { "/d/", true, true }, "/d/", NULL, NULL },
        { { "/s/f", NULL, false }, { "/d/g", true, false }, "/d", "g", NULL },
        { { "/s/f", NULL, false }, { "/d/n/", false, false }, NULL, NULL, "no such directory: /d/n/" },
        /* directory to a new name, into a directory, over a file */
        { { "/s/d", NULL, true }, { "/d/n", false, false }, "/d", "n", NULL },
        { { "/s/d", NULL, true }, { "/d/n/", false, false }, "/d", "n", NULL },
        { { "/s/d", NULL, true }, { "/d", true, true }, "/d", NULL, NULL },
        { { "/s/d", NULL, true }, { "/d/g", true, false }, NULL, NULL, "cannot copy directory /s/d onto the file /d/g" },
        /* its content */
        { { "/s/d/.", NULL, true }, { "/d", true, true }, "/d", NULL, NULL },
        { { "/s/d/.", NULL, true }, { "/d/n", false, false }, "/d", "n", NULL },
        /* what was asked for by another name */
        { { "/s/real", "link", true }, { "/d", true, true }, "/d", "link", NULL },
        { { "/s/real", "link", true }, { "/d/n", false, false }, "/d", "n", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_copy_plan p = { 0 };
        struct creel_err err = { 0 };
        int r = copy_plan_make(&rows[i].from, &rows[i].to, &p, &err);
        if (rows[i].error != NULL) {
            assert_int_equal(r, -1);
            assert_string_equal(err.text, rows[i].error);
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(p.dir, rows[i].dir);
        if (rows[i].rename == NULL)
            assert_null(p.rename);
        else
            assert_string_equal(p.rename, rows[i].rename);
    }
}

/* --- with files --- */

static char root[] = "/tmp/creel-copy-XXXXXX";

static int group_up(void **state)
{
    (void)state;
    if (mkdtemp(root) == NULL || chdir(root) < 0 || mkdir("d", 0755) < 0 || symlink("d", "l") < 0
        || symlink("nowhere/x", "broken") < 0 || symlink("new", "fresh") < 0 || symlink("loop", "loop") < 0
        || mkfifo("fifo", 0600) < 0)
        return -1;
    FILE *f = fopen("d/f", "we");
    return f == NULL ? -1 : fclose(f);
}

static int group_down(void **state)
{
    (void)state;
    return unlink("d/f") | unlink("l") | unlink("broken") | unlink("fresh") | unlink("loop") | unlink("fifo") | rmdir("d")
           | chdir("/") | rmdir(root);
}

static void check(const struct copy_local *l, int r, const char *path, const char *rename, bool exists, bool is_dir)
{
    char want[128];
    assert_int_equal(r, 0);
    (void)snprintf(want, sizeof want, "%s%s", root, path);
    assert_string_equal(l->path, want);
    if (rename == NULL)
        assert_null(l->rename);
    else
        assert_string_equal(l->rename, rename);
    assert_int_equal(l->exists, exists);
    assert_int_equal(l->is_dir, is_dir);
}

static void the_last_link_of_a_source_is_followed_when_asked(void **state)
{
    (void)state;
    static const struct { const char *path; bool follow; const char *resolved, *rename; bool is_dir; } rows[] = {
        { "d", false, "/d", NULL, true },        { "d/.", false, "/d/.", NULL, true },
        { "d/", false, "/d/", NULL, true },      { "d/f", false, "/d/f", NULL, false },
        { "l", false, "/l", NULL, false },       { "l/", false, "/d/", "l", true },
        { "l/.", false, "/d/.", NULL, true },    { "l", true, "/d", "l", true },
        { "l/f", false, "/d/f", NULL, false },   { "broken", false, "/broken", NULL, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_copy_local l = { 0 };
        struct creel_err err = { 0 };
        check(&l, copy_local_source(rows[i].path, rows[i].follow, &l, &err), rows[i].resolved, rows[i].rename, true,
              rows[i].is_dir);
    }
    static const struct { const char *path; bool follow; const char *error; } bad[] = {
        { "none", false, "No such file" }, { "d/f/", false, "Not a directory" }, { "broken", true, "No such file" },
        { "loop", true, "Too many levels" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_copy_local l = { 0 };
        struct creel_err err = { 0 };
        assert_int_equal(copy_local_source(bad[i].path, bad[i].follow, &l, &err), -1);
        assert_non_null(strstr(err.text, bad[i].error));
    }
}

static void a_target_may_be_new_but_its_directory_must_be_there(void **state)
{
    (void)state;
    static const struct { const char *path, *resolved; bool exists, is_dir; } rows[] = {
        { "d", "/d", true, true },     { "d/f", "/d/f", true, false },  { "new", "/new", false, false },
        { "new/", "/new/", false, false }, { "l", "/d", true, true },   { "fresh", "/new", false, false },
        { "d/new", "/d/new", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_copy_local l = { 0 };
        struct creel_err err = { 0 };
        check(&l, copy_local_target(rows[i].path, &l, &err), rows[i].resolved, NULL, rows[i].exists, rows[i].is_dir);
    }
    static const struct { const char *path, *error; } bad[] = {
        { "none/x", "invalid output path: directory \"" }, { "broken", "does not exist" },
        { "d/f/x", "Not a directory" }, { "loop", "Too many levels" }, { "fifo", "neither a directory nor a regular" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_copy_local l = { 0 };
        struct creel_err err = { 0 };
        assert_int_equal(copy_local_target(bad[i].path, &l, &err), -1);
        if (strstr(err.text, bad[i].error) == NULL)
            fail_msg("%s: %s", bad[i].path, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_cleaned_by_text),
        cmocka_unit_test(endings_are_kept),
        cmocka_unit_test(a_colon_makes_a_container_unless_the_path_says_local),
        cmocka_unit_test(copies_land_where_docker_puts_them),
        cmocka_unit_test(the_last_link_of_a_source_is_followed_when_asked),
        cmocka_unit_test(a_target_may_be_new_but_its_directory_must_be_there),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
