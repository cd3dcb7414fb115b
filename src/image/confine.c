/* SPDX-License-Identifier: Apache-2.0 */
#include "image/confine.h"

#include "base/cleanup.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc 2.36 has these in <sys/mount.h>; older ones do not */
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif

#if defined(IMAGE_SANITIZED) /* a sanitizer's runtime makes calls of its own */
enum { FILTERED = 0 };
#else
enum { FILTERED = 1 };
#endif

static int step_fail(const char *what, struct creel_err *err)
{
    return creel_fail(err, errno == EPERM ? CREEL_DENIED : CREEL_INTERNAL, errno, "confining the archive worker: %s",
                      what);
}

int confine_begin(unsigned keep, struct creel_err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return step_fail("process attributes", err);
    int r = sys_close_range(keep, ~0u, false);
    if (r < 0) {
        errno = -r;
        return step_fail("closing descriptors", err);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)umask(0);
    return 0;
}

int confine_tree(int dir, bool recursive, bool read_only, struct creel_err *err)
{
    unsigned at_recursive = recursive ? AT_RECURSIVE : 0;
    auto_fd tree = open_tree(dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | at_recursive);
    if (tree < 0)
        return step_fail("copying the directory's mounts", err);
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | (read_only ? MOUNT_ATTR_RDONLY : 0),
        .propagation = MS_PRIVATE,
    };
    if (mount_setattr(tree, "", AT_EMPTY_PATH | at_recursive, &attr, sizeof attr) < 0)
        return step_fail("restricting the directory's mounts", err);
    return fd_take(&tree);
}

/* An empty directory to be in, for work that needs no files. */
static int empty_tree(struct creel_err *err)
{
    auto_fd fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0
        || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return step_fail("making an empty file system", err);
    int tree =
        fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    return tree < 0 ? step_fail("mounting an empty file system", err) : tree;
}

/* The tree becomes the root of a namespace that holds nothing else. Where the present root is no mount of its own (we
 * were started inside a chroot), the old root cannot be detached and chroot must do. */
static int change_root(int tree, struct creel_err *err)
{
    /* a host may forbid network namespaces (user.max_net_namespaces); the filter allows no socket anyway */
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0
        && ((errno != ENOSPC && errno != EINVAL) || unshare(CLONE_NEWNS) < 0))
        return step_fail("new namespaces", err);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return step_fail("private mounts", err);
    if (move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return step_fail("attaching the directory", err);
    if (fchdir(tree) < 0)
        return step_fail("entering the directory", err);
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) < 0)
            return step_fail("detaching the old root", err);
    } else if (errno != EINVAL || chroot(".") < 0) {
        return step_fail("changing the root", err);
    }
    return chdir("/") < 0 ? step_fail("entering the new root", err) : 0;
}

static int set_limits(const struct archive_limits *l, struct creel_err *err)
{
    const struct {
        int what;
        rlim_t value;
    } limits[] = {
        { RLIMIT_CORE, 0 },
        { RLIMIT_NOFILE, 8192 }, /* removing a tree holds one per level, at most 2048 */
        { RLIMIT_CPU, (rlim_t)l->seconds },
        { RLIMIT_FSIZE, (rlim_t)l->bytes },
        { RLIMIT_NPROC, 0 },
        { RLIMIT_MEMLOCK, 0 },
        { RLIMIT_MSGQUEUE, 0 },
#if !defined(IMAGE_SANITIZED) /* sanitizers reserve terabytes */
        { RLIMIT_AS, (rlim_t)l->memory },
#endif
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct rlimit now, want = { .rlim_cur = limits[i].value, .rlim_max = limits[i].value };
        if (getrlimit((__rlimit_resource_t)limits[i].what, &now) < 0)
            return step_fail("reading limits", err);
        if (now.rlim_max < want.rlim_max) /* never ask for more than there is: raising needs SYS_RESOURCE */
            want = (struct rlimit){ .rlim_cur = now.rlim_max, .rlim_max = now.rlim_max };
        if (setrlimit((__rlimit_resource_t)limits[i].what, &want) < 0)
            return step_fail("setting limits", err);
    }
    return 0;
}

static int set_capabilities(bool trusted_xattrs, struct creel_err *err)
{
    uint64_t keep = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_FOWNER | 1ull << CAP_FSETID
                    | 1ull << CAP_MKNOD | 1ull << CAP_SETFCAP | (trusted_xattrs ? 1ull << CAP_SYS_ADMIN : 0);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
            return step_fail("emptying the bounding set", err);
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct has[2];
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capget, &header, has) < 0)
        return step_fail("reading capabilities", err);
    keep &= has[0].permitted | (uint64_t)has[1].permitted << 32;
    struct __user_cap_data_struct want[2] = {
        { .permitted = (uint32_t)keep, .effective = (uint32_t)keep },
        { .permitted = (uint32_t)(keep >> 32), .effective = (uint32_t)(keep >> 32) },
    };
    return syscall(SYS_capset, &header, want) < 0 ? step_fail("dropping capabilities", err) : 0;
}

/* What reading, writing and looking at files takes; names that this architecture does not have are skipped. Anything
 * else fails with EPERM. */
static const int allowed_calls[] = {
    SCMP_SYS(read),         SCMP_SYS(write),           SCMP_SYS(readv),         SCMP_SYS(writev),
    SCMP_SYS(pread64),      SCMP_SYS(pwrite64),        SCMP_SYS(lseek),         SCMP_SYS(close),
    SCMP_SYS(close_range),  SCMP_SYS(fcntl),           SCMP_SYS(dup),           SCMP_SYS(poll),
    SCMP_SYS(ppoll),        SCMP_SYS(fstat),           SCMP_SYS(newfstatat),    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),      SCMP_SYS(getdents64),      SCMP_SYS(readlinkat),    SCMP_SYS(openat),
    SCMP_SYS(openat2),      SCMP_SYS(mkdirat),         SCMP_SYS(mknodat),       SCMP_SYS(linkat),
    SCMP_SYS(symlinkat),    SCMP_SYS(unlinkat),        SCMP_SYS(fchown),        SCMP_SYS(fchownat),
    SCMP_SYS(fchmod),       SCMP_SYS(utimensat),       SCMP_SYS(ftruncate),     SCMP_SYS(fallocate),
    SCMP_SYS(fsync),        SCMP_SYS(fdatasync),       SCMP_SYS(syncfs),        SCMP_SYS(fsetxattr),
    SCMP_SYS(fgetxattr),    SCMP_SYS(flistxattr),      SCMP_SYS(fchdir),        SCMP_SYS(copy_file_range),
    SCMP_SYS(brk),          SCMP_SYS(munmap),          SCMP_SYS(mremap),        SCMP_SYS(madvise),
    SCMP_SYS(futex),        SCMP_SYS(getrandom),       SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),  SCMP_SYS(rt_sigreturn),  SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),       SCMP_SYS(gettid),          SCMP_SYS(tgkill),        SCMP_SYS(exit),
    SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield),   SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
};

static int set_filter(struct creel_err *err)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (f == NULL)
        return creel_fail_nomem(err);
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(allowed_calls) && r == 0; i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    /* memory, but never executable */
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_load(f);
    seccomp_release(f);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "confining the archive worker: system call filter") : 0;
}

int confine_enter(struct confine *c, struct creel_err *err)
{
    auto_fd tree = fd_take(&c->tree);
    if (tree < 0 && (tree = empty_tree(err)) < 0)
        return -1;
    if (change_root(tree, err) < 0)
        return -1;
    fd_closep(&tree);
    if (set_limits(c->limits, err) < 0 || set_capabilities(c->trusted_xattrs, err) < 0)
        return -1;
    return FILTERED ? set_filter(err) : 0;
}
