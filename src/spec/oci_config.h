/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_config.h: the OCI runtime configuration (runtime-spec 1.2, Linux) as a struct.
 *
 * Text ↔ struct only: nothing here touches the host. Every string and array is owned by the config; NULL pointers and
 * zero counts mean "absent". Optional numbers are struct opt_*, so that "absent" is never confused with 0.
 * Unknown members are kept out, wrong types and duplicate keys are errors that name the member. */
#ifndef CREEL_SPEC_OCI_CONFIG_H
#define CREEL_SPEC_OCI_CONFIG_H

#include "base/err.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct opt_i64 { bool set; int64_t value; };
struct opt_u64 { bool set; uint64_t value; };
struct opt_bool { bool set; bool value; };

struct oci_id_map { uint32_t container_id, host_id, size; };

struct oci_mount {
    char *destination, *type, *source;
    struct strv options;
    struct oci_id_map *uid_maps, *gid_maps;
    size_t uid_map_count, gid_map_count;
};

enum oci_ns { OCI_NS_PID, OCI_NS_NETWORK, OCI_NS_MOUNT, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_USER, OCI_NS_CGROUP, OCI_NS_TIME,
              OCI_NS_COUNT };
struct oci_namespace { enum oci_ns type; char *path; /* NULL: a new one */ };

struct oci_rlimit { char *type; uint64_t soft, hard; };

struct oci_capabilities { bool present; struct strv bounding, effective, inheritable, permitted, ambient; };

struct oci_user {
    uint32_t uid, gid;
    bool umask_set; uint32_t umask;
    uint32_t *additional_gids; size_t additional_gid_count;
};

struct oci_scheduler { bool present; char *policy; int32_t nice, priority; struct strv flags;
                       uint64_t runtime, deadline, period; };
struct oci_process {
    bool present;
    bool terminal;
    unsigned console_rows, console_cols;
    char *cwd;
    struct strv env, args;
    struct oci_user user;
    struct oci_capabilities caps;
    struct oci_rlimit *rlimits; size_t rlimit_count;
    bool no_new_privileges;
    char *apparmor_profile, *selinux_label;
    struct opt_i64 oom_score_adj;
    struct oci_scheduler scheduler;
    struct { bool present; char *class_; int64_t priority; } io_priority;
    struct { char *initial, *final; } exec_cpu_affinity;
};

struct oci_device { char *path, *type; int64_t major, minor; bool mode_set; uint32_t mode; struct opt_i64 uid, gid; };
struct oci_device_rule { bool allow; char *type; struct opt_i64 major, minor; char *access; };
struct oci_weight_device { int64_t major, minor; struct opt_u64 weight, leaf_weight; };
struct oci_throttle_device { int64_t major, minor; uint64_t rate; };
struct oci_hugepage { char *page_size; uint64_t limit; };
struct oci_ifprio { char *name; uint32_t priority; };
struct oci_rdma { char *name; struct opt_u64 handles, objects; };
struct oci_kv { char *key, *value; };

struct oci_resources {
    struct oci_device_rule *devices; size_t device_count;
    struct { struct opt_i64 limit, reservation, swap, kernel, kernel_tcp; struct opt_u64 swappiness;
             struct opt_bool disable_oom_killer, use_hierarchy, check_before_update; } memory;
    struct { struct opt_u64 shares, period, realtime_period; struct opt_i64 quota, realtime_runtime, idle;
             struct opt_u64 burst; char *cpus, *mems; } cpu;
    struct opt_i64 pids_limit;
    struct { struct opt_u64 weight, leaf_weight;
             struct oci_weight_device *weight_devices; size_t weight_device_count;
             struct oci_throttle_device *read_bps, *write_bps, *read_iops, *write_iops;
             size_t read_bps_count, write_bps_count, read_iops_count, write_iops_count; } block_io;
    struct oci_hugepage *hugepages; size_t hugepage_count;
    struct { struct opt_u64 class_id; struct oci_ifprio *priorities; size_t priority_count; } network;
    struct oci_rdma *rdma; size_t rdma_count;
    struct oci_kv *unified; size_t unified_count;
};

struct oci_seccomp_arg { uint32_t index; uint64_t value, value_two; char *op; };
struct oci_syscall { struct strv names; char *action; bool errno_set; uint32_t errno_ret;
                     struct oci_seccomp_arg *args; size_t arg_count; };
struct oci_seccomp {
    bool present;
    char *default_action; bool default_errno_set; uint32_t default_errno;
    struct strv architectures, flags; bool flags_set;
    char *listener_path, *listener_metadata;
    struct oci_syscall *syscalls; size_t syscall_count;
};

struct oci_hook { char *path; struct strv args, env; struct opt_i64 timeout; };
struct oci_hooks { struct oci_hook *items; size_t count; };

struct oci_linux {
    bool present;
    struct oci_namespace *namespaces; size_t namespace_count;
    struct oci_id_map *uid_maps, *gid_maps; size_t uid_map_count, gid_map_count;
    struct oci_device *devices; size_t device_count;
    char *cgroups_path;
    struct oci_resources resources;
    char *rootfs_propagation;
    struct oci_seccomp seccomp;
    struct oci_kv *sysctl; size_t sysctl_count;
    struct strv masked_paths, readonly_paths;
    char *mount_label;
    struct { bool present; char *clos_id, *l3_schema, *mem_bw_schema; bool enable_monitoring;
             bool enable_cmt, enable_mbm; /* before 1.3 */ struct strv schemata; } intel_rdt;
    struct { bool present; char *domain; struct strv flags; } personality;
    struct { bool monotonic_set, boottime_set; int64_t monotonic_s, boottime_s; uint32_t monotonic_ns, boottime_ns; } time_offsets;
    struct { char *from, *name; } *net_devices; size_t net_device_count;
    struct { bool present; char *mode, *nodes; struct strv flags; } memory_policy;
};

struct oci_config {
    char *oci_version, *hostname, *domainname;
    struct { bool present; char *path; bool readonly; } root;
    struct oci_mount *mounts; size_t mount_count;
    struct oci_process process;
    struct oci_hooks prestart, create_runtime, create_container, start_container, poststart, poststop;
    struct oci_kv *annotations; size_t annotation_count;
    struct oci_linux linux_;
};

/* Parse `len` bytes of JSON (at most 16 MiB). *ret: oci_config_free. Errors: INVALID, naming the member. */
int oci_config_parse(const char *text, size_t len, struct oci_config **ret, struct creel_err *err);
/* Parse a document that is only a process ({"args":…}) or only resources; into zeroed structs. */
int oci_process_parse(const char *text, size_t len, struct oci_process *ret, struct creel_err *err);
int oci_resources_parse(const char *text, size_t len, struct oci_resources *ret, struct creel_err *err);
/* Compact JSON; caller frees. parse(print(c)) equals c. */
int oci_config_print(const struct oci_config *c, char **ret, struct creel_err *err);
int oci_process_print(const struct oci_process *p, char **ret, struct creel_err *err);
int oci_resources_print(const struct oci_resources *r, char **ret, struct creel_err *err);
int oci_seccomp_print(const struct oci_seccomp *s, char **ret, struct creel_err *err);
/* The checks of the specification that need no host (version 1.0 to 1.3, absolute paths, duplicate namespaces, id maps
 * without user namespace …). Errors: INVALID. */
int oci_config_validate(const struct oci_config *c, struct creel_err *err);
int oci_process_validate(const struct oci_process *p, struct creel_err *err);   /* for exec */

void oci_config_free(struct oci_config *c);
void oci_process_fini(struct oci_process *p);
void oci_resources_fini(struct oci_resources *r);
void oci_seccomp_fini(struct oci_seccomp *s);

const char *oci_ns_name(enum oci_ns ns);        /* "pid", "network", … */
unsigned long oci_ns_clone_flag(enum oci_ns ns);/* CLONE_NEWPID … */
/* The namespace entry of that type, or NULL. */
const struct oci_namespace *oci_namespace_find(const struct oci_config *c, enum oci_ns ns);

static inline void oci_config_freep(struct oci_config **c) { oci_config_free(*c); *c = NULL; }
#define auto_oci_config auto_cleanup(oci_config_freep) struct oci_config *

#endif
