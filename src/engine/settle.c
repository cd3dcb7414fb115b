/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settle.c: a container's row at a moment when nobody is in the middle of starting or removing it. */
#include "engine/lifecycle.h"

#include "base/ident.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct maker_query {
    const char *id;
    struct intent_row found; /* strings are not kept */
    bool any, abandoned;
};

static int find_maker(void *arg, const struct intent_row *i)
{
    struct maker_query *q = arg;
    if (strcmp(i->object, q->id) != 0 || strcmp(i->verb, "restart") == 0) /* a restart announces no state */
        return 0;
    q->any = true;
    q->found.maker_pid = i->maker_pid;
    q->abandoned = intent_row_abandoned(i);
    return 0;
}

/* Until something is committed or the maker of the pending intent ends. */
static int wait_for_maker(struct creel *e, const struct maker_query *q, struct creel_err *err)
{
    int changed = store_changed_fd(e->store, err);
    if (changed < 0)
        return -1;
    auto_fd maker = (int)syscall(SYS_pidfd_open, q->found.maker_pid, 0);
    struct pollfd fds[2] = { { .fd = changed, .events = POLLIN }, { .fd = maker, .events = POLLIN } };
    if (maker >= 0 && q->found.maker_pid != getpid() && poll(fds, 2, -1) < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for process %d", (int)q->found.maker_pid);
    return 0;
}

int lifecycle_settled(struct creel *e, const char *ref, struct container_row *ret, struct creel_err *err)
{
    char id[IDENT_LEN + 1];
    if (container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    bool watching = false; /* closing an inotify descriptor takes the kernel 10 ms: only when there is something to wait for */
    for (int without_maker = 0;;) {
        auto_row row = { 0 };
        struct creel_err get = { 0 };
        struct maker_query q = { .id = id };
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
        if (intent_row_each(e->store, find_maker, &q, err) < 0)
            return -1;
        /* Row and intents are two reads, so a maker may have finished in between; but not again and again. */
        if (!q.any && ++without_maker > 3)
            return creel_fail(err, CREEL_CONFLICT, 0,
                              "container %s is %s, but nobody is at it; run \"creel check --repair\"", row.name,
                              lifecycle_state_name(row.state));
        if (q.any && !q.abandoned && wait_for_maker(e, &q, err) < 0)
            return -1;
        if (q.abandoned && engine_recover(e, err) < 0)
            return -1;
    }
}
