/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>

/* A store as a program that knew only the first `version` steps left it. */
static void make_old(struct fixture *f, int version)
{
    char path[96];
    fixture_close(f);
    static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm" };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        (void)unlinkat(f->root_fd, files[i], 0);
    struct store old = { .lock_fd = -1, .changed_fd = -1, .root_fd = f->root_fd, .root = f->root };
    (void)snprintf(path, sizeof path, "%s/store.db", f->root);
    assert_int_equal(sqlite3_open(path, &old.db), SQLITE_OK);
    OK(store_migrate_to(&old, version, &err));
    exec_ok(&old, "UPDATE meta SET rev=41");
    for (size_t i = 0; i < STMT_CACHE_SIZE; i++)
        (void)sqlite3_finalize(old.stmts[i].handle);
    assert_int_equal(sqlite3_close(old.db), SQLITE_OK);
    f->s = NULL;
}

static void every_older_schema_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;
    int newest = (int)query_int(f->s, "PRAGMA user_version");
    assert_int_equal(newest, store_schema_newest);
    for (int v = 1; v <= newest; v++) {
        make_old(f, v);
        f->s = fixture_open(f);
        assert_int_equal(query_int(f->s, "PRAGMA user_version"), newest);
        int64_t rev = -1;
        OK(store_rev(f->s, &rev, &err));
        assert_int_equal(rev, 41);
        add_container(f->s, "c1", "one");
        assert_intact(f->s);
    }
}

static void a_newer_schema_is_refused_and_not_touched(void **state)
{
    struct fixture *f = *state;
    exec_ok(f->s, "PRAGMA user_version=999");
    fixture_close(f);
    struct store *s;
    struct creel_err err = { 0 };
    assert_int_equal(store_open(f->root_fd, f->root, &s, &err), -1);
    assert_int_equal(err.kind, CREEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "newer creel"));
    assert_non_null(strstr(err.text, "999"));
}

static void an_empty_file_is_a_new_store(void **state)
{
    struct fixture *f = *state; /* what a first opener leaves that is killed right after making the file */
    fixture_close(f);
    assert_int_equal(unlinkat(f->root_fd, "store.db-wal", 0), 0);
    assert_int_equal(unlinkat(f->root_fd, "store.db-shm", 0), 0);
    int fd = openat(f->root_fd, "store.db", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
    f->s = fixture_open(f);
    add_container(f->s, "c1", "one");
    assert_intact(f->s);
}

static int op_open(const struct fixture *f, int arg)
{
    struct store *s = fixture_open(f);
    char id[16];
    (void)snprintf(id, sizeof id, "c%d", arg);
    add_container(s, id, id);
    store_close(s);
    return 0;
}

static void many_first_openers_agree(void **state)
{
    struct fixture *f = *state;
    pid_t pids[8];
    for (int round = 0; round < 5; round++) {
        static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "store.lock" };
        fixture_close(f);
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
            (void)unlinkat(f->root_fd, files[i], 0);
        for (int i = 0; i < 8; i++)
            pids[i] = child_start(f, "open", i);
        for (int i = 0; i < 8; i++)
            assert_int_equal(child_wait(pids[i]), 0);
        f->s = fixture_open(f);
        assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 8);
        assert_int_equal(query_int(f->s, "SELECT rev FROM meta"), 8);
        assert_intact(f->s);
    }
}

static void a_text_file_is_no_store(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    (void)unlinkat(f->root_fd, "store.db-wal", 0);
    int fd = openat(f->root_fd, "store.db", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "this is not a database, is it?\n", 31), 31);
    (void)close(fd);
    struct store *s;
    FAILS(CREEL_INTERNAL, store_open(f->root_fd, f->root, &s, &err));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(int argc, char **argv)
{
    static const struct child_op ops[] = { { "open", op_open } };
    child_main(argc, argv, ops, ARRAY_LEN(ops));
    const struct CMUnitTest tests[] = {
        TEST(every_older_schema_is_brought_up_to_date),
        TEST(a_newer_schema_is_refused_and_not_touched),
        TEST(an_empty_file_is_a_new_store),
        TEST(many_first_openers_agree),
        TEST(a_text_file_is_no_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
