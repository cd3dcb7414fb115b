/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settle.h: waiting for whoever is in the middle of starting or removing a container. */
#ifndef CREEL_ENGINE_SETTLE_H
#define CREEL_ENGINE_SETTLE_H

#include "engine/lifecycle.h"
#include "engine/run_watch.h"

struct settling {
    struct run_watch watch;
    int without_maker;      /* looks that found nobody at it */
    int64_t stall_ns;       /* when to give up a monitor that takes no step; 0: there was none to wait for */
};
#define SETTLING_INIT { .watch = RUN_WATCH_INIT }
static inline void settling_fini(struct settling *s) { run_watch_fini(&s->watch); }
#define auto_settling auto_cleanup(settling_fini) struct settling

/* One step for a row that is starting or removing: wait for its living maker, or recover what a dead one left. To miss
 * nothing the caller has the store's bell (store_changed_fd) and has acknowledged it before reading the row.
 * timeout_ms  at most that long; -1 until something happens
 * Returns     1 look again, 0 the time is over (perhaps 1)
 * Errors      CONFLICT nobody is at it · TIMEOUT a maker has died and its monitor does not answer */
int settling_step(struct creel *e, struct settling *s, const struct container_row *row, int timeout_ms,
                  struct creel_err *err);

#endif
