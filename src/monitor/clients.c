/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/clients.c: connections: what they ask, and what is sent to them. See protocol.h for both directions'
 * limits. */
#include "monitor/monitor.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void on_client(void *arg, uint32_t events);
static void on_patience_end(void *arg);

static size_t backlog(const struct client *c)
{
    return c->tx.len - c->tx_at;
}

/* --- sending --- */

/* Send what the socket takes. Returns the count, which is n also when the client had to be given up. */
static size_t send_some(struct client *c, const char *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t w = send(c->fd, data + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == EAGAIN)
            break;
        if (w < 0) {
            client_kill(c);
            return n;
        }
        done += (size_t)w;
    }
    return done;
}

static void client_send(struct client *c, const char *data, size_t n)
{
    if (c->dead)
        return;
    size_t done = backlog(c) == 0 ? send_some(c, data, n) : 0;
    if (done == n || c->dead)
        return;
    if (c->tx_at > 0 && c->tx_at >= c->tx.len / 2) {
        bytes_consume(&c->tx, c->tx_at);
        c->tx_at = 0;
    }
    bytes_add(&c->tx, data + done, n - done);
    if (!bytes_ok(&c->tx)) {
        client_kill(c);
        return;
    }
    loop_io_set(&c->m->loop, &c->io, EPOLLIN | EPOLLOUT);
}

static void client_send_frame(struct client *c, unsigned type, const char *payload, size_t n)
{
    char small[FRAME_HEADER + 1024];
    auto_free char *large = NULL;
    char *frame = small;
    if (n > sizeof small - FRAME_HEADER)
        frame = large = malloc(FRAME_HEADER + n);
    if (frame == NULL) {
        client_kill(c);
        return;
    }
    frame_header_print((unsigned char *)frame, type, (uint32_t)n);
    if (n > 0)
        memcpy(frame + FRAME_HEADER, payload, n);
    client_send(c, frame, FRAME_HEADER + n);
}

static void client_send_json(struct client *c, unsigned type, json_t *o)
{
    auto_free char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (text == NULL)
        client_kill(c);
    else
        client_send_frame(c, type, text, strlen(text));
}

void client_reply(struct client *c, json_t *members)
{
    if (c->quiet) {
        json_decref(members);
        return;
    }
    json_t *o = members != NULL ? members : json_object();
    if (o != NULL && json_object_set_new(o, "ok", json_true()) < 0) {
        json_decref(o);
        o = NULL;
    }
    client_send_json(c, FRAME_REPLY, o);
}

void client_reply_error(struct client *c, const struct creel_err *err)
{
    if (c->quiet)
        return;
    json_t *text = json_string(err->text);
    if (text == NULL)
        text = json_string("an error whose text is not UTF-8");
    client_send_json(c, FRAME_REPLY,
                     json_pack("{s:b,s:i,s:i,s:o}", "ok", 0, "kind", (int)err->kind, "sys", err->sys, "text", text));
}

static void send_skipped(struct client *c)
{
    char text[128];
    int n = snprintf(text, sizeof text,
                     "%" PRIu64 " bytes of output were left out here: nobody took them for too long", c->skipped);
    c->skipped = 0;
    client_send_frame(c, FRAME_NOTICE, text, (size_t)n);
}

void client_event_exit(struct client *c, const struct creel_exit *x)
{
    if (c->told)
        return;
    c->told = true;
    if (c->skipped > 0)
        send_skipped(c);
    client_send_json(c, FRAME_EVENT,
                     json_pack("{s:s,s:i,s:i,s:b,s:I}", "event", "exit", "how", (int)x->how, "number", x->number,
                               "oom", x->oom_killed != 0, "finished_ns", (json_int_t)x->finished_ns));
    client_detach(c);
}

/* --- output to many --- */

static void client_unblock(struct client *c)
{
    if (!c->blocking)
        return;
    c->blocking = false;
    loop_timer_disarm(&c->m->loop, &c->patience);
    if (--c->session->blocked == 0)
        session_unblock(c->session);
}

static bool listens(const struct client *c, const struct session *s)
{
    return c->session == s && !c->dead && (c->want_out || c->want_err);
}

static void arm_patience(struct client *c)
{
    int64_t ms = PROTOCOL_PATIENCE_MS;
    for (const struct client *o = c->m->clients; o != NULL; o = o->next)
        if (o != c && listens(o, c->session))
            ms = PROTOCOL_PATIENCE_SHARED_MS;
    int64_t left_ms = PROTOCOL_STALL_MS - (clock_mono_ns() - c->blocked_ns) / 1000000;
    if (left_ms < ms)
        ms = left_ms > 0 ? left_ms : 0;
    loop_timer_arm(&c->m->loop, &c->patience, ms * 1000000);
}

static void on_patience_end(void *arg)
{
    struct client *c = arg;
    c->hasty = true;
    client_unblock(c);
}

static void output_to(struct client *c, const char *frame, size_t n)
{
    bool full = backlog(c) + n > PROTOCOL_BACKLOG, low = backlog(c) <= PROTOCOL_BACKLOG / 4;
    if ((c->hasty && full) || (c->skipped > 0 && !low)) {
        c->skipped += n;
        return;
    }
    if (c->skipped > 0)
        send_skipped(c);
    client_send(c, frame, FRAME_HEADER + n);
    if (c->dead || c->hasty || c->blocking || backlog(c) <= PROTOCOL_BACKLOG)
        return;
    c->blocking = true;
    c->blocked_ns = clock_mono_ns();
    c->session->blocked++;
    arm_patience(c);
}

void clients_output(struct session *s, unsigned type, const char *frame, size_t n)
{
    for (struct client *c = s->m->clients; c != NULL; c = c->next)
        if (listens(c, s) && (type == FRAME_STDERR ? c->want_err : c->want_out))
            output_to(c, frame, n);
}

static void on_writable(struct client *c)
{
    size_t sent = send_some(c, c->tx.data + c->tx_at, backlog(c));
    if (c->dead)
        return;
    c->tx_at += sent;
    if (backlog(c) == 0) {
        bytes_fini(&c->tx);
        c->tx_at = 0;
        loop_io_set(&c->m->loop, &c->io, EPOLLIN);
    }
    if (c->blocking && backlog(c) <= PROTOCOL_BACKLOG / 4)
        client_unblock(c);
    else if (c->blocking && sent > 0)
        arm_patience(c);
}

/* --- input --- */

void clients_input_done(struct session *s)
{
    for (struct client *c = s->m->clients; c != NULL; c = c->next) {
        if (c->session != s || c->dead || c->unreturned < PROTOCOL_INPUT_WINDOW / 4)
            continue;
        char be[4] = { (char)(c->unreturned >> 24), (char)(c->unreturned >> 16), (char)(c->unreturned >> 8),
                       (char)c->unreturned };
        c->credit += c->unreturned;
        c->unreturned = 0;
        client_send_frame(c, FRAME_CREDIT, be, sizeof be);
    }
}

/* Whether the end of a client's input ends the process's. Otherwise it only ends that client's session. */
static bool input_end_is_final(const struct session *s)
{
    return (s->is_exec || s->stdin_once) && !s->tty;
}

static void on_stdin(struct client *c, const char *data, size_t n)
{
    if (n > c->credit) {
        client_kill(c); /* does not keep to the protocol */
        return;
    }
    c->credit -= n;
    c->unreturned += n;
    if (c->session == NULL || !c->want_in)
        return;
    struct session *s = c->session;
    if (n > 0) {
        session_input(s, data, n);
    } else if (input_end_is_final(s)) {
        session_input_end(s);
    } else if (s->has_stdin) {
        client_detach(c);
        client_send_json(c, FRAME_EVENT, json_pack("{s:s}", "event", "closed"));
    }
}

/* --- sessions --- */

void client_attach(struct client *c, struct session *s, bool in, bool out, bool err_stream)
{
    client_detach(c);
    c->session = s;
    c->want_in = in && s->has_stdin;
    c->want_out = out;
    c->want_err = err_stream && !s->tty;
    c->told = c->hasty = false;
    c->skipped = 0;
}

void client_detach(struct client *c)
{
    if (c->session == NULL)
        return;
    client_unblock(c);
    if (c->dead && c->want_in && input_end_is_final(c->session))
        session_input_end(c->session);
    c->session = NULL;
    c->want_in = c->want_out = c->want_err = false;
}

/* --- requests --- */

static struct session *own_session(struct client *c)
{
    return c->session != NULL ? c->session : &c->m->container;
}

static int op_query(struct client *c, json_t *request, struct creel_err *err)
{
    (void)request, (void)err;
    struct monitor *m = c->m;
    json_t *o = monitor_started_json(m);
    bool over = m->phase >= PHASE_CLAIMED;
    if (o == NULL || json_object_set_new(o, "run", json_integer(m->launch.run)) < 0
        || json_object_set_new(o, "exited", json_boolean(over)) < 0) {
        json_decref(o);
        return creel_fail_nomem(err);
    }
    if (over)
        (void)json_object_set_new(o, "exit",
                                  json_pack("{s:i,s:i,s:b,s:I}", "how", (int)m->exit.how, "number", m->exit.number,
                                            "oom", m->exit.oom_killed != 0, "finished_ns",
                                            (json_int_t)m->exit.finished_ns));
    client_reply(c, o);
    return 0;
}

static int op_signal(struct client *c, json_t *request, struct creel_err *err)
{
    int signo;
    if (json_unpack(request, "{s:i}", "signo", &signo) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "a signal request without number");
    if (session_signal(own_session(c), signo, err) < 0)
        return -1;
    client_reply(c, NULL);
    return 0;
}

static int op_resize(struct client *c, json_t *request, struct creel_err *err)
{
    int rows, cols;
    if (json_unpack(request, "{s:i,s:i}", "rows", &rows, "cols", &cols) < 0 || rows < 0 || cols < 0)
        return creel_fail(err, CREEL_INVALID, 0, "a resize request without rows and columns");
    if (session_resize(own_session(c), (unsigned)rows, (unsigned)cols, err) < 0)
        return -1;
    client_reply(c, NULL);
    return 0;
}

/* The exit is there and this client may be told of it. */
static bool may_be_told(const struct client *c)
{
    return c->m->phase >= PHASE_CLAIMED && (c->m->record_durable || c == c->m->claimer);
}

static int op_attach(struct client *c, json_t *request, struct creel_err *err)
{
    int in = 0, out = 0, err_stream = 0, rows = 0, cols = 0;
    struct session *s = &c->m->container;
    if (json_unpack(request, "{s:b,s:b,s:b,s:i,s:i}", "in", &in, "out", &out, "err", &err_stream, "rows", &rows,
                    "cols", &cols) < 0 ||
        rows < 0 || cols < 0)
        return creel_fail(err, CREEL_INVALID, 0, "an attach request without streams");
    if (s->tty && !s->ended && rows > 0 && cols > 0 && session_resize(s, (unsigned)rows, (unsigned)cols, err) < 0)
        return -1;
    client_attach(c, s, in, out, err_stream);
    client_reply(c, json_pack("{s:b}", "tty", s->tty));
    if (may_be_told(c))
        client_event_exit(c, &c->m->exit);
    return 0;
}

static int op_wait(struct client *c, json_t *request, struct creel_err *err)
{
    (void)request, (void)err;
    c->waits = true;
    if (may_be_told(c)) {
        c->told = false;
        client_event_exit(c, &c->m->exit);
    }
    return 0;
}

static int op_claim(struct client *c, json_t *request, struct creel_err *err)
{
    (void)request;
    if ((c->m->claimer != NULL && c->m->claimer != c) || c->m->phase > PHASE_DRAINING)
        return creel_fail(err, CREEL_CONFLICT, 0, "somebody else commits the exit of container %s already",
                          c->m->launch.id);
    c->m->claimer = c;
    client_reply(c, NULL);
    return 0;
}

static int op_release(struct client *c, json_t *request, struct creel_err *err)
{
    (void)request;
    if (c->m->claimer != c || c->m->phase != PHASE_CLAIMED)
        return creel_fail(err, CREEL_CONFLICT, 0, "the exit of container %s was not claimed, or is not there yet",
                          c->m->launch.id);
    exit_release(c->m, c);
    return 0;
}

static int op_exec(struct client *c, json_t *request, struct creel_err *err)
{
    return exec_start(c->m, c, request, err);
}

static const struct {
    const char *name;
    int (*fn)(struct client *c, json_t *request, struct creel_err *err);
} ops[] = {
    { "query", op_query },   { "signal", op_signal }, { "resize", op_resize }, { "attach", op_attach },
    { "exec", op_exec },     { "wait", op_wait },     { "claim", op_claim },   { "release", op_release },
    /* "launch" is not here: it is the first request and read by monitor_start */
};

static int dispatch(struct client *c, json_t *request, struct creel_err *err)
{
    const char *op;
    int version, quiet = 0;
    if (json_unpack(request, "{s:i,s:s,s?b}", "v", &version, "op", &op, "quiet", &quiet) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "a request to the monitor that is not a request");
    c->quiet = quiet != 0;
    if (version != PROTOCOL_VERSION)
        return creel_fail(
            err, CREEL_UNSUPPORTED, 0,
            "the monitor of container %s speaks version %d of its protocol, not %d; restart the container "
            "to use a newer one",
            c->m->launch.id, PROTOCOL_VERSION, version);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (strcmp(ops[i].name, op) == 0)
            return ops[i].fn(c, request, err);
    return creel_fail(err, CREEL_UNSUPPORTED, 0, "the monitor of container %s does not know the request \"%s\"",
                      c->m->launch.id, op);
}

static void on_request(struct client *c, const char *text, size_t n)
{
    struct creel_err err = { 0 };
    json_error_t je;
    json_t *request = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    c->quiet = false;
    if (request == NULL)
        (void)creel_fail(&err, CREEL_INVALID, 0, "a request to the monitor is not JSON: %s", je.text);
    else
        (void)dispatch(c, request, &err);
    json_decref(request);
    if (err.kind != CREEL_OK && !c->dead)
        client_reply_error(c, &err);
}

/* --- connections --- */

static void on_frame(struct client *c)
{
    if (c->rx.type == FRAME_STDIN)
        on_stdin(c, bytes_str(&c->rx.payload), c->rx.payload.len);
    else if (c->rx.type == FRAME_REQUEST)
        on_request(c, bytes_str(&c->rx.payload), c->rx.payload.len);
    else
        client_kill(c);
}

static void on_readable(struct client *c)
{
    struct monitor *m = c->m;
    monitor_touch(m);
    ssize_t n = recv(c->fd, m->io_buffer, MONITOR_IO_CHUNK, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_kill(c);
        return;
    }
    for (size_t at = 0; at < (size_t)n && !c->dead;) {
        size_t used;
        enum frame_status st = frame_feed(&c->rx, m->io_buffer + at, (size_t)n - at, &used);
        at += used;
        if (st == FRAME_BAD)
            client_kill(c);
        else if (st == FRAME_DONE)
            on_frame(c);
    }
    if (!c->dead && !frame_reader_pending(&c->rx)) { /* keep no memory between requests */
        frame_reader_fini(&c->rx);
        frame_reader_init(&c->rx, PROTOCOL_REQUEST_MAX);
    }
}

static void on_client(void *arg, uint32_t events)
{
    struct client *c = arg;
    if ((events & EPOLLOUT) && !c->dead)
        on_writable(c);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !c->dead)
        on_readable(c);
}

struct client *client_new(struct monitor *m, int fd, struct creel_err *err)
{
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)creel_fail_nomem(err);
        return NULL;
    }
    c->m = m;
    c->io = (struct loop_io){ .fd = -1, .fn = on_client, .arg = c };
    c->patience = (struct loop_timer){ .fn = on_patience_end, .arg = c };
    c->credit = PROTOCOL_INPUT_WINDOW;
    frame_reader_init(&c->rx, PROTOCOL_REQUEST_MAX);
    bytes_init_max(&c->tx, 8 * PROTOCOL_BACKLOG);
    if (loop_io_add(&m->loop, &c->io, fd, EPOLLIN, err) < 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->next = m->clients;
    m->clients = c;
    m->client_count++;
    return c;
}

void client_kill(struct client *c)
{
    if (c->dead)
        return;
    c->dead = true;
    loop_io_remove(&c->m->loop, &c->io);
    fd_closep(&c->fd);
    client_detach(c);
}

void clients_purge(struct monitor *m)
{
    bool claimer_gone = false, gone = false;
    for (struct client **at = &m->clients; *at != NULL;) {
        struct client *c = *at;
        if (!c->dead) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        m->client_count--;
        gone = true;
        if (m->claimer == c) {
            m->claimer = NULL;
            claimer_gone = true;
        }
        loop_timer_disarm(&m->loop, &c->patience);
        frame_reader_fini(&c->rx);
        bytes_fini(&c->tx);
        free(c);
    }
    if (gone)
        listener_resume(m);
    if (claimer_gone)
        exit_claimer_gone(m);
    if (m->phase == PHASE_OVER && m->execs == NULL && clients_backlog(m) == 0)
        loop_stop(&m->loop);
}

size_t clients_backlog(const struct monitor *m)
{
    size_t n = 0;
    for (const struct client *c = m->clients; c != NULL; c = c->next)
        n += c->dead ? 0 : backlog(c);
    return n;
}

void clients_close_all(struct monitor *m)
{
    m->claimer = NULL;
    for (struct client *c = m->clients; c != NULL; c = c->next)
        client_kill(c);
    clients_purge(m);
}
