/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/procfs_join.c: see runtime/procfs_join.h. */
#include "runtime/procfs_join.h"

#include "base/cleanup.h"
#include "runtime/guide.h"
#include "runtime/init/procfs_opener.h"
#include "runtime/mount_apply.h"
#include "runtime/runtime.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* A tracer can keep its victim from being reaped; that is no reason to wait for ever. It ends with us. */
static void end_process(pid_t pid, int pidfd)
{
    enum { PATIENCE_MS = 1000 };
    siginfo_t info;
    if (pidfd < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
        return;
    }
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    (void)sys_pidfd_send_signal(pidfd, SIGKILL);
    (void)poll(&p, 1, PATIENCE_MS);
    (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

/* Nothing but procfs knows "hidepid", except file systems that accept every word; those also accept "x" (and they never
 * forget a word, so the order matters: one that is full now stays full). */
static bool is_procfs_context(int fs)
{
    return sys_fsconfig_flag(fs, "x") < 0 && sys_fsconfig_string(fs, "hidepid", "0") == 0;
}

static int receive_context(int sock, pid_t *pid, int *pidfd, struct creel_err *err)
{
    int fds[LAUNCH_FDS_MAX];
    size_t count = 0;
    if (guide_take_over(sock, pid, pidfd, err) < 0)
        return -1;
    int r = launch_send_step(sock, LAUNCH_TAKEN);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return creel_fail(err, CREEL_INTERNAL, -r, "tell the opener of procfs to go on");
    if (launch_expect(sock, LAUNCH_MOUNTED, RUNTIME_SETUP_TIMEOUT_MS, fds, &count, err) < 0)
        return -1;
    for (size_t i = 1; i < count; i++)
        (void)close(fds[i]);
    if (count == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the opener of procfs sent nothing");
    if (is_procfs_context(fds[0]))
        return fds[0];
    (void)close(fds[0]);
    return creel_fail(err, CREEL_DENIED, 0, "what was opened in the pid namespace is not procfs");
}

static int open_context(int pid_ns, struct creel_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a socket");
    auto_fd ours = pair[0], theirs = pair[1], pidfd = -1;
    pid_t pid = sys_clone(SYS_CLONE_CLEAR_SIGHAND, -1, &pidfd, NULL);
    if (pid == 0)
        init_procfs_opener(theirs, pid_ns);
    if (pid < 0)
        return creel_fail(err, pid == -EAGAIN ? CREEL_EXHAUSTED : CREEL_INTERNAL, -pid, "clone the opener of procfs");
    fd_closep(&theirs);
    int fs = receive_context(ours, &pid, &pidfd, err);
    end_process(pid, pidfd);
    return fs;
}

int procfs_join_mounts(struct mount_plan *p, int pid_ns, struct creel_err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        struct mount_step *s = &p->steps[i];
        struct launch_msg fail;
        if (s->kind != MOUNT_NEW || strcmp(s->type, "proc") != 0)
            continue;
        auto_fd fs = open_context(pid_ns, err);
        if (fs < 0)
            return creel_wrap(err, "mount proc of the joined pid namespace on %s", s->target);
        if (mount_apply_configure(s, fs, &fail) < 0)
            return creel_fail(err, (enum creel_kind)fail.kind, fail.sys, "%s", fail.where);
    }
    return 0;
}
