/* SPDX-License-Identifier: Apache-2.0 */
/* loop/loop.h: an event loop over epoll: descriptors, timers, signals and children. No globals, no threads, and no
 * memory of its own: the structs below are embedded in their owners, who remove them before they go away.
 *
 *   L1  A source may be removed, by itself or by any other source's callback, at any time; after that its callback is
 *       not called again.
 *   L2  Children are reaped in one place. SIGCHLD is a signalfd; every ended child (also orphans that a sub-reaper
 *       inherited) is waited for, and the watcher of its pid, if any, gets the siginfo. Because nobody else reaps, a
 *       watched pid cannot have been reused.
 *   L3  Timers run on the boot clock (they go on during suspend); the next one bounds the wait, so arming one is no
 *       system call. */
#ifndef CREEL_LOOP_LOOP_H
#define CREEL_LOOP_LOOP_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

enum { LOOP_BATCH = 16 };

struct loop_io {
    int fd;                     /* -1: not watched; never closed by the loop */
    uint32_t events;            /* EPOLLIN …; level-triggered */
    void (*fn)(void *arg, uint32_t events);
    void *arg;
};
#define LOOP_IO_INIT { .fd = -1 }

struct loop_timer {
    int64_t due_ns;             /* clock_mono_ns() */
    bool armed;
    void (*fn)(void *arg);
    void *arg;
    struct loop_timer *next;
};

struct loop_child {
    pid_t pid;                  /* 0: not watched */
    void (*fn)(void *arg, const siginfo_t *how);
    void *arg;
    struct loop_child *next;
};

struct loop {
    int epoll_fd;
    struct epoll_event batch[LOOP_BATCH];
    int batch_at, batch_count;
    struct loop_timer *timers;  /* soonest first */
    struct loop_child *children;
    struct loop_io signal_io;
    void (*signal_fn)(void *arg, int signo);
    void *signal_arg;
    void (*each_fn)(void *arg);  /* NULL, or: called after every round of callbacks, when none is on the stack */
    void *each_arg;
    bool stop;
};

int loop_init(struct loop *l, struct creel_err *err);
/* Closes the loop's own descriptors. */
void loop_fini(struct loop *l);
/* Dispatch until loop_stop. Fails only when the kernel does. */
int loop_run(struct loop *l, struct creel_err *err);
void loop_stop(struct loop *l);

/* Watch `fd`. io->fn and io->arg are the caller's to set first. */
int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events, struct creel_err *err);
/* Change what is waited for; 0 waits for nothing (errors and hang-ups are still told: remove to be rid of them). */
void loop_io_set(struct loop *l, struct loop_io *io, uint32_t events);
/* Stop watching. Must come before the descriptor is closed. Harmless when not watched. */
void loop_io_remove(struct loop *l, struct loop_io *io);

/* Call t->fn once, `ns` from now (at the earliest). Arming again moves it. */
void loop_timer_arm(struct loop *l, struct loop_timer *t, int64_t ns);
void loop_timer_disarm(struct loop *l, struct loop_timer *t);

/* Block SIGCHLD and the signals in `also`, and deliver them here: `fn` gets the latter. Children inherit the blocked
 * mask; whoever makes them resets it. */
int loop_signals(struct loop *l, const sigset_t *also, void (*fn)(void *arg, int signo), void *arg,
                 struct creel_err *err);
/* Tell when the child c->pid has ended. It may have ended before, if the loop has not run since it was made. */
void loop_child_add(struct loop *l, struct loop_child *c);
void loop_child_remove(struct loop *l, struct loop_child *c);
/* Reap what has ended, now, instead of waiting for the signal. */
void loop_reap(struct loop *l);

#endif
