/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/procfs_opener.c: see runtime/init/procfs_opener.h.
 *
 * fsopen takes CAP_SYS_ADMIN, which the process therefore has while others in the namespace can take it over. So before
 * it appears there: its root is an empty file system that is mounted nowhere, its only descriptor the launch socket, and
 * its filter lets it open a context, send it, and end. A context without fsconfig's CREATE, which checks its caller, is
 * worth nothing. */
#include "runtime/init/procfs_opener.h"

#include "runtime/init/confine.h"
#include "runtime/init/guide.h"
#include "runtime/init/init.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define OWN_ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ARCH AUDIT_ARCH_PPC64LE
#else
#error "name this architecture's AUDIT_ARCH_*"
#endif

static int enter_emptiness(struct launch_msg *fail)
{
    int fs = sys_fsopen("tmpfs");
    if (fs == -ENOSYS || fs == -EPERM)
        return launch_fail(fail, CREEL_UNSUPPORTED, -fs, "it needs fsopen, which is missing or forbidden here", NULL);
    int r = fs < 0 ? fs : sys_fsconfig_create(fs);
    int root = r < 0 ? r : sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (root < 0)
        return launch_fail(fail, CREEL_INTERNAL, -root, "make an empty file system", NULL);
    if (fchdir(root) < 0 || chroot(".") < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "enter an empty file system", NULL);
    (void)close(root);
    (void)close(fs);
    return 0;
}

static int keep_only_admin(struct launch_msg *fail)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[2] = { { .effective = 1u << CAP_SYS_ADMIN, .permitted = 1u << CAP_SYS_ADMIN } };
    if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_capset, &head, data) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "give up capabilities", NULL);
    return confine_hide(fail);
}

static int load_filter(struct launch_msg *fail)
{
    enum { NUMBER = offsetof(struct seccomp_data, nr), ARCH = offsetof(struct seccomp_data, arch) };
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
        ALLOW(SYS_clone3), ALLOW(SYS_clone), ALLOW(SYS_recvmsg), ALLOW(SYS_fsopen), ALLOW(SYS_sendmsg),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
#undef ALLOW
    const struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "load the filter of the opener of procfs", NULL);
    return 0;
}

static int enter_namespace(int pid_ns, struct launch_msg *fail)
{
    int r = sys_setns(pid_ns, CLONE_NEWPID);
    (void)close(pid_ns);
    return r < 0 ? launch_fail(fail, CREEL_INTERNAL, -r, "join the pid namespace", NULL) : 0;
}

_Noreturn void init_procfs_opener(int sock, int pid_ns)
{
    const int keep[2] = { sock < pid_ns ? sock : pid_ns, sock < pid_ns ? pid_ns : sock };
    struct launch_msg fail = { 0 };
    (void)close(0);
    (void)close(1);
    (void)close(2);
    if (confine_begin(true, &fail) < 0 || init_close_others(keep, 2, &fail) < 0 || enter_namespace(pid_ns, &fail) < 0
        || enter_emptiness(&fail) < 0 || keep_only_admin(&fail) < 0 || load_filter(&fail) < 0
        || guide_clone(sock, "the pid namespace has no processes any more", &fail) < 0)
        init_die(sock, &fail);
    init_wait(sock, LAUNCH_TAKEN, NULL, NULL);
    int fs = sys_fsopen("proc");
    struct launch_msg m = { .step = LAUNCH_MOUNTED };
    if (fs < 0) {
        (void)launch_fail(&fail, CREEL_INTERNAL, -fs, "open procfs", NULL);
        init_die(sock, &fail);
    }
    (void)launch_send(sock, &m, &fs, 1);
    _exit(0);
}
