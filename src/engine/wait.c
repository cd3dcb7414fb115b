/* SPDX-License-Identifier: Apache-2.0 */
/* engine/wait.c: waiting for a container's end. Nothing is polled: a waiter sleeps on the store's change notice and on
 * the run directory, where the end of a monitor is seen that dies without a word. The result is the exit row of the run
 * that was waited for, so a later restart or removal cannot change or lose it. */
#include "engine/settle.h"

#include "base/clock.h"
#include "base/ident.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
struct waiter {
    struct creel *e;
    char id[IDENT_LEN + 1];
    enum condition condition;
    int64_t run;            /* next-exit: the first run whose end counts */
    int64_t deadline_ns;    /* of clock_mono_ns; -1 never */
    struct settling settling;
};

static void waiter_fini(struct waiter *w)
{
    settling_fini(&w->settling);
}

static int parse_condition(const char *text, enum condition *ret, struct creel_err *err)
{
    if (text == NULL || text[0] == '\0' || strcmp(text, "not-running") == 0)
        *ret = WAIT_NOT_RUNNING;
    else if (strcmp(text, "next-exit") == 0)
        *ret = WAIT_NEXT_EXIT;
    else if (strcmp(text, "removed") == 0)
        *ret = WAIT_REMOVED;
    else
        return creel_fail(err, CREEL_INVALID, 0, "invalid condition: \"%s\"", text);
    return 0;
}

static void exit_of_row(const struct exit_row *x, struct creel_exit *ret)
{
    *ret = (struct creel_exit){ .how = (enum creel_exit_how)x->how, .number = x->number, .oom_killed = x->oom,
                                .finished_ns = x->finished_ns };
}

/* The end of `run` (0: the last one), or code 0 for a container that never ran. */
static int recorded_exit(struct creel *e, const char *id, int64_t run, struct creel_exit *ret, struct creel_err *err)
{
    struct exit_row x = { 0 };
    struct creel_err get = { 0 };
    *ret = (struct creel_exit){ .how = CREEL_EXIT_BY_CODE };
    if (exit_row_get(e->store, id, run, &x, &get) == 0) {
        exit_of_row(&x, ret);
        return 0;
    }
    return get.kind == CREEL_NOT_FOUND ? 1 : creel_fail_as(err, &get);
}

/* 1 met (ret filled), 0 not yet, -1 error. The row stays empty when it is gone. */
static int evaluate(struct waiter *w, struct container_row *row, struct creel_exit *ret, struct creel_err *err)
{
    struct creel_err get = { 0 };
    if (container_row_get(w->e->store, w->id, row, &get) < 0) {
        if (get.kind != CREEL_NOT_FOUND)
            return creel_fail_as(err, &get);
        return recorded_exit(w->e, w->id, 0, ret, err) < 0 ? -1 : 1; /* gone: every condition is met */
    }
    bool up = lifecycle_is_up(row) || row->state == CONTAINER_STARTING;
    if (w->run == 0)
        w->run = up ? row->run : row->run + 1;
    switch (w->condition) {
    case WAIT_REMOVED:
        return 0;
    case WAIT_NEXT_EXIT: {
        int r = recorded_exit(w->e, w->id, w->run, ret, err);
        return r < 0 ? -1 : r == 0;
    }
    case WAIT_NOT_RUNNING:
        if (up && row->run <= w->run)
            return 0;
        if (row->run >= w->run || up) { /* it ran when we came: that run's end is the answer */
            int r = recorded_exit(w->e, w->id, w->run, ret, err);
            if (r <= 0)
                return r < 0 ? -1 : 1;
        } /* it did not come to run: the row says how that ended */
        *ret = (struct creel_exit){ .how = (enum creel_exit_how)row->exit_how, .number = row->exit_number,
                                    .oom_killed = row->oom_killed, .finished_ns = row->finished_ns };
        return 1;
    }
    return 0;
}

static int remaining_ms(const struct waiter *w)
{
    if (w->deadline_ns < 0)
        return -1;
    int64_t left = w->deadline_ns - clock_mono_ns();
    return left <= 0 ? 0 : left / 1000000 >= INT32_MAX ? INT32_MAX : (int)(left / 1000000) + 1;
}

/* Until something was committed, or the monitor is gone without a word. 1 look again, 0 the time is over. */
static int sleep_until_change(struct waiter *w, const struct container_row *row, struct creel_err *err)
{
    bool up = lifecycle_is_up(row);
    if (row->state == CONTAINER_STARTING || row->state == CONTAINER_REMOVING)
        return settling_step(w->e, &w->settling, row, remaining_ms(w), err);
    if (up && run_watch_arm(&w->settling.watch, w->e, w->id, err) < 0)
        return -1;
    if (up && !engine_run_alive(w->e, w->id)) {
        struct creel_err rec = { 0 };
        return engine_reconcile(w->e, w->id, &rec) < 0 && rec.kind != CREEL_NOT_FOUND ? creel_fail_as(err, &rec) : 1;
    }
    struct pollfd fds[2] = { { .fd = store_changed_fd(w->e->store, err), .events = POLLIN },
                             { .fd = up ? w->settling.watch.fd : -1, .events = POLLIN } };
    if (fds[0].fd < 0)
        return -1;
    int r = poll(fds, 2, remaining_ms(w));
    if (r < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for container %s", w->id);
    return r != 0;
}

int creel_container_wait(struct creel *e, const char *ref, const char *condition, int timeout_ms,
                         struct creel_exit *ret, struct creel_err *err)
{
    auto_cleanup(waiter_fini) struct waiter w = {
        .e = e, .settling = SETTLING_INIT,
        .deadline_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + (int64_t)timeout_ms * 1000000 };
    if (parse_condition(condition, &w.condition, err) < 0 || container_row_resolve(e->store, ref, w.id, err) < 0)
        return -1;
    for (bool watching = false;;) {
        auto_row row = { 0 };
        if (watching)
            store_changed_ack(e->store);
        int met = evaluate(&w, &row, ret, err);
        if (met != 0)
            return met < 0 ? -1 : 0;
        if (!watching) { /* from now on no change can be missed; look once more before sleeping */
            if (store_changed_fd(e->store, err) < 0)
                return -1;
            watching = true;
            continue;
        }
        int r = sleep_until_change(&w, &row, err);
        if (r < 0)
            return -1;
        if (r == 0 && remaining_ms(&w) == 0)
            return creel_fail(err, CREEL_TIMEOUT, 0, "container %s did not get there in time", w.id);
    }
}
