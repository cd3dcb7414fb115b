/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_plan.c: from resources to a list of writes. Pure: the layout is a parameter.
 *
 * Every limit ends as a write or as an error that says what the host lacks; nothing is dropped. The order of the
 * writes is the one that a fresh group accepts; the kernel refuses some orders when a group already has values
 * (memory+swap below memory, burst above quota), so whoever applies the plan repeats refused writes once after the
 * others.
 *
 * Not here: device rules (cgroup_device.c). Knowingly without effect: memory.useHierarchy (always so), kernel memory
 * on version 1 (kernels since 5.16 accept and ignore it; it counts as memory). */
#include "runtime/cgroup_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

struct builder {
    const struct cgroup_layout *layout;
    struct cgroup_plan *plan;
    struct creel_err *err;
    size_t cap;
    size_t at;          /* hierarchy found by need() */
    bool v2;            /* what that is */
};

/* ------------------------------------------------------------------ building blocks */

static int add(struct builder *b, const char *limit, uint64_t grain, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static int add(struct builder *b, const char *limit, uint64_t grain, const char *file, const char *fmt, ...)
{
    struct cgroup_plan *p = b->plan;
    if (p->count == b->cap) {
        b->cap = b->cap == 0 ? 16 : b->cap * 2;
        void *writes = reallocarray(p->writes, b->cap, sizeof *p->writes);
        if (writes == NULL)
            return creel_fail_nomem(b->err);
        p->writes = writes;
    }
    struct cgroup_write *w = &p->writes[p->count];
    *w = (struct cgroup_write){ .hierarchy = b->at, .grain = grain, .limit = limit, .file = strdup(file) };
    p->count++;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&w->value, fmt, ap);
    va_end(ap);
    if (n < 0)
        w->value = NULL;
    return w->file == NULL || w->value == NULL ? creel_fail_nomem(b->err) : 0;
}

/* The last write gets another file for hosts without the first one. */
static int add_alt(struct builder *b, const char *file, const char *value)
{
    struct cgroup_write *w = &b->plan->writes[b->plan->count - 1];
    w->alt_file = strdup(file);
    w->alt_value = strdup(value);
    return w->alt_file == NULL || w->alt_value == NULL ? creel_fail_nomem(b->err) : 0;
}

static void last_optional(struct builder *b) { b->plan->writes[b->plan->count - 1].optional = true; }

/* Find the hierarchy with the controller; v1 or v2 is NULL when that version has no such limit. */
static int need(struct builder *b, const char *limit, const char *v1, const char *v2)
{
    for (int pass = 0; pass < 2; pass++) {
        const char *name = pass == 0 ? v1 : v2;
        for (size_t i = 0; name != NULL && i < b->layout->count; i++) {
            const struct cgroup_hierarchy *h = &b->layout->items[i];
            if (h->v2 != (pass == 1) || !cgroup_list_has(h->controllers, name))
                continue;
            b->at = i;
            b->v2 = h->v2;
            return 0;
        }
    }
    if (v2 == NULL && b->layout->unified)
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "%s cannot be set: cgroup version 2 has no such limit",
                          limit);
    if (v1 == NULL && !b->layout->unified)
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0,
                          "invalid configuration: %s cannot be set: this host has no %s controller in cgroup version 2", limit,
                          v2);
    return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "%s cannot be set: this host has no %s cgroup controller", limit,
                      b->layout->unified && v2 != NULL ? v2 : v1 != NULL ? v1 : v2);
}

static int invalid(struct builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int invalid(struct builder *b, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);    /* cut when long, by intent */
    va_end(ap);
    return creel_fail(b->err, CREEL_INVALID, 0, "%s", text);
}

/* ------------------------------------------------------------------ memory */

static const uint64_t page = 4096;  /* the kernel keeps whole pages; larger ones are handled when reading back */

/* A limit where 0 means "not given" and anything negative "none". */
static int add_bytes(struct builder *b, const char *limit, const char *file_v1, const char *file_v2, int64_t value)
{
    const char *file = b->v2 ? file_v2 : file_v1;
    if (value < 0)
        return add(b, limit, 0, file, "%s", b->v2 ? "max" : "-1");
    return add(b, limit, page, file, "%" PRId64, value);
}

/* swap is memory plus swap in the configuration and on v1; v2 counts swap alone. */
static int memory_swap_v2(struct builder *b, int64_t swap, int64_t limit)
{
    static const char name[] = "swap limit";
    if (swap < 0) {
        if (add(b, name, 0, "memory.swap.max", "max") < 0)
            return -1;
        last_optional(b);   /* without swap accounting there is no limit either */
        return 0;
    }
    if (limit <= 0)
        return invalid(b, "swap limit cannot be set without a memory limit");
    if (swap < limit)
        return invalid(b, "swap limit (memory plus swap, %" PRId64 ") is below the memory limit (%" PRId64 ")", swap,
                       limit);
    if (add(b, name, page, "memory.swap.max", "%" PRId64, swap - limit) < 0)
        return -1;
    if (swap == limit)
        last_optional(b);   /* none: a kernel that does not count swap is taken to have none */
    return 0;
}

static int memory_limits(struct builder *b, const struct oci_resources *r)
{
    int64_t limit = r->memory.limit.set ? r->memory.limit.value : 0;
    int64_t swap = r->memory.swap.set ? r->memory.swap.value : 0;
    if (limit != 0) {
        if (need(b, "memory limit", "memory", "memory") < 0)
            return -1;
        if (add_bytes(b, "memory limit", "memory.limit_in_bytes", "memory.max", limit) < 0)
            return -1;
        /* v1: memory+swap cannot be below memory, so no limit on one needs none on the other. */
        if (limit < 0 && swap == 0) {
            if (add(b, "swap limit", 0, b->v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                    b->v2 ? "max" : "-1") < 0)
                return -1;
            last_optional(b);
        }
    }
    if (swap != 0) {
        if (need(b, "swap limit", "memory", "memory") < 0)
            return -1;
        if (b->v2)
            return memory_swap_v2(b, swap, limit);
        if (swap > 0 && limit > 0 && swap < limit)
            return invalid(b, "swap limit (memory plus swap, %" PRId64 ") is below the memory limit (%" PRId64 ")",
                           swap, limit);
        if (add_bytes(b, "swap limit", "memory.memsw.limit_in_bytes", NULL, swap) < 0)
            return -1;
        if (swap < 0)
            last_optional(b);
    }
    return 0;
}

static int memory_rest(struct builder *b, const struct oci_resources *r)
{
    if (r->memory.reservation.set && r->memory.reservation.value != 0) {
        if (need(b, "memory reservation", "memory", "memory") < 0
            || add_bytes(b, "memory reservation", "memory.soft_limit_in_bytes", "memory.low",
                         b->v2 && r->memory.reservation.value < 0 ? 0 : r->memory.reservation.value) < 0)
            return -1;
    }
    if (r->memory.kernel.set && r->memory.kernel.value != 0) {
        if (need(b, "kernel memory limit", "memory", NULL) < 0
            || add(b, "kernel memory limit", 0, "memory.kmem.limit_in_bytes", "%" PRId64, r->memory.kernel.value) < 0)
            return -1;
        last_optional(b);
    }
    if (r->memory.kernel_tcp.set && r->memory.kernel_tcp.value != 0) {
        if (need(b, "TCP memory limit", "memory", NULL) < 0 ||
            add_bytes(b, "TCP memory limit", "memory.kmem.tcp.limit_in_bytes", NULL, r->memory.kernel_tcp.value) < 0)
            return -1;
    }
    /* All bits set is what "-1" becomes on its way through Go's unsigned integers: not given. */
    if (r->memory.swappiness.set && r->memory.swappiness.value != UINT64_MAX) {
        if (r->memory.swappiness.value > 100)
            return invalid(b, "memory swappiness %" PRIu64 " is out of range (0 to 100)", r->memory.swappiness.value);
        if (need(b, "memory swappiness", "memory", NULL) < 0
            || add(b, "memory swappiness", 1, "memory.swappiness", "%" PRIu64, r->memory.swappiness.value) < 0)
            return -1;
    }
    if (r->memory.disable_oom_killer.set) {
        bool off = r->memory.disable_oom_killer.value;
        if (!off && b->layout->unified)
            return 0;
        if (need(b, "disabling the OOM killer", "memory", NULL) < 0
            || add(b, "disabling the OOM killer", 0, "memory.oom_control", "%d", off) < 0)
            return -1;
        if (!off)
            last_optional(b);
    }
    return 0;
}

/* ------------------------------------------------------------------ cpu */

/* 2…262144 with 1024 as the default becomes 1…10000 with 100 as the default: the quadratic fit of the exponent
 * through those three points that the field agreed on. */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    double l = log2((double)shares), exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    double weight = pow(10, exponent), whole = nearbyint(weight);
    return (uint64_t)(fabs(weight - whole) < 1e-9 ? whole : ceil(weight));
}

static int cpu_time(struct builder *b, const struct oci_resources *r)
{
    uint64_t period = r->cpu.period.set ? r->cpu.period.value : 0;
    int64_t quota = r->cpu.quota.set ? r->cpu.quota.value : 0;
    if (period == 0 && quota == 0)
        return 0;
    if (need(b, period == 0 ? "CPU quota" : "CPU period", "cpu", "cpu") < 0)
        return -1;
    if (!b->v2) {
        if (period != 0 && add(b, "CPU period", 1, "cpu.cfs_period_us", "%" PRIu64, period) < 0)
            return -1;
        return quota == 0
                   ? 0
                   : add(b, "CPU quota", quota < 0 ? 0 : 1, "cpu.cfs_quota_us", "%" PRId64, quota < 0 ? -1 : quota);
    }
    char text[32] = "max";
    if (quota > 0)
        (void)snprintf(text, sizeof text, "%" PRId64, quota);   /* 20 digits at most */
    if (period == 0)
        return add(b, "CPU quota", quota < 0 ? 0 : 1, "cpu.max", "%s", text);
    return add(b, "CPU quota", quota <= 0 ? 0 : 1, "cpu.max", "%s %" PRIu64, text, period);
}

static int cpu_realtime(struct builder *b, const struct oci_resources *r)
{
    static const char name[] = "real-time CPU runtime";
    if (r->cpu.realtime_period.set && r->cpu.realtime_period.value != 0)
        if (need(b, name, "cpu", NULL) < 0
            || add(b, name, 1, "cpu.rt_period_us", "%" PRIu64, r->cpu.realtime_period.value) < 0)
            return -1;
    if (r->cpu.realtime_runtime.set && r->cpu.realtime_runtime.value != 0)
        if (need(b, name, "cpu", NULL) < 0
            || add(b, name, 1, "cpu.rt_runtime_us", "%" PRId64, r->cpu.realtime_runtime.value) < 0)
            return -1;
    return 0;
}

static int cpu_weight(struct builder *b, const struct oci_resources *r)
{
    bool idle = r->cpu.idle.set && r->cpu.idle.value == 1;
    if (r->cpu.idle.set && (r->cpu.idle.value < 0 || r->cpu.idle.value > 1))
        return invalid(b, "CPU idle %" PRId64 " is neither 0 nor 1", r->cpu.idle.value);
    if (r->cpu.shares.set && r->cpu.shares.value != 0) {
        uint64_t shares = r->cpu.shares.value;
        if (need(b, "CPU shares", "cpu", "cpu") < 0)
            return -1;
        if (b->v2 ? add(b, "CPU shares", 1, "cpu.weight", "%" PRIu64, cgroup_weight_of_shares(shares)) < 0
                  : add(b, "CPU shares", 1, "cpu.shares", "%" PRIu64,
                        shares < 2        ? 2
                        : shares > 262144 ? 262144
                                          : shares) < 0)
            return -1;
        if (idle)
            last_optional(b);   /* an idle group has no weight; the kernel refuses one */
    }
    if (r->cpu.idle.set)
        if (need(b, "CPU idle", "cpu", "cpu") < 0 || add(b, "CPU idle", 1, "cpu.idle", "%d", idle) < 0)
            return -1;
    return 0;
}

static int cpu_all(struct builder *b, const struct oci_resources *r)
{
    if (cpu_weight(b, r) < 0 || cpu_time(b, r) < 0 || cpu_realtime(b, r) < 0)
        return -1;
    if (r->cpu.burst.set)
        if (need(b, "CPU burst", "cpu", "cpu") < 0 ||
            add(b, "CPU burst", 1, b->v2 ? "cpu.max.burst" : "cpu.cfs_burst_us", "%" PRIu64, r->cpu.burst.value) < 0)
            return -1;
    return 0;
}

static int cpuset_all(struct builder *b, const struct oci_resources *r)
{
    const struct { const char *value, *file, *limit; } rows[] = {
        { r->cpu.cpus, "cpuset.cpus", "CPU set" }, { r->cpu.mems, "cpuset.mems", "memory nodes" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *s = rows[i].value;
        if (s == NULL || s[0] == '\0')
            continue;
        if (strspn(s, "0123456789-,") != strlen(s))
            return invalid(b, "%s \"%.60s\" is not a list such as 0-3,7", rows[i].limit, s);
        if (need(b, rows[i].limit, "cpuset", "cpuset") < 0 ||
            add(b, rows[i].limit, CGROUP_LIST, rows[i].file, "%s", s) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ block I/O */

/* 10…1000 becomes io.weight's 1…10000 (whose default is 100). */
uint64_t cgroup_io_weight(uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

static int io_weight(struct builder *b, uint64_t weight, const char *device)
{
    static const char name[] = "block I/O weight";
    char alt[96];
    if (weight < 10 || weight > 1000)
        return invalid(b, "%s %" PRIu64 " is out of range (10 to 1000)", name, weight);
    if (need(b, name, "blkio", "io") < 0)
        return -1;
    if (!b->v2) {
        (void)snprintf(alt, sizeof alt, "%s%" PRIu64, device, weight);     /* "major:minor " and four digits */
        if (device[0] == '\0')
            return add(b, name, 1, "blkio.bfq.weight", "%s", alt) < 0 ? -1 : add_alt(b, "blkio.weight", alt);
        return add(b, name, 0, "blkio.bfq.weight_device", "%s", alt) < 0 ? -1
                                                                         : add_alt(b, "blkio.weight_device", alt);
    }
    (void)snprintf(alt, sizeof alt, "%s%" PRIu64, device[0] != '\0' ? device : "default ",
                   cgroup_io_weight(weight));
    return add(b, name, 0, "io.bfq.weight", "%s%" PRIu64, device, weight) < 0 ? -1 : add_alt(b, "io.weight", alt);
}

static int io_leaf_weight(struct builder *b, const struct opt_u64 *weight, const char *device)
{
    static const char name[] = "block I/O leaf weight";
    if (!weight->set || weight->value == 0)
        return 0;
    if (need(b, name, "blkio", NULL) < 0)
        return -1;
    return add(b, name, 0, device[0] != '\0' ? "blkio.leaf_weight_device" : "blkio.leaf_weight", "%s%" PRIu64, device,
               weight->value);
}

static int io_throttle(struct builder *b, const struct oci_throttle_device *items, size_t count, const char *file_v1,
                       const char *key_v2)
{
    static const char name[] = "block I/O limit";
    for (size_t i = 0; i < count; i++) {
        const struct oci_throttle_device *d = &items[i];
        if (d->major < 0 || d->minor < 0)
            return invalid(b, "%s: device %" PRId64 ":%" PRId64 " is out of range", name, d->major, d->minor);
        if (need(b, name, "blkio", "io") < 0)
            return -1;
        if (!b->v2 ? add(b, name, 0, file_v1, "%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->rate) < 0
            : d->rate == 0
                ? add(b, name, 0, "io.max", "%" PRId64 ":%" PRId64 " %s=max", d->major, d->minor, key_v2) < 0
                : add(b, name, 0, "io.max", "%" PRId64 ":%" PRId64 " %s=%" PRIu64, d->major, d->minor, key_v2,
                      d->rate) < 0)
            return -1;
    }
    return 0;
}

static int block_io(struct builder *b, const struct oci_resources *r)
{
    if (r->block_io.weight.set && r->block_io.weight.value != 0 && io_weight(b, r->block_io.weight.value, "") < 0)
        return -1;
    if (io_leaf_weight(b, &r->block_io.leaf_weight, "") < 0)
        return -1;
    for (size_t i = 0; i < r->block_io.weight_device_count; i++) {
        const struct oci_weight_device *d = &r->block_io.weight_devices[i];
        char device[64];
        (void)snprintf(device, sizeof device, "%" PRId64 ":%" PRId64 " ", d->major, d->minor);  /* 42 at most */
        if (d->weight.set && d->weight.value != 0 && io_weight(b, d->weight.value, device) < 0)
            return -1;
        if (io_leaf_weight(b, &d->leaf_weight, device) < 0)
            return -1;
    }
    if (io_throttle(b, r->block_io.read_bps, r->block_io.read_bps_count, "blkio.throttle.read_bps_device", "rbps") <
            0 ||
        io_throttle(b, r->block_io.write_bps, r->block_io.write_bps_count, "blkio.throttle.write_bps_device",
                    "wbps") < 0 ||
        io_throttle(b, r->block_io.read_iops, r->block_io.read_iops_count, "blkio.throttle.read_iops_device",
                    "riops") < 0 ||
        io_throttle(b, r->block_io.write_iops, r->block_io.write_iops_count, "blkio.throttle.write_iops_device",
                    "wiops") < 0)
        return -1;
    return 0;
}

/* ------------------------------------------------------------------ the rest */

static int pids(struct builder *b, const struct oci_resources *r)
{
    if (!r->pids_limit.set)
        return 0;
    if (need(b, "process limit", "pids", "pids") < 0)
        return -1;
    if (r->pids_limit.value < 0)
        return add(b, "process limit", 0, "pids.max", "max");
    /* 0 is a limit, not the lack of one; nobody could run with it, and systemd refuses it: as little as can be */
    return add(b, "process limit", 1, "pids.max", "%" PRId64, r->pids_limit.value == 0 ? 1 : r->pids_limit.value);
}

/* "2MB" → 2097152; 0 when it is not a page size. */
static uint64_t page_size_parse(const char *s)
{
    uint64_t v = 0;
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > 6)
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(s[i] - '0');
    return strcmp(s + n, "KB") == 0   ? v << 10
           : strcmp(s + n, "MB") == 0 ? v << 20
           : strcmp(s + n, "GB") == 0 ? v << 30
                                      : 0;
}

static int hugetlb(struct builder *b, const struct oci_resources *r)
{
    for (size_t i = 0; i < r->hugepage_count; i++) {
        const struct oci_hugepage *h = &r->hugepages[i];
        uint64_t size = h->page_size != NULL ? page_size_parse(h->page_size) : 0;
        char file[64];
        if (size == 0)
            return invalid(b, "huge page size \"%.40s\" is not one such as 2MB",
                           h->page_size != NULL ? h->page_size : "");
        if (need(b, "huge page limit", "hugetlb", "hugetlb") < 0)
            return -1;
        (void)snprintf(file, sizeof file, "hugetlb.%.20s.%s", h->page_size, b->v2 ? "max" : "limit_in_bytes");
        if (add(b, "huge page limit", size, file, "%" PRIu64, h->limit) < 0)
            return -1;
        /* Reservations count apart, where the kernel (5.7) counts them. */
        (void)snprintf(file, sizeof file, "hugetlb.%.20s.rsvd.%s", h->page_size, b->v2 ? "max" : "limit_in_bytes");
        if (add(b, "huge page limit", 0, file, "%" PRIu64, h->limit) < 0)
            return -1;
        last_optional(b);
    }
    return 0;
}

static bool plain_name(const char *s)
{
    return s != NULL && s[0] != '\0' && strlen(s) < 64 && strpbrk(s, " \t\n/") == NULL;
}

static int rdma(struct builder *b, const struct oci_resources *r)
{
    for (size_t i = 0; i < r->rdma_count; i++) {
        const struct oci_rdma *d = &r->rdma[i];
        char handles[40] = "", objects[40] = "";
        if (!plain_name(d->name) || d->handles.value > UINT32_MAX || d->objects.value > UINT32_MAX)
            return invalid(b, "rdma limit of \"%.60s\" is out of range", d->name != NULL ? d->name : "");
        if (!d->handles.set && !d->objects.set)
            continue;
        if (need(b, "rdma limit", "rdma", "rdma") < 0)
            return -1;
        if (d->handles.set)
            (void)snprintf(handles, sizeof handles, " hca_handle=%" PRIu64,
                           d->handles.value); /* 32 bits, see above */
        if (d->objects.set)
            (void)snprintf(objects, sizeof objects, " hca_object=%" PRIu64, d->objects.value);
        if (add(b, "rdma limit", 0, "rdma.max", "%s%s%s", d->name, handles, objects) < 0)
            return -1;
    }
    return 0;
}

static int network(struct builder *b, const struct oci_resources *r)
{
    if (r->network.class_id.set && r->network.class_id.value != 0) {
        if (r->network.class_id.value > UINT32_MAX)
            return invalid(b, "network class %" PRIu64 " is out of range", r->network.class_id.value);
        if (need(b, "network class", "net_cls", NULL) < 0
            || add(b, "network class", 1, "net_cls.classid", "%" PRIu64, r->network.class_id.value) < 0)
            return -1;
    }
    for (size_t i = 0; i < r->network.priority_count; i++) {
        const struct oci_ifprio *p = &r->network.priorities[i];
        if (!plain_name(p->name))
            return invalid(b, "network priority: \"%.40s\" is not an interface", p->name != NULL ? p->name : "");
        if (need(b, "network priority", "net_prio", NULL) < 0
            || add(b, "network priority", 0, "net_prio.ifpriomap", "%s %" PRIu32, p->name, p->priority) < 0)
            return -1;
    }
    return 0;
}

/* Files of version 2 written as they are: "memory.high": "…". The files by which processes and groups move are ours.
 */
static int unified_row(struct builder *b, const char *key, const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    char controller[32];
    size_t n = strcspn(key, ".");
    if (n == 0 || n >= sizeof controller || key[n] == '\0' || strspn(key, allowed) != strlen(key) ||
        strlen(key) > 100)
        return invalid(b, "unified resource \"%.100s\" is not the name of a cgroup file", key);
    memcpy(controller, key, n);
    controller[n] = '\0';
    if (strcmp(controller, "cgroup") == 0) {
        if (strcmp(key, "cgroup.max.depth") != 0 && strcmp(key, "cgroup.max.descendants") != 0)
            return invalid(b, "unified resource %s is not a limit", key);
        b->at = 0;
        while (b->at < b->layout->count && !b->layout->items[b->at].v2)
            b->at++;
        if (b->at == b->layout->count)
            return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "unified resource %s needs cgroup version 2", key);
    } else if (need(b, key, NULL, controller) < 0) {
        return -1;
    }
    /* One setting per write, as the kernel reads them. */
    for (const char *p = value; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        if (len > 0 && add(b, "unified resource", 0, key, "%.*s", (int)len, p) < 0)
            return -1;
        p += len + (p[len] == '\n');
    }
    return 0;
}

static int unified(struct builder *b, const struct oci_resources *r)
{
    for (size_t i = 0; i < r->unified_count; i++)
        if (unified_row(b, r->unified[i].key, r->unified[i].value != NULL ? r->unified[i].value : "") < 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------ the calls */

char *cgroup_path_clean(const char *path, struct creel_err *err)
{
    size_t len = 0, n = strlen(path);
    if (n > 3800) {
        (void)creel_fail(err, CREEL_INVALID, 0, "cgroup path is too long (%zu bytes)", n);
        return NULL;
    }
    char *out = malloc(n + 2);
    if (out == NULL) {
        (void)creel_fail_nomem(err);
        return NULL;
    }
    for (const char *p = path; *p != '\0';) {
        size_t part = strcspn(p, "/");
        bool dots = (part == 1 && p[0] == '.') || (part == 2 && p[0] == '.' && p[1] == '.');
        if (dots || memchr(p, '\n', part) != NULL) {
            (void)creel_fail(err, CREEL_INVALID, 0, "cgroup path \"%.200s\" must not contain \".\" or \"..\"", path);
            free(out);
            return NULL;
        }
        if (part > 0) {
            out[len++] = '/';
            memcpy(out + len, p, part);
            len += part;
        }
        p += part + (p[part] == '/');
    }
    out[len] = '\0';
    if (len == 0) {
        (void)creel_fail(err, CREEL_INVALID, 0,
                         "cgroup path \"%.20s\" is the root of the hierarchy, not a group of its own", path);
        free(out);
        return NULL;
    }
    return out;
}

int cgroup_plan_build(const struct cgroup_layout *l, const char *path, const struct oci_resources *r,
                      struct cgroup_plan *ret, struct creel_err *err)
{
    struct builder b = { .layout = l, .plan = ret, .err = err };
    memset(ret, 0, sizeof *ret);
    ret->path = cgroup_path_clean(path, err);
    if (ret->path == NULL)
        return -1;
    if (r == NULL)
        return 0;
    if (memory_limits(&b, r) < 0 || memory_rest(&b, r) < 0 || cpuset_all(&b, r) < 0 || cpu_all(&b, r) < 0 ||
        pids(&b, r) < 0 || block_io(&b, r) < 0 || hugetlb(&b, r) < 0 || rdma(&b, r) < 0 || network(&b, r) < 0 ||
        unified(&b, r) < 0) {
        cgroup_plan_fini(ret);
        return -1;
    }
    return 0;
}

void cgroup_plan_print(const struct cgroup_plan *p, const struct cgroup_layout *l, struct bytes *out)
{
    bytes_addf(out, "group %s\n", p->path);
    for (size_t i = 0; i < p->count; i++) {
        const struct cgroup_write *w = &p->writes[i];
        bytes_addf(out, "%s%s/%s = %s", w->optional ? "try " : "", l->items[w->hierarchy].mount, w->file, w->value);
        if (w->alt_file != NULL)
            bytes_addf(out, " or %s = %s", w->alt_file, w->alt_value);
        bytes_addc(out, '\n');
    }
}

void cgroup_plan_fini(struct cgroup_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->writes[i].file);
        free(p->writes[i].value);
        free(p->writes[i].alt_file);
        free(p->writes[i].alt_value);
    }
    free(p->writes);
    free(p->path);
    memset(p, 0, sizeof *p);
}
