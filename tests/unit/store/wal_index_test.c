/* SPDX-License-Identifier: Apache-2.0 */
/* When the WAL's index is taken over from the process before, and when it must not be. Whether it was is seen by a
 * word of the index that SQLite does not use and that is gone when the index was made anew. */
#include "fixture.h"

#include "sys/identity.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { UNUSED_WORD = 132, WRITE_LOCK = 120 };
static const char sign[4] = "kept";

static int open_file(const struct fixture *f, const char *name, int flags)
{
    int fd = openat(f->root_fd, name, flags | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* Only while no store is open: closing would drop the locks of this process. */
static void sign_index(const struct fixture *f)
{
    auto_fd fd = open_file(f, "store.db-shm", O_WRONLY);
    assert_int_equal(pwrite(fd, sign, sizeof sign, UNUSED_WORD), sizeof sign);
}

static bool index_was_kept(struct fixture *f)
{
    char have[sizeof sign];
    f->s = fixture_open(f);
    assert_intact(f->s);
    fixture_close(f);
    auto_fd fd = open_file(f, "store.db-shm", O_RDONLY);
    assert_int_equal(pread(fd, have, sizeof have, UNUSED_WORD), sizeof have);
    return memcmp(have, sign, sizeof sign) == 0;
}

static void write_file(const struct fixture *f, const char *name, const void *data, size_t n)
{
    auto_fd fd = open_file(f, name, O_WRONLY | O_CREAT | O_TRUNC);
    assert_int_equal(write(fd, data, n), n);
}

static size_t read_file(const struct fixture *f, const char *name, char *buf, size_t size)
{
    auto_fd fd = open_file(f, name, O_RDONLY);
    ssize_t n = read(fd, buf, size);
    assert_true(n > 0 && (size_t)n < size);
    return (size_t)n;
}

static void the_next_opener_takes_it_over(void **state)
{
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    fixture_close(f);
    for (int i = 0; i < 3; i++) {
        sign_index(f);
        assert_true(index_was_kept(f));
    }
    f->s = fixture_open(f);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 1);
    add_container(f->s, "c2", "two");
    assert_intact(f->s);
}

static void one_of_another_boot_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char mark[128];
    fixture_close(f);
    size_t n = read_file(f, "store.boot", mark, sizeof mark);
    assert_memory_equal(mark, sys_boot_id(), 36);
    mark[0] = mark[0] == '0' ? '1' : '0';
    write_file(f, "store.boot", mark, n);
    sign_index(f);
    assert_false(index_was_kept(f));
    sign_index(f);
    assert_true(index_was_kept(f)); /* and then it is of this one */
}

static void a_copy_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char index[65536];
    fixture_close(f);
    sign_index(f);
    size_t n = read_file(f, "store.db-shm", index, sizeof index);
    write_file(f, "copy", index, n);
    assert_int_equal(renameat(f->root_fd, "copy", f->root_fd, "store.db-shm"), 0);
    assert_false(index_was_kept(f));
}

static void one_that_does_not_fit_the_journal_is_made_anew(void **state)
{
    struct fixture *f = *state;
    static char wal[1 << 20];
    add_container(f->s, "c1", "one");
    fixture_close(f);
    size_t n = read_file(f, "store.db-wal", wal, sizeof wal);
    f->s = fixture_open(f);
    add_container(f->s, "c2", "two");
    fixture_close(f);
    write_file(f, "store.db-wal", wal, n); /* put back from a backup */
    sign_index(f);
    assert_false(index_was_kept(f));
    f->s = fixture_open(f);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 1);
}

/* The journal has not changed since the backup, but the database has: everything was copied back into it. An index that
 * says so would have readers look for the journal's rows in a database that is older. */
static void one_that_was_copied_back_is_made_anew(void **state)
{
    struct fixture *f = *state;
    static char wal[1 << 20], db[4 << 20];
    fixture_close(f);
    f->s = fixture_open(f);
    add_container(f->s, "c1", "one");
    fixture_close(f);
    size_t wal_size = read_file(f, "store.db-wal", wal, sizeof wal), db_size = read_file(f, "store.db", db, sizeof db);
    f->s = fixture_open(f);
    assert_int_equal(sqlite3_wal_checkpoint_v2(f->s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), SQLITE_OK);
    fixture_close(f);
    write_file(f, "store.db-wal", wal, wal_size);
    write_file(f, "store.db", db, db_size);
    sign_index(f);
    assert_false(index_was_kept(f));
    f->s = fixture_open(f);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 1);
    add_container(f->s, "c2", "two");
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 2);
    assert_intact(f->s);
}

static void a_damaged_header_is_made_anew(void **state)
{
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    fixture_close(f);
    auto_fd fd = open_file(f, "store.db-shm", O_WRONLY); /* what a recovery that was killed leaves */
    assert_int_equal(pwrite(fd, "\0\0\0\0", 4, 40), 4);
    fd_closep(&fd);
    f->s = fixture_open(f);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 1);
    assert_intact(f->s);
}

/* A connection that is closed must not take the locks of another one of this process with it. */
static void locks_of_other_connections_stay(void **state)
{
    struct fixture *f = *state;
    struct store *other = fixture_open(f);
    auto_tx tx = { 0 };
    OK(store_begin(f->s, &tx, &err));
    store_close(other);
    pid_t pid = fork(); /* a process does not see its own locks */
    if (pid == 0) {
        int fd = openat(f->root_fd, "store.db-shm", O_RDWR | O_CLOEXEC);
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WRITE_LOCK, .l_len = 1 };
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_WRLCK ? 0 : 1);
    }
    assert_int_equal(child_wait(pid), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_next_opener_takes_it_over), TEST(one_of_another_boot_is_made_anew), TEST(a_copy_is_made_anew),
        TEST(one_that_does_not_fit_the_journal_is_made_anew), TEST(one_that_was_copied_back_is_made_anew), TEST(a_damaged_header_is_made_anew),
        TEST(locks_of_other_connections_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
