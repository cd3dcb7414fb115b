/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/gate.c: see runtime/init/gate.h. */
#include "runtime/init/gate.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end_by_signal(int signo)
{
    _exit(128 + signo);
}

void gate_heed_signals(void)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
    const struct sigaction a = { .sa_handler = end_by_signal };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &a, NULL); /* cannot fail for these */
}

struct caller { int fds[LAUNCH_FDS_MAX]; size_t fd_count; bool known; struct ucred cred; };

static void take_caller(struct msghdr *h, struct caller *c)
{
    for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m != NULL; m = CMSG_NXTHDR(h, m)) {
        if (m->cmsg_level != SOL_SOCKET)
            continue;
        if (m->cmsg_type == SCM_CREDENTIALS && m->cmsg_len == CMSG_LEN(sizeof c->cred)) {
            memcpy(&c->cred, CMSG_DATA(m), sizeof c->cred);
            c->known = true;
        } else if (m->cmsg_type == SCM_RIGHTS) {
            size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < n && c->fd_count < LAUNCH_FDS_MAX; i++)
                memcpy(&c->fds[c->fd_count++], CMSG_DATA(m) + i * sizeof(int), sizeof(int));
        }
    }
}

/* 1 with *ret_sock; 0 it was none of ours; -errno. */
static int receive(int gate, bool own_pids, int *ret_sock)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct launch_msg m;
    struct iovec iov = { .iov_base = &m, .iov_len = sizeof m };
    struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    struct caller c = { .fd_count = 0 };
    ssize_t n = recvmsg(gate, &h, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    take_caller(&h, &c);
    bool whole = n == (ssize_t)sizeof m && (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (whole && m.step == LAUNCH_GO && c.fd_count == 1 && c.known && (!own_pids || c.cred.pid == 0)) {
        *ret_sock = c.fds[0];
        return 1;
    }
    for (size_t i = 0; i < c.fd_count; i++)
        (void)close(c.fds[i]);
    return 0;
}

int gate_wait(int gate, bool own_pids, int *ret_sock, struct launch_msg *fail)
{
    int r;
    do {
        r = receive(gate, own_pids, ret_sock);
    } while (r == 0);
    if (r < 0)
        return launch_fail(fail, CREEL_INTERNAL, -r, "wait for the start", NULL);
    (void)launch_send_step(*ret_sock, LAUNCH_GO); /* or its end would look like success to whoever sent a message nobody read */
    return 0;
}
