/* SPDX-License-Identifier: Apache-2.0 */
/* store/store.h: the one store. SQLite and nothing else; the only folder that includes SQLite's headers.
 *
 * Rules that every user may rely on:
 *   S1  Every write transaction holds the store-wide file lock (root/store.lock) from store_begin to
 *       commit/rollback; so does every checkpoint. Writers queue; nobody sees "database is locked". (SQLite's
 *       WAL-reset race needs a committing and a checkpointing connection at the same time; see docs/decisions.md.)
 *   S2  Every committed write transaction takes the next `rev`, once; rows changed carry it (spec_rev or status_rev).
 *   S3  Events are rows of the commit they tell of; event.rev is that commit's rev.
 *   S4  No I/O, fork or network while a write transaction is open.
 *   S5  When store_commit has returned 0, a power cut does not undo it (WAL, synchronous=FULL).
 *       The one exception is asked for: store_begin_unsynced.
 *   S6  Reads are snapshots: store_read_begin … store_read_end see one revision; they take no lock and never wait.
 *   S7  Names and ids are unique over all kinds of objects that share them; the database enforces it.
 *   S8  A killed writer leaves the old or the new state. What it had announced is in `intents` and is finished or
 *       undone by the next opener (engine/recover.c).
 * Look at the database with sqlite3(1) only with -readonly: it would checkpoint without the lock.
 * A connection is used by one thread; fork()ed children must not touch it. Monitors never open the store. */
#ifndef CREEL_STORE_STORE_H
#define CREEL_STORE_STORE_H

#include "base/err.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_tx { struct store *store; int64_t rev; bool open; };

/* root_fd: the engine's root directory. Creates and migrates when needed (one transaction per migration).
 * Errors: UNSUPPORTED schema newer than this program, or a network file system; INTERNAL with SQLite's words. */
int store_open(int root_fd, const char *root, struct store **ret, struct creel_err *err);
void store_close(struct store *s);

/* Write transaction. store_commit with nothing written does not take a revision. A tx that goes out of scope is
 * rolled back (auto_tx). Nested use is an assertion failure. */
int store_begin(struct store *s, struct store_tx *tx, struct creel_err *err);
/* The same, but a power cut may undo the commit until the next synced one of any process. A killed process does not,
 * and order is kept: what is there after a power cut is all commits up to some point. For an announcement that is
 * followed by a synced commit before anybody is told. */
int store_begin_unsynced(struct store *s, struct store_tx *tx, struct creel_err *err);
int store_commit(struct store_tx *tx, struct creel_err *err);
void store_rollback(struct store_tx *tx);
static inline void store_tx_cleanup(struct store_tx *tx) { if (tx->open) store_rollback(tx); }
#define auto_tx auto_cleanup(store_tx_cleanup) struct store_tx

/* Snapshot over several reads. Without it each query is its own snapshot. May be nested, also inside a write
 * transaction: the inner one is part of the outer. */
int store_read_begin(struct store *s, int64_t *ret_rev, struct creel_err *err);
void store_read_end(struct store *s);
int store_rev(struct store *s, int64_t *ret, struct creel_err *err);   /* newest committed */
/* A descriptor that polls readable when somebody has committed (or given up) a transaction, in this or another
 * process; store_changed_ack empties it. Borrowed. To miss nothing: get it, then read, then wait. */
int store_changed_fd(struct store *s, struct creel_err *err);
void store_changed_ack(struct store *s);
/* Move the whole WAL into the database and cut it (under S1); readers are waited for a tenth of a second. Nobody
 * needs to call it: store_begin copies the WAL back when it has grown past a bound. */
int store_checkpoint(struct store *s, struct creel_err *err);
/* SQLite's own checks of the whole database: one call per problem found, at most some dozens. */
int store_verify(struct store *s, void (*each)(void *arg, const char *problem), void *arg, struct creel_err *err);

#endif
