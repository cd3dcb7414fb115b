/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/fixture.h: a store in a directory of its own. */
#ifndef CREEL_TESTS_STORE_FIXTURE_H
#define CREEL_TESTS_STORE_FIXTURE_H

#include "store/container.h"
#include "store/internal.h"
#include "../check.h"

struct fixture { char root[64]; int root_fd; struct store *s; };
int fixture_setup(void **state);        /* cmocka: *state is a struct fixture with an open store */
int fixture_teardown(void **state);
void fixture_close(struct fixture *f);                 /* its own connection */
struct store *fixture_open(const struct fixture *f);   /* one more connection */

/* A row with every member set, so that a column that is lost is seen. name may be NULL. */
struct container_row sample_row(const char *id, const char *name);
void assert_same_row(const struct container_row *a, const struct container_row *b);
/* One commit: a container with an event. */
void add_container(struct store *s, const char *id, const char *name);
int64_t query_int(struct store *s, const char *sql);
void exec_ok(struct store *s, const char *sql);
void assert_intact(struct store *s);    /* SQLite's own checks, and the rules of ours that hold in every state */

/* Other processes. SQLite must not be carried over a fork, so a child is this program executed again: main calls
 * child_main first, which runs the operation and exits if the arguments ask for it. */
struct child_op { const char *name; int (*run)(const struct fixture *f, int arg); };
void child_main(int argc, char **argv, const struct child_op *ops, size_t count);
pid_t child_start(const struct fixture *f, const char *op, int arg);
int child_wait(pid_t pid);              /* wait status */

#define OK(call)                                                                                                      \
    do {                                                                                                              \
        struct creel_err err = { 0 };                                                                                 \
        if ((call) < 0)                                                                                               \
            fail_msg("%s: %s", #call, err.text);                                                                      \
    } while (0)
#define FAILS(want, call)                                                                                             \
    do {                                                                                                              \
        struct creel_err err = { 0 };                                                                                 \
        assert_int_equal((call), -1);                                                                                 \
        assert_string_equal(creel_kind_name(err.kind), creel_kind_name(want));                                        \
        assert_true(err.text[0] != '\0');                                                                             \
    } while (0)

#endif
