/* SPDX-License-Identifier: Apache-2.0 */
/* store/intent.c: what a process has announced and not yet finished (S8). */
#include "store/container.h"
#include "store/internal.h"

#include "sys/identity.h"

#include <string.h>

int intent_row_insert(struct store_tx *tx, const char *verb, const char *object, const char *data, int64_t *ret_seq,
                      struct creel_err *err)
{
    static const char sql[] = "INSERT INTO intents(seq,verb,object,data,maker_pid,maker_start,boot_id)"
                              "VALUES(?1,?2,?3,?4,?5,?6,?7)";
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, sql, err) < 0)
        return -1;
    int64_t seq = store_tx_seq(tx);
    stmt_bind_int(&st, 1, seq);
    stmt_bind_text(&st, 2, verb);
    stmt_bind_text(&st, 3, object);
    stmt_bind_text(&st, 4, data);
    stmt_bind_int(&st, 5, getpid());
    stmt_bind_int(&st, 6, (int64_t)sys_self_start());
    stmt_bind_text(&st, 7, sys_boot_id());
    if (stmt_run(&st, err) < 0)
        return creel_wrap(err, "announcing %s of %s", verb, object);
    if (ret_seq != NULL)
        *ret_seq = seq;
    return 0;
}

int intent_row_delete(struct store_tx *tx, int64_t seq, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(tx_store(tx), &st, "DELETE FROM intents WHERE seq=?1", err) < 0)
        return -1;
    stmt_bind_int(&st, 1, seq);
    return stmt_run(&st, err) < 0 ? -1 : 0; /* gone already: somebody finished it for us */
}

static void intent_row_fini(struct intent_row *i)
{
    free(i->verb);
    free(i->object);
    free(i->data);
    free(i->boot_id);
}

int intent_row_each(struct store *s, int (*each)(void *arg, const struct intent_row *i), void *arg,
                    struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT seq,verb,object,data,maker_pid,maker_start,boot_id FROM intents ORDER BY seq", err) < 0)
        return -1;
    int r;
    while ((r = stmt_step(&st, err)) > 0) {
        auto_cleanup(intent_row_fini) struct intent_row i = {
            .seq = stmt_int(&st, 0),
            .maker_pid = (pid_t)stmt_int(&st, 4),
            .maker_start = (uint64_t)stmt_int(&st, 5),
        };
        if (!stmt_dup(&st, 1, &i.verb) || !stmt_dup(&st, 2, &i.object) || !stmt_dup(&st, 3, &i.data)
            || !stmt_dup(&st, 6, &i.boot_id))
            return creel_fail_nomem(err);
        if (each(arg, &i) != 0)
            return 0;
    }
    return r;
}

bool intent_row_abandoned(const struct intent_row *i)
{
    const char *boot = sys_boot_id();
    if (boot[0] != '\0' && i->boot_id != NULL && strcmp(boot, i->boot_id) != 0)
        return true;
    return !sys_process_alive(i->maker_pid, i->maker_start);
}
