/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup.h: control groups of version 2, version 1 and hybrid hosts.
 *
 * Decide first: cgroup_plan_build turns resources into a list of (hierarchy, file, value) writes, without touching the
 * host, given the layout read once from mountinfo (cgroup_layout_load). Golden tests read the printed plan.
 * A container's group is `/creel/<id>` in every hierarchy unless the configuration names another; it is never below the
 * caller's own group. On v2 the child is born in it (CLONE_INTO_CGROUP); on v1 the child writes "0" into each `tasks`
 * file itself, which avoids the kernel's global fork lock that writing another process's pid takes.
 * With CGROUP_SYSTEMD systemd makes the group, as a scope (cgroup_systemd.c); CGROUP_AUTO is CGROUP_FS.
 * Only groups made here are removed. Of groups above a container's only cgroup.subtree_control is written (version 2):
 * every controller that they have is handed down. */
#ifndef CREEL_RUNTIME_CGROUP_H
#define CREEL_RUNTIME_CGROUP_H

#include "base/bytes.h"
#include "spec/oci_config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum cgroup_manager { CGROUP_AUTO, CGROUP_FS, CGROUP_SYSTEMD, CGROUP_DISABLED };

/* What is mounted where. */
enum { CGROUP_V1_MAX = 16 };
struct cgroup_hierarchy {
    bool v2;
    char controllers[128];  /* comma list: "cpu,cpuacct", "name=systemd"; for v2 what cgroup.controllers says */
    char *mount;            /* "/sys/fs/cgroup/cpu" */
};
struct cgroup_layout {
    struct cgroup_hierarchy items[CGROUP_V1_MAX + 1];
    size_t count;
    bool unified;           /* v2 only */
    bool hybrid;            /* both */
};
/* `mountinfo` NULL: /proc/self/mountinfo. Only mounts visible at their mount point count. */
int cgroup_layout_load(const char *mountinfo, struct cgroup_layout *ret, struct creel_err *err);
void cgroup_layout_fini(struct cgroup_layout *l);
/* The hierarchy that serves `controller` ("memory"), or NULL. */
const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *l, const char *controller);

/* One write. When `file` does not exist, alt_file gets alt_value (NULL: there is no other). What was written is read
 * back unless grain is 0: the kernel may keep less than was asked for, but by less than `grain` (pages); CGROUP_LIST
 * compares sets such as "0-3,7". `limit` names it in messages. */
#define CGROUP_LIST UINT64_MAX
struct cgroup_write { size_t hierarchy; char *file, *value, *alt_file, *alt_value; bool optional; uint64_t grain;
                      const char *limit; };
struct cgroup_plan {
    char *path;             /* "/creel/<id>", below every hierarchy's mount */
    struct cgroup_write *writes; size_t count;
};
/* Limits the host cannot set are an error that names the limit and what the host lacks (UNSUPPORTED), never dropped. */
int cgroup_plan_build(const struct cgroup_layout *l, const char *path, const struct oci_resources *r,
                      struct cgroup_plan *ret, struct creel_err *err);
void cgroup_plan_print(const struct cgroup_plan *p, const struct cgroup_layout *l, struct bytes *out);
void cgroup_plan_fini(struct cgroup_plan *p);

/* Whether this host has what the manager needs. Errors: UNSUPPORTED, saying what to do instead. */
int cgroup_manager_check(enum cgroup_manager manager, struct creel_err *err);

/* Whether swap can be limited: 1, 0, or -1 when that cannot be told. */
int cgroup_counts_swap(void);

struct cgroup;  /* a group that exists */
/* What a group is made from; all of it is borrowed for the call. */
struct cgroup_request {
    const char *path;                       /* below the mounts; for systemd "slice:prefix:name" (systemd_name.h) */
    enum cgroup_manager manager;
    const struct oci_resources *resources;  /* or NULL */
    const struct oci_kv *annotations; size_t annotation_count;  /* systemd: org.systemd.property.* (systemd_property.h) */
    const char *description;                /* of systemd's unit, or NULL */
};
/* Make the group, apply limits and device rules (eBPF on v2, attached before the first process enters), open what the
 * child needs. On failure nothing made by this call is left. */
int cgroup_create(const char *path, enum cgroup_manager manager, const struct oci_resources *r, struct cgroup **ret,
                  struct creel_err *err);
/* The general form, going on from cgroup_begin (NULL: from the beginning). Takes `begun`, also when it fails. */
int cgroup_make(struct cgroup *begun, const struct cgroup_request *q, struct cgroup **ret, struct creel_err *err);
/* The user of this host who is to own the group of a container that may make groups itself. False: nobody is. */
bool cgroup_delegate_owner(const struct oci_config *c, uid_t *ret);
/* Give the group to that user: the directory and the files listed in /sys/kernel/cgroup/delegate. Version 2 only, else
 * nothing is done. */
int cgroup_delegate(struct cgroup *c, uid_t owner, struct creel_err *err);
/* The container's first process is in. With systemd the group had one before, which counts as a process until then; its
 * path is to be kept (cgroup_path), not the name it was made with. */
int cgroup_settle(struct cgroup *c, struct creel_err *err);
/* Open one that exists, NOT_FOUND if it is gone. A path as cgroup_path gives it, or what it was made with: to
 * CGROUP_AUTO, too, a text of the form slice:prefix:name is systemd's; to CGROUP_FS it is a name like others. */
int cgroup_open(const char *path, enum cgroup_manager manager, struct cgroup **ret, struct creel_err *err);
/* For clone3(CLONE_INTO_CGROUP): directory fd of the v2 group, or -1 when there is no v2 hierarchy. Borrowed. */
int cgroup_v2_fd(const struct cgroup *c);
/* For the child on v1: fds of the `tasks` files to write "0" to. Borrowed. Returns the count (at most CGROUP_V1_MAX). */
/* The first part of cgroup_create, for which no name is needed: find and open the hierarchies. cgroup_free, or cgroup_make. */
int cgroup_begin(struct cgroup **ret, struct creel_err *err);
size_t cgroup_v1_task_fds(const struct cgroup *c, int *fds);
/* From now on processes enter groups that exist below this one: each argument is "[controller[,controller]:]path", one without
 * controllers for all hierarchies, or several with (version 1). Errors: INVALID (a path that leaves the group, unknown or
 * repeated controller), NOT_FOUND. For nothing but cgroup_v2_fd and cgroup_v1_task_fds; on failure only cgroup_free is left. */
int cgroup_enter_below(struct cgroup *c, const struct strv *args, struct creel_err *err);
/* Version 2 only: the group has handed controllers to groups below it, so processes can only be in those. */
bool cgroup_has_inner_groups(const struct cgroup *c);
/* Open the version 2 group that the process is in. */
int cgroup_open_of_process(pid_t pid, struct cgroup **ret, struct creel_err *err);
const struct cgroup_layout *cgroup_layout_of(const struct cgroup *c); /* as read when it was made; borrowed */
const char *cgroup_path(const struct cgroup *c);    /* clean form of what was given; borrowed */
/* Put an existing process in (external runtimes, fallbacks). */
int cgroup_add(struct cgroup *c, pid_t pid, struct creel_err *err);
int cgroup_update(struct cgroup *c, const struct oci_resources *r, struct creel_err *err);
int cgroup_freeze(struct cgroup *c, bool frozen, struct creel_err *err);  /* waits (inotify/poll) until it is so */
int cgroup_is_frozen(struct cgroup *c);                                   /* 1, 0, -errno */
int cgroup_kill(struct cgroup *c, int signo, struct creel_err *err);      /* every process, until none is left if KILL */
int cgroup_pids(struct cgroup *c, pid_t **ret, size_t *ret_count, struct creel_err *err); /* caller frees */
/* Remove the group and those below it, in every hierarchy. Missing is success. */
int cgroup_destroy(struct cgroup *c, struct creel_err *err);
/* For a path whose group is gone (NOT_FOUND): systemd may still remember a scope that failed. */
void cgroup_forget(const char *path, enum cgroup_manager manager);
/* The usual end: nobody is left and nothing was made below. One call per hierarchy. False when that is not so; the groups
 * are then still there (all of them, as far as processes are in all of them alike). */
bool cgroup_remove_empty(struct cgroup *c);
/* fd that polls readable (POLLIN or POLLPRI) when the kernel's OOM killer struck, and a question to ask then. */
int cgroup_oom_fd(struct cgroup *c);            /* borrowed; -1 if not available */
short cgroup_oom_events(const struct cgroup *c);/* poll events to wait for */
bool cgroup_oom_happened(struct cgroup *c);
/* How often memory has run out, also when the killer is disabled (version 1). After cgroup_oom_fd.
 * 0, or -errno (-ENODEV: the group is gone). */
int cgroup_oom_count(struct cgroup *c, uint64_t *ret);
void cgroup_free(struct cgroup *c);             /* closes descriptors; the group stays */

struct cgroup_stats {
    uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_periods, throttled_ns, periods;
    uint64_t memory_usage, memory_max_usage, memory_limit, memory_inactive_file, memory_failcnt, swap_usage, swap_limit;
    uint64_t pids, pids_limit;
    uint64_t read_bytes, write_bytes, read_ios, write_ios;
};
int cgroup_stats_read(struct cgroup *c, struct cgroup_stats *ret, struct creel_err *err);
/* Names of the groups directly below `/creel` in any hierarchy (for creel check). Caller frees with strv_fini. */
int cgroup_list_children(const char *parent, struct strv *ret, struct creel_err *err);

static inline void cgroup_freep(struct cgroup **c) { cgroup_free(*c); *c = NULL; }
#define auto_cgroup auto_cleanup(cgroup_freep) struct cgroup *

#endif
