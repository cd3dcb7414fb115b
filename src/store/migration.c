/* SPDX-License-Identifier: Apache-2.0 */
/* store/migration.c: the schema, as the list of steps that made it.
 *
 * Step n brings a store of version n - 1 to version n, in one transaction together with its number (user_version),
 * under the store's lock. Steps are never changed once released; a new table or column is a new step at the end.
 *
 * SQLite parses the whole schema whenever the store is opened, which every command does: keep it short. What is not
 * self-evident:
 *   objects     ids and names of all kinds of objects share one name space (S7). `n` is the key of the kind's own
 *               table.
 *   containers  what lists and filters need; enumerations are the numbers of store/container.h. The request and its
 *               derived documents are in `specs`, so that a list of ten thousand rows reads few pages.
 *   events      seq = rev << 20 | position within the commit. Ordered, unique, never reused; rev is read off it.
 *   exits       survive their container. seq as for events, for dropping the oldest.
 *   intents     seq as for events: a number is never used twice, so that two processes that clean up after the same
 *               dead maker cannot delete a newer intent. */
#include "store/internal.h"

static const char *const steps[] = {
    /* 1: containers */
    "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id=1),rev INTEGER NOT NULL,events_floor INTEGER NOT NULL)STRICT;"
    "INSERT INTO meta VALUES(1,0,0);"
    "CREATE TABLE objects(n INTEGER PRIMARY KEY,kind INTEGER NOT NULL,id TEXT NOT NULL UNIQUE,name TEXT UNIQUE,"
    "namespace TEXT)STRICT;"
    "CREATE TABLE containers(n INTEGER PRIMARY KEY REFERENCES objects ON DELETE CASCADE,"
    "created_ns INTEGER NOT NULL,spec_rev INTEGER NOT NULL,status_rev INTEGER NOT NULL,"
    "state INTEGER NOT NULL,desired INTEGER NOT NULL,"
    "image_id TEXT,image_ref TEXT,command TEXT,labels TEXT,mounts TEXT,network_mode TEXT,"
    "auto_remove INTEGER NOT NULL,tty INTEGER NOT NULL,open_stdin INTEGER NOT NULL,oom_killed INTEGER NOT NULL,"
    "started_before INTEGER NOT NULL,manually_stopped INTEGER NOT NULL,"
    "run INTEGER NOT NULL,pid INTEGER NOT NULL,pid_start INTEGER NOT NULL,"
    "monitor_pid INTEGER NOT NULL,monitor_start INTEGER NOT NULL,boot_id TEXT,"
    "started_ns INTEGER NOT NULL,finished_ns INTEGER NOT NULL,"
    "exit_how INTEGER NOT NULL,exit_number INTEGER NOT NULL,error TEXT,"
    "cgroup_path TEXT,runtime TEXT,log_path TEXT,restart_count INTEGER NOT NULL)STRICT;"
    "CREATE INDEX containers_listed ON containers(created_ns,state);"
    "CREATE TABLE specs(n INTEGER PRIMARY KEY REFERENCES containers ON DELETE CASCADE,document TEXT NOT NULL)STRICT;"
    "CREATE TABLE exits(seq INTEGER PRIMARY KEY,id TEXT NOT NULL,run INTEGER NOT NULL,started_ns INTEGER NOT NULL,"
    "finished_ns INTEGER NOT NULL,how INTEGER NOT NULL,number INTEGER NOT NULL,oom INTEGER NOT NULL,"
    "UNIQUE(id,run))STRICT;"
    "CREATE TABLE events(seq INTEGER PRIMARY KEY,time_ns INTEGER NOT NULL,type TEXT NOT NULL,action TEXT NOT NULL,"
    "actor_id TEXT NOT NULL,attributes TEXT NOT NULL)STRICT;"
    "CREATE TABLE intents(seq INTEGER PRIMARY KEY,verb TEXT NOT NULL,object TEXT NOT NULL,data TEXT,"
    "maker_pid INTEGER NOT NULL,maker_start INTEGER NOT NULL,boot_id TEXT NOT NULL)STRICT;",

    /* 2: images (store/image.h) */
    "CREATE TABLE images(id TEXT PRIMARY KEY,config TEXT NOT NULL,labels TEXT,parent TEXT,created_ns INTEGER NOT NULL,"
    "tagged_ns INTEGER NOT NULL,size INTEGER NOT NULL,rev INTEGER NOT NULL)STRICT;"
    "CREATE TABLE image_names(name TEXT PRIMARY KEY,image_id TEXT NOT NULL REFERENCES images ON DELETE CASCADE,"
    "tagged_ns INTEGER NOT NULL)STRICT,WITHOUT ROWID;"
    "CREATE INDEX image_names_of ON image_names(image_id);"
    "CREATE TABLE layers(n INTEGER PRIMARY KEY AUTOINCREMENT,diff_id TEXT NOT NULL,ready INTEGER NOT NULL,"
    "size INTEGER NOT NULL,tar_size INTEGER NOT NULL)STRICT;"
    "CREATE UNIQUE INDEX layers_ready ON layers(diff_id)WHERE ready=1;"
    "CREATE TABLE blobs(digest TEXT PRIMARY KEY,size INTEGER NOT NULL,media_type TEXT NOT NULL)STRICT,WITHOUT ROWID;"
    "CREATE TABLE image_layers(image_id TEXT NOT NULL REFERENCES images ON DELETE CASCADE,position INTEGER NOT NULL,"
    "layer INTEGER NOT NULL REFERENCES layers,blob TEXT NOT NULL REFERENCES blobs,"
    "PRIMARY KEY(image_id,position))STRICT,WITHOUT ROWID;"
    "CREATE INDEX image_layers_layer ON image_layers(layer);"
    "CREATE INDEX image_layers_blob ON image_layers(blob);",
};

const int store_schema_newest = (int)ARRAY_LEN(steps);

int store_schema_version(struct store *s, int *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "PRAGMA user_version", err) < 0)
        return -1;
    int r = stmt_step(&st, err);
    if (r < 0)
        return -1;
    *ret = r == 1 ? (int)stmt_int(&st, 0) : 0;
    return 0;
}

int store_schema_check(struct store *s, int *ret_version, struct creel_err *err)
{
    if (store_schema_version(s, ret_version, err) < 0)
        return -1;
    if (*ret_version <= store_schema_newest)
        return 0;
    return creel_fail(err, CREEL_UNSUPPORTED, 0,
                      "the store %s/store.db was written by a newer creel (schema %d, this program knows %d); use that "
                      "version or a later one",
                      s->root, *ret_version, store_schema_newest);
}

/* One step and its number, or nothing. */
static int take_step(struct store *s, int version, struct creel_err *err)
{
    char number[48];
    (void)snprintf(number, sizeof number, "PRAGMA user_version=%d", version);
    if (store_exec(s, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (store_exec(s, steps[version - 1], err) == 0 && store_exec(s, number, err) == 0
        && store_exec(s, "COMMIT", err) == 0)
        return 0;
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return creel_wrap(err, "bringing the store to schema %d", version);
}

static int migrate_locked(struct store *s, int to, struct creel_err *err)
{
    int version;
    if (store_schema_check(s, &version, err) < 0)
        return -1;
    if (version == 0 && store_exec(s, "PRAGMA journal_mode=WAL", err) < 0)
        return -1;
    for (int v = version + 1; v <= to; v++) {
        /* The names of the files; SQLite syncs what is in them. Before the last step, whose number says to all later
         * openers that the names are on disk. The first step made the files. */
        if (v > 1 && v == store_schema_newest && fsync(s->root_fd) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "sync directory %s", s->root);
        if (take_step(s, v, err) < 0)
            return -1;
    }
    return 0;
}

int store_migrate_to(struct store *s, int version, struct creel_err *err)
{
    assert(version <= store_schema_newest);
    if (store_lock(s, err) < 0)
        return -1;
    int r = migrate_locked(s, version, err);
    store_unlock(s);
    return r;
}

int store_migrate(struct store *s, struct creel_err *err)
{
    return store_migrate_to(s, store_schema_newest, err);
}
