/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_report.c: the kernel's texts of one group to one JSON object.
 *
 * Each topic is read from the version 1 hierarchy that has its controller, or else from the version 2 group. Names
 * and units are those of runc's events, which monitoring programs read: times in nanoseconds, limits as the kernel
 * prints them ("max" is 2^64 - 1; for processes 0), swap always together with memory. The texts are the kernel's,
 * but the parsers rely on no line being there or well-formed. */
#include "runtime/cgroup_report.h"

#include "runtime/cgroup_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct report {
    const struct cgroup_texts *texts;
    struct bytes *out;
    char *text;             /* of the file read last; CGROUP_FILE_MAX bytes */
};

/* ------------------------------------------------------------------ building blocks */

static void member(struct report *r, const char *key)
{
    char last = r->out->len > 0 ? r->out->data[r->out->len - 1] : '{';
    bytes_addf(r->out, "%s\"%s\":", last == '{' || last == '[' ? "" : ",", key);
}

static void begin(struct report *r, const char *key, char bracket)
{
    member(r, key);
    bytes_addc(r->out, bracket);
}

static void end(struct report *r, char bracket) { bytes_addc(r->out, bracket); }

static void number(struct report *r, const char *key, uint64_t v)
{
    member(r, key);
    bytes_addf(r->out, "%" PRIu64, v);
}

static void number_unless_0(struct report *r, const char *key, uint64_t v)
{
    if (v != 0)
        number(r, key, v);
}

/* controller NULL: version 2 */
static bool get(struct report *r, const char *controller, const char *file)
{
    return r->texts->read(r->texts->arg, controller, file, r->text, CGROUP_FILE_MAX) > 0;
}

/* The number of a file, or the one behind `key` in it; 0 when there is none. */
static uint64_t value(struct report *r, const char *controller, const char *file, const char *key)
{
    uint64_t v;
    return get(r, controller, file) && cgroup_value_parse(r->text, key, &v) ? v : 0;
}

/* The next line of a text, NUL-terminated in place; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at;
    if (line == NULL || *line == '\0')
        return NULL;
    char *feed = strchr(line, '\n');
    if (feed != NULL)
        *feed = '\0';
    *at = feed != NULL ? feed + 1 : NULL;
    return line;
}

static bool is_number(const char *s) { return s[0] >= '0' && s[0] <= '9'; }

/* ------------------------------------------------------------------ pressure */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static bool pressure_parse(const char *line, const char *which, double avg[3], uint64_t *total)
{
    size_t n = strlen(which);
    return strncmp(line, which, n) == 0
           && sscanf(line + n, " avg10=%lf avg60=%lf avg300=%lf total=%" SCNu64, &avg[0], &avg[1], &avg[2], total)
               == 4
           && isfinite(avg[0]) && isfinite(avg[1]) && isfinite(avg[2]);
}

static void pressure_line(struct report *r, const char *which)
{
    double avg[3];
    uint64_t total;
    bool found = false;
    for (const char *at = r->text; at != NULL && !found;) {
        found = pressure_parse(at, which, avg, &total);
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    begin(r, which, '{');
    bytes_addf(r->out, "\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,\"total\":%" PRIu64 "}", found ? avg[0] : 0,
               found ? avg[1] : 0, found ? avg[2] : 0, found ? total : 0);
}

static void pressure(struct report *r, const char *file)
{
    if (!get(r, NULL, file))
        return;
    begin(r, "psi", '{');
    pressure_line(r, "some");
    pressure_line(r, "full");
    end(r, '}');
}

/* ------------------------------------------------------------------ processor */

/* "cpu user system\n0 1 2\n1 …": one column of it. */
static void per_cpu_column(struct report *r, const char *key, unsigned column)
{
    bool any = false;
    if (!get(r, "cpuacct", "cpuacct.usage_all"))
        return;
    for (char *at = r->text, *line; (line = next_line(&at)) != NULL;) {
        uint64_t v[3];
        if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64, &v[0], &v[1], &v[2]) != 3)
            continue;
        if (!any)
            begin(r, key, '[');
        bytes_addf(r->out, "%s%" PRIu64, any ? "," : "", v[column]);
        any = true;
    }
    if (any)
        end(r, ']');
}

static void per_cpu_total(struct report *r)
{
    bool any = false;
    char *save = NULL;
    if (!get(r, "cpuacct", "cpuacct.usage_percpu"))
        return;
    for (char *word = strtok_r(r->text, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save)) {
        uint64_t v;
        if (!cgroup_value_parse(word, NULL, &v))
            continue;
        if (!any)
            begin(r, "percpu", '[');
        bytes_addf(r->out, "%s%" PRIu64, any ? "," : "", v);
        any = true;
    }
    if (any)
        end(r, ']');
}

static void throttling(struct report *r, uint64_t periods, uint64_t throttled, uint64_t ns)
{
    begin(r, "throttling", '{');
    number_unless_0(r, "periods", periods);
    number_unless_0(r, "throttledPeriods", throttled);
    number_unless_0(r, "throttledTime", ns);
    end(r, '}');
}

static void cpu_v1(struct report *r)
{
    begin(r, "usage", '{');
    number_unless_0(r, "total", value(r, "cpuacct", "cpuacct.usage", NULL));
    per_cpu_total(r);
    per_cpu_column(r, "percpu_kernel", 2);
    per_cpu_column(r, "percpu_user", 1);
    number(r, "kernel", value(r, "cpuacct", "cpuacct.usage_sys", NULL));
    number(r, "user", value(r, "cpuacct", "cpuacct.usage_user", NULL));
    end(r, '}');
    throttling(r, value(r, "cpu", "cpu.stat", "nr_periods"), value(r, "cpu", "cpu.stat", "nr_throttled"),
               value(r, "cpu", "cpu.stat", "throttled_time"));
}

static void cpu_v2(struct report *r)
{
    static const char file[] = "cpu.stat";     /* microseconds */
    begin(r, "usage", '{');
    number_unless_0(r, "total", value(r, NULL, file, "usage_usec") * 1000);
    number(r, "kernel", value(r, NULL, file, "system_usec") * 1000);
    number(r, "user", value(r, NULL, file, "user_usec") * 1000);
    end(r, '}');
    throttling(r, value(r, NULL, file, "nr_periods"), value(r, NULL, file, "nr_throttled"),
               value(r, NULL, file, "throttled_usec") * 1000);
}

static void cpu(struct report *r)
{
    begin(r, "cpu", '{');
    if (get(r, "cpuacct", "cpuacct.usage"))
        cpu_v1(r);
    else
        cpu_v2(r);
    pressure(r, "cpu.pressure");
    end(r, '}');
}

/* ------------------------------------------------------------------ cpuset */

/* "0-2,7" as 0,1,2,7. */
static void set_member(struct report *r, const char *key, const char *file, const char *file_v2)
{
    if (!get(r, "cpuset", file) && !get(r, NULL, file_v2))
        return;
    unsigned from, to;
    bool any = false;
    int used;
    for (const char *p = r->text; sscanf(p, "%u%n", &from, &used) == 1; p++) {
        p += used;
        to = from;
        if (*p == '-' && sscanf(p + 1, "%u%n", &to, &used) == 1)
            p += 1 + used;
        for (; from <= to && from <= UINT16_MAX; from++, any = true) {
            if (!any)
                begin(r, key, '[');
            bytes_addf(r->out, "%s%u", any ? "," : "", from);
        }
        if (*p != ',')
            break;
    }
    if (any)
        end(r, ']');
}

static void cpuset(struct report *r)
{
    static const char *const flags[] = { "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
                                         "memory_spread_slab", "memory_pressure", "sched_load_balance" };
    char file[64];
    long long level = 0;
    begin(r, "cpuset", '{');
    set_member(r, "cpus", "cpuset.cpus", "cpuset.cpus.effective");
    number(r, "cpu_exclusive", value(r, "cpuset", "cpuset.cpu_exclusive", NULL));
    set_member(r, "mems", "cpuset.mems", "cpuset.mems.effective");
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        (void)snprintf(file, sizeof file, "cpuset.%s", flags[i]);  /* the longest has 25 bytes */
        number(r, flags[i], value(r, "cpuset", file, NULL));
    }
    if (get(r, "cpuset", "cpuset.sched_relax_domain_level") && sscanf(r->text, "%lld", &level) != 1)
        level = 0;
    member(r, "sched_relax_domain_level");
    bytes_addf(r->out, "%lld}", level);
}

/* ------------------------------------------------------------------ memory */

struct amount { uint64_t limit, usage, max, failures; };

static void amount(struct report *r, const char *key, const struct amount *a)
{
    begin(r, key, '{');
    number(r, "limit", a->limit);
    number_unless_0(r, "usage", a->usage);
    number_unless_0(r, "max", a->max);
    number(r, "failcnt", a->failures);
    end(r, '}');
}

/* "memory" or "memory.memsw", "memory.kmem", … */
static struct amount amount_v1(struct report *r, const char *prefix)
{
    static const char *const files[] = { "limit_in_bytes", "usage_in_bytes", "max_usage_in_bytes", "failcnt" };
    uint64_t v[ARRAY_LEN(files)];
    char file[64];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(file, sizeof file, "%s.%s", prefix, files[i]);  /* 34 bytes at most */
        v[i] = value(r, "memory", file, NULL);
    }
    return (struct amount){ v[0], v[1], v[2], v[3] };
}

/* Counters of memory.stat as they are. The key is the kernel's: letters and underscores. */
static void raw_memory(struct report *r, const char *controller)
{
    if (!get(r, controller, "memory.stat"))
        return;
    begin(r, "raw", '{');
    for (char *at = r->text, *line; (line = next_line(&at)) != NULL;) {
        size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");
        uint64_t v;
        if (n == 0 || line[n] != ' ' || !cgroup_value_parse(line + n + 1, NULL, &v))
            continue;
        line[n] = '\0';
        number(r, line, v);
    }
    end(r, '}');
}

static void memory_v1(struct report *r)
{
    static const struct { const char *key, *prefix; } rows[] = {
        { "usage", "memory" },
        { "swap", "memory.memsw" },
        { "kernel", "memory.kmem" },
        { "kernelTCP", "memory.kmem.tcp" },
    };
    number_unless_0(r, "cache", value(r, "memory", "memory.stat", "cache"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct amount a = amount_v1(r, rows[i].prefix);
        amount(r, rows[i].key, &a);
    }
    raw_memory(r, "memory");
}

static void memory_v2(struct report *r)
{
    struct amount memory = { value(r, NULL, "memory.max", NULL), value(r, NULL, "memory.current", NULL),
                             value(r, NULL, "memory.peak", NULL), value(r, NULL, "memory.events", "max") };
    struct amount swap = { value(r, NULL, "memory.swap.max", NULL), value(r, NULL, "memory.swap.current", NULL), 0,
                           value(r, NULL, "memory.swap.events", "max") };
    swap.usage += memory.usage;
    swap.limit = memory.limit == UINT64_MAX || __builtin_add_overflow(swap.limit, memory.limit, &swap.limit)
                     ? UINT64_MAX : swap.limit;
    number_unless_0(r, "cache", value(r, NULL, "memory.stat", "file"));
    amount(r, "usage", &memory);
    amount(r, "swap", &swap);
    raw_memory(r, NULL);
}

static void memory(struct report *r)
{
    begin(r, "memory", '{');
    if (get(r, "memory", "memory.usage_in_bytes"))
        memory_v1(r);
    else if (get(r, NULL, "memory.current"))
        memory_v2(r);
    pressure(r, "memory.pressure");
    end(r, '}');
}

/* ------------------------------------------------------------------ processes, huge pages */

static void pids(struct report *r)
{
    const char *controller = get(r, "pids", "pids.current") ? "pids" : NULL;
    uint64_t limit = value(r, controller, "pids.max", NULL);
    begin(r, "pids", '{');
    number_unless_0(r, "current", value(r, controller, "pids.current", NULL));
    number_unless_0(r, "limit", limit == UINT64_MAX ? 0 : limit);
    end(r, '}');
}

/* Reservations where the kernel counts them: they are what a limit is held against. */
static void huge_page(struct report *r, const char *size)
{
    static const char *const counted[] = { ".rsvd", "" };
    char file[96];
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        (void)snprintf(file, sizeof file, "hugetlb.%.20s%s.usage_in_bytes", size, counted[i]);   /* fits, as below */
        if (get(r, "hugetlb", file)) {
            begin(r, size, '{');
            number_unless_0(r, "usage", value(r, "hugetlb", file, NULL));
            (void)snprintf(file, sizeof file, "hugetlb.%.20s%s.max_usage_in_bytes", size, counted[i]);
            number_unless_0(r, "max", value(r, "hugetlb", file, NULL));
            (void)snprintf(file, sizeof file, "hugetlb.%.20s%s.failcnt", size, counted[i]);
            number(r, "failcnt", value(r, "hugetlb", file, NULL));
            end(r, '}');
            return;
        }
        (void)snprintf(file, sizeof file, "hugetlb.%.20s%s.current", size, counted[i]);
        if (get(r, NULL, file)) {
            begin(r, size, '{');
            number_unless_0(r, "usage", value(r, NULL, file, NULL));
            (void)snprintf(file, sizeof file, "hugetlb.%.20s.events", size);
            number(r, "failcnt", value(r, NULL, file, "max"));
            end(r, '}');
            return;
        }
    }
}

static void huge_pages(struct report *r)
{
    begin(r, "hugetlb", '{');
    for (size_t i = 0; r->texts->page_sizes != NULL && i < r->texts->page_sizes->count; i++)
        huge_page(r, r->texts->page_sizes->items[i]);
    end(r, '}');
}

/* ------------------------------------------------------------------ block devices */

static void io_entry(struct report *r, bool *any, const char *key, const char *device, const char *op, uint64_t v)
{
    unsigned major, minor;
    if (sscanf(device, "%u:%u", &major, &minor) != 2)
        return;
    if (!*any)
        begin(r, key, '[');
    bytes_addf(r->out, "%s{", *any ? "," : "");
    number_unless_0(r, "major", major);
    number_unless_0(r, "minor", minor);
    if (op[0] != '\0') {
        member(r, "op");
        bytes_addf(r->out, "\"%s\"", op);
    }
    number_unless_0(r, "value", v);
    end(r, '}');
    *any = true;
}

/* "8:0 Read 1\n…\nTotal 1", or "8:0 1" */
static bool io_file_v1(struct report *r, const char *key, const char *file)
{
    bool any = false;
    if (r->texts->read(r->texts->arg, "blkio", file, r->text, CGROUP_FILE_MAX) < 0)
        return false;
    for (char *at = r->text, *line; (line = next_line(&at)) != NULL;) {
        char device[32], op[32] = "";
        uint64_t v;
        if (is_number(line) && (sscanf(line, "%31s %31[A-Za-z] %" SCNu64, device, op, &v) == 3
                                || (op[0] = '\0', sscanf(line, "%31s %" SCNu64, device, &v) == 2)))
            io_entry(r, &any, key, device, op, v);
    }
    if (any)
        end(r, ']');
    return any;
}

/* Devices with the BFQ scheduler are counted in its own files; when there is none, those of throttling count all. */
static void io_v1(struct report *r)
{
    static const struct { const char *key, *bfq, *throttle; } rows[] = {
        { "ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive",
         "blkio.throttle.io_service_bytes_recursive" },
        { "ioServicedRecursive", "blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive" },
        { "ioQueueRecursive", "blkio.bfq.io_queued_recursive", NULL },
        { "ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive", NULL },
        { "ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive", NULL },
        { "ioMergedRecursive", "blkio.bfq.io_merged_recursive", NULL },
        { "ioTimeRecursive", "blkio.bfq.time_recursive", NULL },
        { "sectorsRecursive", "blkio.bfq.sectors_recursive", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!io_file_v1(r, rows[i].key, rows[i].bfq) && rows[i].throttle != NULL)
            (void)io_file_v1(r, rows[i].key, rows[i].throttle);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 …": two of the keys into one list. Reads the file anew, for it is cut up. */
static void io_pair_v2(struct report *r, const char *key, const char *reads, const char *writes)
{
    const struct { const char *key, *op; } ops[] = { { reads, "Read" }, { writes, "Write" } };
    bool any = false;
    if (!get(r, NULL, "io.stat"))
        return;
    for (char *at = r->text, *line; (line = next_line(&at)) != NULL;)
        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
            const char *p = strstr(line, ops[i].key);
            uint64_t v;
            if (p != NULL && sscanf(p + strlen(ops[i].key), "%" SCNu64, &v) == 1)
                io_entry(r, &any, key, line, ops[i].op, v);
        }
    if (any)
        end(r, ']');
}

static void block_io(struct report *r)
{
    begin(r, "blkio", '{');
    if (r->texts->read(r->texts->arg, "blkio", "blkio.throttle.io_serviced", r->text, CGROUP_FILE_MAX) >= 0) {
        io_v1(r);
    } else {
        io_pair_v2(r, "ioServiceBytesRecursive", " rbytes=", " wbytes=");
        io_pair_v2(r, "ioServicedRecursive", " rios=", " wios=");
    }
    pressure(r, "io.pressure");
    end(r, '}');
}

/* ------------------------------------------------------------------ the calls */

int cgroup_report_print(const struct cgroup_texts *t, struct bytes *out, struct creel_err *err)
{
    auto_free char *text = malloc(CGROUP_FILE_MAX);
    struct report r = { .texts = t, .out = out, .text = text };
    if (text == NULL)
        return creel_fail_nomem(err);
    bytes_addc(out, '{');
    cpu(&r);
    cpuset(&r);
    memory(&r);
    pids(&r);
    block_io(&r);
    huge_pages(&r);
    bytes_adds(out, ",\"intel_rdt\":{},\"network_interfaces\":null}");
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

static int group_read(void *arg, const char *controller, const char *file, char *buf, size_t cap)
{
    const struct cgroup *c = arg;
    size_t h = controller != NULL ? cgroup_v1_find(c, controller) : c->v2;
    if (h >= c->layout.count || c->nodes[h].absent)
        return -ENOENT;
    return cgroup_file_read(c, h, file, buf, cap);
}

/* "hugepages-2048kB" → "2MB". A host without huge pages has no such directory. */
static int page_sizes_find(struct strv *ret, struct creel_err *err)
{
    auto_dir DIR *d = opendir("/sys/kernel/mm/hugepages");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        unsigned long long kb;
        if (sscanf(e->d_name, "hugepages-%llukB", &kb) != 1 || kb == 0)
            continue;
        bool ok = kb % (1 << 20) == 0  ? strv_addf(ret, "%lluGB", kb >> 20)
                  : kb % (1 << 10) == 0 ? strv_addf(ret, "%lluMB", kb >> 10)
                                        : strv_addf(ret, "%lluKB", kb);
        if (!ok)
            return creel_fail_nomem(err);
    }
    return 0;
}

int cgroup_report(struct cgroup *c, struct bytes *out, struct creel_err *err)
{
    auto_strv sizes = STRV_INIT;
    bool any = false;
    for (size_t i = 0; i < c->layout.count && !any; i++) {
        auto_fd fd = c->nodes[i].absent ? -1 : cgroup_file_open(c, i, "cgroup.procs", O_RDONLY);
        any = fd >= 0;
    }
    if (!any)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "cgroup %s does not exist", c->path);
    if (page_sizes_find(&sizes, err) < 0)
        return -1;
    const struct cgroup_texts texts = { .read = group_read, .arg = c, .page_sizes = &sizes };
    return cgroup_report_print(&texts, out, err);
}
