/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/init.h: what a new process does between clone and exec.
 *
 * The parent prepares a plan that needs no memory and no decisions; the child works it off, reports every failure in its
 * own words over the launch socket (runtime/launch.h), and ends in execve or _exit. Only async-signal-safe calls. */
#ifndef CREEL_RUNTIME_INIT_INIT_H
#define CREEL_RUNTIME_INIT_INIT_H

#include "runtime/launch.h"
#include "runtime/mount_plan.h"
#include "runtime/process_plan.h"
#include "runtime/resctrl.h"
#include "runtime/sysctl.h"

#include <stdbool.h>
#include <stddef.h>

/* Prepared hooks. The state document is text before and after the pid, which only the process itself knows. */
struct init_hook { const char *path; char *const *argv, *const *envp; int timeout_ms; };
struct init_hooks {
    const struct init_hook *items;
    size_t first, count;        /* items[first] to items[count - 1] are run; messages number them from 0 */
    const char *state_before_pid, *state_after_pid;
    const char *name;           /* "createContainer" */
    const struct process_plan *confined; /* the hook runs under this one's filter; NULL: as free as we are */
};

struct init_sysctl { char path[SYSCTL_PATH_MAX]; const char *key, *value; };

/* `tasks` files to write "0" to: those of version 1 cgroups, then those of resctrl. */
enum { INIT_TASKS_MAX = CGROUP_V1_MAX + RESCTRL_TASKS_MAX };

enum { INIT_TIME_OFFSETS_MAX = 128 };

/* A namespace that exists: entered in this order. */
struct init_join { int fd; int type; const char *name; };

struct init_rootfs {
    bool overlay;
    const char *layers;         /* absolute directory of the lower names; NULL: they are absolute */
    const char *const *lower;
    size_t lower_count;
    const char *upper, *work;
    bool is_volatile;
    int tree;                   /* the detached mount, if the parent has made it; -1: make it here */
    const char *path;           /* not overlay: where root.path is */
    bool attached;              /* `tree` is where it belongs already */
    bool over_root;             /* attach `tree` over / instead: the mount namespace is not a copy of ours */
};

struct init_plan {
    int sock;
    int gate;                   /* 0: none */
    bool own_pids;              /* the pid namespace is new */
    const char *id;
    struct mount_plan *mounts;
    struct init_rootfs rootfs;
    const struct process_plan *process;
    const char *hostname, *domainname;
    const struct init_sysctl *sysctls;
    size_t sysctl_count;
    struct init_hooks create_container, start_container;
    const struct init_join *joins;
    size_t join_count;
    const int *keep;            /* descriptors to keep from the start, ascending; all others are closed */
    size_t keep_count;
    int v1_tasks[INIT_TASKS_MAX];
    size_t v1_task_count;
    int stdio[3];
    int preserve;
    bool give_pipes;
    bool wait_mapped;           /* new user namespace */
    bool hide_late;             /* an unprivileged parent can write the mappings only while we can be looked at */
    bool wait_grouped;          /* not born in the v2 group: the parent says when it has been moved there */
    bool wait_hooked;           /* the parent has hooks to run once everything is mounted */
    bool new_cgroup_ns, loopback, no_pivot;
    bool limits_by_parent;      /* with a user namespace: rlimits and oom score need the host's privilege */
    bool user_namespace;        /* new or joined */
    bool host_mount;            /* in the caller's mount namespace: no more than a chroot */
    const char *time_offsets;   /* NULL; else make a time namespace with these */
    bool mapped_root;           /* id 0 is mapped in the user namespace, as far as is known */
    bool guided;                /* born outside of all namespaces; the process itself is cloned into pid_ns at the very end */
    int pid_ns;                 /* guided: joined, a descriptor */
    int unshare_flags;          /* guided: CLONE_NEW* to make */
};

/* A container's init. Does not return. */
_Noreturn void init_run(const struct init_plan *p);

/* A further process in a running container. */
struct init_exec_plan {
    int sock;
    int container;              /* pidfd of init, or -1 with `joins` */
    int join_flags;             /* CLONE_NEW* to enter through it */
    const struct init_join *joins;  /* fallback: one descriptor per namespace */
    size_t join_count;
    int root;                   /* -1, or a descriptor of the container's root, where that is not its namespace's root */
    const struct process_plan *process;
    const int *keep;
    size_t keep_count;
    int v1_tasks[INIT_TASKS_MAX];
    size_t v1_task_count;
    int stdio[3];
    int preserve;
    bool give_pipes, wait_grouped, user_namespace;
    bool guided;                /* confined outside of the pid namespace; the process itself is cloned at the very end */
};
_Noreturn void init_exec(const struct init_exec_plan *p);

/* --- shared by both --- */
/* Close every descriptor from 3 on that is not in the ascending list. */
int init_close_others(const int *keep, size_t count, struct launch_msg *fail);
_Noreturn void init_die(int sock, const struct launch_msg *fail);
/* Wait for one step of the parent; its end ends us quietly, for there is nobody left to be told. fds as launch_recv. */
void init_wait(int sock, enum launch_step want, int *fds, size_t *ret_fd_count);
/* The loopback interface of the network namespace we are in. 0 (also where the kernel has no IPv4), -errno. */
int init_raise_loopback(void);
/* Make a time namespace for children and set its offsets ("" none). What was tried when it fails is in *ret_what. */
int init_make_time(const char *offsets, const char **ret_what);
int init_enter_cgroup(const int *tasks, size_t count, struct launch_msg *fail);
int init_join_namespaces(const struct init_join *joins, size_t count, struct launch_msg *fail);

#endif
