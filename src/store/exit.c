/* SPDX-License-Identifier: Apache-2.0 */
/* store/exit.c: how each run of a container ended.
 *   I1  A run has at most one exit (UNIQUE(id, run)); a second one is ignored, not merged.
 *   I2  Exits outlive their container, for those who ask late, and are dropped by age and count: the oldest first. */
#include "store/container.h"
#include "store/internal.h"

enum { EXITS_KEPT = 10000 };
#define EXITS_KEPT_NS (INT64_C(30) * 24 * 3600 * 1000000000)

int exit_row_insert(struct store_tx *tx, const struct exit_row *x, struct creel_err *err)
{
    static const char sql[] = "INSERT INTO exits(seq,id,run,started_ns,finished_ns,how,number,oom)"
                              "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)ON CONFLICT(id,run)DO NOTHING";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    stmt_bind_int(&st, 1, store_tx_seq(tx));
    stmt_bind_text(&st, 2, x->id);
    stmt_bind_int(&st, 3, x->run);
    stmt_bind_int(&st, 4, x->started_ns);
    stmt_bind_int(&st, 5, x->finished_ns);
    stmt_bind_int(&st, 6, x->how);
    stmt_bind_int(&st, 7, x->number);
    stmt_bind_int(&st, 8, x->oom);
    int r = stmt_run(&st, err);
    return r < 0 ? creel_wrap(err, "recording the exit of %s", x->id) : r;
}

int exit_row_get(struct store *s, const char *id, int64_t run, struct exit_row *ret, struct creel_err *err)
{
    static const char sql[] = "SELECT id,run,started_ns,finished_ns,how,number,oom FROM exits "
                              "WHERE id=?1 AND (?2=0 OR run=?2) ORDER BY run DESC LIMIT 1";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    stmt_bind_int(&st, 2, run);
    int r = stmt_step(&st, err);
    if (r == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "no exit of %s is recorded", id);
    struct exit_row x = { .run = 0 };
    if (r < 0 || stmt_copy(&st, 0, x.id, sizeof x.id, err) < 0)
        return -1;
    x.run = stmt_int(&st, 1);
    x.started_ns = stmt_int(&st, 2);
    x.finished_ns = stmt_int(&st, 3);
    int64_t how = stmt_int(&st, 4);
    x.how = how == EXIT_BY_CODE || how == EXIT_BY_SIGNAL ? (enum exit_how)how : EXIT_UNKNOWN;
    x.number = (int)stmt_int(&st, 5);
    x.oom = stmt_int(&st, 6) != 0;
    *ret = x;
    return 0;
}

int exit_row_prune(struct store_tx *tx, int64_t now_ns, struct creel_err *err)
{
    /* Everything before the oldest one that is kept by both rules. */
    static const char sql[] = "DELETE FROM exits WHERE seq<max("
                              "coalesce((SELECT seq FROM exits ORDER BY seq DESC LIMIT 1 OFFSET ?1),0),"
                              "coalesce((SELECT seq FROM exits WHERE finished_ns>=?2 ORDER BY seq LIMIT 1),0))";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    stmt_bind_int(&st, 1, EXITS_KEPT - 1);
    stmt_bind_int(&st, 2, now_ns - EXITS_KEPT_NS);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}
