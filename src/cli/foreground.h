/* SPDX-License-Identifier: Apache-2.0 */
/* cli/foreground.h: a process in a container with the caller's terminal, streams and signals: what run, start -a,
 * attach and exec share.
 *
 * Order: foreground_check and foreground_begin before the process runs (so that no signal is lost and the first size
 * is right), then foreground_copy with the session. foreground_fini restores the terminal and the signals on every
 * path. */
#ifndef CREEL_CLI_FOREGROUND_H
#define CREEL_CLI_FOREGROUND_H

#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include <creel/container.h>

struct foreground {
    bool tty, in, out, err, proxy;  /* set by the caller */
    const char *detach_keys;        /* NULL default */
    const char *container;          /* id: waited for when it closes its streams before it ends; NULL for execs */
    bool redraw;                    /* attaching to a program that has drawn already: make it draw again */

    unsigned rows, cols;            /* filled by foreground_begin: the terminal's size, or 0 */
    struct terminal terminal;
    struct signals signals;
    int interrupts;                 /* how many INT and TERM came */
    int ended_by;                   /* a signal that ends this program, not the container */
};
#define FOREGROUND_INIT { .terminal = TERMINAL_INIT, .signals = SIGNALS_INIT }

/* Refuses detach keys that nobody can type, and a terminal that is none. 0, or the exit code (said already). */
int foreground_check(struct cli *c, const struct foreground *f, int usage_code);
int foreground_begin(struct foreground *f, struct creel_err *err);
/* Closes the session. Returns the exit code of the command. */
int foreground_copy(struct cli *c, struct foreground *f, struct creel_session *session);
void foreground_fini(struct foreground *f);
static inline void foreground_finip(struct foreground *f) { int e = errno; foreground_fini(f); errno = e; }
#define auto_foreground auto_cleanup(foreground_finip) struct foreground

#endif
