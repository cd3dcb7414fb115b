/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/client.c: requests to a monitor and their answers. */
#include "monitor/client.h"

#include "base/clock.h"
#include "base/ident.h"
#include "monitor/link.h"
#include "monitor/protocol.h"
#include "wire/exit_record.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { RX_SIZE = 8192 };

struct monitor_link *link_new(int fd)
{
    struct monitor_link *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->fd = fd;
    l->credit = PROTOCOL_INPUT_WINDOW;
    bytes_init_max(&l->tx, BYTES_MAX);
    return l;
}

void monitor_link_close(struct monitor_link *l)
{
    if (l == NULL)
        return;
    (void)spawn_settle(&l->spawn, NULL);
    fd_closep(&l->fd);
    bytes_fini(&l->tx);
    free(l->rx);
    free(l);
}

int monitor_link_fd(const struct monitor_link *l)
{
    return l->fd;
}

int link_gone(struct creel_err *err)
{
    return creel_fail(err, CREEL_NOT_FOUND, 0, "the container's monitor has ended");
}

/* --- sending --- */

void link_frame(struct monitor_link *l, unsigned type, const char *payload, size_t n)
{
    unsigned char header[FRAME_HEADER];
    frame_header_print(header, type, (uint32_t)n);
    bytes_add(&l->tx, header, sizeof header);
    bytes_add(&l->tx, payload, n);
}

int link_request(struct monitor_link *l, const char *op, json_t *members, bool quiet, struct creel_err *err)
{
    json_t *o = members != NULL ? members : json_object();
    auto_free char *text = NULL;
    if (o != NULL && json_object_set_new(o, "v", json_integer(PROTOCOL_VERSION)) == 0
        && json_object_set_new(o, "op", json_string(op)) == 0
        && (!quiet || json_object_set_new(o, "quiet", json_true()) == 0))
        text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (text == NULL) /* with valid text the only reason is memory */
        return creel_fail(err, CREEL_INVALID, 0, "the request \"%s\" to the monitor cannot be expressed: it has text "
                          "that is not UTF-8, or memory is short", op);
    link_frame(l, FRAME_REQUEST, text, strlen(text));
    return bytes_ok(&l->tx) ? 0 : creel_fail_nomem(err);
}

int link_send(struct monitor_link *l, struct creel_err *err)
{
    size_t done = 0;
    while (done < l->tx.len) {
        ssize_t n = send(l->fd, l->tx.data + done, l->tx.len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return link_gone(err);
        done += (size_t)n;
    }
    bytes_consume(&l->tx, done);
    return 0;
}

static int wait_for(int fd, short events, int timeout_ms, struct creel_err *err)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    if (n < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for the container's monitor");
    return n > 0;
}

static int no_answer(int timeout_ms, struct creel_err *err)
{
    return creel_fail(err, CREEL_TIMEOUT, 0, "the container's monitor has not answered within %d s: it is stopped, or hangs "
                      "in the kernel", timeout_ms / 1000);
}

int link_flush(struct monitor_link *l, int timeout_ms, struct creel_err *err)
{
    int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    for (;;) {
        if (link_send(l, err) < 0)
            return -1;
        if (l->tx.len == 0)
            return 0;
        int64_t left = timeout_ms < 0 ? -1 : (deadline - clock_mono_ns() + 999999) / 1000000;
        if (timeout_ms >= 0 && left <= 0)
            return no_answer(timeout_ms, err);
        if (wait_for(l->fd, POLLOUT, (int)left, err) < 0)
            return -1;
    }
}

/* --- receiving --- */

/* More bytes into rx. 1 some, 0 none within timeout_ms, -1 gone. */
static int receive(struct monitor_link *l, int timeout_ms, struct creel_err *err)
{
    if (l->rx_at > 0) {
        memmove(l->rx, l->rx + l->rx_at, l->rx_len - l->rx_at);
        l->rx_len -= l->rx_at;
        l->rx_at = 0;
    }
    if (l->rx_len == l->rx_cap) {
        size_t cap = l->rx_cap == 0 ? RX_SIZE : l->rx_cap * 2;
        char *rx = cap <= 2 * PROTOCOL_REPLY_MAX ? realloc(l->rx, cap) : NULL;
        if (rx == NULL)
            return creel_fail_nomem(err);
        l->rx = rx;
        l->rx_cap = cap;
    }
    for (;;) {
        ssize_t n = recv(l->fd, l->rx + l->rx_len, l->rx_cap - l->rx_len, MSG_DONTWAIT);
        if (n > 0) {
            l->rx_len += (size_t)n;
            return 1;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return link_gone(err);
        int r = wait_for(l->fd, POLLIN, timeout_ms, err);
        if (r <= 0)
            return r;
    }
}

/* The next whole frame; the payload is valid until the next call. 0: none within the time. */
static int next_frame(struct monitor_link *l, int timeout_ms, unsigned *ret_type, const char **ret, size_t *ret_len,
                      struct creel_err *err)
{
    for (;;) {
        uint32_t len = 0;
        size_t have = l->rx_len - l->rx_at;
        if (have >= FRAME_HEADER) {
            if (!frame_header_parse((unsigned char *)l->rx + l->rx_at, ret_type, &len) || len > PROTOCOL_REPLY_MAX)
                return creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent what is not in the protocol");
            if (have - FRAME_HEADER >= len) {
                *ret = l->rx + l->rx_at + FRAME_HEADER;
                *ret_len = len;
                l->rx_at += FRAME_HEADER + len;
                return 1;
            }
        }
        int r = receive(l, timeout_ms, err);
        if (r <= 0)
            return r;
    }
}

static bool exit_parse(json_t *o, struct creel_exit *ret)
{
    int how, number, oom;
    json_int_t finished;
    if (json_unpack(o, "{s:i,s:i,s:b,s:I}", "how", &how, "number", &number, "oom", &oom, "finished_ns", &finished) < 0
        || how < CREEL_EXIT_BY_CODE || how > CREEL_EXIT_UNKNOWN)
        return false;
    *ret = (struct creel_exit){ .how = (enum creel_exit_how)how, .number = number, .oom_killed = oom,
                                .finished_ns = finished };
    return true;
}

void link_event(struct monitor_link *l, const char *text, size_t len)
{
    json_t *o = json_loadb(text, len, 0, NULL);
    const char *event = json_string_value(json_object_get(o, "event"));
    if (event != NULL && strcmp(event, "exit") == 0 && exit_parse(o, &l->exit))
        l->over = true;
    else if (event != NULL && strcmp(event, "closed") == 0)
        l->closed = true;
    json_decref(o);
}

static int reply_parse(const char *text, size_t len, json_t **ret, struct creel_err *err)
{
    json_t *o = json_loadb(text, len, 0, NULL);
    int ok = 0, kind = CREEL_INTERNAL, sys = 0;
    const char *why = "no reason given";
    if (json_unpack(o, "{s:b}", "ok", &ok) == 0 && ok) {
        if (ret != NULL)
            *ret = o;
        else
            json_decref(o);
        return 0;
    }
    (void)json_unpack(o, "{s:i,s:i,s:s}", "kind", &kind, "sys", &sys, "text", &why);
    if (err != NULL) {
        /* the text has its errno in words already */
        (void)creel_fail(err, kind > CREEL_OK && kind <= CREEL_INTERNAL ? (enum creel_kind)kind : CREEL_INTERNAL, 0, "%s",
                         why);
        err->sys = sys;
    }
    json_decref(o);
    return -1;
}

/* timeout_ms -1: what is asked for may take its time. After a TIMEOUT the link is good for waiting only: a late reply would
 * be taken for that to another request. */
static int ask_within(struct monitor_link *l, int timeout_ms, const char *op, json_t *members, json_t **ret,
                      struct creel_err *err)
{
    if (l->session) {
        json_decref(members);
        return creel_fail(err, CREEL_INVALID, 0, "this connection to the monitor is a session; ask on another one");
    }
    if (link_request(l, op, members, false, err) < 0)
        return -1;
    int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    /* When the monitor ended while we were sending, its reason may still be there to read. */
    struct creel_err send_err = { 0 };
    int sent = link_flush(l, timeout_ms, &send_err);
    if (sent < 0 && send_err.kind == CREEL_TIMEOUT)
        return creel_fail_as(err, &send_err);
    for (;;) {
        unsigned type;
        const char *payload;
        size_t len;
        int64_t left = timeout_ms < 0 ? -1 : (deadline - clock_mono_ns()) / 1000000;
        int r = next_frame(l, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0, &type, &payload, &len, err);
        if (r == 0 && left > 0)
            continue; /* a signal, or the last millisecond */
        if (r == 0 && timeout_ms >= 0)
            return no_answer(timeout_ms, err);
        if (r <= 0)
            return sent < 0 && err != NULL ? (*err = send_err, -1) : -1;
        if (type == FRAME_REPLY)
            return reply_parse(payload, len, ret, err);
        if (type == FRAME_EVENT)
            link_event(l, payload, len);
    }
}

/* --- launching --- */

static json_t *text_list(const struct strv *v)
{
    json_t *a = json_array();
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        if (json_array_append_new(a, json_string(v->items[i])) < 0) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

static json_t *launch_json(const struct monitor_launch *q)
{
    return json_pack("{s:s,s:I,s:s,s:s,s:s,s:s*,s:s*,s:o,s:s*,s:o,s:s*,s:s,s:b,s:b,s:b,s:s,s:s*,s:I,s:i,s:b,s:s*,s:o,"
                     "s:b,s:b,s:b,s:b,s:b,s:i,s:i}",
                     "id", q->id, "run", (json_int_t)q->run, "container_dir", q->container_dir, "run_dir", q->run_dir,
                     "exits_dir", q->exits_dir, "seccomp_cache_dir", q->seccomp_cache_dir, "layers_dir", q->layers_dir,
                     "lower", text_list(q->lower), "runtime", q->runtime, "runtime_args", text_list(q->runtime_args),
                     "cgroup_path", q->cgroup_path, "cgroup_manager",
                     q->cgroup_manager != NULL ? q->cgroup_manager : "auto", "tty", q->tty, "open_stdin", q->open_stdin,
                     "stdin_once", q->stdin_once, "log_driver", q->log_driver != NULL ? q->log_driver : "none",
                     "log_path", q->log_path, "log_max_size", (json_int_t)q->log_max_size, "log_max_file",
                     q->log_max_file, "log_compress", q->log_compress, "log_attrs", q->log_attrs, "reap_argv",
                     text_list(q->reap_argv), "auto_remove", q->auto_remove, "in", q->attach_stdin, "out",
                     q->attach_stdout, "err", q->attach_stderr,
                     "claim", q->claim_exit, "rows", (int)q->rows, "cols", (int)q->cols);
}

static int started_parse(json_t *o, struct monitor_started *ret, struct creel_err *err)
{
    int pid, monitor_pid;
    json_int_t pid_start, monitor_start, started;
    if (json_unpack(o, "{s:i,s:i,s:I,s:I,s:I}", "pid", &pid, "monitor_pid", &monitor_pid, "pid_start", &pid_start,
                    "monitor_start", &monitor_start, "started_ns", &started)
        < 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent an answer that is not understood");
    *ret = (struct monitor_started){ .pid = pid, .monitor_pid = monitor_pid, .pid_start = (uint64_t)pid_start,
                                     .monitor_start = (uint64_t)monitor_start, .started_ns = started };
    return 0;
}

/* A monitor that has refused cleans up and ends; "gone" is true once its end of the socket is closed. */
static void wait_until_gone(struct monitor_link *l)
{
    unsigned type;
    const char *payload;
    size_t len;
    while (next_frame(l, -1, &type, &payload, &len, NULL) > 0)
        ;
}

int monitor_launch(struct monitor_link *l, const struct monitor_launch *req, struct monitor_started *ret,
                   struct creel_err *err)
{
    if (spawn_settle(&l->spawn, err) < 0)
        return -1;
    json_t *request = launch_json(req), *reply = NULL;
    if (request == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the launch of container %s cannot be expressed: a path is not UTF-8, or "
                          "memory is short", req->id);
    if (ask_within(l, -1, "launch", request, &reply, err) < 0) { /* a start takes as long as the host's disks do */
        wait_until_gone(l);
        return -1;
    }
    int r = started_parse(reply, ret, err);
    json_decref(reply);
    l->session = req->attach_stdin || req->attach_stdout || req->attach_stderr;
    l->tty = req->tty;
    l->want_in = req->attach_stdin && req->open_stdin;
    return r;
}

/* --- a running one --- */

int monitor_connect(const char *run_dir, struct monitor_link **ret, struct creel_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct ucred peer;
    socklen_t len = sizeof peer;
    auto_fd dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return creel_fail(err, errno == ENOENT ? CREEL_NOT_FOUND : CREEL_INTERNAL, errno, "open %s", run_dir);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/" PROTOCOL_SOCKET_NAME, dir);
    auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make a socket");
    /* connecting waits while more than the monitor's backlog want to */
    const struct timeval limit = { .tv_sec = ANSWER_MS / 1000 };
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "limit the time for a connection");
    int r;
    do
        r = connect(fd, (struct sockaddr *)&addr, sizeof addr);
    while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EAGAIN)
        return no_answer(ANSWER_MS, err);
    if (r < 0)
        return creel_fail(err, errno == ENOENT || errno == ECONNREFUSED ? CREEL_NOT_FOUND : CREEL_INTERNAL, errno,
                          "connect to the monitor in %s", run_dir);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || (peer.uid != 0 && peer.uid != geteuid()))
        return creel_fail(err, CREEL_DENIED, 0, "the monitor in %s runs as another user (%u)", run_dir, peer.uid);
    *ret = link_new(fd);
    if (*ret == NULL)
        return creel_fail_nomem(err);
    (void)fd_take(&fd);
    return 0;
}

int monitor_query(struct monitor_link *l, int timeout_ms, struct monitor_status *ret, struct creel_err *err)
{
    json_t *o;
    int exited = 0;
    json_int_t run = 0;
    struct monitor_status s = { 0 };
    if (ask_within(l, timeout_ms, "query", NULL, &o, err) < 0)
        return -1;
    int r = started_parse(o, &s.started, err);
    if (r == 0
        && (json_unpack(o, "{s:I,s:b}", "run", &run, "exited", &exited) < 0
            || (exited && !exit_parse(json_object_get(o, "exit"), &s.exit))))
        r = creel_fail(err, CREEL_INTERNAL, 0, "the container's monitor sent an answer that is not understood");
    json_decref(o);
    s.run = run;
    s.exited = exited;
    if (r == 0)
        *ret = s;
    return r;
}

/* On a session nobody waits for replies: they would come between output. */
static int tell(struct monitor_link *l, const char *op, json_t *members, struct creel_err *err)
{
    if (members == NULL)
        return creel_fail_nomem(err);
    if (!l->session)
        return ask_within(l, ANSWER_MS, op, members, NULL, err);
    return link_request(l, op, members, true, err) < 0 ? -1 : link_send(l, err);
}

int monitor_signal(struct monitor_link *l, int signo, struct creel_err *err)
{
    return tell(l, "signal", json_pack("{s:i}", "signo", signo), err);
}

int monitor_resize(struct monitor_link *l, unsigned rows, unsigned cols, struct creel_err *err)
{
    return tell(l, "resize", json_pack("{s:i,s:i}", "rows", (int)rows, "cols", (int)cols), err);
}

int monitor_watch_exit(struct monitor_link *l, struct creel_err *err)
{
    if (l->watching || l->over)
        return 0;
    l->watching = true;
    return link_request(l, "wait", NULL, true, err) < 0 ? -1 : link_flush(l, ANSWER_MS, err);
}

int monitor_wait_exit(struct monitor_link *l, int timeout_ms, struct creel_exit *ret, struct creel_err *err)
{
    int64_t deadline = timeout_ms < 0 ? INT64_MAX : clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    if (monitor_watch_exit(l, err) < 0)
        return -1;
    while (!l->over) {
        unsigned type;
        const char *payload;
        size_t len;
        int64_t left = deadline == INT64_MAX ? -1 : (deadline - clock_mono_ns() + 999999) / 1000000;
        if (deadline != INT64_MAX && left < 0)
            left = 0;
        int r = next_frame(l, left > INT_MAX ? INT_MAX : (int)left, &type, &payload, &len, err);
        if (r < 0)
            return -1;
        if (r == 0 && clock_mono_ns() >= deadline)
            return creel_fail(err, CREEL_TIMEOUT, 0, "the container has not ended within %d ms", timeout_ms);
        if (r > 0 && type == FRAME_EVENT)
            link_event(l, payload, len);
    }
    *ret = l->exit;
    return 0;
}

int monitor_claim_exit(struct monitor_link *l, struct creel_err *err)
{
    return tell(l, "claim", json_object(), err);
}

int monitor_release(struct monitor_link *l, struct creel_err *err)
{
    struct creel_err gone = { 0 };
    if (link_request(l, "release", NULL, false, err) < 0)
        return -1;
    (void)link_flush(l, ANSWER_MS, &gone); /* else it has ended anyway, and what it left is committed */
    return 0;
}

int monitor_await_release(struct monitor_link *l, struct creel_err *err)
{
    unsigned type;
    const char *payload;
    size_t len;
    struct creel_err gone = { 0 };
    while (next_frame(l, ANSWER_MS, &type, &payload, &len, &gone) > 0)
        if (type == FRAME_REPLY) /* the only reply to this request is a refusal */
            return reply_parse(payload, len, NULL, err);
    return 0;
}

/* --- sessions --- */

int monitor_attach(struct monitor_link *l, bool in, bool out, bool err_stream, unsigned rows, unsigned cols,
                   struct creel_err *err)
{
    json_t *o = NULL;
    int tty = 0;
    if (ask_within(l, ANSWER_MS, "attach",
                 json_pack("{s:b,s:b,s:b,s:i,s:i}", "in", in, "out", out, "err", err_stream, "rows", (int)rows, "cols",
                           (int)cols),
                 &o, err)
        < 0)
        return -1;
    (void)json_unpack(o, "{s:b}", "tty", &tty);
    json_decref(o);
    l->session = true;
    l->tty = tty;
    l->want_in = in;
    return 0;
}

int monitor_exec(struct monitor_link *l, const struct monitor_exec *x, pid_t *ret_pid, struct creel_err *err)
{
    json_t *o = NULL;
    int pid = 0;
    if (ask_within(l, ANSWER_MS, "exec",
                 json_pack("{s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:i,s:i}", "exec_id", x->exec_id, "process", x->process_json,
                           "tty", x->tty, "in", x->in, "out", x->out, "err", x->err, "detach", x->detach, "rows",
                           (int)x->rows, "cols", (int)x->cols),
                 &o, err)
        < 0)
        return -1;
    (void)json_unpack(o, "{s:i}", "pid", &pid);
    json_decref(o);
    if (ret_pid != NULL)
        *ret_pid = pid;
    l->session = !x->detach;
    l->tty = x->tty;
    l->want_in = x->in;
    return 0;
}

/* --- records --- */

int monitor_exit_record_read(int exits_fd, const char *file, struct monitor_exit_record *ret, struct creel_err *err)
{
    char text[EXIT_RECORD_MAX + 1];
    struct exit_record r;
    auto_fd fd = openat(exits_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return creel_fail(err, errno == ENOENT ? CREEL_NOT_FOUND : CREEL_INTERNAL, errno, "open the exit record %s", file);
    size_t len = 0;
    for (ssize_t n; len < sizeof text; len += (size_t)n) {
        n = read(fd, text + len, sizeof text - len);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "read the exit record %s", file);
        else if (n == 0)
            break;
    }
    if (!exit_record_parse(text, len, &r))
        return creel_fail(err, CREEL_INVALID, 0, "the exit record %s is damaged", file);
    *ret = (struct monitor_exit_record){ .run = r.run, .started_ns = r.started_ns, .exit = r.exit };
    memcpy(ret->id, r.id, sizeof ret->id);
    return 0;
}
