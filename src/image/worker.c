/* SPDX-License-Identifier: Apache-2.0 */
#include "image/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = "creel-archive";

struct spawn_plan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int moved[WORKER_FDS_MAX];  /* duplicates above every target, so that one dup2 cannot overwrite the next source */
    size_t count;
};

static void spawn_plan_fini(struct spawn_plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        (void)close(p->moved[i]);
    (void)posix_spawn_file_actions_destroy(&p->actions);
    (void)posix_spawnattr_destroy(&p->attr);
}

static int plan_fd(struct spawn_plan *p, int fd, int target)
{
    auto_fd null = -1;
    if (fd < 0) {
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
            return errno;
        fd = null;
    }
    if (p->count == WORKER_FDS_MAX)
        return E2BIG;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_FIRST_FD + WORKER_FDS_MAX);
    if (high < 0)
        return errno;
    p->moved[p->count++] = high;
    return posix_spawn_file_actions_adddup2(&p->actions, high, target);
}

/* Signals as a fresh program expects them: nothing blocked, everything at its default. */
static int plan_signals(struct spawn_plan *p)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int r = posix_spawnattr_setsigmask(&p->attr, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(&p->attr, &all);
    if (r == 0)
        r = posix_spawnattr_setflags(&p->attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return r;
}

static int spawn(const char *path, const char *op, int in, int out, int control, const int *fds, size_t nfds,
                 pid_t *ret)
{
    /* a fixed environment: no loader, locale or character set variable of the caller reaches the worker */
    char *env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C",
#if defined(IMAGE_SANITIZED) /* there is no /proc where a worker looks for leaks */
                    (char *)"ASAN_OPTIONS=detect_leaks=0",
#endif
                    NULL };
    char *argv[] = { (char *)program, (char *)op, NULL };
    struct spawn_plan p = { .count = 0 };
    int r = posix_spawn_file_actions_init(&p.actions);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(&p.attr);
    if (r != 0) {
        (void)posix_spawn_file_actions_destroy(&p.actions);
        return r;
    }
    r = plan_signals(&p);
    if (r == 0)
        r = plan_fd(&p, in, 0);
    if (r == 0)
        r = plan_fd(&p, out, 1);
#if !defined(IMAGE_SANITIZED) /* whose reports should be seen */
    if (r == 0)
        r = plan_fd(&p, -1, 2);
#endif
    if (r == 0)
        r = plan_fd(&p, control, WORKER_CONTROL_FD);
    for (size_t i = 0; i < nfds && r == 0; i++)
        if (fds[i] >= 0)
            r = plan_fd(&p, fds[i], WORKER_FIRST_FD + (int)i);
    if (r == 0)
        r = posix_spawn(ret, path, &p.actions, &p.attr, argv, env);
    spawn_plan_fini(&p);
    return r;
}

static int send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int worker_start(const char *libexec, const char *op, json_t *request, int in, int out, const int *fds, size_t nfds,
                 struct worker *ret, struct creel_err *err)
{
    struct worker w = WORKER_INIT;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", libexec, program);
    if (n < 0 || (size_t)n >= sizeof path)
        return creel_fail(err, CREEL_INVALID, 0, "the path of %s is too long", program);
    auto_free char *text = json_dumps(request, JSON_COMPACT);
    if (text == NULL)
        return creel_fail_nomem(err);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "making a socket pair for %s", program);
    auto_fd theirs = pair[1];
    w.control = pair[0];
    w.op = op;
    bytes_init_max(&w.in, WORKER_LINE_MAX);
    int r = spawn(path, op, in, out, theirs, fds, nfds, &w.pid);
    if (r != 0) {
        w.pid = 0;
        worker_stop(&w);
        if (r == ENOENT)
            return creel_fail(err, CREEL_UNSUPPORTED, r, "starting %s (is creel installed completely?)", path);
        return creel_fail(err, CREEL_INTERNAL, r, "starting %s", path);
    }
    fd_closep(&theirs);
    r = send_all(w.control, text, strlen(text));
    if (r == 0)
        r = send_all(w.control, "\n", 1);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) { /* a worker that died early says why when its answer is read */
        worker_stop(&w);
        return creel_fail(err, CREEL_INTERNAL, -r, "sending %s its request", program);
    }
    *ret = w;
    return 0;
}

/* The worker is gone without a result: say how. */
static int worker_died(struct worker *w, struct creel_err *err)
{
    int status = 0;
    pid_t pid = w->pid, got = -1;
    w->pid = 0;
    while (pid != 0 && (got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    if (pid == 0 || got != pid)
        return creel_fail(err, CREEL_INTERNAL, 0, "%s %s ended without an answer", program, w->op);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return creel_fail(err, CREEL_INTERNAL, 0, "%s %s was stopped by its system call filter", program, w->op);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "%s %s used up its processor time", program, w->op);
    if (WIFSIGNALED(status))
        return creel_fail(err, CREEL_INTERNAL, 0, "%s %s was killed by signal %d", program, w->op, WTERMSIG(status));
    return creel_fail(err, CREEL_INTERNAL, 0, "%s %s ended with status %d and without an answer", program, w->op,
                      WEXITSTATUS(status));
}

static int worker_error(const json_t *msg, struct creel_err *err)
{
    json_int_t kind = json_integer_value(json_object_get(msg, "kind"));
    json_int_t sys = json_integer_value(json_object_get(msg, "errno"));
    const char *text = json_string_value(json_object_get(msg, "error"));
    if (kind <= CREEL_OK || kind > CREEL_INTERNAL || sys < 0 || sys > 4095)
        return creel_fail(err, CREEL_INTERNAL, 0, "%s gave an error that makes no sense", program);
    (void)creel_fail(err, (enum creel_kind)kind, 0, "%s", text);
    if (err != NULL)
        err->sys = (int)sys; /* its text is part of `text` already */
    return -1;
}

/* One line as text without newline, borrowed until consumed; NULL: end of file (err empty) or error. */
static int read_line(struct worker *w, size_t *ret_len, struct creel_err *err)
{
    size_t seen = 0;
    for (;;) {
        const char *nl = w->in.len > seen ? memchr(w->in.data + seen, '\n', w->in.len - seen) : NULL;
        if (nl != NULL) {
            *ret_len = (size_t)(nl - w->in.data);
            return 1;
        }
        seen = w->in.len;
        if (w->in.len + 65536 >= WORKER_LINE_MAX || !bytes_reserve(&w->in, 65536))
            return creel_fail(err, CREEL_INTERNAL, 0, "%s sent a line that is too long", program);
        ssize_t n = recv(w->control, w->in.data + w->in.len, 65536, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        w->in.len += (size_t)n;
        w->in.data[w->in.len] = '\0';
    }
}

int worker_next(struct worker *w, uint64_t *done, uint64_t *total, json_t **ret_ok, struct creel_err *err)
{
    size_t len;
    int r = read_line(w, &len, err);
    if (r < 0)
        return -1;
    if (r == 0)
        return worker_died(w, err);
    json_t *msg = json_loadb(w->in.data, len, JSON_REJECT_DUPLICATES, NULL);
    bytes_consume(&w->in, len + 1);
    json_t *ok = json_object_get(msg, "ok"), *progress = json_object_get(msg, "done");
    if (json_is_object(ok)) {
        *ret_ok = json_incref(ok);
        r = 0;
    } else if (json_is_integer(progress)) {
        *done = (uint64_t)json_integer_value(progress);
        *total = (uint64_t)json_integer_value(json_object_get(msg, "total"));
        r = 1;
    } else if (json_is_string(json_object_get(msg, "error"))) {
        r = worker_error(msg, err);
    } else {
        r = creel_fail(err, CREEL_INTERNAL, 0, "%s sent a line that is no message", program);
    }
    json_decref(msg);
    return r;
}

int worker_wait(struct worker *w, void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                json_t **ret_ok, struct creel_err *err)
{
    uint64_t done = 0, total = 0;
    int r;
    while ((r = worker_next(w, &done, &total, ret_ok, err)) == 1)
        if (progress != NULL)
            progress(arg, done, total);
    return r;
}

void worker_stop(struct worker *w)
{
    int saved = errno;
    fd_closep(&w->control);
    if (w->pid > 0) {
        (void)kill(w->pid, SIGKILL); /* our own child, not yet reaped: the number is still its */
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    w->pid = 0;
    bytes_fini(&w->in);
    errno = saved;
}
