/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/process_plan.h: an OCI process, turned into numbers and arrays that need no further thought.
 *
 * Built by the parent; carried out between clone and exec by runtime/init/confine.c, which may not allocate. Used for a
 * container's init and for further processes alike. Strings borrow from the configuration. */
#ifndef CREEL_RUNTIME_PROCESS_PLAN_H
#define CREEL_RUNTIME_PROCESS_PLAN_H

#include "base/bytes.h"
#include "spec/oci_config.h"

#include <linux/filter.h>
#include <sched.h>
#include <sys/resource.h>

enum { PROCESS_CPU_MASK_WORDS = 16, PROCESS_NODE_MASK_WORDS = 16, PROCESS_HOME_MAX = 1024 };

struct process_rlimit { int resource; struct rlimit value; const char *name; };
struct process_cpus { bool set; unsigned long mask[PROCESS_CPU_MASK_WORDS]; };
/* As the kernel's struct sched_attr (version 1). */
struct process_sched { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority;
                       uint64_t runtime, deadline, period; uint32_t util_min, util_max; };

struct process_plan {
    bool present;                    /* the configuration has a process at all */
    char *const *argv;
    char **envp;                     /* owned array; [env_home] is a free slot if HOME is to be found in passwd */
    int env_home;                    /* -1: HOME is given */
    char *home;                      /* owned room for "HOME=" and a path, when env_home is not -1 */
    const char *path;                /* value of PATH, or the default */
    const char *cwd;
    uid_t uid;
    gid_t gid;
    gid_t *groups;                   /* owned; the primary gid first, then the additional ones, no duplicates */
    size_t group_count;
    mode_t umask;
    struct { uint64_t bounding, effective, inheritable, permitted, ambient; } caps;
    struct process_rlimit *rlimits;  /* owned */
    size_t rlimit_count;
    bool groups_fixed;               /* an unprivileged caller's user namespace: setgroups may be forbidden for good */
    bool no_new_privileges;
    bool die_with_parent;            /* SIGKILL when the process that made it ends */
    const char *apparmor, *selinux;  /* labels for exec, NULL none */
    bool oom_set;
    int oom_score_adj;
    bool sched_set;
    struct process_sched sched;
    int ioprio;                      /* -1 none */
    bool cpus_limited;               /* the container has some of the CPUs only */
    struct process_cpus cpu_initial, cpu_final; /* for further processes: before and after they enter the cgroup */
    bool cpus_reset;                 /* not the caller's CPUs but all that the cgroup has */
    bool personality_set;
    unsigned long personality;
    bool mempolicy_set;
    int mempolicy;                   /* mode and flags */
    unsigned long nodes[PROCESS_NODE_MASK_WORDS];
    char *keyring;                   /* owned; NULL: keep the caller's */
    const struct sock_fprog *seccomp;
    unsigned seccomp_flags;
    bool terminal;
    bool terminal_relayed;           /* to another terminal, which makes new lines of its line feeds */
    unsigned rows, cols;
    struct strv warnings;            /* owned; what was left out, in words */
};

/* `process` is what to run; `config` gives what belongs to the container (personality, memory policy). A process that
 * is not present gives a plan that is not. With `lenient`, what the specification wants to be warned about, capabilities that
 * do not exist (from version 1.1 on) or cannot be ambient, is left out and told in `warnings`; otherwise the former are
 * errors. Errors: INVALID, naming the member; EXHAUSTED. */
int process_plan_build_as(const struct oci_config *config, const struct oci_process *process, bool lenient,
                          struct process_plan *ret, struct creel_err *err);
/* Leave out the capabilities that are not in `held`, and say so. Errors: EXHAUSTED. */
int process_plan_drop_missing(struct process_plan *p, uint64_t held, struct creel_err *err);
/* Not lenient. */
int process_plan_build(const struct oci_config *config, const struct oci_process *process, struct process_plan *ret,
                       struct creel_err *err);
void process_plan_fini(struct process_plan *p);
/* "0-3,7" into a mask of `words` unsigned longs. False on anything else, and past the mask's end. */
bool process_list_parse(const char *text, unsigned long *mask, size_t words);

static inline void process_plan_finip(struct process_plan *p) { process_plan_fini(p); }
#define auto_process_plan auto_cleanup(process_plan_finip) struct process_plan

#endif
