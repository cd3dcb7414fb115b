/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/client_spawn.c: starting a monitor, detached from the calling process.
 *
 *   caller ──vfork──► session leader ──clone──► creel-monitor
 *                         └─ ends at once, so that the monitor is nobody's child here and leaves no zombie
 *
 * Memory is shared until the exec, so nothing is copied; the children touch only their own stack frame and `struct
 * spawn`. Signals are blocked meanwhile, because a handler of the caller must not run in them. */
#include "monitor/client.h"

#include "monitor/link.h"
#include "monitor/protocol.h"
#include "sys/process.h"
#include "sys/self_guard.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define SPAWN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SPAWN_SANITIZED 1
#endif
#endif

struct spawn {
    int guard, sock, null;
    int cgroup;             /* of PROTOCOL_CGROUP in the unified hierarchy, or -1 */
    char *argv[4];
    volatile int error;     /* set by a child that failed */
    volatile const char *where;
};

__attribute__((noreturn)) static void fail(struct spawn *s, const char *where)
{
    s->error = errno;
    s->where = where;
    _exit(127);
}

/* --- the monitor's process, before its exec --- */

/* dup2 onto itself would keep close-on-exec; move out of the way first what sits where another has to go. */
static int place(int fd, int at)
{
    if (fd == at)
        return fcntl(fd, F_SETFD, 0);
    return dup2(fd, at) < 0 ? -1 : 0;
}

__attribute__((noreturn)) static void become_monitor(struct spawn *s)
{
    char *env[] = { NULL };
    sigset_t none;
    sigemptyset(&none);
    /* the caller made sure that these are all above the places they go to */
    if (place(s->null, 0) < 0 || place(s->null, 1) < 0 || place(s->null, 2) < 0
        || place(s->sock, PROTOCOL_SOCKET_FD) < 0 || place(s->guard, PROTOCOL_GUARD_FD) < 0
        || sys_close_range(PROTOCOL_GUARD_FD + 1, ~0u, false) < 0)
        fail(s, "set up descriptors for the monitor");
    if (chdir("/") < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        fail(s, "set up the monitor's process");
    (void)sys_execveat(PROTOCOL_GUARD_FD, "", s->argv, env, AT_EMPTY_PATH);
    fail(s, "execute creel-monitor");
}

/* Like vfork, but born in s->cgroup. Returns only in the parent: the pid, or -errno. */
#if defined(__x86_64__) && !defined(SPAWN_SANITIZED)
__attribute__((noinline)) static long clone_into_cgroup(struct spawn *s)
{
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | SYS_CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
                               .cgroup = (uint64_t)s->cgroup };
    long r;
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "0"((long)SYS_clone3), "D"(&args), "S"(sizeof args)
                     : "rcx", "r11", "memory");
    if (r == 0)
        become_monitor(s); /* never returns into this frame, which the parent still needs */
    return r;
}
#else
static long clone_into_cgroup(struct spawn *s)
{
    (void)s;
    return -ENOSYS;
}
#endif

__attribute__((noreturn)) static void lead_session(struct spawn *s)
{
    if (setsid() < 0)
        fail(s, "make a session for the monitor");
    long r = s->cgroup >= 0 ? clone_into_cgroup(s) : -ENOSYS;
    if (r < 0) {
        s->argv[2] = NULL; /* it will have to move itself */
#ifdef SPAWN_SANITIZED
        r = fork(); /* the sanitizer's vfork remembers one return address: ours would send the caller to our _exit */
#else
        r = vfork();
#endif
        if (r == 0)
            become_monitor(s);
        if (r < 0)
            fail(s, "make a process for the monitor");
    }
    _exit(0);
}

/* --- the caller --- */

/* A descriptor's copy above those that the monitor keeps. */
static int lift(int *fd)
{
    if (*fd > PROTOCOL_GUARD_FD)
        return 0;
    int copy = fcntl(*fd, F_DUPFD_CLOEXEC, PROTOCOL_GUARD_FD + 1);
    if (copy < 0)
        return -1;
    (void)close(*fd);
    *fd = copy;
    return 0;
}

static int spawn_run(struct spawn *s, struct creel_err *err)
{
    sigset_t all, before;
    int status;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0)
        lead_session(s);
    int why = pid < 0 ? errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return creel_fail(err, creel_kind_of_errno(why), why, "make a process for the monitor");
    /* ECHILD: the caller ignores SIGCHLD or has a handler that was quicker; both children are done with all the same
     */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (s->error != 0)
        return creel_fail(err, CREEL_INTERNAL, s->error, "%s", (const char *)s->where);
    return 0;
}

static int open_cgroup(void)
{
    static const char *const places[] = {"/sys/fs/cgroup" PROTOCOL_CGROUP, "/sys/fs/cgroup/unified" PROTOCOL_CGROUP};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        int fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return -1; /* the first monitor after boot makes it */
}

int monitor_spawn(const char *libexec_dir, struct monitor_link **ret, struct creel_err *err)
{
    char blank[] = PROTOCOL_ARG_BLANK, name[] = "creel-monitor", born[] = PROTOCOL_ARG_IN_CGROUP;
    auto_free char *path = NULL;
    int pair[2];
    if (asprintf(&path, "%s/creel-monitor", libexec_dir) < 0)
        return creel_fail_nomem(err);
    auto_fd guard = self_guard_open(path, err);
    if (guard < 0)
        return creel_wrap(err, "starting the monitor");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make a socket for the monitor");
    auto_fd ours = pair[0];
    auto_fd theirs = pair[1];
    auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
    auto_fd cgroup = open_cgroup();
    if (null < 0 || lift(&null) < 0 || lift(&theirs) < 0 || lift(&guard) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "prepare descriptors for the monitor");
    struct spawn s = { .guard = guard, .sock = theirs, .null = null, .cgroup = cgroup,
                       .argv = { name, blank, born, NULL } };
    if (spawn_run(&s, err) < 0)
        return -1;
    *ret = link_new(ours);
    if (*ret == NULL)
        return creel_fail_nomem(err);
    (void)fd_take(&ours);
    return 0;
}
