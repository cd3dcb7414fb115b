/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/process_plan.c: see runtime/process_plan.h. */
#include "runtime/process_plan.h"

#include "spec/capability.h"

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PERSONALITY_LINUX 0x0000ul
#define PERSONALITY_LINUX32 0x0008ul

enum { RLIMITS_MAX = 64, GROUPS_MAX = 65536 };

static const struct { const char *name; int resource; } rlimit_names[] = {
    { "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE }, { "RLIMIT_CPU", RLIMIT_CPU },
    { "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", RLIMIT_LOCKS },
    { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
    { "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC }, { "RLIMIT_RSS", RLIMIT_RSS },
    { "RLIMIT_RTPRIO", RLIMIT_RTPRIO }, { "RLIMIT_RTTIME", RLIMIT_RTTIME },
    { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK },
};

struct named { const char *name; uint64_t value; };

static const struct named sched_policies[] = {
    { "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 }, { "SCHED_BATCH", 3 }, { "SCHED_ISO", 4 },
    { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 }, { NULL, 0 },
};
static const struct named sched_flags[] = {
    { "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 }, { "SCHED_FLAG_DL_OVERRUN", 0x04 },
    { "SCHED_FLAG_KEEP_POLICY", 0x08 }, { "SCHED_FLAG_KEEP_PARAMS", 0x10 }, { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
    { "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 }, { NULL, 0 },
};
static const struct named io_classes[] = {
    { "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT }, { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
    { "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE }, { NULL, 0 },
};
static const struct named mempolicy_modes[] = {
    { "MPOL_DEFAULT", MPOL_DEFAULT }, { "MPOL_PREFERRED", MPOL_PREFERRED }, { "MPOL_BIND", MPOL_BIND },
    { "MPOL_INTERLEAVE", MPOL_INTERLEAVE }, { "MPOL_LOCAL", MPOL_LOCAL }, { "MPOL_PREFERRED_MANY", 5 },
    { "MPOL_WEIGHTED_INTERLEAVE", 6 }, { NULL, 0 },
};
static const struct named mempolicy_flags[] = {
    { "MPOL_F_NUMA_BALANCING", 1 << 13 }, { "MPOL_F_RELATIVE_NODES", 1 << 14 }, { "MPOL_F_STATIC_NODES", 1 << 15 },
    { NULL, 0 },
};

static bool name_find(const struct named *table, const char *name, uint64_t *ret)
{
    for (; name != NULL && table->name != NULL; table++)
        if (strcmp(table->name, name) == 0) {
            *ret = table->value;
            return true;
        }
    return false;
}

static const char *shown(const char *s)
{
    return s != NULL ? s : "\"\"";
}

bool process_list_parse(const char *text, unsigned long *mask, size_t words)
{
    const size_t bits = words * sizeof *mask * CHAR_BIT;
    memset(mask, 0, words * sizeof *mask);
    for (const char *p = text;;) {
        unsigned long from = 0, to;
        if (*p < '0' || *p > '9')
            return false;
        for (; *p >= '0' && *p <= '9' && from < bits; p++)
            from = from * 10 + (unsigned long)(*p - '0');
        to = from;
        if (*p == '-') {
            p++;
            if (*p < '0' || *p > '9')
                return false;
            for (to = 0; *p >= '0' && *p <= '9' && to < bits; p++)
                to = to * 10 + (unsigned long)(*p - '0');
        }
        if (to >= bits || from > to)
            return false;
        for (unsigned long i = from; i <= to; i++)
            mask[i / (sizeof *mask * CHAR_BIT)] |= 1ul << (i % (sizeof *mask * CHAR_BIT));
        if (*p == '\0')
            return true;
        if (*p++ != ',')
            return false;
    }
}

static int plan_groups(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    if (p->user.additional_gid_count > GROUPS_MAX - 1)
        return creel_fail(err, CREEL_INVALID, 0, "more than %d additional groups", GROUPS_MAX - 1);
    ret->groups = calloc(p->user.additional_gid_count + 1, sizeof *ret->groups);
    if (ret->groups == NULL)
        return creel_fail_nomem(err);
    ret->groups[ret->group_count++] = ret->gid;
    for (size_t i = 0; i < p->user.additional_gid_count; i++) {
        bool known = false;
        for (size_t k = 0; k < ret->group_count && !known; k++)
            known = ret->groups[k] == p->user.additional_gids[i];
        if (!known)
            ret->groups[ret->group_count++] = p->user.additional_gids[i];
    }
    return 0;
}

static int plan_user(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    ret->uid = p->user.uid;
    ret->gid = p->user.gid;
    if (ret->uid == (uid_t)-1 || ret->gid == (gid_t)-1)
        return creel_fail(err, CREEL_INVALID, 0, "user %u:%u is not a valid id", ret->uid, ret->gid);
    ret->umask = p->user.umask_set ? (mode_t)(p->user.umask & 0777) : 0022;
    return plan_groups(p, ret, err);
}

static int warn(struct process_plan *p, struct creel_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int warn(struct process_plan *p, struct creel_err *err, const char *fmt, ...)
{
    auto_bytes text = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    bytes_vaddf(&text, fmt, ap);
    va_end(ap);
    return bytes_ok(&text) && strv_add(&p->warnings, bytes_str(&text)) ? 0 : creel_fail_nomem(err);
}

/* Version 1.0 of the specification wants unknown ones to be an error, later ones a warning. */
static int parse_caps(const struct oci_config *c, const struct strv *names, bool lenient, uint64_t *to,
                      struct process_plan *ret, struct creel_err *err)
{
    if (!lenient || (c->oci_version != NULL && strncmp(c->oci_version, "1.0", 3) == 0))
        return capability_set_parse(names, to, err);
    for (size_t i = 0; i < names->count; i++) {
        int n = capability_number(names->items[i]);
        if (n >= 0)
            *to |= UINT64_C(1) << n;
        else if (warn(ret, err, "ignoring unknown capability %.100s", names->items[i]) < 0)
            return -1;
    }
    return 0;
}

static int plan_caps(const struct oci_config *c, const struct oci_process *p, bool lenient, struct process_plan *ret,
                     struct creel_err *err)
{
    const struct { const struct strv *names; uint64_t *to; const char *set; } sets[] = {
        { &p->caps.bounding, &ret->caps.bounding, "bounding" },
        { &p->caps.effective, &ret->caps.effective, "effective" },
        { &p->caps.inheritable, &ret->caps.inheritable, "inheritable" },
        { &p->caps.permitted, &ret->caps.permitted, "permitted" },
        { &p->caps.ambient, &ret->caps.ambient, "ambient" },
    };
    for (size_t i = 0; p->caps.present && i < ARRAY_LEN(sets); i++)
        if (parse_caps(c, sets[i].names, lenient, sets[i].to, ret, err) < 0)
            return creel_wrap(err, "%s capabilities", sets[i].set);
    /* The kernel gives no other; configurations in the field (runc spec's own) name more. */
    const uint64_t possible = ret->caps.permitted & ret->caps.inheritable;
    for (unsigned i = 0; lenient && i < 64; i++)
        if ((ret->caps.ambient & ~possible & UINT64_C(1) << i) != 0
            && warn(ret, err, "can't raise ambient capability %s: operation not permitted", capability_name(i)) < 0)
            return -1;
    ret->caps.ambient &= possible;
    return 0;
}

int process_plan_drop_missing(struct process_plan *p, uint64_t held, struct creel_err *err)
{
    const uint64_t missing = (p->caps.permitted | p->caps.effective | p->caps.inheritable) & ~held;
    for (unsigned i = 0; i < 64; i++)
        if ((missing & UINT64_C(1) << i) != 0 && capability_name(i) != NULL
            && warn(p, err, "ignoring capability %s, which the caller does not have", capability_name(i)) < 0)
            return -1;
    uint64_t *const sets[] = { &p->caps.bounding, &p->caps.permitted, &p->caps.effective, &p->caps.inheritable,
                               &p->caps.ambient };
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        *sets[i] &= held;
    return 0;
}

static int plan_rlimits(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    if (p->rlimit_count == 0)
        return 0;
    if (p->rlimit_count > RLIMITS_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "more than %d rlimits", (int)RLIMITS_MAX);
    ret->rlimits = calloc(p->rlimit_count, sizeof *ret->rlimits);
    if (ret->rlimits == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < p->rlimit_count; i++) {
        const struct oci_rlimit *r = &p->rlimits[i];
        struct process_rlimit *to = &ret->rlimits[ret->rlimit_count];
        for (size_t k = 0; k < ARRAY_LEN(rlimit_names); k++)
            if (r->type != NULL && strcmp(r->type, rlimit_names[k].name) == 0) {
                to->resource = rlimit_names[k].resource;
                to->name = rlimit_names[k].name;
            }
        if (to->name == NULL)
            return creel_fail(err, CREEL_INVALID, 0, "rlimit %s is not known", shown(r->type));
        if (r->soft > r->hard)
            return creel_fail(err, CREEL_INVALID, 0, "rlimit %s: soft limit is above the hard limit", to->name);
        for (size_t k = 0; k < ret->rlimit_count; k++)
            if (ret->rlimits[k].resource == to->resource)
                return creel_fail(err, CREEL_INVALID, 0, "rlimit %s is given twice", to->name);
        to->value.rlim_cur = r->soft;
        to->value.rlim_max = r->hard;
        ret->rlimit_count++;
    }
    return 0;
}

static size_t name_length(const char *entry) { return strcspn(entry, "="); }

static uint32_t name_hash(const char *entry)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0, n = name_length(entry); i < n; i++)
        h = (h ^ (unsigned char)entry[i]) * 16777619u;
    return h;
}

/* Of entries with the same name only the last one stays; the others become NULL. */
static int drop_repeated(char **envp, size_t count, struct creel_err *err)
{
    size_t size = 8;
    while (size < 2 * count)
        size *= 2;
    auto_free const char **table = calloc(size, sizeof *table);
    if (table == NULL)
        return creel_fail_nomem(err);
    for (size_t i = count; i-- > 0;) {
        const size_t n = name_length(envp[i]);
        size_t at = name_hash(envp[i]) & (size - 1);
        while (table[at] != NULL && (name_length(table[at]) != n || memcmp(table[at], envp[i], n) != 0))
            at = (at + 1) & (size - 1);
        if (table[at] == NULL)
            table[at] = envp[i];
        else
            envp[i] = NULL;
    }
    return 0;
}

/* C libraries differ in which of two entries with one name they find; here the last one counts. An empty HOME is none. */
static int plan_env(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    size_t count = p->env.count, n = 0;
    ret->envp = calloc(count + 2, sizeof *ret->envp);
    if (ret->envp == NULL)
        return creel_fail_nomem(err);
    ret->path = DEFAULT_PATH;
    for (size_t i = 0; i < count; i++) {
        ret->envp[i] = p->env.items[i];
        size_t len = name_length(ret->envp[i]);
        if (ret->envp[i][len] == '\0' || len == 0)
            return creel_fail(err, CREEL_INVALID, 0, "process.env[%zu]: invalid environment variable \"%.100s\": %s", i,
                              ret->envp[i], len == 0 ? "the name is empty" : "missing '='");
    }
    if (count > 1 && drop_repeated(ret->envp, count, err) < 0)
        return -1;
    bool has_home = false;
    for (size_t i = 0; i < count; i++) {
        char *e = ret->envp[i];
        ret->envp[i] = NULL;
        if (e == NULL || strcmp(e, "HOME=") == 0)
            continue;
        has_home |= strncmp(e, "HOME=", 5) == 0;
        if (strncmp(e, "PATH=", 5) == 0)
            ret->path = e + 5;
        ret->envp[n++] = e;
    }
    ret->env_home = has_home ? -1 : (int)n;
    if (ret->env_home >= 0 && (ret->home = malloc(PROCESS_HOME_MAX)) == NULL)
        return creel_fail_nomem(err);
    return 0;
}

static int plan_sched(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    const struct oci_scheduler *s = &p->scheduler;
    uint64_t v = 0;
    if (!s->present)
        return 0;
    if (!name_find(sched_policies, s->policy, &v))
        return creel_fail(err, CREEL_INVALID, 0, "scheduler policy %s is not known", shown(s->policy));
    ret->sched = (struct process_sched){ .size = sizeof ret->sched, .policy = (uint32_t)v, .nice = s->nice,
                                         .priority = (uint32_t)s->priority, .runtime = s->runtime,
                                         .deadline = s->deadline, .period = s->period };
    for (size_t i = 0; i < s->flags.count; i++) {
        if (!name_find(sched_flags, s->flags.items[i], &v))
            return creel_fail(err, CREEL_INVALID, 0, "scheduler flag %s is not known", s->flags.items[i]);
        ret->sched.flags |= v;
    }
    ret->sched_set = true;
    return 0;
}

static int plan_priorities(const struct oci_process *p, struct process_plan *ret, struct creel_err *err)
{
    uint64_t v = 0;
    ret->ioprio = -1;
    if (p->io_priority.present) {
        if (!name_find(io_classes, p->io_priority.class_, &v))
            return creel_fail(err, CREEL_INVALID, 0, "ioPriority class %s is not known",
                              shown(p->io_priority.class_));
        if (p->io_priority.priority < 0 || p->io_priority.priority > 7)
            return creel_fail(err, CREEL_INVALID, 0, "ioPriority priority %lld is not between 0 and 7",
                              (long long)p->io_priority.priority);
        ret->ioprio = (int)(v << IOPRIO_CLASS_SHIFT) | (int)p->io_priority.priority;
    }
    const struct { const char *text; struct process_cpus *to; const char *name; } cpus[] = {
        { p->exec_cpu_affinity.initial, &ret->cpu_initial, "initial" },
        { p->exec_cpu_affinity.final, &ret->cpu_final, "final" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cpus); i++) {
        if (cpus[i].text == NULL || cpus[i].text[0] == '\0')
            continue;
        if (!process_list_parse(cpus[i].text, cpus[i].to->mask, PROCESS_CPU_MASK_WORDS))
            return creel_fail(err, CREEL_INVALID, 0, "execCPUAffinity.%s \"%s\" is not a list of CPUs", cpus[i].name,
                              cpus[i].text);
        cpus[i].to->set = true;
    }
    if (p->oom_score_adj.set) {
        if (p->oom_score_adj.value < -1000 || p->oom_score_adj.value > 1000)
            return creel_fail(err, CREEL_INVALID, 0, "oomScoreAdj %lld is not between -1000 and 1000",
                              (long long)p->oom_score_adj.value);
        ret->oom_set = true;
        ret->oom_score_adj = (int)p->oom_score_adj.value;
    }
    return 0;
}

static int plan_personality(const struct oci_config *c, struct process_plan *ret, struct creel_err *err)
{
    static const struct named domains[] = { { "LINUX", PERSONALITY_LINUX }, { "LINUX32", PERSONALITY_LINUX32 },
                                            { NULL, 0 } };
    uint64_t v = 0;
    if (!c->linux_.personality.present)
        return 0;
    if (!name_find(domains, c->linux_.personality.domain, &v))
        return creel_fail(err, CREEL_INVALID, 0, "personality %s is not known", shown(c->linux_.personality.domain));
    if (c->linux_.personality.flags.count > 0)
        return creel_fail(err, CREEL_INVALID, 0, "personality flag %s is not known",
                          c->linux_.personality.flags.items[0]);
    ret->personality_set = true;
    ret->personality = (unsigned long)v;
    return 0;
}

/* Which modes want nodes, which want none; the others take either. */
static int check_nodes(int mode, const unsigned long *nodes, struct creel_err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < PROCESS_NODE_MASK_WORDS; i++)
        count += (size_t)__builtin_popcountl(nodes[i]);
    if (count > 0 && (mode == MPOL_DEFAULT || mode == MPOL_LOCAL))
        return creel_fail(err, CREEL_INVALID, 0, "invalid memory policy: mode requires 0 nodes but got %zu", count);
    if (count == 0 && mode != MPOL_DEFAULT && mode != MPOL_LOCAL && mode != MPOL_PREFERRED)
        return creel_fail(err, CREEL_INVALID, 0, "invalid memory policy: mode requires at least 1 node but got 0");
    return 0;
}

static int plan_mempolicy(const struct oci_config *c, struct process_plan *ret, struct creel_err *err)
{
    uint64_t v = 0;
    const char *mode = c->linux_.memory_policy.mode, *nodes = c->linux_.memory_policy.nodes;
    if (!c->linux_.memory_policy.present)
        return 0;
    if (!name_find(mempolicy_modes, mode, &v))
        return creel_fail(err, CREEL_INVALID, 0, "invalid memory policy mode %s", shown(mode));
    ret->mempolicy = (int)v;
    if (nodes != NULL && nodes[0] != '\0' && !process_list_parse(nodes, ret->nodes, PROCESS_NODE_MASK_WORDS))
        return creel_fail(err, CREEL_INVALID, 0, "invalid memory policy node list \"%s\"", nodes);
    if (check_nodes((int)v, ret->nodes, err) < 0)
        return -1;
    for (size_t i = 0; i < c->linux_.memory_policy.flags.count; i++) {
        if (!name_find(mempolicy_flags, c->linux_.memory_policy.flags.items[i], &v))
            return creel_fail(err, CREEL_INVALID, 0, "invalid memory policy flag %s",
                              c->linux_.memory_policy.flags.items[i]);
        ret->mempolicy |= (int)v;
    }
    ret->mempolicy_set = true;
    return 0;
}

int process_plan_build(const struct oci_config *config, const struct oci_process *process, struct process_plan *ret,
                       struct creel_err *err)
{
    return process_plan_build_as(config, process, false, ret, err);
}

int process_plan_build_as(const struct oci_config *config, const struct oci_process *process, bool lenient,
                          struct process_plan *ret, struct creel_err *err)
{
    *ret = (struct process_plan){ .env_home = -1, .ioprio = -1, .umask = 0022, .cwd = "/" };
    if (!process->present)
        return 0;
    if (process->args.count == 0)
        return creel_fail(err, CREEL_INVALID, 0, "process.args is empty");
    if (process->cwd == NULL || process->cwd[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0, "process.cwd %s is not an absolute path", shown(process->cwd));
    ret->present = true;
    ret->cpus_limited = config->linux_.resources.cpu.cpus != NULL && config->linux_.resources.cpu.cpus[0] != '\0';
    ret->argv = process->args.items;
    ret->cwd = process->cwd;
    ret->no_new_privileges = process->no_new_privileges;
    ret->terminal = process->terminal;
    ret->rows = process->console_rows;
    ret->cols = process->console_cols;
    if (process->apparmor_profile != NULL && process->apparmor_profile[0] != '\0')
        ret->apparmor = process->apparmor_profile;
    if (process->selinux_label != NULL && process->selinux_label[0] != '\0')
        ret->selinux = process->selinux_label;
    if (plan_user(process, ret, err) < 0 || plan_caps(config, process, lenient, ret, err) < 0 || plan_rlimits(process, ret, err) < 0
        || plan_env(process, ret, err) < 0 || plan_sched(process, ret, err) < 0
        || plan_priorities(process, ret, err) < 0)
        return -1;
    return plan_personality(config, ret, err) < 0 || plan_mempolicy(config, ret, err) < 0 ? -1 : 0;
}

void process_plan_fini(struct process_plan *p)
{
    free(p->envp);
    free(p->home);
    free(p->groups);
    free(p->rlimits);
    free(p->keyring);
    strv_fini(&p->warnings);
    *p = (struct process_plan){ .env_home = -1, .ioprio = -1 };
}
