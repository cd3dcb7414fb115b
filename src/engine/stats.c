/* SPDX-License-Identifier: Apache-2.0 */
/* engine/stats.c: what a container uses, from its control group; nothing is asked of the container. */
#include "engine/lifecycle.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

/* Time the host's processors have spent in all, idle included: user to steal of the first line of /proc/stat. */
static uint64_t host_cpu_ns(void)
{
    char text[512];
    unsigned long long v[8];
    auto_fd fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    long ticks = sysconf(_SC_CLK_TCK);
    if (n <= 0 || ticks <= 0)
        return 0;
    text[n] = '\0';
    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7])
        != 8)
        return 0;
    unsigned long long sum = 0;
    for (size_t i = 0; i < 8; i++)
        sum += v[i];
    return (uint64_t)sum * (1000000000u / (uint64_t)ticks);
}

static uint64_t host_memory(void)
{
    struct sysinfo s;
    return sysinfo(&s) == 0 ? (uint64_t)s.totalram * s.mem_unit : 0;
}

static void fill(const struct cgroup_stats *s, struct creel_stats *ret)
{
    uint64_t total = host_memory();
    ret->cpu_ns = s->cpu_ns;
    ret->memory_usage = s->memory_usage > s->memory_inactive_file ? s->memory_usage - s->memory_inactive_file : 0;
    ret->memory_limit = s->memory_limit == 0 || (total > 0 && s->memory_limit > total) ? total : s->memory_limit;
    ret->read_bytes = s->read_bytes;
    ret->write_bytes = s->write_bytes;
    ret->pids = s->pids;
    ret->pids_limit = s->pids_limit;
}

int creel_container_stats(struct creel *e, const char *ref, struct creel_stats *ret, struct creel_err *err)
{
    char id[65];
    auto_row row = { 0 };
    auto_cgroup group = NULL;
    struct creel_stats out = { .size = sizeof out };
    struct cgroup_stats stats = { 0 };
    struct creel_err failure = { 0 };
    size_t size = ret->size;
    if (size == 0 || size > sizeof out)
        return creel_fail(err, CREEL_INVALID, 0, "struct creel_stats of %zu bytes is not known to this version", size);
    if (container_row_resolve(e->store, ref, id, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    memcpy(out.id, row.id, sizeof out.id);
    (void)snprintf(out.name, sizeof out.name, "%s", row.name);
    out.read_ns = clock_now_ns();
    if (lifecycle_is_up(&row) && row.cgroup_path != NULL) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        if (cgroup_open(row.cgroup_path, e->cgroup_manager, &group, &failure) < 0
            || cgroup_stats_read(group, &stats, &failure) < 0) {
            if (failure.kind != CREEL_NOT_FOUND) /* gone: it has just ended, and is shown as not running */
                return creel_fail(err, failure.kind, 0, "statistics of container %s: %s", row.name, failure.text);
        } else {
            fill(&stats, &out);
            out.system_ns = host_cpu_ns();
            out.online_cpus = cpus > 0 ? (unsigned)cpus : 1;
        }
    }
    memcpy(ret, &out, size);
    ret->size = size;
    return 0;
}
