/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <limits.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

int loop_init(struct loop *l, struct creel_err *err)
{
    *l = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .signal_io = LOOP_IO_INIT };
    if (l->epoll_fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make an epoll descriptor");
    return 0;
}

void loop_fini(struct loop *l)
{
    int fd = l->signal_io.fd;
    loop_io_remove(l, &l->signal_io);
    fd_closep(&fd);
    fd_closep(&l->epoll_fd);
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

/* --- descriptors --- */

int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events, struct creel_err *err)
{
    struct epoll_event ev = { .events = events, .data.ptr = io };
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "watch descriptor %d", fd);
    io->fd = fd;
    io->events = events;
    return 0;
}

void loop_io_set(struct loop *l, struct loop_io *io, uint32_t events)
{
    if (io->fd < 0 || io->events == events)
        return;
    struct epoll_event ev = { .events = events, .data.ptr = io };
    /* cannot fail for a descriptor that is watched; if it did, we would only be woken for nothing */
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, io->fd, &ev);
    io->events = events;
}

void loop_io_remove(struct loop *l, struct loop_io *io)
{
    if (io->fd < 0)
        return;
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    io->fd = -1;
    for (int i = l->batch_at; i < l->batch_count; i++) /* L1 */
        if (l->batch[i].data.ptr == io)
            l->batch[i].data.ptr = NULL;
}

/* --- timers --- */

void loop_timer_arm(struct loop *l, struct loop_timer *t, int64_t ns)
{
    loop_timer_disarm(l, t);
    t->due_ns = clock_mono_ns() + ns;
    t->armed = true;
    struct loop_timer **at = &l->timers;
    while (*at != NULL && (*at)->due_ns <= t->due_ns)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
}

void loop_timer_disarm(struct loop *l, struct loop_timer *t)
{
    if (!t->armed)
        return;
    struct loop_timer **at = &l->timers;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->armed = false;
}

static void run_timers(struct loop *l)
{
    int64_t now = clock_mono_ns();
    while (l->timers != NULL && l->timers->due_ns <= now) {
        struct loop_timer *t = l->timers;
        loop_timer_disarm(l, t);
        t->fn(t->arg);
    }
}

/* For epoll_wait; rounded up, so that a timer is due when we wake. */
static int wait_ms(const struct loop *l)
{
    if (l->timers == NULL)
        return -1;
    int64_t ns = l->timers->due_ns - clock_mono_ns();
    if (ns <= 0)
        return 0;
    int64_t ms = ns / 1000000 + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* --- signals and children --- */

void loop_child_add(struct loop *l, struct loop_child *c)
{
    c->next = l->children;
    l->children = c;
}

void loop_child_remove(struct loop *l, struct loop_child *c)
{
    for (struct loop_child **at = &l->children; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    c->pid = 0;
}

void loop_reap(struct loop *l)
{
    for (;;) {
        siginfo_t si = { 0 };
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
            return; /* ECHILD: there is none */
        struct loop_child *c = l->children;
        while (c != NULL && c->pid != si.si_pid)
            c = c->next;
        if (c == NULL)
            continue;
        loop_child_remove(l, c);
        c->fn(c->arg, &si);
    }
}

static void on_signal(void *arg, uint32_t events)
{
    (void)events;
    struct loop *l = arg;
    struct signalfd_siginfo si[8];
    ssize_t n = read(l->signal_io.fd, si, sizeof si);
    bool reap = false;
    for (ssize_t i = 0; i < n / (ssize_t)sizeof si[0]; i++) {
        if (si[i].ssi_signo == SIGCHLD)
            reap = true;
        else if (l->signal_fn != NULL)
            l->signal_fn(l->signal_arg, (int)si[i].ssi_signo);
    }
    if (reap)
        loop_reap(l);
}

int loop_signals(struct loop *l, const sigset_t *also, void (*fn)(void *arg, int signo), void *arg,
                 struct creel_err *err)
{
    sigset_t set = *also;
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "block signals");
    auto_fd fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a signal descriptor");
    l->signal_fn = fn;
    l->signal_arg = arg;
    l->signal_io.fn = on_signal;
    l->signal_io.arg = l;
    if (loop_io_add(l, &l->signal_io, fd, EPOLLIN, err) < 0)
        return -1;
    (void)fd_take(&fd);
    return 0;
}

/* --- running --- */

int loop_run(struct loop *l, struct creel_err *err)
{
    l->stop = false;
    while (!l->stop) {
        int n = epoll_wait(l->epoll_fd, l->batch, LOOP_BATCH, wait_ms(l));
        if (n < 0 && errno != EINTR)
            return creel_fail(err, CREEL_INTERNAL, errno, "wait for events");
        l->batch_count = n > 0 ? n : 0;
        for (l->batch_at = 0; l->batch_at < l->batch_count && !l->stop;) {
            struct epoll_event *ev = &l->batch[l->batch_at++];
            struct loop_io *io = ev->data.ptr;
            if (io != NULL)
                io->fn(io->arg, ev->events);
        }
        l->batch_at = l->batch_count = 0;
        if (!l->stop)
            run_timers(l);
        if (l->each_fn != NULL)
            l->each_fn(l->each_arg);
    }
    return 0;
}
