/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/confine.c: see runtime/init/confine.h. Nothing here allocates, locks or uses stdio. */
#include "runtime/init/confine.h"

#include "runtime/init/text.h"
#include "spec/capability.h"
#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

enum { REAL_TIME_SIGNAL = 32 };   /* the first; nobody ignores those */

#define CAP_BIT(n) (UINT64_C(1) << (n))

/* The kernel's own, without the C library's id-change broadcast to threads, which takes locks. */
static int raw(long r)
{
    return r < 0 ? -errno : (int)r;
}

int confine_hide(struct launch_msg *fail)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
               ? launch_fail(fail, CREEL_INTERNAL, errno, "make the process unreadable for others", NULL)
               : 0;
}

/* Signals that are not at their default, a bit each from 1 on, as /proc/self/stat has them (fields 33 and 34: ignored, caught);
 * all of them when that cannot be read. Three calls instead of one for each signal. */
static uint64_t changed_signals(void)
{
    char text[1024];
    uint64_t value = 0, changed = 0;
    int field = 2, fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return UINT64_MAX;
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (; p != NULL && *p != '\0' && field < 35; p++) {
        if (*p == ' ') {
            changed |= field == 33 || field == 34 ? value : 0;
            value = 0;
            field++;
        } else if (*p >= '0' && *p <= '9') {
            value = value * 10 + (uint64_t)(*p - '0');
        }
    }
    return field == 35 ? changed : UINT64_MAX;
}

int confine_begin(bool hide, struct launch_msg *fail)
{
    if (hide && confine_hide(fail) < 0)
        return -1;
    /* Handlers are gone since the clone; what the caller ignores (nohup, SIGPIPE) is not. */
    const uint64_t changed = changed_signals();
    for (int s = 1; s < REAL_TIME_SIGNAL; s++) {
        if (s == SIGKILL || s == SIGSTOP || (changed & (UINT64_C(1) << (s - 1))) == 0)
            continue;
        struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action = { 0 };
        (void)syscall(SYS_rt_sigaction, s, &action, NULL, sizeof action.mask);
    }
    uint64_t none = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    (void)umask(0);
    return 0;
}

/* --- settings --- */

/* Write one of our own files in a genuine procfs: no link, no other mount on the way (security.md P3). */
static int write_own(int self, const char *file, const char *text, size_t len)
{
    int fd = sys_open_no_links(self, file, O_WRONLY, 1);
    if (fd < 0)
        return fd;
    ssize_t n = write(fd, text, len);
    int r = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
    (void)close(fd);
    return r;
}

static int set_oom_score(const struct process_plan *p, int self, struct launch_msg *fail)
{
    char digits[TEXT_NUMBER_MAX];
    if (!p->oom_set)
        return 0;
    const char *text = text_number(p->oom_score_adj, digits);
    int r = write_own(self, "oom_score_adj", text, strlen(text));
    if (r == -EACCES)
        return launch_fail(fail, CREEL_DENIED, -r, "set oomScoreAdj to ", text,
                           ": a score below the caller's needs CAP_SYS_RESOURCE", NULL);
    return r < 0 ? launch_fail(fail, CREEL_INTERNAL, -r, "set oomScoreAdj to ", text, NULL) : 0;
}

/* Write a label and read it back: a write that went somewhere else must not count. */
static int write_label(int self, const char *file, const char *prefix, const char *label)
{
    char text[600], back[700];
    size_t a = strlen(prefix), b = strlen(label), len = 0;
    if (a + b >= sizeof text)
        return -ENAMETOOLONG;
    memcpy(text, prefix, a);
    memcpy(text + a, label, b + 1);
    int r = write_own(self, file, text, a + b);
    if (r < 0)
        return r;
    int fd = sys_open_no_links(self, file, O_RDONLY, 1);
    if (fd < 0)
        return fd;
    r = sys_read_all(fd, back, sizeof back - 1, &len);
    (void)close(fd);
    if (r < 0)
        return r;
    return len >= b && memcmp(back, label, b) == 0 ? 0 : -EBADE;
}

static int set_labels(const struct process_plan *p, int self, struct launch_msg *fail)
{
    if (p->apparmor != NULL && strcmp(p->apparmor, "unconfined") != 0) {
        int r = write_label(self, "attr/apparmor/exec", "exec ", p->apparmor);
        if (r == -ENOENT)
            r = write_label(self, "attr/exec", "exec ", p->apparmor);
        if (r < 0)
            return launch_fail(fail, r == -EINVAL || r == -ENOENT ? CREEL_INVALID : CREEL_INTERNAL, -r,
                               "apply apparmor profile ", p->apparmor, NULL);
    }
    if (p->selinux != NULL) {
        int r = write_label(self, "attr/exec", "", p->selinux);
        if (r < 0)
            return launch_fail(fail, r == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -r, "apply SELinux label ",
                               p->selinux, NULL);
    }
    return 0;
}

static int set_final_affinity(const struct process_cpus *c, struct launch_msg *fail)
{
    if (c->set && syscall(SYS_sched_setaffinity, 0, sizeof c->mask, c->mask) < 0)
        return launch_fail(fail, errno == EINVAL ? CREEL_INVALID : CREEL_INTERNAL, errno,
                           "set the final CPU affinity", NULL);
    return 0;
}

static int set_scheduling(const struct process_plan *p, struct launch_msg *fail)
{
    static const unsigned long all[PROCESS_CPU_MASK_WORDS] = { [0 ... PROCESS_CPU_MASK_WORDS - 1] = ~0ul };
    if (p->cpus_reset) /* the kernel takes those of them that the cgroup has */
        (void)syscall(SYS_sched_setaffinity, 0, sizeof all, all);
    if (p->sched_set && syscall(SYS_sched_setattr, 0, &p->sched, 0) < 0)
        return launch_fail(fail, errno == EINVAL ? CREEL_INVALID : errno == EPERM ? CREEL_DENIED : CREEL_INTERNAL, errno,
                           "set the scheduler", errno == EPERM && p->cpus_limited
                               ? ": process scheduler can't be used together with AllowedCPUs" : "", NULL);
    if (p->ioprio >= 0 && syscall(SYS_ioprio_set, 1 /* a process */, 0, p->ioprio) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "set the I/O priority", NULL);
    if (p->mempolicy_set
        && syscall(SYS_set_mempolicy, p->mempolicy, p->nodes, sizeof p->nodes * CHAR_BIT) < 0)
        return launch_fail(fail, errno == EINVAL ? CREEL_INVALID : CREEL_INTERNAL, errno, "set the memory policy",
                           NULL);
    if (p->personality_set && syscall(SYS_personality, p->personality) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "set the personality", NULL);
    return 0;
}

bool confine_needs_proc(const struct process_plan *p)
{
    return p->oom_set || p->apparmor != NULL || p->selinux != NULL;
}

int confine_settings(const struct process_plan *p, int self, struct launch_msg *fail)
{
    if (set_oom_score(p, self, fail) < 0 || set_scheduling(p, fail) < 0)
        return -1;
    return set_labels(p, self, fail);
}

int confine_settings_early(const struct process_plan *p, struct launch_msg *fail)
{
    int self = -1;
    if (confine_needs_proc(p)) {
        self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (self < 0 || sys_fs_is(self, PROC_SUPER_MAGIC) != 1)
            return launch_fail(fail, CREEL_INTERNAL, self < 0 ? errno : 0, "find myself in a genuine /proc", NULL);
    }
    int r = confine_settings(p, self, fail);
    if (self >= 0)
        (void)close(self);
    return r;
}

int confine_keyring(const struct process_plan *p, struct launch_msg *fail)
{
    int r = p->keyring == NULL ? 0 : sys_keyring_join(p->keyring);
    /* A kernel without keys, or a filter around us: there is then no keyring to share either. */
    if (r < 0 && r != -ENOSYS && r != -EPERM)
        return launch_fail(fail, r == -EDQUOT ? CREEL_EXHAUSTED : CREEL_INTERNAL, -r, "join session keyring ",
                           p->keyring, NULL);
    return 0;
}

int confine_session(int tty, struct launch_msg *fail)
{
    if (setsid() < 0 && errno != EPERM) /* EPERM: leads a group already */
        return launch_fail(fail, CREEL_INTERNAL, errno, "start a session", NULL);
    if (tty >= 0 && ioctl(tty, TIOCSCTTY, 0) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "make the terminal the controlling one", NULL);
    return 0;
}

/* --- descriptors --- */

/* A pipe that was made for this container belongs to its user, or /dev/stdout could not be opened by it. Nothing else
 * changes owner: not files, sockets, devices or terminals of the host. */
static void give_pipe(int fd, uid_t uid)
{
    struct stat st;
    if (uid != 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && sys_fs_is(fd, PIPEFS_MAGIC) == 1)
        (void)!fchown(fd, uid, (gid_t)-1); /* it still works through the descriptor */
}

/* Above `below`, so that nothing that is put there later hits it. */
static int move_up(int *fd, int below, struct launch_msg *fail)
{
    if (*fd > below)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, below + 1);
    if (moved < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "move the launch socket", NULL);
    *fd = moved;
    return 0;
}

int confine_descriptors(const struct process_plan *p, const int stdio[3], int preserve, bool give_pipes, int *sock,
                        int *gate, struct launch_msg *fail)
{
    int from[3], keep = 3 + preserve, last = gate != NULL ? keep + 1 : keep;
    for (int i = 0; i < 3; i++) {
        /* Out of the way first, if it would be overwritten before its turn. */
        from[i] = stdio[i] < 3 && stdio[i] != i ? fcntl(stdio[i], F_DUPFD_CLOEXEC, last + 1) : stdio[i];
        if (from[i] < 0)
            return launch_fail(fail, CREEL_INTERNAL, errno, "duplicate standard streams", NULL);
    }
    if (move_up(sock, last, fail) < 0 || (gate != NULL && move_up(gate, last, fail) < 0)) /* they may sit on 0 to 2 */
        return -1;
    for (int i = 0; i < 3; i++) {
        int r = from[i] == i ? fcntl(i, F_SETFD, 0) : dup2(from[i], i);
        if (r < 0)
            return launch_fail(fail, CREEL_INTERNAL, errno, "set up standard streams", NULL);
        if (give_pipes)
            give_pipe(i, p->uid);
    }
    for (int fd = 3; fd < keep; fd++)
        if (fcntl(fd, F_SETFD, 0) < 0)
            return launch_fail(fail, CREEL_INTERNAL, errno, "keep the descriptors passed on", NULL);
    if (dup3(*sock, keep, O_CLOEXEC) < 0 || (gate != NULL && dup3(*gate, last, O_CLOEXEC) < 0))
        return launch_fail(fail, CREEL_INTERNAL, errno, "move the launch socket", NULL);
    *sock = keep;
    if (gate != NULL)
        *gate = last;
    int r = sys_close_range((unsigned)last + 1, ~0u, false);
    return r < 0 ? launch_fail(fail, CREEL_INTERNAL, -r, "close descriptors", NULL) : 0;
}

/* --- home and working directory --- */

/* "name:x:1000:1000:comment:/home/x:/bin/sh": the sixth field if the third is `uid`. */
static bool passwd_line_home(const char *line, uid_t uid, char *home, size_t size)
{
    const char *field[6];
    size_t n = 0;
    field[n++] = line;
    for (const char *p = line; *p != '\0' && n < 6; p++)
        if (*p == ':')
            field[n++] = p + 1;
    if (n < 6)
        return false;
    char digits[TEXT_NUMBER_MAX];
    const char *want = text_number(uid, digits);
    size_t len = strlen(want);
    if (strncmp(field[2], want, len) != 0 || field[2][len] != ':')
        return false;
    size_t k = strcspn(field[5], ":");
    if (k == 0 || field[5][0] != '/' || k >= size)
        return false;
    memcpy(home, field[5], k);
    home[k] = '\0';
    return true;
}

static bool passwd_home(int fd, uid_t uid, char *home, size_t size)
{
    enum { READ_MAX = 1 << 20 };
    char block[4096], line[1024];
    size_t len = 0, total = 0, got = 0;
    bool too_long = false;
    while (total < READ_MAX && sys_read_all(fd, block, sizeof block, &got) == 0 && got > 0) {
        total += got;
        for (size_t i = 0; i < got; i++) {
            if (block[i] != '\n') {
                if (len + 1 < sizeof line)
                    line[len++] = block[i];
                else
                    too_long = true;
                continue;
            }
            line[len] = '\0';
            if (!too_long && passwd_line_home(line, uid, home, size))
                return true;
            len = 0;
            too_long = false;
        }
    }
    line[len] = '\0';
    return !too_long && passwd_line_home(line, uid, home, size);
}

void confine_home(const struct process_plan *p)
{
    if (p->env_home < 0)
        return;
    char *home = p->home;
    memcpy(home, "HOME=/", 7);
    /* We are inside the root: links cannot lead out. Not blocking, because it could be a fifo. */
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && !passwd_home(fd, p->uid, home + 5, PROCESS_HOME_MAX - 5))
        memcpy(home, "HOME=/", 7);
    if (fd >= 0)
        (void)close(fd);
    p->envp[p->env_home] = home;
}

/* The kernel puts "(unreachable)" in front of a directory that cannot be reached from our root: then some descriptor of
 * the host led there (CVE-2024-21626). */
static int check_reachable(const struct process_plan *p, struct launch_msg *fail)
{
    char path[PATH_MAX];
    long n = syscall(SYS_getcwd, path, sizeof path);
    if (n < 0 && errno == ENOENT)
        return launch_fail(fail, CREEL_INVALID, ENOENT, "working directory ", p->cwd, NULL);
    if (n < 0 && errno != ERANGE)
        return launch_fail(fail, CREEL_INTERNAL, errno, "look at working directory ", p->cwd, NULL);
    if (n >= 0 && path[0] != '/')
        return launch_fail(fail, CREEL_DENIED, 0, "working directory ", p->cwd,
                           " is outside of the container's root", NULL);
    return 0;
}

static int make_directory(const char *path)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int fd = sys_make_in_root(root, path, SYS_MAKE_DIR);
    (void)close(root);
    if (fd < 0)
        return fd;
    int r = fchdir(fd) < 0 ? -errno : 0;
    (void)close(fd);
    return r;
}

int confine_directory(const struct process_plan *p, bool make, struct launch_msg *fail)
{
    int r = chdir(p->cwd) < 0 ? -errno : 0;
    if (r == -ENOENT && make)
        r = make_directory(p->cwd);
    if (r < 0)
        return launch_fail(fail, CREEL_INVALID, -r, "chdir to working directory ", p->cwd, NULL);
    return check_reachable(p, fail);
}

/* --- identity --- */

static int set_rlimit(const struct process_rlimit *r, struct launch_msg *fail)
{
    if (syscall(SYS_prlimit64, 0, r->resource, &r->value, NULL) == 0)
        return 0;
    char soft[TEXT_NUMBER_MAX], hard[TEXT_NUMBER_MAX];
    int e = errno;
    return launch_fail(fail, e == EPERM ? CREEL_DENIED : CREEL_INVALID, e, "set ", r->name, " to ",
                       text_number((long long)r->value.rlim_cur, soft), ":",
                       text_number((long long)r->value.rlim_max, hard),
                       e == EPERM ? " (raising the hard limit needs CAP_SYS_RESOURCE)" : "", NULL);
}

int confine_rlimits(const struct process_plan *p, bool is_guide, struct launch_msg *fail)
{
    for (size_t i = 0; i < p->rlimit_count; i++) {
        const struct process_rlimit *r = &p->rlimits[i];
        struct rlimit now;
        if (is_guide && r->resource == RLIMIT_NPROC && syscall(SYS_prlimit64, 0, r->resource, NULL, &now) == 0
            && r->value.rlim_max <= now.rlim_max)
            continue;
        if (set_rlimit(r, fail) < 0)
            return -1;
    }
    return 0;
}

int confine_rlimit_processes(const struct process_plan *p, struct launch_msg *fail)
{
    for (size_t i = 0; i < p->rlimit_count; i++)
        if (p->rlimits[i].resource == RLIMIT_NPROC && set_rlimit(&p->rlimits[i], fail) < 0)
            return -1;
    return 0;
}

static bool holds_admin(const struct process_plan *p)
{
    return p->seccomp != NULL && !p->no_new_privileges
           && !(p->caps.permitted & p->caps.effective & CAP_BIT(CAP_SYS_ADMIN));
}

static int cap_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[2] = {
        { (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
        { (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
    };
    return raw(syscall(SYS_capset, &head, data));
}

/* Name what is asked for and not held; that is what EPERM means here. */
static int fail_caps(const struct process_plan *p, int sys, struct launch_msg *fail)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
    if (syscall(SYS_capget, &head, data) == 0) {
        uint64_t held = data[0].permitted | (uint64_t)data[1].permitted << 32;
        uint64_t missing = (p->caps.permitted | p->caps.effective | p->caps.inheritable) & ~held;
        for (unsigned i = 0; i < 64; i++)
            if ((missing & CAP_BIT(i)) != 0 && capability_name(i) != NULL)
                return launch_fail(fail, CREEL_DENIED, sys, "give the process ", capability_name(i),
                                   ": the caller does not have it", NULL);
    }
    return launch_fail(fail, CREEL_INTERNAL, sys, "set capabilities", NULL);
}

static int drop_bounding(const struct process_plan *p, struct launch_msg *fail)
{
    for (unsigned long c = 0; c < 64; c++) {
        if (p->caps.bounding & CAP_BIT(c))
            continue;
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL)
            return 0; /* past the kernel's last one */
        return launch_fail(fail, CREEL_INTERNAL, errno, "drop capabilities from the bounding set", NULL);
    }
    return 0;
}

/* Never skipped, so that the caller's groups are not inherited. A user namespace may forbid it: then none may be asked
 * for, and we must have none, but for those an unprivileged caller cannot give up. */
static int set_groups(const struct process_plan *p, struct launch_msg *fail)
{
    if (raw(syscall(SYS_setgroups, p->group_count, p->groups)) == 0)
        return 0;
    int e = errno;
    if (e == EPERM && p->group_count == 1 && (p->groups_fixed || syscall(SYS_getgroups, 0, NULL) == 0))
        return 0;
    return launch_fail(fail, CREEL_INTERNAL, e, "set supplementary groups", NULL);
}

static int set_ambient(const struct process_plan *p, struct launch_msg *fail)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return launch_fail(fail, CREEL_INTERNAL, errno, "clear ambient capabilities", NULL);
    for (unsigned c = 0; c < 64; c++)
        if ((p->caps.ambient & CAP_BIT(c)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
            return launch_fail(fail, CREEL_INTERNAL, errno, "raise ambient capability ", capability_name(c), NULL);
    return 0;
}

int confine_identity(const struct process_plan *p, struct launch_msg *fail)
{
    if (drop_bounding(p, fail) < 0 || set_groups(p, fail) < 0)
        return -1;
    if (p->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "keep capabilities", NULL);
    char id[TEXT_NUMBER_MAX];
    int r = raw(syscall(SYS_setresgid, p->gid, p->gid, p->gid));
    if (r < 0)
        return launch_fail(fail, r == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -r, "set the group id to ",
                           text_number(p->gid, id), NULL);
    r = raw(syscall(SYS_setresuid, p->uid, p->uid, p->uid));
    if (r < 0)
        return launch_fail(fail, r == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -r, "set the user id to ",
                           text_number(p->uid, id), NULL);
    if (confine_hide(fail) < 0) /* the change of ids made it what the host's sysctl says */
        return -1;
    uint64_t held = holds_admin(p) ? CAP_BIT(CAP_SYS_ADMIN) : 0;
    r = cap_set(p->caps.effective | held, p->caps.permitted | held, p->caps.inheritable);
    if (r < 0)
        return fail_caps(p, -r, fail);
    if (set_ambient(p, fail) < 0)
        return -1;
    (void)umask(p->umask);
    /* After the last change of credentials, which would clear it, and before init waits to be let go: if the parent dies
     * first, that wait ends with the end of file. */
    return confine_follow_parent(p, fail);
}

int confine_follow_parent(const struct process_plan *p, struct launch_msg *fail)
{
    if (p->die_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "ask to end with the parent", NULL);
    return 0;
}

/* --- the command --- */

static int fail_command(struct launch_msg *fail, const char *name, int sys)
{
    /* Scripts look for these words (they are Docker's); errno is told in them, hence not a second time. */
    switch (sys) {
    case ENOENT:
        return launch_fail(fail, CREEL_NO_COMMAND, 0, "exec: \"", name, "\": stat ", name,
                           ": no such file or directory", NULL);
    case ENOTDIR:
        return launch_fail(fail, CREEL_NO_COMMAND, 0, "exec: \"", name, "\": stat ", name, ": not a directory", NULL);
    case EISDIR:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec: \"", name, "\": is a directory: permission denied",
                           NULL);
    case EACCES:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec: \"", name, "\": permission denied", NULL);
    default:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, sys, "exec: \"", name, "\"", NULL);
    }
}

/* 0 or the errno that says why not. */
static int check_command(const char *path)
{
    struct stat st;
    if (syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0) /* not the C library's, which tries faccessat2 first */
        return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? EISDIR : 0;
    int e = errno;
    if (e == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return EISDIR;
    /* That was without the capabilities that execve counts; the newer call is asked only where it could matter. */
    if (e == EACCES && syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
        return 0;
    return e;
}

int confine_find(const struct process_plan *p, char path[PATH_MAX], struct launch_msg *fail)
{
    const char *name = p->argv[0];
    size_t n = strlen(name);
    if (strchr(name, '/') != NULL) {
        if (n >= PATH_MAX)
            return fail_command(fail, name, ENAMETOOLONG);
        memcpy(path, name, n + 1);
        int e = check_command(path);
        return e == 0 ? 0 : fail_command(fail, name, e);
    }
    bool denied = false;
    for (const char *dir = p->path; n > 0;) {
        size_t len = strcspn(dir, ":");
        /* An empty entry would mean the working directory; nobody means that. */
        if (len > 0 && len + 1 + n < PATH_MAX) {
            memcpy(path, dir, len);
            path[len] = '/';
            memcpy(path + len + 1, name, n + 1);
            int e = check_command(path);
            if (e == 0)
                return 0;
            denied |= e == EACCES;
        }
        if (dir[len] == '\0')
            break;
        dir += len + 1;
    }
    if (denied)
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec: \"", name, "\": permission denied", NULL);
    return launch_fail(fail, CREEL_NO_COMMAND, 0, "exec: \"", name, "\": executable file not found in $PATH", NULL);
}

static int pass_listener(int listener, int sock, struct launch_msg *fail)
{
    struct launch_msg m;
    memset(&m, 0, sizeof m);
    m.step = LAUNCH_LISTENER;
    m.sys = listener;
    if (write(sock, &m, sizeof m) != (ssize_t)sizeof m)
        return launch_fail(fail, CREEL_INTERNAL, errno, "pass on the seccomp descriptor", NULL);
    ssize_t n;
    do {
        n = read(sock, &m, sizeof m);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        _exit(1);
    if (n != (ssize_t)sizeof m || m.step != LAUNCH_LISTENED)
        return launch_fail(fail, CREEL_INTERNAL, n < 0 ? errno : 0, "wait for the seccomp listener", NULL);
    return 0;
}

static int load_filter(const struct process_plan *p, int sock, struct launch_msg *fail)
{
    if (p->seccomp == NULL)
        return 0;
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->seccomp_flags, p->seccomp);
    if (r < 0 && errno == EINVAL && (p->seccomp_flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW)) /* before Linux 4.17 */
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->seccomp_flags & ~(unsigned)SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                    p->seccomp);
    if (r >= 0)
        return p->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? pass_listener((int)r, sock, fail) : 0;
    int e = errno;
    if (e == ENOSYS || e == EINVAL) /* a kernel from before the system call: the same without flags */
        if ((p->seccomp_flags & ~(unsigned)SECCOMP_FILTER_FLAG_SPEC_ALLOW) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, p->seccomp, 0, 0) == 0)
            return 0;
    return launch_fail(fail, CREEL_INTERNAL, e, "load the seccomp filter", NULL);
}

int confine_lock(const struct process_plan *p, int sock, struct launch_msg *fail)
{
    if (set_final_affinity(&p->cpu_final, fail) < 0)
        return -1;
    if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "set no_new_privs", NULL);
    if (load_filter(p, sock, fail) < 0)
        return -1;
    if (holds_admin(p)) {
        int r = cap_set(p->caps.effective, p->caps.permitted, p->caps.inheritable);
        if (r < 0)
            return launch_fail(fail, CREEL_INTERNAL, -r, "give up CAP_SYS_ADMIN", NULL);
    }
    return 0;
}

int confine_execute(const struct process_plan *p, const char *path, struct launch_msg *fail)
{
    (void)syscall(SYS_execve, path, p->argv, p->envp);
    switch (errno) {
    case ENOENT: /* it was there when we looked: the interpreter is missing */
        return launch_fail(fail, CREEL_NO_COMMAND, 0, "exec ", path, ": no such file or directory", NULL);
    case ENOEXEC:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec ", path, ": exec format error", NULL);
    case EACCES:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec ", path, ": permission denied", NULL);
    case E2BIG:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, 0, "exec ", path, ": argument list too long", NULL);
    default:
        return launch_fail(fail, CREEL_CANNOT_INVOKE, errno, "exec ", path, NULL);
    }
}

int confine_end(const struct process_plan *p, const char *path, int sock, struct launch_msg *fail)
{
    return confine_lock(p, sock, fail) < 0 ? -1 : confine_execute(p, path, fail);
}
