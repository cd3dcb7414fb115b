/* SPDX-License-Identifier: Apache-2.0 */
/* store/verify.c: SQLite's own checks of the database, for creel check. Reads all of it. */
#include "store/internal.h"

static int each_problem(struct store *s, const char *sql, void (*each)(void *arg, const char *problem), void *arg,
                        struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    int r;
    while ((r = stmt_step(&st, err)) > 0)
        each(arg, stmt_text(&st, 0));
    return r;
}

int store_verify(struct store *s, void (*each)(void *arg, const char *problem), void *arg, struct creel_err *err)
{
    if (each_problem(s, "SELECT integrity_check FROM pragma_integrity_check(20) WHERE integrity_check<>'ok'", each, arg,
                     err) < 0)
        return -1;
    return each_problem(s,
                        "SELECT 'a row of '||\"table\"||' refers to a row of '||parent||' that is gone' "
                        "FROM pragma_foreign_key_check",
                        each, arg, err);
}
