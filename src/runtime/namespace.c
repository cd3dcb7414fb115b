/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/namespace.c: see runtime/namespace.h. */
#include "runtime/namespace.h"

#include "base/bytes.h"
#include "sys/process.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const proc_names[OCI_NS_COUNT] = {
    [OCI_NS_PID] = "/proc/self/ns/pid", [OCI_NS_NETWORK] = "/proc/self/ns/net", [OCI_NS_MOUNT] = "/proc/self/ns/mnt",
    [OCI_NS_IPC] = "/proc/self/ns/ipc", [OCI_NS_UTS] = "/proc/self/ns/uts", [OCI_NS_USER] = "/proc/self/ns/user",
    [OCI_NS_CGROUP] = "/proc/self/ns/cgroup", [OCI_NS_TIME] = "/proc/self/ns/time",
};

static bool is_own(int fd, enum oci_ns type)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(proc_names[type], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_namespace(const struct oci_namespace *ns, struct creel_err *err)
{
    auto_fd fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return creel_fail(err, errno == ENOENT ? CREEL_NOT_FOUND : CREEL_INTERNAL, errno, "open %s namespace %s",
                          oci_ns_name(ns->type), ns->path);
    int type = ioctl(fd, NS_GET_NSTYPE);
    if (type < 0 || (unsigned long)type != oci_ns_clone_flag(ns->type))
        return creel_fail(err, CREEL_INVALID, 0, "%s is not a %s namespace", ns->path, oci_ns_name(ns->type));
    return fd_take(&fd);
}

static int plan_join(const struct oci_namespace *ns, struct namespace_plan *p, struct creel_err *err)
{
    auto_fd fd = open_namespace(ns, err);
    if (fd < 0)
        return -1;
    if (is_own(fd, ns->type) && ns->type == OCI_NS_MOUNT)
        return creel_fail(err, CREEL_INVALID, 0, "%s is the caller's own mount namespace: the container would replace the "
                          "host's root", ns->path);
    if (is_own(fd, ns->type)) {
        p->shared[ns->type] = true; /* nothing to do, and for user namespaces the kernel would refuse */
        return 0;
    }
    if (ns->type == OCI_NS_PID)
        p->pid = fd_take(&fd);
    else if (ns->type == OCI_NS_TIME)
        p->time = fd_take(&fd);
    else
        p->joins[p->join_count++] = (struct init_join){ .fd = fd_take(&fd), .name = oci_ns_name(ns->type),
                                                        .type = (int)oci_ns_clone_flag(ns->type) };
    return 0;
}

static int plan_one(const struct oci_namespace *ns, struct namespace_plan *p, struct creel_err *err)
{
    if (ns->path != NULL && ns->path[0] != '\0')
        return plan_join(ns, p, err);
    if (ns->type == OCI_NS_CGROUP)
        p->new_cgroup = true;
    else if (ns->type == OCI_NS_TIME)
        p->new_time = true;
    else
        p->clone_flags |= oci_ns_clone_flag(ns->type);
    return 0;
}

static int print_time_offsets(const struct oci_linux *l, struct namespace_plan *p, struct creel_err *err)
{
    const struct { const char *name; bool set; int64_t secs; uint32_t nanosecs; } clocks[] = {
        { "monotonic", l->time_offsets.monotonic_set, l->time_offsets.monotonic_s, l->time_offsets.monotonic_ns },
        { "boottime", l->time_offsets.boottime_set, l->time_offsets.boottime_s, l->time_offsets.boottime_ns },
    };
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        if (!clocks[i].set)
            continue;
        if (!p->new_time)
            return creel_fail(err, CREEL_INVALID, 0, "linux.timeOffsets need a new time namespace");
        int n = snprintf(p->time_offsets + at, sizeof p->time_offsets - at, "%s %lld %u\n", clocks[i].name,
                         (long long)clocks[i].secs, clocks[i].nanosecs);
        at += (size_t)n;    /* at most 45 each */
    }
    return 0;
}

int namespace_plan_build(const struct oci_config *c, struct namespace_plan *ret, struct creel_err *err)
{
    *ret = (struct namespace_plan){ .pid = -1, .time = -1 };
    const struct oci_namespace *user = oci_namespace_find(c, OCI_NS_USER), *mount = oci_namespace_find(c, OCI_NS_MOUNT);
    if (user != NULL && plan_one(user, ret, err) < 0)
        return -1;
    for (size_t i = 0; i < c->linux_.namespace_count; i++)
        if (&c->linux_.namespaces[i] != user && &c->linux_.namespaces[i] != mount
            && plan_one(&c->linux_.namespaces[i], ret, err) < 0)
            return -1;
    if (mount != NULL && plan_one(mount, ret, err) < 0)
        return -1;
    ret->host_mount = mount == NULL;
    bool joined_user = ret->join_count > 0 && ret->joins[0].type == CLONE_NEWUSER;
    ret->joined_mount = mount != NULL && !(ret->clone_flags & CLONE_NEWNS);
    ret->user = joined_user || (ret->clone_flags & CLONE_NEWUSER) != 0;
    ret->staged = ret->user && (ret->join_count > 0 || ret->pid >= 0 || ret->time >= 0);
    if (ret->host_mount && ret->user)
        return creel_fail(err, CREEL_INVALID, 0, "a user namespace has no right to mount in the caller's mount namespace: the "
                          "container needs one of its own");
    if (ret->joined_mount && ret->user && !joined_user)
        return creel_fail(err, CREEL_INVALID, 0, "a new user namespace has no right to mount in %s, a mount namespace that "
                          "is there already", mount->path);
    ret->time_inside = ret->new_time && ret->user && !ret->staged && geteuid() != 0;
    return print_time_offsets(&c->linux_, ret, err);
}

void namespace_plan_use_net(struct namespace_plan *p, int *fd)
{
    if (*fd < 0 || p->user || !(p->clone_flags & CLONE_NEWNET))
        return;
    p->clone_flags &= ~(uint64_t)CLONE_NEWNET;
    p->joins[p->join_count++] = (struct init_join){ .fd = fd_take(fd), .name = oci_ns_name(OCI_NS_NETWORK),
                                                    .type = CLONE_NEWNET };
}

void namespace_plan_fini(struct namespace_plan *p)
{
    for (size_t i = 0; i < p->join_count; i++)
        fd_closep(&p->joins[i].fd);
    p->join_count = 0;
    fd_closep(&p->pid);
    fd_closep(&p->time);
}

static enum creel_kind time_kind(int r) { return r == -EINVAL || r == -ERANGE ? CREEL_INVALID : CREEL_INTERNAL; }

/* What children are born into, for a while. Returns the way back in *back (closed by the caller). */
static int visit(int fd, const char *own, int flag, const char *name, int *back, struct creel_err *err)
{
    *back = open(own, O_RDONLY | O_CLOEXEC);
    if (*back < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s", own);
    int r = sys_setns(fd, flag);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "join the %s namespace", name) : 0;
}

static int visit_new_time(const struct namespace_plan *p, int *back, struct creel_err *err)
{
    const char *what;
    *back = open(proc_names[OCI_NS_TIME], O_RDONLY | O_CLOEXEC);
    if (*back < 0)
        return creel_fail(err, CREEL_UNSUPPORTED, errno, "open %s", proc_names[OCI_NS_TIME]);
    int r = init_make_time(p->time_offsets, &what);
    return r < 0 ? creel_fail(err, time_kind(r), -r, "%s", what) : 0;
}

static int fail_clone(pid_t pid, struct creel_err *err)
{
    return creel_fail(err, pid == -ENOSPC || pid == -EAGAIN ? CREEL_EXHAUSTED : CREEL_INTERNAL, -pid,
                      "clone the container's process");
}

static pid_t clone_visiting(const struct namespace_plan *p, uint64_t flags, int cgroup_fd, int *ret_pidfd,
                            bool *ret_in_cgroup, struct creel_err *err)
{
    auto_fd own_pid = -1, own_time = -1;
    int r = 0;
    if (p->pid >= 0 && !p->guided)
        r = visit(p->pid, proc_names[OCI_NS_PID], CLONE_NEWPID, "pid", &own_pid, err);
    if (r == 0 && p->time >= 0)
        r = visit(p->time, proc_names[OCI_NS_TIME], CLONE_NEWTIME, "time", &own_time, err);
    if (r == 0 && p->new_time && !p->time_inside)
        r = visit_new_time(p, &own_time, err);
    pid_t pid = r;
    if (r == 0) {
        pid = sys_clone(flags, cgroup_fd, ret_pidfd, ret_in_cgroup);
        if (pid == 0)
            return 0;
        if (pid < 0)
            pid = fail_clone(pid, err);
    }
    r = own_pid >= 0 ? sys_setns(own_pid, CLONE_NEWPID) : 0;
    if (own_time >= 0 && r == 0)
        r = sys_setns(own_time, CLONE_NEWTIME);
    if (r == 0 || pid < 0)
        return pid;
    int status; /* a caller that is not where it was must not go on with this */
    if (*ret_pidfd >= 0)
        (void)sys_pidfd_send_signal(*ret_pidfd, SIGKILL);
    else
        (void)kill(pid, SIGKILL);
    (void)sys_wait_child(pid, *ret_pidfd, &status);
    fd_closep(ret_pidfd);
    return creel_fail(err, CREEL_INTERNAL, -r, "return to the caller's namespaces");
}

/* What the process in between has to tell: a failure, or the pid (in `sys`) with its pidfd, and whether it was born in
 * the cgroup (in `kind`). */
_Noreturn static void stage_end(int sock, struct launch_msg *m, int pidfd)
{
    (void)launch_send(sock, m, &pidfd, pidfd >= 0 ? 1 : 0);
    _exit(0);
}

/* In the process in between. Returns only in the container's process. */
static void stage_run(const struct namespace_plan *p, uint64_t flags, int cgroup_fd, bool *ret_in_cgroup, int sock)
{
    struct launch_msg m = { .step = LAUNCH_CLONED };
    (void)syscall(SYS_setgroups, 0, NULL); /* the user namespace may not let go of them; without privilege neither may we */
    const char *what;
    int pidfd = -1, r = 0;
    /* A privileged caller's own user namespace lets it; in the one that is joined our /proc files are not ours. */
    bool time_first = p->new_time && geteuid() == 0;
    if (time_first && (r = init_make_time(p->time_offsets, &what)) < 0)
        r = launch_fail(&m, time_kind(r), -r, what, NULL);
    if (r == 0)
        r = init_join_namespaces(p->joins, p->join_count, &m);
    if (r == 0 && p->pid >= 0 && (r = sys_setns(p->pid, CLONE_NEWPID)) < 0)
        r = launch_fail(&m, CREEL_INTERNAL, -r, "join the pid namespace", NULL);
    if (r == 0 && p->time >= 0 && (r = sys_setns(p->time, CLONE_NEWTIME)) < 0)
        r = launch_fail(&m, CREEL_INTERNAL, -r, "join the time namespace", NULL);
    if (r == 0 && p->new_time && !time_first && (r = init_make_time(p->time_offsets, &what)) < 0)
        r = launch_fail(&m, time_kind(r), -r, what, NULL);
    if (r == 0) {
        pid_t pid = sys_clone(flags | CLONE_PARENT, cgroup_fd, &pidfd, ret_in_cgroup);
        if (pid == 0)
            return;
        if (pid < 0)
            (void)launch_fail(&m, CREEL_INTERNAL, -pid, "clone the container's process", NULL);
        else {
            m.sys = pid;
            m.kind = *ret_in_cgroup;
        }
    }
    stage_end(sock, &m, pidfd);
}

static pid_t stage_result(int sock, int *ret_pidfd, bool *ret_in_cgroup, struct creel_err *err)
{
    struct launch_msg m;
    int fds[LAUNCH_FDS_MAX];
    size_t count = 0;
    int r = launch_recv(sock, &m, fds, &count);
    if (r <= 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "the process that joins namespaces died");
    if (m.step != LAUNCH_CLONED)
        return creel_fail(err, (enum creel_kind)m.kind, m.sys, "%s", m.where);
    *ret_pidfd = count > 0 ? fds[0] : -1;
    *ret_in_cgroup = m.kind != 0;
    return m.sys;
}

static pid_t clone_staged(const struct namespace_plan *p, uint64_t flags, int cgroup_fd, int *ret_pidfd,
                          bool *ret_in_cgroup, struct creel_err *err)
{
    int pair[2], stage_fd = -1, status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a socket");
    auto_fd ours = pair[0], theirs = pair[1];
    pid_t stage = sys_clone(SYS_CLONE_CLEAR_SIGHAND, -1, &stage_fd, NULL);
    if (stage == 0) {
        stage_run(p, flags, cgroup_fd, ret_in_cgroup, theirs);
        return 0;
    }
    auto_fd stage_owned = stage_fd;
    if (stage < 0)
        return fail_clone(stage, err);
    fd_closep(&theirs);
    pid_t pid = stage_result(ours, ret_pidfd, ret_in_cgroup, err);
    (void)sys_wait_child(stage, stage_owned, &status);
    return pid;
}

pid_t namespace_clone(const struct namespace_plan *p, const struct oci_config *c, int cgroup_fd, int *ret_pidfd,
                      bool *ret_in_cgroup, struct creel_err *err)
{
    uint64_t flags = (p->guided ? 0 : p->clone_flags) | SYS_CLONE_CLEAR_SIGHAND | (cgroup_fd >= 0 ? SYS_CLONE_INTO_CGROUP : 0);
    *ret_pidfd = -1;
    return p->staged ? clone_staged(p, flags, cgroup_fd, ret_pidfd, ret_in_cgroup, err)
                     : clone_visiting(p, flags, cgroup_fd, ret_pidfd, ret_in_cgroup, err);
}
