/* SPDX-License-Identifier: Apache-2.0 */
/* The half of oci_build.h that concerns limits and devices. */
#include "engine/oci_devices.h"

#include "spec/host_config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void memory_set(const json_t *h, struct oci_resources *r)
{
    int64_t limit = json_number(h, "Memory"), swap = json_number(h, "MemorySwap");
    int64_t reservation = json_number(h, "MemoryReservation");
    const json_t *swappiness = json_object_get(h, "MemorySwappiness");
    if (limit > 0)
        r->memory.limit = (struct opt_i64){ true, limit };
    if (swap != 0)
        r->memory.swap = (struct opt_i64){ true, swap };
    if (reservation > 0)
        r->memory.reservation = (struct opt_i64){ true, reservation };
    if (swappiness != NULL)
        r->memory.swappiness = (struct opt_u64){ true, (uint64_t)json_integer_value(swappiness) };
    if (json_flag(h, "OomKillDisable"))
        r->memory.disable_oom_killer = (struct opt_bool){ true, true };
}

static int cpu_set(const json_t *h, struct oci_resources *r, struct creel_err *err)
{
    int64_t nano = json_number(h, "NanoCpus"), period = json_number(h, "CpuPeriod"), quota = json_number(h, "CpuQuota");
    int64_t shares = json_number(h, "CpuShares"), rt_period = json_number(h, "CpuRealtimePeriod");
    int64_t rt_runtime = json_number(h, "CpuRealtimeRuntime");
    const char *cpus = json_text(h, "CpusetCpus"), *mems = json_text(h, "CpusetMems");
    if (nano > 0) {
        period = 100000;
        quota = nano / 10000;
    }
    if (shares > 0)
        r->cpu.shares = (struct opt_u64){ true, (uint64_t)shares };
    if (period > 0)
        r->cpu.period = (struct opt_u64){ true, (uint64_t)period };
    if (quota != 0)
        r->cpu.quota = (struct opt_i64){ true, quota };
    if (rt_period > 0)
        r->cpu.realtime_period = (struct opt_u64){ true, (uint64_t)rt_period };
    if (rt_runtime != 0)
        r->cpu.realtime_runtime = (struct opt_i64){ true, rt_runtime };
    if ((cpus[0] != '\0' && (r->cpu.cpus = strdup(cpus)) == NULL)
        || (mems[0] != '\0' && (r->cpu.mems = strdup(mems)) == NULL))
        return creel_fail_nomem(err);
    return 0;
}

static int block_number(const json_t *entry, int64_t *ret_major, int64_t *ret_minor, struct creel_err *err)
{
    const char *path = json_text(entry, "Path");
    struct stat st;
    if (stat(path, &st) < 0)
        return creel_fail(err, errno == ENOENT ? CREEL_INVALID : creel_kind_of_errno(errno), errno,
                          "block device %.200s of a blkio limit", path);
    if (!S_ISBLK(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "%.200s of a blkio limit is not a block device", path);
    *ret_major = major(st.st_rdev);
    *ret_minor = minor(st.st_rdev);
    return 0;
}

static int throttles_set(const json_t *list, struct oci_throttle_device **ret, size_t *ret_count, struct creel_err *err)
{
    size_t i;
    json_t *v;
    if (json_array_size(list) == 0)
        return 0;
    *ret = calloc(json_array_size(list), sizeof **ret);
    if (*ret == NULL)
        return creel_fail_nomem(err);
    json_array_foreach((json_t *)list, i, v) {
        struct oci_throttle_device *d = &(*ret)[i];
        d->rate = (uint64_t)json_number(v, "Rate");
        if (block_number(v, &d->major, &d->minor, err) < 0)
            return -1;
        *ret_count = i + 1;
    }
    return 0;
}

static int weights_set(const json_t *list, struct oci_resources *r, struct creel_err *err)
{
    size_t i;
    json_t *v;
    if (json_array_size(list) == 0)
        return 0;
    r->block_io.weight_devices = calloc(json_array_size(list), sizeof *r->block_io.weight_devices);
    if (r->block_io.weight_devices == NULL)
        return creel_fail_nomem(err);
    json_array_foreach((json_t *)list, i, v) {
        struct oci_weight_device *d = &r->block_io.weight_devices[i];
        d->weight = (struct opt_u64){ true, (uint64_t)json_number(v, "Weight") };
        if (block_number(v, &d->major, &d->minor, err) < 0)
            return -1;
        r->block_io.weight_device_count = i + 1;
    }
    return 0;
}

static int blkio_set(const json_t *h, struct oci_resources *r, struct creel_err *err)
{
    int64_t weight = json_number(h, "BlkioWeight");
    if (weight > 0)
        r->block_io.weight = (struct opt_u64){ true, (uint64_t)weight };
    if (weights_set(json_object_get(h, "BlkioWeightDevice"), r, err) < 0
        || throttles_set(json_object_get(h, "BlkioDeviceReadBps"), &r->block_io.read_bps,
                         &r->block_io.read_bps_count, err) < 0
        || throttles_set(json_object_get(h, "BlkioDeviceWriteBps"), &r->block_io.write_bps,
                         &r->block_io.write_bps_count, err) < 0
        || throttles_set(json_object_get(h, "BlkioDeviceReadIOps"), &r->block_io.read_iops,
                         &r->block_io.read_iops_count, err) < 0
        || throttles_set(json_object_get(h, "BlkioDeviceWriteIOps"), &r->block_io.write_iops,
                         &r->block_io.write_iops_count, err) < 0)
        return -1;
    return 0;
}

int oci_build_resources(const json_t *host, struct oci_resources *ret, struct creel_err *err)
{
    memory_set(host, ret);
    if (json_number(host, "PidsLimit") > 0)
        ret->pids_limit = (struct opt_i64){ true, json_number(host, "PidsLimit") };
    return cpu_set(host, ret, err) < 0 ? -1 : blkio_set(host, ret, err);
}
