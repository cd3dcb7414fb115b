/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settle.c: a container's row at a moment when nobody is in the middle of starting or removing it.
 *
 * Who announced a start or a removal either commits its outcome or dies; both wake us. What a dead one left is recovered.
 * The one thing that cannot be finished for it is a start whose monitor lives and has not got as far as being asked, or is
 * still ending: its steps wake us too (run_watch.h). One that takes none for SETTLE_STALL_MS is stopped, or hangs. */
#include "engine/settle.h"

#include "base/clock.h"
#include "base/ident.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SETTLE_STALL_MS = 10000, WITHOUT_MAKER_MAX = 3 };

struct maker_query {
    const char *id;
    pid_t pid;
    bool any, abandoned;
};

static int find_maker(void *arg, const struct intent_row *i)
{
    struct maker_query *q = arg;
    if (strcmp(i->object, q->id) != 0 || strcmp(i->verb, "restart") == 0) /* a restart announces no state */
        return 0;
    q->any = true;
    q->pid = i->maker_pid;
    q->abandoned = intent_row_abandoned(i);
    return 0;
}

/* Until something is committed, or `other` (-1: none) becomes readable. 0 when nothing did within the time. */
static int sleep_until(struct creel *e, int other, int timeout_ms, struct creel_err *err)
{
    int changed = store_changed_fd(e->store, err);
    if (changed < 0)
        return -1;
    struct pollfd fds[2] = { { .fd = changed, .events = POLLIN }, { .fd = other, .events = POLLIN } };
    int r = poll(fds, 2, timeout_ms);
    if (r < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for changes in %s", e->root);
    return r != 0;
}

/* Until something is committed or the maker of the pending intent ends. */
static int wait_for_maker(struct creel *e, const char *id, const struct maker_query *found, int timeout_ms,
                          struct creel_err *err)
{
    struct maker_query now = { .id = id };
    auto_fd maker = found->pid != getpid() ? (int)syscall(SYS_pidfd_open, found->pid, 0) : -1;
    if (maker < 0 && found->pid != getpid())
        return errno == ESRCH ? 1 : creel_fail(err, CREEL_INTERNAL, errno, "open process %d", (int)found->pid);
    /* the pid may have been another process's by the time it was opened */
    if (intent_row_each(e->store, find_maker, &now, err) < 0)
        return -1;
    return now.pid != found->pid || now.abandoned ? 1 : sleep_until(e, maker, timeout_ms, err);
}

static bool has_moved(struct creel *e, const struct container_row *row)
{
    auto_row now = { 0 };
    return container_row_get(e->store, row->id, &now, NULL) < 0 || now.state != row->state || now.run != row->run;
}

/* Whoever announced it is dead. */
static int take_over(struct creel *e, struct settling *s, const struct container_row *row, int timeout_ms,
                     struct creel_err *err)
{
    if (run_watch_arm(&s->watch, e, row->id, err) < 0 || engine_recover(e, err) < 0)
        return -1;
    if (has_moved(e, row))
        return 1;
    int64_t now = clock_mono_ns();
    if (s->stall_ns == 0)
        s->stall_ns = now + (int64_t)SETTLE_STALL_MS * 1000000;
    if (now >= s->stall_ns)
        return creel_fail(err, CREEL_TIMEOUT, 0,
                          "whoever was at container %s has died while it was %s, and its monitor (creel-monitor %s) does "
                          "not answer: it is stopped, or hangs in the kernel", row->name, lifecycle_state_name(row->state),
                          row->id);
    int left_ms = (int)((s->stall_ns - now) / 1000000) + 1;
    return sleep_until(e, s->watch.fd, timeout_ms >= 0 && timeout_ms < left_ms ? timeout_ms : left_ms, err) < 0 ? -1 : 1;
}

int settling_step(struct creel *e, struct settling *s, const struct container_row *row, int timeout_ms,
                  struct creel_err *err)
{
    struct maker_query q = { .id = row->id };
    if (intent_row_each(e->store, find_maker, &q, err) < 0)
        return -1;
    if (q.any)
        return q.abandoned ? take_over(e, s, row, timeout_ms, err) : wait_for_maker(e, row->id, &q, timeout_ms, err);
    /* Row and intents are two reads, so a maker may have finished in between; but not again and again. */
    if (++s->without_maker <= WITHOUT_MAKER_MAX)
        return 1;
    return creel_fail(err, CREEL_CONFLICT, 0, "container %s is %s, but nobody is at it; run \"creel check --repair\"",
                      row->name, lifecycle_state_name(row->state));
}

int lifecycle_settled(struct creel *e, const char *ref, struct container_row *ret, struct creel_err *err)
{
    char id[IDENT_LEN + 1];
    auto_settling s = SETTLING_INIT;
    if (container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    bool watching = false; /* closing an inotify descriptor takes the kernel 10 ms: only when there is something to wait for */
    for (;;) {
        auto_row row = { 0 };
        struct creel_err get = { 0 };
        if (watching)
            store_changed_ack(e->store);
        if (container_row_get(e->store, id, &row, &get) < 0)
            return get.kind == CREEL_NOT_FOUND ? creel_fail(err, CREEL_NOT_FOUND, 0, "No such container: %s", ref)
                                               : creel_fail_as(err, &get);
        if (lifecycle_is_up(&row) && !engine_run_alive(e, id)) {
            if (engine_reconcile(e, id, err) < 0)
                return -1;
            continue;
        }
        if (row.state != CONTAINER_STARTING && row.state != CONTAINER_REMOVING) {
            *ret = row;
            row = (struct container_row){ 0 };
            return 0;
        }
        if (!watching) { /* from now on no change can be missed; look once more before sleeping */
            if (store_changed_fd(e->store, err) < 0)
                return -1;
            watching = true;
            continue;
        }
        if (settling_step(e, &s, &row, -1, err) < 0)
            return -1;
    }
}
