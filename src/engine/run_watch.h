/* SPDX-License-Identifier: Apache-2.0 */
/* engine/run_watch.h: being woken by the monitor of a container: it can be found, or it is gone.
 *
 * What is watched is the run directory: a monitor's socket gets its name there, and the file "lock" that it holds open for
 * writing is closed with its last descriptor, however the process ends. So nobody needs a connection to wait for an end. */
#ifndef CREEL_ENGINE_RUN_WATCH_H
#define CREEL_ENGINE_RUN_WATCH_H

#include "base/cleanup.h"
#include "base/err.h"

struct creel;

struct run_watch { int fd; };
#define RUN_WATCH_INIT { .fd = -1 }

/* Forget what has happened and watch from now on; look at the state after this call, then wait for fd to become readable.
 * A directory that is not there is no error: nothing can happen in it. To be called again before each look, since a
 * directory may be removed and made anew. */
int run_watch_arm(struct run_watch *w, struct creel *e, const char *id, struct creel_err *err);
static inline void run_watch_fini(struct run_watch *w) { fd_closep(&w->fd); }
#define auto_run_watch auto_cleanup(run_watch_fini) struct run_watch

#endif
