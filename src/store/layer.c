/* SPDX-License-Identifier: Apache-2.0 */
/* store/layer.c: layers and the blobs they came as; see image.h for the invariants. */
#include "store/image.h"
#include "store/internal.h"

#include <string.h>

#define COLUMNS "l.n,l.diff_id,l.size,l.tar_size,b.digest,b.size,b.media_type"

static int read_row(struct stmt *st, struct layer_row *l, struct creel_err *err)
{
    *l = (struct layer_row){ .n = stmt_int(st, 0), .size = stmt_int(st, 2), .tar_size = stmt_int(st, 3) };
    if (stmt_copy(st, 1, l->diff_id, sizeof l->diff_id, err) < 0)
        return -1;
    if (stmt_text(st, 4) == NULL)
        return 0;
    l->blob_size = stmt_int(st, 5);
    return stmt_copy(st, 4, l->blob, sizeof l->blob, err) < 0
           || stmt_copy(st, 6, l->media_type, sizeof l->media_type, err) < 0 ? -1 : 0;
}

int image_layer_each(struct store *s, const char *id, int (*each)(void *arg, const struct layer_row *l), void *arg,
                     struct creel_err *err)
{
    static const char sql[] = "SELECT " COLUMNS " FROM image_layers i JOIN layers l ON l.n=i.layer "
                              "JOIN blobs b ON b.digest=i.blob WHERE i.image_id=?1 ORDER BY i.position";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int got;
    while ((got = stmt_step(&st, err)) == 1) {
        struct layer_row l;
        if (read_row(&st, &l, err) < 0)
            return -1;
        if (each(arg, &l) != 0)
            return 0;
    }
    return got;
}

int layer_row_find(struct store *s, const char *diff_id, struct layer_row *ret, struct creel_err *err)
{
    static const char sql[] = "SELECT " COLUMNS " FROM layers l JOIN image_layers i ON i.layer=l.n "
                              "JOIN blobs b ON b.digest=i.blob WHERE l.diff_id=?1 AND l.ready=1 LIMIT 1";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, diff_id);
    int got = stmt_step(&st, err);
    return got == 1 && read_row(&st, ret, err) < 0 ? -1 : got;
}

int layer_row_each(struct store *s, int (*each)(void *arg, const struct layer_row *l, bool ready), void *arg,
                   struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT l.n,l.diff_id,l.size,l.tar_size,NULL,NULL,NULL,l.ready FROM layers l ORDER BY l.n",
                  err)
        < 0)
        return -1;
    int got;
    while ((got = stmt_step(&st, err)) == 1) {
        struct layer_row l;
        if (read_row(&st, &l, err) < 0)
            return -1;
        if (each(arg, &l, stmt_int(&st, 7) != 0) != 0)
            return 0;
    }
    return got;
}

int layer_row_reserve(struct store_tx *tx, const char *diff_id, int64_t *ret_n, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "INSERT INTO layers(diff_id,ready,size,tar_size)VALUES(?1,0,0,0)RETURNING n",
                  err)
        < 0)
        return -1;
    stmt_bind_text(&st, 1, diff_id);
    int got = stmt_step(&st, err);
    if (got != 1)
        return got < 0 ? -1 : creel_fail(err, CREEL_INTERNAL, 0, "reserving a layer gave no number");
    *ret_n = stmt_int(&st, 0);
    return 0;
}

int layer_row_unreserve(struct store_tx *tx, int64_t n, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "DELETE FROM layers WHERE n=?1 AND ready=0", err) < 0)
        return -1;
    stmt_bind_int(&st, 1, n);
    return stmt_run(&st, err);
}

static int find_ready(struct store *s, const char *diff_id, int64_t *ret_n, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT n FROM layers WHERE diff_id=?1 AND ready=1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, diff_id);
    int got = stmt_step(&st, err);
    if (got == 1)
        *ret_n = stmt_int(&st, 0);
    return got;
}

int layer_row_ready(struct store_tx *tx, const struct layer_row *l, int64_t *ret_n, struct creel_err *err)
{
    int there = find_ready(tx_store(tx), l->diff_id, ret_n, err);
    if (there < 0)
        return -1;
    if (there == 1)
        return layer_row_unreserve(tx, l->n, err) < 0 ? -1 : 0;
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "UPDATE layers SET ready=1,size=?2,tar_size=?3 WHERE n=?1 AND diff_id=?4", err)
        < 0)
        return -1;
    stmt_bind_int(&st, 1, l->n);
    stmt_bind_int(&st, 2, l->size);
    stmt_bind_int(&st, 3, l->tar_size);
    stmt_bind_text(&st, 4, l->diff_id);
    int changed = stmt_run(&st, err);
    if (changed != 1)
        return changed < 0
                   ? -1
                   : creel_fail(err, CREEL_CONFLICT, 0, "the place reserved for layer %s is gone", l->diff_id);
    *ret_n = l->n;
    return 1;
}

int blob_row_put(struct store_tx *tx, const char *digest, int64_t size, const char *media_type, struct creel_err *err)
{
    static const char sql[] =
        "INSERT INTO blobs(digest,size,media_type)VALUES(?1,?2,?3)ON CONFLICT(digest)DO NOTHING";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, digest);
    stmt_bind_int(&st, 2, size);
    stmt_bind_text(&st, 3, media_type);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}

int blob_row_each(struct store *s, int (*each)(void *arg, const char *digest, int64_t size), void *arg,
                  struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT digest,size FROM blobs ORDER BY digest", err) < 0)
        return -1;
    int got;
    while ((got = stmt_step(&st, err)) == 1)
        if (each(arg, stmt_text(&st, 0), stmt_int(&st, 1)) != 0)
            return 0;
    return got;
}

int image_sweep(struct store_tx *tx, int (*layer)(void *arg, int64_t n, int64_t size),
                int (*blob)(void *arg, const char *digest, int64_t size), void *arg, struct creel_err *err)
{
    static const char layers[] = "DELETE FROM layers WHERE ready=1 AND n NOT IN(SELECT layer FROM image_layers)"
                                 "RETURNING n,size";
    static const char blobs[] = "DELETE FROM blobs WHERE digest NOT IN(SELECT blob FROM image_layers)"
                                "RETURNING digest,size";
    int got;
    {
        auto_stmt st;
        if (stmt_open(tx_store(tx), &st, layers, err) < 0)
            return -1;
        while ((got = stmt_step(&st, err)) == 1)
            if (layer(arg, stmt_int(&st, 0), stmt_int(&st, 1)) < 0)
                return creel_fail_nomem(err);
        if (got < 0)
            return -1;
    }
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, blobs, err) < 0)
        return -1;
    while ((got = stmt_step(&st, err)) == 1)
        if (blob(arg, stmt_text(&st, 0), stmt_int(&st, 1)) < 0)
            return creel_fail_nomem(err);
    return got;
}
