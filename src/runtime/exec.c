/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/exec.c: a further process in a running container.
 *
 * The child is born in the cgroup (or enters it, on version 1), joins everything with a single setns and init's
 * pidfd, confines itself and clones the process proper, which thus appears in the container's pid namespace with
 * nothing but what the container has (init/exec.c). Where that cannot be, the pid namespace is entered by the caller
 * for the length of the only clone. */
#include "runtime/guide.h"
#include "runtime/launch.h"
#include "runtime/listener.h"
#include "runtime/namespace.h"
#include "runtime/resctrl.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "runtime/setup.h"
#include "sys/identity.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct exec_setup {
    struct process_plan process;
    struct init_exec_plan init;
    struct cgroup *cgroup, *opened;     /* the same, if it was opened here */
    struct resctrl *resctrl;
    int null, sock, theirs, root;
    int *keep;
};

static void exec_setup_fini(struct exec_setup *s)
{
    process_plan_fini(&s->process);
    cgroup_free(s->opened);
    resctrl_free(s->resctrl);
    fd_closep(&s->null);
    fd_closep(&s->sock);
    fd_closep(&s->theirs);
    fd_closep(&s->root);
    free(s->keep);
}

static int prepare_process(struct exec_setup *s, const struct runtime_exec_params *p, struct creel_err *err)
{
    if (runtime_plan_process(p->config, p->process, oci_namespace_find(p->config, OCI_NS_USER) != NULL, p->warn, p->warn_data,
                             &s->process, err) < 0)
        return -1;
    s->process.terminal_relayed = p->terminal_relayed;
    s->process.cpus_reset = p->reset_cpus && !s->process.cpu_initial.set && !s->process.cpu_final.set;
    if (!s->process.present)
        return creel_fail(err, CREEL_INVALID, 0, "there is no process to run in container %s", p->id);
    s->process.seccomp = p->seccomp;
    s->process.die_with_parent = p->die_with_parent;
    s->process.seccomp_flags = p->seccomp_flags | (p->seccomp_log ? SECCOMP_FILTER_FLAG_LOG : 0);
    s->process.keyring = runtime_keyring_name(p->id);
    return s->process.keyring == NULL ? creel_fail_nomem(err) : 0;
}

/* What the container has of its own; init is in all of it. The caller's own user namespace must not be named. */
static int join_flags(const struct oci_config *c)
{
    static const enum oci_ns types[] = { OCI_NS_NETWORK, OCI_NS_MOUNT, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_USER,
                                         OCI_NS_CGROUP, OCI_NS_TIME };
    int flags = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (oci_namespace_find(c, types[i]) != NULL)
            flags |= (int)oci_ns_clone_flag(types[i]);
    return flags;
}

static int prepare_streams(struct exec_setup *s, const struct runtime_exec_params *p, struct creel_err *err)
{
    for (int i = 0; i < 3; i++) {
        s->init.stdio[i] = p->stdio[i];
        if (s->init.stdio[i] >= 0)
            continue;
        if (s->null < 0)
            s->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (s->null < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "open /dev/null");
        s->init.stdio[i] = s->null;
    }
    s->init.preserve = p->preserve_fds;
    s->init.give_pipes = p->stdio_is_ours;
    return 0;
}

/* The container's group, or those below it that were named. On version 2 init may have gone on into a group below, after
 * which nobody can be in ours any more, or have left it; then the new process goes where init is. */
static int open_group(struct exec_setup *s, const struct runtime_exec_params *p, struct creel_err *err)
{
    struct creel_err why = { 0 };
    bool named = p->cgroups_below != NULL && p->cgroups_below->count > 0;
    int r = cgroup_open(p->cgroup_path, p->cgroup_manager, &s->opened, &why);
    if (named)
        return r < 0 ? creel_fail_as(err, &why) : cgroup_enter_below(s->opened, p->cgroups_below, err);
    if (r == 0 && !cgroup_has_inner_groups(s->opened))
        return 0;
    if (r < 0 && why.kind != CREEL_NOT_FOUND)
        return creel_fail_as(err, &why);
    cgroup_free(s->opened);
    s->opened = NULL;
    if (cgroup_open_of_process(p->init_pid, &s->opened, err) < 0)
        return r < 0 ? creel_fail_as(err, &why) : -1;
    if (!cgroup_layout_of(s->opened)->unified)      /* version 1 and hybrid: its groups are what holds it */
        return creel_fail_as(err, &why);
    return 0;
}

static int prepare(struct exec_setup *s, const struct runtime_exec_params *p, struct creel_err *err)
{
    if (prepare_process(s, p, err) < 0 || prepare_streams(s, p, err) < 0)
        return -1;
    if (p->cgroup == NULL && p->cgroup_manager != CGROUP_DISABLED && p->cgroup_path != NULL && open_group(s, p, err) < 0)
        return -1;
    s->cgroup = p->cgroup != NULL ? p->cgroup : s->opened;
    if (s->cgroup != NULL)
        s->init.v1_task_count = cgroup_v1_task_fds(s->cgroup, s->init.v1_tasks);
    size_t more;
    if (resctrl_open(p->config, p->id, NULL, &s->resctrl, err) < 0
        || resctrl_tasks(s->resctrl, s->init.v1_tasks + s->init.v1_task_count, &more, err) < 0)
        return -1;
    s->init.v1_task_count += more;
    return 0;
}

static bool has_ended(int pidfd)
{
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

static int make_keep_list(struct exec_setup *s, struct creel_err *err)
{
    int fds[8 + INIT_TASKS_MAX];
    size_t n = 0;
    fds[n++] = s->theirs;
    fds[n++] = s->init.container;
    fds[n++] = s->init.root;
    for (int i = 0; i < 3; i++)
        fds[n++] = s->init.stdio[i];
    for (size_t i = 0; i < s->init.v1_task_count; i++)
        fds[n++] = s->init.v1_tasks[i];
    s->keep = runtime_keep_list(fds, n, s->init.preserve, err);
    s->init.keep = s->keep;
    s->init.keep_count = n + (size_t)s->init.preserve;
    return s->keep == NULL ? -1 : 0;
}

/* A user namespace lies between its processes and a process of ours: then there is no need for a guide. */
static bool can_be_guided(const struct exec_setup *s, const struct oci_config *c)
{
    return oci_namespace_find(c, OCI_NS_PID) != NULL && !s->init.user_namespace && guide_can_make(&s->process);
}

/* Where the process is born: in the container's pid namespace, if it has one. Without privilege that can only be entered
 * from within the user namespace, hence by a process in between. */
static struct namespace_plan birth_plan(struct exec_setup *s, const struct runtime_exec_params *p)
{
    struct namespace_plan n = { .pid = -1, .time = -1 };
    if (oci_namespace_find(p->config, OCI_NS_PID) != NULL && !s->init.guided)
        n.pid = p->init_pidfd;
    if (s->init.user_namespace && geteuid() != 0) {
        n.staged = true;
        n.joins[n.join_count++] = (struct init_join){ .fd = p->init_pidfd, .type = CLONE_NEWUSER, .name = "user" };
        s->init.join_flags &= ~CLONE_NEWUSER;
    }
    return n; /* nothing in it is ours to close */
}

/* What a child starts with, for the length of a clone: execCPUAffinity.initial is in force before it enters the cgroup. */
static int take_initial_cpus(const struct process_cpus *c, struct process_cpus *ret_own, struct creel_err *err)
{
    ret_own->set = c->set;
    if (!c->set)
        return 0;
    memset(ret_own->mask, 0, sizeof ret_own->mask);
    if (syscall(SYS_sched_getaffinity, 0, sizeof ret_own->mask, ret_own->mask) < 0
        || syscall(SYS_sched_setaffinity, 0, sizeof c->mask, c->mask) < 0)
        return creel_fail(err, errno == EINVAL ? CREEL_INVALID : CREEL_INTERNAL, errno, "set the initial CPU affinity");
    return 0;
}

static void return_cpus(const struct process_cpus *own)
{
    if (own->set)
        (void)syscall(SYS_sched_setaffinity, 0, sizeof own->mask, own->mask);
}

/* Without a mount namespace the container's root is init's alone. That it still runs is looked at afterwards, for the pid
 * might be somebody else's by now. */
static int open_root(struct exec_setup *s, const struct runtime_exec_params *p, struct creel_err *err)
{
    char path[40];
    s->init.root = -1;
    if (oci_namespace_find(p->config, OCI_NS_MOUNT) != NULL)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/%d/root", (int)p->init_pid);
    s->root = s->init.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0 || has_ended(p->init_pidfd))
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is not running", p->id);
    return 0;
}

/* A group whose limits are divided among groups below takes no process. */
static int fail_clone(const struct runtime_exec_params *p, int group, struct creel_err *err)
{
    if (has_ended(p->init_pidfd))
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is not running", p->id);
    if (err != NULL && err->sys == EBUSY && group >= 0)
        return creel_fail(err, CREEL_CONFLICT, EBUSY, "adding pid of the new process to cgroups");
    return -1;
}

static int clone_process(struct exec_setup *s, const struct runtime_exec_params *p, struct runtime_process *ret,
                         struct creel_err *err)
{
    int pair[2], group = s->cgroup != NULL ? cgroup_v2_fd(s->cgroup) : -1;
    bool in_cgroup = false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make the launch socket");
    s->sock = pair[0];
    s->theirs = s->init.sock = pair[1];
    s->init.container = p->init_pidfd;
    s->init.join_flags = join_flags(p->config);
    s->init.user_namespace = (s->init.join_flags & CLONE_NEWUSER) != 0;
    s->init.guided = can_be_guided(s, p->config);
    if (s->init.guided)
        s->init.join_flags |= CLONE_NEWPID;
    s->process.groups_fixed = s->init.user_namespace && geteuid() != 0;
    s->init.process = &s->process;
    if (open_root(s, p, err) < 0)
        return -1;
    const struct namespace_plan birth = birth_plan(s, p);
    struct process_cpus own;
    if (make_keep_list(s, err) < 0 || take_initial_cpus(&s->process.cpu_initial, &own, err) < 0)
        return -1;
    pid_t pid = namespace_clone(&birth, p->config, group, &ret->pidfd, &in_cgroup, err);
    if (pid == 0) {
        s->init.wait_grouped = group >= 0 && !in_cgroup; /* as it was when this child was cloned */
        init_exec(&s->init);
    }
    return_cpus(&own);
    if (pid < 0)
        return fail_clone(p, group, err);
    ret->pid = pid;
    fd_closep(&s->theirs);
    if (group < 0 || in_cgroup)
        return 0;
    if (cgroup_add(s->cgroup, pid, err) < 0)
        return -1;
    int r = launch_send_step(s->sock, LAUNCH_GROUPED);
    return r < 0 && r != -EPIPE ? creel_fail(err, CREEL_INTERNAL, -r, "tell the process to go on") : 0;
}

static int accompany(struct exec_setup *s, const struct runtime_exec_params *p, struct runtime_process *ret,
                     struct creel_err *err)
{
    int fds[LAUNCH_FDS_MAX];
    size_t count = 0;
    if (p->patient)
        launch_wait(s->sock, INT_MAX);
    if (s->process.terminal) {
        if (launch_expect(s->sock, LAUNCH_CONSOLE, RUNTIME_SETUP_TIMEOUT_MS, fds, &count, err) < 0)
            return -1;
        for (size_t i = 1; i < count; i++)
            (void)close(fds[i]);
        if (count == 0)
            return creel_fail(err, CREEL_INTERNAL, 0, "the process sent no terminal");
        ret->console_master = fds[0];
    }
    if (s->init.guided && guide_take_over(s->sock, &ret->pid, &ret->pidfd, err) < 0)
        return -1;
    if ((s->process.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        && listener_pass(s->sock, ret->pidfd, ret->pid, p->config, p->id, p->bundle != NULL ? p->bundle : "", "running",
                         err) < 0)
        return -1;
    return launch_expect(s->sock, LAUNCH_STEP_COUNT, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err);
}

static void abandon(struct runtime_process *x)
{
    int status;
    if (x->pid > 0) {
        if (x->pidfd >= 0)
            (void)sys_pidfd_send_signal(x->pidfd, SIGKILL);
        else
            (void)kill(x->pid, SIGKILL);
        (void)sys_wait_child(x->pid, x->pidfd, &status);
    }
    fd_closep(&x->pidfd);
    fd_closep(&x->console_master);
}

int runtime_exec(const struct runtime_exec_params *p, struct runtime_process *ret, struct creel_err *err)
{
    if (runtime_check_preserved(p->preserve_fds, err) < 0)
        return -1;
    auto_cleanup(exec_setup_fini) struct exec_setup s = { .null = -1, .sock = -1, .theirs = -1, .root = -1 };
    struct runtime_process x = { .pidfd = -1, .console_master = -1 };
    if (prepare(&s, p, err) < 0 || clone_process(&s, p, &x, err) < 0) {
        abandon(&x);
        return -1;
    }
    int r = accompany(&s, p, &x, err);
    int start = r < 0 ? 0 : sys_process_start(x.pid, &x.pid_start); /* nobody has reaped it, even if it ended */
    if (start < 0)
        r = creel_fail(err, CREEL_INTERNAL, -start, "find the start time of the process");
    if (r < 0) {
        abandon(&x);
        return -1;
    }
    *ret = x;
    return 0;
}
