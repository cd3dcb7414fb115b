/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_internal.h: what the files of cgroup_*.c share; nobody else includes it. */
#ifndef CREEL_RUNTIME_CGROUP_INTERNAL_H
#define CREEL_RUNTIME_CGROUP_INTERNAL_H

#include "base/cleanup.h"
#include "runtime/cgroup.h"

enum { CGROUP_HIERARCHIES = CGROUP_V1_MAX + 1, CGROUP_FILE_MAX = 65536, CGROUP_LIST_BYTES = 1024 };

/* One hierarchy as seen from a group. */
struct cgroup_node {
    int mount;          /* O_PATH descriptor of the hierarchy's mount */
    bool made;          /* the group was made by this struct cgroup */
    unsigned parents_made;  /* so were this many groups above it */
    bool absent;        /* cgroup_open: there is no such group here */
};

struct cgroup {
    char *path;                     /* "/creel/<id>", clean */
    enum cgroup_manager manager;
    struct cgroup_layout layout;
    struct cgroup_node nodes[CGROUP_HIERARCHIES];
    int tasks[CGROUP_V1_MAX];       /* of each v1 hierarchy; whoever enters writes to them */
    size_t task_count;
    size_t v2;                      /* index of the v2 hierarchy, or layout.count */
    int v2_dir, v2_events;          /* the group and its cgroup.events; -1 without v2 */
    int oom_fd, oom_aux;            /* cgroup_oom.c */
    bool oom_tried;
    uint64_t oom_signals;           /* of the eventfd, all together */
    char *unit;                     /* CGROUP_SYSTEMD: the scope that this group belongs to; NULL: none */
    pid_t keeper;                   /* 0, or the process that keeps a new scope alive until somebody is in it */
    int keeper_pidfd;
    char *pids_limit;               /* for pids.max when the keeper is gone; NULL: as it is */
    size_t pids_hierarchy;
};

/* ---- cgroup_layout.c, cgroup_plan.c: pure ---- */
int cgroup_layout_parse(const char *text, struct cgroup_layout *ret, struct creel_err *err);
bool cgroup_list_has(const char *comma_list, const char *word);
/* "/a/b" from any spelling; NULL and err for "..", "/" and the like. Caller frees. */
char *cgroup_path_clean(const char *path, struct creel_err *err);
uint64_t cgroup_weight_of_shares(uint64_t shares);
uint64_t cgroup_io_weight(uint64_t weight);

/* ---- cgroup_file.c: files of a group, by hierarchy; -errno ---- */
int cgroup_file_open(const struct cgroup *c, size_t hierarchy, const char *file, int flags);
/* Up to cap - 1 bytes, NUL-terminated, trailing line feeds cut. Returns the length. */
int cgroup_file_read(const struct cgroup *c, size_t hierarchy, const char *file, char *buf, size_t cap);
int cgroup_file_write(const struct cgroup *c, size_t hierarchy, const char *file, const char *value);
/* The number behind `key ` in a flat keyed text ("oom_kill 3\n…"), or the whole text as a number with key NULL.
 * "max" is UINT64_MAX. */
bool cgroup_value_parse(const char *text, const char *key, uint64_t *ret);
/* Whether the two lists ("0-3,7") are the same set of numbers below 8192. */
bool cgroup_list_same(const char *a, const char *b);
/* The list as a bit per number, the lowest bit first; returns the bytes used, 0 for an empty or a malformed list. */
size_t cgroup_list_bits(const char *list, uint8_t bits[CGROUP_LIST_BYTES]);
/* Index of the v1 hierarchy with the controller (or named hierarchy), or layout.count. */
size_t cgroup_v1_find(const struct cgroup *c, const char *controller);
/* The same for v2. */
size_t cgroup_v2_find(const struct cgroup *c, const char *controller);

/* ---- cgroup_apply.c ---- */
/* Make every write of the plan. */
int cgroup_plan_apply(struct cgroup *c, const struct cgroup_plan *p, struct creel_err *err);
/* Whether what the kernel says (`got`) is what was written, within the row's grain. */
bool cgroup_value_kept(const struct cgroup_write *w, const char *wrote, const char *got);

/* ---- cgroup_device.c ---- */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 };  /* as in <linux/bpf.h> */
struct device_rule { bool allow; char type; /* a, b, c */ int64_t major, minor; /* -1: any */ unsigned access; };
struct device_rules { struct device_rule *items; size_t count; };
/* The configuration's rules followed by the ones every container has. Errors: INVALID. */
int device_rules_build(const struct oci_resources *r, struct device_rules *ret, struct creel_err *err);
void device_rules_fini(struct device_rules *d);
/* The same for version 1: a default and exceptions from it, in the order to write them.
 * Errors: UNSUPPORTED when the kernel's version 1 cannot express the list. */
int device_rules_reduce(const struct device_rules *d, bool *ret_allow, struct device_rules *ret, struct creel_err *err);
void device_rules_print(const struct device_rules *d, struct bytes *out);
/* eBPF program for version 2. *ret: caller frees. */
struct bpf_insn;
int device_program_build(const struct device_rules *d, struct bpf_insn **ret, size_t *ret_count, struct creel_err *err);
/* The rule in systemd's words: "/dev/char/1:3", "char-pts", "block-*". majors: the text of /proc/devices, or NULL. False
 * when there are none. */
enum { DEVICE_UNIT_MAX = 128 };
bool device_rule_unit(const struct device_rule *r, const char *majors, char node[DEVICE_UNIT_MAX], char access[4]);
bool cgroup_in_user_namespace(void);
/* Put the rules in force. update: some are already. */
int cgroup_device_apply(struct cgroup *c, const struct oci_resources *r, bool update, struct creel_err *err);

/* ---- cgroup_property.c: pure ---- */
struct systemd_facts {
    unsigned version;       /* 252 */
    bool unified;           /* cgroup version 2 only */
    bool bfq;               /* groups have io.bfq.weight */
    const char *majors;     /* the text of /proc/devices, or NULL; borrowed */
};
/* Append to the elements of an a(sv). fresh: the unit is made, not changed. Errors: INVALID, UNSUPPORTED. */
int cgroup_properties_build(const struct systemd_facts *f, const struct oci_resources *r, bool fresh, struct bytes *out,
                            struct creel_err *err);
/* A quota in whole percents of a processor, rounded up. Call before the plan is built, so that both agree. */
void cgroup_quota_round(struct oci_resources *r);

/* ---- cgroup_systemd.c ---- */
/* Errors: UNSUPPORTED when this host is not run by systemd. */
int cgroup_systemd_check(struct creel_err *err);
/* The path of the group that "slice:prefix:name" stands for. Asks a user's manager where it is. */
int cgroup_systemd_path(const char *named, char **ret, struct creel_err *err);
/* Make the scope with its properties; a keeper is in it. Sets c->unit, c->path, c->keeper. On failure nothing is left. */
int cgroup_systemd_start(struct cgroup *c, const struct cgroup_request *q, struct creel_err *err);
/* The same limits once more for the unit of an open group. */
int cgroup_systemd_update(struct cgroup *c, const struct oci_resources *r, struct creel_err *err);
/* Have the process put into the unit's group, where we have no right to do it ourselves. */
int cgroup_systemd_attach(struct cgroup *c, pid_t pid, struct creel_err *err);
/* Stop the unit and forget a failed one. Best effort: without a bus systemd finds out by itself. */
void cgroup_systemd_stop(struct cgroup *c);
/* End the keeper, if there is one. */
void cgroup_keeper_end(struct cgroup *c);

/* ---- cgroup_kill.c ---- */
/* Remove one group and those below it in one hierarchy. 0, -errno. */
int cgroup_tree_remove(int mount, const char *path);

/* ---- cgroup_stats.c ---- */
void cgroup_io_parse(const char *text, const char *key, uint64_t *ret);

/* ---- cgroup_oom.c ---- */
void cgroup_oom_close(struct cgroup *c);

#endif
