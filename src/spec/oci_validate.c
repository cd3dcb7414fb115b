/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_validate.c: what a configuration must satisfy before anything is done with it, as far as that can be told
 * from the text alone. Each check is a small function over one part; the order is the order of the messages.
 *
 * Not here: whether the host can do what is asked for (runtime/), seccomp's actions and operators
 * (runtime/seccomp.c), limits (runtime/cgroup_plan.c). */
#include "spec/capability.h"
#include "spec/oci_config.h"
#include "spec/sysctl_key.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int bad(struct creel_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct creel_err *err, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);    /* cut when long, by intent */
    va_end(ap);
    return creel_fail(err, CREEL_INVALID, 0, "OCI configuration: %s", text);
}

static bool one_of(const char *s, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(s, *list) == 0)
            return true;
    return false;
}
#define ONE_OF(s, ...) one_of(s, (const char *const[]){ __VA_ARGS__, NULL })

static bool empty(const char *s) { return s == NULL || s[0] == '\0'; }

/* 1.0.0 to 1.3.x, with or without a suffix such as "-dev" or "+dev". */
static int check_version(const struct oci_config *c, struct creel_err *err)
{
    const char *v = c->oci_version;
    if (empty(v))
        return bad(err, "ociVersion is missing");
    if (strncmp(v, "1.", 2) != 0 || v[2] < '0' || v[2] > '3' || (v[3] != '.' && v[3] != '\0') ||
        (v[3] == '.' && !isdigit((unsigned char)v[4])))
        return bad(err, "ociVersion %.40s is not supported (1.0 to 1.3 are)", v);
    return 0;
}

static int check_root(const struct oci_config *c, struct creel_err *err)
{
    if (!c->root.present || empty(c->root.path))
        return bad(err, "root.path is missing");
    return 0;
}

static int check_id_maps(const char *what, const struct oci_id_map *maps, size_t count, struct creel_err *err)
{
    /* The kernel takes at most 340 lines. */
    if (count > 340)
        return bad(err, "%s: %zu entries, the kernel takes 340", what, count);
    for (size_t i = 0; i < count; i++) {
        const struct oci_id_map *m = &maps[i];
        if (m->size == 0)
            return bad(err, "%s[%zu]: size is 0", what, i);
        if (m->container_id > UINT32_MAX - m->size || m->host_id > UINT32_MAX - m->size)
            return bad(err, "%s[%zu]: the range goes past the last id", what, i);
        for (size_t k = 0; k < i; k++) {
            const struct oci_id_map *o = &maps[k];
            if ((m->container_id < o->container_id + o->size && o->container_id < m->container_id + m->size)
                || (m->host_id < o->host_id + o->size && o->host_id < m->host_id + m->size))
                return bad(err, "%s[%zu] overlaps %s[%zu]", what, i, what, k);
        }
    }
    return 0;
}

static int check_mounts(const struct oci_config *c, struct creel_err *err)
{
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct oci_mount *m = &c->mounts[i];
        if (empty(m->destination))
            return bad(err, "mounts[%zu]: destination is missing", i);
        /* Relative destinations are deprecated, not invalid: they count from "/". */
        if ((m->uid_map_count > 0) != (m->gid_map_count > 0))
            return bad(err, "mounts[%zu] (%.100s): uidMappings and gidMappings go together", i, m->destination);
        if (check_id_maps("uidMappings", m->uid_maps, m->uid_map_count, err) < 0
            || check_id_maps("gidMappings", m->gid_maps, m->gid_map_count, err) < 0)
            return creel_wrap(err, "mounts[%zu] (%.100s)", i, m->destination);
    }
    return 0;
}

static int check_rlimits(const struct oci_process *p, struct creel_err *err)
{
    for (size_t i = 0; i < p->rlimit_count; i++) {
        const struct oci_rlimit *l = &p->rlimits[i];
        if (l->type == NULL ||
            !ONE_OF(l->type, "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
                    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
                    "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"))
            return bad(err, "process.rlimits[%zu]: unknown type \"%.40s\"", i, l->type != NULL ? l->type : "");
        if (l->soft > l->hard)
            return bad(err, "process.rlimits[%zu]: %s: soft is above hard", i, l->type);
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->rlimits[k].type, l->type) == 0)
                return bad(err, "process.rlimits: %s is there twice", l->type);
    }
    return 0;
}

/* Version 1.0 wants unknown ones to be an error, later ones a warning, for which this is not the place. */
static int check_capabilities(const struct oci_capabilities *caps, struct creel_err *err)
{
    const struct { const char *name; const struct strv *list; } sets[] = {
        { "bounding", &caps->bounding }, { "effective", &caps->effective }, { "inheritable", &caps->inheritable },
        { "permitted", &caps->permitted }, { "ambient", &caps->ambient },
    };
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        uint64_t set;
        if (capability_set_parse(sets[i].list, &set, err) < 0)
            return creel_wrap(err, "OCI configuration: process.capabilities.%s", sets[i].name);
    }
    return 0;
}

static int check_scheduler(const struct oci_process *p, struct creel_err *err)
{
    const struct oci_scheduler *s = &p->scheduler;
    if (s->present) {
        if (s->policy == NULL || !ONE_OF(s->policy, "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH",
                                         "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"))
            return bad(err, "process.scheduler.policy \"%.40s\" is unknown", s->policy != NULL ? s->policy : "");
        if (s->nice < -20 || s->nice > 19)
            return bad(err, "process.scheduler.nice %d is out of range (-20 to 19)", s->nice);
        if (s->priority != 0 && !ONE_OF(s->policy, "SCHED_FIFO", "SCHED_RR"))
            return bad(err, "process.scheduler.priority goes with SCHED_FIFO and SCHED_RR only");
        if ((s->runtime != 0 || s->deadline != 0 || s->period != 0) && strcmp(s->policy, "SCHED_DEADLINE") != 0)
            return bad(err, "process.scheduler.runtime, deadline and period go with SCHED_DEADLINE only");
        for (size_t i = 0; i < s->flags.count; i++)
            if (!ONE_OF(s->flags.items[i], "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN",
                        "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
                        "SCHED_FLAG_UTIL_CLAMP_MAX"))
                return bad(err, "process.scheduler.flags: unknown flag \"%.40s\"", s->flags.items[i]);
    }
    if (p->io_priority.present) {
        if (p->io_priority.class_ == NULL ||
            !ONE_OF(p->io_priority.class_, "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"))
            return bad(err, "process.ioPriority.class \"%.40s\" is unknown",
                       p->io_priority.class_ != NULL ? p->io_priority.class_ : "");
        if (p->io_priority.priority < 0 || p->io_priority.priority > 7)
            return bad(err, "process.ioPriority.priority %lld is out of range (0 to 7)",
                       (long long)p->io_priority.priority);
    }
    return 0;
}

int oci_process_validate(const struct oci_process *p, struct creel_err *err)
{
    if (empty(p->cwd) || p->cwd[0] != '/')
        return bad(err, "process.cwd \"%.200s\" is not an absolute path", p->cwd != NULL ? p->cwd : "");
    if (p->args.count == 0)
        return bad(err, "process.args is empty");
    if (p->oom_score_adj.set && (p->oom_score_adj.value < -1000 || p->oom_score_adj.value > 1000))
        return bad(err, "process.oomScoreAdj %lld is out of range (-1000 to 1000)",
                   (long long)p->oom_score_adj.value);
    if (p->user.umask_set && p->user.umask > 0777)
        return bad(err, "process.user.umask 0%o is out of range", p->user.umask);
    if (p->console_rows > 65535 || p->console_cols > 65535)
        return bad(err, "process.consoleSize is out of range");
    if (check_rlimits(p, err) < 0 || check_scheduler(p, err) < 0)
        return -1;
    return 0;
}

static int check_namespaces(const struct oci_config *c, struct creel_err *err)
{
    unsigned seen = 0;
    for (size_t i = 0; i < c->linux_.namespace_count; i++) {
        const struct oci_namespace *n = &c->linux_.namespaces[i];
        if (seen & 1u << n->type)
            return bad(err, "linux.namespaces: %s is there twice", oci_ns_name(n->type));
        seen |= 1u << n->type;
        if (n->path != NULL && n->path[0] != '\0' && n->path[0] != '/')
            return bad(err, "linux.namespaces: the path of %s, \"%.200s\", is not absolute", oci_ns_name(n->type),
                       n->path);
    }
    return 0;
}

static bool has_ns(const struct oci_config *c, enum oci_ns ns) { return oci_namespace_find(c, ns) != NULL; }

static bool new_ns(const struct oci_config *c, enum oci_ns ns)
{
    const struct oci_namespace *n = oci_namespace_find(c, ns);
    return n != NULL && empty(n->path);
}

/* What changes a namespace needs one that is not the host's. */
static int check_namespace_users(const struct oci_config *c, struct creel_err *err)
{
    const struct oci_linux *l = &c->linux_;
    if (!empty(c->hostname) && !has_ns(c, OCI_NS_UTS))
        return bad(err, "hostname is set without a uts namespace");
    if (!empty(c->domainname) && !has_ns(c, OCI_NS_UTS))
        return bad(err, "domainname is set without a uts namespace");
    if ((l->uid_map_count > 0 || l->gid_map_count > 0) && !has_ns(c, OCI_NS_USER))
        return bad(err, "linux.uidMappings and gidMappings need a user namespace");
    if (new_ns(c, OCI_NS_USER) && (l->uid_map_count == 0 || l->gid_map_count == 0))
        return bad(err, "a new user namespace needs linux.uidMappings and gidMappings");
    if ((l->time_offsets.monotonic_set || l->time_offsets.boottime_set) && !new_ns(c, OCI_NS_TIME))
        return bad(err, "linux.timeOffsets need a new time namespace");
    if (l->time_offsets.monotonic_ns > 999999999 || l->time_offsets.boottime_ns > 999999999)
        return bad(err, "linux.timeOffsets: nanosecs is above 999999999");
    if (l->net_device_count > 0 && !has_ns(c, OCI_NS_NETWORK))
        return bad(err, "linux.netDevices need a network namespace");
    if (check_id_maps("linux.uidMappings", l->uid_maps, l->uid_map_count, err) < 0
        || check_id_maps("linux.gidMappings", l->gid_maps, l->gid_map_count, err) < 0)
        return -1;
    return 0;
}

/* One sysctl is one key with one value. A value that smuggles a second setting, or a key that leaves its namespace,
 * is refused here, before anybody writes anything (CVE-2022-0811, CVE-2022-0532). */
static bool sysctl_value_ok(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 ? *p != '\t' : *p == 0x7f || *p == '=' || *p == '+')
            return false;
    return true;
}

static int check_sysctls(const struct oci_config *c, struct creel_err *err)
{
    for (size_t i = 0; i < c->linux_.sysctl_count; i++) {
        const struct oci_kv *kv = &c->linux_.sysctl[i];
        char path[SYSCTL_KEY_MAX];
        if (!sysctl_key_path(kv->key, path))
            return bad(err, "linux.sysctl: \"%.100s\" is not a sysctl name", kv->key);
        if (kv->value == NULL || !sysctl_value_ok(kv->value))
            return bad(err, "linux.sysctl: %s: the value has characters that no sysctl needs", kv->key);
        if (strcmp(path, "kernel/hostname") == 0)
            return bad(err, "linux.sysctl: kernel.hostname: use hostname instead");
        if (strcmp(path, "kernel/domainname") == 0 && !empty(c->domainname))
            return bad(err, "linux.sysctl: kernel.domainname conflicts with domainname");
        enum oci_ns ns = sysctl_path_ns(path);
        if (ns == OCI_NS_COUNT)
            return bad(err, "linux.sysctl: %s belongs to no namespace: it would change the host", kv->key);
        if (!has_ns(c, ns))
            return bad(err, "linux.sysctl: %s needs a %s namespace of the container's own", kv->key, oci_ns_name(ns));
    }
    return 0;
}

static int check_devices(const struct oci_config *c, struct creel_err *err)
{
    const struct oci_linux *l = &c->linux_;
    for (size_t i = 0; i < l->device_count; i++) {
        const struct oci_device *d = &l->devices[i];
        if (empty(d->path) || d->path[0] != '/')
            return bad(err, "linux.devices[%zu]: path \"%.100s\" is not absolute", i, d->path != NULL ? d->path : "");
        if (d->type == NULL || !ONE_OF(d->type, "b", "c", "u", "p"))
            return bad(err, "linux.devices[%zu] (%.100s): type \"%.20s\" is unknown (b, c, u or p)", i, d->path,
                       d->type != NULL ? d->type : "");
        if (d->major < 0 || d->minor < 0 || d->major > 4095 || d->minor > 1048575)
            return bad(err, "linux.devices[%zu] (%.100s): major or minor is out of range", i, d->path);
        if (d->mode_set && (d->mode & ~(uint32_t)(S_IFMT | 07777)) != 0)
            return bad(err, "linux.devices[%zu] (%.100s): fileMode is out of range", i, d->path);
        if ((d->uid.set && (d->uid.value < 0 || d->uid.value >= UINT32_MAX))
            || (d->gid.set && (d->gid.value < 0 || d->gid.value >= UINT32_MAX)))
            return bad(err, "linux.devices[%zu] (%.100s): uid or gid is out of range", i, d->path);
    }
    return 0;
}

static int check_path_list(const char *what, const struct strv *list, struct creel_err *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i][0] != '/')
            return bad(err, "%s[%zu]: \"%.200s\" is not an absolute path", what, i, list->items[i]);
    return 0;
}

/* A path below every hierarchy's mount, or "slice:prefix:name" for the systemd driver. */
static int check_cgroups_path(const char *path, struct creel_err *err)
{
    for (const char *p = path; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return bad(err, "linux.cgroupsPath \"%.200s\" must not contain \"..\"", path);
        p += n + (p[n] == '/');
    }
    if (path != NULL && strpbrk(path, "\n") != NULL)
        return bad(err, "linux.cgroupsPath contains a line feed");
    return 0;
}

static int check_linux_rest(const struct oci_linux *l, struct creel_err *err)
{
    if (!empty(l->rootfs_propagation) && !ONE_OF(l->rootfs_propagation, "shared", "slave", "private", "unbindable",
                                                 "rshared", "rslave", "rprivate", "runbindable"))
        return bad(err, "linux.rootfsPropagation \"%.40s\" is unknown", l->rootfs_propagation);
    if (l->personality.present &&
        (l->personality.domain == NULL || !ONE_OF(l->personality.domain, "LINUX", "LINUX32")))
        return bad(err, "linux.personality.domain \"%.40s\" is unknown (LINUX or LINUX32)",
                   l->personality.domain != NULL ? l->personality.domain : "");
    if (l->personality.present && l->personality.flags.count > 0)
        return bad(err, "linux.personality.flags: no flag is defined");
    if (!empty(l->intel_rdt.clos_id) && strcmp(l->intel_rdt.clos_id, "/") != 0 &&
        (strchr(l->intel_rdt.clos_id, '/') != NULL || ONE_OF(l->intel_rdt.clos_id, ".", "..")))
        return bad(err, "linux.intelRdt.closID \"%.100s\" is not a directory name", l->intel_rdt.clos_id);
    if (l->memory_policy.present) {
        const char *mode = l->memory_policy.mode;
        if (mode == NULL || !ONE_OF(mode, "MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
                                    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"))
            return bad(err, "linux.memoryPolicy: invalid memory policy mode \"%.40s\"", mode != NULL ? mode : "");
        for (size_t i = 0; i < l->memory_policy.flags.count; i++)
            if (!ONE_OF(l->memory_policy.flags.items[i], "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                        "MPOL_F_STATIC_NODES"))
                return bad(err, "linux.memoryPolicy: invalid memory policy flag \"%.40s\"", l->memory_policy.flags.items[i]);
    }
    for (size_t i = 0; i < l->net_device_count; i++) {
        const char *names[] = { l->net_devices[i].from, l->net_devices[i].name };
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (names[k] != NULL &&
                (strlen(names[k]) > 15 || strpbrk(names[k], "/: \t\n") != NULL || ONE_OF(names[k], ".", "..")))
                return bad(err, "linux.netDevices: \"%.40s\" is not an interface name", names[k]);
    }
    return 0;
}

static int check_hooks(const char *what, const struct oci_hooks *h, struct creel_err *err)
{
    for (size_t i = 0; i < h->count; i++) {
        if (empty(h->items[i].path) || h->items[i].path[0] != '/')
            return bad(err, "hooks.%s[%zu]: path \"%.200s\" is not absolute", what, i,
                       h->items[i].path != NULL ? h->items[i].path : "");
        if (h->items[i].timeout.set && h->items[i].timeout.value <= 0)
            return bad(err, "hooks.%s[%zu]: timeout must be above 0", what, i);
    }
    return 0;
}

int oci_config_validate(const struct oci_config *c, struct creel_err *err)
{
    const struct { const char *name; const struct oci_hooks *hooks;
    } hooks[] = {
        {"prestart", &c->prestart},
        {"createRuntime", &c->create_runtime},
        {"createContainer", &c->create_container},
        {"startContainer", &c->start_container},
        {"poststart", &c->poststart},
        {"poststop", &c->poststop},
    };
    if (check_version(c, err) < 0 || check_root(c, err) < 0 || check_mounts(c, err) < 0)
        return -1;
    if (c->process.present
        && (oci_process_validate(&c->process, err) < 0
            || (strncmp(c->oci_version, "1.0", 3) == 0 && check_capabilities(&c->process.caps, err) < 0)))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
        if (check_hooks(hooks[i].name, hooks[i].hooks, err) < 0)
            return -1;
    for (size_t i = 0; i < c->annotation_count; i++)
        if (empty(c->annotations[i].key))
            return bad(err, "annotations: a key is empty");
    const struct oci_linux *l = &c->linux_;
    if (check_namespaces(c, err) < 0 || check_namespace_users(c, err) < 0 || check_sysctls(c, err) < 0
        || check_devices(c, err) < 0 || check_cgroups_path(l->cgroups_path, err) < 0
        || check_path_list("linux.maskedPaths", &l->masked_paths, err) < 0
        || check_path_list("linux.readonlyPaths", &l->readonly_paths, err) < 0)
        return -1;
    return check_linux_rest(l, err);
}
