/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/client_session.c: copying between a session and the caller's descriptors.
 *
 * The caller's descriptors are shared with other programs, so their mode is never changed; instead each kind is
 * written to in a way that does not block, or only as much as is sure not to. So signals, resizes and input are
 * served even when nobody reads our output. While one output is stuck nothing is read from the monitor: that is the
 * back-pressure. */
#include "monitor/client.h"

#include "monitor/detach_keys.h"
#include "monitor/link.h"
#include "monitor/protocol.h"
#include "wire/frame.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum {
    RX_SIZE = 256 * 1024,
    INPUT_CHUNK = 32 * 1024,
    TTY_CHUNK = 1024,       /* what a terminal that says it is writable takes without much ado */
};
_Static_assert(RX_SIZE > PROTOCOL_REPLY_MAX + FRAME_HEADER, "a control frame must fit");

enum sink_kind { SINK_NONE, SINK_FILE, SINK_PIPE, SINK_PIPE_OLD, SINK_SOCKET, SINK_TTY };
struct sink { int fd; enum sink_kind kind; int failed; };

struct copy {
    struct monitor_link *link;
    struct creel_io io;
    struct creel_session *public_session;
    struct sink out, err;
    struct detach_keys keys;
    bool reading;           /* input is not at its end */
    bool detached;
    uint32_t left;          /* payload bytes of the current data frame still to come */
    struct sink *to;        /* … and where they go */
    struct sink *stuck;     /* the sink that does not take any more just now */
    char *buffer;           /* for input: INPUT_CHUNK, then what detach_keys makes of it */
};

/* --- sinks --- */

static struct sink sink_of(int fd)
{
    struct stat st;
    struct sink s = { .fd = fd, .kind = SINK_NONE };
    if (fd < 0 || fstat(fd, &st) < 0)
        return s;
    s.kind = S_ISFIFO(st.st_mode) ? SINK_PIPE : S_ISSOCK(st.st_mode) ? SINK_SOCKET : SINK_FILE;
    if (S_ISCHR(st.st_mode) && isatty(fd))
        s.kind = SINK_TTY;
    return s;
}

static bool is_writable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, 0) > 0;
}

static ssize_t sink_try(struct sink *s, const char *data, size_t n)
{
    struct iovec iov = { .iov_base = (char *)data, .iov_len = n };
    switch (s->kind) {
    case SINK_NONE:
        return (ssize_t)n;
    case SINK_FILE:
        return write(s->fd, data, n);
    case SINK_SOCKET:
        return send(s->fd, data, n, MSG_DONTWAIT);
    case SINK_PIPE: {
        ssize_t w = pwritev2(s->fd, &iov, 1, -1, RWF_NOWAIT);
        if (w >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL && errno != ESPIPE))
            return w;
        s->kind = SINK_PIPE_OLD;
        __attribute__((fallthrough));
    }
    case SINK_PIPE_OLD:
    case SINK_TTY: {
        size_t max = s->kind == SINK_TTY ? TTY_CHUNK : PIPE_BUF;
        if (!is_writable(s->fd)) {
            errno = EAGAIN;
            return -1;
        }
        return write(s->fd, data, n < max ? n : max);
    }
    }
    abort();
}

/* How many bytes went; less than n when it is stuck. A sink that failed, or whose reader has gone, takes everything: the
 * process goes on. */
static size_t sink_write(struct sink *s, const char *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t w = sink_try(s, data + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == EAGAIN)
            break;
        if (w < 0) {
            s->failed = errno == EPIPE || errno == ECONNRESET ? 0 : errno;
            s->kind = SINK_NONE;
            s->fd = -1;
            return n;
        }
        done += (size_t)w;
    }
    return done;
}

/* --- from the monitor --- */

static void show_notice(struct copy *c, const char *text, size_t len)
{
    char line[512];
    const char *end = c->link->tty ? "\r\n" : "\n";
    int n = snprintf(line, sizeof line, "%screel: %.*s%s", c->link->tty ? "\r\n" : "", (int)(len < 400 ? len : 400),
                     text, end);
    int fd = c->err.fd >= 0 ? c->err.fd : c->out.fd;
    if (fd >= 0 && n > 0 && write(fd, line, (size_t)n) < 0)
        return; /* nobody there to be told */
}

static int on_control(struct copy *c, unsigned type, const char *payload, size_t len, struct creel_err *err)
{
    const unsigned char *p = (const unsigned char *)payload;
    switch (type) {
    case FRAME_EVENT:
        link_event(c->link, payload, len);
        return 0;
    case FRAME_NOTICE:
        show_notice(c, payload, len);
        return 0;
    case FRAME_CREDIT:
        if (len == 4)
            c->link->credit += (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        return 0;
    case FRAME_REPLY: /* to something asked quietly, or before this became a session */
        return 0;
    default:
        return creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent a frame of unknown type %u", type);
    }
}

/* Begin the frame at rx_at. 1 it is begun or done with, 0 more bytes are needed. */
static int begin_frame(struct copy *c, struct creel_err *err)
{
    struct monitor_link *l = c->link;
    size_t have = l->rx_len - l->rx_at;
    unsigned type;
    uint32_t len;
    if (have < FRAME_HEADER)
        return 0;
    if (!frame_header_parse((unsigned char *)l->rx + l->rx_at, &type, &len))
        return creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent what is not in the protocol");
    if (type == FRAME_STDOUT || type == FRAME_STDERR) {
        c->left = len;
        c->to = type == FRAME_STDOUT ? &c->out : &c->err;
        l->rx_at += FRAME_HEADER;
        return 1;
    }
    if (len > PROTOCOL_REPLY_MAX)
        return creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent a frame of %u bytes", len);
    if (have - FRAME_HEADER < len)
        return 0;
    const char *payload = l->rx + l->rx_at + FRAME_HEADER;
    l->rx_at += FRAME_HEADER + len;
    return on_control(c, type, payload, len, err) < 0 ? -1 : 1;
}

/* Pass on what was received, up to the end of the session, the end of the buffer, or a sink that is stuck. */
static int deliver(struct copy *c, struct creel_err *err)
{
    struct monitor_link *l = c->link;
    c->stuck = NULL;
    while (!l->over && !l->closed) {
        size_t n = l->rx_len - l->rx_at;
        if (c->left == 0) {
            int r = begin_frame(c, err);
            if (r <= 0)
                return r;
            continue;
        }
        if (n == 0)
            return 0;
        if (n > c->left)
            n = c->left;
        size_t w = sink_write(c->to, l->rx + l->rx_at, n);
        l->rx_at += w;
        c->left -= (uint32_t)w;
        if (w < n) {
            c->stuck = c->to;
            return 0;
        }
    }
    return 0;
}

/* 1 more bytes, 0 none now, -1 the monitor is gone. */
static int receive(struct monitor_link *l)
{
    if (l->rx_at == l->rx_len) {
        l->rx_at = l->rx_len = 0;
    } else if (l->rx_at > 0) {
        memmove(l->rx, l->rx + l->rx_at, l->rx_len - l->rx_at);
        l->rx_len -= l->rx_at;
        l->rx_at = 0;
    }
    ssize_t n = recv(l->fd, l->rx + l->rx_len, l->rx_cap - l->rx_len, MSG_DONTWAIT);
    if (n > 0) {
        l->rx_len += (size_t)n;
        return 1;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* --- to the monitor --- */

static void send_input(struct copy *c, const char *data, size_t n)
{
    if (n == 0)
        return;
    link_frame(c->link, FRAME_STDIN, data, n);
    c->link->credit -= n < c->link->credit ? n : c->link->credit;
}

static void read_input(struct copy *c)
{
    size_t want = INPUT_CHUNK, n = 0;
    /* what the detach keys hold back may come on top */
    if (want + DETACH_KEYS_MAX > c->link->credit)
        want = c->link->credit - DETACH_KEYS_MAX;
    ssize_t got = read(c->io.in, c->buffer, want);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        send_input(c, (const char *)c->keys.keys, c->keys.matched);
        c->keys.matched = 0;
        link_frame(c->link, FRAME_STDIN, NULL, 0);
        c->reading = false;
        return;
    }
    char *pass = c->buffer + INPUT_CHUNK;
    c->detached = detach_keys_feed(&c->keys, c->buffer, (size_t)got, pass, &n);
    send_input(c, pass, n);
}

/* --- the loop --- */

static bool may_read_input(const struct copy *c)
{
    return c->reading && c->link->tx.len == 0 && c->link->credit > DETACH_KEYS_MAX;
}

/* Wait for something and serve it. 1 go on, 0 the monitor is gone, -1 error. */
static int turn(struct copy *c, struct creel_err *err)
{
    struct monitor_link *l = c->link;
    enum { LINK, SINK, INPUT, WAKE };
    struct pollfd p[4] = {
        [LINK] = { .fd = c->stuck == NULL || l->tx.len > 0 ? l->fd : -1,
                   .events = (short)((c->stuck == NULL ? POLLIN : 0) | (l->tx.len > 0 ? POLLOUT : 0)) },
        [SINK] = { .fd = c->stuck != NULL ? c->stuck->fd : -1, .events = POLLOUT },
        [INPUT] = { .fd = may_read_input(c) ? c->io.in : -1, .events = POLLIN },
        [WAKE] = { .fd = c->io.on_wake != NULL ? c->io.wake_fd : -1, .events = POLLIN },
    };
    if (poll(p, ARRAY_LEN(p), -1) < 0)
        return errno == EINTR ? 1 : creel_fail(err, CREEL_INTERNAL, errno, "wait for input and output");
    if (p[WAKE].revents != 0 && c->io.on_wake(c->io.arg, c->public_session) < 0)
        return creel_fail(err, CREEL_CANCELED, 0, "copying was stopped");
    if (p[INPUT].revents != 0)
        read_input(c);
    if (!bytes_ok(&l->tx))
        return creel_fail_nomem(err);
    if (l->tx.len > 0 && link_send(l, NULL) < 0 && c->stuck != NULL)
        return 1; /* its last words are behind what is stuck */
    if (c->stuck == NULL && p[LINK].revents != 0 && receive(l) < 0)
        return 0;
    return deliver(c, err) < 0 ? -1 : 1;
}

static int run(struct copy *c, struct creel_exit *ret_exit, struct creel_err *err)
{
    struct monitor_link *l = c->link;
    int r = deliver(c, err) < 0 ? -1 : 1;
    while (r > 0 && !l->over && !l->closed && !c->detached)
        r = turn(c, err);
    if (r < 0)
        return -1;
    if (l->over) {
        *ret_exit = l->exit;
        return CREEL_SESSION_EXITED;
    }
    if (!c->detached)
        return CREEL_SESSION_CLOSED;
    (void)link_flush(l, ANSWER_MS, NULL); /* what was typed before the detach keys */
    return CREEL_SESSION_DETACHED;
}

static int make_buffers(struct copy *c, struct creel_err *err)
{
    struct monitor_link *l = c->link;
    c->buffer = malloc(2 * INPUT_CHUNK + DETACH_KEYS_MAX);
    if (c->buffer == NULL)
        return creel_fail_nomem(err);
    if (l->rx_cap < RX_SIZE) {
        char *rx = realloc(l->rx, RX_SIZE);
        if (rx == NULL)
            return creel_fail_nomem(err);
        l->rx = rx;
        l->rx_cap = RX_SIZE;
    }
    return 0;
}

int monitor_session_copy(struct monitor_link *l, const struct creel_io *io, struct creel_session *public_session,
                         bool tty, struct creel_exit *ret_exit, struct creel_err *err)
{
    struct copy c = { .link = l, .io = { .in = -1, .out = -1, .err = -1, .wake_fd = -1 },
                      .public_session = public_session };
    memcpy(&c.io, io, io->size < sizeof c.io ? io->size : sizeof c.io);
    c.out = sink_of(c.io.out);
    c.err = sink_of(c.io.err);
    c.reading = l->want_in && c.io.in >= 0;
    const char *keys = c.io.detach_keys != NULL ? c.io.detach_keys : "ctrl-p,ctrl-q";
    if (detach_keys_parse(tty ? keys : "", &c.keys, err) < 0)
        return -1;
    int r = make_buffers(&c, err);
    if (r == 0)
        r = run(&c, ret_exit, err);
    free(c.buffer);
    if (l->write_error == 0)
        l->write_error = c.out.failed != 0 ? c.out.failed : c.err.failed;
    return r;
}

int monitor_session_write_error(const struct monitor_link *l)
{
    return l->write_error;
}
