/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/guide.c: see runtime/guide.h. */
#include "runtime/guide.h"

#include "base/cleanup.h"
#include "runtime/launch.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "sys/process.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool filter_allows(const struct sock_fprog *f, long nr, uint64_t a0, uint64_t a1)
{
    const uint64_t args[6] = { a0, a1 };
    uint32_t answer = seccomp_program_answer(f, (int)nr, args) & SECCOMP_RET_ACTION_FULL;
    return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG
           || (nr == SYS_clone3 && answer == SECCOMP_RET_ERRNO);
}

static bool lowers_processes(const struct process_plan *p)
{
    for (size_t i = 0; i < p->rlimit_count; i++)
        if (p->rlimits[i].resource == RLIMIT_NPROC)
            return true;
    return false;
}

bool guide_can_make(const struct process_plan *p)
{
    const struct sock_fprog *f = p->seccomp;
    if (p->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        return false;
    if (p->sched_set && (p->sched.policy == SCHED_DEADLINE || p->sched.flags != 0))
        return false; /* not inherited, or not allowed to fork */
    return f == NULL || f->len == 0
           || (filter_allows(f, SYS_clone3, 0, 0)
               && filter_allows(f, SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, 0)
               && filter_allows(f, SYS_setsid, 0, 0) && filter_allows(f, SYS_ioctl, 0, TIOCSCTTY)
               && filter_allows(f, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) && filter_allows(f, SYS_recvfrom, 0, 0)
               && filter_allows(f, SYS_recvmsg, 0, 0) && filter_allows(f, SYS_sendmsg, 0, 0)
               && filter_allows(f, SYS_exit_group, 0, 0) && filter_allows(f, SYS_close, 0, 0)
               && (!lowers_processes(p) || filter_allows(f, SYS_prlimit64, 0, RLIMIT_NPROC)));
}

/* The pid comes over a socket that a process of the container may have got hold of: it has to be a child of ours. */
static bool is_child(pid_t pid)
{
    siginfo_t info;
    return pid > 0 && (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD);
}

int guide_take_over(int sock, pid_t *pid, int *pidfd, struct creel_err *err)
{
    int made, status;
    int r = launch_expect_clone(sock, RUNTIME_SETUP_TIMEOUT_MS, &made, err);
    if (!is_child(made))
        return r < 0 ? r : creel_fail(err, CREEL_INTERNAL, 0, "the process that was made is not a child");
    if (sys_wait_child(*pid, *pidfd, &status) < 0) /* a zombie would keep the cgroup busy */
        (void)sys_wait_child(*pid, -1, &status);
    fd_closep(pidfd);
    *pid = made;
    int fd = sys_pidfd_open(made);
    if (fd >= 0)
        *pidfd = fd;
    else if (r == 0 && fd != -ENOSYS)
        return creel_fail(err, CREEL_INTERNAL, -fd, "open the process that was made");
    return r;
}
