/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/runtime.h: from an OCI configuration to a confined process.
 *
 * The caller (creel-monitor, creel-runtime) is the parent of the container's init. Two steps, as in the OCI life cycle:
 * runtime_create makes namespaces, mounts, cgroup, devices and stops init at the exec gate; runtime_start lets it
 * execute. Everything is decided first (mount_plan, cgroup_plan, seccomp program) and then done by descriptor.
 * Nothing is mounted in the caller's mount namespace. Not thread-safe; no globals. Blocks for the length of the set-up,
 * bounded by RUNTIME_SETUP_TIMEOUT_MS. */
#ifndef CREEL_RUNTIME_RUNTIME_H
#define CREEL_RUNTIME_RUNTIME_H

#include "runtime/cgroup.h"
#include "runtime/ready.h"
#include "spec/oci_config.h"

#include <stdbool.h>
#include <sys/types.h>

enum { RUNTIME_SETUP_TIMEOUT_MS = 60000 };

/* An overlay made in the container's own mount namespace. lower_count == 0: the configuration's root.path is used. */
struct runtime_rootfs {
    int layers_fd;              /* directory the lower names are relative to; -1: they are absolute */
    const char *const *lower;   /* topmost first */
    size_t lower_count;
    const char *upper, *work;   /* absolute; NULL: read-only overlay */
    bool is_volatile;           /* upper dies with the container (--rm): the kernel need not sync it */
};

struct runtime_params {
    const struct oci_config *config;   /* borrowed until the start has returned; with poststop hooks until runtime_free */
    const char *id;                    /* for messages and the default cgroup */
    int bundle_fd;                     /* directory; root.path is relative to it; -1: the current directory */
    const struct runtime_rootfs *rootfs; /* or NULL */
    int stdio[3];                      /* become 0, 1, 2; ignored with process.terminal */
    bool stdio_is_ours;                /* pipes among stdio were made for this container: its user becomes their owner */
    int preserve_fds;                  /* how many of the caller's 3.. are kept; they must not be close-on-exec */
    const struct sock_fprog *seccomp;  /* compiled program, or NULL: none */
    unsigned seccomp_flags;            /* SECCOMP_FILTER_FLAG_* (struct seccomp_program.flags) */
    bool seccomp_log;                  /* adds SECCOMP_FILTER_FLAG_LOG */
    bool no_pivot, no_new_keyring;
    bool binds_in_order;               /* binds are made among the other mounts, as mountinfo shows, not ahead of them */
    bool keep_bind_flags;              /* nosuid, nodev … of a bind's source stay although other flags are named */
    bool die_with_parent;              /* init is killed when the thread that called runtime_create ends */
    bool hold_mounts;                  /* until runtime_release_mounts; see there */
    bool terminal_relayed;             /* the caller passes the terminal's output on to a terminal: no carriage returns are added */
    bool reset_cpus;                   /* init gets all CPUs of its cgroup, not those of the caller */
    /* Told what is left out because the specification wants a warning, not an error: capabilities that do not exist or are
     * not the caller's to give. NULL: those are errors. */
    void (*warn)(const void *data, const char *text);
    const void *warn_data;
    struct runtime_ready *ready;       /* or NULL; what is used of it is taken out */
    int gate;                          /* gate.h: init will wait there after runtime_park; 0: there is none */
    bool cgroup_optional;              /* no permission to make the control group: go on without one */
    enum cgroup_manager cgroup_manager;
};

struct runtime_container;

/* The control group of a container as its configuration names it, or the default: "/creel/<id>", or ":creel:<id>" for
 * systemd. What cgroup_open takes. Caller frees. */
int runtime_cgroup_name(const struct oci_config *config, const char *id, enum cgroup_manager manager, char **ret,
                        struct creel_err *err);

/* On failure nothing is left: no process, mount, cgroup or descriptor. The kind is CANNOT_INVOKE or NO_COMMAND when the
 * command itself was at fault (also found out before start, by looking it up in the root). */
int runtime_create(const struct runtime_params *p, struct runtime_container **ret, struct creel_err *err);
/* Let init execute. Returns when execve succeeded (the gate closed on exec) or failed, in which case init is gone. */
int runtime_start(struct runtime_container *c, struct creel_err *err);

/* With params.gate: let init wait for a start by another process, whatever becomes of us (gate.h). */
int runtime_park(struct runtime_container *c, struct creel_err *err);

pid_t runtime_pid(const struct runtime_container *c);
uint64_t runtime_pid_start(const struct runtime_container *c);   /* field 22 of /proc/pid/stat */
int runtime_pidfd(const struct runtime_container *c);            /* borrowed; readable when init has ended */
int runtime_console_master_take(struct runtime_container *c);    /* with process.terminal; -1 otherwise */
struct cgroup *runtime_cgroup(struct runtime_container *c);      /* borrowed */
/* Kill init and everything in its cgroup, wait for it, remove the cgroup. Idempotent. */
int runtime_destroy(struct runtime_container *c, struct creel_err *err);
/* A container without a mount namespace has its mounts in the caller's; when it has ended, by another process than the one that
 * made it: take them off. `bundle`: absolute. Nothing to do for others. */
int runtime_detach_root(const struct oci_config *c, const char *bundle, struct creel_err *err);
/* The kernel reports the end of init only when the container's mounts are gone, which takes longer than anything else
 * about an end. With hold_mounts they stay until this is called (or runtime_free), so the caller can tell of the end
 * first. Idempotent. */
void runtime_release_mounts(struct runtime_container *c);
/* Hooks of the host, one after the other, each within its timeout. `status` is what the state document on their standard input
 * says; pid 0: none. The first failure ends it, unless `all`: then the others still run, and it is told at the end. */
struct runtime_hooks { const struct oci_config *config; const struct oci_hooks *hooks; const char *name, *id, *bundle, *status;
                       pid_t pid; bool all; };
int runtime_hooks_run(const struct runtime_hooks *h, struct creel_err *err);
/* Frees memory and descriptors only; the processes go on. NULL is fine. */
void runtime_free(struct runtime_container *c);

/* --- further processes in a running container --- */
struct runtime_exec_params {
    const struct oci_config *config;   /* the container's: namespaces, seccomp, capabilities, cgroup path */
    const struct oci_process *process; /* what to run */
    int init_pidfd;                    /* namespaces are joined through it (setns with a pidfd) */
    pid_t init_pid;
    const char *id;
    int stdio[3];
    bool stdio_is_ours;
    int preserve_fds;
    const struct sock_fprog *seccomp;
    unsigned seccomp_flags;
    bool seccomp_log;
    bool die_with_parent;              /* as for init */
    bool terminal_relayed;             /* as for init */
    bool reset_cpus;                   /* as for init, unless the process has an execCPUAffinity */
    void (*warn)(const void *data, const char *text);   /* as for init */
    const void *warn_data;
    const char *bundle;                /* absolute; told to seccomp agents; NULL: unknown */
    struct cgroup *cgroup;             /* the container's, if the caller has it open; borrowed; else: */
    const char *cgroup_path;           /* as cgroup_plan printed it for the container */
    bool patient;                      /* wait for the process as long as its group may be frozen */
    const struct strv *cgroups_below;  /* groups below it to enter instead (cgroup_enter_below); NULL or empty: none */
    enum cgroup_manager cgroup_manager;
};
struct runtime_process { pid_t pid; uint64_t pid_start; int pidfd; int console_master; };
/* The process is a child of the caller and runs when this returns. ret: caller closes pidfd and console_master. */
int runtime_exec(const struct runtime_exec_params *p, struct runtime_process *ret, struct creel_err *err);

/* What this build and host can do, as the OCI features document (JSON; caller frees). */
int runtime_features(char **ret_json, struct creel_err *err);

#endif
