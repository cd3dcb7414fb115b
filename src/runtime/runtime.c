/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/runtime.c: the parent's side of a container's life; see runtime/runtime.h.
 *
 * Create: decide and open everything (setup.c) → cgroup → clone → ids, hooks → "ready". Whatever fails after the clone
 * ends in abandon(): kill by pidfd, wait, remove the cgroup. */
#include "runtime/runtime.h"

#include "runtime/guide.h"
#include "runtime/idmap.h"
#include "runtime/init/hook.h"
#include "runtime/launch.h"
#include "runtime/listener.h"
#include "runtime/resctrl.h"
#include "runtime/setup.h"
#include "sys/identity.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

struct runtime_container {
    char *id, *bundle;
    char *root;                         /* where it is attached in our own mount namespace; NULL: it is not */
    const struct oci_config *config;    /* borrowed */
    pid_t pid;
    uint64_t pid_start;
    int pidfd;
    int sock;                           /* the gate; -1 once started */
    int console_master;
    int mounts;                         /* keeps the mount namespace, or -1 */
    bool reaped, started;
    bool grouped;                       /* it has a control group of its own */
    bool notifies;                      /* the filter has an agent to ask */
    bool has_poststop;                  /* only then is config looked at after the start */
    struct cgroup *cgroup;
    struct resctrl *resctrl;
};

pid_t runtime_pid(const struct runtime_container *c) { return c->pid; }
uint64_t runtime_pid_start(const struct runtime_container *c) { return c->pid_start; }
int runtime_pidfd(const struct runtime_container *c) { return c->pidfd; }
struct cgroup *runtime_cgroup(struct runtime_container *c) { return c->cgroup; }
int runtime_console_master_take(struct runtime_container *c) { return fd_take(&c->console_master); }

void runtime_free(struct runtime_container *c)
{
    if (c == NULL)
        return;
    free(c->id);
    free(c->bundle);
    free(c->root);
    fd_closep(&c->pidfd);
    fd_closep(&c->sock);
    fd_closep(&c->console_master);
    fd_closep(&c->mounts);
    cgroup_free(c->cgroup);
    resctrl_free(c->resctrl);
    free(c);
}

static void runtime_freep(struct runtime_container **c)
{
    runtime_free(*c);
    *c = NULL;
}

static struct runtime_container *container_new(const struct runtime_params *p, struct creel_err *err)
{
    struct runtime_container *c = calloc(1, sizeof *c);
    if (c != NULL) {
        c->pidfd = c->sock = c->console_master = c->mounts = -1;
        c->config = p->config;
        c->has_poststop = p->config->poststop.count > 0;
        c->id = strdup(p->id);
    }
    if (c == NULL || c->id == NULL) {
        free(c);
        creel_fail_nomem(err);
        return NULL;
    }
    return c;
}

static void kill_init(struct runtime_container *c)
{
    int status;
    if (c->pid <= 0 || c->reaped)
        return;
    c->reaped = c->pidfd >= 0 && sys_pidfd_send_signal(c->pidfd, SIGKILL) == -ESRCH; /* the caller has done it */
    if (c->pidfd < 0)
        (void)kill(c->pid, SIGKILL); /* our unreaped child: the pid is still its own */
    if (!c->reaped)
        (void)sys_wait_child(c->pid, c->pidfd, &status); /* ECHILD: the caller has reaped it */
    c->reaped = true;
}

/* Undo a create that failed. err keeps the failure that brought us here. */
static void abandon(struct runtime_container *c)
{
    fd_closep(&c->sock);
    kill_init(c);
    if (c->cgroup != NULL) {
        (void)cgroup_kill(c->cgroup, SIGKILL, NULL); /* what hooks in the container have left */
        (void)cgroup_destroy(c->cgroup, NULL);
    }
    resctrl_undo(c->resctrl);
}

int runtime_cgroup_name(const struct oci_config *config, const char *id, enum cgroup_manager manager, char **ret,
                        struct creel_err *err)
{
    auto_bytes path = BYTES_INIT;
    const char *named = config->linux_.cgroups_path;
    if (named != NULL && named[0] != '\0')
        bytes_adds(&path, named);
    else
        bytes_addf(&path, manager == CGROUP_SYSTEMD ? ":creel:%s" : "/creel/%s", id);
    if (!bytes_ok(&path))
        return creel_fail_nomem(err);
    *ret = bytes_take(&path);
    return 0;
}

static bool is_without_permission(const struct creel_err *err)
{
    return err->kind == CREEL_DENIED || err->sys == EACCES || err->sys == EPERM || err->sys == EROFS;
}

static int make_cgroup(struct runtime_container *c, const struct runtime_params *p, struct creel_err *err)
{
    auto_free char *path = NULL;
    auto_bytes about = BYTES_INIT;
    struct creel_err why = { 0 };
    if (runtime_cgroup_name(p->config, p->id, p->cgroup_manager, &path, err) < 0)
        return -1;
    bytes_addf(&about, "creel container %s", p->id);
    if (!bytes_ok(&about))
        return creel_fail_nomem(err);
    const struct cgroup_request q = {
        .path = path, .manager = p->cgroup_manager, .resources = &p->config->linux_.resources,
        .annotations = p->config->annotations, .annotation_count = p->config->annotation_count,
        .description = bytes_str(&about),
    };
    bool begun = p->ready != NULL && p->cgroup_manager != CGROUP_DISABLED;
    c->grouped = p->cgroup_manager != CGROUP_DISABLED;
    if (cgroup_make(begun ? ptr_take(&p->ready->cgroup) : NULL, &q, &c->cgroup, &why) == 0)
        return 0;
    if (!c->grouped || !p->cgroup_optional || !is_without_permission(&why))
        return creel_fail_as(err, &why);
    c->grouped = false;
    return cgroup_create(path, CGROUP_DISABLED, NULL, &c->cgroup, err);
}

/* If this fails, the end is reported a little later. */
static void hold_mounts(struct runtime_container *c)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)c->pid);
    c->mounts = open(path, O_RDONLY | O_CLOEXEC);
}

void runtime_release_mounts(struct runtime_container *c)
{
    fd_closep(&c->mounts);
}

static int send_step(struct runtime_container *c, enum launch_step step, struct creel_err *err)
{
    int r = launch_send_step(c->sock, step);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) /* then it is gone, and what it said before is worth more */
        return creel_fail(err, CREEL_INTERNAL, -r, "tell the container process \"%s\"", launch_step_name(step));
    return 0;
}

static int note_process(struct runtime_container *c, const struct runtime_params *p, struct creel_err *err)
{
    int r = sys_process_start(c->pid, &c->pid_start);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "find the start time of the container process");
    if (p->hold_mounts)
        hold_mounts(c);
    return 0;
}

static int clone_init(struct runtime_container *c, struct runtime_setup *s, struct creel_err *err)
{
    int pair[2];
    bool in_cgroup = false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make the launch socket");
    auto_fd theirs = pair[1];
    c->sock = pair[0];
    int group = c->cgroup != NULL ? cgroup_v2_fd(c->cgroup) : -1;
    if (resctrl_create(c->resctrl, err) < 0 || runtime_setup_finish(s, theirs, c->cgroup, c->resctrl, err) < 0)
        return -1;
    pid_t pid = namespace_clone(&s->namespaces, s->params->config, group, &c->pidfd, &in_cgroup, err);
    if (pid == 0) {
        s->init.wait_grouped = group >= 0 && !in_cgroup; /* as it was when this child was cloned */
        init_run(&s->init);
    }
    if (pid < 0)
        return -1;
    c->pid = pid;
    if (!s->init.guided && note_process(c, s->params, err) < 0)
        return -1;
    if (group < 0 || in_cgroup)
        return 0;
    s->init.wait_grouped = true;    /* told when it gets to that: after its ids */
    return cgroup_add(c->cgroup, pid, err);
}

/* With a user namespace of its own the child lacks the host's CAP_SYS_RESOURCE, which both are about. */
static int set_limits(struct runtime_container *c, const struct process_plan *p, struct creel_err *err)
{
    const struct opt_i64 *oom = &c->config->process.oom_score_adj;
    for (size_t i = 0; i < p->rlimit_count; i++)
        if (prlimit(c->pid, (enum __rlimit_resource)p->rlimits[i].resource, &p->rlimits[i].value, NULL) < 0)
            return creel_fail(err, errno == EPERM ? CREEL_DENIED : CREEL_INVALID, errno, "set %s",
                              p->rlimits[i].name);
    if (!oom->set)
        return 0;
    char path[64], text[16];
    (void)snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)c->pid);
    int n = snprintf(text, sizeof text, "%d", (int)oom->value);
    int r = sys_write_file(AT_FDCWD, path, text, (size_t)n);
    return r < 0 ? creel_fail(err, r == -EACCES ? CREEL_DENIED : CREEL_INTERNAL, -r, "set oomScoreAdj to %s", text) : 0;
}

static int run_hooks(const struct hook_plan *h, pid_t pid, struct creel_err *err)
{
    struct launch_msg fail;
    if (h->hooks.count == 0 || init_hooks_run(&h->hooks, pid, &fail) == 0)
        return 0;
    return creel_fail(err, (enum creel_kind)fail.kind, fail.sys, "%s", fail.where);
}

static int take_console(struct runtime_container *c, struct creel_err *err)
{
    int fds[LAUNCH_FDS_MAX];
    size_t count = 0;
    if (launch_expect(c->sock, LAUNCH_CONSOLE, RUNTIME_SETUP_TIMEOUT_MS, fds, &count, err) < 0)
        return -1;
    for (size_t i = 1; i < count; i++)
        (void)close(fds[i]);
    if (count == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the container process sent no terminal");
    c->console_master = fds[0];
    return 0;
}

/* What the mount plan needs from us, in its order. */
static int accompany_mounts(struct runtime_container *c, struct runtime_setup *s, struct creel_err *err)
{
    for (size_t i = 0; i < s->mounts.count; i++) {
        struct mount_step *step = &s->mounts.steps[i];
        if (step->kind == MOUNT_CGROUP_ENTER && s->init.wait_grouped && send_step(c, LAUNCH_GROUPED, err) < 0)
            return -1;
        if (step->lent && mount_source_lend(step, c->sock, c->pidfd, err) < 0)
            return -1;
    }
    return 0;
}

/* The conversation of launch.h up to "ready". */
static int accompany(struct runtime_container *c, struct runtime_setup *s, struct creel_err *err)
{
    if (s->init.guided && s->init.wait_mapped
        && launch_expect(c->sock, LAUNCH_UNSHARED, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err) < 0)
        return -1;
    if (s->init.wait_mapped
        && (idmap_write(c->pid, &c->config->linux_, err) < 0 || send_step(c, LAUNCH_MAPPED, err) < 0))
        return -1;
    if (accompany_mounts(c, s, err) < 0)
        return -1;
    if (s->init.wait_hooked
        && (launch_expect(c->sock, LAUNCH_MOUNTED, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err) < 0
            || net_devices_move(&s->net_devices, c->pid, err) < 0
            || run_hooks(&s->prestart, c->pid, err) < 0 || run_hooks(&s->create_runtime, c->pid, err) < 0
            || send_step(c, LAUNCH_HOOKED, err) < 0))
        return -1;
    launch_wait(c->sock, hook_list_time_ms(&c->config->create_container));
    if (s->process.terminal && take_console(c, err) < 0)
        return -1;
    if (s->init.guided
        && (guide_take_over(c->sock, &c->pid, &c->pidfd, err) < 0 || note_process(c, s->params, err) < 0
            || send_step(c, LAUNCH_TAKEN, err) < 0))
        return -1;
    if (launch_expect(c->sock, LAUNCH_READY, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err) < 0)
        return -1;
    return s->init.limits_by_parent ? set_limits(c, &s->process, err) : 0;
}

/* The first process is in its group and waits for "go": the time to hand things over. */
static int finish_cgroup(struct runtime_container *c, struct creel_err *err)
{
    uid_t owner;
    if (!c->grouped)
        return 0;
    if (cgroup_delegate_owner(c->config, &owner) && cgroup_delegate(c->cgroup, owner, err) < 0)
        return -1;
    return cgroup_settle(c->cgroup, err);
}

int runtime_create(const struct runtime_params *p, struct runtime_container **ret, struct creel_err *err)
{
    if (runtime_check_preserved(p->preserve_fds, err) < 0)
        return -1;
    auto_cleanup(runtime_freep) struct runtime_container *c = container_new(p, err);
    if (c == NULL || resctrl_open(p->config, p->id, NULL, &c->resctrl, err) < 0 || make_cgroup(c, p, err) < 0)
        return -1;
    auto_runtime_setup s;
    if (runtime_setup_prepare(p, c->grouped ? cgroup_layout_of(c->cgroup) : NULL,
                              c->grouped ? cgroup_path(c->cgroup) : NULL, &s, err) < 0
        || clone_init(c, &s, err) < 0 || accompany(c, &s, err) < 0 || finish_cgroup(c, err) < 0) {
        net_devices_restore(&s.net_devices);
        abandon(c);
        runtime_setup_undo(&s);
        return -1;
    }
    c->bundle = ptr_take(&s.bundle);
    if (s.root_attached)
        c->root = ptr_take(&s.root_path);
    c->notifies = (s.process.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
    *ret = ptr_take(&c);
    return 0;
}

int runtime_hooks_run(const struct runtime_hooks *h, struct creel_err *err)
{
    struct hook_plan plan;
    int r = 0;
    if (h->hooks->count == 0)
        return 0;
    if (hook_plan_build(h->config, h->hooks, h->name, h->id, h->bundle, h->status, &plan, err) < 0)
        r = -1;
    for (size_t i = 0; i < plan.hooks.count && (r == 0 || h->all); i++) {
        struct init_hooks one = plan.hooks;
        struct launch_msg fail;
        one.first = i;
        one.count = i + 1;
        if (init_hooks_run(&one, h->pid, &fail) < 0 && r == 0)
            r = creel_fail(err, (enum creel_kind)fail.kind, fail.sys, "%s", fail.where);
    }
    hook_plan_fini(&plan);
    return r;
}

static int run_late_hooks(struct runtime_container *c, const struct oci_hooks *hooks, const char *name, const char *status,
                          bool all, struct creel_err *err)
{
    const struct runtime_hooks h = { .config = c->config, .hooks = hooks, .name = name, .id = c->id,
                                     .bundle = c->bundle != NULL ? c->bundle : "", .status = status,
                                     .pid = c->reaped ? 0 : c->pid, .all = all };
    return runtime_hooks_run(&h, err);
}

int runtime_park(struct runtime_container *c, struct creel_err *err)
{
    if (c->sock < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s waits for nobody", c->id);
    if (send_step(c, LAUNCH_PARK, err) < 0)
        return -1;
    fd_closep(&c->sock);
    return 0;
}

int runtime_start(struct runtime_container *c, struct creel_err *err)
{
    if (c->sock < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is started already", c->id);
    int r = send_step(c, LAUNCH_GO, err);
    if (r == 0)
        launch_wait(c->sock, hook_list_time_ms(&c->config->start_container));
    if (r == 0 && c->notifies)
        r = listener_pass(c->sock, c->pidfd, c->pid, c->config, c->id, c->bundle != NULL ? c->bundle : "", "running",
                          err);
    if (r == 0)
        r = launch_expect(c->sock, LAUNCH_STEP_COUNT, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err);
    fd_closep(&c->sock);
    if (r < 0) {
        kill_init(c);
        return -1;
    }
    c->started = true;
    if (run_late_hooks(c, &c->config->poststart, "poststart", "running", false, err) == 0)
        return 0;
    kill_init(c);
    return -1;
}

/* Gone already is fine. */
static int detach_root(const char *path, struct creel_err *err)
{
    int r = sys_umount_detach(path);
    return r == 0 || r == -EINVAL || r == -ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, -r, "unmount %s", path);
}

int runtime_detach_root(const struct oci_config *c, const char *bundle, struct creel_err *err)
{
    auto_bytes path = BYTES_INIT;
    if (oci_namespace_find(c, OCI_NS_MOUNT) != NULL || c->root.path == NULL)
        return 0;
    bytes_addf(&path, "%s%s%s", c->root.path[0] == '/' ? "" : bundle, c->root.path[0] == '/' ? "" : "/", c->root.path);
    return bytes_ok(&path) ? detach_root(bytes_str(&path), err) : creel_fail_nomem(err);
}

int runtime_destroy(struct runtime_container *c, struct creel_err *err)
{
    bool first = !c->reaped || c->cgroup != NULL;
    fd_closep(&c->sock);
    kill_init(c);
    if (c->cgroup != NULL) {
        if (!cgroup_remove_empty(c->cgroup)
            && (cgroup_kill(c->cgroup, SIGKILL, err) < 0 || cgroup_destroy(c->cgroup, err) < 0))
            return creel_wrap(err, "destroying container %s", c->id);
        cgroup_free(c->cgroup);
        c->cgroup = NULL;
    }
    if (c->root != NULL && detach_root(c->root, err) < 0)
        return creel_wrap(err, "destroying container %s", c->id);
    free(ptr_take(&c->root));
    if (resctrl_remove(c->resctrl, err) < 0)
        return creel_wrap(err, "destroying container %s", c->id);
    if (first && c->has_poststop)
        (void)run_late_hooks(c, &c->config->poststop, "poststop", "stopped", true, NULL); /* it is gone in any case */
    return 0;
}
