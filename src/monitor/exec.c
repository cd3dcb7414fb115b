/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/exec.c: further processes in the container, each a session of its own. An exec is over when its process has
 * ended and its output was read; when its client goes away it goes on, unheard. */
#include "monitor/monitor.h"

#include "monitor/external_runtime.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { EXECS_MAX = 1024 };

struct exec_request {
    const char *id, *process_json;
    bool tty, in, out, err, detach;
    unsigned rows, cols;
};

static int request_parse(json_t *o, struct exec_request *ret, struct creel_err *err)
{
    json_error_t je;
    int tty, in, out, err_stream, detach, rows, cols;
    if (json_unpack_ex(o, &je, 0, "{s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:i,s:i}", "exec_id", &ret->id, "process",
                       &ret->process_json, "tty", &tty, "in", &in, "out", &out, "err", &err_stream, "detach", &detach,
                       "rows", &rows, "cols", &cols)
            < 0
        || rows < 0 || cols < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the exec request is not understood: %s", je.text);
    ret->tty = tty;
    ret->in = in;
    ret->out = out;
    ret->err = err_stream;
    ret->detach = detach;
    ret->rows = (unsigned)rows;
    ret->cols = (unsigned)cols;
    return 0;
}

/* In a frozen group the new process would freeze too, and we would wait for it. */
static int check_state(struct monitor *m, struct creel_err *err)
{
    struct cgroup *cg = m->native != NULL ? runtime_cgroup(m->native) : m->external_cgroup;
    if (m->phase != PHASE_RUNNING)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is not running", m->launch.id);
    if (cg != NULL && cgroup_is_frozen(cg) == 1)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is paused, unpause the container before exec",
                          m->launch.id);
    unsigned n = 0;
    for (const struct session *s = m->execs; s != NULL; s = s->next)
        n++;
    if (n >= EXECS_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "container %s has %u execs running already", m->launch.id, n);
    return 0;
}

static int run_native(struct monitor *m, const struct exec_request *x, const struct session_ends *ends,
                      struct runtime_process *ret, struct creel_err *err)
{
    struct oci_process process = { 0 };
    int r = oci_process_parse(x->process_json, strlen(x->process_json), &process, err);
    if (r == 0) {
        if (process.console_rows == 0 && process.console_cols == 0) { /* the first look must see the right size */
            process.console_rows = x->rows;
            process.console_cols = x->cols;
        }
        const struct runtime_exec_params p = {
            .config = m->config, .process = &process, .init_pidfd = m->container.pidfd, .init_pid = m->pid,
            .id = m->launch.id, .stdio = { ends->theirs[0], ends->theirs[1], ends->theirs[2] },
            .seccomp = m->seccomp.fprog.len > 0 ? &m->seccomp.fprog : NULL,
            .seccomp_flags = m->seccomp.flags, .stdio_is_ours = true, .die_with_parent = true,
            .cgroup = runtime_cgroup(m->native),
        };
        r = runtime_exec(&p, ret, err);
    }
    oci_process_fini(&process);
    return r;
}

static void on_exec_ended(void *arg, const siginfo_t *how)
{
    struct session *s = arg;
    struct creel_exit x = session_exit_of(how);
    session_drain(s, &x); /* may free s */
}

static int run(struct session *s, const struct exec_request *x, struct creel_err *err)
{
    struct monitor *m = s->m;
    struct session_ends ends = { { 0, 1, 2 } };
    struct runtime_process p = { .pidfd = -1, .console_master = -1 };
    int r = s->tty ? 0 : session_open_pipes(s, x->out, x->err, &ends, err);
    if (r == 0)
        r = m->external != NULL ? external_exec(m->external, x->process_json, ends.theirs, s->tty, &p, err)
                                : run_native(m, x, &ends, &p, err);
    session_ends_close(&ends);
    if (r < 0)
        return -1;
    s->pid = p.pid;
    s->pidfd = p.pidfd;
    s->child = (struct loop_child){ .pid = p.pid, .fn = on_exec_ended, .arg = s };
    loop_child_add(&m->loop, &s->child);
    /* from here on there is a process: what fails only costs its terminal */
    if (p.console_master >= 0 && session_open_console(s, p.console_master, x->rows, x->cols, err) < 0)
        return 1;
    return session_watch(s, err) < 0 ? 1 : 0;
}

/* Whoever asked may have given up while we were stopped; then the process must not come as a surprise. */
static bool client_waits(const struct client *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

int exec_start(struct monitor *m, struct client *c, json_t *request, struct creel_err *err)
{
    struct exec_request x = { 0 };
    if (request_parse(request, &x, err) < 0 || check_state(m, err) < 0)
        return -1;
    if (!client_waits(c))
        return creel_fail(err, CREEL_CANCELED, 0, "the exec was given up");
    struct session *s = malloc(sizeof *s);
    if (s == NULL)
        return creel_fail_nomem(err);
    session_init(s, m);
    s->is_exec = true;
    (void)snprintf(s->exec_id, sizeof s->exec_id, "%s", x.id);
    s->tty = x.tty;
    s->has_stdin = x.in;
    s->next = m->execs;
    m->execs = s;
    int r = run(s, &x, err);
    if (r < 0) {
        exec_free(s);
        return -1;
    }
    if (r > 0) { /* it runs, but not as it was asked for */
        (void)session_signal(s, SIGKILL, NULL);
        return -1;
    }
    client_reply(c, json_pack("{s:i}", "pid", (int)s->pid));
    if (!x.detach)
        client_attach(c, s, x.in, x.out, x.err);
    return 0;
}

void exec_free(struct session *s)
{
    struct monitor *m = s->m;
    for (struct session **at = &m->execs; *at != NULL; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            break;
        }
    }
    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (c->session == s)
            client_detach(c);
    loop_child_remove(&m->loop, &s->child);
    session_close(s);
    fd_closep(&s->pidfd);
    free(s);
}
