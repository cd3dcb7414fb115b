/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/foreground.h: staying with a process of ours until it ends: its terminal, the signals that are meant
 * for it, its exit code. Orphans that come to us meanwhile (sub-reaper) are waited for as well.
 *
 * Without a terminal the process has our standard streams themselves, and nothing is copied. */
#ifndef CREEL_OCIRUNTIME_FOREGROUND_H
#define CREEL_OCIRUNTIME_FOREGROUND_H

#include "base/err.h"
#include "sys/process.h"

#include <stdbool.h>
#include <termios.h>

struct foreground {
    int signal_fd;
    sigset_t mask;              /* as it was before */
    int terminal;               /* ours, while it is raw; borrowed or own; -1 */
    bool terminal_is_own;       /* opened as /dev/tty */
    struct termios settings;    /* as they were before */
    int watched;                /* -1, or a descriptor the caller wants to be told of, borrowed, and how */
    void (*on_watched)(void *arg);
    void *watched_arg;
};
#define FOREGROUND_INIT { .signal_fd = -1, .terminal = -1, .watched = -1 }

/* Hold back all signals from here on; those that come are delivered by foreground_stay. Before the process is
 * made, so that none is lost; the runtime's children reset their mask. */
int foreground_open(struct foreground *f, struct creel_err *err);
/* Give the terminal the size of ours, where one of the standard streams is one: before the process can look at it. */
void foreground_size(int console_master);
/* Until `pid`, a child of ours, has ended. console_master: of its terminal, or -1; it is made non-blocking, and
 * input and output are copied between it and our standard streams, a terminal of ours being raw meanwhile. What is
 * still to be read from it at the end is copied, too, unless SIGTERM, SIGINT, SIGHUP or SIGQUIT comes then. *ret_code: exit code, or 128 + signal. */
int foreground_stay(struct foreground *f, pid_t pid, int pidfd, int console_master, int *ret_code,
                    struct creel_err *err);
/* Terminal and signals as they were. Safe to repeat. */
void foreground_close(struct foreground *f);

#define auto_foreground auto_cleanup(foreground_close) struct foreground

#endif
