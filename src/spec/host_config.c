/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/host_config.h"

#include "base/parse.h"
#include "spec/capability.h"
#include "spec/container_request.h"
#include "spec/log_option.h"
#include "spec/mount_point.h"
#include "spec/security_option.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MEMORY_MIN ((int64_t)6 << 20)

/* --- resources --- */
static int memory_check(const json_t *h, struct creel_err *err)
{
    int64_t memory = json_number(h, "Memory"), swap = json_number(h, "MemorySwap");
    int64_t reserved = json_number(h, "MemoryReservation");
    const json_t *swappiness = json_object_get(h, "MemorySwappiness");
    if (memory != 0 && memory < MEMORY_MIN)
        return creel_fail(err, CREEL_INVALID, 0, "Minimum memory limit allowed is 6MB");
    if (swap < -1)
        return creel_fail(err, CREEL_INVALID, 0, "MemorySwap is %" PRId64 ", it must be -1 (unlimited) or a size", swap);
    if (memory > 0 && swap > 0 && swap < memory)
        return creel_fail(err, CREEL_INVALID, 0,
                          "Minimum memoryswap limit should be larger than memory limit, see usage");
    if (memory == 0 && swap > 0)
        return creel_fail(err, CREEL_INVALID, 0,
                          "You should always set the Memory limit when using Memoryswap limit, see usage");
    if (swappiness != NULL && (json_integer_value(swappiness) < -1 || json_integer_value(swappiness) > 100))
        return creel_fail(err, CREEL_INVALID, 0, "Invalid value: %" PRId64 ", valid memory swappiness range is 0-100",
                          (int64_t)json_integer_value(swappiness));
    if (reserved != 0 && reserved < MEMORY_MIN)
        return creel_fail(err, CREEL_INVALID, 0, "Minimum memory reservation allowed is 6MB");
    if (memory > 0 && reserved > memory)
        return creel_fail(err, CREEL_INVALID, 0,
                          "Minimum memory limit can not be less than memory reservation limit, see usage");
    if (json_number(h, "ShmSize") < 0)
        return creel_fail(err, CREEL_INVALID, 0, "SHM size can not be less than 0");
    return 0;
}

bool host_cpu_list_ok(const char *text, int64_t *ret_max)
{
    enum { CPU_MAX = 8191 };
    int64_t max = -1;
    const char *p = text;
    for (;;) {
        char number[8];
        uint64_t ends[2] = { 0, 0 };
        for (int i = 0; i < 2; i++) {
            size_t n = strspn(p, "0123456789");
            if (n == 0 || n >= sizeof number)
                return false;
            memcpy(number, p, n);
            number[n] = '\0';
            if (!parse_u64(number, CPU_MAX, &ends[i]))
                return false;
            p += n;
            if (i == 0 && *p != '-') {
                ends[1] = ends[0];
                break;
            }
            p += i == 0;
        }
        if (ends[1] < ends[0])
            return false;
        if ((int64_t)ends[1] > max)
            max = (int64_t)ends[1];
        if (*p == '\0')
            break;
        if (*p++ != ',')
            return false;
    }
    *ret_max = max;
    return true;
}

static int cpu_check(const json_t *h, struct creel_err *err)
{
    int64_t nano = json_number(h, "NanoCpus"), period = json_number(h, "CpuPeriod"), quota = json_number(h, "CpuQuota");
    int64_t rt_period = json_number(h, "CpuRealtimePeriod"), rt_runtime = json_number(h, "CpuRealtimeRuntime"), max;
    const char *cpus = json_text(h, "CpusetCpus"), *mems = json_text(h, "CpusetMems");
    if (nano > 0 && period > 0)
        return creel_fail(err, CREEL_INVALID, 0, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (nano > 0 && quota > 0)
        return creel_fail(err, CREEL_INVALID, 0, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    if (nano != 0 && nano < 10000000)
        return creel_fail(err, CREEL_INVALID, 0, "Range of CPUs is from 0.01");
    if (period != 0 && (period < 1000 || period > 1000000))
        return creel_fail(err, CREEL_INVALID, 0,
                          "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    if (quota > 0 && quota < 1000)
        return creel_fail(err, CREEL_INVALID, 0, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (rt_runtime != 0 && rt_period != 0 && rt_runtime > rt_period)
        return creel_fail(err, CREEL_INVALID, 0, "cpu real-time runtime cannot be higher than cpu real-time period");
    if (cpus[0] != '\0' && !host_cpu_list_ok(cpus, &max))
        return creel_fail(err, CREEL_INVALID, 0, "Invalid value %.100s for cpuset cpus", cpus);
    if (mems[0] != '\0' && !host_cpu_list_ok(mems, &max))
        return creel_fail(err, CREEL_INVALID, 0, "Invalid value %.100s for cpuset mems", mems);
    return 0;
}

static int blkio_check(const json_t *h, struct creel_err *err)
{
    int64_t weight = json_number(h, "BlkioWeight");
    size_t i;
    json_t *v;
    if (weight != 0 && (weight < 10 || weight > 1000))
        return creel_fail(err, CREEL_INVALID, 0, "Range of blkio weight is from 10 to 1000");
    json_array_foreach(json_object_get(h, "BlkioWeightDevice"), i, v) {
        weight = json_number(v, "Weight");
        if (weight != 0 && (weight < 10 || weight > 1000))
            return creel_fail(err, CREEL_INVALID, 0, "Range of blkio weight is from 10 to 1000");
    }
    return 0;
}

/* --- ulimits --- */
static const struct { const char *name, *type; } ulimits[] = {
    { "core", "RLIMIT_CORE" }, { "cpu", "RLIMIT_CPU" }, { "data", "RLIMIT_DATA" }, { "fsize", "RLIMIT_FSIZE" },
    { "locks", "RLIMIT_LOCKS" }, { "memlock", "RLIMIT_MEMLOCK" }, { "msgqueue", "RLIMIT_MSGQUEUE" },
    { "nice", "RLIMIT_NICE" }, { "nofile", "RLIMIT_NOFILE" }, { "nproc", "RLIMIT_NPROC" }, { "rss", "RLIMIT_RSS" },
    { "rtprio", "RLIMIT_RTPRIO" }, { "rttime", "RLIMIT_RTTIME" }, { "sigpending", "RLIMIT_SIGPENDING" },
    { "stack", "RLIMIT_STACK" }, { "as", "RLIMIT_AS" },
};

int host_ulimit_parse(const json_t *u, struct oci_rlimit *ret, struct creel_err *err)
{
    const char *name = json_text(u, "Name");
    int64_t soft = json_number(u, "Soft"), hard = json_number(u, "Hard");
    for (size_t i = 0; i < ARRAY_LEN(ulimits); i++) {
        if (strcmp(ulimits[i].name, name) != 0)
            continue;
        if (hard != -1 && (soft == -1 || soft > hard))
            return creel_fail(err, CREEL_INVALID, 0,
                              "ulimit soft limit must be less than or equal to hard limit: %" PRId64 " > %" PRId64, soft,
                              hard);
        char *type = strdup(ulimits[i].type);
        if (type == NULL)
            return creel_fail_nomem(err);
        *ret = (struct oci_rlimit){ .type = type, .soft = (uint64_t)soft, .hard = (uint64_t)hard };
        return 0;
    }
    return creel_fail(err, CREEL_INVALID, 0, "invalid ulimit type: %.100s", name);
}

static int ulimits_check(const json_t *list, struct creel_err *err)
{
    size_t i, j;
    json_t *v, *w;
    json_array_foreach((json_t *)list, i, v) {
        struct oci_rlimit limit;
        if (host_ulimit_parse(v, &limit, err) < 0)
            return -1;
        free(limit.type);
        json_array_foreach((json_t *)list, j, w)
            if (j < i && strcmp(json_text(v, "Name"), json_text(w, "Name")) == 0)
                return creel_fail(err, CREEL_INVALID, 0, "ulimit %s is given twice", json_text(v, "Name"));
    }
    return 0;
}

/* --- devices --- */
bool host_device_access_ok(const char *access)
{
    size_t n = strlen(access);
    if (n == 0 || n > 3 || strspn(access, "rwm") != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strchr(access + i + 1, access[i]) != NULL)
            return false;
    return true;
}

static bool device_number_parse(const char **p, char end, struct opt_i64 *ret)
{
    char number[16];
    uint64_t v;
    if (**p == '*') {
        *ret = (struct opt_i64){ 0 };
        (*p)++;
    } else {
        size_t n = strspn(*p, "0123456789");
        if (n == 0 || n >= sizeof number)
            return false;
        memcpy(number, *p, n);
        number[n] = '\0';
        if (!parse_u64(number, UINT32_MAX, &v))
            return false;
        *ret = (struct opt_i64){ .set = true, .value = (int64_t)v };
        *p += n;
    }
    return *(*p)++ == end;
}

int host_device_rule_parse(const char *text, struct oci_device_rule *ret, struct creel_err *err)
{
    const char *p = text;
    struct oci_device_rule rule = { .allow = true };
    char type[2] = { *p, '\0' };
    if (*p == '\0' || strchr("acb", *p) == NULL || p[1] != ' ')
        goto bad;
    p += 2;
    if (!device_number_parse(&p, ':', &rule.major) || !device_number_parse(&p, ' ', &rule.minor)
        || !host_device_access_ok(p))
        goto bad;
    rule.type = strdup(type);
    rule.access = strdup(p);
    if (rule.type == NULL || rule.access == NULL) {
        free(rule.type);
        free(rule.access);
        return creel_fail_nomem(err);
    }
    *ret = rule;
    return 0;
bad:
    return creel_fail(err, CREEL_INVALID, 0, "invalid device cgroup rule format: '%.100s'", text);
}

static int devices_check(const json_t *h, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(h, "DeviceCgroupRules"), i, v) {
        struct oci_device_rule rule;
        if (host_device_rule_parse(json_string_value(v), &rule, err) < 0)
            return -1;
        free(rule.type);
        free(rule.access);
    }
    json_array_foreach(json_object_get(h, "Devices"), i, v) {
        const char *access = json_text(v, "CgroupPermissions"), *inside = json_text(v, "PathInContainer");
        if (json_text(v, "PathOnHost")[0] != '/')
            return creel_fail(err, CREEL_INVALID, 0, "device path '%.200s' must be absolute",
                              json_text(v, "PathOnHost"));
        if (inside[0] != '\0' && inside[0] != '/')
            return creel_fail(err, CREEL_INVALID, 0, "device path '%.200s' must be absolute", inside);
        if (access[0] != '\0' && !host_device_access_ok(access))
            return creel_fail(err, CREEL_INVALID, 0, "invalid device mode '%.100s', letters of rwm are expected", access);
    }
    return 0;
}

/* --- sysctls: only keys that belong to a name space, and only when that name space is the container's own --- */
static bool sysctl_key_ok(const char *key)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    bool dot = false, slash = false;
    size_t part = 0;
    for (const char *p = key; *p != '\0'; p++) {
        if (*p == '.' || *p == '/') {
            dot = dot || *p == '.';
            slash = slash || *p == '/';
            if (part == 0)
                return false;
            part = 0;
        } else if (strchr(allowed, *p) == NULL) {
            return false;
        } else {
            part++;
        }
    }
    return part > 0 && !(dot && slash);
}

static bool key_begins(const char *key, const char *with)
{
    for (; *with != '\0'; with++, key++)
        if (*key != *with && !(*with == '.' && *key == '/'))
            return false;
    return true;
}

static bool key_is(const char *key, const char *want)
{
    return strlen(key) == strlen(want) && key_begins(key, want);
}

static bool sysctl_of_ipc(const char *key)
{
    return key_begins(key, "kernel.shm") || key_begins(key, "kernel.msg") || key_is(key, "kernel.sem")
           || key_begins(key, "fs.mqueue.");
}

static int sysctls_check(const json_t *h, struct creel_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach(json_object_get(h, "Sysctls"), key, v) {
        const char *value = json_string_value(v);
        if (!sysctl_key_ok(key) || !text_is_printable(value))
            return creel_fail(err, CREEL_INVALID, 0, "sysctl '%.100s' is not allowed: malformed name or value", key);
        const char *needs = NULL;
        if (sysctl_of_ipc(key))
            needs = host_ipc_mode(h) == HOST_NS_HOST || host_ipc_mode(h) == HOST_NS_CONTAINER ? "ipc" : "";
        else if (key_begins(key, "net."))
            needs = host_net_mode(h) != HOST_NS_PRIVATE ? "network" : "";
        else if (key_is(key, "kernel.domainname"))
            needs = host_uts_mode(h) != HOST_NS_PRIVATE ? "uts" : "";
        if (needs == NULL)
            return creel_fail(err, CREEL_INVALID, 0,
                              "sysctl '%.100s' is not allowed: it does not belong to a name space of the container", key);
        if (needs[0] != '\0')
            return creel_fail(err, CREEL_INVALID, 0,
                              "sysctl '%.100s' is not allowed when the container does not have its own %s name space", key,
                              needs);
    }
    return 0;
}

/* --- name spaces --- */
const char *host_ns_container(const char *mode)
{
    return strncmp(mode, "container:", 10) == 0 ? mode + 10 : NULL;
}

static bool mode_parse(const char *mode, bool is_ipc, bool may_join, enum host_ns_mode *ret)
{
    if (mode[0] == '\0' || strcmp(mode, "private") == 0)
        *ret = HOST_NS_PRIVATE;
    else if (strcmp(mode, "host") == 0)
        *ret = HOST_NS_HOST;
    else if (is_ipc && strcmp(mode, "shareable") == 0)
        *ret = HOST_NS_SHAREABLE;
    else if (is_ipc && strcmp(mode, "none") == 0)
        *ret = HOST_NS_NONE;
    else if (may_join && host_ns_container(mode) != NULL && host_ns_container(mode)[0] != '\0')
        *ret = HOST_NS_CONTAINER;
    else
        return false;
    return true;
}

static enum host_ns_mode mode_of(const json_t *host, const char *key)
{
    enum host_ns_mode m = HOST_NS_PRIVATE;
    (void)mode_parse(json_text(host, key), strcmp(key, "IpcMode") == 0, true, &m); /* checked by modes_check */
    return m;
}

enum host_ns_mode host_pid_mode(const json_t *host)
{
    return mode_of(host, "PidMode");
}

enum host_ns_mode host_ipc_mode(const json_t *host)
{
    return mode_of(host, "IpcMode");
}

enum host_ns_mode host_uts_mode(const json_t *host)
{
    return mode_of(host, "UTSMode");
}

enum host_ns_mode host_net_mode(const json_t *host)
{
    return strcmp(json_text(host, "NetworkMode"), "host") == 0 ? HOST_NS_HOST : HOST_NS_PRIVATE;
}

enum host_ns_mode host_cgroupns_mode(const json_t *host, bool unified)
{
    if (json_text(host, "CgroupnsMode")[0] == '\0')
        return unified ? HOST_NS_PRIVATE : HOST_NS_HOST;
    return mode_of(host, "CgroupnsMode");
}

static int modes_check(const json_t *h, struct creel_err *err)
{
    const char *pid = json_text(h, "PidMode"), *ipc = json_text(h, "IpcMode"), *uts = json_text(h, "UTSMode");
    const char *cgroup = json_text(h, "CgroupnsMode"), *user = json_text(h, "UsernsMode");
    const char *net = json_text(h, "NetworkMode");
    enum host_ns_mode m;
    if (!mode_parse(pid, false, true, &m))
        return creel_fail(err, CREEL_INVALID, 0, "invalid PID mode: \"%.100s\"", pid);
    if (!mode_parse(ipc, true, true, &m))
        return creel_fail(err, CREEL_INVALID, 0, "Invalid IPC mode: %.100s", ipc);
    if (m == HOST_NS_CONTAINER)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "joining another container's IPC name space is not supported yet");
    if (!mode_parse(uts, false, false, &m))
        return creel_fail(err, CREEL_INVALID, 0, "invalid UTS mode: \"%.100s\"", uts);
    if (!mode_parse(cgroup, false, false, &m))
        return creel_fail(err, CREEL_INVALID, 0, "invalid cgroup namespace mode: \"%.100s\"", cgroup);
    if (user[0] != '\0' && strcmp(user, "host") != 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "user name space mode \"%.100s\" is not supported; only \"host\" is", user);
    if (net[0] != '\0' && strcmp(net, "default") != 0 && strcmp(net, "none") != 0 && strcmp(net, "host") != 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "network mode \"%.100s\" is not supported: this version has only none and host", net);
    return 0;
}

/* --- files of the network --- */
int host_extra_host_parse(const char *text, char **ret_name, char **ret_address, struct creel_err *err)
{
    size_t n = strcspn(text, ":=");
    const char *address = text[n] != '\0' ? text + n + 1 : "";
    size_t len = strlen(address);
    if (n == 0 || len == 0 || n > 253 || len > 64)
        return creel_fail(err, CREEL_INVALID, 0, "bad format for add-host: \"%.200s\"", text);
    if (strcmp(address, "host-gateway") == 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "add-host \"%.200s\": there is no gateway, this version has only the networks none and host", text);
    if (address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (strspn(address, "0123456789abcdefABCDEF.:") < len || strcspn(text, " \t#") < n || !text_is_printable(text))
        return creel_fail(err, CREEL_INVALID, 0, "invalid IP address or name in add-host: \"%.200s\"", text);
    *ret_name = strndup(text, n);
    *ret_address = strndup(address, len);
    if (*ret_name == NULL || *ret_address == NULL) {
        free(*ret_name);
        free(*ret_address);
        return creel_fail_nomem(err);
    }
    return 0;
}

static int line_words_check(const char *what, const json_t *list, const char *allowed, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v) {
        const char *s = json_string_value(v);
        size_t n = strlen(s);
        bool ok = n > 0 && n < 256 && (allowed != NULL ? strspn(s, allowed) == n : strcspn(s, " \t#;") == n);
        if (!ok || !text_is_printable(s))
            return creel_fail(err, CREEL_INVALID, 0, "invalid value in %s: \"%.200s\"", what, s);
    }
    return 0;
}

static int network_files_check(const json_t *h, struct creel_err *err)
{
    size_t i;
    json_t *v;
    if (line_words_check("Dns", json_object_get(h, "Dns"), "0123456789abcdefABCDEF.:%", err) < 0
        || line_words_check("DnsSearch", json_object_get(h, "DnsSearch"), NULL, err) < 0
        || line_words_check("DnsOptions", json_object_get(h, "DnsOptions"), NULL, err) < 0)
        return -1;
    json_array_foreach(json_object_get(h, "ExtraHosts"), i, v) {
        auto_free char *name = NULL;
        auto_free char *address = NULL;
        if (host_extra_host_parse(json_string_value(v), &name, &address, err) < 0)
            return -1;
    }
    return 0;
}

/* --- the rest --- */
static int capabilities_check(const json_t *h, struct creel_err *err)
{
    static const char *const members[] = { "CapAdd", "CapDrop" };
    for (size_t m = 0; m < ARRAY_LEN(members); m++) {
        size_t i;
        json_t *v;
        json_array_foreach(json_object_get(h, members[m]), i, v) {
            const char *s = json_string_value(v);
            if (strcasecmp(s, "ALL") != 0 && capability_number(s) < 0)
                return creel_fail(err, CREEL_INVALID, 0, "invalid %s: unknown capability: \"%.100s\"", members[m], s);
        }
    }
    return 0;
}

static int restart_check(const json_t *h, struct creel_err *err)
{
    const json_t *policy = json_object_get(h, "RestartPolicy");
    const char *name = json_text(policy, "Name");
    int64_t retries = json_number(policy, "MaximumRetryCount");
    static const char *const known[] = { "", "no", "always", "unless-stopped", "on-failure" };
    size_t at = 0;
    while (at < ARRAY_LEN(known) && strcmp(known[at], name) != 0)
        at++;
    if (at == ARRAY_LEN(known))
        return creel_fail(err, CREEL_INVALID, 0, "invalid restart policy: unknown policy '%.100s'", name);
    if (retries != 0 && strcmp(name, "on-failure") != 0)
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid restart policy: maximum retry count can only be used with 'on-failure'");
    if (at > 1 && json_flag(h, "AutoRemove"))
        return creel_fail(err, CREEL_INVALID, 0, "can't create 'AutoRemove' container with restart policy");
    if (at > 1)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "restart policy '%s' is not supported yet, only 'no' is", name);
    return 0;
}

static int misc_check(const json_t *h, struct creel_err *err)
{
    int64_t oom = json_number(h, "OomScoreAdj");
    const char *parent = json_text(h, "CgroupParent"), *isolation = json_text(h, "Isolation");
    const char *runtime = json_text(h, "Runtime");
    const char *key;
    json_t *v;
    if (oom < -1000 || oom > 1000)
        return creel_fail(err, CREEL_INVALID, 0, "Invalid value %" PRId64 ", range for oom score adj is [-1000, 1000]",
                          oom);
    if (isolation[0] != '\0' && strcmp(isolation, "default") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid isolation '%.100s' on linux", isolation);
    if (!text_is_printable(parent) || strstr(parent, "..") != NULL || strlen(parent) > 255)
        return creel_fail(err, CREEL_INVALID, 0, "invalid cgroup parent '%.100s'", parent);
    if (!text_is_printable(runtime) || strlen(runtime) > 4000)
        return creel_fail(err, CREEL_INVALID, 0, "invalid runtime name: control characters are not allowed");
    json_object_foreach(json_object_get(h, "Annotations"), key, v)
        if (key[0] == '\0')
            return creel_fail(err, CREEL_INVALID, 0, "invalid annotation: a name must not be empty");
    return 0;
}

static int paths_check(const json_t *h, const char *member, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(h, member), i, v)
        if (json_string_value(v)[0] != '/')
            return creel_fail(err, CREEL_INVALID, 0, "%s: path '%.200s' must be absolute", member, json_string_value(v));
    return 0;
}

int host_config_check(const json_t *host, struct creel_err *err)
{
    struct security_options security;
    struct log_options log;
    auto_mount_points struct mount_points mounts = { 0 };
    if (memory_check(host, err) < 0 || cpu_check(host, err) < 0 || blkio_check(host, err) < 0
        || ulimits_check(json_object_get(host, "Ulimits"), err) < 0 || devices_check(host, err) < 0
        || modes_check(host, err) < 0 || sysctls_check(host, err) < 0 || network_files_check(host, err) < 0
        || capabilities_check(host, err) < 0 || restart_check(host, err) < 0 || misc_check(host, err) < 0
        || paths_check(host, "MaskedPaths", err) < 0 || paths_check(host, "ReadonlyPaths", err) < 0
        || security_options_parse(host, &security, err) < 0 || log_options_parse(host, &log, err) < 0
        || mount_points_parse(host, &mounts, err) < 0)
        return -1;
    return 0;
}
