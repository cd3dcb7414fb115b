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

_Noreturn static void hook_child(const struct init_hooks *all, const struct init_hook *h, int state, int report)
{
    struct launch_msg why;
    uint64_t none = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    if (state == 0 ? fcntl(0, F_SETFD, 0) == 0 : dup2(state, 0) == 0) {
        (void)sys_close_range(3, ~0u, true);
        (void)setpgid(0, 0);
        if (all->confined == NULL || confine_lock(all->confined, -1, &why) == 0)
            (void)execve(h->path, h->argv, h->envp);
        else
            errno = why.sys;
    }
    int e = errno;
    (void)!write(report, &e, sizeof e);
    _exit(127);
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 ended, 1 out of time. */
static int hook_wait(int pidfd, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    if (pidfd < 0)
        return 0; /* a kernel before 5.2: the wait that follows has no limit */
    for (;;) {
        int64_t left = end - now_ms();
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int n = poll(&p, 1, left < 0 ? 0 : (int)left);
        if (n > 0)
            return 0;
        if (n == 0)
            return 1;
        if (errno != EINTR)
            return 0;
    }
}

static int fail_hook(const struct init_hooks *h, size_t at, int sys, const char *what, const char *n, struct launch_msg *fail)
{
    char digits[TEXT_NUMBER_MAX];
    return launch_fail(fail, CREEL_INTERNAL, sys, "error running ", h->name, " hook #", text_number((long long)at, digits), ": ",
                       h->items[at].path, ": ", what, n, NULL);
}

static int hook_run(const struct init_hooks *h, size_t at, pid_t pid, struct launch_msg *fail)
{
    const struct init_hook *one = &h->items[at];
    int state = write_state(h, pid), report[2], pidfd = -1, sys = 0, status = 0;
    char digits[TEXT_NUMBER_MAX];
    if (state < 0)
        return fail_hook(h, at, -state, "write the state", "", fail);
    if (pipe2(report, O_CLOEXEC) < 0) {
        sys = errno;
        (void)close(state);
        return fail_hook(h, at, sys, "make a pipe", "", fail);
    }
    pid_t child = sys_clone(SYS_CLONE_CLEAR_SIGHAND, -1, &pidfd, NULL);
    if (child == 0)
        hook_child(h, one, state, report[1]);
    (void)close(report[1]);
    (void)close(state);
    if (child < 0) {
        (void)close(report[0]);
        return fail_hook(h, at, -child, "fork", "", fail);
    }
    size_t got = 0;
    (void)sys_read_all(report[0], &sys, sizeof sys, &got); /* ends at execve, or with its errno */
    (void)close(report[0]);
    bool late = got == 0 && hook_wait(pidfd, one->timeout_ms) != 0;
    if (late) {
        (void)kill(-child, SIGKILL); /* its group, and itself in case it left that */
        (void)sys_pidfd_send_signal(pidfd, SIGKILL);
    }
    int w = sys_wait_child(child, pidfd, &status);
    if (pidfd >= 0)
        (void)close(pidfd);
    if (got == sizeof sys)
        return fail_hook(h, at, sys, "execute", "", fail);
    if (late)
        return fail_hook(h, at, 0, "it took too long and was killed", "", fail);
    if (w < 0)
        return fail_hook(h, at, -w, "wait for it", "", fail);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return fail_hook(h, at, 0, "ended by signal 31: bad system call", "", fail); /* runc's words */
    if (WIFSIGNALED(status))
        return fail_hook(h, at, 0, "ended by signal ", text_number(WTERMSIG(status), digits), fail);
    if (WEXITSTATUS(status) != 0)
        return fail_hook(h, at, 0, "exit status ", text_number(WEXITSTATUS(status), digits), fail);
    return 0;
}

int init_hooks_run(const struct init_hooks *h, pid_t pid, struct launch_msg *fail)
{
    for (size_t i = h->first; i < h->count; i++)
        if (hook_run(h, i, pid, fail) < 0)
            return -1;
    return 0;
}
