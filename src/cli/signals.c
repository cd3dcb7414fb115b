/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <sys/signalfd.h>

static const int never_proxied[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGSYS,
                                     SIGCHLD, SIGPIPE, SIGURG,  SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH };

static void set_fill(sigset_t *set, int what)
{
    (void)sigemptyset(set); /* these cannot fail for valid numbers */
    if (what & SIGNALS_PROXY) {
        (void)sigfillset(set);
        for (size_t i = 0; i < ARRAY_LEN(never_proxied); i++)
            (void)sigdelset(set, never_proxied[i]);
    }
    if (what & SIGNALS_RESIZE)
        (void)sigaddset(set, SIGWINCH);
    if (what & SIGNALS_ENDING) {
        static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
        for (size_t i = 0; i < ARRAY_LEN(ending); i++)
            (void)sigaddset(set, ending[i]);
    }
}

int signals_open(struct signals *s, int what, struct creel_err *err)
{
    sigset_t set;
    set_fill(&set, what);
    s->fd = -1;
    if (what == 0)
        return 0;
    if (sigprocmask(SIG_BLOCK, &set, &s->saved) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "block signals");
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd < 0) {
        int e = errno;
        (void)sigprocmask(SIG_SETMASK, &s->saved, NULL); /* a mask that was valid before */
        return creel_fail(err, CREEL_INTERNAL, e, "make a descriptor for signals");
    }
    return 0;
}

int signals_next(const struct signals *s)
{
    struct signalfd_siginfo info;
    ssize_t n;
    do
        n = read(s->fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void signals_close(struct signals *s)
{
    if (s->fd < 0)
        return;
    (void)close(s->fd);
    s->fd = -1;
    (void)sigprocmask(SIG_SETMASK, &s->saved, NULL); /* a mask that was valid before */
}
