/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int64_t rev_of(struct store *s)
{
    int64_t rev = -1;
    OK(store_rev(s, &rev, &err));
    return rev;
}

static void a_commit_takes_the_next_revision_once(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    assert_int_equal(rev_of(s), 0);
    add_container(s, "c1", "one");
    assert_int_equal(rev_of(s), 1);
    struct container_row r;
    OK(container_row_get(s, "c1", &r, &err));
    assert_int_equal(r.spec_rev, 1);
    assert_int_equal(r.status_rev, 1);
    auto_tx tx = { 0 };
    OK(store_begin(s, &tx, &err));
    assert_int_equal(tx.rev, 2);
    OK(container_row_save(&tx, &r, false, &err));
    OK(store_commit(&tx, &err));
    assert_int_equal(r.spec_rev, 1);
    assert_int_equal(r.status_rev, 2);
    assert_int_equal(rev_of(s), 2);
    container_row_fini(&r);
}

static void an_empty_commit_takes_no_revision(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(intent_row_delete(&tx, 12345, &err)); /* there is none */
    OK(store_commit(&tx, &err));
    assert_int_equal(tx.rev, 0);
    assert_int_equal(rev_of(s), 0);
}

static void leaving_the_scope_rolls_back(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    {
        auto_tx tx = { 0 };
        struct container_row r = sample_row("c1", "one");
        OK(store_begin(s, &tx, &err));
        OK(container_row_insert(&tx, &r, NULL, &err));
        container_row_fini(&r);
    }
    assert_int_equal(rev_of(s), 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM objects"), 0);
    add_container(s, "c1", "one"); /* the name is free again */
}

static void a_snapshot_does_not_see_later_commits(void **state)
{
    struct fixture *f = *state;
    struct store *other = fixture_open(f);
    int64_t rev, after;
    add_container(f->s, "c1", "one");
    OK(store_read_begin(f->s, &rev, &err));
    add_container(other, "c2", "two"); /* a writer does not wait for the reader */
    char id[65];
    FAILS(CREEL_NOT_FOUND, container_row_resolve(f->s, "two", id, &err));
    OK(store_read_begin(f->s, &after, &err)); /* nested: the same snapshot */
    assert_int_equal(after, rev);
    store_read_end(f->s);
    FAILS(CREEL_NOT_FOUND, container_row_resolve(f->s, "two", id, &err));
    store_read_end(f->s);
    OK(container_row_resolve(f->s, "two", id, &err));
    assert_string_equal(id, "c2");
    store_close(other);
}

static int op_add(const struct fixture *f, int arg)
{
    (void)arg;
    struct store *s = fixture_open(f);
    add_container(s, "c1", "one");
    store_close(s);
    return 0;
}

static int op_die(const struct fixture *f, int arg)
{
    (void)arg;
    struct store_tx tx;
    OK(store_begin(fixture_open(f), &tx, &err));
    return raise(SIGKILL);
}

static bool readable(int fd)
{
    return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

static void the_bell_rings_after_a_commit_can_be_seen(void **state)
{
    struct fixture *f = *state;
    int bell = -1;
    OK(bell = store_changed_fd(f->s, &err));
    store_changed_ack(f->s);
    assert_false(readable(bell));
    int64_t before = rev_of(f->s);
    pid_t pid = child_start(f, "add", 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = bell, .events = POLLIN }, 1, 5000), 1);
    assert_true(rev_of(f->s) > before);
    assert_int_equal(child_wait(pid), 0);
    store_changed_ack(f->s);
    assert_false(readable(bell));
    (void)rev_of(f->s);
    assert_false(readable(bell)); /* reading rings nothing */
}

static void the_bell_rings_for_a_writer_that_is_killed(void **state)
{
    struct fixture *f = *state;
    int bell = -1;
    OK(bell = store_changed_fd(f->s, &err));
    store_changed_ack(f->s);
    int status = child_wait(child_start(f, "die", 0));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(readable(bell));
    add_container(f->s, "c1", "one"); /* and its lock is gone */
}

/* --- the WAL --- */

static off_t wal_size(const struct fixture *f)
{
    struct stat st;
    assert_int_equal(fstatat(f->root_fd, "store.db-wal", &st, 0), 0);
    return st.st_size;
}

static void fill_by_processes(struct fixture *f, int count, off_t bound)
{
    fixture_close(f);
    for (int i = 0; i < count; i++) { /* each opener is the only one */
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        struct store *s = fixture_open(f);
        add_container(s, id, id);
        store_close(s);
        assert_true(wal_size(f) < bound);
    }
    f->s = fixture_open(f);
    assert_int_equal(rev_of(f->s), count);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), count);
    assert_intact(f->s);
}

static void the_wal_stays_short_across_processes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(unlinkat(f->root_fd, "store.boot", 0), 0);
    assert_int_equal(mkdirat(f->root_fd, "store.boot", 0700), 0); /* each rebuilds the index from the WAL */
    fill_by_processes(f, 120, 1 << 20);
}

static void the_wal_is_bounded_where_its_index_is_kept(void **state)
{
    struct fixture *f = *state;
    fill_by_processes(f, 400, 5 << 20);
    assert_true(wal_size(f) > 1 << 20);
}

static void a_long_reader_delays_no_writer_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct store *reader = fixture_open(f);
    int64_t rev;
    OK(store_read_begin(reader, &rev, &err));
    for (int i = 0; i < 100; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        add_container(f->s, id, id);
    }
    assert_int_equal(query_int(reader, "SELECT count(*) FROM containers"), 0);
    store_read_end(reader);
    assert_int_equal(query_int(reader, "SELECT count(*) FROM containers"), 100);
    OK(store_checkpoint(f->s, &err));
    assert_int_equal(wal_size(f), 0);
    assert_int_equal(query_int(reader, "SELECT count(*) FROM containers"), 100);
    store_close(reader);
}

static void only_a_commit_that_asks_for_it_is_not_synced(void **state)
{
    enum { NORMAL = 1, FULL = 2 };
    struct fixture *f = *state;
    struct store *other = fixture_open(f);
    struct container_row r = sample_row("c1", "one");
    for (int i = 0; i < 2; i++) {
        auto_tx tx = { 0 };
        OK(store_begin_unsynced(f->s, &tx, &err));
        assert_int_equal(query_int(f->s, "PRAGMA synchronous"), NORMAL);
        if (i == 0)
            OK(container_row_insert(&tx, &r, NULL, &err));
        OK(store_commit(&tx, &err));
        assert_int_equal(query_int(other, "SELECT count(*) FROM containers"), 1);
    }
    container_row_fini(&r);
    auto_tx tx = { 0 };
    OK(store_begin(f->s, &tx, &err));
    assert_int_equal(query_int(f->s, "PRAGMA synchronous"), FULL);
    store_rollback(&tx);
    store_close(other);
}

static void closing_keeps_the_wal(void **state)
{
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    fixture_close(f);
    assert_true(wal_size(f) > 0);
    f->s = fixture_open(f);
    assert_int_equal(rev_of(f->s), 1);
}

/* --- what can go wrong outside --- */

static void files_are_for_their_owner_only(void **state)
{
    static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "store.lock", "store.boot" };
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;
        assert_int_equal(fstatat(f->root_fd, names[i], &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void overwrite(const struct fixture *f, const char *name, off_t at, size_t len)
{
    char junk[8192];
    memset(junk, 0x5a, sizeof junk);
    int fd = openat(f->root_fd, name, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, len, at), len);
    (void)close(fd);
}

static void a_damaged_database_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    OK(store_checkpoint(f->s, &err));
    fixture_close(f);
    overwrite(f, "store.db", 0, 100);
    struct store *s;
    struct creel_err err = { 0 };
    assert_int_equal(store_open(f->root_fd, f->root, &s, &err), -1);
    assert_non_null(strstr(err.text, "damaged"));
    assert_non_null(strstr(err.text, f->root));
    assert_non_null(strstr(err.text, "backup"));
}

static void a_damaged_page_is_an_error_not_a_crash(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        add_container(f->s, id, id);
    }
    int64_t page = query_int(f->s, "SELECT rootpage FROM sqlite_schema WHERE name='containers'");
    OK(store_checkpoint(f->s, &err));
    fixture_close(f);
    overwrite(f, "store.db", (page - 1) * 4096, 4096);
    f->s = fixture_open(f);
    struct container_row r;
    FAILS(CREEL_INTERNAL, container_row_get(f->s, "c3", &r, &err));
}

static int op_full(const struct fixture *f, int arg)
{
    (void)arg;
    struct store *s = fixture_open(f);
    struct store_tx tx;
    struct creel_err err = { 0 };
    struct container_row r = sample_row("c2", "two");
    free(r.spec);
    r.spec = calloc(1, 1 << 20);
    memset(r.spec, 'x', (1 << 20) - 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = { 1 << 18, 1 << 18 };
    (void)setrlimit(RLIMIT_FSIZE, &small);
    int r1 = store_begin(s, &tx, &err) < 0 || container_row_insert(&tx, &r, NULL, &err) < 0 ? -1 : 0;
    if (r1 == 0)
        r1 = store_commit(&tx, &err);
    else if (tx.open)
        store_rollback(&tx);
    int64_t rev = -1;
    if (r1 == 0 || err.text[0] == '\0')
        return 1;
    if (store_rev(s, &rev, &err) < 0 || rev != 1) /* the connection goes on */
        return 2;
    store_close(s);
    return 0;
}

/* A limit on the size of files stands for a full disk: the write fails in the middle of a commit. */
static void a_full_disk_leaves_the_old_state(void **state)
{
    struct fixture *f = *state;
    add_container(f->s, "c1", "one");
    assert_int_equal(child_wait(child_start(f, "full", 0)), 0);
    assert_int_equal(query_int(f->s, "SELECT count(*) FROM containers"), 1);
    add_container(f->s, "c2", "two");
    assert_int_equal(rev_of(f->s), 2);
}


static void network_file_systems_are_known(void **state)
{
    (void)state;
    static const unsigned long remote[] = { 0x6969, 0xfe534d42, 0xff534d42, 0xc36400 }; /* NFS, SMB, CIFS, Ceph */
    static const unsigned long local[] = { 0xef53, 0x58465342, 0x01021994, 0x9123683e, 0x794c7630, 0x2fc12fc1 };
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        assert_true(store_is_remote(remote[i]) && store_is_remote((unsigned long)(long)(int)remote[i]));
    for (size_t i = 0; i < ARRAY_LEN(local); i++)
        assert_false(store_is_remote(local[i]));
}

static int query_again(void *arg, const struct container_row *r)
{
    struct store *s = arg;
    struct container_row again;
    OK(container_row_get(s, r->id, &again, &err));
    assert_string_equal(again.name, r->name);
    container_row_fini(&again);
    int64_t counts[CONTAINER_STATE_COUNT];
    OK(container_row_counts(s, counts, &err));
    assert_int_equal(counts[CONTAINER_EXITED], 3);
    return 0;
}

static int nest(void *arg, const struct container_row *r)
{
    (void)r;
    OK(container_row_each(arg, 0, 0, false, query_again, arg, &err)); /* the same statement, again */
    return 0;
}

static void an_each_callback_may_query(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    add_container(s, "c1", "one");
    add_container(s, "c2", "two");
    add_container(s, "c3", "three");
    OK(container_row_each(s, 0, 0, true, nest, s, &err));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(int argc, char **argv)
{
    static const struct child_op ops[] = { { "add", op_add }, { "die", op_die }, { "full", op_full } };
    child_main(argc, argv, ops, ARRAY_LEN(ops));
    const struct CMUnitTest tests[] = {
        TEST(a_commit_takes_the_next_revision_once),
        TEST(an_empty_commit_takes_no_revision),
        TEST(leaving_the_scope_rolls_back),
        TEST(a_snapshot_does_not_see_later_commits),
        TEST(the_bell_rings_after_a_commit_can_be_seen),
        TEST(the_bell_rings_for_a_writer_that_is_killed),
        TEST(the_wal_stays_short_across_processes), TEST(the_wal_is_bounded_where_its_index_is_kept),
        TEST(a_long_reader_delays_no_writer_and_loses_nothing),
        TEST(only_a_commit_that_asks_for_it_is_not_synced), TEST(closing_keeps_the_wal),
        TEST(files_are_for_their_owner_only),
        TEST(a_damaged_database_says_what_to_do),
        TEST(a_damaged_page_is_an_error_not_a_crash),
        TEST(a_full_disk_leaves_the_old_state),
        TEST(an_each_callback_may_query), TEST(network_file_systems_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
