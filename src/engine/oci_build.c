/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/oci_build.h"

#include "base/parse.h"
#include "base/path.h"
#include "engine/oci_devices.h"
#include "engine/oci_mounts.h"
#include "engine/passwd_lookup.h"
#include "spec/capability.h"
#include "spec/env_list.h"
#include "spec/host_config.h"
#include "spec/seccomp_profile.h"
#include "spec/security_option.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

const char *const oci_masked_paths[] = {
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware", NULL,
};
const char *const oci_readonly_paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };

static int text_set(char **field, const char *s, struct creel_err *err)
{
    *field = strdup(s);
    return *field == NULL ? creel_fail_nomem(err) : 0;
}

static int list_copy(const json_t *list, struct strv *out, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v)
        if (!strv_add(out, json_string_value(v)))
            return creel_fail_nomem(err);
    return 0;
}

static int map_copy(const json_t *map, struct oci_kv **ret, size_t *ret_count, struct creel_err *err)
{
    const char *key;
    json_t *v;
    size_t n = 0;
    if (json_object_size(map) == 0)
        return 0;
    *ret = calloc(json_object_size(map), sizeof **ret);
    if (*ret == NULL)
        return creel_fail_nomem(err);
    json_object_foreach((json_t *)map, key, v) {
        (*ret)[n] = (struct oci_kv){ .key = strdup(key), .value = strdup(json_string_value(v)) };
        *ret_count = ++n;
        if ((*ret)[n - 1].key == NULL || (*ret)[n - 1].value == NULL)
            return creel_fail_nomem(err);
    }
    return 0;
}

/* --- capabilities --- */
/* What our bounding set holds is what we can give. */
static uint64_t host_capabilities(void)
{
    uint64_t set = 0;
    for (unsigned n = 0; n < capability_count() && n < 64; n++)
        if (prctl(PR_CAPBSET_READ, (unsigned long)n, 0, 0, 0) == 1)
            set |= CAPABILITY_BIT(n);
    return set;
}

static int bounding_set(const json_t *host, bool privileged, uint64_t *ret, struct creel_err *err)
{
    auto_strv add = STRV_INIT;
    auto_strv drop = STRV_INIT;
    if (list_copy(json_object_get(host, "CapAdd"), &add, err) < 0
        || list_copy(json_object_get(host, "CapDrop"), &drop, err) < 0)
        return -1;
    return capability_resolve(host_capabilities(), privileged, &add, &drop, ret, NULL, err);
}

/* Only root has any; the inheritable and ambient sets are always empty. */
static int capabilities_fill(uint64_t set, uint32_t uid, struct oci_capabilities *c, struct creel_err *err)
{
    c->present = true;
    if (!capability_set_print(set, &c->bounding)
        || (uid == 0 && (!capability_set_print(set, &c->effective) || !capability_set_print(set, &c->permitted))))
        return creel_fail_nomem(err);
    return 0;
}

/* --- the process --- */
static int rlimits_fill(const json_t *host, struct oci_process *p, struct creel_err *err)
{
    const json_t *list = json_object_get(host, "Ulimits");
    bool core = false;
    size_t i;
    json_t *v;
    p->rlimits = calloc(json_array_size(list) + 1, sizeof *p->rlimits);
    if (p->rlimits == NULL)
        return creel_fail_nomem(err);
    json_array_foreach((json_t *)list, i, v) {
        if (host_ulimit_parse(v, &p->rlimits[p->rlimit_count], err) < 0)
            return -1;
        core = core || strcmp(p->rlimits[p->rlimit_count].type, "RLIMIT_CORE") == 0;
        p->rlimit_count++;
    }
    struct rlimit now;
    if (core || getrlimit(RLIMIT_CORE, &now) < 0)
        return 0;
    /* No core dumps unless asked for: the host's handler would get them. */
    struct oci_rlimit none = { .soft = 0, .hard = now.rlim_max };
    if (text_set(&none.type, "RLIMIT_CORE", err) < 0)
        return -1;
    p->rlimits[p->rlimit_count++] = none;
    return 0;
}

/* Lowering the score below our own needs a capability that we may not have. The default must work without. */
static int oom_score_fill(const json_t *host, struct oci_process *p, struct creel_err *err)
{
    char text[16];
    int64_t own = 0, wanted = json_number(host, "OomScoreAdj");
    bool asked = json_object_get(host, "OomScoreAdj") != NULL;
    auto_fd fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n > 0) {
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        (void)parse_i64(text, -1000, 1000, &own); /* keeps 0 */
    }
    if (wanted < own && !(host_capabilities() & CAPABILITY_BIT(24 /* CAP_SYS_RESOURCE */))) {
        if (!asked)
            return 0; /* inherited, which is higher: killed earlier, not later */
        return creel_fail(err, CREEL_DENIED, 0,
                          "oom score adjustment %lld is lower than this process's own %lld; lowering it needs "
                          "CAP_SYS_RESOURCE, which creel does not have here",
                          (long long)wanted, (long long)own);
    }
    p->oom_score_adj = (struct opt_i64){ true, wanted };
    return 0;
}

static int env_build(const struct oci_build *b, bool tty, const json_t *more, const char *home, struct strv *env,
                     struct creel_err *err)
{
    const json_t *config = b->spec->config;
    if (!strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        || !strv_addf(env, "HOSTNAME=%s", json_text(config, "Hostname"))
        || (tty && !strv_add(env, "TERM=xterm")) || !env_list_override(env, json_object_get(config, "Env"))
        || (more != NULL && !env_list_override(env, more)) || !env_list_deduplicate(env))
        return creel_fail_nomem(err);
    if (env_list_get(env, "HOME") == NULL && !strv_addf(env, "HOME=%s", home))
        return creel_fail_nomem(err);
    return 0;
}

int oci_build_check(const json_t *host, struct creel_err *err)
{
    struct oci_process scratch = { 0 };
    uint64_t set;
    if (json_object_get(host, "CapAdd") != NULL && bounding_set(host, json_flag(host, "Privileged"), &set, err) < 0)
        return -1;
    return json_object_get(host, "OomScoreAdj") != NULL ? oom_score_fill(host, &scratch, err) : 0;
}

/* --- what both kinds of process have in common --- */
struct process_wish {
    const char *user, *cwd;
    bool tty, privileged;
    const json_t *env, *console_size;
};

static int process_fill(const struct oci_build *b, const struct process_wish *w, struct oci_process *p,
                        struct creel_err *err)
{
    const json_t *host = b->spec->host;
    struct security_options security;
    auto_strv groups = STRV_INIT;
    auto_free char *home = NULL;
    uint64_t set;
    p->present = true;
    p->terminal = w->tty;
    if (w->tty && json_array_size(w->console_size) == 2) {
        p->console_rows = (unsigned)json_integer_value(json_array_get(w->console_size, 0));
        p->console_cols = (unsigned)json_integer_value(json_array_get(w->console_size, 1));
    }
    if (list_copy(json_object_get(host, "GroupAdd"), &groups, err) < 0
        || passwd_lookup(b->e, b->row->id, b->lower, w->user, &groups, &p->user, &home, err) < 0
        || env_build(b, w->tty, w->env, home != NULL ? home : "/", &p->env, err) < 0
        || bounding_set(host, w->privileged, &set, err) < 0 || capabilities_fill(set, p->user.uid, &p->caps, err) < 0
        || rlimits_fill(host, p, err) < 0 || oom_score_fill(host, p, err) < 0
        || security_options_parse(host, &security, err) < 0)
        return -1;
    p->cwd = path_clean(w->cwd[0] == '/' ? w->cwd : "/");
    p->no_new_privileges = security.no_new_privileges;
    if (p->cwd == NULL || (security.apparmor != NULL && (p->apparmor_profile = strdup(security.apparmor)) == NULL))
        return creel_fail_nomem(err);
    return 0;
}

static bool wants_init(const struct oci_build *b)
{
    return json_flag(b->spec->host, "Init") && host_pid_mode(b->spec->host) == HOST_NS_PRIVATE;
}

static int process_build(const struct oci_build *b, struct oci_process *p, struct creel_err *err)
{
    const json_t *config = b->spec->config, *host = b->spec->host;
    const struct process_wish w = {
        .user = json_text(config, "User"), .cwd = json_text(config, "WorkingDir"), .tty = json_flag(config, "Tty"),
        .privileged = json_flag(host, "Privileged"), .console_size = json_object_get(host, "ConsoleSize"),
    };
    auto_json argv = container_spec_argv(config);
    if (argv == NULL || (wants_init(b) && (!strv_add(&p->args, oci_init_path(host)) || !strv_add(&p->args, "--"))))
        return creel_fail_nomem(err);
    return list_copy(argv, &p->args, err) < 0 ? -1 : process_fill(b, &w, p, err);
}

int oci_build_exec(const struct oci_build *b, const json_t *exec, struct oci_process *ret, struct creel_err *err)
{
    const json_t *config = b->spec->config;
    const char *user = json_text(exec, "User"), *cwd = json_text(exec, "WorkingDir");
    const struct process_wish w = {
        .user = user[0] != '\0' ? user : json_text(config, "User"),
        .cwd = cwd[0] != '\0' ? cwd : json_text(config, "WorkingDir"),
        .tty = json_flag(exec, "Tty"),
        .privileged = json_flag(exec, "Privileged") || json_flag(b->spec->host, "Privileged"),
        .env = json_object_get(exec, "Env"),
        .console_size = json_object_get(exec, "ConsoleSize"),
    };
    if (list_copy(json_object_get(exec, "Cmd"), &ret->args, err) < 0)
        return -1;
    return process_fill(b, &w, ret, err);
}

/* --- name spaces --- */
static int ns_add(struct oci_config *c, enum oci_ns type, const char *path, struct creel_err *err)
{
    struct oci_namespace *n = &c->linux_.namespaces[c->linux_.namespace_count++];
    n->type = type;
    return path != NULL ? text_set(&n->path, path, err) : 0;
}

static int pid_ns_join(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    const char *ref = host_ns_container(json_text(b->spec->host, "PidMode"));
    char id[65], path[48];
    auto_cleanup(container_row_fini) struct container_row other = { 0 };
    if (container_row_resolve(b->e->store, ref, id, err) < 0 || container_row_get(b->e->store, id, &other, err) < 0)
        return creel_wrap(err, "joining the PID name space of another container");
    if (strcmp(id, b->row->id) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "cannot join own pid namespace");
    if ((other.state != CONTAINER_RUNNING && other.state != CONTAINER_PAUSED) || other.pid <= 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot join PID of a non running container: %s", id);
    (void)snprintf(path, sizeof path, "/proc/%ld/ns/pid", (long)other.pid);
    return ns_add(c, OCI_NS_PID, path, err);
}

static int namespaces_build(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    const json_t *host = b->spec->host;
    c->linux_.namespaces = calloc(OCI_NS_COUNT, sizeof *c->linux_.namespaces);
    if (c->linux_.namespaces == NULL)
        return creel_fail_nomem(err);
    enum host_ns_mode pid = host_pid_mode(host), ipc = host_ipc_mode(host);
    bool cgroup = host_cgroupns_mode(host, container_spec_cgroup_unified()) == HOST_NS_PRIVATE;
    if (ns_add(c, OCI_NS_MOUNT, NULL, err) < 0
        || (host_net_mode(host) == HOST_NS_PRIVATE && ns_add(c, OCI_NS_NETWORK, NULL, err) < 0)
        || (host_uts_mode(host) == HOST_NS_PRIVATE && ns_add(c, OCI_NS_UTS, NULL, err) < 0)
        || (pid == HOST_NS_PRIVATE && ns_add(c, OCI_NS_PID, NULL, err) < 0)
        || (pid == HOST_NS_CONTAINER && pid_ns_join(b, c, err) < 0)
        || (ipc != HOST_NS_HOST && ns_add(c, OCI_NS_IPC, NULL, err) < 0)
        || (cgroup && ns_add(c, OCI_NS_CGROUP, NULL, err) < 0))
        return -1;
    return 0;
}

static int sysctls_build(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    return map_copy(json_object_get(b->spec->host, "Sysctls"), &c->linux_.sysctl, &c->linux_.sysctl_count, err);
}

/* Not every runtime in the field knows "domainname"; all of them know sysctls. */
static int domainname_sysctl(const char *domain, struct oci_config *c, struct creel_err *err)
{
    struct oci_kv *list = realloc(c->linux_.sysctl, (c->linux_.sysctl_count + 1) * sizeof *list);
    if (list == NULL)
        return creel_fail_nomem(err);
    c->linux_.sysctl = list;
    list[c->linux_.sysctl_count] = (struct oci_kv){ strdup("kernel.domainname"), strdup(domain) };
    c->linux_.sysctl_count++;
    return list[c->linux_.sysctl_count - 1].key == NULL || list[c->linux_.sysctl_count - 1].value == NULL
               ? creel_fail_nomem(err) : 0;
}

static int names_build(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    const char *domain = json_text(b->spec->config, "Domainname");
    if (host_uts_mode(b->spec->host) != HOST_NS_PRIVATE)
        return 0;
    if (text_set(&c->hostname, json_text(b->spec->config, "Hostname"), err) < 0)
        return -1;
    if (domain[0] == '\0')
        return 0;
    return b->native ? text_set(&c->domainname, domain, err) : domainname_sysctl(domain, c, err);
}

/* --- confinement --- */
static int paths_build(const struct oci_build *b, const char *member, const char *const *defaults, bool open,
                       struct strv *out, struct creel_err *err)
{
    const json_t *list = json_object_get(b->spec->host, member);
    if (list != NULL)
        return list_copy(list, out, err);
    for (size_t i = 0; !open && defaults[i] != NULL; i++)
        if (!strv_add(out, defaults[i]))
            return creel_fail_nomem(err);
    return 0;
}

/* One entry per processor that has it; most virtual machines have none. */
static int thermal_paths(struct strv *out, struct creel_err *err)
{
    if (access("/sys/devices/system/cpu/cpu0/thermal_throttle", F_OK) < 0)
        return 0;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (long i = 0; i < cpus; i++)
        if (!strv_addf(out, "/sys/devices/system/cpu/cpu%ld/thermal_throttle", i))
            return creel_fail_nomem(err);
    return 0;
}

static int confinement_build(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    const json_t *host = b->spec->host;
    struct security_options security;
    bool privileged = json_flag(host, "Privileged");
    if (security_options_parse(host, &security, err) < 0)
        return -1;
    bool open = privileged || security.systempaths_unconfined;
    if (!privileged
        && (paths_build(b, "MaskedPaths", oci_masked_paths, open, &c->linux_.masked_paths, err) < 0
            || paths_build(b, "ReadonlyPaths", oci_readonly_paths, open, &c->linux_.readonly_paths, err) < 0))
        return -1;
    if (!open && json_object_get(host, "MaskedPaths") == NULL && thermal_paths(&c->linux_.masked_paths, err) < 0)
        return -1;
    if (security.seccomp_unconfined || (privileged && security.seccomp_profile == NULL))
        return 0;
    struct utsname u;
    struct seccomp_context ctx = { .caps = &c->process.caps.bounding, .machine = u.machine };
    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &ctx.kernel_major, &ctx.kernel_minor) != 2)
        return creel_fail(err, CREEL_INTERNAL, errno, "find out the kernel's version");
    if (security.seccomp_profile != NULL)
        return seccomp_profile_resolve(security.seccomp_profile, strlen(security.seccomp_profile), &ctx,
                                       &c->linux_.seccomp, err);
    return seccomp_profile_default(&ctx, &c->linux_.seccomp, err);
}

/* systemd keeps a scope that has failed (killed for its memory, say) until somebody resets it: not ours. */
static int scope_annotate(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    static const char name[] = "org.systemd.property.CollectMode";
    if (b->cgroup_path == NULL || b->cgroup_path[0] == '/')
        return 0;
    for (size_t i = 0; i < c->annotation_count; i++)
        if (strcmp(c->annotations[i].key, name) == 0)
            return 0;
    struct oci_kv *all = reallocarray(c->annotations, c->annotation_count + 1, sizeof *all);
    if (all == NULL)
        return creel_fail_nomem(err);
    c->annotations = all;
    struct oci_kv *kv = &all[c->annotation_count++];
    *kv = (struct oci_kv){ .key = strdup(name), .value = strdup("'inactive-or-failed'") };
    return kv->key == NULL || kv->value == NULL ? creel_fail_nomem(err) : 0;
}

int oci_build_config(const struct oci_build *b, struct oci_config **ret, struct creel_err *err)
{
    auto_oci_config c = calloc(1, sizeof *c);
    if (c == NULL)
        return creel_fail_nomem(err);
    c->root.present = true;
    c->root.readonly = json_flag(b->spec->host, "ReadonlyRootfs");
    c->linux_.present = true;
    /* Older runtimes of the field refuse newer numbers; nothing is used that 1.0 does not have. */
    if (text_set(&c->oci_version, b->native ? "1.2.0" : "1.0.2", err) < 0 || text_set(&c->root.path, "rootfs", err) < 0
        || text_set(&c->linux_.cgroups_path, b->cgroup_path, err) < 0
        || process_build(b, &c->process, err) < 0 || oci_mounts_build(b, wants_init(b), c, err) < 0
        || namespaces_build(b, c, err) < 0 || sysctls_build(b, c, err) < 0
        || names_build(b, c, err) < 0 || oci_build_resources(b->spec->host, &c->linux_.resources, err) < 0
        || oci_devices_build(b->spec->host, c, err) < 0 || confinement_build(b, c, err) < 0
        || map_copy(json_object_get(b->spec->host, "Annotations"), &c->annotations, &c->annotation_count, err) < 0
        || scope_annotate(b, c, err) < 0)
        return -1;
    *ret = ptr_take(&c);
    return 0;
}
