/* SPDX-License-Identifier: Apache-2.0 */
/* sys/process.c: see sys/process.h. Nothing here allocates, locks or uses stdio. */
#include "sys/process.h"

#include "sys/forbidden.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static int or_errno(long r)
{
    return r < 0 ? -errno : (int)r;
}

/* clone(2) in its five-argument raw form; the order of the last two differs between architectures, and neither is used
 * here. */
static pid_t clone_old(unsigned long flags, int *ret_pidfd)
{
    int pidfd = -1;
    long pid = syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, 0);
    if (pid < 0 && errno == EINVAL) { /* before 5.2, or a filter */
        pidfd = -1;
        pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
    }
    if (pid < 0)
        return -errno;
    if (pid > 0)
        *ret_pidfd = pidfd;
    return (pid_t)pid;
}

static void reset_handled_signals(void)
{
    for (int s = 1; s < NSIG; s++) {
        struct sigaction old;
        if (s == SIGKILL || s == SIGSTOP || sigaction(s, NULL, &old) < 0)
            continue;
        if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
            const struct sigaction dfl = { .sa_handler = SIG_DFL };
            (void)sigaction(s, &dfl, NULL);
        }
    }
}

pid_t sys_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, bool *ret_in_cgroup)
{
    int pidfd = -1;
    struct clone_args args = {
        .flags = flags | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* a sibling has its parent's, and clone3 insists */
    };
    bool into_cgroup = (flags & SYS_CLONE_INTO_CGROUP) != 0;
    if (into_cgroup)
        args.cgroup = (uint64_t)cgroup_fd;
    *ret_pidfd = -1;
    if (ret_in_cgroup != NULL)
        *ret_in_cgroup = into_cgroup;
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0 && (errno == EINVAL || errno == E2BIG || errno == EACCES) && into_cgroup) {
        /* clone3 of 5.3 to 5.6 knows no cgroup; without the right to enter, somebody else may still move the child */
        args.flags &= ~SYS_CLONE_INTO_CGROUP;
        args.cgroup = 0;
        if (ret_in_cgroup != NULL)
            *ret_in_cgroup = false;
        pid = syscall(SYS_clone3, &args, CLONE_ARGS_SIZE_VER0);
    }
    if (pid < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL)) {
        /* Filters answer ENOSYS (or, in old ones, EPERM) to clone3. Whatever clone then says is the answer. */
        if (ret_in_cgroup != NULL)
            *ret_in_cgroup = false;
        pid = clone_old((unsigned long)(flags & 0xffffffffu), &pidfd);
        if (pid < 0)
            return (pid_t)pid;
        if (pid == 0 && (flags & SYS_CLONE_CLEAR_SIGHAND) != 0)
            reset_handled_signals();
    }
    if (pid < 0)
        return -errno;
    if (pid > 0) {
        if (pidfd < 0)
            pidfd = sys_pidfd_open((pid_t)pid); /* no reuse: it is our unreaped child */
        *ret_pidfd = pidfd < 0 ? -1 : pidfd;
    }
    return (pid_t)pid;
}

int sys_pidfd_open(pid_t pid)
{
    int r = or_errno(syscall(SYS_pidfd_open, pid, 0));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_pidfd_open, pid, ~0u));
}

/* The pid of a child that has not been reaped: nobody else gets it. 0: it is none, or cannot be found out. */
static pid_t pid_of_child(int pidfd)
{
    char path[40] = "/proc/self/fdinfo/", text[512], digits[12];
    size_t n = 0, at = sizeof "/proc/self/fdinfo/" - 1, len = 0;
    for (unsigned v = (unsigned)pidfd; n == 0 || v > 0; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n > 0)
        path[at++] = digits[--n];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || sys_read_all(fd, text, sizeof text - 1, &len) < 0)
        len = 0;
    if (fd >= 0)
        (void)close(fd);
    text[len] = '\0';
    const char *found = strstr(text, "\nPid:\t");
    pid_t pid = 0;
    siginfo_t info;
    for (const char *p = found != NULL ? found + 6 : ""; *p >= '0' && *p <= '9' && pid < 100000000; p++)
        pid = pid * 10 + (*p - '0');
    return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? pid : 0;
}

int sys_pidfd_send_signal(int pidfd, int signo)
{
    int r = or_errno(syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0));
    r = SYS_UNLESS_FORBIDDEN(r, syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, ~0u));
    pid_t pid = r == -ENOSYS ? pid_of_child(pidfd) : 0;
    return pid > 0 ? or_errno(kill(pid, signo)) : r;
}

int sys_pidfd_getfd(int pidfd, int fd)
{
    int r = or_errno(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_pidfd_getfd, pidfd, fd, ~0u));
}

int sys_wait_child(pid_t pid, int pidfd, int *ret_status)
{
    for (;;) {
        siginfo_t info = { .si_pid = 0 };
        if (pidfd >= 0 && waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0) {
            *ret_status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
                                                     : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
            return 0;
        }
        if (pidfd >= 0 && errno != EINTR && errno != EINVAL)
            return -errno;
        if (pidfd >= 0 && errno == EINTR)
            continue;
        pid_t r = waitpid(pid, ret_status, 0); /* before 5.4 */
        if (r == pid)
            return 0;
        if (r < 0 && errno != EINTR)
            return -errno;
    }
}

int sys_setns(int fd, int flags)
{
    return or_errno(setns(fd, flags));
}

int sys_unshare(int flags)
{
    return or_errno(unshare(flags));
}

struct linux_dirent64 { uint64_t d_ino; int64_t d_off; unsigned short d_reclen; unsigned char d_type; char d_name[]; };

/* "123" to 123; -1 for "." and "..". */
static long descriptor_number(const char *s)
{
    long n = 0;
    if (*s == '\0')
        return -1;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || n > 100000000)
            return -1;
        n = n * 10 + (*s - '0');
    }
    return n;
}

static int close_listed(unsigned first, unsigned last, bool cloexec)
{
    _Alignas(struct linux_dirent64) char buf[4096];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    bool again;
    do {
        again = false;
        long n;
        (void)lseek(dir, 0, SEEK_SET);
        while ((n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
            for (long at = 0; at < n;) {
                const struct linux_dirent64 *d = (const struct linux_dirent64 *)(void *)(buf + at);
                long fd = descriptor_number(d->d_name);
                at += d->d_reclen;
                if (fd < 0 || fd == dir || (unsigned long)fd < first || (unsigned long)fd > last)
                    continue;
                if (cloexec) {
                    (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
                } else if (close((int)fd) == 0) {
                    again = true; /* closing while listing may skip entries: look once more */
                }
            }
        }
        if (n < 0) {
            int e = errno;
            (void)close(dir);
            return -e;
        }
    } while (again);
    (void)close(dir);
    return 0;
}

/* Where procfs does not show us, as in that of a pid namespace we are not in: every number that can be in use. */
static int close_numbers(unsigned first, unsigned last, bool cloexec)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    for (unsigned long fd = first; fd <= last && fd < limit.rlim_cur; fd++) {
        if (cloexec)
            (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        else
            (void)close((int)fd);
    }
    return 0;
}

int sys_close_range(unsigned first, unsigned last, bool cloexec)
{
    if (first > last)
        return 0;
    if (syscall(SYS_close_range, first, last, cloexec ? SYS_CLOSE_RANGE_CLOEXEC : 0u) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
        return -errno;
    int r = close_listed(first, last, cloexec);
    return r == -ENOENT ? close_numbers(first, last, cloexec) : r;
}

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static void close_run(const int *fds, size_t count)
{
    if (count > 1 && syscall(SYS_close_range, fds[0], fds[count - 1], 0) == 0)
        return;
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

void sys_close_all(int *fds, size_t count)
{
    qsort(fds, count, sizeof *fds, by_number);
    for (size_t i = 0, end; i < count; i = end) {
        end = i + 1;
        if (fds[i] < 0)
            continue;
        while (end < count && fds[end] == fds[end - 1] + 1)
            end++;
        close_run(fds + i, end - i);
    }
    for (size_t i = 0; i < count; i++)
        fds[i] = -1;
}

int sys_execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
    return or_errno(syscall(SYS_execveat, dir, path, argv, envp, flags));
}

int sys_memfd(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before 6.3: always executable */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int sys_keyring_join(const char *name)
{
    return or_errno(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0));
}

int sys_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int sys_read_all(int fd, void *data, size_t size, size_t *ret_len)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, (char *)data + len, size - len);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return 0;
}

int sys_write_file(int dir, const char *path, const void *data, size_t len)
{
    int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t n;
    do {
        n = write(fd, data, len);
    } while (n < 0 && errno == EINTR);
    int r = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
    (void)close(fd);
    return r;
}

int sys_fs_is(int fd, unsigned long magic)
{
    struct statfs s;
    if (fstatfs(fd, &s) < 0)
        return -errno;
    return (unsigned long)s.f_type == magic;
}
