/* SPDX-License-Identifier: Apache-2.0 */
/* tests/system/attacker.c: what a hostile process in a container tries. Linked statically by security.bats.
 *
 *   attacker syscalls          one line "NAME ERRNO" (0 when it was allowed) per entry of the table below
 *   attacker entries           the forbidden mkdir-like call through int 0x80 and the x32 numbers
 *   attacker watch t|f|x|X|r [HOST-FILE]  until killed: take over, list the descriptors of, write the program of, look for
 *                              the host's file below the root of whatever appears
 *   attacker tty               push a character into the input queue of descriptors 0 to 2
 *   attacker scan              files of /proc and /sys that can be opened for writing
 *   attacker handle            open the directory with inode 2 of every mount by its handle
 *   attacker device M m b|c    make that node and open it
 *   attacker sockets TEXT      connect to every UNIX socket with an abstract name
 *   attacker fds               the open descriptors and what they are
 *   attacker ids                real, effective and saved user id
 *   attacker keyring            describe the session keyring, then add a key to it
 *   attacker forks N           N processes that go on forking for ever */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static const char *error_name(int e)
{
    const char *name = e == 0 ? "0" : strerrorname_np(e);
    return name != NULL ? name : "?";
}

static void say(const char *what, long r)
{
    printf("%s %s\n", what, error_name(r < 0 ? errno : 0));
    fflush(stdout);
}

/* --- the kernel's surface --- */

static int try_syscalls(void)
{
    static const struct { const char *name; long nr, a[5]; } calls[] = {
        { "io_uring_setup", SYS_io_uring_setup, { 1, 0 } },
        { "io_uring_enter", SYS_io_uring_enter, { 99, 0 } },
        { "io_uring_register", SYS_io_uring_register, { 99, 0 } },
        { "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0 } },
        { "add_key", SYS_add_key, { 0 } },
        { "request_key", SYS_request_key, { 0 } },
        { "bpf", SYS_bpf, { 0, 0, 0 } },
        { "userfaultfd", SYS_userfaultfd, { 1 } },
        { "perf_event_open", SYS_perf_event_open, { 0, 0, -1, -1, 0 } },
        { "kexec_load", SYS_kexec_load, { 0, 0, 0, 0 } },
        { "kexec_file_load", SYS_kexec_file_load, { -1, -1, 0, 0 } },
        { "swapon", SYS_swapon, { 0, 0 } },
        { "pivot_root", SYS_pivot_root, { 0, 0 } },
        { "mount", SYS_mount, { 0, 0, 0, 0, 0 } },
        { "umount2", SYS_umount2, { 0, 0 } },
        { "open_tree", SYS_open_tree, { -1, 0, 0 } },
        { "move_mount", SYS_move_mount, { -1, 0, -1, 0, 0 } },
        { "fsopen", SYS_fsopen, { 0, 0 } },
        { "fsconfig", SYS_fsconfig, { -1, 0, 0, 0, 0 } },
        { "fsmount", SYS_fsmount, { -1, 0, 0 } },
        { "fspick", SYS_fspick, { -1, 0, 0 } },
        { "mount_setattr", SYS_mount_setattr, { -1, 0, 0, 0, 0 } },
        { "setns", SYS_setns, { -1, 0 } },
        { "unshare user", SYS_unshare, { CLONE_NEWUSER } },
        { "unshare mount", SYS_unshare, { CLONE_NEWNS } },
        { "clone user", SYS_clone, { CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0 } },
        { "clone3", SYS_clone3, { 0, 0 } },
        { "init_module", SYS_init_module, { 0, 0, 0 } },
        { "finit_module", SYS_finit_module, { -1, 0, 0 } },
        { "delete_module", SYS_delete_module, { 0, 0 } },
        { "reboot", SYS_reboot, { 0, 0, 0, 0 } },
        { "acct", SYS_acct, { 0 } },
        { "settimeofday", SYS_settimeofday, { 0, 0 } },
        { "clock_settime", SYS_clock_settime, { 0, 0 } },
        { "quotactl", SYS_quotactl, { 0, 0, 0, 0 } },
        { "syslog", SYS_syslog, { 3, 0, 0 } },
        { "open_by_handle_at", SYS_open_by_handle_at, { -1, 0, 0 } },
        { "fanotify_init", SYS_fanotify_init, { 0, 0 } },
        { "kcmp", SYS_kcmp, { 1, 1, 0, 0, 0 } },
        { "pidfd_getfd", SYS_pidfd_getfd, { -1, 0, 0 } },
        { "process_madvise", SYS_process_madvise, { -1, 0, 0, 0, 0 } },
        { "sethostname", SYS_sethostname, { 0, 0 } },
        { "setdomainname", SYS_setdomainname, { 0, 0 } },
        { "move_pages", SYS_move_pages, { 0, 0, 0, 0, 0 } },
        { "vhangup", SYS_vhangup, { 0 } },
        { "personality odd", SYS_personality, { 0x0040000 /* ADDR_NO_RANDOMIZE */ } },
        { "personality 0", SYS_personality, { 0 } },
        { "socket AF_ALG", SYS_socket, { 38, SOCK_SEQPACKET, 0 } },
        { "socket AF_VSOCK", SYS_socket, { 40, SOCK_STREAM, 0 } },
        { "socket AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
        { "unknown", 4000, { 0 } },
#ifdef __x86_64__
        { "iopl", SYS_iopl, { 3 } },
        { "ioperm", SYS_ioperm, { 0, 1, 1 } },
        { "uselib", SYS_uselib, { 0 } },
        { "ustat", SYS_ustat, { 0, 0 } },
        { "sysfs", SYS_sysfs, { 3, 0, 0 } },
        { "lookup_dcookie", SYS_lookup_dcookie, { 0, 0, 0 } },
#endif
    };
    for (size_t i = 0; i < LEN(calls); i++) {
        const long *a = calls[i].a;
        long r = syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], 0);
        if (calls[i].nr == SYS_clone && r == 0)
            _exit(0);
        say(calls[i].name, r);
        if (calls[i].nr == SYS_personality && r >= 0)
            (void)syscall(SYS_personality, 0);
    }
    return 0;
}

#ifdef __x86_64__
static long call_by_interrupt(long nr, long a, long b)
{
    long r;
    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"(nr), "b"(a), "c"(b), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    errno = (int)r < 0 ? -(int)r : 0;
    return (int)r < 0 ? -1 : (int)r;
}
#endif

static int try_entries(void)
{
#ifdef __x86_64__
    /* unshare(CLONE_NEWUSER): 310 for 32-bit programs, 272 with the x32 bit for those. Both give -errno, ours or
     * the kernel's when that entry does not exist. */
    long r;
    r = call_by_interrupt(310, CLONE_NEWUSER, 0);
    say("int80 unshare", r);
    r = call_by_interrupt(288 /* keyctl */, 0, -3);
    say("int80 keyctl", r);
    r = call_by_interrupt(20 /* getpid */, 0, 0);
    say("int80 getpid", r);
    say("x32 unshare", syscall(0x40000000 | SYS_unshare, CLONE_NEWUSER));
    say("x32 keyctl", syscall(0x40000000 | SYS_keyctl, 0, -3, 0));
#endif
    say("native unshare", syscall(SYS_unshare, CLONE_NEWUSER));
    return 0;
}

/* --- processes that enter --- */

static void look_at_descriptors(int pid)
{
    char path[64], to[512];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);
        if (n <= 0)
            continue;
        to[n] = '\0';
        if (to[0] == '/' && strcmp(to, "/dev/null") != 0) {
            printf("fd %s -> %s\n", e->d_name, to);
            fflush(stdout);
        }
        struct stat st; /* through the link: a directory that is not reachable by name is one too */
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0
            && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
            printf("fd %s is a file or directory: %s\n", e->d_name, to);
            fflush(stdout);
        }
    }
    (void)closedir(d);
}

/* Whether the link leads to one of the engine's programs, by its name. */
static int is_ours_at(const char *path)
{
    char name[512];
    ssize_t n = readlink(path, name, sizeof name - 1);
    name[n < 0 ? 0 : n] = '\0';
    if (strcmp(name, "/") == 0) /* a file that is mounted nowhere */
        return 1;
    return strstr(name, "creel-") != NULL || strstr(name, "/creel") != NULL || strstr(name, "memfd:creel") != NULL;
}

/* Whether the program that `pid` executes right now is not one of the image's. */
static int foreign_program(int pid)
{
    char path[64];
    struct stat st, root;
    (void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
    if (is_ours_at(path))
        return 1;
    return stat(path, &st) == 0 && stat("/", &root) == 0 && st.st_dev != root.st_dev;
}

/* only_ours: not the programs of other images. */
static void look_at_program(int pid, int only_ours)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
    int held = open(path, O_RDONLY | O_CLOEXEC);
    if (held < 0)
        return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    int ours = is_ours_at(path);
    struct stat st, root;
    if (fstat(held, &st) == 0 && stat("/", &root) == 0 && (ours || (!only_ours && st.st_dev != root.st_dev))) {
        char again[64];
        printf("seen\n");
        (void)snprintf(again, sizeof again, "/proc/self/fd/%d", held);
        struct statvfs fs;
        int seals = fcntl(held, F_GET_SEALS), fd = open(again, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            puts("exe opened for writing");
            (void)close(fd);
        } else if (errno == ETXTBSY && !(seals >= 0 && (seals & F_SEAL_WRITE))
                   && (fstatvfs(held, &fs) < 0 || !(fs.f_flag & ST_RDONLY))) {
            puts("exe is only busy"); /* until the last process that executes it ends */
        }
        fflush(stdout);
    }
    (void)close(held);
}

static unsigned long long status_value(int pid, const char *field, int base)
{
    char path[64], line[256];
    unsigned long long value = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtoull(line + strlen(field), NULL, base);
    if (f != NULL)
        (void)fclose(f);
    return value;
}

/* A process that nobody can make do more than a few calls may hold what those take. */
static int is_locked_up(int pid)
{
    return status_value(pid, "NoNewPrivs:", 10) == 1 && status_value(pid, "Seccomp_filters:", 10) > 0
           && status_value(pid, "CapPrm:", 16) == UINT64_C(1) << 21;
}

/* Whether whoever takes `pid` over gains something. */
static void judge(int pid, const char *how)
{
    int more = (status_value(pid, "CapPrm:", 16) & ~status_value(getpid(), "CapPrm:", 16)) && !is_locked_up(pid);
    int free = status_value(pid, "Seccomp_filters:", 10) < status_value(getpid(), "Seccomp_filters:", 10);
    if (status_value(pid, "Tgid:", 10) == 0)
        return; /* it is gone, and what was read is nothing */
    if (more)
        printf("%s with more capabilities\n", how);
    if (free)
        printf("%s without a filter\n", how);
    fflush(stdout);
}

#ifdef __x86_64__
/* Make a stopped process do unshare(CLONE_NEWUTS), which takes CAP_SYS_ADMIN, where it was about to return from a call. */
static void abuse(int pid)
{
    struct user_regs_struct before, r;
    int status;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
        return;
    errno = 0;
    long code = ptrace(PTRACE_PEEKTEXT, pid, (void *)(before.rip - 2), NULL);
    if (errno != 0 || (code & 0xffff) != 0x050f) /* syscall */
        return;
    r = before;
    r.rip -= 2;
    r.rax = SYS_unshare;
    r.rdi = CLONE_NEWUTS;
    r.orig_rax = (unsigned long long)-1; /* not to be restarted */
    if (ptrace(PTRACE_SETREGS, pid, NULL, &r) == 0 && ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0
        && waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && ptrace(PTRACE_GETREGS, pid, NULL, &r) == 0) {
        printf(r.rax == 0 ? "made to use CAP_SYS_ADMIN\n" : "held\n");
        fflush(stdout);
    }
    if ((long long)before.rax <= -512 && (long long)before.rax >= -516) { /* was interrupted: again, as if nothing had been */
        before.rip -= 2;
        before.rax = before.orig_rax;
    }
    before.orig_rax = (unsigned long long)-1;
    (void)ptrace(PTRACE_SETREGS, pid, NULL, &before);
}
#else
static void abuse(int pid)
{
    (void)pid;
}
#endif

static const char *host_file = "/etc/hostname";

static void look_at_root(int pid)
{
    static const char *const links[] = { "root", "cwd" };
    for (size_t i = 0; i < LEN(links); i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "/proc/%d/%s%s", pid, links[i], host_file);
        if (access(path, F_OK) == 0) {
            printf("%s of the host\n", links[i]);
            fflush(stdout);
        }
    }
}

static void trace(int pid)
{
    int status;
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
        if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && waitpid(pid, &status, __WALL) == pid
            && WIFSTOPPED(status)) {
            judge(pid, "traced"); /* it stands still */
            if (foreign_program(pid))
                abuse(pid);
            (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
        }
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int foreign = foreign_program(pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        if (foreign)
            judge(pid, "memory opened");
        (void)close(fd);
    }
}

/* New pids only come after the last one, so the next few numbers are tried in a loop: faster than reading /proc. */
_Noreturn static void watch(const char *what)
{
    int last = getpid();
    puts("watching");
    fflush(stdout);
    for (;;) {
        for (int pid = last + 1; pid < last + 8; pid++) {
            if (kill(pid, 0) < 0 && errno == ESRCH)
                continue;
            for (int i = 0; i < 400 && kill(pid, 0) == 0; i++) {
                if (strchr(what, 't'))
                    trace(pid);
                if (strchr(what, 'f') && foreign_program(pid))
                    look_at_descriptors(pid);
                if (strchr(what, 'x'))
                    look_at_program(pid, 0);
                if (strchr(what, 'X'))
                    look_at_program(pid, 1);
                if (strchr(what, 'r'))
                    look_at_root(pid);
            }
            last = pid;
        }
    }
}

/* --- terminals, files, devices --- */

static int push_characters(void)
{
    for (int fd = 0; fd < 3; fd++) {
        char c = 'X';
        struct { char subcode, c; } linux_ioctl = { 3 /* TIOCL_PASTESEL */, 0 };
        char name[32];
        (void)snprintf(name, sizeof name, "TIOCSTI %d", fd);
        say(name, ioctl(fd, TIOCSTI, &c));
        (void)snprintf(name, sizeof name, "TIOCLINUX %d", fd);
        say(name, ioctl(fd, TIOCLINUX, &linux_ioctl));
    }
    return 0;
}

static void scan_directory(int parent, const char *name, const char *path, int depth)
{
    struct stat st;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 && depth < 40 ? fdopendir(fd) : NULL;
    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *full;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (strcmp(path, "/proc") == 0 && strspn(e->d_name, "0123456789") > 0) /* own and neighbours' pids */
            continue;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || asprintf(&full, "%s/%s", path, e->d_name) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            scan_directory(fd, e->d_name, full, depth + 1);
        } else if (S_ISREG(st.st_mode) && (st.st_mode & 0222) != 0) {
            int w = openat(fd, e->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
            if (w >= 0) {
                puts(full);
                (void)close(w);
            }
        }
        free(full);
    }
    (void)closedir(d);
}

static int scan(void)
{
    scan_directory(AT_FDCWD, "/proc", "/proc", 0);
    scan_directory(AT_FDCWD, "/sys", "/sys", 0);
    return 0;
}

/* The root directory of ext4 and others is inode 2; generation 0 and type 1 (FILEID_INO32_GEN) is how it was done. */
static int try_handle(void)
{
    struct { struct file_handle head; uint32_t body[2]; } h = {
        .head = { .handle_bytes = 8, .handle_type = 1 }, .body = { 2, 0 },
    };
    static const char *const mounts[] = { "/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
    for (size_t i = 0; i < LEN(mounts); i++) {
        int at = open(mounts[i], O_RDONLY | O_CLOEXEC);
        if (at >= 0)
            say(mounts[i], open_by_handle_at(at, &h.head, O_RDONLY));
    }
    return 0;
}

static int try_device(char **argv)
{
    dev_t dev = makedev((unsigned)strtoul(argv[0], NULL, 10), (unsigned)strtoul(argv[1], NULL, 10));
    mode_t type = argv[2][0] == 'b' ? S_IFBLK : S_IFCHR;
    const char *const paths[] = { "/tmp/node", "/dev/node" };
    for (size_t i = 0; i < LEN(paths); i++) {
        (void)unlink(paths[i]);
        int r = mknod(paths[i], type | 0666, dev);
        say("mknod", r);
        if (r == 0) {
            say("open", open(paths[i], O_RDWR | O_NONBLOCK | O_CLOEXEC));
            (void)unlink(paths[i]);
        }
    }
    return 0;
}

/* --- sockets, descriptors, processes --- */

static int try_sockets(void)
{
    char line[512];
    FILE *f = fopen("/proc/net/unix", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *name = strchr(line, '@');
        if (name == NULL)
            continue;
        name[strcspn(name, "\n")] = '\0';
        printf("%s\n", name);
    }
    if (f != NULL)
        (void)fclose(f);
    return 0;
}

static int list_descriptors(void)
{
    char path[64], to[512];
    for (int fd = 0; fd < 1024; fd++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, to, sizeof to - 1);
        if (n < 0)
            continue;
        to[n] = '\0';
        printf("%d %s\n", fd, to);
    }
    return 0;
}

static int show_ids(void)
{
    uid_t r, e, v;
    if (getresuid(&r, &e, &v) < 0)
        return 1;
    printf("%u %u %u\n", r, e, v);
    return 0;
}

static int try_keyring(void)
{
    char text[512] = "";
    if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1) < 0)
        perror("keyctl");
    puts(text);
    say("add_key", syscall(SYS_add_key, "user", "creel-test", "x", 1, KEY_SPEC_SESSION_KEYRING));
    return 0;
}

static int fork_for_ever(int count)
{
    for (int i = 0; i < count; i++) {
        if (fork() != 0)
            continue;
        (void)setsid(); /* out of every group a kill of groups would reach */
        for (;;) { /* live on in the child: no pid stays */
            pid_t p = fork();
            if (p > 0)
                _exit(0);
            if (p < 0)
                (void)poll(NULL, 0, 1);
        }
    }
    puts("forking");
    fflush(stdout);
    for (;;)
        (void)waitpid(-1, NULL, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    (void)signal(SIGPIPE, SIG_DFL);
    if (strcmp(what, "syscalls") == 0)
        return try_syscalls();
    if (strcmp(what, "entries") == 0)
        return try_entries();
    if (strcmp(what, "watch") == 0 && argc == 4)
        host_file = argv[3];
    if (strcmp(what, "watch") == 0 && (argc == 3 || argc == 4))
        watch(argv[2]);
    if (strcmp(what, "tty") == 0)
        return push_characters();
    if (strcmp(what, "scan") == 0)
        return scan();
    if (strcmp(what, "handle") == 0)
        return try_handle();
    if (strcmp(what, "device") == 0 && argc == 5)
        return try_device(argv + 2);
    if (strcmp(what, "sockets") == 0)
        return try_sockets();
    if (strcmp(what, "fds") == 0)
        return list_descriptors();
    if (strcmp(what, "ids") == 0)
        return show_ids();
    if (strcmp(what, "keyring") == 0)
        return try_keyring();
    if (strcmp(what, "forks") == 0 && argc == 3)
        return fork_for_ever((int)strtol(argv[2], NULL, 10));
    fputs("usage: attacker WHAT\n", stderr);
    return 2;
}
