/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_apply.c: making the writes of a plan, reading them back, and changing limits of a group that has
 * some.
 *
 *   I1  A limit that was asked for is in force when the call returns 0: the value is read back and compared.
 *   I2  An update that fails puts back what was there before, as far as the kernel lets it. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Long enough for every file that holds a single limit, short enough for the stack. */
enum { VALUE_MAX = 4096 };

struct write_done { char *before; bool made; };

static bool leading_i64(const char *s, int64_t *ret)
{
    bool negative = *s == '-';
    uint64_t v;
    char text[32];
    size_t n = strcspn(s + negative, " \n");
    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, s + negative, n);
    text[n] = '\0';
    if (!cgroup_value_parse(text, NULL, &v) || v > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

bool cgroup_value_kept(const struct cgroup_write *w, const char *wrote, const char *got)
{
    int64_t a, b;
    uint64_t grain = w->grain;
    if (grain == 0)
        return true;
    if (grain == CGROUP_LIST)
        return cgroup_list_same(wrote, got);
    if (grain == 4096 && sysconf(_SC_PAGESIZE) > 4096)
        grain = (uint64_t)sysconf(_SC_PAGESIZE);
    if (strncmp(got, "max", 3) == 0)    /* more than the kernel can count is no limit */
        return leading_i64(wrote, &a) && a > INT64_MAX / 2;
    if (strncmp(got, "default ", 8) == 0)
        got += 8;
    if (!leading_i64(wrote, &a) || !leading_i64(got, &b))
        return false;
    if (a >= 0 && b >= 0 && (uint64_t)a > (uint64_t)INT64_MAX - grain)
        return (uint64_t)b > (uint64_t)INT64_MAX - 2 * grain;
    return b <= a && (uint64_t)(a - b) < grain;
}

static int fail_write(const struct cgroup *c, const struct cgroup_write *w, const char *file, const char *value,
                      int sys, struct creel_err *err)
{
    const char *mount = c->layout.items[w->hierarchy].mount;
    switch (sys) {
    case ENOENT:
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s cannot be set: this kernel has no %s in %s%s", w->limit,
                          w->file, mount, c->path);
    case EINVAL: case ERANGE: case ENODEV: case EBUSY: case ENOSPC:
        return creel_fail(err, CREEL_INVALID, sys, "%s: the kernel refuses \"%.100s\" for %s%s/%s", w->limit, value,
                          mount, c->path, file);
    case EOPNOTSUPP:
        return creel_fail(err, CREEL_UNSUPPORTED, sys, "%s cannot be set: write %s%s/%s", w->limit, mount, c->path,
                          file);
    default:
        return creel_fail(err, creel_kind_of_errno(sys), sys, "%s: write %s%s/%s", w->limit, mount, c->path, file);
    }
}

static int write_value(int fd, const char *value)
{
    size_t len = strlen(value);
    ssize_t n;
    do {
        n = pwrite(fd, value, len, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

static int read_value(int fd, char *buf, size_t cap)
{
    ssize_t n;
    do {
        n = pread(fd, buf, cap - 1, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    while (n > 0 && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return 0;
}

/* 0 done; 1 refused in this order, try again after the others; -1 error. last: refusal is an error. */
static int write_one(struct cgroup *c, const struct cgroup_write *w, bool last, struct write_done *done,
                     struct creel_err *err)
{
    char got[VALUE_MAX];
    const char *file = w->file, *value = w->value;
    auto_fd fd = cgroup_file_open(c, w->hierarchy, file, O_RDWR);
    if (fd == -ENOENT && w->alt_file != NULL) {
        file = w->alt_file;
        value = w->alt_value;
        fd = cgroup_file_open(c, w->hierarchy, file, O_RDWR);
    }
    if (fd == -EACCES)      /* some files can only be written */
        fd = cgroup_file_open(c, w->hierarchy, file, O_WRONLY);
    if (fd < 0) {
        if (w->optional)
            return 0;
        return fail_write(c, w, file, value, -fd, err);
    }
    if (done != NULL && done->before == NULL && read_value(fd, got, sizeof got) == 0)
        done->before = strdup(got);     /* without memory there is nothing to go back to; the update itself goes on */
    int r = write_value(fd, value);
    if (r < 0 && w->optional)
        return 0;
    if ((r == -EINVAL || r == -EBUSY) && !last)
        return 1;
    if (r < 0)
        return fail_write(c, w, file, value, -r, err);
    if (done != NULL)
        done->made = true;
    if (w->grain == 0)
        return 0;
    r = read_value(fd, got, sizeof got);
    if (r < 0)
        return fail_write(c, w, file, value, -r, err);
    if (!cgroup_value_kept(w, value, got))
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s: wrote \"%.60s\" to %s%s/%s but the kernel keeps \"%.60s\"",
                          w->limit, value, c->layout.items[w->hierarchy].mount, c->path, file, got);
    return 0;
}

static void restore_all(struct cgroup *c, const struct cgroup_plan *p, struct write_done *done)
{
    /* Twice, for the same reason as above: the kernel may refuse an order. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = p->count; i-- > 0;)
            if (done[i].made && done[i].before != NULL) {
                struct cgroup_write w = p->writes[i];
                w.value = done[i].before;
                w.alt_value = done[i].before;
                w.grain = 0;
                w.optional = true;      /* the error being reported is the first one */
                (void)write_one(c, &w, true, NULL, NULL);
            }
}

/* done: one per write, or NULL. */
static int write_all(struct cgroup *c, const struct cgroup_plan *p, struct write_done *done, struct creel_err *err)
{
    auto_free bool *again = calloc(p->count + 1, sizeof *again);
    if (again == NULL)
        return creel_fail_nomem(err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < p->count; i++) {
            if (pass == 1 && !again[i])
                continue;
            int r = write_one(c, &p->writes[i], pass == 1, done != NULL ? &done[i] : NULL, err);
            if (r < 0)
                return -1;
            again[i] = r == 1;
        }
    return 0;
}

int cgroup_plan_apply(struct cgroup *c, const struct cgroup_plan *p, struct creel_err *err)
{
    return write_all(c, p, NULL, err);
}

/* ------------------------------------------------------------------ update */

/* A new memory limit below what is in use would set the OOM killer loose; the caller asked not to. */
static int check_before_update(struct cgroup *c, const struct oci_resources *r, struct creel_err *err)
{
    char text[64];
    uint64_t used;
    size_t v1 = cgroup_v1_find(c, "memory"), v2 = cgroup_v2_find(c, "memory");
    int64_t limit = r->memory.limit.set ? r->memory.limit.value : 0, swap = r->memory.swap.set ? r->memory.swap.value : 0;
    if (!r->memory.check_before_update.value || (limit <= 0 && swap <= 0))
        return 0;
    int n = v1 < c->layout.count ? cgroup_file_read(c, v1, "memory.usage_in_bytes", text, sizeof text)
            : v2 < c->layout.count ? cgroup_file_read(c, v2, "memory.current", text, sizeof text) : 0;
    if (n < 0)
        return creel_fail(err, CREEL_INTERNAL, -n, "reading the memory usage of %s", c->path);
    if (n == 0 || !cgroup_value_parse(text, NULL, &used))
        return 0;
    if (swap > 0 && used > (uint64_t)swap)
        return creel_fail(err, CREEL_CONFLICT, 0, "rejecting memory+swap limit %" PRId64 ": %" PRIu64 " are in use", swap, used);
    if (limit > 0 && used > (uint64_t)limit)
        return creel_fail(err, CREEL_CONFLICT, 0, "rejecting memory limit %" PRId64 ": %" PRIu64 " are in use", limit, used);
    return 0;
}

/* A number of a limit in force; word 1 is the second one of "cpu.max". False when there is none. */
static bool in_force(const struct cgroup *c, size_t h, const char *file, int word, int64_t *ret)
{
    char text[128];
    const char *p = text;
    if (h == c->layout.count || cgroup_file_read(c, h, file, text, sizeof text) <= 0)
        return false;
    if (word == 1) {
        p = strchr(text, ' ');
        if (p == NULL)
            return false;
        p++;
    }
    return leading_i64(p, ret);
}

/* Some limits are two values in one place: cpu.max, swap beside memory, and systemd's share of a processor. The half that
 * is not given is what is in force. */
static void complete_from_host(struct cgroup *c, struct oci_resources *r)
{
    size_t cpu = cgroup_v2_find(c, "cpu"), memory = cgroup_v2_find(c, "memory"), v1 = cgroup_v1_find(c, "cpu");
    bool period = r->cpu.period.set && r->cpu.period.value != 0, quota = r->cpu.quota.set && r->cpu.quota.value != 0;
    bool old = v1 < c->layout.count;
    int64_t v;
    if (period && !quota && (!old || c->unit != NULL)
        && in_force(c, old ? v1 : cpu, old ? "cpu.cfs_quota_us" : "cpu.max", 0, &v))
        r->cpu.quota = (struct opt_i64){ true, v };
    if (quota && !period && c->unit != NULL
        && in_force(c, old ? v1 : cpu, old ? "cpu.cfs_period_us" : "cpu.max", old ? 0 : 1, &v) && v > 0)
        r->cpu.period = (struct opt_u64){ true, (uint64_t)v };
    if (r->memory.swap.set && r->memory.swap.value > 0 && (!r->memory.limit.set || r->memory.limit.value == 0)
        && in_force(c, memory, "memory.max", 0, &v))
        r->memory.limit = (struct opt_i64){ true, v };
}

/* systemd writes its files again when it is told, in its own rounding, and with the quota goes the burst: put all of it back
 * as it was a moment ago. */
static int unit_update(struct cgroup *c, const struct oci_resources *r, const struct cgroup_plan *p, struct creel_err *err)
{
    char burst[32];
    size_t cpu = cgroup_v2_find(c, "cpu");
    bool has_burst = cpu < c->layout.count && cgroup_file_read(c, cpu, "cpu.max.burst", burst, sizeof burst) > 0
                     && strcmp(burst, "0") != 0;
    if (cgroup_systemd_update(c, r, err) < 0)
        return -1;
    int result = write_all(c, p, NULL, err);
    if (result == 0 && has_burst && !r->cpu.burst.set)
        (void)cgroup_file_write(c, cpu, "cpu.max.burst", burst);    /* refused when it is above the new quota */
    return result;
}

/* Files first: the kernel's refusal comes before systemd has taken note of anything, and what was written can be taken
 * back. */
static int update_planned(struct cgroup *c, const struct oci_resources *r, const struct cgroup_plan *p, struct creel_err *err)
{
    auto_free struct write_done *done = calloc(p->count + 1, sizeof *done);
    if (done == NULL)
        return creel_fail_nomem(err);
    int result = write_all(c, p, done, err);
    if (result == 0 && c->unit != NULL)
        result = unit_update(c, r, p, err);
    if (result < 0)
        restore_all(c, p, done);
    for (size_t i = 0; i < p->count; i++)
        free(done[i].before);
    return result;
}

int cgroup_update(struct cgroup *c, const struct oci_resources *r, struct creel_err *err)
{
    struct oci_resources full = *r;     /* borrows what r owns */
    struct cgroup_plan plan;
    if (c->manager == CGROUP_DISABLED)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "limits cannot be changed: the container runs without cgroups");
    if (check_before_update(c, r, err) < 0)
        return -1;
    complete_from_host(c, &full);
    if (c->unit != NULL)
        cgroup_quota_round(&full);
    if (cgroup_plan_build(&c->layout, c->path, &full, &plan, err) < 0)
        return -1;
    int result = update_planned(c, &full, &plan, err);
    cgroup_plan_fini(&plan);
    if (result == 0 && r->device_count > 0)
        result = cgroup_device_apply(c, r, true, err);
    return result;
}
