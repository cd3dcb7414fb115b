/* SPDX-License-Identifier: Apache-2.0 */
/* A writer that is killed, wherever, leaves the old or the new state.
 *
 * The child runs transactions whose effect is a function of the revision they make, so the state that belongs to any
 * revision is known. It is killed at its n-th change of a file, for n = 1, 2, … until it survives (a VFS between SQLite and
 * the system counts; every other time a write is torn in the middle), and at random moments. */
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>

/* --- a VFS that kills --- */

struct shim { sqlite3_file base; sqlite3_file *real; };
static long shim_left; /* changes until death */

static bool shim_strikes(void)
{
    return --shim_left == 0;
}

static void shim_step(void)
{
    if (shim_strikes())
        (void)raise(SIGKILL);
}

#define REAL(f) (((struct shim *)(f))->real)
static int shim_close(sqlite3_file *f) { return REAL(f)->pMethods->xClose(REAL(f)); }
static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), p, n, at); }
static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (shim_strikes()) {
        (void)REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at); /* torn */
        (void)raise(SIGKILL);
    }
    int rc = REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
    shim_step();
    return rc;
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 n) { shim_step(); return REAL(f)->pMethods->xTruncate(REAL(f), n); }
static int shim_sync(sqlite3_file *f, int flags) { shim_step(); return REAL(f)->pMethods->xSync(REAL(f), flags); }
static int shim_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int shim_lock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static int shim_unlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static int shim_reserved(sqlite3_file *f, int *r) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), r); }
static int shim_control(sqlite3_file *f, int op, void *p) { return REAL(f)->pMethods->xFileControl(REAL(f), op, p); }
static int shim_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int shim_traits(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static int shim_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **p)
{
    if (extend)
        shim_step();
    return REAL(f)->pMethods->xShmMap(REAL(f), region, size, extend, p);
}
static int shim_shm_lock(sqlite3_file *f, int o, int n, int flags)
{
    if (flags == (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE))
        shim_step(); /* the index has been changed */
    return REAL(f)->pMethods->xShmLock(REAL(f), o, n, flags);
}
static void shim_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int shim_shm_unmap(sqlite3_file *f, int d) { return REAL(f)->pMethods->xShmUnmap(REAL(f), d); }

static const sqlite3_io_methods shim_methods = {
    2, shim_close, shim_read, shim_write, shim_truncate, shim_sync, shim_size, shim_lock, shim_unlock, shim_reserved,
    shim_control, shim_sector, shim_traits, shim_shm_map, shim_shm_lock, shim_barrier, shim_shm_unmap, NULL, NULL,
};

static sqlite3_vfs *shim_parent;

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    struct shim *s = (struct shim *)f;
    shim_step();
    s->real = (sqlite3_file *)(s + 1);
    s->base.pMethods = NULL;
    int rc = shim_parent->xOpen(shim_parent, name, s->real, flags, out);
    if (s->real->pMethods != NULL)
        s->base.pMethods = &shim_methods;
    return rc;
}

static int shim_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    shim_step();
    return shim_parent->xDelete(shim_parent, name, sync);
}

static void shim_install(long changes)
{
    static sqlite3_vfs vfs;
    shim_left = changes;
    shim_parent = sqlite3_vfs_find(NULL);
    vfs = *shim_parent;
    vfs.zName = "killing";
    vfs.szOsFile = (int)sizeof(struct shim) + shim_parent->szOsFile;
    vfs.xOpen = shim_open;
    vfs.xDelete = shim_delete;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* --- the work: revision r makes c<r>, ends c<r-1>, removes c<r-3> --- */

static const char *cid(int64_t r, char *buf)
{
    (void)snprintf(buf, 32, "c%lld", (long long)r);
    return buf;
}

static int end_one(struct store_tx *tx, int64_t r, struct creel_err *err)
{
    char id[32], name[40];
    struct container_row row;
    struct exit_row x = { .run = 1, .started_ns = r, .finished_ns = r, .how = EXIT_BY_CODE, .number = 3 };
    memcpy(x.id, cid(r, id), sizeof id);
    if (container_row_get(tx->store, id, &row, err) < 0)
        return -1;
    row.state = CONTAINER_EXITED;
    row.finished_ns = tx->rev;
    (void)snprintf(name, sizeof name, "ended-%lld", (long long)r);
    int rc = container_row_rename(tx, &row, name, NULL, err) < 0 || container_row_save(tx, &row, false, err) < 0
                     || exit_row_insert(tx, &x, err) < 0
                 ? -1
                 : 0;
    container_row_fini(&row);
    return rc;
}

static int step(struct store *s, int64_t *ret_rev, struct creel_err *err)
{
    auto_tx tx = { 0 };
    char id[32];
    if (store_begin(s, &tx, err) < 0)
        return -1;
    int64_t r = tx.rev;
    struct container_row row = sample_row(cid(r, id), id);
    free(row.spec);
    row.spec = calloc(1, 6001);
    memset(row.spec, 'a' + (int)(r % 26), 6000);
    row.state = CONTAINER_CREATED;
    int rc = container_row_insert(&tx, &row, NULL, err);
    container_row_fini(&row);
    if (rc < 0 || (r > 1 && end_one(&tx, r - 1, err) < 0)
        || (r > 3 && container_row_delete(&tx, cid(r - 3, id), err) < 0))
        return -1;
    int64_t seq;
    if (intent_row_insert(&tx, "start", cid(r, id), NULL, &seq, err) < 0
        || event_row_append(&tx, "container", "create", id, NULL, err) < 0)
        return -1;
    /* the intent of the revision before; its number follows the exit that all but the first one record */
    if (r > 1 && intent_row_delete(&tx, (r - 1) << STORE_SEQ_BITS | (r > 2), err) < 0)
        return -1;
    *ret_rev = r;
    return store_commit(&tx, err);
}

/* What has to be true at revision r. */
static void assert_state(struct store *s, int64_t r)
{
    char sql[256];
    assert_intact(s);
    assert_int_equal(query_int(s, "SELECT count(*) FROM containers"), r < 3 ? r : 3);
    assert_int_equal(query_int(s, "SELECT count(*) FROM specs WHERE length(document)=6000"), r < 3 ? r : 3);
    assert_int_equal(query_int(s, "SELECT count(*) FROM exits"), r > 0 ? r - 1 : 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM events"), r);
    assert_int_equal(query_int(s, "SELECT count(*) FROM intents"), r > 0);
    assert_int_equal(query_int(s, "SELECT coalesce(max(seq)>>20,0) FROM events"), r);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM objects WHERE id='c%lld' AND name='c%lld'", (long long)r, (long long)r);
    assert_int_equal(query_int(s, sql), r > 0);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM objects WHERE name='ended-%lld'", (long long)r - 1);
    assert_int_equal(query_int(s, sql), r > 1);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM intents WHERE object='c%lld'", (long long)r);
    assert_int_equal(query_int(s, sql), r > 0);
}

/* What the child was told is durable. */
static void acknowledge(const struct fixture *f, int64_t rev)
{
    int fd = openat(f->root_fd, "acked", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, &rev, sizeof rev, 0) != sizeof rev)
        _exit(97);
    (void)close(fd);
}

static int64_t acknowledged(const struct fixture *f)
{
    int64_t rev = 0;
    int fd = openat(f->root_fd, "acked", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    assert_int_equal(pread(fd, &rev, sizeof rev, 0), sizeof rev);
    (void)close(fd);
    return rev;
}

static int work(const struct fixture *f, int steps)
{
    struct store *s;
    struct creel_err err = { 0 };
    if (store_open(f->root_fd, f->root, &s, &err) < 0)
        goto failed;
    for (int i = 0; i < steps; i++) {
        int64_t rev;
        if (step(s, &rev, &err) < 0)
            goto failed;
        acknowledge(f, rev);
    }
    store_close(s);
    return 0;
failed:
    (void)fprintf(stderr, "child: %s\n", err.text);
    return 1;
}

static int op_counted(const struct fixture *f, int changes)
{
    shim_install(changes);
    return work(f, 4);
}

static int op_endless(const struct fixture *f, int steps)
{
    return work(f, steps);
}

static void check_after(struct fixture *f)
{
    int64_t rev = -1, acked = acknowledged(f);
    f->s = fixture_open(f);
    OK(store_rev(f->s, &rev, &err));
    assert_true(rev == acked || rev == acked + 1);
    assert_state(f->s, rev);
    acknowledge(f, rev);
    fixture_close(f);
}

static bool was_killed(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    assert_int_equal(status, 0);
    return false;
}

/* Starting a program is slow under a sanitizer: every fifth change then. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

static void a_writer_killed_at_any_change_leaves_the_old_or_the_new_state(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    int n = 1;
    for (; was_killed(child_wait(child_start(f, "counted", n))); n += STRIDE)
        check_after(f);
    check_after(f);
    assert_true(n > 60); /* the kills were really on the way */
}

/* The same from the first instruction on: making and migrating the store. */
static void a_first_opener_killed_at_any_change_leaves_no_half_store(void **state)
{
    static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "store.db-journal", "acked" };
    struct fixture *f = *state;
    fixture_close(f);
    for (int n = 1;; n += STRIDE) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
            (void)unlinkat(f->root_fd, files[i], 0);
        bool killed = was_killed(child_wait(child_start(f, "counted", n)));
        check_after(f);
        if (!killed) {
            assert_true(n > 60);
            return;
        }
    }
}

/* Until the child has committed something, then up to `most` nanoseconds more. */
static void let_it_work(int inotify_fd, unsigned *seed, int most)
{
    char buf[4096];
    assert_int_equal(poll(&(struct pollfd){ .fd = inotify_fd, .events = POLLIN }, 1, 10000), 1);
    (void)nanosleep(&(struct timespec){ .tv_nsec = rand_r(seed) % most }, NULL);
    assert_true(read(inotify_fd, buf, sizeof buf) > 0);
}

static int watch_acks(const struct fixture *f)
{
    int fd = inotify_init1(IN_CLOEXEC);
    char path[96];
    acknowledge(f, acknowledged(f));
    (void)snprintf(path, sizeof path, "%s/acked", f->root);
    assert_true(fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) >= 0);
    return fd;
}

static void drain(int fd)
{
    char buf[4096];
    while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1)
        assert_true(read(fd, buf, sizeof buf) > 0);
}

/* With checkpoints under way: enough steps for the WAL to go round several times. */
static void a_writer_killed_at_a_random_moment_leaves_the_old_or_the_new_state(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    int killed = 0, acks = watch_acks(f);
    unsigned seed = 12345;
    for (int i = 0; i < 40; i++) {
        drain(acks);
        pid_t pid = child_start(f, "endless", 1000000);
        let_it_work(acks, &seed, 10000000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        killed += was_killed(child_wait(pid));
        check_after(f);
    }
    assert_int_equal(killed, 40);
    assert_true(acknowledged(f) > 40); /* it did get somewhere in between */
    (void)close(acks);
}

/* Two writers, one killed in the middle of its transaction: the other goes on at once. */
static void a_killed_writer_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    int acks = watch_acks(f);
    unsigned seed = 54321;
    for (int i = 0; i < 20; i++) {
        drain(acks);
        pid_t a = child_start(f, "endless", 1000000), b = child_start(f, "endless", 20);
        let_it_work(acks, &seed, 4000000);
        assert_int_equal(kill(a, SIGKILL), 0);
        assert_true(was_killed(child_wait(a)));
        assert_int_equal(child_wait(b), 0);
        int64_t rev = -1;
        f->s = fixture_open(f);
        OK(store_rev(f->s, &rev, &err));
        assert_state(f->s, rev);
        fixture_close(f);
    }
    (void)close(acks);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(int argc, char **argv)
{
    static const struct child_op ops[] = { { "counted", op_counted }, { "endless", op_endless } };
    child_main(argc, argv, ops, ARRAY_LEN(ops));
    const struct CMUnitTest tests[] = {
        TEST(a_writer_killed_at_any_change_leaves_the_old_or_the_new_state),
        TEST(a_first_opener_killed_at_any_change_leaves_no_half_store),
        TEST(a_writer_killed_at_a_random_moment_leaves_the_old_or_the_new_state),
        TEST(a_killed_writer_does_not_stop_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
