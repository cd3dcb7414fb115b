/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/launch.c: see runtime/launch.h. */
#include "runtime/launch.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct launch_msg) == 512, "one size, no padding");

const char *launch_step_name(uint32_t step)
{
    static const char *const names[] = {
        [LAUNCH_FAILED] = "failed", [LAUNCH_MAPPED] = "ids mapped", [LAUNCH_GROUPED] = "in the cgroup",
        [LAUNCH_MOUNTED] = "mounted", [LAUNCH_HOOKED] = "hooks run", [LAUNCH_CONSOLE] = "has a terminal", [LAUNCH_READY] = "ready to execute",
        [LAUNCH_GO] = "go", [LAUNCH_LISTENER] = "filtered", [LAUNCH_LISTENED] = "listened to", [LAUNCH_CLONED] = "cloned",
        [LAUNCH_UNSHARED] = "in its namespaces", [LAUNCH_TAKEN] = "taken over", [LAUNCH_PARK] = "parked",
        [LAUNCH_SOURCE] = "at the source of a bind", [LAUNCH_LENT] = "lent a source", [LAUNCH_STEP_COUNT] = "executed",
    };
    return step <= LAUNCH_STEP_COUNT ? names[step] : "unknown";
}

int launch_send(int sock, const struct launch_msg *m, const int *fds, size_t fd_count)
{
    union { struct cmsghdr head; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control;
    struct iovec iov = { .iov_base = (void *)m, .iov_len = sizeof *m };
    struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (fd_count > LAUNCH_FDS_MAX)
        return -E2BIG;
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        h.msg_control = &control;
        h.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    for (;;) {
        ssize_t n = sendmsg(sock, &h, MSG_NOSIGNAL);
        if (n >= 0)
            return n == (ssize_t)sizeof *m ? 0 : -EIO;
        if (errno != EINTR)
            return -errno;
    }
}

int launch_send_step(int sock, enum launch_step step)
{
    struct launch_msg m;
    memset(&m, 0, sizeof m);
    m.step = step;
    return launch_send(sock, &m, NULL, 0);
}

static void take_fds(struct msghdr *h, int *fds, size_t *count)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (fds != NULL && *count < LAUNCH_FDS_MAX)
                fds[(*count)++] = fd;
            else
                (void)close(fd);
        }
    }
}

int launch_recv(int sock, struct launch_msg *m, int *fds, size_t *ret_fd_count)
{
    union { struct cmsghdr head; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control;
    struct iovec iov = { .iov_base = m, .iov_len = sizeof *m };
    struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    size_t count = 0;
    ssize_t n;
    do {
        n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    take_fds(&h, fds, &count);
    if (ret_fd_count != NULL)
        *ret_fd_count = count;
    if (n == 0)
        return 0;
    if (n != (ssize_t)sizeof *m || (h.msg_flags & MSG_TRUNC) != 0) {
        for (size_t i = 0; fds != NULL && i < count; i++)
            (void)close(fds[i]);
        return -EBADMSG;
    }
    m->where[sizeof m->where - 1] = '\0';
    return 1;
}

int launch_fail(struct launch_msg *m, enum creel_kind kind, int sys, const char *part, ...)
{
    size_t at = 0;
    va_list ap;
    va_start(ap, part);
    memset(m, 0, sizeof *m);
    m->step = LAUNCH_FAILED;
    m->kind = kind;
    m->sys = sys;
    for (const char *s = part; s != NULL; s = va_arg(ap, const char *))
        while (*s != '\0' && at + 1 < sizeof m->where)
            m->where[at++] = *s++;
    va_end(ap);
    return -1;
}

static int fail_in_words_of(const struct launch_msg *m, struct creel_err *err)
{
    enum creel_kind kind = m->kind > CREEL_OK && m->kind <= CREEL_INTERNAL ? (enum creel_kind)m->kind : CREEL_INTERNAL;
    return creel_fail(err, kind, m->sys, "%s", m->where);
}

static int wait_readable(int sock, int64_t deadline_ns)
{
    for (;;) {
        int64_t left = deadline_ns - clock_mono_ns();
        struct pollfd p = { .fd = sock, .events = POLLIN };
        int n = poll(&p, 1, left <= 0 ? 0 : left / 1000000 >= INT_MAX ? INT_MAX : (int)(left / 1000000 + 1));
        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

void launch_wait(int sock, int timeout_ms)
{
    if (timeout_ms > 0)
        (void)wait_readable(sock, clock_mono_ns() + (int64_t)timeout_ms * 1000000);
}

static int expect(int sock, uint32_t want, int timeout_ms, struct launch_msg *m, int *fds, size_t *ret_fd_count,
                  struct creel_err *err)
{
    int r = wait_readable(sock, clock_mono_ns() + (int64_t)timeout_ms * 1000000);
    if (r == -ETIMEDOUT)
        return creel_fail(err, CREEL_TIMEOUT, 0, "container process was not \"%s\" within %d seconds",
                          launch_step_name(want), timeout_ms / 1000);
    if (r == 0)
        r = launch_recv(sock, m, fds, ret_fd_count);
    if (r == -ECONNRESET) /* it died with a message of ours unread; what it had to say comes behind that */
        r = launch_recv(sock, m, fds, ret_fd_count);
    if (r == -ECONNRESET)
        r = 0;
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "wait for the container process to be \"%s\"",
                          launch_step_name(want));
    if (r == 0 && want == LAUNCH_STEP_COUNT)
        return 0;
    if (r == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "container process died before it was \"%s\"",
                          launch_step_name(want));
    if (m->step == LAUNCH_FAILED)
        return fail_in_words_of(m, err);
    if (m->step != want) {
        for (size_t i = 0; fds != NULL && ret_fd_count != NULL && i < *ret_fd_count; i++)
            (void)close(fds[i]);
        return creel_fail(err, CREEL_INTERNAL, 0, "container process says \"%s\", expected \"%s\"",
                          launch_step_name(m->step), launch_step_name(want));
    }
    return 0;
}

int launch_expect(int sock, uint32_t want, int timeout_ms, int *fds, size_t *ret_fd_count, struct creel_err *err)
{
    struct launch_msg m;
    return expect(sock, want, timeout_ms, &m, fds, ret_fd_count, err);
}

int launch_expect_msg(int sock, uint32_t want, int timeout_ms, struct launch_msg *ret, struct creel_err *err)
{
    return expect(sock, want, timeout_ms, ret, NULL, NULL, err);
}

/* The new process may fail, and say so, before the one in between has told its pid. The end of the file comes after
 * both have said what they had to say. */
int launch_expect_clone(int sock, int timeout_ms, int *ret_pid, struct creel_err *err)
{
    int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    struct launch_msg m, failure = { .step = LAUNCH_GO };
    *ret_pid = 0;
    for (int errors = 0;;) {
        int r = wait_readable(sock, deadline);
        if (r == 0)
            r = launch_recv(sock, &m, NULL, NULL);
        if (r < 0 && r != -ECONNRESET) {
            (void)launch_fail(&failure, r == -ETIMEDOUT ? CREEL_TIMEOUT : CREEL_INTERNAL, -r,
                              "wait for the process to be \"", launch_step_name(LAUNCH_CLONED), "\"", NULL);
            if (r == -ETIMEDOUT || errors++ > 0)
                return fail_in_words_of(&failure, err);
            continue; /* without the pid there is nothing to end it by */
        }
        if (r > 0 && m.step == LAUNCH_FAILED) {
            failure = m;
            continue;
        }
        if (r > 0 && m.step == LAUNCH_CLONED && m.sys > 0)
            *ret_pid = m.sys;
        if (failure.step == LAUNCH_FAILED)
            return fail_in_words_of(&failure, err);
        if (*ret_pid == 0)
            return creel_fail(err, CREEL_INTERNAL, 0, "the process died before it was \"%s\"",
                              launch_step_name(LAUNCH_CLONED));
        return 0;
    }
}
