/* SPDX-License-Identifier: Apache-2.0 */
/* engine/wait.c: waiting for a container's end. Nothing is polled: a waiter sleeps on the store's change notice and on
 * its connection to the monitor, which closes when the monitor dies without a word. The result is the exit row of the
 * run that was waited for, so a later restart or removal cannot change or lose it. */
#include "engine/lifecycle.h"

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
};

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

/* 1 met (ret filled), 0 not yet, -1 error. */
static int evaluate(struct waiter *w, bool *ret_up, struct creel_exit *ret, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    *ret_up = false;
    if (container_row_get(w->e->store, w->id, &row, &get) < 0) {
        if (get.kind != CREEL_NOT_FOUND)
            return creel_fail_as(err, &get);
        return recorded_exit(w->e, w->id, 0, ret, err) < 0 ? -1 : 1; /* gone: every condition is met */
    }
    *ret_up = lifecycle_is_up(&row) || row.state == CONTAINER_STARTING;
    if (w->run == 0)
        w->run = *ret_up ? row.run : row.run + 1;
    switch (w->condition) {
    case WAIT_REMOVED:
        return 0;
    case WAIT_NEXT_EXIT: {
        int r = recorded_exit(w->e, w->id, w->run, ret, err);
        return r < 0 ? -1 : r == 0;
    }
    case WAIT_NOT_RUNNING:
        if (*ret_up && row.run <= w->run)
            return 0;
        if (row.run >= w->run || *ret_up) { /* it ran when we came: that run's end is the answer */
            int r = recorded_exit(w->e, w->id, w->run, ret, err);
            return r < 0 ? -1 : 1;
        }
        *ret = (struct creel_exit){ .how = (enum creel_exit_how)row.exit_how, .number = row.exit_number,
                                    .oom_killed = row.oom_killed, .finished_ns = row.finished_ns };
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

/* Sleep until something was committed or the monitor spoke or died. */
static int sleep_until_change(struct waiter *w, struct monitor_link *link, struct creel_err *err)
{
    int changed = store_changed_fd(w->e->store, err);
    if (changed < 0)
        return -1;
    struct pollfd fds[2] = { { .fd = changed, .events = POLLIN },
                             { .fd = link != NULL ? monitor_link_fd(link) : -1, .events = POLLIN } };
    int timeout = remaining_ms(w);
    int r = poll(fds, 2, timeout);
    if (r < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for container %s", w->id);
    if (r == 0 && remaining_ms(w) == 0)
        return creel_fail(err, CREEL_TIMEOUT, 0, "container %s did not get there in time", w->id);
    return r > 0 && fds[1].revents != 0;
}

int creel_container_wait(struct creel *e, const char *ref, const char *condition, int timeout_ms,
                         struct creel_exit *ret, struct creel_err *err)
{
    struct waiter w = { .e = e, .deadline_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + (int64_t)timeout_ms * 1000000 };
    auto_link link = NULL;
    if (parse_condition(condition, &w.condition, err) < 0 || container_row_resolve(e->store, ref, w.id, err) < 0)
        return -1;
    for (bool watching = false;;) {
        bool up;
        if (watching)
            store_changed_ack(e->store);
        int met = evaluate(&w, &up, ret, err);
        if (met != 0)
            return met < 0 ? -1 : 0;
        if (!watching) { /* from now on no change can be missed; look once more before sleeping */
            if (store_changed_fd(e->store, err) < 0)
                return -1;
            watching = true;
            continue;
        }
        if (up && link == NULL && lifecycle_connect(e, w.id, &link, NULL) < 0) {
            struct creel_err rec = { 0 };
            if (engine_reconcile(e, w.id, &rec) < 0 && rec.kind != CREEL_NOT_FOUND)
                return creel_fail_as(err, &rec);
            met = evaluate(&w, &up, ret, err);
            if (met != 0)
                return met < 0 ? -1 : 0;
        }
        if (link != NULL && monitor_watch_exit(link, NULL) < 0) {
            monitor_link_close(link); /* it died just now; the next round finds out what it left */
            link = NULL;
            continue;
        }
        int spoke = sleep_until_change(&w, link, err);
        if (spoke < 0)
            return -1;
        if (spoke > 0) { /* the run is over, or the monitor is */
            monitor_link_close(link);
            link = NULL;
            struct creel_err rec = { 0 };
            if (engine_commit_exit(e, w.id, w.run, NULL) < 0 && engine_reconcile(e, w.id, &rec) < 0
                && rec.kind != CREEL_NOT_FOUND)
                return creel_fail_as(err, &rec);
        }
    }
}
