/* SPDX-License-Identifier: Apache-2.0 */
/* store/event.c: events, rows of the commit they tell of (S3).
 *   I1  seq orders events as they happened; its upper part is the revision of the commit. A reader that saw revision
 *       n never later sees a new event at or below n.
 *   I2  The oldest are dropped, by age and count, every STORE_PRUNE_EVERY revisions; meta.events_floor is the
 *       revision of the newest one dropped, so that a reader with an older cursor is told that it has missed some. */
#include "store/container.h"
#include "store/internal.h"

#include "base/clock.h"

enum { EVENTS_KEPT = 20000 };
#define EVENTS_KEPT_NS (INT64_C(30) * 24 * 3600 * 1000000000)

int event_row_append(struct store_tx *tx, const char *type, const char *action, const char *actor_id,
                     const char *attributes, struct creel_err *err)
{
    static const char sql[] = "INSERT INTO events(seq,time_ns,type,action,actor_id,attributes)VALUES(?1,?2,?3,?4,?5,?6)";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    stmt_bind_int(&st, 1, store_tx_seq(tx));
    stmt_bind_int(&st, 2, clock_now_ns());
    stmt_bind_text(&st, 3, type);
    stmt_bind_text(&st, 4, action);
    stmt_bind_text(&st, 5, actor_id);
    stmt_bind_text(&st, 6, attributes != NULL ? attributes : "{}");
    if (stmt_run(&st, err) < 0)
        return creel_wrap(err, "recording event %s %s of %s", type, action, actor_id);
    return 0;
}

static void event_row_fini(struct event_row *ev)
{
    free(ev->type);
    free(ev->action);
    free(ev->actor_id);
    free(ev->attributes);
}

static int load(struct stmt *st, struct event_row *ret, struct creel_err *err)
{
    int64_t seq = stmt_int(st, 0);
    ret->rev = seq >> STORE_SEQ_BITS;
    ret->seq = seq;
    ret->time_ns = stmt_int(st, 1);
    if (!stmt_dup(st, 2, &ret->type) || !stmt_dup(st, 3, &ret->action) || !stmt_dup(st, 4, &ret->actor_id)
        || !stmt_dup(st, 5, &ret->attributes))
        return creel_fail_nomem(err);
    return 0;
}

int event_row_each(struct store *s, int64_t after_rev, int64_t since_ns, int64_t until_ns,
                   int (*each)(void *arg, const struct event_row *ev), void *arg, struct creel_err *err)
{
    static const char sql[] = "SELECT seq,time_ns,type,action,actor_id,attributes FROM events "
                              "WHERE seq>=?1 AND time_ns>=?2 AND time_ns<=?3 ORDER BY seq";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    if (after_rev >= (INT64_MAX >> STORE_SEQ_BITS) - 1)
        return 0; /* later than any revision can be */
    stmt_bind_int(&st, 1, after_rev < 0 ? 0 : (after_rev + 1) << STORE_SEQ_BITS);
    stmt_bind_int(&st, 2, since_ns);
    stmt_bind_int(&st, 3, until_ns != 0 ? until_ns : INT64_MAX);
    int r;
    while ((r = stmt_step(&st, err)) > 0) {
        auto_cleanup(event_row_fini) struct event_row ev = { .rev = 0 };
        if (load(&st, &ev, err) < 0)
            return -1;
        if (each(arg, &ev) != 0)
            return 0;
    }
    return r;
}

int event_row_floor(struct store *s, int64_t *ret_rev, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT events_floor FROM meta", err) < 0)
        return -1;
    int r = stmt_step(&st, err);
    if (r > 0)
        *ret_rev = stmt_int(&st, 0);
    return r > 0 ? 0 : r < 0 ? -1 : creel_fail(err, CREEL_INTERNAL, 0, "the store has lost its revision");
}

/* The first seq that both rules keep; events before it go. */
static int first_kept(struct store *s, int64_t now_ns, int64_t *ret, struct creel_err *err)
{
    static const char sql[] = "SELECT max("
                              "coalesce((SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?1),0),"
                              "coalesce((SELECT seq FROM events WHERE time_ns>=?2 ORDER BY seq LIMIT 1),0))";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_int(&st, 1, EVENTS_KEPT - 1);
    stmt_bind_int(&st, 2, now_ns - EVENTS_KEPT_NS);
    int r = stmt_step(&st, err);
    *ret = r > 0 ? stmt_int(&st, 0) : 0;
    return r < 0 ? -1 : 0;
}

static int raise_floor(struct store *s, int64_t keep, struct creel_err *err)
{
    static const char sql[] = "UPDATE meta SET events_floor=max(events_floor,"
                              "coalesce((SELECT max(seq)>>?2 FROM events WHERE seq<?1),0))";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_int(&st, 1, keep);
    stmt_bind_int(&st, 2, STORE_SEQ_BITS);
    return stmt_run(&st, err);
}

int event_row_prune(struct store_tx *tx, int64_t now_ns, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    int64_t keep;
    if (first_kept(s, now_ns, &keep, err) < 0)
        return -1;
    keep &= ~((INT64_C(1) << STORE_SEQ_BITS) - 1); /* whole commits only */
    if (raise_floor(s, keep, err) < 0)
        return -1;
    auto_stmt st;
    if (stmt_open(s, &st, "DELETE FROM events WHERE seq<?1", err) < 0)
        return -1;
    stmt_bind_int(&st, 1, keep);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}
