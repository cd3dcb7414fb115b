/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_config.c: the tables that say which JSON member is which struct member, and the calls of the header.
 *
 * Members are listed in the order of the specification's pages. Left out on purpose: windows, vm, zos, solaris and
 * process.commandLine (other platforms). */
#include "spec/oci_config.h"

#include "spec/oci_shape.h"

#include <assert.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

/* One row per member; T is the struct, m the member, c its count or flag. */
#define ROW(T, k, key, m) { key, OCI_F_##k, 0, offsetof(T, m), 0, NULL, NULL }
#define ALW(T, k, key, m) { key, OCI_F_##k, OCI_FIELD_ALWAYS, offsetof(T, m), 0, NULL, NULL }
#define AUX(T, k, key, m, c) { key, OCI_F_##k, 0, offsetof(T, m), offsetof(T, c), NULL, NULL }
#define OBJ(T, key, m, s) { key, OCI_F_OBJ, 0, offsetof(T, m), 0, &s##_shape, NULL }
#define ARR(T, key, m, c, s) { key, OCI_F_ARR, 0, offsetof(T, m), offsetof(T, c), &s##_shape, NULL }
#define MAP(T, key, m, c, s) { key, OCI_F_MAP, 0, offsetof(T, m), offsetof(T, c), &s##_shape, NULL }
#define NO_PRESENT (-1)
#define SHAPE(name, T, p)                                                                                            \
    static const struct oci_shape name##_shape = {sizeof(T), name##_fields, ARRAY_LEN(name##_fields), p};            \
    static_assert(ARRAY_LEN(name##_fields) <= 64, "oci_shape_parse marks seen members in 64 bits")
/* Types without a name of their own. */
#define MEMBER(T, m) __typeof__(((T *)0)->m)

/* ---- shared ---- */
static const struct oci_field id_map_fields[] = {
    ALW(struct oci_id_map, U32, "containerID", container_id),
    ALW(struct oci_id_map, U32, "hostID", host_id),
    ALW(struct oci_id_map, U32, "size", size),
};
SHAPE(id_map, struct oci_id_map, NO_PRESENT);

static const struct oci_field root_fields[] = {
    ROW(MEMBER(struct oci_config, root), STR, "path", path),
    ROW(MEMBER(struct oci_config, root), BOOL, "readonly", readonly),
};
SHAPE(root, MEMBER(struct oci_config, root), offsetof(MEMBER(struct oci_config, root), present));

static const struct oci_field mount_fields[] = {
    ROW(struct oci_mount, STR, "destination", destination),
    ROW(struct oci_mount, STR, "type", type),
    ROW(struct oci_mount, STR, "source", source),
    ROW(struct oci_mount, STRV, "options", options),
    ARR(struct oci_mount, "uidMappings", uid_maps, uid_map_count, id_map),
    ARR(struct oci_mount, "gidMappings", gid_maps, gid_map_count, id_map),
};
SHAPE(mount, struct oci_mount, NO_PRESENT);

/* ---- process ---- */
static const struct oci_field console_fields[] = {
    ALW(struct oci_process, U32, "height", console_rows),
    ALW(struct oci_process, U32, "width", console_cols),
};
SHAPE(console, struct oci_process, NO_PRESENT);
static_assert(sizeof(unsigned) == sizeof(uint32_t), "console sizes are parsed as uint32_t");

static const struct oci_field user_fields[] = {
    ALW(struct oci_user, U32, "uid", uid),
    ALW(struct oci_user, U32, "gid", gid),
    AUX(struct oci_user, SET_U32, "umask", umask, umask_set),
    AUX(struct oci_user, U32V, "additionalGids", additional_gids, additional_gid_count),
};
SHAPE(user, struct oci_user, NO_PRESENT);

static const struct oci_field capability_fields[] = {
    ROW(struct oci_capabilities, STRV, "bounding", bounding),
    ROW(struct oci_capabilities, STRV, "effective", effective),
    ROW(struct oci_capabilities, STRV, "inheritable", inheritable),
    ROW(struct oci_capabilities, STRV, "permitted", permitted),
    ROW(struct oci_capabilities, STRV, "ambient", ambient),
};
SHAPE(capability, struct oci_capabilities, offsetof(struct oci_capabilities, present));

static const struct oci_field rlimit_fields[] = {
    ROW(struct oci_rlimit, STR, "type", type),
    ALW(struct oci_rlimit, U64, "soft", soft),
    ALW(struct oci_rlimit, U64, "hard", hard),
};
SHAPE(rlimit, struct oci_rlimit, NO_PRESENT);

static const struct oci_field scheduler_fields[] = {
    ROW(struct oci_scheduler, STR, "policy", policy),
    ROW(struct oci_scheduler, I32, "nice", nice),
    ROW(struct oci_scheduler, I32, "priority", priority),
    ROW(struct oci_scheduler, STRV, "flags", flags),
    ROW(struct oci_scheduler, U64, "runtime", runtime),
    ROW(struct oci_scheduler, U64, "deadline", deadline),
    ROW(struct oci_scheduler, U64, "period", period),
};
SHAPE(scheduler, struct oci_scheduler, offsetof(struct oci_scheduler, present));

static const struct oci_field io_priority_fields[] = {
    ROW(MEMBER(struct oci_process, io_priority), STR, "class", class_),
    ALW(MEMBER(struct oci_process, io_priority), I64, "priority", priority),
};
SHAPE(io_priority, MEMBER(struct oci_process, io_priority),
      offsetof(MEMBER(struct oci_process, io_priority), present));

static const struct oci_field affinity_fields[] = {
    ROW(MEMBER(struct oci_process, exec_cpu_affinity), STR, "initial", initial),
    ROW(MEMBER(struct oci_process, exec_cpu_affinity), STR, "final", final),
};
SHAPE(affinity, MEMBER(struct oci_process, exec_cpu_affinity), NO_PRESENT);

static const struct oci_field process_fields[] = {
    ROW(struct oci_process, BOOL, "terminal", terminal),
    { "consoleSize", OCI_F_OBJ, 0, 0, 0, &console_shape },
    { "user", OCI_F_OBJ, OCI_FIELD_ALWAYS, offsetof(struct oci_process, user), 0, &user_shape },
    ROW(struct oci_process, STRV, "args", args),
    ROW(struct oci_process, STRV, "env", env),
    ROW(struct oci_process, STR, "cwd", cwd),
    OBJ(struct oci_process, "capabilities", caps, capability),
    ARR(struct oci_process, "rlimits", rlimits, rlimit_count, rlimit),
    ROW(struct oci_process, BOOL, "noNewPrivileges", no_new_privileges),
    ROW(struct oci_process, STR, "apparmorProfile", apparmor_profile),
    ROW(struct oci_process, OPT_I64, "oomScoreAdj", oom_score_adj),
    ROW(struct oci_process, STR, "selinuxLabel", selinux_label),
    OBJ(struct oci_process, "scheduler", scheduler, scheduler),
    OBJ(struct oci_process, "ioPriority", io_priority, io_priority),
    OBJ(struct oci_process, "execCPUAffinity", exec_cpu_affinity, affinity),
};
SHAPE(process, struct oci_process, offsetof(struct oci_process, present));

/* ---- hooks ---- */
static const struct oci_field hook_fields[] = {
    ROW(struct oci_hook, STR, "path", path),
    ROW(struct oci_hook, STRV, "args", args),
    ROW(struct oci_hook, STRV, "env", env),
    ROW(struct oci_hook, OPT_I64, "timeout", timeout),
};
SHAPE(hook, struct oci_hook, NO_PRESENT);

#define HOOKS(key, m) ARR(struct oci_config, key, m.items, m.count, hook)
static const struct oci_field hooks_fields[] = {
    HOOKS("prestart", prestart),
    HOOKS("createRuntime", create_runtime),
    HOOKS("createContainer", create_container),
    HOOKS("startContainer", start_container),
    HOOKS("poststart", poststart),
    HOOKS("poststop", poststop),
};
#undef HOOKS
SHAPE(hooks, struct oci_config, NO_PRESENT);

/* ---- resources ---- */
#define R(m) MEMBER(struct oci_resources, m)
static const struct oci_field device_rule_fields[] = {
    ALW(struct oci_device_rule, BOOL, "allow", allow),
    ROW(struct oci_device_rule, STR, "type", type),
    ROW(struct oci_device_rule, OPT_I64, "major", major),
    ROW(struct oci_device_rule, OPT_I64, "minor", minor),
    ROW(struct oci_device_rule, STR, "access", access),
};
SHAPE(device_rule, struct oci_device_rule, NO_PRESENT);

static const struct oci_field memory_fields[] = {
    ROW(R(memory), OPT_I64, "limit", limit),
    ROW(R(memory), OPT_I64, "reservation", reservation),
    ROW(R(memory), OPT_I64, "swap", swap),
    ROW(R(memory), OPT_I64, "kernel", kernel),
    ROW(R(memory), OPT_I64, "kernelTCP", kernel_tcp),
    ROW(R(memory), OPT_U64, "swappiness", swappiness),
    ROW(R(memory), OPT_BOOL, "disableOOMKiller", disable_oom_killer),
    ROW(R(memory), OPT_BOOL, "useHierarchy", use_hierarchy),
    ROW(R(memory), OPT_BOOL, "checkBeforeUpdate", check_before_update),
};
SHAPE(memory, R(memory), NO_PRESENT);

static const struct oci_field cpu_fields[] = {
    ROW(R(cpu), OPT_U64, "shares", shares),
    ROW(R(cpu), OPT_I64, "quota", quota),
    ROW(R(cpu), OPT_U64, "burst", burst),
    ROW(R(cpu), OPT_U64, "period", period),
    ROW(R(cpu), OPT_I64, "realtimeRuntime", realtime_runtime),
    ROW(R(cpu), OPT_U64, "realtimePeriod", realtime_period),
    ROW(R(cpu), STR, "cpus", cpus),
    ROW(R(cpu), STR, "mems", mems),
    ROW(R(cpu), OPT_I64, "idle", idle),
};
SHAPE(cpu, R(cpu), NO_PRESENT);

static const struct oci_field pids_fields[] = {
    ROW(struct oci_resources, OPT_I64, "limit", pids_limit),
};
SHAPE(pids, struct oci_resources, NO_PRESENT);

static const struct oci_field weight_device_fields[] = {
    ALW(struct oci_weight_device, I64, "major", major),
    ALW(struct oci_weight_device, I64, "minor", minor),
    ROW(struct oci_weight_device, OPT_U64, "weight", weight),
    ROW(struct oci_weight_device, OPT_U64, "leafWeight", leaf_weight),
};
SHAPE(weight_device, struct oci_weight_device, NO_PRESENT);

static const struct oci_field throttle_device_fields[] = {
    ALW(struct oci_throttle_device, I64, "major", major),
    ALW(struct oci_throttle_device, I64, "minor", minor),
    ALW(struct oci_throttle_device, U64, "rate", rate),
};
SHAPE(throttle_device, struct oci_throttle_device, NO_PRESENT);

static const struct oci_field block_io_fields[] = {
    ROW(R(block_io), OPT_U64, "weight", weight),
    ROW(R(block_io), OPT_U64, "leafWeight", leaf_weight),
    ARR(R(block_io), "weightDevice", weight_devices, weight_device_count, weight_device),
    ARR(R(block_io), "throttleReadBpsDevice", read_bps, read_bps_count, throttle_device),
    ARR(R(block_io), "throttleWriteBpsDevice", write_bps, write_bps_count, throttle_device),
    ARR(R(block_io), "throttleReadIOPSDevice", read_iops, read_iops_count, throttle_device),
    ARR(R(block_io), "throttleWriteIOPSDevice", write_iops, write_iops_count, throttle_device),
};
SHAPE(block_io, R(block_io), NO_PRESENT);

static const struct oci_field hugepage_fields[] = {
    { "pageSize", OCI_F_STR, 0, offsetof(struct oci_hugepage, page_size), 0, NULL, "pagesize" }, /* runc minds no case */
    ALW(struct oci_hugepage, U64, "limit", limit),
};
SHAPE(hugepage, struct oci_hugepage, NO_PRESENT);

static const struct oci_field ifprio_fields[] = {
    ROW(struct oci_ifprio, STR, "name", name),
    ALW(struct oci_ifprio, U32, "priority", priority),
};
SHAPE(ifprio, struct oci_ifprio, NO_PRESENT);

static const struct oci_field network_fields[] = {
    ROW(R(network), OPT_U64, "classID", class_id),
    ARR(R(network), "priorities", priorities, priority_count, ifprio),
};
SHAPE(network, R(network), NO_PRESENT);

static const struct oci_field rdma_fields[] = {
    ROW(struct oci_rdma, OPT_U64, "hcaHandles", handles),
    ROW(struct oci_rdma, OPT_U64, "hcaObjects", objects),
};
SHAPE(rdma, struct oci_rdma, NO_PRESENT);

static const struct oci_field resources_fields[] = {
    ARR(struct oci_resources, "devices", devices, device_count, device_rule),
    OBJ(struct oci_resources, "memory", memory, memory),
    OBJ(struct oci_resources, "cpu", cpu, cpu),
    { "pids", OCI_F_OBJ, 0, 0, 0, &pids_shape },
    OBJ(struct oci_resources, "blockIO", block_io, block_io),
    ARR(struct oci_resources, "hugepageLimits", hugepages, hugepage_count, hugepage),
    OBJ(struct oci_resources, "network", network, network),
    MAP(struct oci_resources, "rdma", rdma, rdma_count, rdma),
    AUX(struct oci_resources, KV, "unified", unified, unified_count),
};
SHAPE(resources, struct oci_resources, NO_PRESENT);
#undef R

/* ---- seccomp ---- */
const struct oci_shape oci_seccomp_arg_shape;
static const struct oci_field seccomp_arg_fields[] = {
    ALW(struct oci_seccomp_arg, U32, "index", index),
    ALW(struct oci_seccomp_arg, U64, "value", value),
    ROW(struct oci_seccomp_arg, U64, "valueTwo", value_two),
    ROW(struct oci_seccomp_arg, STR, "op", op),
};
const struct oci_shape oci_seccomp_arg_shape = { sizeof(struct oci_seccomp_arg), seccomp_arg_fields,
                                                 ARRAY_LEN(seccomp_arg_fields), NO_PRESENT };

static const struct oci_field syscall_fields[] = {
    ROW(struct oci_syscall, STRV, "names", names),
    ROW(struct oci_syscall, STR, "action", action),
    AUX(struct oci_syscall, SET_U32, "errnoRet", errno_ret, errno_set),
    ARR(struct oci_syscall, "args", args, arg_count, oci_seccomp_arg),
};
SHAPE(syscall, struct oci_syscall, NO_PRESENT);

static const struct oci_field seccomp_fields[] = {
    ROW(struct oci_seccomp, STR, "defaultAction", default_action),
    AUX(struct oci_seccomp, SET_U32, "defaultErrnoRet", default_errno, default_errno_set),
    ROW(struct oci_seccomp, STRV, "architectures", architectures),
    AUX(struct oci_seccomp, SET_STRV, "flags", flags, flags_set),
    ROW(struct oci_seccomp, STR, "listenerPath", listener_path),
    ROW(struct oci_seccomp, STR, "listenerMetadata", listener_metadata),
    ARR(struct oci_seccomp, "syscalls", syscalls, syscall_count, syscall),
};
SHAPE(seccomp, struct oci_seccomp, offsetof(struct oci_seccomp, present));

/* ---- linux ---- */
#define L(m) MEMBER(struct oci_linux, m)
static const struct oci_field namespace_fields[] = {
    { "type", OCI_F_NS, OCI_FIELD_REQUIRED, offsetof(struct oci_namespace, type), 0, NULL },
    ROW(struct oci_namespace, STR, "path", path),
};
SHAPE(namespace, struct oci_namespace, NO_PRESENT);

static const struct oci_field device_fields[] = {
    ROW(struct oci_device, STR, "path", path),
    ROW(struct oci_device, STR, "type", type),
    ALW(struct oci_device, I64, "major", major),
    ALW(struct oci_device, I64, "minor", minor),
    AUX(struct oci_device, SET_U32, "fileMode", mode, mode_set),
    ROW(struct oci_device, OPT_I64, "uid", uid),
    ROW(struct oci_device, OPT_I64, "gid", gid),
};
SHAPE(device, struct oci_device, NO_PRESENT);

static const struct oci_field intel_rdt_fields[] = {
    ROW(L(intel_rdt), STR, "closID", clos_id),
    ROW(L(intel_rdt), STRV, "schemata", schemata),
    ROW(L(intel_rdt), STR, "l3CacheSchema", l3_schema),
    ROW(L(intel_rdt), STR, "memBwSchema", mem_bw_schema),
    ROW(L(intel_rdt), BOOL, "enableMonitoring", enable_monitoring),
    ROW(L(intel_rdt), BOOL, "enableCMT", enable_cmt),
    ROW(L(intel_rdt), BOOL, "enableMBM", enable_mbm),
};
SHAPE(intel_rdt, L(intel_rdt), offsetof(L(intel_rdt), present));

static const struct oci_field personality_fields[] = {
    ROW(L(personality), STR, "domain", domain),
    ROW(L(personality), STRV, "flags", flags),
};
SHAPE(personality, L(personality), offsetof(L(personality), present));

static const struct oci_field monotonic_fields[] = {
    ROW(L(time_offsets), I64, "secs", monotonic_s),
    ROW(L(time_offsets), U32, "nanosecs", monotonic_ns),
};
SHAPE(monotonic, L(time_offsets), offsetof(L(time_offsets), monotonic_set));
static const struct oci_field boottime_fields[] = {
    ROW(L(time_offsets), I64, "secs", boottime_s),
    ROW(L(time_offsets), U32, "nanosecs", boottime_ns),
};
SHAPE(boottime, L(time_offsets), offsetof(L(time_offsets), boottime_set));
static const struct oci_field time_offsets_fields[] = {
    { "monotonic", OCI_F_OBJ, 0, 0, 0, &monotonic_shape },
    { "boottime", OCI_F_OBJ, 0, 0, 0, &boottime_shape },
};
SHAPE(time_offsets, L(time_offsets), NO_PRESENT);

static const struct oci_field net_device_fields[] = {
    ROW(MEMBER(struct oci_linux, net_devices[0]), STR, "name", name),
};
SHAPE(net_device, MEMBER(struct oci_linux, net_devices[0]), NO_PRESENT);

static const struct oci_field memory_policy_fields[] = {
    ROW(L(memory_policy), STR, "mode", mode),
    ROW(L(memory_policy), STR, "nodes", nodes),
    ROW(L(memory_policy), STRV, "flags", flags),
};
SHAPE(memory_policy, L(memory_policy), offsetof(L(memory_policy), present));

static const struct oci_field linux_section_fields[] = {
    ARR(struct oci_linux, "uidMappings", uid_maps, uid_map_count, id_map),
    ARR(struct oci_linux, "gidMappings", gid_maps, gid_map_count, id_map),
    AUX(struct oci_linux, KV, "sysctl", sysctl, sysctl_count),
    OBJ(struct oci_linux, "resources", resources, resources),
    ROW(struct oci_linux, STR, "cgroupsPath", cgroups_path),
    ARR(struct oci_linux, "namespaces", namespaces, namespace_count, namespace),
    ARR(struct oci_linux, "devices", devices, device_count, device),
    MAP(struct oci_linux, "netDevices", net_devices, net_device_count, net_device),
    OBJ(struct oci_linux, "seccomp", seccomp, seccomp),
    ROW(struct oci_linux, STR, "rootfsPropagation", rootfs_propagation),
    ROW(struct oci_linux, STRV, "maskedPaths", masked_paths),
    ROW(struct oci_linux, STRV, "readonlyPaths", readonly_paths),
    ROW(struct oci_linux, STR, "mountLabel", mount_label),
    OBJ(struct oci_linux, "intelRdt", intel_rdt, intel_rdt),
    OBJ(struct oci_linux, "memoryPolicy", memory_policy, memory_policy),
    OBJ(struct oci_linux, "personality", personality, personality),
    OBJ(struct oci_linux, "timeOffsets", time_offsets, time_offsets),
};
SHAPE(linux_section, struct oci_linux, offsetof(struct oci_linux, present));
#undef L

static const struct oci_field config_fields[] = {
    ROW(struct oci_config, STR, "ociVersion", oci_version),
    OBJ(struct oci_config, "process", process, process),
    OBJ(struct oci_config, "root", root, root),
    ROW(struct oci_config, STR, "hostname", hostname),
    ROW(struct oci_config, STR, "domainname", domainname),
    ARR(struct oci_config, "mounts", mounts, mount_count, mount),
    { "hooks", OCI_F_OBJ, 0, 0, 0, &hooks_shape },
    AUX(struct oci_config, KV, "annotations", annotations, annotation_count),
    OBJ(struct oci_config, "linux", linux_, linux_section),
};
SHAPE(config, struct oci_config, NO_PRESENT);

/* ---- the calls ---- */
static int document_parse(const struct oci_shape *shape, const char *what, const char *text, size_t len, void *at,
                          struct creel_err *err)
{
    struct json_reader r;
    if (json_reader_init(&r, what, text, len, err) == 0 && oci_shape_parse(shape, &r, at) == 0 && json_end(&r) == 0)
        return 0;
    oci_shape_fini(shape, at);
    memset(at, 0, shape->size);
    return -1;
}

static int document_print(const struct oci_shape *shape, const char *what, const void *at, char **ret,
                          struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    if (!bytes_reserve(&out, 16384))
        return creel_fail_nomem(err);
    if (oci_shape_print(shape, at, &out, err) < 0)
        return creel_wrap(err, "%s", what);
    char *text = bytes_take(&out);
    if (text == NULL)
        return creel_fail_nomem(err);
    *ret = text;
    return 0;
}

static const char what_config[] = "OCI configuration", what_process[] = "OCI process",
                  what_resources[] = "OCI resources";

int oci_config_parse(const char *text, size_t len, struct oci_config **ret, struct creel_err *err)
{
    struct oci_config *c = calloc(1, sizeof *c);
    if (c == NULL)
        return creel_fail_nomem(err);
    if (document_parse(&config_shape, what_config, text, len, c, err) < 0) {
        free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

int oci_process_parse(const char *text, size_t len, struct oci_process *ret, struct creel_err *err)
{
    return document_parse(&process_shape, what_process, text, len, ret, err);
}

int oci_resources_parse(const char *text, size_t len, struct oci_resources *ret, struct creel_err *err)
{
    return document_parse(&resources_shape, what_resources, text, len, ret, err);
}

int oci_config_print(const struct oci_config *c, char **ret, struct creel_err *err)
{
    return document_print(&config_shape, what_config, c, ret, err);
}

int oci_process_print(const struct oci_process *p, char **ret, struct creel_err *err)
{
    return document_print(&process_shape, what_process, p, ret, err);
}

int oci_resources_print(const struct oci_resources *r, char **ret, struct creel_err *err)
{
    return document_print(&resources_shape, what_resources, r, ret, err);
}

int oci_seccomp_print(const struct oci_seccomp *s, char **ret, struct creel_err *err)
{
    return document_print(&seccomp_shape, "seccomp", s, ret, err);
}

void oci_config_free(struct oci_config *c)
{
    if (c == NULL)
        return;
    oci_shape_fini(&config_shape, c);
    free(c);
}

void oci_process_fini(struct oci_process *p)
{
    oci_shape_fini(&process_shape, p);
    memset(p, 0, sizeof *p);
}

void oci_resources_fini(struct oci_resources *r)
{
    oci_shape_fini(&resources_shape, r);
    memset(r, 0, sizeof *r);
}

void oci_seccomp_fini(struct oci_seccomp *s)
{
    oci_shape_fini(&seccomp_shape, s);
    memset(s, 0, sizeof *s);
}

static const struct { const char *name; unsigned long flag; } namespaces[] = {
    [OCI_NS_PID] = { "pid", CLONE_NEWPID },
    [OCI_NS_NETWORK] = { "network", CLONE_NEWNET },
    [OCI_NS_MOUNT] = { "mount", CLONE_NEWNS },
    [OCI_NS_IPC] = { "ipc", CLONE_NEWIPC },
    [OCI_NS_UTS] = { "uts", CLONE_NEWUTS },
    [OCI_NS_USER] = { "user", CLONE_NEWUSER },
    [OCI_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
    [OCI_NS_TIME] = { "time", CLONE_NEWTIME },
};
static_assert(ARRAY_LEN(namespaces) == OCI_NS_COUNT, "every namespace needs a row");

const char *oci_ns_name(enum oci_ns ns) { return namespaces[ns].name; }
unsigned long oci_ns_clone_flag(enum oci_ns ns) { return namespaces[ns].flag; }

const struct oci_namespace *oci_namespace_find(const struct oci_config *c, enum oci_ns ns)
{
    for (size_t i = 0; i < c->linux_.namespace_count; i++)
        if (c->linux_.namespaces[i].type == ns)
            return &c->linux_.namespaces[i];
    return NULL;
}
