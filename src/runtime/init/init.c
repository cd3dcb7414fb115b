/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/init.c: see runtime/init/init.h. The order of init_run is security.md P6. */
#include "runtime/init/init.h"

#include "runtime/init/confine.h"
#include "runtime/init/gate.h"
#include "runtime/init/guide.h"
#include "runtime/init/hook.h"
#include "runtime/init/rootfs.h"
#include "runtime/init/text.h"
#include "runtime/mount_apply.h"
#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

_Noreturn void init_die(int sock, const struct launch_msg *fail)
{
    (void)launch_send(sock, fail, NULL, 0);
    _exit(1);
}

int init_close_others(const int *keep, size_t count, struct launch_msg *fail)
{
    unsigned from = 3;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (keep[i] < 0 || (unsigned)keep[i] < from)
            continue;
        if ((unsigned)keep[i] > from)
            r = sys_close_range(from, (unsigned)keep[i] - 1, false);
        from = (unsigned)keep[i] + 1;
    }
    if (r == 0)
        r = sys_close_range(from, ~0u, false);
    return r < 0 ? launch_fail(fail, CREEL_INTERNAL, -r, "close the caller's descriptors", NULL) : 0;
}

void init_wait(int sock, enum launch_step want, int *fds, size_t *ret_fd_count)
{
    struct launch_msg m;
    int r = launch_recv(sock, &m, fds, ret_fd_count);
    if (r == 0)
        _exit(1);
    if (r < 0) {
        (void)launch_fail(&m, CREEL_INTERNAL, -r, "wait for the runtime", NULL);
        init_die(sock, &m);
    }
    if (m.step != want) {
        (void)launch_fail(&m, CREEL_INTERNAL, 0, "the runtime's steps are out of order", NULL);
        init_die(sock, &m);
    }
}

/* Writing "0" means oneself, and only this thread: no pid to look up, and not the kernel's global lock against forks. */
int init_enter_cgroup(const int *tasks, size_t count, struct launch_msg *fail)
{
    for (size_t i = 0; i < count; i++)
        if (write(tasks[i], "0", 1) != 1)
            return launch_fail(fail, CREEL_INTERNAL, errno, "enter the cgroup (or resctrl group)", NULL);
    return 0;
}

int init_join_namespaces(const struct init_join *joins, size_t count, struct launch_msg *fail)
{
    for (size_t i = 0; i < count; i++) {
        int r = sys_setns(joins[i].fd, joins[i].type);
        if (r < 0)
            return launch_fail(fail, CREEL_INTERNAL, -r, "join the ", joins[i].name, " namespace", NULL);
    }
    return 0;
}

struct init {
    const struct init_plan *p;
    struct launch_msg fail;
    struct mount_apply mounts;
    int sock, gate;
};

int init_make_time(const char *offsets, const char **ret_what)
{
    *ret_what = "make a time namespace";
    int r = sys_unshare(CLONE_NEWTIME);
    if (r < 0 || offsets[0] == '\0')
        return r;
    *ret_what = "set the offsets of the time namespace";
    return sys_write_file(AT_FDCWD, "/proc/self/timens_offsets", offsets, strlen(offsets));
}

/* In a user namespace that the caller could make without privilege. What is made is for children; a process with one
 * thread may follow. Our files in /proc are still ours. */
static int enter_new_time(struct init *in)
{
    const char *what = "";
    int r = in->p->time_offsets == NULL ? 0 : init_make_time(in->p->time_offsets, &what);
    if (r == 0 && in->p->time_offsets != NULL) {
        what = "enter the new time namespace";
        int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
        r = fd < 0 ? -errno : sys_setns(fd, CLONE_NEWTIME);
        if (fd >= 0)
            (void)close(fd);
    }
    return r < 0 ? launch_fail(&in->fail, r == -EINVAL || r == -ERANGE ? CREEL_INVALID : CREEL_INTERNAL, -r, what, NULL) : 0;
}

/* For children only. From a user namespace that is entered later we might not be allowed to; without one it waits until
 * no hook of the caller's can be seen there. */
static int enter_pid_namespace(struct init *in)
{
    int r = sys_setns(in->p->pid_ns, CLONE_NEWPID);
    return r < 0 ? launch_fail(&in->fail, CREEL_INTERNAL, -r, "join the pid namespace", NULL) : 0;
}

/* A guide enters by itself what others are born in. */
static int enter_namespaces(struct init *in)
{
    const struct init_plan *p = in->p;
    if (!p->guided)
        return init_join_namespaces(p->joins, p->join_count, &in->fail);
    if (confine_settings_early(p->process, &in->fail) < 0 || (p->user_namespace && enter_pid_namespace(in) < 0))
        return -1;
    if (p->user_namespace)
        (void)syscall(SYS_setgroups, 0, NULL); /* it may not let go of them */
    if (init_join_namespaces(p->joins, p->join_count, &in->fail) < 0)
        return -1;
    int r = sys_unshare(p->unshare_flags);
    if (r < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, -r, "make the container's namespaces", NULL);
    if (p->wait_mapped && launch_send_step(in->sock, LAUNCH_UNSHARED) < 0)
        _exit(1);
    return 0;
}

/* Ids in a user namespace: everything made from here on belongs to its root. */
static int become_mapped_root(struct init *in)
{
    /* Our own files in /proc belong to us only until we hide. */
    if (in->p->hide_late && confine_settings_early(in->p->process, &in->fail) < 0)
        return -1;
    if (enter_new_time(in) < 0)
        return -1;
    if (in->p->wait_mapped)
        init_wait(in->sock, LAUNCH_MAPPED, NULL, NULL);
    if (!in->p->user_namespace || !in->p->mapped_root)
        return in->p->hide_late ? confine_hide(&in->fail) : 0;
    if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, errno, "become root of the user namespace", NULL);
    (void)syscall(SYS_setgroups, 0, NULL); /* refused where setgroups is denied; looked at again later */
    return confine_hide(&in->fail);
}

int init_raise_loopback(void)
{
    struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno == EAFNOSUPPORT ? 0 : -errno;
    int e = ioctl(s, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
    (void)close(s);
    return e;
}

static int bring_up_loopback(struct init *in)
{
    int e = in->p->loopback ? init_raise_loopback() : 0;
    return e < 0 ? launch_fail(&in->fail, CREEL_INTERNAL, -e, "bring up the loopback interface", NULL) : 0;
}

static int enter_cgroup(struct init *in)
{
    const int *tasks = in->p->v1_tasks;
    size_t count = in->p->v1_task_count;
    if (in->p->wait_grouped)
        init_wait(in->sock, LAUNCH_GROUPED, NULL, NULL);
    int r = init_enter_cgroup(tasks, count, &in->fail); /* closed with all the rest, before the command runs */
    /* Only now: the namespace's root is the group one is in when it is made. */
    if (r == 0 && in->p->new_cgroup_ns && (r = sys_unshare(CLONE_NEWCGROUP)) < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, -r, "make a cgroup namespace", NULL);
    return r;
}

static int run_hooks(struct init *in)
{
    if (in->p->wait_hooked) {
        if (launch_send_step(in->sock, LAUNCH_MOUNTED) < 0)
            _exit(1);
        init_wait(in->sock, LAUNCH_HOOKED, NULL, NULL);
    }
    if (in->p->create_container.count > 0 && fchdir(in->mounts.root) < 0) /* where they find what they are to change */
        return launch_fail(&in->fail, CREEL_INTERNAL, errno, "enter the root file system", NULL);
    return init_hooks_run(&in->p->create_container, getpid(), &in->fail);
}

static int write_sysctls(struct init *in, int proc)
{
    for (size_t i = 0; i < in->p->sysctl_count; i++) {
        const struct init_sysctl *s = &in->p->sysctls[i];
        int fd = sys_open_no_links(proc, s->path, O_WRONLY, 1);
        int r = fd < 0 ? fd : sys_write_all(fd, s->value, strlen(s->value));
        if (fd >= 0)
            (void)close(fd);
        if (r < 0)
            return launch_fail(&in->fail, r == -ENOENT || r == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -r,
                               "set sysctl ", s->key, " to ", s->value, NULL);
    }
    return 0;
}

/* What is set while /proc is whole: names, sysctls, and what of the process needs procfs or privilege. */
static int apply_settings(struct init *in)
{
    const struct init_plan *p = in->p;
    int owned = -1, proc = -1, self = -1;
    char pid[TEXT_NUMBER_MAX];
    if (p->hostname != NULL && sethostname(p->hostname, strlen(p->hostname)) < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, errno, "set the host name to ", p->hostname, NULL);
    if (p->domainname != NULL && setdomainname(p->domainname, strlen(p->domainname)) < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, errno, "set the domain name to ", p->domainname, NULL);
    bool settled = p->hide_late || p->guided;
    bool needs_self = confine_needs_proc(p->process) && !settled;
    if ((p->sysctl_count > 0 || needs_self) && (proc = mount_apply_proc(&in->mounts, &owned)) < 0)
        return -1;
    if (needs_self) {
        self = sys_open_no_links(proc, text_number(getpid(), pid), O_PATH | O_DIRECTORY, 1);
        if (self < 0)
            return launch_fail(&in->fail, CREEL_INTERNAL, -self, "find myself in /proc", NULL);
    }
    int r = write_sysctls(in, proc);
    if (r == 0 && !settled)
        r = confine_settings(p->process, self, &in->fail);
    if (r == 0)
        r = confine_keyring(p->process, &in->fail);
    if (self >= 0)
        (void)close(self);
    if (owned >= 0)
        (void)close(owned);
    return r;
}

static int finish_root(struct init *in)
{
    const struct mount_plan *m = in->p->mounts;
    int root = in->mounts.root;
    if (in->p->host_mount && (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0))
        return launch_fail(&in->fail, CREEL_INTERNAL, errno, "change the root", NULL);
    if (!in->p->host_mount && rootfs_pivot(root, in->p->no_pivot, &in->fail) < 0)
        return -1;
    if (m->root_propagation == 0 || m->root_propagation == MS_PRIVATE)
        return 0;
    int r = sys_mount(NULL, "/", NULL, m->root_propagation | (m->root_propagation_recursive ? MS_REC : 0ul), NULL);
    return r < 0 ? launch_fail(&in->fail, CREEL_INTERNAL, -r, "set the propagation of the root", NULL) : 0;
}

static int apply_mount_plan(struct init *in)
{
    struct mount_plan *m = in->p->mounts;
    for (size_t i = 0; i < m->count; i++) {
        struct mount_step *s = &m->steps[i];
        int r;
        switch (s->kind) {
        case MOUNT_CGROUP_ENTER:
            r = enter_cgroup(in);
            break;
        case MOUNT_HOOKS:
            r = run_hooks(in);
            break;
        case MOUNT_SETTINGS:
            r = apply_settings(in);
            break;
        case MOUNT_PIVOT:
            r = finish_root(in);
            break;
        case MOUNT_NEW:
        case MOUNT_BIND:
        case MOUNT_REMOUNT:
        case MOUNT_DEVICE:
        case MOUNT_LINK:
        case MOUNT_CONSOLE:
        case MOUNT_READONLY:
        case MOUNT_MASK:
        case MOUNT_DIRECTORY:
        case MOUNT_SEAL:
        default:
            r = mount_apply_step(&in->mounts, s);
            break;
        }
        if (r < 0)
            return -1;
    }
    return 0;
}

/* From here on we are in the container's mount namespace; nothing done in it reaches the host's. Without one all of it is done
 * below the root, which is a mount of its own and private. */
static int build_root(struct init *in)
{
    const unsigned long receives = in->p->mounts->root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
    int r = in->p->host_mount ? 0 : sys_mount(NULL, "/", NULL, MS_REC | receives, NULL);
    if (r < 0)
        return launch_fail(&in->fail, CREEL_INTERNAL, -r, "make the mount namespace private", NULL);
    int root = rootfs_mount(&in->p->rootfs, &in->fail);
    if (root < 0)
        return -1;
    in->mounts = (struct mount_apply){
        .plan = in->p->mounts, .root = root, .null = -1, .empty = -1, .console = { .master = -1, .tty = -1 },
        .process = in->p->process, .sock = in->sock, .fail = &in->fail,
    };
    return apply_mount_plan(in);
}

static int prepare_streams(struct init *in)
{
    const struct init_plan *p = in->p;
    const struct console *c = &in->mounts.console;
    int stdio[3] = { p->stdio[0], p->stdio[1], p->stdio[2] };
    if (in->gate > 0)
        gate_heed_signals();
    if (!p->guided && confine_session(c->tty, &in->fail) < 0)
        return -1;
    if (c->tty >= 0)
        stdio[0] = stdio[1] = stdio[2] = c->tty;
    if (console_send(c, in->sock) < 0) /* now, because the next step closes it */
        _exit(1);
    return confine_descriptors(p->process, stdio, p->preserve, p->give_pipes, &in->sock, in->gate > 0 ? &in->gate : NULL,
                               &in->fail);
}

static int confine(struct init *in, char path[PATH_MAX])
{
    const struct process_plan *p = in->p->process;
    if ((in->p->guided && !in->p->user_namespace && enter_pid_namespace(in) < 0) || prepare_streams(in) < 0)
        return -1;
    if (!p->present)
        return 0;
    confine_home(p);
    if (confine_directory(p, true, &in->fail) < 0 || (!in->p->limits_by_parent && confine_rlimits(p, in->p->guided, &in->fail) < 0)
        || confine_identity(p, &in->fail) < 0)
        return -1;
    return confine_find(p, path, &in->fail);
}

/* From here on others of the joined pid namespace see us: we have nothing that the container has not. */
static int be_guided(struct init *in)
{
    const struct process_plan *p = in->p->process;
    if (confine_lock(p, in->sock, &in->fail) < 0
        || guide_clone(in->sock, "the pid namespace has no processes any more", &in->fail) < 0)
        return -1;
    init_wait(in->sock, LAUNCH_TAKEN, NULL, NULL);
    if (!in->p->limits_by_parent && confine_rlimit_processes(p, &in->fail) < 0)
        return -1;
    return confine_session(p->terminal ? STDIN_FILENO : -1, &in->fail) < 0 ? -1 : confine_follow_parent(p, &in->fail);
}

/* Without a gate our parent tells us, and we end with it. */
static int wait_for_go(struct init *in)
{
    if (in->gate <= 0) {
        init_wait(in->sock, LAUNCH_GO, NULL, NULL);
        return 0;
    }
    init_wait(in->sock, LAUNCH_PARK, NULL, NULL);
    (void)close(in->sock);
    in->sock = -1;
    if (gate_wait(in->gate, in->p->own_pids, &in->sock, &in->fail) < 0)
        return -1;
    (void)close(in->gate); /* that is how others see that we have gone on */
    return 0;
}

static int execute(struct init *in, const char *path)
{
    if (in->p->guided && be_guided(in) < 0)
        return -1;
    if (launch_send_step(in->sock, LAUNCH_READY) < 0)
        _exit(1);
    if (wait_for_go(in) < 0)
        return -1;
    if (!in->p->process->present)
        return launch_fail(&in->fail, CREEL_INVALID, 0, "the configuration has no process to start", NULL);
    if (init_hooks_run(&in->p->start_container, getpid(), &in->fail) < 0)
        return -1;
    return in->p->guided ? confine_execute(in->p->process, path, &in->fail)
                         : confine_end(in->p->process, path, in->sock, &in->fail);
}

_Noreturn void init_run(const struct init_plan *p)
{
    struct init in = { .p = p, .sock = p->sock, .gate = p->gate };
    char path[PATH_MAX];
    if (confine_begin(!p->hide_late, &in.fail) == 0 && init_close_others(p->keep, p->keep_count, &in.fail) == 0
        && (!p->guided || enter_namespaces(&in) == 0) && become_mapped_root(&in) == 0
        && (p->guided || enter_namespaces(&in) == 0)
        && bring_up_loopback(&in) == 0 && build_root(&in) == 0 && confine(&in, path) == 0)
        (void)execute(&in, path);
    init_die(in.sock, &in.fail);
}
