/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/hook.c: see runtime/init/hook.h. The state is given as a file in memory: no writer that could block or be
 * killed by a reader that goes away, and /dev/stdin can be opened again. */
#include "runtime/init/hook.h"

#include "runtime/init/confine.h"
#include "runtime/init/text.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int write_state(const struct init_hooks *h, pid_t pid)
{
    char digits[TEXT_NUMBER_MAX];
    const char *number = text_number(pid, digits);
    int fd = sys_memfd("state");
    if (fd < 0)
        return fd;
    int r = sys_write_all(fd, h->state_before_pid, strlen(h->state_before_pid));
    if (r == 0)
        r = sys_write_all(fd, number, strlen(number));
    if (r == 0)
        r = sys_write_all(fd, h->state_after_pid, strlen(h->state_after_pid));
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    return fd;
}

/* What a hook has to say is told when it fails; the beginning is enough. */
enum { OUTPUT_MAX = 240 };
struct output { int pipe[2]; size_t len; char text[OUTPUT_MAX + 1]; };

_Noreturn static void hook_child(const struct init_hooks *all, const struct init_hook *one, int state, int output, int report)
{
    struct launch_msg why;
    uint64_t none = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    if ((state == 0 ? fcntl(0, F_SETFD, 0) == 0 : dup2(state, 0) == 0) && dup2(output, 1) == 1 && dup2(output, 2) == 2) {
        (void)sys_close_range(3, ~0u, true);
        (void)setpgid(0, 0);
        if (all->confined == NULL || confine_lock(all->confined, -1, &why) == 0)
            (void)execve(one->path, one->argv, one->envp);
        else
            errno = why.sys;
    }
    int e = errno;
    (void)!write(report, &e, sizeof e);
    _exit(127);
}

/* Read what is there. False at the end of it. */
static bool output_take(struct output *o)
{
    char more[512];
    ssize_t n = read(o->pipe[0], more, sizeof more);
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    for (ssize_t i = 0; i < n && o->len < OUTPUT_MAX; i++)
        o->text[o->len++] = more[i] == '\n' || more[i] == '\0' ? ' ' : more[i];
    return true;
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 ended, 1 out of time. Before Linux 5.2 there is no pidfd: then it has ended when nobody has its output open any more. */
static int hook_wait(int pidfd, struct output *o, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = o->pipe[0], .events = POLLIN } };
    for (;;) {
        int64_t left = end - now_ms();
        int n = poll(p, 2, left < 0 ? 0 : (int)left);
        if (n == 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return 0;
        if (n > 0 && p[1].revents != 0 && !output_take(o))
            p[1].fd = -1;
        if (n > 0 && (p[0].revents != 0 || (pidfd < 0 && p[1].fd < 0)))
            return 0;
    }
}

/* What it wrote last; others may have the pipe open still, so nothing is waited for, and no more read than is told. */
static void output_finish(struct output *o)
{
    struct pollfd p = { .fd = o->pipe[0], .events = POLLIN };
    while (o->len < OUTPUT_MAX && poll(&p, 1, 0) > 0 && output_take(o))
        ;
    o->text[o->len] = '\0';
    (void)close(o->pipe[0]);
}

struct hook_end { int sys; const char *what, *number; };

static int fail_hook(const struct init_hooks *h, size_t at, const struct hook_end *e, const char *output, struct launch_msg *fail)
{
    char digits[TEXT_NUMBER_MAX];
    return launch_fail(fail, CREEL_INTERNAL, e->sys, "error running ", h->name, " hook #", text_number((long long)at, digits), ": ",
                       h->items[at].path, ": ", e->what, e->number, output[0] != '\0' ? ", output: " : "", output, NULL);
}

static int open_ends(int report[2], struct output *o)
{
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(o->pipe, O_CLOEXEC) == 0)
        return 0;
    int e = errno;
    (void)close(report[0]);
    (void)close(report[1]);
    return -e;
}

/* From the fork to the end. e->what NULL: it went well. */
static void hook_follow(const struct init_hooks *h, const struct init_hook *one, int state, int report[2], struct output *o,
                        char digits[TEXT_NUMBER_MAX], struct hook_end *e)
{
    int pidfd = -1, sys = 0, status = 0;
    size_t got = 0;
    pid_t child = sys_clone(SYS_CLONE_CLEAR_SIGHAND, -1, &pidfd, NULL);
    if (child == 0)
        hook_child(h, one, state, o->pipe[1], report[1]);
    (void)close(report[1]);
    (void)close(o->pipe[1]);
    if (child < 0) {
        *e = (struct hook_end){ -child, "fork", "" };
        return;
    }
    (void)sys_read_all(report[0], &sys, sizeof sys, &got); /* ends at execve, or with its errno */
    bool late = got == 0 && hook_wait(pidfd, o, one->timeout_ms) != 0;
    if (late) {
        (void)kill(-child, SIGKILL); /* its group, and itself in case it left that */
        (void)sys_pidfd_send_signal(pidfd, SIGKILL);
    }
    int w = sys_wait_child(child, pidfd, &status);
    if (pidfd >= 0)
        (void)close(pidfd);
    if (got == sizeof sys)
        *e = (struct hook_end){ sys, "execute", "" };
    else if (late)
        *e = (struct hook_end){ 0, "it took too long and was killed", "" };
    else if (w < 0)
        *e = (struct hook_end){ -w, "wait for it", "" };
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        *e = (struct hook_end){ 0, "ended by signal 31: bad system call", "" }; /* runc's words */
    else if (WIFSIGNALED(status))
        *e = (struct hook_end){ 0, "ended by signal ", text_number(WTERMSIG(status), digits) };
    else if (WEXITSTATUS(status) != 0)
        *e = (struct hook_end){ 0, "exit status ", text_number(WEXITSTATUS(status), digits) };
}

static int hook_run(const struct init_hooks *h, size_t at, pid_t pid, struct launch_msg *fail)
{
    int state = write_state(h, pid), report[2];
    struct output o = { .len = 0 };
    struct hook_end e = { 0, NULL, "" };
    char digits[TEXT_NUMBER_MAX];
    if (state < 0)
        return fail_hook(h, at, &(struct hook_end){ -state, "write the state", "" }, "", fail);
    int r = open_ends(report, &o);
    if (r < 0) {
        (void)close(state);
        return fail_hook(h, at, &(struct hook_end){ -r, "make a pipe", "" }, "", fail);
    }
    hook_follow(h, &h->items[at], state, report, &o, digits, &e);
    (void)close(report[0]);
    (void)close(state);
    output_finish(&o);
    return e.what != NULL ? fail_hook(h, at, &e, o.text, fail) : 0;
}

int init_hooks_run(const struct init_hooks *h, pid_t pid, struct launch_msg *fail)
{
    for (size_t i = h->first; i < h->count; i++)
        if (hook_run(h, i, pid, fail) < 0)
            return -1;
    return 0;
}
