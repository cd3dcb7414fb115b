/* SPDX-License-Identifier: Apache-2.0 */
/* store/stmt.c: prepared statements of a connection, and SQLite's errors in our words. */
#include "store/internal.h"

#include <stdarg.h>
#include <string.h>

/* What the reader can do about it, by SQLite's primary code. */
static enum creel_kind kind_of(int code, int sys)
{
    switch (code) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return CREEL_EXHAUSTED;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return CREEL_DENIED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return CREEL_TIMEOUT;
    case SQLITE_CONSTRAINT:
        return CREEL_CONFLICT;
    case SQLITE_CANTOPEN:
        return sys == EACCES || sys == EPERM || sys == EROFS ? CREEL_DENIED : CREEL_INTERNAL;
    case SQLITE_IOERR:
        return sys == ENOSPC || sys == EDQUOT ? CREEL_EXHAUSTED : CREEL_INTERNAL;
    default:
        return CREEL_INTERNAL;
    }
}

static int fail_code(struct store *s, int extended, const char *words, struct creel_err *err, const char *what)
{
    int code = extended & 0xff;
    int sys = s->db != NULL && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL)
                  ? sqlite3_system_errno(s->db)
                  : 0;
    enum creel_kind kind = kind_of(code, sys);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return creel_fail(err, kind, 0,
                          "%s: the store %s/store.db is damaged (%s); stop using it, keep a copy of store.db and "
                          "store.db-wal, and restore a backup or rebuild it with \"sqlite3 store.db .recover\"",
                          what, s->root, words);
    if (kind == CREEL_EXHAUSTED && code != SQLITE_NOMEM && code != SQLITE_TOOBIG)
        return creel_fail(err, kind, sys != 0 ? sys : ENOSPC, "%s: no space for the store below %s; free some", what,
                          s->root);
    if (code == SQLITE_READONLY)
        return creel_fail(err, kind, 0, "%s: the store %s/store.db cannot be written (%s, SQLite code %d)", what, s->root,
                          words, extended);
    return creel_fail(err, kind, sys, "%s: %s (store %s/store.db, SQLite code %d)", what, words, s->root, extended);
}

static int vfail(struct store *s, int extended, const char *words, struct creel_err *err, const char *fmt, va_list ap)
    __attribute__((format(printf, 5, 0)));
static int vfail(struct store *s, int extended, const char *words, struct creel_err *err, const char *fmt, va_list ap)
{
    char what[256];
    if (vsnprintf(what, sizeof what, fmt, ap) < 0)
        what[0] = '\0';
    return fail_code(s, extended, words, err, what);
}

int store_fail(struct store *s, struct creel_err *err, const char *fmt, ...)
{
    int extended = s->db != NULL ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
    const char *words = s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory";
    va_list ap;
    va_start(ap, fmt);
    (void)vfail(s, extended, words, err, fmt, ap);
    va_end(ap);
    return -1;
}

/* Statements are long; messages name what they begin with ("INSERT INTO containers"). */
static const char *sql_head(const char *sql, char *buf, size_t size)
{
    size_t words = 0, n = 0;
    while (sql[n] != '\0' && n + 1 < size) {
        if ((sql[n] == ' ' || sql[n] == '(') && ++words == 3)
            break;
        buf[n] = sql[n];
        n++;
    }
    buf[n] = '\0';
    return buf;
}

static int fail_sql(struct store *s, const char *sql, struct creel_err *err)
{
    char head[64];
    return store_fail(s, err, "store: %s", sql_head(sql, head, sizeof head));
}

static sqlite3_stmt *prepare(struct store *s, const char *sql, bool keep)
{
    sqlite3_stmt *h = NULL;
    if (sqlite3_prepare_v3(s->db, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, &h, NULL) != SQLITE_OK)
        return NULL;
    return h;
}

/* The slot of `sql`, or a free one; NULL when the table is full. */
static struct stmt_slot *find_slot(struct store *s, const char *sql)
{
    size_t h = ((uintptr_t)sql >> 3) * 0x9e3779b9u;
    for (size_t i = 0; i < STMT_CACHE_SIZE; i++) {
        struct stmt_slot *slot = &s->stmts[(h + i) % STMT_CACHE_SIZE];
        if (slot->sql == sql || slot->sql == NULL)
            return slot;
    }
    return NULL;
}

int stmt_open(struct store *s, struct stmt *ret, const char *sql, struct creel_err *err)
{
    *ret = (struct stmt)STMT_INIT;
    ret->store = s;
    struct stmt_slot *slot = find_slot(s, sql);
    if (slot != NULL && slot->busy)
        slot = NULL; /* in use further up the stack (a callback of the same query): a private copy */
    ret->handle = slot != NULL && slot->handle != NULL ? slot->handle : prepare(s, sql, slot != NULL);
    if (ret->handle == NULL)
        return fail_sql(s, sql, err);
    ret->slot = slot;
    s->open_stmts++;
    if (slot != NULL)
        *slot = (struct stmt_slot){ .sql = sql, .handle = ret->handle, .busy = true };
    return 0;
}

void stmt_close(struct stmt *st)
{
    if (st->handle == NULL)
        return;
    st->store->open_stmts--;
    if (st->slot == NULL) {
        (void)sqlite3_finalize(st->handle);
    } else {
        (void)sqlite3_reset(st->handle); /* repeats the error of the last step, which was reported there */
        (void)sqlite3_clear_bindings(st->handle);
        st->slot->busy = false;
    }
    *st = (struct stmt)STMT_INIT;
}

static void note(struct stmt *st, int rc)
{
    if (rc != SQLITE_OK && st->failed == 0)
        st->failed = rc;
}

void stmt_bind_text(struct stmt *st, int at, const char *text)
{
    if (text == NULL)
        stmt_bind_null(st, at);
    else
        note(st, sqlite3_bind_text(st->handle, at, text, -1, SQLITE_STATIC));
}

void stmt_bind_textn(struct stmt *st, int at, const char *text, size_t len)
{
    note(st, sqlite3_bind_text64(st->handle, at, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_int(struct stmt *st, int at, int64_t value)
{
    note(st, sqlite3_bind_int64(st->handle, at, value));
}

void stmt_bind_null(struct stmt *st, int at)
{
    note(st, sqlite3_bind_null(st->handle, at));
}

static int bind_failed(struct stmt *st, struct creel_err *err)
{
    return fail_code(st->store, st->failed, sqlite3_errstr(st->failed), err, "store: binding a value");
}

int stmt_step(struct stmt *st, struct creel_err *err)
{
    if (st->failed != 0)
        return bind_failed(st, err);
    int rc = sqlite3_step(st->handle);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    return fail_sql(st->store, sqlite3_sql(st->handle), err);
}

int stmt_run_unique(struct stmt *st, struct creel_err *err)
{
    if (st->failed != 0)
        return bind_failed(st, err);
    int rc = sqlite3_step(st->handle);
    if (rc == SQLITE_DONE)
        return sqlite3_changes(st->store->db);
    int extended = sqlite3_extended_errcode(st->store->db);
    if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY
        || extended == SQLITE_CONSTRAINT_ROWID)
        return -2;
    if (rc == SQLITE_ROW)
        return creel_fail(err, CREEL_INTERNAL, 0, "store: a statement that changes rows returned one");
    return fail_sql(st->store, sqlite3_sql(st->handle), err);
}

int stmt_run(struct stmt *st, struct creel_err *err)
{
    int r = stmt_run_unique(st, err);
    return r == -2 ? fail_sql(st->store, sqlite3_sql(st->handle), err) : r;
}

void stmt_reset(struct stmt *st)
{
    (void)sqlite3_reset(st->handle);
    (void)sqlite3_clear_bindings(st->handle);
    st->failed = 0;
}

int64_t stmt_int(struct stmt *st, int col)
{
    return sqlite3_column_int64(st->handle, col);
}

const char *stmt_text(struct stmt *st, int col)
{
    return (const char *)sqlite3_column_text(st->handle, col);
}

bool stmt_borrow(struct stmt *st, int col, char **ret)
{
    bool null = sqlite3_column_type(st->handle, col) == SQLITE_NULL;
    *ret = (char *)(uintptr_t)stmt_text(st, col);
    return null || *ret != NULL;
}

bool stmt_dup(struct stmt *st, int col, char **ret)
{
    *ret = NULL;
    if (sqlite3_column_type(st->handle, col) == SQLITE_NULL)
        return true;
    const char *text = stmt_text(st, col);
    if (text == NULL)
        return false;
    size_t n = (size_t)sqlite3_column_bytes(st->handle, col);
    char *copy = malloc(n + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    *ret = copy;
    return true;
}

int stmt_copy(struct stmt *st, int col, char *buf, size_t size, struct creel_err *err)
{
    const char *text = stmt_text(st, col);
    size_t n = (size_t)sqlite3_column_bytes(st->handle, col);
    if (text == NULL || n >= size)
        return creel_fail(err, CREEL_INTERNAL, 0, "store: column %s holds %s", sqlite3_column_name(st->handle, col),
                          text == NULL ? "nothing" : "too long a text");
    memcpy(buf, text, n);
    buf[n] = '\0';
    return 0;
}

int store_exec(struct store *s, const char *sql, struct creel_err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return fail_sql(s, sql, err);
}
