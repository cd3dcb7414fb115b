/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_property.c: resources as properties of a systemd unit. Pure.
 *
 * The plan (cgroup_plan.c) writes every limit to its file; systemd has to know of those it writes itself, because it writes
 * them again when it is reloaded. So nothing here replaces a row of the plan, and what systemd has no property for is left
 * out. A plan was built from the same resources before, which checked them. */
#include "runtime/cgroup_internal.h"

#include "base/err.h"
#include "base/parse.h"
#include "runtime/systemd_property.h"

#include <string.h>

enum { DEFAULT_PERIOD_US = 100000, PERCENT_US = 10000 };

static uint64_t bytes_or_none(int64_t v) { return v < 0 ? UINT64_MAX : (uint64_t)v; }

static void put_bits(struct bytes *out, const char *name, const char *list)
{
    uint8_t bits[CGROUP_LIST_BYTES];
    size_t n = cgroup_list_bits(list, bits);
    if (n > 0)
        systemd_put_bits(out, name, bits, n);
}

/* ------------------------------------------------------------------ cpu */

/* systemd keeps whole percents of a processor across a reload: round up, so that nobody gets less than was asked for. */
void cgroup_quota_round(struct oci_resources *r)
{
    uint64_t period = r->cpu.period.set && r->cpu.period.value != 0 ? r->cpu.period.value : DEFAULT_PERIOD_US;
    uint64_t us, quota;
    if (!r->cpu.quota.set || r->cpu.quota.value <= 0
        || __builtin_mul_overflow((uint64_t)r->cpu.quota.value, 1000000u, &us))
        return;
    us = us / period + (us % period != 0);
    us = (us / PERCENT_US + (us % PERCENT_US != 0)) * PERCENT_US;
    if (!__builtin_mul_overflow(us, period, &quota) && quota / 1000000 <= INT64_MAX)
        r->cpu.quota.value = (int64_t)(quota / 1000000);
}

/* quota <= 0: none. */
static void put_quota(struct bytes *out, const struct systemd_facts *f, int64_t quota, uint64_t period)
{
    uint64_t us = UINT64_MAX;
    if (period != 0 && f->version >= 242)
        systemd_put_u64(out, "CPUQuotaPeriodUSec", period);
    if (period == 0)
        period = DEFAULT_PERIOD_US;
    if (quota > 0) {
        if (__builtin_mul_overflow((uint64_t)quota, 1000000u, &us))
            us = UINT64_MAX;    /* more than there are processors: none */
        else
            us = (us / period + PERCENT_US - 1) / PERCENT_US * PERCENT_US;
    }
    systemd_put_u64(out, "CPUQuotaPerSecUSec", us);
}

static void put_cpu(struct bytes *out, const struct systemd_facts *f, const struct oci_resources *r)
{
    uint64_t shares = r->cpu.shares.set ? r->cpu.shares.value : 0;
    bool idle = r->cpu.idle.set && r->cpu.idle.value == 1;
    int64_t quota = r->cpu.quota.set ? r->cpu.quota.value : 0;
    uint64_t period = r->cpu.period.set ? r->cpu.period.value : 0;
    if (!f->unified) {
        if (shares != 0)
            systemd_put_u64(out, "CPUShares", shares < 2 ? 2 : shares > 262144 ? 262144 : shares);
    } else if (idle && f->version >= 252) {
        systemd_put_u64(out, "CPUWeight", 0);
    } else if (shares != 0) {
        systemd_put_u64(out, "CPUWeight", cgroup_weight_of_shares(shares));
    } else if (r->cpu.idle.set) {
        systemd_put_u64(out, "CPUWeight", UINT64_MAX);  /* idle no more: the default, as the kernel has it then */
    }
    if (quota != 0 || period != 0)
        put_quota(out, f, quota, period);
    if (f->unified && f->version >= 244) {
        if (r->cpu.cpus != NULL)
            put_bits(out, "AllowedCPUs", r->cpu.cpus);
        if (r->cpu.mems != NULL)
            put_bits(out, "AllowedMemoryNodes", r->cpu.mems);
    }
}

/* ------------------------------------------------------------------ memory, processes, block I/O */

static void put_memory(struct bytes *out, const struct systemd_facts *f, const struct oci_resources *r)
{
    int64_t limit = r->memory.limit.set ? r->memory.limit.value : 0;
    int64_t swap = r->memory.swap.set ? r->memory.swap.value : 0;
    int64_t reservation = r->memory.reservation.set ? r->memory.reservation.value : 0;
    if (limit != 0)
        systemd_put_u64(out, f->unified ? "MemoryMax" : "MemoryLimit", bytes_or_none(limit));
    if (!f->unified)
        return;
    if (reservation != 0)
        systemd_put_u64(out, "MemoryLow", reservation < 0 ? 0 : (uint64_t)reservation);
    if (swap < 0 || (limit < 0 && swap == 0))
        systemd_put_u64(out, "MemorySwapMax", UINT64_MAX);
    else if (swap > 0 && limit > 0)
        systemd_put_u64(out, "MemorySwapMax", (uint64_t)(swap - limit));
}

static void put_rest(struct bytes *out, const struct systemd_facts *f, const struct oci_resources *r)
{
    uint64_t weight = r->block_io.weight.set ? r->block_io.weight.value : 0;
    if (r->pids_limit.set)
        systemd_put_u64(out, "TasksMax", r->pids_limit.value == 0 ? 1 : bytes_or_none(r->pids_limit.value));
    if (weight == 0)
        return;
    if (!f->unified)
        systemd_put_u64(out, "BlockIOWeight", weight);
    else if (f->bfq)    /* the number that systemd turns into this weight of the bfq scheduler */
        systemd_put_u64(out, "IOWeight", weight <= 100 ? weight : 100 + (weight - 100) * 11);
    else
        systemd_put_u64(out, "IOWeight", cgroup_io_weight(weight));
}

/* ------------------------------------------------------------------ unified */

static int fail_value(const char *key, const char *value, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "unified resource %s: \"%.60s\" is not a value for systemd's property of it",
                      key, value);
}

/* "max" or digits, blanks around it. */
static bool limit_parse(const char *s, uint64_t *ret)
{
    char text[32];
    s += strspn(s, " \t\n");
    size_t n = strcspn(s, " \t\n");
    if (n == 0 || n >= sizeof text || s[n + strspn(s + n, " \t\n")] != '\0')
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    if (strcmp(text, "max") == 0) {
        *ret = UINT64_MAX;
        return true;
    }
    return parse_u64(text, UINT64_MAX - 1, ret);
}

static int put_cpu_max(struct bytes *out, const struct systemd_facts *f, const char *value, struct creel_err *err)
{
    char quota[32];
    uint64_t q, period = 0;
    value += strspn(value, " \t\n");
    size_t n = strcspn(value, " \t\n");
    if (n >= sizeof quota)
        return fail_value("cpu.max", value, err);
    memcpy(quota, value, n);
    quota[n] = '\0';
    const char *rest = value + n + strspn(value + n, " \t\n");
    if (!limit_parse(quota, &q) || (rest[0] != '\0' && !limit_parse(rest, &period))
        || (q != UINT64_MAX && q > INT64_MAX) || period == UINT64_MAX)
        return fail_value("cpu.max", value, err);
    put_quota(out, f, q == UINT64_MAX ? 0 : (int64_t)q, period);
    return 0;
}

static int put_unified(struct bytes *out, const struct systemd_facts *f, const char *key, const char *value,
                       bool idle, struct creel_err *err)
{
    static const struct { const char *key, *property; } limits[] = {
        { "memory.high", "MemoryHigh" }, { "memory.low", "MemoryLow" }, { "memory.min", "MemoryMin" },
        { "memory.max", "MemoryMax" }, { "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" },
        { "cpu.weight", "CPUWeight" },
    };
    uint64_t v;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        if (strcmp(key, limits[i].key) != 0)
            continue;
        if (!limit_parse(value, &v))
            return fail_value(key, value, err);
        if (strcmp(key, "pids.max") == 0 && v == 0)
            v = 1;      /* systemd refuses 0 */
        if (strcmp(key, "cpu.weight") != 0 || !idle)
            systemd_put_u64(out, limits[i].property, v);
        return 0;
    }
    if (strcmp(key, "cpu.idle") == 0 && idle)
        systemd_put_u64(out, "CPUWeight", 0);
    if (strcmp(key, "cpuset.cpus") == 0 && f->version >= 244)
        put_bits(out, "AllowedCPUs", value);
    if (strcmp(key, "cpuset.mems") == 0 && f->version >= 244)
        put_bits(out, "AllowedMemoryNodes", value);
    return strcmp(key, "cpu.max") == 0 ? put_cpu_max(out, f, value, err) : 0;
}

static const char *unified_value(const struct oci_resources *r, const char *key)
{
    for (size_t i = 0; i < r->unified_count; i++)
        if (strcmp(r->unified[i].key, key) == 0)
            return r->unified[i].value != NULL ? r->unified[i].value : "";
    return "";
}

/* ------------------------------------------------------------------ devices */

/* On version 1 systemd may write the device list anew, and without a list that is "everything": it has to have ours. On
 * version 2 our own program stays in force whatever systemd does. */
static int put_devices(struct bytes *out, const struct systemd_facts *f, const struct oci_resources *r, struct creel_err *err)
{
    struct device_rules all, list;
    bool allow;
    if (device_rules_build(r, &all, err) < 0)
        return -1;
    int result = device_rules_reduce(&all, &allow, &list, err);
    device_rules_fini(&all);
    if (result < 0)
        return -1;
    if (allow && list.count > 0)
        result = creel_fail(err, CREEL_UNSUPPORTED, 0, "systemd cannot keep device rules that allow everything but some "
                            "on cgroup version 1; use the cgroupfs manager");
    systemd_put_text(out, "DevicePolicy", allow ? "auto" : "strict");
    dbus_pad(out, 8);
    dbus_put_string(out, "DeviceAllow");
    dbus_put_signature(out, "a(ss)");
    struct dbus_array a = dbus_array_begin(out, 8);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        char node[DEVICE_UNIT_MAX], access[4];
        if (!device_rule_unit(&list.items[i], f->majors, node, access))
            continue;   /* systemd has no words for it, so a reload takes it away: the stricter side */
        dbus_pad(out, 8);
        dbus_put_string(out, node);
        dbus_put_string(out, access);
    }
    dbus_array_end(out, a);
    device_rules_fini(&list);
    return result;
}

/* ------------------------------------------------------------------ all */

int cgroup_properties_build(const struct systemd_facts *f, const struct oci_resources *r, bool fresh, struct bytes *out,
                            struct creel_err *err)
{
    if (r == NULL)
        return 0;
    uint64_t v;
    bool idle = f->version >= 252 && limit_parse(unified_value(r, "cpu.idle"), &v) && v == 1;
    put_memory(out, f, r);
    put_cpu(out, f, r);
    put_rest(out, f, r);
    for (size_t i = 0; f->unified && i < r->unified_count; i++)
        if (put_unified(out, f, r->unified[i].key, r->unified[i].value != NULL ? r->unified[i].value : "", idle, err) < 0)
            return -1;
    if (fresh && f->unified && f->version >= 253 && limit_parse(unified_value(r, "memory.oom.group"), &v) && v <= 1)
        systemd_put_text(out, "OOMPolicy", v == 1 ? "kill" : "continue");
    if (!f->unified && (fresh || r->device_count > 0) && put_devices(out, f, r, err) < 0)
        return -1;
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}
