/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>

enum { WRITERS = 8, READERS = 2, COMMITS = 200, TOTAL = WRITERS * COMMITS };

static int fail_child(const char *who, const struct creel_err *err)
{
    (void)fprintf(stderr, "%s: %s\n", who, err->text);
    return 1;
}

/* One transaction: a counter kept in a container's row goes up by one. */
static int count_up(struct store *s, bool commit, int64_t *ret_rev, struct creel_err *err)
{
    auto_tx tx = { 0 };
    struct container_row row;
    if (store_begin(s, &tx, err) < 0 || container_row_get(s, "counter", &row, err) < 0)
        return -1;
    row.run++;
    int r = container_row_save(&tx, &row, false, err) < 0
                    || event_row_append(&tx, "test", "count", "counter", NULL, err) < 0
                ? -1
                : 0;
    container_row_fini(&row);
    if (r < 0 || !commit)
        return r;
    *ret_rev = tx.rev;
    return store_commit(&tx, err);
}

/* Notes the revision of each of its commits in a file. Now and then it changes its mind. */
static int op_write(const struct fixture *f, int arg)
{
    struct store *s;
    struct creel_err err = { 0 };
    char file[16];
    (void)snprintf(file, sizeof file, "revs%d", arg);
    int fd = openat(f->root_fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || store_open(f->root_fd, f->root, &s, &err) < 0)
        return fail_child("open", &err);
    for (int i = 0; i < COMMITS; i++) {
        int64_t rev;
        if (i % 10 == 3 && count_up(s, false, &rev, &err) < 0)
            return fail_child("roll back", &err);
        if (count_up(s, true, &rev, &err) < 0)
            return fail_child("commit", &err);
        if (write(fd, &rev, sizeof rev) != sizeof rev)
            return 2;
        if (i % 50 == 49) { /* connections come and go: the next one may have to read the WAL anew */
            store_close(s);
            if (store_open(f->root_fd, f->root, &s, &err) < 0)
                return fail_child("open again", &err);
        }
    }
    store_close(s);
    return 0;
}

static int64_t events_seen;
static int check_event(void *arg, const struct event_row *ev)
{
    int64_t *last = arg;
    events_seen++;
    if (ev->rev != *last + 1)
        return 1;
    *last = ev->rev;
    return 0;
}

/* One snapshot: the counter, the revision and the events have to agree. */
static int check_snapshot(struct store *s, int64_t *last_rev, struct creel_err *err)
{
    struct container_row row;
    int64_t rev, seen = *last_rev;
    if (store_read_begin(s, &rev, err) < 0 || container_row_get(s, "counter", &row, err) < 0)
        return -1;
    int64_t count = row.run, status_rev = row.status_rev;
    container_row_fini(&row);
    if (event_row_each(s, *last_rev, 0, 0, check_event, &seen, err) < 0)
        return -1;
    store_read_end(s);
    if (rev < *last_rev || count != rev - 1 || status_rev != rev || seen != rev)
        return creel_fail(err, CREEL_INTERNAL, 0, "snapshot: rev %lld, counter %lld, row %lld, events to %lld",
                          (long long)rev, (long long)count, (long long)status_rev, (long long)seen);
    *last_rev = rev;
    return 0;
}

static int op_read(const struct fixture *f, int arg)
{
    (void)arg;
    struct store *s;
    struct creel_err err = { 0 };
    int64_t last = 1;
    if (store_open(f->root_fd, f->root, &s, &err) < 0)
        return fail_child("open", &err);
    while (last < TOTAL + 1) {
        if (check_snapshot(s, &last, &err) < 0)
            return fail_child("read", &err);
    }
    store_close(s);
    return events_seen == TOTAL ? 0 : 3;
}

static void collect(const struct fixture *f, int writer, char *taken)
{
    char file[16];
    int64_t revs[COMMITS + 1];
    (void)snprintf(file, sizeof file, "revs%d", writer);
    int fd = openat(f->root_fd, file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, revs, sizeof revs), COMMITS * sizeof *revs);
    (void)close(fd);
    for (int i = 0; i < COMMITS; i++) {
        assert_in_range(revs[i], 2, TOTAL + 1);
        assert_int_equal(taken[revs[i]]++, 0); /* nobody else had it */
    }
}

static void many_processes_commit_and_read_at_once(void **state)
{
    struct fixture *f = *state;
    pid_t pids[WRITERS + READERS];
    auto_free char *taken = calloc(1, TOTAL + 2);
    add_container(f->s, "counter", "counter");
    exec_ok(f->s, "UPDATE containers SET run=0");
    fixture_close(f);
    for (int i = 0; i < WRITERS + READERS; i++)
        pids[i] = child_start(f, i < WRITERS ? "write" : "read", i);
    for (int i = 0; i < WRITERS + READERS; i++)
        assert_int_equal(child_wait(pids[i]), 0); /* no busy error, no torn snapshot */
    for (int i = 0; i < WRITERS; i++)
        collect(f, i, taken);
    f->s = fixture_open(f);
    assert_int_equal(query_int(f->s, "SELECT rev FROM meta"), TOTAL + 1);
    assert_int_equal(query_int(f->s, "SELECT run FROM containers"), TOTAL); /* no update was lost */
    assert_intact(f->s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(int argc, char **argv)
{
    static const struct child_op ops[] = { { "write", op_write }, { "read", op_read } };
    child_main(argc, argv, ops, ARRAY_LEN(ops));
    const struct CMUnitTest tests[] = { TEST(many_processes_commit_and_read_at_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
