/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_stats.c: what a group has used. Files that a host does not have leave their numbers at 0; a limit of
 * UINT64_MAX means none. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const uint64_t v1_unlimited = (uint64_t)1 << 62;     /* version 1 says it with the largest number of pages */

/* A file with one number, or one `key` of a flat keyed file. Keeps *ret when there is none. */
static void take(const struct cgroup *c, size_t h, const char *file, const char *key, uint64_t *ret)
{
    char text[16384];
    uint64_t v;
    if (cgroup_file_read(c, h, file, text, sizeof text) > 0 && cgroup_value_parse(text, key, &v))
        *ret = v;
}

static void add_line(const char *line, const char *end, const char *key, uint64_t *ret)
{
    size_t n = strlen(key);
    for (const char *p = line; p < end; p++)
        if ((p == line || p[-1] == ' ') && (size_t)(end - p) > n && memcmp(p, key, n) == 0) {
            uint64_t v = 0;
            for (p += n; p < end && *p >= '0' && *p <= '9'; p++)
                v = v * 10 + (unsigned)(*p - '0');
            *ret += v;
            return;
        }
}

/* Sum of a key over all devices: "8:0 rbytes=1 wbytes=2 …" (v2) or "8:0 Read 1" (v1). */
void cgroup_io_parse(const char *text, const char *key, uint64_t *ret)
{
    for (const char *p = text; *p != '\0';) {
        const char *end = strchrnul(p, '\n');
        add_line(p, end, key, ret);
        p = *end == '\n' ? end + 1 : end;
    }
}

static void take_io(const struct cgroup *c, size_t h, const char *file, const char *key, uint64_t *ret)
{
    auto_free char *text = malloc(CGROUP_FILE_MAX);
    if (text != NULL && cgroup_file_read(c, h, file, text, CGROUP_FILE_MAX) > 0)
        cgroup_io_parse(text, key, ret);
}

static void cpu_read(const struct cgroup *c, struct cgroup_stats *s)
{
    size_t v2 = cgroup_v2_find(c, "cpu"), acct = cgroup_v1_find(c, "cpuacct"), cpu = cgroup_v1_find(c, "cpu");
    char text[2048];
    uint64_t v;
    if (acct < c->layout.count) {
        take(c, acct, "cpuacct.usage", NULL, &s->cpu_ns);
        take(c, acct, "cpuacct.usage_user", NULL, &s->cpu_user_ns);
        take(c, acct, "cpuacct.usage_sys", NULL, &s->cpu_system_ns);
    }
    if (cpu < c->layout.count && cgroup_file_read(c, cpu, "cpu.stat", text, sizeof text) > 0) {
        (void)cgroup_value_parse(text, "nr_periods", &s->periods);
        (void)cgroup_value_parse(text, "nr_throttled", &s->throttled_periods);
        (void)cgroup_value_parse(text, "throttled_time", &s->throttled_ns);
    }
    if (acct == c->layout.count && c->v2 < c->layout.count &&
        cgroup_file_read(c, c->v2, "cpu.stat", text, sizeof text) > 0) {
        /* in every v2 group, even without the controller; microseconds */
        s->cpu_ns = cgroup_value_parse(text, "usage_usec", &v) ? v * 1000 : 0;
        s->cpu_user_ns = cgroup_value_parse(text, "user_usec", &v) ? v * 1000 : 0;
        s->cpu_system_ns = cgroup_value_parse(text, "system_usec", &v) ? v * 1000 : 0;
        if (v2 < c->layout.count) {
            (void)cgroup_value_parse(text, "nr_periods", &s->periods);
            (void)cgroup_value_parse(text, "nr_throttled", &s->throttled_periods);
            s->throttled_ns = cgroup_value_parse(text, "throttled_usec", &v) ? v * 1000 : 0;
        }
    }
}

static void memory_read_v1(const struct cgroup *c, size_t h, struct cgroup_stats *s)
{
    uint64_t both_usage = 0, both_limit = UINT64_MAX;
    take(c, h, "memory.usage_in_bytes", NULL, &s->memory_usage);
    take(c, h, "memory.max_usage_in_bytes", NULL, &s->memory_max_usage);
    take(c, h, "memory.limit_in_bytes", NULL, &s->memory_limit);
    take(c, h, "memory.failcnt", NULL, &s->memory_failcnt);
    take(c, h, "memory.stat", "total_inactive_file", &s->memory_inactive_file);
    take(c, h, "memory.memsw.usage_in_bytes", NULL, &both_usage);
    take(c, h, "memory.memsw.limit_in_bytes", NULL, &both_limit);
    if (s->memory_limit > v1_unlimited)
        s->memory_limit = UINT64_MAX;
    s->swap_usage = both_usage > s->memory_usage ? both_usage - s->memory_usage : 0;
    s->swap_limit = both_limit > v1_unlimited || s->memory_limit == UINT64_MAX || both_limit < s->memory_limit
                        ? UINT64_MAX : both_limit - s->memory_limit;
}

static void memory_read_v2(const struct cgroup *c, size_t h, struct cgroup_stats *s)
{
    take(c, h, "memory.current", NULL, &s->memory_usage);
    take(c, h, "memory.peak", NULL, &s->memory_max_usage);
    take(c, h, "memory.max", NULL, &s->memory_limit);
    take(c, h, "memory.events", "max", &s->memory_failcnt);
    take(c, h, "memory.stat", "inactive_file", &s->memory_inactive_file);
    take(c, h, "memory.swap.current", NULL, &s->swap_usage);
    take(c, h, "memory.swap.max", NULL, &s->swap_limit);
}

static void io_read(const struct cgroup *c, struct cgroup_stats *s)
{
    size_t v1 = cgroup_v1_find(c, "blkio"), v2 = cgroup_v2_find(c, "io");
    if (v1 < c->layout.count) {
        take_io(c, v1, "blkio.throttle.io_service_bytes_recursive", "Read ", &s->read_bytes);
        take_io(c, v1, "blkio.throttle.io_service_bytes_recursive", "Write ", &s->write_bytes);
        take_io(c, v1, "blkio.throttle.io_serviced_recursive", "Read ", &s->read_ios);
        take_io(c, v1, "blkio.throttle.io_serviced_recursive", "Write ", &s->write_ios);
    } else if (v2 < c->layout.count) {
        take_io(c, v2, "io.stat", "rbytes=", &s->read_bytes);
        take_io(c, v2, "io.stat", "wbytes=", &s->write_bytes);
        take_io(c, v2, "io.stat", "rios=", &s->read_ios);
        take_io(c, v2, "io.stat", "wios=", &s->write_ios);
    }
}

int cgroup_stats_read(struct cgroup *c, struct cgroup_stats *ret, struct creel_err *err)
{
    struct cgroup_stats s = { .memory_limit = UINT64_MAX, .swap_limit = UINT64_MAX, .pids_limit = UINT64_MAX };
    size_t memory_v1 = cgroup_v1_find(c, "memory"), memory_v2 = cgroup_v2_find(c, "memory"),
           pids = cgroup_v1_find(c, "pids");
    if (pids == c->layout.count)
        pids = cgroup_v2_find(c, "pids");
    bool any = false;
    for (size_t i = 0; i < c->layout.count && !any; i++) {
        auto_fd fd = c->nodes[i].absent ? -1 : cgroup_file_open(c, i, "cgroup.procs", O_RDONLY);
        any = fd >= 0;
    }
    if (!any)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "cgroup %s does not exist", c->path);
    cpu_read(c, &s);
    if (memory_v1 < c->layout.count)
        memory_read_v1(c, memory_v1, &s);
    else if (memory_v2 < c->layout.count)
        memory_read_v2(c, memory_v2, &s);
    if (pids < c->layout.count) {
        take(c, pids, "pids.current", NULL, &s.pids);
        take(c, pids, "pids.max", NULL, &s.pids_limit);
    }
    io_read(c, &s);
    *ret = s;
    return 0;
}
