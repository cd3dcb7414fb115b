/* SPDX-License-Identifier: Apache-2.0 */
/* store/image.c: images and their names; see image.h for the invariants. */
#include "store/image.h"

#include "store/internal.h"

#include <string.h>

void image_row_fini(struct image_row *r)
{
    free(r->config);
    free(r->labels);
    free(r->parent);
    *r = (struct image_row){ .rev = 0 };
}

#define COLUMNS "id,labels,parent,created_ns,tagged_ns,size,rev"

static int read_row(struct stmt *st, struct image_row *r, struct creel_err *err)
{
    if (stmt_copy(st, 0, r->id, sizeof r->id, err) < 0)
        return -1;
    if (!stmt_dup(st, 1, &r->labels) || !stmt_dup(st, 2, &r->parent))
        return creel_fail_nomem(err);
    r->created_ns = stmt_int(st, 3);
    r->tagged_ns = stmt_int(st, 4);
    r->size = stmt_int(st, 5);
    r->rev = stmt_int(st, 6);
    return 0;
}

int image_row_get(struct store *s, const char *id, struct image_row *ret, struct creel_err *err)
{
    static const char sql[] = "SELECT " COLUMNS ",config FROM images WHERE id=?1";
    auto_image_row r = { .rev = 0 };
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int got = stmt_step(&st, err);
    if (got == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "No such image: %s", id);
    if (got < 0 || read_row(&st, &r, err) < 0)
        return -1;
    if (!stmt_dup(&st, 7, &r.config))
        return creel_fail_nomem(err);
    *ret = r;
    r = (struct image_row){ .rev = 0 };
    return 0;
}

int image_row_exists(struct store *s, const char *id, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT 1 FROM images WHERE id=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    return stmt_step(&st, err);
}

int image_name_get(struct store *s, const char *name, char *ret_id, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT image_id FROM image_names WHERE name=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, name);
    int r = stmt_step(&st, err);
    return r == 1 && stmt_copy(&st, 0, ret_id, 72, err) < 0 ? -1 : r;
}

int image_row_by_prefix(struct store *s, const char *hex_prefix, char *ret_id, struct creel_err *err)
{
    /* a range over the key; 'g' sorts after every hexadecimal character */
    static const char sql[] = "SELECT id FROM images WHERE id>='sha256:'||?1 AND id<'sha256:'||?1||'g' LIMIT 2";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, hex_prefix);
    int count = 0, r;
    while ((r = stmt_step(&st, err)) == 1)
        if (count++ == 0 && stmt_copy(&st, 0, ret_id, 72, err) < 0)
            return -1;
    return r < 0 ? -1 : count;
}

int image_row_each(struct store *s, int (*each)(void *arg, const struct image_row *r), void *arg,
                   struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT " COLUMNS " FROM images ORDER BY created_ns DESC,id", err) < 0)
        return -1;
    int got;
    while ((got = stmt_step(&st, err)) == 1) {
        auto_image_row r = { .rev = 0 };
        if (read_row(&st, &r, err) < 0)
            return -1;
        if (each(arg, &r) != 0)
            return 0;
    }
    return got;
}

int image_name_each(struct store *s, const char *id, int (*each)(void *arg, const char *name, const char *id),
                    void *arg, struct creel_err *err)
{
    static const char one[] = "SELECT name,image_id FROM image_names WHERE image_id=?1 ORDER BY name";
    static const char all[] = "SELECT name,image_id FROM image_names ORDER BY name";
    auto_stmt st;
    if (stmt_open(s, &st, id != NULL ? one : all, err) < 0)
        return -1;
    if (id != NULL)
        stmt_bind_text(&st, 1, id);
    int got;
    while ((got = stmt_step(&st, err)) == 1)
        if (each(arg, stmt_text(&st, 0), stmt_text(&st, 1)) != 0)
            return 0;
    return got;
}

int image_child_count(struct store *s, const char *id, int64_t *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT count(*) FROM images WHERE parent=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int r = stmt_step(&st, err);
    if (r == 1)
        *ret = stmt_int(&st, 0);
    return r < 0 ? -1 : 0;
}

static int insert_layer(struct store_tx *tx, const char *id, size_t at, const struct image_layer *l,
                        struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "INSERT INTO image_layers(image_id,position,layer,blob)VALUES(?1,?2,?3,?4)", err)
        < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    stmt_bind_int(&st, 2, (int64_t)at);
    stmt_bind_int(&st, 3, l->n);
    stmt_bind_text(&st, 4, l->blob);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}

int image_row_insert(struct store_tx *tx, const struct image_row *r, const struct image_layer *layers, size_t count,
                     struct creel_err *err)
{
    static const char sql[] = "INSERT INTO images(id,config,labels,parent,created_ns,tagged_ns,size,rev)"
                              "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)ON CONFLICT(id)DO NOTHING";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, r->id);
    stmt_bind_text(&st, 2, r->config);
    stmt_bind_text(&st, 3, r->labels);
    stmt_bind_text(&st, 4, r->parent);
    stmt_bind_int(&st, 5, r->created_ns);
    stmt_bind_int(&st, 6, r->tagged_ns);
    stmt_bind_int(&st, 7, r->size);
    stmt_bind_int(&st, 8, tx->rev);
    int added = stmt_run(&st, err);
    for (size_t i = 0; i < count && added == 1; i++)
        if (insert_layer(tx, r->id, i, &layers[i], err) < 0)
            return -1;
    return added;
}

int image_name_put(struct store_tx *tx, const char *name, const char *id, int64_t now_ns, char *ret_old,
                   struct creel_err *err)
{
    static const char sql[] = "INSERT INTO image_names(name,image_id,tagged_ns)VALUES(?1,?2,?3)"
                              "ON CONFLICT(name)DO UPDATE SET image_id=?2,tagged_ns=?3";
    static const char touch[] = "UPDATE images SET tagged_ns=?2,rev=?3 WHERE id=?1";
    char old[72] = "";
    if (image_name_get(tx_store(tx), name, old, err) < 0)
        return -1;
    {
        auto_stmt st;
        if (stmt_open(tx_store(tx), &st, sql, err) < 0)
            return -1;
        stmt_bind_text(&st, 1, name);
        stmt_bind_text(&st, 2, id);
        stmt_bind_int(&st, 3, now_ns);
        if (stmt_run(&st, err) < 0)
            return creel_wrap(err, "naming image %s", name);
    }
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, touch, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    stmt_bind_int(&st, 2, now_ns);
    stmt_bind_int(&st, 3, tx->rev);
    if (stmt_run(&st, err) < 0)
        return -1;
    if (ret_old != NULL)
        memcpy(ret_old, old, sizeof old);
    return 0;
}

int image_name_delete(struct store_tx *tx, const char *name, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "DELETE FROM image_names WHERE name=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, name);
    return stmt_run(&st, err);
}

int image_row_delete(struct store_tx *tx, const char *id, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "DELETE FROM images WHERE id=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    return stmt_run(&st, err);
}
