/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/client_spawn.c: starting a monitor, detached from the calling process.
 *
 *   caller ──clone──► session leader ──clone──► creel-monitor
 *                         └─ ends at once, so that the monitor is nobody's child here and leaves no zombie
 *
 * Memory is shared until the exec, so nothing is copied. The caller does not wait for it: the leader has a stack of its
 * own, and spawn_settle, before the first request, sees to it that both are done with the caller's memory. As they run
 * beside the caller's thread with its thread-local storage, they make system calls without the C library (errno is the
 * caller's) and touch nothing but their stack and `struct spawn`. All signals stay blocked until the monitor is itself,
 * because a handler of the caller must not run in them. The leader ends without a signal (no SIGCHLD for a caller that
 * knows nothing of it).
 *
 * Where that is not possible (other processors, sanitizers) it is vfork, which waits. */
#include "monitor/client.h"

#include "monitor/link.h"
#include "monitor/protocol.h"
#include "sys/process.h"
#include "sys/self_guard.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SPAWN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SPAWN_SANITIZED 1
#endif
#endif
#if defined(__x86_64__) && !defined(SPAWN_SANITIZED)
#define SPAWN_BESIDE 1
#endif

struct spawn {
    int guard, sock, null;
    int cgroup;             /* of PROTOCOL_CGROUP in the unified hierarchy, or -1 */
    pid_t leader;
    char name[sizeof "creel-monitor"], blank[sizeof PROTOCOL_ARG_BLANK], born[sizeof PROTOCOL_ARG_IN_CGROUP];
    char *argv[4], *env[1];
    volatile int error;     /* set by a child that failed */
    const char *volatile where;
    char stack[16384] __attribute__((aligned(16)));
};

/* --- system calls of the children: -errno, and no trace in the caller's memory --- */

#ifdef SPAWN_BESIDE
static inline long raw(long nr, long a, long b, long c, long d, long e)
{
    long r;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return r;
}
#else
static inline long raw(long nr, long a, long b, long c, long d, long e)
{
    long r = syscall(nr, a, b, c, d, e);
    return r < 0 ? -errno : r;
}
#endif

__attribute__((noreturn)) static void end(int code)
{
    for (;;)
        (void)raw(SYS_exit_group, code, 0, 0, 0, 0);
}

__attribute__((noreturn)) static void fail(struct spawn *s, long error, const char *where)
{
    s->error = (int)-error;
    s->where = where;
    end(127);
}

/* --- the monitor's process, before its exec --- */

/* The caller made sure that `fd` is above all places, so the copy is never onto itself, which would keep close-on-exec. */
static long place(int fd, int at)
{
    return raw(SYS_dup3, fd, at, 0, 0, 0);
}

__attribute__((noreturn)) static void become_monitor(struct spawn *s)
{
    long r = 0;
    for (int fd = 0; fd < 3 && r >= 0; fd++)
        r = place(s->null, fd);
    if (r < 0 || (r = place(s->sock, PROTOCOL_SOCKET_FD)) < 0 || (r = place(s->guard, PROTOCOL_GUARD_FD)) < 0)
        fail(s, r, "set up descriptors for the monitor");
    r = raw(SYS_chdir, (long)"/", 0, 0, 0, 0);
    if (r >= 0)
        r = raw(SYS_execveat, PROTOCOL_GUARD_FD, (long)"", (long)s->argv, (long)s->env, AT_EMPTY_PATH);
    fail(s, r, "execute creel-monitor");
}

/* Like vfork; with `args`, born in a group. Returns only in the parent: the pid, or -errno. */
#ifdef SPAWN_BESIDE
__attribute__((noinline)) static long clone_monitor(struct spawn *s, struct clone_args *args)
{
    long r = args != NULL ? raw(SYS_clone3, (long)args, sizeof *args, 0, 0, 0)
                          : raw(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (r == 0)
        become_monitor(s); /* never returns into this frame, which the parent still needs */
    return r;
}
#else
static long clone_monitor(struct spawn *s, struct clone_args *args)
{
    if (args != NULL)
        return -ENOSYS;
#ifdef SPAWN_SANITIZED
    pid_t r = fork(); /* the sanitizer's vfork remembers one return address: ours would send the caller to our exit */
#else
    pid_t r = vfork();
#endif
    if (r == 0)
        become_monitor(s);
    return r < 0 ? -errno : r;
}
#endif

static int lead_session(void *arg)
{
    struct spawn *s = arg;
    long r = raw(SYS_setsid, 0, 0, 0, 0, 0);
    if (r < 0)
        fail(s, r, "make a session for the monitor");
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | SYS_CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
                               .cgroup = (uint64_t)s->cgroup };
    r = s->cgroup >= 0 ? clone_monitor(s, &args) : -ENOSYS;
    if (r < 0) {
        s->argv[2] = NULL; /* it will have to move itself */
        r = clone_monitor(s, NULL);
    }
    if (r < 0)
        fail(s, r, "make a process for the monitor");
    end(0);
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

static int start_leader(struct spawn *s)
{
#ifdef SPAWN_BESIDE
    s->leader = clone(lead_session, s->stack + sizeof s->stack, CLONE_VM, s);
#else
    s->leader = vfork();
    if (s->leader == 0)
        (void)lead_session(s);
#endif
    return s->leader < 0 ? -errno : 0;
}

static int spawn_run(struct spawn *s, struct creel_err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = start_leader(s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "make a process for the monitor") : 0;
}

int spawn_settle(struct spawn **spawn, struct creel_err *err)
{
    struct spawn *s = *spawn;
    int status;
    if (s == NULL)
        return 0;
    *spawn = NULL;
    /* ECHILD: the caller has a handler that was quicker; the leader is gone all the same, and so the monitor executed */
    while (s->leader > 0 && waitpid(s->leader, &status, __WALL) < 0 && errno == EINTR)
        ;
    int r = s->error == 0 ? 0 : creel_fail(err, CREEL_INTERNAL, s->error, "%s", s->where);
    (void)munmap(s, sizeof *s);
    return r;
}

/* Pages of its own: the children may outlive a caller that is killed, but never what they run on. */
static struct spawn *spawn_new(void)
{
    struct spawn *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    memcpy(s->name, "creel-monitor", sizeof s->name);
    memcpy(s->blank, PROTOCOL_ARG_BLANK, sizeof s->blank);
    memcpy(s->born, PROTOCOL_ARG_IN_CGROUP, sizeof s->born);
    s->argv[0] = s->name;
    s->argv[1] = s->blank;
    s->argv[2] = s->born;
    return s;
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
    struct monitor_link *l = link_new(ours);
    if (l == NULL)
        return creel_fail_nomem(err);
    (void)fd_take(&ours);
    l->spawn = spawn_new();
    if (l->spawn == NULL) {
        monitor_link_close(l);
        return creel_fail_nomem(err);
    }
    l->spawn->guard = guard;
    l->spawn->sock = theirs;
    l->spawn->null = null;
    l->spawn->cgroup = cgroup;
    if (spawn_run(l->spawn, err) < 0) {
        monitor_link_close(l);
        return -1;
    }
    *ret = l;
    return 0;
}
