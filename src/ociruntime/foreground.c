/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/foreground.c: one poll over signals, the end of the process, and the two directions of its terminal.
 *
 * Standard streams are shared with others, so they are never made non-blocking: at most PIECE bytes are written
 * when poll says that there is room. A reader that is slow stops the copying from its side only; signals go on
 * being delivered. */
#include "ociruntime/foreground.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum {
    PIECE = 4096,           /* what a pipe with room takes at once */
    DRAIN_MAX = 1 << 20,    /* more than a terminal holds */
};

/* One direction: read when empty, write when not. */
struct flow { int from, to; char data[PIECE]; size_t at, len; };

struct stay {
    struct foreground *f;
    pid_t pid;
    int pidfd, master;
    struct flow in, out;
    bool ended;
    int status;
};

/* ------------------------------------------------------------------ signals */

/* Not delivered: what is about ourselves. */
static const int own_signals[] = { SIGCHLD, SIGWINCH, SIGPIPE, SIGURG, SIGTTIN, SIGTTOU };

int foreground_open(struct foreground *f, struct creel_err *err)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
    sigset_t all;
    (void)sigfillset(&all);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        (void)sigdelset(&all, faults[i]);
    if (sigprocmask(SIG_BLOCK, &all, &f->mask) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "hold signals back");
    f->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (f->signal_fd >= 0)
        return 0;
    int why = errno;
    (void)sigprocmask(SIG_SETMASK, &f->mask, NULL);
    return creel_fail(err, CREEL_INTERNAL, why, "make a descriptor for signals");
}

static void reap(struct stay *s)
{
    int status;
    pid_t pid = 0;
    while (!s->ended && (pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == s->pid) {
            s->ended = true;
            s->status = status;
        }
    if (pid < 0 && errno == ECHILD && !s->ended) {  /* it was no child of ours, or somebody else waited */
        s->ended = true;
        s->status = 255 << 8;
    }
}

static void resize(const struct stay *s)
{
    struct winsize size;
    if (s->master >= 0 && s->f->terminal >= 0 && ioctl(s->f->terminal, TIOCGWINSZ, &size) == 0)
        (void)ioctl(s->master, TIOCSWINSZ, &size);  /* a window that has no size changes nothing */
}

static void deliver(struct stay *s, int signo)
{
    if (signo == SIGWINCH)
        resize(s);
    for (size_t i = 0; i < ARRAY_LEN(own_signals); i++)
        if (own_signals[i] == signo)
            return;
    if (s->pidfd >= 0)
        (void)sys_pidfd_send_signal(s->pidfd, signo);   /* it may have ended: then there is nobody to tell */
    else if (!s->ended)
        (void)kill(s->pid, signo);  /* not waited for yet, so the number is still its own */
}

static void take_signals(struct stay *s)
{
    struct signalfd_siginfo info;
    reap(s);
    while (!s->ended && read(s->f->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        deliver(s, (int)info.ssi_signo);
}

/* ------------------------------------------------------------------ terminal */

void foreground_size(int console_master)
{
    struct winsize size;
    for (int fd = 0; fd < 3; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            (void)ioctl(console_master, TIOCSWINSZ, &size);     /* no size is worth an error */
            return;
        }
}

/* Ours: where one of the standard streams goes, or the one that controls us. There may be none. */
static void find_terminal(struct foreground *f)
{
    for (int fd = 0; fd < 3 && f->terminal < 0; fd++)
        if (isatty(fd))
            f->terminal = fd;
    if (f->terminal >= 0)
        return;
    f->terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    f->terminal_is_own = f->terminal >= 0;
}

/* Keys go to the process untouched, its line feeds (terminal_relayed) are made into new lines here, once. */
static int terminal_begin(struct stay *s, struct creel_err *err)
{
    struct termios t;
    int flags = fcntl(s->master, F_GETFL);
    if (flags < 0 || fcntl(s->master, F_SETFL, flags | O_NONBLOCK) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make the terminal non-blocking");
    find_terminal(s->f);
    if (s->f->terminal >= 0 && tcgetattr(s->f->terminal, &s->f->settings) == 0) {
        t = s->f->settings;
        cfmakeraw(&t);
        t.c_oflag |= OPOST;
        if (tcsetattr(s->f->terminal, TCSANOW, &t) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "failed to set the terminal from the stdin");
    }
    resize(s);
    return 0;
}

void foreground_close(struct foreground *f)
{
    if (f->terminal >= 0) {
        (void)tcsetattr(f->terminal, TCSANOW, &f->settings);   /* it may have hung up */
        if (f->terminal_is_own)
            (void)close(f->terminal);
        f->terminal = -1;
    }
    if (f->signal_fd >= 0) {
        fd_closep(&f->signal_fd);
        (void)sigprocmask(SIG_SETMASK, &f->mask, NULL);
    }
}

/* ------------------------------------------------------------------ copying */

/* A side that failed or ended stays silent from then on. */
static void flow_read(struct flow *w)
{
    ssize_t n = read(w->from, w->data, sizeof w->data);
    if (n > 0) {
        w->at = 0;
        w->len = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        w->from = -1;
    }
}

static void flow_write(struct flow *w)
{
    ssize_t n = write(w->to, w->data + w->at, w->len - w->at);
    if (n >= 0)
        w->at += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        w->from = w->to = -1;
    if (w->at == w->len || w->to < 0)
        w->at = w->len = 0;
}

static struct pollfd flow_wants(const struct flow *w)
{
    return w->len > 0 ? (struct pollfd){ .fd = w->to, .events = POLLOUT }
                      : (struct pollfd){ .fd = w->from, .events = POLLIN };
}

static void flow_step(struct flow *w, short events)
{
    if (events == 0)
        return;
    if (w->len > 0)
        flow_write(w);
    else
        flow_read(w);
}

/* The process has ended, so a signal that would end it now means us. */
static bool is_told_to_end(const struct stay *s)
{
    struct signalfd_siginfo info;
    while (read(s->f->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT)
            return true;
    return false;
}

/* What the process left in its terminal. Others may hold that open still, and go on writing: no more is waited for than what
 * is there now. A reader of ours that is stuck is waited for until a signal comes. */
static void drain(struct stay *s)
{
    size_t left = DRAIN_MAX;
    while (s->out.to >= 0 && (s->out.len > 0 || (s->out.from >= 0 && left > 0))) {
        if (s->out.len == 0) {
            flow_read(&s->out);
            if (s->out.len == 0)
                return;
            left -= s->out.len < left ? s->out.len : left;
        }
        struct pollfd p[2] = { { .fd = s->out.to, .events = POLLOUT }, { .fd = s->f->signal_fd, .events = POLLIN } };
        int n = poll(p, 2, -1);
        if (n > 0 && p[0].revents != 0)
            flow_write(&s->out);
        else if (n < 0 ? errno != EINTR : is_told_to_end(s))
            return;
    }
}

/* ------------------------------------------------------------------ the call */

static int turn(struct stay *s, struct creel_err *err)
{
    struct pollfd p[5] = { { .fd = s->f->signal_fd, .events = POLLIN }, { .fd = s->pidfd, .events = POLLIN },
                           flow_wants(&s->in), flow_wants(&s->out), { .fd = s->f->watched, .events = POLLIN } };
    if (poll(p, ARRAY_LEN(p), -1) < 0)
        return errno == EINTR ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "wait for the process");
    if (p[0].revents != 0 || p[1].revents != 0)
        take_signals(s);
    flow_step(&s->in, p[2].revents);
    flow_step(&s->out, p[3].revents);
    if (p[4].revents != 0)
        s->f->on_watched(s->f->watched_arg);
    return 0;
}

int foreground_stay(struct foreground *f, pid_t pid, int pidfd, int console_master, int *ret_code,
                    struct creel_err *err)
{
    struct stay s = { .f = f, .pid = pid, .pidfd = pidfd, .master = console_master,
                      .in = { .from = -1, .to = -1 }, .out = { .from = -1, .to = -1 } };
    if (console_master >= 0) {
        s.in.from = STDIN_FILENO;
        s.in.to = s.out.from = console_master;
        s.out.to = STDOUT_FILENO;
        if (terminal_begin(&s, err) < 0)
            return -1;
    }
    reap(&s);
    while (!s.ended)
        if (turn(&s, err) < 0)
            return -1;
    drain(&s);
    *ret_code = WIFEXITED(s.status) ? WEXITSTATUS(s.status) : 128 + WTERMSIG(s.status);
    return 0;
}
