/* SPDX-License-Identifier: Apache-2.0 */
/* tests/kill/killat: SIGKILL a program of ours at its n-th system call.
 *
 *   killat [--all] [--seize PID]... PROGRAM N COMMAND [ARG...]
 *
 * Runs COMMAND under ptrace and follows everything it starts. System calls (their entry) of processes whose argv[0] is
 * PROGRAM are counted over all of them; the one that makes the N-th is killed before the kernel executes the call.
 * Everybody else runs on untraced in effect. --seize also follows a process that runs already. Ends when COMMAND has
 * ended, with --all when everything that was started has.
 * Prints one line: "killed <name> at <system call number>" (exit 0) or "finished after <count>" (exit 3, N was too high).
 * Other trouble: exit 2. COMMAND's output goes where ours goes. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACEES_MAX = 4096 };
struct tracee { pid_t pid; bool in_call, ours, known; };
static struct tracee tracees[TRACEES_MAX];
static size_t tracee_count;

static struct tracee *tracee_find(pid_t pid)
{
    for (size_t i = 0; i < tracee_count; i++)
        if (tracees[i].pid == pid)
            return &tracees[i];
    if (tracee_count == TRACEES_MAX) {
        fprintf(stderr, "killat: too many processes\n");
        exit(2);
    }
    tracees[tracee_count] = (struct tracee){ .pid = pid };
    return &tracees[tracee_count++];
}

static void tracee_forget(pid_t pid)
{
    for (size_t i = 0; i < tracee_count; i++)
        if (tracees[i].pid == pid)
            tracees[i--] = tracees[--tracee_count];
}

/* By argv[0]: a program that is executed by descriptor has no telling /proc/<pid>/exe. */
static bool runs_program(pid_t pid, const char *program)
{
    char file[64], argv[4096];
    snprintf(file, sizeof file, "/proc/%d/cmdline", (int)pid);
    FILE *f = fopen(file, "r");
    if (f == NULL)
        return false;
    size_t n = fread(argv, 1, sizeof argv - 1, f);
    fclose(f);
    argv[n] = '\0';
    const char *slash = strrchr(argv, '/');
    return strcmp(slash != NULL ? slash + 1 : argv, program) == 0;
}

static long call_number(pid_t pid)
{
    struct user_regs_struct regs;
    struct iovec iov = { .iov_base = &regs, .iov_len = sizeof regs };
    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov) < 0)
        return -1;
    return (long)regs.orig_rax;
}

static void seize(pid_t pid, const char *program)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) {
        perror("killat: seize");
        exit(2);
    }
    struct tracee *t = tracee_find(pid);
    t->known = true;
    t->ours = runs_program(pid, program);
    int status;
    /* Not by PTRACE_TRACEME and its SIGSTOPs: when we end, a child that has not seen its one yet would stop for ever. */
    while (waitpid(pid, &status, __WALL) == pid && status >> 16 != PTRACE_EVENT_STOP)
        (void)ptrace(PTRACE_CONT, pid, 0, 0);
    (void)ptrace(PTRACE_SYSCALL, pid, 0, 0);
}

static pid_t start(char **argv, const char *program)
{
    int gate[2];
    char go;
    if (pipe(gate) < 0) {
        perror("killat: pipe");
        exit(2);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(gate[1]);
        if (read(gate[0], &go, 1) != 0) /* its end says that we are traced */
            _exit(126);
        close(gate[0]);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    close(gate[0]);
    if (pid < 0) {
        perror("killat: fork");
        exit(2);
    }
    seize(pid, program);
    tracee_find(pid)->ours = false;
    close(gate[1]);
    return pid;
}

int main(int argc, char **argv)
{
    bool all = false;
    pid_t seized[16];
    int seized_count = 0;
    while (argc > 1 && argv[1][0] == '-') {
        if (strcmp(argv[1], "--all") == 0) {
            all = true;
        } else if (strcmp(argv[1], "--seize") == 0 && argc > 2 && seized_count < 16) {
            seized[seized_count++] = (pid_t)atol(argv[2]);
            argv++, argc--;
        }
        argv++, argc--;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: killat [--all] [--seize PID]... PROGRAM N COMMAND [ARG...]\n");
        return 2;
    }
    const char *program = argv[1];
    long target = atol(argv[2]), count = 0, killed_at = -1;
    for (int i = 0; i < seized_count; i++)
        seize(seized[i], program);
    pid_t main_pid = start(argv + 3, program);
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            break;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            tracee_forget(pid);
            if (pid == main_pid && !all)
                break;
            continue;
        }
        struct tracee *t = tracee_find(pid);
        int sig = WSTOPSIG(status), event = status >> 16;
        enum __ptrace_request resume = killed_at >= 0 ? PTRACE_CONT : PTRACE_SYSCALL;
        if (sig == (SIGTRAP | 0x80)) {
            t->in_call = !t->in_call;
            if (!t->known) {
                t->ours = runs_program(pid, program);
                t->known = true;
            }
            if (t->in_call && t->ours && killed_at < 0 && ++count == target) {
                killed_at = call_number(pid);
                (void)kill(pid, SIGKILL);
                continue;
            }
            sig = 0;
        } else if (event == PTRACE_EVENT_EXEC) {
            t->ours = runs_program(pid, program);
            t->known = true;
            sig = 0;
        } else if (event != 0 || sig == SIGSTOP || sig == SIGTRAP) { /* new child, or a child's first stop */
            sig = 0;
        }
        (void)ptrace(resume, pid, 0, (void *)(long)sig);
    }
    if (killed_at >= 0) {
        printf("killed %s at %ld\n", program, killed_at);
        return 0;
    }
    printf("finished after %ld\n", count);
    return 3;
}
