/* SPDX-License-Identifier: Apache-2.0 */
/* engine/session.c: the caller's side of a container's or exec's streams.
 *
 * A session of a container returns EXITED only when the exit is committed: by whoever holds the claim, which is the
 * session that started the run; others commit it too, because committing twice is harmless and waiting for somebody
 * else to do it is not needed. */
#include "engine/lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct creel_session {
    struct creel *e;
    struct monitor_link *link;
    bool released;          /* it was told that the exit is committed */
    char id[65];
    int64_t run, started_ns;
    bool tty, exit_claimed, committed;
    char exec_id[65];       /* "" for a session of the container */
    int replay;             /* streams whose log comes first: bit 0 stdout, bit 1 stderr */
    int write_error;        /* of the replay */
};

int engine_session_new(struct creel *e, struct monitor_link *link, const char *id, int64_t run, bool tty,
                       const char *exec_id, struct creel_session **ret, struct creel_err *err)
{
    struct creel_session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        monitor_link_close(link);
        return creel_fail_nomem(err);
    }
    s->e = e;
    s->link = link;
    s->run = run;
    s->tty = tty;
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    (void)snprintf(s->exec_id, sizeof s->exec_id, "%s", exec_id != NULL ? exec_id : "");
    *ret = s;
    return 0;
}

void engine_session_claim(struct creel_session *s, int64_t started_ns)
{
    s->exit_claimed = true;
    s->started_ns = started_ns;
}

void creel_session_close(struct creel_session *s)
{
    if (s == NULL)
        return;
    if (s->released) {
        engine_await_leaving(s->e);
        s->e->leaving = ptr_take(&s->link);
    }
    monitor_link_close(s->link); /* with a claim that was not kept, the monitor starts its helper now */
    free(s);
}

int creel_session_write_error(const struct creel_session *s)
{
    return s->write_error != 0 ? s->write_error : monitor_session_write_error(s->link);
}

int creel_session_has_tty(const struct creel_session *s)
{
    return s->tty;
}

int creel_session_resize(struct creel_session *s, unsigned rows, unsigned cols, struct creel_err *err)
{
    return monitor_resize(s->link, rows, cols, err);
}

int creel_session_signal(struct creel_session *s, int signo, struct creel_err *err)
{
    return monitor_signal(s->link, signo, err);
}

/* --- copying --- */

struct replay {
    int out, err;
    int failed;
};

static int write_record(void *arg, int stream, int64_t time_ns, const char *attrs_json, const char *data, size_t len)
{
    struct replay *r = arg;
    int fd = stream == 2 ? r->err : r->out;
    (void)time_ns, (void)attrs_json;
    while (fd >= 0 && len > 0) {
        ssize_t n = write(fd, data, len);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && (poll(&p, 1, -1) > 0 || errno == EINTR))))
            continue;
        if (n < 0) {
            r->failed = errno == EPIPE ? 0 : errno;
            return 1;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int replay_logs(struct creel_session *s, const struct creel_io *io, struct creel_err *err)
{
    const struct creel_log_options o = {
        .size = sizeof o, .want_stdout = s->replay & 1, .want_stderr = s->replay >> 1 & 1, .tail = -1};
    struct replay r = { .out = io->out, .err = io->err };
    if (s->replay == 0)
        return 0;
    s->replay = 0;
    int logs = creel_container_logs(s->e, s->id, &o, -1, write_record, &r, err);
    s->write_error = r.failed;
    return logs;
}

/* With the claim there is no record: what the monitor said is all there is. */
static int commit_claimed(struct creel_session *s, const struct creel_exit *x, struct creel_err *err)
{
    struct monitor_exit_record rec = { .run = s->run, .started_ns = s->started_ns, .exit = *x };
    memcpy(rec.id, s->id, sizeof rec.id);
    return lifecycle_record_exit(s->e, &rec, err);
}

static int commit(struct creel_session *s, const struct creel_exit *x, struct creel_err *err)
{
    struct creel_err ignored = { 0 };
    if (s->committed)
        return 0;
    if (s->exec_id[0] != '\0') {
        (void)engine_exec_died(s->e, s->id, s->exec_id, creel_exit_shell(x), &ignored); /* it is over all the same; ignoring */
        s->committed = true;
        return 0;
    }
    if ((s->exit_claimed ? commit_claimed(s, x, err) : engine_commit_exit(s->e, s->id, s->run, err)) < 0)
        return -1;
    s->committed = true;
    s->released = s->exit_claimed && monitor_release(s->link, &ignored) == 0; /* that it ends is its own affair */
    return 0;
}

int creel_session_copy(struct creel_session *s, const struct creel_io *io, struct creel_exit *ret_exit,
                       struct creel_err *err)
{
    if (replay_logs(s, io, err) < 0)
        return -1;
    int end = monitor_session_copy(s->link, io, s, s->tty, ret_exit, err);
    if (end == CREEL_SESSION_EXITED && commit(s, ret_exit, err) < 0)
        return -1;
    return end;
}

/* --- attaching --- */

static int check_attachable(const struct container_row *row, struct creel_err *err)
{
    if (row->state == CONTAINER_PAUSED)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is paused, unpause the container before attach",
                          row->name);
    if (row->state != CONTAINER_RUNNING)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "you cannot attach to a stopped container, start it first (%s is %s)", row->name,
                          lifecycle_state_name(row->state));
    return 0;
}

static int commit_attach_event(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    auto_tx tx = { 0 };
    auto_free char *attributes = engine_event_attributes(row, NULL);
    if (attributes == NULL)
        return creel_fail_nomem(err);
    if (store_begin(e->store, &tx, err) < 0
        || event_row_append(&tx, "container", "attach", row->id, attributes, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

int creel_container_attach(struct creel *e, const char *ref, const struct creel_attach_options *attach,
                           struct creel_session **ret_session, struct creel_err *err)
{
    struct creel_attach_options o = { 0 };
    auto_row row = { 0 };
    auto_link link = NULL;
    memcpy(&o, attach, attach->size < sizeof o ? attach->size : sizeof o);
    if (lifecycle_settled(e, ref, &row, err) < 0 || check_attachable(&row, err) < 0)
        return -1;
    if (lifecycle_connect(e, row.id, &link, err) < 0
        || monitor_attach(link, o.want_stdin, o.want_stdout, o.want_stderr, o.rows, o.cols, err) < 0)
        return creel_wrap(err, "attaching to container %s", row.name);
    if (commit_attach_event(e, &row, err) < 0)
        return -1;
    struct creel_session *s;
    if (engine_session_new(e, ptr_take(&link), row.id, row.run, row.tty, NULL, &s, err) < 0)
        return -1;
    if (o.replay_logs)
        s->replay = (o.want_stdout ? 1 : 0) | (o.want_stderr ? 2 : 0);
    *ret_session = s;
    return 0;
}
