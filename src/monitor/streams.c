/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/streams.c: the standard streams of a process: pipes or a terminal on one side, log and clients on the
 * other.
 *
 *   output:  pipe ──► io_buffer ──► log file
 *                              └──► each client's socket, or its queue; a full queue takes the pipe out of the loop
 *   input:   clients' frames ──► pipe, or in_queue until it is writable
 *
 * Pipes that we read stay blocking: the loop says when there is something, and nobody else reads them. */
#include "monitor/monitor.h"

#include "base/clock.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

enum { PIPE_SIZE_BUSY = 512 * 1024 };
static const int64_t DRAIN_NS = INT64_C(2000000000);

static void on_output(void *arg, uint32_t events);
static void on_input_room(void *arg, uint32_t events);
static void on_drain_late(void *arg);

void session_init(struct session *s, struct monitor *m)
{
    *s = (struct session){ .m = m, .pidfd = -1, .slave_fd = -1, .in_fd = -1, .in_io = LOOP_IO_INIT };
    bytes_init_max(&s->in_queue, (size_t)PROTOCOL_INPUT_WINDOW * PROTOCOL_CLIENTS_MAX);
    s->in_io.fn = on_input_room;
    s->in_io.arg = s;
    s->drain_timer.fn = on_drain_late;
    s->drain_timer.arg = s;
    for (unsigned i = 0; i < 2; i++)
        s->out[i] = (struct output){ .session = s, .fd = -1, .type = FRAME_STDOUT + i,
                                     .io = { .fd = -1, .fn = on_output, .arg = &s->out[i] } };
}

static int open_pipe(int *ret_read, int *ret_write, struct creel_err *err)
{
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make a pipe for the process");
    *ret_read = p[0];
    *ret_write = p[1];
    return 0;
}

void session_ends_close(struct session_ends *ends)
{
    for (int i = 0; i < 3; i++) {
        if (ends->theirs[i] > 2) /* 0 to 2 are our own /dev/null */
            fd_closep(&ends->theirs[i]);
        ends->theirs[i] = -1;
    }
}

int session_open_pipes(struct session *s, bool out, bool err_stream, struct session_ends *ends, struct creel_err *err)
{
    const bool wanted[2] = { out, err_stream };
    *ends = (struct session_ends){ { 0, 1, 2 } };
    if (s->has_stdin) {
        if (open_pipe(&ends->theirs[0], &s->in_fd, err) < 0)
            return -1;
        if (fcntl(s->in_fd, F_SETFL, O_NONBLOCK) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "set up the input pipe");
    }
    for (int i = 0; i < 2; i++)
        if (wanted[i] && open_pipe(&s->out[i].fd, &ends->theirs[i + 1], err) < 0)
            return -1;
    return 0;
}

int session_open_console(struct session *s, int master, unsigned rows, unsigned cols, struct creel_err *err)
{
    s->out[0].fd = master;
    if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "set up the terminal");
    if (s->has_stdin) {
        s->in_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
        if (s->in_fd < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "set up the terminal");
    }
    s->slave_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return rows > 0 && cols > 0 ? session_resize(s, rows, cols, err) : 0;
}

static int watch_outputs(struct session *s, struct creel_err *err)
{
    for (int i = 0; i < 2; i++)
        if (s->out[i].fd >= 0 && s->out[i].io.fd < 0
            && loop_io_add(&s->m->loop, &s->out[i].io, s->out[i].fd, EPOLLIN, err) < 0)
            return -1;
    return 0;
}

int session_watch(struct session *s, struct creel_err *err)
{
    return watch_outputs(s, err);
}

int session_resize(struct session *s, unsigned rows, unsigned cols, struct creel_err *err)
{
    struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    if (!s->tty || s->out[0].fd < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "the process has no terminal");
    if (rows > 0xffff || cols > 0xffff)
        return creel_fail(err, CREEL_INVALID, 0, "%u rows and %u columns are too many for a terminal", rows, cols);
    if (ioctl(s->out[0].fd, TIOCSWINSZ, &ws) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "resize the terminal");
    return 0;
}

int session_signal(struct session *s, int signo, struct creel_err *err)
{
    if (s->ended || s->pidfd < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "the process has ended");
    int r = sys_pidfd_send_signal(s->pidfd, signo);
    if (r < 0)
        return creel_fail(err,
                          r == -ESRCH    ? CREEL_CONFLICT
                          : r == -EINVAL ? CREEL_INVALID
                                         : CREEL_INTERNAL,
                          -r, "send signal %d to process %d", signo, (int)s->pid);
    return 0;
}

/* --- output --- */

static void check_done(struct session *s)
{
    if (!s->ended || s->done || s->out[0].fd >= 0 || s->out[1].fd >= 0)
        return;
    s->done = true;
    loop_timer_disarm(&s->m->loop, &s->drain_timer);
    session_done(s); /* may free s */
}

static void output_end(struct output *o)
{
    struct session *s = o->session;
    loop_io_remove(&s->m->loop, &o->io);
    fd_closep(&o->fd);
    if (!s->is_exec && s->m->log != NULL)
        log_writer_end(s->m->log, (int)o->type, clock_now_ns());
}

static void on_output(void *arg, uint32_t events)
{
    (void)events;
    struct output *o = arg;
    struct session *s = o->session;
    struct monitor *m = s->m;
    monitor_touch(m);
    char *data = m->io_buffer + FRAME_HEADER;
    ssize_t n = read(o->fd, data, MONITOR_IO_CHUNK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* a terminal ends with EIO */
        output_end(o);
        check_done(s);
    } else {
        if (!s->is_exec && m->log != NULL)
            log_writer_feed(m->log, (int)o->type, clock_now_ns(), data, (size_t)n);
        frame_header_print((unsigned char *)m->io_buffer, o->type, (uint32_t)n);
        clients_output(s, o->type, m->io_buffer, (size_t)n);
        if (n == MONITOR_IO_CHUNK && !o->grown && !s->tty) {
            o->grown = true; /* a busy writer: fewer switches between it and us */
            (void)fcntl(o->fd, F_SETPIPE_SZ, PIPE_SIZE_BUSY);
        }
        if (s->blocked > 0) /* not only masked: a hang-up would be told again and again */
            for (int i = 0; i < 2; i++)
                loop_io_remove(&m->loop, &s->out[i].io);
    }
}

void session_unblock(struct session *s)
{
    struct creel_err err = { 0 };
    if (watch_outputs(s, &err) == 0)
        return;
    /* no memory in the kernel for watching it: better an end than a process that waits for ever */
    for (int i = 0; i < 2; i++)
        if (s->out[i].fd >= 0 && s->out[i].io.fd < 0)
            output_end(&s->out[i]);
}

/* --- input --- */

static void input_close(struct session *s)
{
    loop_io_remove(&s->m->loop, &s->in_io);
    fd_closep(&s->in_fd);
    bytes_fini(&s->in_queue);
    s->in_at = 0;
}

/* Write what the descriptor takes. Returns the count; closes the input when nobody reads it any more. */
static size_t input_write(struct session *s, const char *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t w = write(s->in_fd, data + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == EAGAIN)
            break;
        if (w < 0) {
            input_close(s);
            return n;
        }
        done += (size_t)w;
    }
    return done;
}

static void input_flushed(struct session *s)
{
    if (s->in_fd >= 0) {
        loop_io_remove(&s->m->loop, &s->in_io);
        bytes_fini(&s->in_queue);
        s->in_at = 0;
        if (s->in_end)
            input_close(s);
    }
    clients_input_done(s);
}

void session_input(struct session *s, const char *data, size_t n)
{
    struct creel_err err = { 0 };
    if (s->in_fd < 0 || s->in_end) {
        clients_input_done(s);
        return;
    }
    size_t done = s->in_queue.len == 0 ? input_write(s, data, n) : 0;
    if (done == n) {
        if (s->in_queue.len == 0)
            clients_input_done(s);
        return;
    }
    bytes_add(&s->in_queue, data + done, n - done);
    if (!bytes_ok(&s->in_queue) ||
        (s->in_io.fd < 0 && loop_io_add(&s->m->loop, &s->in_io, s->in_fd, EPOLLOUT, &err) < 0)) {
        input_close(s);
        clients_input_done(s);
    }
}

void session_input_end(struct session *s)
{
    s->in_end = true;
    if (s->in_fd >= 0 && s->in_queue.len == 0)
        input_close(s);
}

static void on_input_room(void *arg, uint32_t events)
{
    (void)events;
    struct session *s = arg;
    s->in_at += input_write(s, s->in_queue.data + s->in_at, s->in_queue.len - s->in_at);
    if (s->in_fd < 0 || s->in_at == s->in_queue.len)
        input_flushed(s);
}

/* --- the end --- */

struct creel_exit session_exit_of(const siginfo_t *how)
{
    struct creel_exit x = { .number = how->si_status, .finished_ns = clock_now_ns() };
    x.how = how->si_code == CLD_EXITED ? CREEL_EXIT_BY_CODE : CREEL_EXIT_BY_SIGNAL;
    return x;
}

static void on_drain_late(void *arg)
{
    struct session *s = arg;
    if (s->blocked > 0) { /* the data is there, a client is slow: its patience ends this, not we */
        loop_timer_arm(&s->m->loop, &s->drain_timer, DRAIN_NS);
        return;
    }
    /* somebody who outlived the process holds the streams */
    for (int i = 0; i < 2; i++)
        if (s->out[i].fd >= 0)
            output_end(&s->out[i]);
    check_done(s);
}

void session_drain(struct session *s, const struct creel_exit *x)
{
    s->ended = true;
    s->exit = *x;
    fd_closep(&s->slave_fd);
    input_close(s);
    clients_input_done(s);
    if (s->out[0].fd >= 0 || s->out[1].fd >= 0)
        loop_timer_arm(&s->m->loop, &s->drain_timer, DRAIN_NS);
    check_done(s);
}

void session_close(struct session *s)
{
    loop_timer_disarm(&s->m->loop, &s->drain_timer);
    for (int i = 0; i < 2; i++) {
        loop_io_remove(&s->m->loop, &s->out[i].io);
        fd_closep(&s->out[i].fd);
    }
    input_close(s);
    fd_closep(&s->slave_fd);
}
