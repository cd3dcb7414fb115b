/* SPDX-License-Identifier: Apache-2.0 */
/* cli/foreground.c: who gets which signal.
 *   without a terminal   everything that can be is passed on (--sig-proxy); the third INT or TERM ends this program
 *   with a terminal      keys reach the process as bytes; WINCH becomes a resize; HUP, INT, QUIT and TERM from
 * outside end this program, after the terminal is restored, and the process goes on */
#include "cli/foreground.h"

#include "cli/detach_keys.h"

#include <string.h>

int foreground_check(struct cli *c, const struct foreground *f, int usage_code)
{
    if (f->detach_keys != NULL && !detach_keys_ok(f->detach_keys))
        return cli_error(c, usage_code,
                         "invalid detach keys (%s) provided: give characters or ctrl- and a letter, such "
                         "as ctrl-p,ctrl-q",
                         f->detach_keys);
    if (f->tty && f->in && isatty(STDIN_FILENO) != 1)
        return cli_error(c, 1, "the input device is not a TTY");
    return 0;
}

int foreground_begin(struct foreground *f, struct creel_err *err)
{
    bool raw = f->tty && f->in;
    int what = 0;
    if (f->tty) {
        terminal_size(STDOUT_FILENO, &f->rows, &f->cols);
        if (f->rows == 0 || f->cols == 0)
            terminal_size(STDIN_FILENO, &f->rows, &f->cols);
        what |= SIGNALS_RESIZE;
    } else if (f->proxy) {
        what |= SIGNALS_PROXY;
    }
    if (raw)
        what |= SIGNALS_ENDING;
    /* A reader that goes away must end us, also when our parent ignored the signal. */
    else if (signal(SIGPIPE, SIG_DFL) == SIG_ERR)
        return creel_fail(err, CREEL_INTERNAL, errno, "restore SIGPIPE");
    return signals_open(&f->signals, what, err);
}

static void resize(struct foreground *f, struct creel_session *s)
{
    unsigned rows, cols;
    terminal_size(STDOUT_FILENO, &rows, &cols);
    if (rows == 0 || cols == 0)
        terminal_size(STDIN_FILENO, &rows, &cols);
    if (rows != 0 && cols != 0)
        (void)creel_session_resize(s, rows, cols, NULL); /* the process may have ended meanwhile */
}

static int on_signal(void *arg, struct creel_session *s)
{
    struct foreground *f = arg;
    for (int signo; (signo = signals_next(&f->signals)) != 0;) {
        if (signo == SIGWINCH) {
            resize(f, s);
            continue;
        }
        if (!f->proxy || f->tty) {
            f->ended_by = signo;
            return -1;
        }
        if ((signo == SIGINT || signo == SIGTERM) && ++f->interrupts >= 3)
            return -1;
        (void)creel_session_signal(s, signo, NULL); /* the process may have ended meanwhile */
    }
    return 0;
}

/* From here on a write to a closed pipe is an error and not our end: the terminal must be restored first. */
static int take_terminal(struct foreground *f, struct creel_err *err)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return creel_fail(err, CREEL_INTERNAL, errno, "ignore SIGPIPE");
    return terminal_raw(&f->terminal, STDIN_FILENO, err);
}

static void redraw(struct foreground *f, struct creel_session *s)
{
    if (!f->redraw || f->rows == 0 || f->cols == 0)
        return;
    (void)creel_session_resize(s, f->rows + 1, f->cols + 1, NULL); /* as in resize */
    (void)creel_session_resize(s, f->rows, f->cols, NULL);
}

static int copy(struct foreground *f, struct creel_session *s, struct creel_exit *ret, struct creel_err *err)
{
    const struct creel_io io = {
        .size = sizeof io,
        .in = f->in ? STDIN_FILENO : -1,
        .out = f->out ? STDOUT_FILENO : -1,
        .err = f->err ? STDERR_FILENO : -1,
        .detach_keys = f->detach_keys,
        .wake_fd = f->signals.fd,
        .on_wake = on_signal,
        .arg = f,
    };
    if (f->tty && f->in && take_terminal(f, err) < 0)
        return -1;
    redraw(f, s);
    return creel_session_copy(s, &io, ret, err);
}

/* This program was asked to end: it does so in the way that it was asked to. */
static int end_by_signal(struct foreground *f)
{
    int signo = f->ended_by;
    foreground_fini(f);
    (void)signal(signo, SIG_DFL); /* cannot fail for these */
    (void)raise(signo);
    return 128 + signo;
}

int foreground_copy(struct cli *c, struct foreground *f, struct creel_session *session)
{
    struct creel_exit x = { .how = CREEL_EXIT_UNKNOWN };
    struct creel_err err = { 0 };
    (void)cli_flush(c); /* main looks at it */
    int end = copy(f, session, &x, &err);
    int unwritten = creel_session_write_error(session);
    creel_session_close(session);
    terminal_restore(&f->terminal);
    if (f->ended_by != 0)
        return end_by_signal(f);
    if (f->interrupts >= 3)
        return cli_error(c, 1, "got 3 SIGTERM/SIGINTs, forcefully exiting");
    if (end < 0)
        return cli_fail_run(c, &err);
    if (end == CREEL_SESSION_DETACHED) {
        (void)fputs("read escape sequence\n", stderr); /* nowhere else to complain */
        return 0;
    }
    if (end == CREEL_SESSION_CLOSED && f->container != NULL) {
        signals_close(&f->signals);
        if (creel_container_wait(cli_engine(c), f->container, "not-running", -1, &x, &err) < 0)
            return cli_fail_run(c, &err);
    }
    int code = creel_exit_shell(&x);
    if (unwritten != 0)
        (void)cli_error(c, 125, "writing the output: %s", strerror(unwritten));
    return code == 0 && unwritten != 0 ? 125 : code;
}

void foreground_fini(struct foreground *f)
{
    terminal_restore(&f->terminal);
    signals_close(&f->signals);
}
