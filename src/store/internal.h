/* SPDX-License-Identifier: Apache-2.0 */
/* store/internal.h: what the files of this folder share; nobody else includes it.
 *
 * One file per table. A table's file owns its SQL; statements are prepared when first used and kept with the
 * connection (the key is the address of the SQL text, so it must be a static array or literal). Typical use:
 *
 *     static const char get_sql[] = "SELECT name FROM objects WHERE id = ?1";
 *     auto_stmt st;
 *     if (stmt_open(s, &st, get_sql, err) < 0)
 *         return -1;
 *     stmt_bind_text(&st, 1, id);
 *     int r = stmt_step(&st, err);          // 1 a row, 0 no more rows, -1 error
 *
 * Binding cannot be checked at each call without noise: the first failure is kept and reported by the next step.
 * A table that changes a row stamps it with tx->rev. store_commit takes that revision only if rows really changed. */
#ifndef CREEL_STORE_INTERNAL_H
#define CREEL_STORE_INTERNAL_H

#include "store/store.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>

enum store_mode { STORE_IDLE, STORE_READING, STORE_WRITING };
enum store_sync { STORE_SYNC_UNSET, STORE_SYNC_CHECKPOINTS, STORE_SYNC_COMMITS };
enum { STMT_CACHE_SIZE = 64 }; /* a power of two, well above the number of different statements of one process */

struct stmt_slot { const char *sql; sqlite3_stmt *handle; bool busy; };

struct store {
    sqlite3 *db;
    int root_fd;                /* our own duplicate */
    int lock_fd;                /* store.lock; open exactly while we hold the lock */
    int changed_fd;             /* inotify, -1 until asked for */
    struct wal_index *index;    /* NULL when there is none to keep */
    bool index_marked;          /* the next process need not make it again */
    char *root;                 /* for messages */
    enum store_mode mode;
    enum store_sync sync;       /* what this connection was told last */
    unsigned open_stmts, read_depth;
    int64_t changes_at_begin;   /* sqlite3_total_changes64 */
    int64_t tx_seq;             /* see store_tx_seq */
    int64_t busy_since, busy_limit;
    struct stmt_slot stmts[STMT_CACHE_SIZE];
};

/* What SQLite has just said about this connection, as an error of ours: the kind by cause, the text with what to do.
 * The format names what was tried. Always -1. */
int store_fail(struct store *s, struct creel_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Whether a file system of this kind (statfs f_type) is used by several computers at once. */
bool store_is_remote(unsigned long file_system);

/* --- statements (stmt.c) --- */
struct stmt {
    struct store *store;
    sqlite3_stmt *handle;
    struct stmt_slot *slot;     /* NULL: not cached, finalized at the end */
    int failed;                 /* first error of a bind */
};
#define STMT_INIT { .store = NULL, .handle = NULL, .slot = NULL, .failed = 0 }
int stmt_open(struct store *s, struct stmt *ret, const char *sql, struct creel_err *err);
void stmt_close(struct stmt *st);   /* empty is fine */
#define auto_stmt auto_cleanup(stmt_close) struct stmt
/* Texts and blobs are borrowed until the statement is closed; NULL binds SQL NULL. Positions count from 1. */
void stmt_bind_text(struct stmt *st, int at, const char *text);
void stmt_bind_textn(struct stmt *st, int at, const char *text, size_t len);
void stmt_bind_int(struct stmt *st, int at, int64_t value);
void stmt_bind_null(struct stmt *st, int at);
/* 1: a row is there; 0: finished; -1: error. */
int stmt_step(struct stmt *st, struct creel_err *err);
/* Run a statement that returns no rows. Returns the number of rows changed, or -1. */
int stmt_run(struct stmt *st, struct creel_err *err);
/* The same, but a violated UNIQUE or PRIMARY KEY constraint is an answer (-2), not an error; err is then
 * untouched. */
int stmt_run_unique(struct stmt *st, struct creel_err *err);
/* Run once more with other bindings. */
void stmt_reset(struct stmt *st);
/* Columns count from 0. */
int64_t stmt_int(struct stmt *st, int col);
const char *stmt_text(struct stmt *st, int col);            /* borrowed until the next step; NULL for SQL NULL */
bool stmt_dup(struct stmt *st, int col, char **ret);        /* owned copy, NULL for SQL NULL; false: out of memory */
/* The same without a copy, valid until the next step: for rows that are only shown to a callback. Not to be freed. */
bool stmt_borrow(struct stmt *st, int col, char **ret);
/* Copy into a fixed buffer. A longer text means a damaged row: fails with INTERNAL. */
int stmt_copy(struct stmt *st, int col, char *buf, size_t size, struct creel_err *err);

/* Run SQL text that is not worth a cache entry (pragmas, migrations). */
int store_exec(struct store *s, const char *sql, struct creel_err *err);

/* A number that is unique for ever and grows with the order of commits: rev << STORE_SEQ_BITS | position in the
 * commit. */
enum { STORE_SEQ_BITS = 20 };
int64_t store_tx_seq(struct store_tx *tx);

/* --- lock (lock.c) --- */
/* Take the store-wide lock; blocks. Closing the descriptor is what tells those who watch for changes
 * (store_changed_fd), also when the kernel does it for a killed process. */
int store_lock(struct store *s, struct creel_err *err);
void store_unlock(struct store *s);

/* --- room.c: blocks on the disk ahead of need --- */

/* When the store has been opened; an SQLite code. */
int room_configure(struct store *s);
/* Under the lock, before a transaction: frames are in the WAL, pages (0: not known) in the database. False: the disk is
 * full, and only a checkpoint makes room for the transaction. */
bool room_keep(struct store *s, uint32_t frames, uint32_t pages);

/* --- wal_index.c: the WAL's index outlives the process --- */
/* Before SQLite opens the store: see to it that an index of this boot is taken over. */
void wal_index_hold(struct store *s);
/* After SQLite has read the store: remember that the index is of this boot. */
void wal_index_keep(struct store *s);
/* After SQLite has closed the store. */
void wal_index_release(struct store *s);

/* --- migration.c --- */
/* Bring the schema from `version` to the newest, one transaction per step. Takes the lock. */
int store_migrate(struct store *s, struct creel_err *err);
int store_schema_version(struct store *s, int *ret, struct creel_err *err);
/* UNSUPPORTED when a newer program has been here. */
int store_schema_check(struct store *s, int *ret_version, struct creel_err *err);
extern const int store_schema_newest;
/* For tests: stop at `version`. */
int store_migrate_to(struct store *s, int version, struct creel_err *err);

/* --- retention, run inside a write transaction every STORE_PRUNE_EVERY revisions --- */
enum { STORE_PRUNE_EVERY = 256 };
int event_row_prune(struct store_tx *tx, int64_t now_ns, struct creel_err *err);
int exit_row_prune(struct store_tx *tx, int64_t now_ns, struct creel_err *err);

/* --- object.c: ids and names, one name space over all kinds of objects --- */
enum object_kind { OBJECT_CONTAINER = 1, OBJECT_POD = 2 };
/* Insert; *ret_n is the row number that the kind's own table uses as its key. CONFLICT when the name or id is taken:
 * ret_holder (65 bytes, may be NULL) gets the holder's id. name NULL: none. */
int object_insert(struct store_tx *tx, enum object_kind kind, const char *id, const char *name, const char *namespace_,
                  int64_t *ret_n, char *ret_holder, struct creel_err *err);
int object_rename(struct store_tx *tx, const char *id, const char *name, char *ret_holder, struct creel_err *err);
/* Deletes the kind's row with it (cascade). Returns 1, or 0 when there is none of this kind. */
int object_delete(struct store_tx *tx, enum object_kind kind, const char *id, struct creel_err *err);
/* Full id, exact name (one leading slash allowed), unique id prefix. noun: "container", for the messages. */
int object_resolve(struct store *s, enum object_kind kind, const char *noun, const char *ref, char *ret_id,
                   struct creel_err *err);

static inline struct store *tx_store(const struct store_tx *tx)
{
    assert(tx->open && tx->store->mode == STORE_WRITING);
    return tx->store;
}

#endif
