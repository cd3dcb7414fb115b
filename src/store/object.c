/* SPDX-License-Identifier: Apache-2.0 */
/* store/object.c: ids and names. One table for all kinds of objects, so that the database itself keeps a name or an
 * id from being used twice (S7), and one look-up order: full id, exact name, unique id prefix. */
#include "store/internal.h"

#include "base/bytes.h"

#include <string.h>

enum { ID_MAX = 64, CANDIDATES_MAX = 8 };

/* The id that holds a name; "" if none. */
static int name_holder(struct store *s, const char *name, char *ret, struct creel_err *err)
{
    auto_stmt st;
    ret[0] = '\0';
    if (stmt_open(s, &st, "SELECT id FROM objects WHERE name=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, name);
    int r = stmt_step(&st, err);
    return r <= 0 ? r : stmt_copy(&st, 0, ret, ID_MAX + 1, err);
}

/* A unique constraint said no: say which. */
static int fail_taken(struct store *s, const char *id, const char *name, char *ret_holder, struct creel_err *err)
{
    char holder[ID_MAX + 1] = "";
    if (name != NULL && name_holder(s, name, holder, err) < 0)
        return -1;
    if (holder[0] == '\0') {
        (void)snprintf(holder, sizeof holder, "%s", id);
        (void)creel_fail(err, CREEL_CONFLICT, 0, "the id %s is in use", id);
    } else {
        (void)creel_fail(err, CREEL_CONFLICT, 0,
                         "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
                         "remove (or rename) that container to be able to reuse that name.",
                         name, holder);
    }
    if (ret_holder != NULL)
        memcpy(ret_holder, holder, sizeof holder);
    return -1;
}

int object_insert(struct store_tx *tx, enum object_kind kind, const char *id, const char *name, const char *namespace_,
                  int64_t *ret_n, char *ret_holder, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    int r;
    {
        auto_stmt st;
        if (stmt_open(s, &st, "INSERT INTO objects(kind,id,name,namespace)VALUES(?1,?2,?3,?4)", err) < 0)
            return -1;
        stmt_bind_int(&st, 1, kind);
        stmt_bind_text(&st, 2, id);
        stmt_bind_text(&st, 3, name);
        stmt_bind_text(&st, 4, namespace_);
        r = stmt_run_unique(&st, err);
    }
    if (r == -2)
        return fail_taken(s, id, name, ret_holder, err);
    if (r < 0)
        return -1;
    *ret_n = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int object_rename(struct store_tx *tx, const char *id, const char *name, char *ret_holder, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    int r;
    {
        auto_stmt st;
        if (stmt_open(s, &st, "UPDATE objects SET name=?2 WHERE id=?1", err) < 0)
            return -1;
        stmt_bind_text(&st, 1, id);
        stmt_bind_text(&st, 2, name);
        r = stmt_run_unique(&st, err);
    }
    if (r == -2)
        return fail_taken(s, id, name, ret_holder, err);
    if (r == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "No such container: %s", id);
    return r < 0 ? -1 : 0;
}

int object_delete(struct store_tx *tx, enum object_kind kind, const char *id, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "DELETE FROM objects WHERE id=?1 AND kind=?2", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    stmt_bind_int(&st, 2, kind);
    return stmt_run(&st, err);
}

/* 1 found, 0 not, -1 error. The kind is checked after the look-up: an exact match of another kind hides nothing,
 * since names and ids are unique over all kinds. */
static int find_exact(struct store *s, const char *sql, enum object_kind kind, const char *key, char *ret_id,
                      struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, key);
    stmt_bind_int(&st, 2, kind);
    int r = stmt_step(&st, err);
    if (r <= 0)
        return r;
    return stmt_copy(&st, 0, ret_id, ID_MAX + 1, err) < 0 ? -1 : 1;
}

/* "multiple IDs found with provided prefix: 3cd (3cdbd1aa394f drunk_hawking, 3cdbd1aaf001 happy_euler)" */
static int fail_ambiguous(const char *prefix, const char *const *lines, size_t count, bool more, struct creel_err *err)
{
    auto_bytes list = BYTES_INIT;
    for (size_t i = 0; i < count; i++)
        bytes_addf(&list, "%s%s", i > 0 ? ", " : "", lines[i]);
    if (more)
        bytes_adds(&list, ", …");
    return creel_fail(err, CREEL_INVALID, 0, "multiple IDs found with provided prefix: %s (%s)", prefix,
                      bytes_str(&list));
}

/* Candidates are shown as far as it takes to tell them apart, at least twelve characters. */
static void describe(struct stmt *st, size_t prefix_len, char *buf, size_t size)
{
    const char *name = stmt_text(st, 1);
    int show = (int)(prefix_len + 4 < 12 ? 12 : prefix_len + 4);
    int n = snprintf(buf, size, "%.*s%s%s", show, stmt_text(st, 0), name != NULL ? " " : "", name != NULL ? name : "");
    if (n < 0)
        buf[0] = '\0';
}

static int find_prefix(struct store *s, enum object_kind kind, const char *prefix, char *ret_id, struct creel_err *err)
{
    static const char sql[] = "SELECT id,name FROM objects WHERE id>=?1 AND id<?2 AND kind=?3 ORDER BY id LIMIT ?4";
    size_t len = strlen(prefix);
    char above[ID_MAX + 1];
    if (len == 0 || len > ID_MAX || (unsigned char)prefix[len - 1] == 0xff)
        return 0;
    memcpy(above, prefix, len + 1);
    above[len - 1]++;
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, prefix);
    stmt_bind_text(&st, 2, above);
    stmt_bind_int(&st, 3, kind);
    stmt_bind_int(&st, 4, CANDIDATES_MAX + 1);
    char text[CANDIDATES_MAX][128];
    const char *lines[CANDIDATES_MAX];
    size_t found = 0;
    int r;
    while ((r = stmt_step(&st, err)) > 0) {
        if (found == 0 && stmt_copy(&st, 0, ret_id, ID_MAX + 1, err) < 0)
            return -1;
        if (found < CANDIDATES_MAX) {
            describe(&st, len, text[found], sizeof text[found]);
            lines[found] = text[found];
        }
        found++;
    }
    if (r < 0 || found == 0)
        return r;
    if (found == 1)
        return 1;
    size_t shown = found < CANDIDATES_MAX ? found : CANDIDATES_MAX;
    return fail_ambiguous(prefix, lines, shown, found > shown, err);
}

int object_resolve(struct store *s, enum object_kind kind, const char *noun, const char *ref, char *ret_id,
                   struct creel_err *err)
{
    const char *name = ref[0] == '/' ? ref + 1 : ref;
    if (name[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "the %s's name or id is empty", noun);
    int r = find_exact(s, "SELECT id FROM objects WHERE id=?1 AND kind=?2", kind, ref, ret_id, err);
    if (r == 0)
        r = find_exact(s, "SELECT id FROM objects WHERE name=?1 AND kind=?2", kind, name, ret_id, err);
    if (r == 0)
        r = find_prefix(s, kind, ref, ret_id, err);
    if (r == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "No such %s: %s", noun, ref);
    return r < 0 ? -1 : 0;
}
