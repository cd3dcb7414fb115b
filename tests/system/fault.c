/* SPDX-License-Identifier: Apache-2.0 */
/* tests/system/fault.c: run a command and let the n-th system call of one of its processes fail.
 *
 *   runtime-fault WHO N ERRNO REPORT COMMAND…
 *
 * WHO: 0 the command itself, 1 its first child, 2 its second … Counting starts with the process (for WHO 0 with its first
 * openat after start-up) and ends at its next execve. The failed call is not made. With ERRNO 0 the process is killed
 * there instead. REPORT gets "<number>" of the call, or
 * "none" when there was no n-th one: then the caller has seen them all. Ends like the command. x86-64 only. */
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN_MAX = 64 };

struct fault {
    uint64_t who, n, error;
    pid_t command, target;
    uint64_t born, count;
    bool counting, failing;
    long failed;            /* system call number, -1 none yet */
    int status;
};

/* Their failure has no honest meaning, or is no failure. */
static bool is_exempt(long nr)
{
    static const long numbers[] = { SYS_exit, SYS_exit_group, SYS_execve, SYS_execveat, SYS_brk, SYS_munmap, SYS_close, SYS_getpid,
        SYS_geteuid, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_umask, SYS_poll, SYS_waitid, SYS_wait4, SYS_kill,
        SYS_pidfd_send_signal, SYS_rt_sigreturn, SYS_restart_syscall, SYS_unlinkat, SYS_rmdir };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == nr)
            return true;
    return false;
}

static void at_entry(struct fault *f, pid_t pid, struct user_regs_struct *r)
{
    long nr = (long)r->orig_rax;
    if (pid != f->target || f->failed >= 0)
        return;
    if (!f->counting && (f->who > 0 || nr == SYS_openat))
        f->counting = true;
    if (!f->counting || (f->error != 0 && is_exempt(nr)) || ++f->count < f->n)
        return;
    f->failed = nr;
    if (f->error == 0) {
        (void)kill(pid, SIGKILL);
        return;
    }
    f->failing = true;
    r->orig_rax = (unsigned long long)-1;
    (void)ptrace(PTRACE_SETREGS, pid, NULL, r);
}

static void at_exit(struct fault *f, pid_t pid, struct user_regs_struct *r)
{
    if (pid != f->target || !f->failing)
        return;
    f->failing = false;
    r->rax = (unsigned long long)-(long long)f->error;
    (void)ptrace(PTRACE_SETREGS, pid, NULL, r);
}

static void at_syscall(struct fault *f, pid_t pid)
{
    struct __ptrace_syscall_info info;
    struct user_regs_struct r;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0 || ptrace(PTRACE_GETREGS, pid, NULL, &r) < 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        at_entry(f, pid, &r);
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
        at_exit(f, pid, &r);
}

static void at_event(struct fault *f, pid_t pid, int event)
{
    unsigned long value = 0;
    if (event == PTRACE_EVENT_EXEC && pid == f->target && (f->who > 0 || f->counting)) {
        f->target = -1; /* what is executed is not ours to disturb */
        return;
    }
    /* PTRACE_EVENT_STOP: it has just been born, or goes on */
    if (event != PTRACE_EVENT_CLONE && event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK)
        return;
    (void)ptrace(PTRACE_GETEVENTMSG, pid, NULL, &value);
    if (pid == f->command && ++f->born == f->who)
        f->target = (pid_t)value;
}

static void trace(struct fault *f)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int signo = 0;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == f->command) {
                f->status = status;
                return; /* what it left behind is for the test to find; we let go of it */
            }
            continue;
        }
        if (!WIFSTOPPED(status))
            continue;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            at_syscall(f, pid);
        else if (status >> 16 != 0)
            at_event(f, pid, status >> 16);
        else if (WSTOPSIG(status) != SIGSTOP)
            signo = WSTOPSIG(status);
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signo);
    }
}

int main(int argc, char **argv)
{
    struct fault f = { .failed = -1 };
    if (argc < 6 || !parse_u64(argv[1], CHILDREN_MAX, &f.who) || !parse_u64(argv[2], 100000, &f.n)
        || !parse_u64(argv[3], 4095, &f.error)) {
        fputs("usage: runtime-fault WHO N ERRNO REPORT COMMAND…\n", stderr);
        return 99;
    }
    f.command = fork();
    if (f.command == 0) {
        (void)raise(SIGSTOP);
        (void)execv(argv[5], argv + 5);
        _exit(99);
    }
    int status;
    if (f.command < 0 || waitpid(f.command, &status, WUNTRACED) != f.command || !WIFSTOPPED(status))
        return 99;
    f.target = f.who == 0 ? f.command : -1;
    /* Seized, not attached: what we let go of when we end goes on, even if it has only just been born. */
    if (ptrace(PTRACE_SEIZE, f.command, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK
                                                       | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)) < 0
        || kill(f.command, SIGCONT) < 0)
        return 99;
    trace(&f);
    FILE *report = fopen(argv[4], "we");
    if (report == NULL)
        return 99;
    if (f.failed < 0)
        fputs("none\n", report);
    else
        fprintf(report, "%ld\n", f.failed);
    (void)fclose(report);
    return WIFEXITED(f.status) ? WEXITSTATUS(f.status) : 128 + WTERMSIG(f.status);
}
