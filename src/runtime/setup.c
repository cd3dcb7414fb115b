/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/setup.c: see runtime/setup.h. */
#include "runtime/setup.h"

#include "runtime/guide.h"
#include "runtime/idmap.h"
#include "runtime/init/rootfs.h"
#include "runtime/procfs_join.h"
#include "runtime/sysctl.h"
#include "sys/mnt.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { PRESERVE_MAX = 1 << 16 };

int runtime_check_preserved(int preserve, struct creel_err *err)
{
    if (preserve < 0 || preserve > PRESERVE_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "cannot preserve %d descriptors", preserve);
    for (int fd = 3; fd < 3 + preserve; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC)) /* close-on-exec: it did not come from our caller's caller */
            return creel_fail(err, CREEL_INVALID, EBADF, "descriptor %d, one of %d to preserve, was not passed on", fd,
                              preserve);
    }
    return 0;
}

char *runtime_keyring_name(const char *id)
{
    struct bytes b = BYTES_INIT;
    bytes_addf(&b, "_ses.%s", id);
    if (!bytes_ok(&b)) {
        bytes_fini(&b);
        return NULL;
    }
    return bytes_take(&b);
}

/* The caller's permitted capabilities; all of them when they cannot be read: then the kernel will say no. */
static uint64_t own_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
    if (syscall(SYS_capget, &head, data) < 0)
        return ~UINT64_C(0);
    return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

int runtime_plan_process(const struct oci_config *c, const struct oci_process *process, bool user_namespace,
                         void (*warn)(const void *data, const char *text), const void *warn_data, struct process_plan *ret,
                         struct creel_err *err)
{
    if (process_plan_build_as(c, process, warn != NULL, ret, err) < 0)
        return -1;
    if (warn != NULL && ret->present && !user_namespace && process_plan_drop_missing(ret, own_capabilities(), err) < 0)
        return -1;
    for (size_t i = 0; i < ret->warnings.count; i++)
        warn(warn_data, ret->warnings.items[i]);
    return 0;
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int *runtime_keep_list(const int *fds, size_t count, int preserve, struct creel_err *err)
{
    int *keep = malloc((count + (size_t)preserve + 1) * sizeof *keep);
    if (keep == NULL) {
        creel_fail_nomem(err);
        return NULL;
    }
    size_t n = 0;
    for (; n < (size_t)preserve; n++)
        keep[n] = 3 + (int)n;
    for (size_t i = 0; i < count; i++)
        keep[n++] = fds[i];
    qsort(keep, n, sizeof *keep, compare_ints);
    return keep;
}

/* --- the bundle and the root --- */

static int path_of_fd(int fd, char **ret, struct creel_err *err)
{
    char link[SYS_FD_PATH_MAX], path[PATH_MAX];
    ssize_t n = readlink(sys_fd_path(fd, link), path, sizeof path - 1);
    if (n < 0 || (size_t)n >= sizeof path - 1)
        return creel_fail(err, CREEL_INTERNAL, n < 0 ? errno : ENAMETOOLONG, "find the path of directory %d", fd);
    path[n] = '\0';
    *ret = strdup(path);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

static int find_bundle(struct runtime_setup *s, struct creel_err *err)
{
    if (s->bundle != NULL)
        return 0;
    if (s->params->bundle_fd >= 0)
        return path_of_fd(s->params->bundle_fd, &s->bundle, err);
    s->bundle = getcwd(NULL, 0);
    return s->bundle == NULL ? creel_fail(err, CREEL_INTERNAL, errno, "find the current directory") : 0;
}

static int prepare_overlay(struct runtime_setup *s, struct creel_err *err)
{
    const struct runtime_rootfs *r = s->params->rootfs;
    if (s->namespaces.host_mount)
        return creel_fail(err, CREEL_INVALID, 0, "an overlay needs a mount namespace of the container's own");
    if ((r->upper == NULL) != (r->work == NULL))
        return creel_fail(err, CREEL_INVALID, 0, "an overlay needs both an upper and a work directory, or neither");
    if (r->layers_fd >= 0 && path_of_fd(r->layers_fd, &s->layers, err) < 0)
        return -1;
    s->init.rootfs = (struct init_rootfs){ .overlay = true, .layers = s->layers, .lower = r->lower,
                                           .lower_count = r->lower_count, .upper = r->upper, .work = r->work,
                                           .is_volatile = r->is_volatile, .tree = -1 };
    if (!s->namespaces.user)
        return 0;
    struct launch_msg fail;
    s->root_tree = rootfs_overlay_detached(&s->init.rootfs, &fail);
    if (s->root_tree < 0)
        return creel_fail(err, (enum creel_kind)fail.kind, fail.sys, "%s", fail.where);
    s->init.rootfs.tree = s->root_tree;
    return 0;
}

static int find_root(struct runtime_setup *s, struct creel_err *err)
{
    const struct oci_config *c = s->params->config;
    if (!c->root.present || c->root.path == NULL || c->root.path[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "the configuration has no root.path");
    if (c->root.path[0] == '/') {
        s->root_path = strdup(c->root.path);
        if (s->root_path == NULL)
            return creel_fail_nomem(err);
    } else {
        struct bytes b = BYTES_INIT;
        if (find_bundle(s, err) < 0)
            return -1;
        bytes_addf(&b, "%s/%s", s->bundle, c->root.path);
        if (!bytes_ok(&b)) {
            bytes_fini(&b);
            return creel_fail_nomem(err);
        }
        s->root_path = bytes_take(&b);
    }
    return 0;
}

/* The container has our mount namespace: all of its mounts are to lie below one that is its own. */
static int attach_root(struct runtime_setup *s, struct creel_err *err)
{
    auto_fd place = open(s->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open root file system %s", s->root_path);
    if (s->root_tree < 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "a container without a mount namespace needs privilege and Linux 5.12");
    int r = sys_move_mount(s->root_tree, place);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "mount root file system %s", s->root_path);
    s->root_attached = s->init.rootfs.attached = true;
    return 0;
}

void runtime_setup_undo(struct runtime_setup *s)
{
    if (s->root_attached)
        (void)sys_umount_detach(s->root_path);
    s->root_attached = false;
}

static int prepare_directory(struct runtime_setup *s, bool unprivileged, struct creel_err *err)
{
    if (!unprivileged) {
        s->root_tree = sys_open_tree_clone(AT_FDCWD, s->root_path, AT_RECURSIVE);
        if (s->root_tree < 0 && s->root_tree != -ENOSYS && s->root_tree != -EPERM)
            return creel_fail(err, s->root_tree == -ENOENT ? CREEL_INVALID : CREEL_INTERNAL, -s->root_tree,
                              "open root file system %s", s->root_path);
        if (s->root_tree < 0)
            s->root_tree = -1;
        /* Before 5.12 the child makes its own copy, from a tree that is private already. */
        const unsigned long receives = s->mounts.root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
        int r = s->root_tree < 0 ? 0 : sys_mount_setattr(s->root_tree, AT_RECURSIVE, 0, 0, receives, -1);
        if (r == -ENOSYS)
            fd_closep(&s->root_tree);
        else if (r < 0)
            return creel_fail(err, CREEL_INTERNAL, -r, "make root file system %s private", s->root_path);
    }
    s->init.rootfs = (struct init_rootfs){ .tree = s->root_tree, .path = s->root_path,
                                           .over_root = s->namespaces.joined_mount };
    return s->namespaces.host_mount ? attach_root(s, err) : 0;
}

/* --- the rest --- */

static int prepare_sysctls(struct runtime_setup *s, struct creel_err *err)
{
    const struct oci_linux *l = &s->params->config->linux_;
    if (l->sysctl_count == 0)
        return 0;
    s->sysctls = calloc(l->sysctl_count, sizeof *s->sysctls);
    if (s->sysctls == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < l->sysctl_count; i++) {
        struct init_sysctl *to = &s->sysctls[i];
        if (sysctl_path(s->params->config, s->namespaces.shared, l->sysctl[i].key, l->sysctl[i].value, to->path, err) < 0)
            return -1;
        to->key = l->sysctl[i].key;
        to->value = l->sysctl[i].value;
    }
    s->init.sysctls = s->sysctls;
    s->init.sysctl_count = l->sysctl_count;
    return 0;
}

static int prepare_hooks(struct runtime_setup *s, struct creel_err *err)
{
    const struct oci_config *c = s->params->config;
    if (c->prestart.count + c->create_runtime.count + c->create_container.count + c->start_container.count == 0)
        return 0;
    if (find_bundle(s, err) < 0)
        return -1;
    const char *id = s->params->id;
    if (hook_plan_build(c, &c->prestart, "prestart", id, s->bundle, "created", &s->prestart, err) < 0
        || hook_plan_build(c, &c->create_runtime, "createRuntime", id, s->bundle, "creating", &s->create_runtime,
                           err) < 0
        || hook_plan_build(c, &c->create_container, "createContainer", id, s->bundle, "creating",
                           &s->create_container, err) < 0
        || hook_plan_build(c, &c->start_container, "startContainer", id, s->bundle, "created", &s->start_container,
                           err) < 0)
        return -1;
    /* These are programs of the container: they have its environment unless one is given, and its filter. Not where that
     * asks an agent, who expects one process to listen to. */
    for (size_t i = 0; i < s->start_container.hooks.count; i++)
        if (s->start_container.items[i].envp[0] == NULL && s->process.present)
            s->start_container.items[i].envp = s->process.envp;
    if (s->process.present && !(s->process.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        s->start_container.hooks.confined = &s->process;
    s->init.create_container = s->create_container.hooks;
    s->init.start_container = s->start_container.hooks;
    s->init.wait_hooked = c->prestart.count + c->create_runtime.count > 0;
    return 0;
}

static int prepare_process(struct runtime_setup *s, struct creel_err *err)
{
    const struct runtime_params *p = s->params;
    if (runtime_plan_process(p->config, &p->config->process, oci_namespace_find(p->config, OCI_NS_USER) != NULL, p->warn,
                             p->warn_data, &s->process, err) < 0)
        return -1;
    s->process.cpu_initial.set = s->process.cpu_final.set = false; /* for further processes only */
    s->process.cpus_reset = p->reset_cpus;
    s->process.terminal_relayed = p->terminal_relayed;
    s->process.seccomp = p->seccomp;
    s->process.die_with_parent = p->die_with_parent;
    /* Agents are told which bundle it is about. */
    if ((p->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) && find_bundle(s, err) < 0)
        return -1;
    s->process.seccomp_flags = p->seccomp_flags | (p->seccomp_log ? SECCOMP_FILTER_FLAG_LOG : 0);
    if (!p->no_new_keyring) {
        s->process.keyring = runtime_keyring_name(p->id);
        if (s->process.keyring == NULL)
            return creel_fail_nomem(err);
    }
    s->init.process = &s->process;
    return 0;
}

static int prepare_namespaces(struct runtime_setup *s, struct creel_err *err)
{
    const struct oci_linux *l = &s->params->config->linux_;
    struct namespace_plan *n = &s->namespaces;
    if (namespace_plan_build(s->params->config, n, err) < 0)
        return -1;
    if (s->params->ready != NULL)
        namespace_plan_use_net(n, &s->params->ready->net);
    bool new_user = (n->clone_flags & CLONE_NEWUSER) != 0;
    if (new_user && (l->uid_map_count == 0 || l->gid_map_count == 0))
        return creel_fail(err, CREEL_INVALID, 0, "a new user namespace needs uidMappings and gidMappings");
    s->init.wait_mapped = new_user;
    s->init.hide_late = new_user && geteuid() != 0;
    s->process.groups_fixed = n->user && geteuid() != 0;
    s->init.user_namespace = n->user;
    s->init.limits_by_parent = n->user && geteuid() == 0; /* otherwise the child can do as much as we */
    if (s->init.limits_by_parent)
        s->process.oom_set = false; /* runtime.c writes it */
    s->init.mapped_root = !new_user || (idmap_has(l->uid_maps, l->uid_map_count, 0) && idmap_has(l->gid_maps, l->gid_map_count, 0));
    s->init.host_mount = n->host_mount;
    s->init.loopback = (n->clone_flags & CLONE_NEWNET) != 0;
    s->init.own_pids = (n->clone_flags & CLONE_NEWPID) != 0;
    s->init.new_cgroup_ns = n->new_cgroup;
    s->init.time_offsets = n->time_inside ? n->time_offsets : NULL;
    n->guided = geteuid() == 0 && n->pid >= 0 && guide_can_make(&s->process);
    n->staged = n->staged && !n->guided;
    s->init.guided = n->guided;
    s->init.pid_ns = n->pid;
    s->init.unshare_flags = (int)n->clone_flags;
    s->init.joins = n->joins;
    s->init.join_count = n->staged ? 0 : n->join_count;
    return 0;
}

static bool has_selinux(void) { return access("/sys/fs/selinux/enforce", F_OK) == 0; }

/* AppArmor's own file says Y or N; without the module it is not there. */
static bool has_apparmor(void)
{
    char answer = 'N';
    int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, &answer, 1);
        (void)close(fd);
    }
    return answer == 'Y';
}

static int refuse_missing(const struct process_plan *p, struct creel_err *err)
{
    if (p->apparmor != NULL && strcmp(p->apparmor, "unconfined") != 0 && !has_apparmor())
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "process.apparmorProfile %s: AppArmor is not active on this host",
                          p->apparmor);
    if (p->selinux != NULL && !has_selinux())
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "process.selinuxLabel %s: SELinux is not active on this host",
                          p->selinux);
    return 0;
}

/* A label for what the container mounts protects nothing where there is no SELinux; whoever cannot be told of that gets an
 * error instead. */
static int choose_mount_label(struct runtime_setup *s, const char **ret, struct creel_err *err)
{
    const char *label = s->params->config->linux_.mount_label;
    *ret = NULL;
    if (label == NULL || label[0] == '\0')
        return 0;
    if (has_selinux())
        *ret = label;
    else if (s->params->warn == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "linux.mountLabel: SELinux is not active on this host");
    else
        s->params->warn(s->params->warn_data, "ignoring linux.mountLabel: SELinux is not active on this host");
    return 0;
}

/* They move while the child waits: what it does next, sysctls among it, may be about them. */
static int prepare_net_devices(struct runtime_setup *s, struct creel_err *err)
{
    s->init.wait_hooked |= s->params->config->linux_.net_device_count > 0;
    return net_devices_plan(s->params->config, s->namespaces.shared[OCI_NS_NETWORK], &s->net_devices, err);
}

static int prepare_mounts(struct runtime_setup *s, const struct cgroup_layout *layout, const char *cgroup_path,
                          bool unprivileged, struct creel_err *err)
{
    const struct oci_config *c = s->params->config;
    bool relative = false;
    for (size_t i = 0; i < c->mount_count && !relative; i++)
        relative = c->mounts[i].source != NULL && c->mounts[i].source[0] != '/';
    const bool overlay = s->params->rootfs != NULL && s->params->rootfs->lower_count > 0;
    if ((relative && find_bundle(s, err) < 0) || (!overlay && find_root(s, err) < 0))
        return -1;
    const char *label;
    if (choose_mount_label(s, &label, err) < 0)
        return -1;
    const struct mount_plan_input in = {
        .mount_label = label, .config = c, .bundle = s->bundle, .layout = layout, .cgroup_path = cgroup_path,
        .bind_devices = s->namespaces.user, .keep_flags = s->params->keep_bind_flags, .root = s->root_path,
    };
    if (mount_plan_build(&in, &s->mounts, err) < 0)
        return -1;
    s->init.mounts = &s->mounts;
    if (s->namespaces.guided && procfs_join_mounts(&s->mounts, s->namespaces.pid, err) < 0)
        return -1;
    /* Where the child can open what we can. */
    bool late = s->params->binds_in_order && !s->namespaces.user && (s->namespaces.clone_flags & CLONE_NEWNS) != 0;
    const struct namespace_plan *n = &s->namespaces;
    if (!unprivileged && (n->clone_flags & CLONE_NEWUSER) != 0 && mount_nodes_make(&s->mounts, c, err) < 0)
        return -1;
    const bool joined = n->join_count > 0 && n->joins[0].type == CLONE_NEWUSER;
    return mount_source_open(&s->mounts, unprivileged, late, joined ? n->joins[0].fd : -1, err);
}

static int prepare_streams(struct runtime_setup *s, struct creel_err *err)
{
    for (int i = 0; i < 3; i++) {
        s->init.stdio[i] = s->params->stdio[i];
        if (s->init.stdio[i] >= 0)
            continue;
        if (s->null < 0)
            s->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (s->null < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "open /dev/null");
        s->init.stdio[i] = s->null;
    }
    s->init.preserve = s->params->preserve_fds;
    s->init.give_pipes = s->params->stdio_is_ours;
    return 0;
}

int runtime_setup_prepare(const struct runtime_params *p, const struct cgroup_layout *layout, const char *cgroup_path,
                          struct runtime_setup *ret, struct creel_err *err)
{
    const struct oci_config *c = p->config;
    const bool unprivileged = geteuid() != 0;
    *ret = (struct runtime_setup){ .params = p, .root_tree = -1, .null = -1, .net_devices = NET_DEVICES_INIT };
    ret->namespaces.pid = ret->namespaces.time = -1;
    ret->init.sock = -1;
    ret->init.gate = p->gate;
    ret->init.id = p->id;
    ret->init.no_pivot = p->no_pivot;
    ret->init.hostname = c->hostname != NULL && c->hostname[0] != '\0' ? c->hostname : NULL;
    ret->init.domainname = c->domainname != NULL && c->domainname[0] != '\0' ? c->domainname : NULL;
    if (prepare_process(ret, err) < 0 || refuse_missing(&ret->process, err) < 0 || prepare_namespaces(ret, err) < 0
        || prepare_sysctls(ret, err) < 0 || prepare_hooks(ret, err) < 0 || prepare_net_devices(ret, err) < 0
        || prepare_streams(ret, err) < 0 || prepare_mounts(ret, layout, cgroup_path, unprivileged, err) < 0)
        return -1;
    if ((ret->init.hostname != NULL || ret->init.domainname != NULL)
        && (oci_namespace_find(c, OCI_NS_UTS) == NULL || ret->namespaces.shared[OCI_NS_UTS]))
        return creel_fail(err, CREEL_INVALID, 0, "hostname and domainname need a uts namespace of the container's own");
    return p->rootfs != NULL && p->rootfs->lower_count > 0 ? prepare_overlay(ret, err)
                                                           : prepare_directory(ret, unprivileged, err);
}

int runtime_setup_finish(struct runtime_setup *s, int sock, const struct cgroup *cgroup, struct resctrl *resctrl,
                         struct creel_err *err)
{
    size_t n = 0, more;
    s->init.sock = sock;
    if (cgroup != NULL)
        s->init.v1_task_count = cgroup_v1_task_fds(cgroup, s->init.v1_tasks);
    if (resctrl_tasks(resctrl, s->init.v1_tasks + s->init.v1_task_count, &more, err) < 0)
        return -1;
    s->init.v1_task_count += more;
    int *fds = malloc((9 + 2 * s->mounts.count + s->namespaces.join_count + s->init.v1_task_count) * sizeof *fds);
    if (fds == NULL)
        return creel_fail_nomem(err);
    fds[n++] = sock;
    fds[n++] = s->params->gate > 0 ? s->params->gate : -1;
    fds[n++] = s->root_tree;
    if (s->namespaces.guided)
        fds[n++] = s->namespaces.pid;
    for (int i = 0; i < 3; i++)
        fds[n++] = s->init.stdio[i];
    for (size_t i = 0; i < s->mounts.count; i++)
        for (int k = 0; k < 2; k++) {
            int fd = k == 0 ? s->mounts.steps[i].fd : s->mounts.steps[i].idmap;
            if (fd >= 0)
                fds[n++] = fd;
        }
    for (size_t i = 0; i < s->namespaces.join_count; i++)
        fds[n++] = s->namespaces.joins[i].fd;
    for (size_t i = 0; i < s->init.v1_task_count; i++)
        fds[n++] = s->init.v1_tasks[i];
    s->keep_count = n + (size_t)s->params->preserve_fds;
    s->keep = runtime_keep_list(fds, n, s->params->preserve_fds, err);
    free(fds);
    if (s->keep == NULL)
        return -1;
    s->init.keep = s->keep;
    s->init.keep_count = s->keep_count;
    return 0;
}

void runtime_setup_fini(struct runtime_setup *s)
{
    mount_plan_fini(&s->mounts);
    namespace_plan_fini(&s->namespaces);
    process_plan_fini(&s->process);
    net_devices_fini(&s->net_devices);
    hook_plan_fini(&s->prestart);
    hook_plan_fini(&s->create_runtime);
    hook_plan_fini(&s->create_container);
    hook_plan_fini(&s->start_container);
    free(s->sysctls);
    free(s->bundle);
    free(s->layers);
    free(s->root_path);
    free(s->keep);
    fd_closep(&s->root_tree);
    fd_closep(&s->null);
    s->sysctls = NULL;
    s->bundle = s->layers = s->root_path = NULL;
    s->keep = NULL;
}
