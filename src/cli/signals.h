/* SPDX-License-Identifier: Apache-2.0 */
/* cli/signals.h: signals as a descriptor, while a session is copied.
 *
 * What is taken is blocked until signals_close. Never taken: KILL, STOP, the faults (SEGV, BUS, ILL, FPE, TRAP, SYS),
 * CHLD, PIPE, URG and those of job control (TSTP, TTIN, TTOU, CONT). */
#ifndef CREEL_CLI_SIGNALS_H
#define CREEL_CLI_SIGNALS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <signal.h>
#include <stdbool.h>

struct signals {
    int fd;                 /* -1: none are taken */
    sigset_t saved;
};
#define SIGNALS_INIT { .fd = -1 }

enum {
    SIGNALS_PROXY = 1,      /* everything that may be passed on */
    SIGNALS_RESIZE = 2,     /* WINCH */
    SIGNALS_ENDING = 4,     /* HUP, INT, QUIT, TERM: the ones after which a raw terminal must be restored */
};
int signals_open(struct signals *s, int what, struct creel_err *err);
/* The next one, 0 when there is none. */
int signals_next(const struct signals *s);
/* Back to what it was; those not taken yet are delivered now. */
void signals_close(struct signals *s);
static inline void signals_closep(struct signals *s) { int e = errno; signals_close(s); errno = e; }
#define auto_signals auto_cleanup(signals_closep) struct signals

#endif
