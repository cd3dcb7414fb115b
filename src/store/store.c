/* SPDX-License-Identifier: Apache-2.0 */
/* store/store.c: the connection, transactions, snapshots and checkpoints.
 *
 *   C1  A connection is in one mode: idle, reading (a snapshot over several queries) or writing. It writes only
 *       while it holds the store's lock; it checkpoints only while it holds the lock and is idle.
 *   C2  `rev` moves by one in every commit that changed a row, and never otherwise.
 *   C3  SQLite never checkpoints by itself here: no automatic checkpoint, none at close (research: the WAL-reset
 *       race).
 *
 * Checkpoints. The first process that opens an idle store reads the whole WAL (unless its index can be taken over,
 * wal_index.c), so the WAL must stay short, and what was copied back must leave it. SQLite starts the WAL anew only
 * when a connection that *saw* the completed checkpoint writes next; a command that checkpoints after its last
 * commit and exits would leave a full WAL to the next opener, which knows nothing of the checkpoint. So the
 * checkpoint comes first in store_begin, when the WAL has grown past its bound, and the transaction that follows
 * starts the WAL anew. The file keeps its size: overwriting blocks that exist costs an fdatasync, growing a file
 * costs the file system's journal as well. */
#include "store/internal.h"

#include "base/clock.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

enum {
    WAL_FRAMES_MAX = 1000,        /* 4 MB: past this a write transaction checkpoints first */
    WAL_FRAMES_READ_MAX = 128,    /* the same where every process has to read them all, at 3 us each */
    WAL_FRAMES_HUGE = 16384,      /* 64 MB: past this the file is also cut, waiting a little for readers */
};
#define BUSY_LONG_NS INT64_C(30000000000)
#define BUSY_SHORT_NS INT64_C(100000000)

/* SQLite's byte-range locks cannot be waited for. They are held for microseconds (another process reads the WAL for
 * the first time), because writers queue at our own lock; so short naps, up to a limit. */
static int on_busy(void *arg, int count)
{
    struct store *s = arg;
    int64_t now = clock_mono_ns();
    if (count == 0)
        s->busy_since = now;
    if (now - s->busy_since > s->busy_limit)
        return 0;
    long us = count < 10 ? 50 : 1000;
    (void)nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
    return 1;
}

/* SQLite makes files with the mode that the umask leaves; the journal and the index take it from the database. */
static int make_file(struct store *s, struct creel_err *err)
{
    auto_fd fd = openat(s->root_fd, "store.db", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return creel_fail(err, errno == EROFS ? CREEL_DENIED : creel_kind_of_errno(errno), errno,
                          "make the store %s/store.db", s->root);
    return 0;
}

/* --- the system's files, but for one flag --- */

static sqlite3_vfs *system_vfs, vfs;

/* SQLite syncs the directory after its first sync of a WAL that it was ready to make, in every process. One that is
 * there has had its name on disk since the store was made (migration.c), so it is opened and not made. */
static int open_wal(const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    int rc = system_vfs->xOpen(system_vfs, name, file, flags & ~SQLITE_OPEN_CREATE, ret_flags);
    if (rc != SQLITE_OK || (*ret_flags & SQLITE_OPEN_READONLY) == 0)
        return rc;
    /* for reading only: another process has made it between two attempts */
    (void)file->pMethods->xClose(file);
    return SQLITE_CANTOPEN;
}

static int open_file(sqlite3_vfs *unused, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    int got = 0;
    (void)unused;
    int rc = (flags & SQLITE_OPEN_WAL) != 0 ? open_wal(name, file, flags, &got) : SQLITE_CANTOPEN;
    if (rc != SQLITE_OK)
        rc = system_vfs->xOpen(system_vfs, name, file, flags, &got);
    if (ret_flags != NULL)
        *ret_flags = got;
    return rc;
}

static const char *vfs_name(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&mutex);
    if (system_vfs == NULL) {
        system_vfs = sqlite3_vfs_find(NULL);
        vfs = *system_vfs;
        vfs.pNext = NULL;
        vfs.zName = "creel";
        vfs.xOpen = open_file;
        (void)sqlite3_vfs_register(&vfs, 0); /* then opening the store says that there is none of this name */
    }
    (void)pthread_mutex_unlock(&mutex);
    return vfs.zName;
}

/* --- opening --- */

/* The journal's index is memory that all users of the database share, which two computers do not. */
bool store_is_remote(unsigned long file_system)
{
    static const unsigned long remote[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                            AFS_SUPER_MAGIC, AFS_FS_MAGIC,     CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC };
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        if ((uint32_t)file_system == remote[i])
            return true;
    return false;
}

static int check_file_system(struct store *s, struct creel_err *err)
{
    struct statfs fs;
    if (fstatfs(s->root_fd, &fs) < 0 || !store_is_remote((unsigned long)fs.f_type))
        return 0;
    return creel_fail(err, CREEL_UNSUPPORTED, 0,
                      "%s is on a network file system, where two computers would damage the store's database; use a "
                      "directory of this computer (--root)", s->root);
}

static int connect_db(struct store *s, struct creel_err *err)
{
    char path[4096 + 16];
    int n = snprintf(path, sizeof path, "%s/store.db", s->root);
    if (n < 0 || (size_t)n >= sizeof path)
        return creel_fail(err, CREEL_INVALID, ENAMETOOLONG, "open the store below %s", s->root);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    for (int attempt = 0;; attempt++) {
        int rc = sqlite3_open_v2(path, &s->db, flags, vfs_name());
        /* SQLite tries for reading only when it cannot open for writing; if another process makes the file in
         * between, that succeeds. A file system that is really read-only says the same again. */
        if (rc == SQLITE_OK && (attempt > 1 || sqlite3_db_readonly(s->db, "main") == 0))
            return 0;
        bool missing = (rc & 0xff) == SQLITE_CANTOPEN && s->db != NULL && sqlite3_system_errno(s->db) == ENOENT;
        if (rc != SQLITE_OK && (!missing || attempt > 1))
            return store_fail(s, err, "open the store");
        (void)sqlite3_close(s->db);
        s->db = NULL;
        if (missing && make_file(s, err) < 0)
            return -1;
    }
}

static int configure(struct store *s, struct creel_err *err)
{
    if (sqlite3_busy_handler(s->db, on_busy, s) != SQLITE_OK
        || sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) != SQLITE_OK
        || sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK
        || sqlite3_wal_autocheckpoint(s->db, 0) != SQLITE_OK || room_configure(s) != SQLITE_OK)
        return store_fail(s, err, "configure the store");
    return 0;
}

/* The version is the first thing read: a store of a newer program, a damaged one or another program's file is told
 * before anything is written. */
static int check_schema(struct store *s, struct creel_err *err)
{
    int version;
    if (store_schema_check(s, &version, err) < 0)
        return -1;
    return version < store_schema_newest ? store_migrate(s, err) : 0;
}

int store_open(int root_fd, const char *root, struct store **ret, struct creel_err *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return creel_fail_nomem(err);
    s->lock_fd = s->changed_fd = -1;
    s->busy_limit = BUSY_LONG_NS;
    s->root = strdup(root);
    s->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
    int r;
    if (s->root == NULL)
        r = creel_fail_nomem(err);
    else if (s->root_fd < 0)
        r = creel_fail(err, creel_kind_of_errno(errno), errno, "duplicate the descriptor of %s", root);
    else if ((r = check_file_system(s, err)) == 0) {
        wal_index_hold(s);
        r = connect_db(s, err) < 0 || configure(s, err) < 0 || check_schema(s, err) < 0 ? -1 : 0;
    }
    if (r < 0) {
        store_close(s);
        return -1;
    }
    wal_index_keep(s);
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    assert(s->mode != STORE_WRITING);
    for (size_t i = 0; i < STMT_CACHE_SIZE; i++)
        (void)sqlite3_finalize(s->stmts[i].handle);
    int rc = sqlite3_close(s->db);
    assert(rc == SQLITE_OK); /* else a statement is still open: ours */
    (void)rc;
    wal_index_release(s);
    fd_closep(&s->changed_fd);
    store_unlock(s);
    fd_closep(&s->root_fd);
    free(s->root);
    free(s);
}

/* --- the WAL --- */

/* Frames in the WAL now, and pages in the database with them, read from the shared index ("The WAL-Index File Format":
 * mxFrame at offset 16, nPage at 20). Asking SQLite would mean a checkpoint. An inexact answer is harmless; 0 and 0 when
 * there is none. */
static void wal_length(struct store *s, uint32_t *ret_frames, uint32_t *ret_pages)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    *ret_frames = *ret_pages = 0;
    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == NULL
        || file->pMethods == NULL || file->pMethods->iVersion < 2
        || file->pMethods->xShmMap(file, 0, 32768, 0, &index) != SQLITE_OK || index == NULL)
        return;
    *ret_frames = ((uint32_t volatile *)index)[4];
    *ret_pages = ((uint32_t volatile *)index)[5];
}

/* Under the lock, idle. Readers are never waited for, unless the file has become absurdly long. */
static int checkpoint_locked(struct store *s, bool cut, struct creel_err *err)
{
    int in_wal = 0, copied = 0;
    s->busy_limit = BUSY_SHORT_NS;
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                       &in_wal, &copied);
    s->busy_limit = BUSY_LONG_NS;
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) /* busy: readers; a later one will do it */
        return store_fail(s, err, "copy the store's journal into the database");
    return 0;
}

int store_checkpoint(struct store *s, struct creel_err *err)
{
    assert(s->mode == STORE_IDLE);
    if (store_lock(s, err) < 0)
        return -1;
    int r = checkpoint_locked(s, true, err);
    store_unlock(s);
    return r;
}

/* --- write transactions --- */

static int run_once(struct store *s, const char *sql, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    return stmt_step(&st, err) < 0 ? -1 : 0;
}

int store_rev(struct store *s, int64_t *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT rev FROM meta", err) < 0)
        return -1;
    int r = stmt_step(&st, err);
    if (r < 0)
        return -1;
    if (r == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the store %s/store.db has lost its revision", s->root);
    *ret = stmt_int(&st, 0);
    return 0;
}

static void end_writing(struct store_tx *tx)
{
    struct store *s = tx->store;
    bool full = sqlite3_errcode(s->db) == SQLITE_FULL;
    if (sqlite3_get_autocommit(s->db) == 0) /* else SQLite has rolled back by itself, e.g. on a full disk */
        (void)run_once(s, "ROLLBACK", NULL);
    s->mode = STORE_IDLE;
    tx->open = false;
    if (full) /* the next transaction then writes over the WAL instead of growing it: removing things still works */
        (void)checkpoint_locked(s, false, NULL);
    store_unlock(s);
}

/* Whether SQLite syncs the WAL in each commit. It syncs around a checkpoint in any case. */
static int set_durable(struct store *s, bool durable, struct creel_err *err)
{
    enum store_sync want = durable ? STORE_SYNC_COMMITS : STORE_SYNC_CHECKPOINTS;
    if (s->sync == want)
        return 0;
    if (store_exec(s, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err) < 0)
        return -1;
    s->sync = want;
    return 0;
}

static int begin(struct store *s, struct store_tx *tx, bool durable, struct creel_err *err)
{
    /* no write inside a snapshot or inside an `each` */
    assert(s->mode == STORE_IDLE && s->open_stmts == 0 && s->read_depth == 0);
    if (set_durable(s, durable, err) < 0 || store_lock(s, err) < 0)
        return -1;
    uint32_t frames, pages;
    wal_length(s, &frames, &pages);
    if (!room_keep(s, frames, pages) || frames > (s->index_marked ? WAL_FRAMES_MAX : WAL_FRAMES_READ_MAX))
        (void)checkpoint_locked(s, frames > WAL_FRAMES_HUGE, NULL); /* a failure shows again where it matters */
    if (run_once(s, "BEGIN IMMEDIATE", err) < 0) {
        store_unlock(s);
        return -1;
    }
    *tx = (struct store_tx){ .store = s, .rev = 0, .open = true };
    s->mode = STORE_WRITING;
    s->changes_at_begin = sqlite3_total_changes64(s->db);
    s->tx_seq = 0;
    int64_t rev;
    if (store_rev(s, &rev, err) < 0) {
        end_writing(tx);
        return -1;
    }
    tx->rev = rev + 1;
    return 0;
}

int store_begin(struct store *s, struct store_tx *tx, struct creel_err *err)
{
    return begin(s, tx, true, err);
}

int store_begin_unsynced(struct store *s, struct store_tx *tx, struct creel_err *err)
{
    return begin(s, tx, false, err);
}

int64_t store_tx_seq(struct store_tx *tx)
{
    struct store *s = tx_store(tx);
    assert(s->tx_seq < (1 << STORE_SEQ_BITS) - 1);
    return tx->rev << STORE_SEQ_BITS | s->tx_seq++;
}

static int write_rev(struct store_tx *tx, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx->store, &st, "UPDATE meta SET rev=?1", err) < 0)
        return -1;
    stmt_bind_int(&st, 1, tx->rev);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}

/* Amortised: a few hundred rows every few hundred commits. */
static int prune(struct store_tx *tx, struct creel_err *err)
{
    if (tx->rev % STORE_PRUNE_EVERY != 0)
        return 0;
    int64_t now = clock_now_ns();
    return event_row_prune(tx, now, err) < 0 || exit_row_prune(tx, now, err) < 0 ? -1 : 0;
}

int store_commit(struct store_tx *tx, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    assert(s->open_stmts == 0 && s->read_depth == 0);
    int r = 0;
    if (sqlite3_get_autocommit(s->db) != 0)
        r = creel_fail(err, CREEL_INTERNAL, 0, "the store gave up the transaction after an earlier error");
    else if (sqlite3_total_changes64(s->db) != s->changes_at_begin)
        r = prune(tx, err) < 0 || write_rev(tx, err) < 0 || run_once(s, "COMMIT", err) < 0 ? -1 : 0;
    else
        tx->rev--; /* nothing happened: the world is still at the revision before */
    end_writing(tx);
    return r;
}

void store_rollback(struct store_tx *tx)
{
    assert(tx->open);
    end_writing(tx);
}

/* --- snapshots --- */

int store_read_begin(struct store *s, int64_t *ret_rev, struct creel_err *err)
{
    if (s->mode == STORE_IDLE) {
        if (run_once(s, "BEGIN", err) < 0)
            return -1;
        s->mode = STORE_READING;
    }
    s->read_depth++;
    int64_t rev;
    if (store_rev(s, &rev, err) < 0) { /* the first read takes the snapshot */
        store_read_end(s);
        return -1;
    }
    if (ret_rev != NULL)
        *ret_rev = rev;
    return 0;
}

void store_read_end(struct store *s)
{
    assert(s->read_depth > 0);
    if (--s->read_depth > 0 || s->mode == STORE_WRITING)
        return;
    assert(s->open_stmts == 0);
    (void)run_once(s, "ROLLBACK", NULL);
    s->mode = STORE_IDLE;
}
