/* SPDX-License-Identifier: Apache-2.0 */
/* creel-init: the first process of a container made with --init: `creel-init -- PROGRAM ARGUMENT…`.
 *
 * It starts the program as its only child, passes on every signal that can be passed on, reaps whatever orphans the
 * container leaves it, and ends as the program ended (its code, or 128 + signal). The kernel then ends the rest.
 * It is mounted read-only into the container; it reads no file and no environment, and allocates nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_USAGE = 125, EXIT_CANNOT_INVOKE = 126, EXIT_NO_COMMAND = 127 };

/* In a process group of its own, which has the terminal if there is one, so that Ctrl-C reaches it once. */
static void take_terminal(void)
{
    pid_t group = getpid();
    if (setpgid(0, 0) < 0)
        return; /* it stays in ours, which works as well */
    if (tcsetpgrp(STDIN_FILENO, group) < 0 && errno != ENOTTY && errno != EBADF && errno != EINVAL && errno != ENXIO)
        fprintf(stderr, "creel-init: give the terminal to the program: %s; ignoring\n", strerror(errno));
}

static void run(char *const argv[], const sigset_t *mask)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, standard = { .sa_handler = SIG_DFL };
    (void)sigaction(SIGTTOU, &ignore, NULL); /* tcsetpgrp from the background would stop us */
    take_terminal();
    (void)sigaction(SIGTTOU, &standard, NULL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)execvp(argv[0], argv);
    int saved = errno;
    fprintf(stderr, "creel-init: exec %s: %s\n", argv[0], strerror(saved));
    _exit(saved == ENOENT || saved == ENOTDIR ? EXIT_NO_COMMAND : EXIT_CANNOT_INVOKE);
}

/* Every child that has ended; returns the exit code once the program itself has, else -1. */
static int reap(pid_t program)
{
    int result = -1, status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != program)
            continue;
        result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return result;
}

int main(int argc, char **argv)
{
    sigset_t all, before;
    int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
    if (argc <= first) {
        fprintf(stderr, "usage: creel-init -- PROGRAM [ARGUMENT...]\n");
        return EXIT_USAGE;
    }
    (void)sigfillset(&all);
    /* What a defect of ours raises must not be held back; and the terminal's stop signals are the program's business. */
    static const int own[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        (void)sigdelset(&all, own[i]);
    if (sigprocmask(SIG_BLOCK, &all, &before) < 0) {
        perror("creel-init: block signals");
        return EXIT_USAGE;
    }
    pid_t program = fork();
    if (program < 0) {
        perror("creel-init: fork");
        return EXIT_CANNOT_INVOKE;
    }
    if (program == 0)
        run(argv + first, &before);
    for (;;) {
        siginfo_t info;
        int signo = sigwaitinfo(&all, &info);
        if (signo < 0)
            continue; /* EINTR */
        if (signo != SIGCHLD) {
            (void)kill(program, signo); /* it may have ended: SIGCHLD comes next */
            continue;
        }
        int result = reap(program);
        if (result >= 0)
            return result;
    }
}
