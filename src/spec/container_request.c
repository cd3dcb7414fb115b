/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and the checks that concern one member or a few of them. The members' order is the one inspect shows. */
#include "spec/container_request.h"

#include "spec/host_config.h"
#include "spec/signal_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NO_NETWORKS "this version has only the networks none and host"
#define NO_VOLUMES "volumes are not supported yet; bind a host directory instead"
#define WINDOWS "it only exists for Windows containers"

#define FIELDS(table) { .fields = (table), .count = ARRAY_LEN(table) }

/* --- Config --- */
static const struct schema_field health_fields[] = {
    { "Test", SCHEMA_STRINGS },
    { "Interval", SCHEMA_INT },
    { "Timeout", SCHEMA_INT },
    { "StartPeriod", SCHEMA_INT },
    { "StartInterval", SCHEMA_INT },
    { "Retries", SCHEMA_INT, .min = 0, .max = INT32_MAX },
};
static const struct schema health_schema = FIELDS(health_fields);

static const struct schema_field config_fields[] = {
    { "Hostname", SCHEMA_STRING, .fill = "\"\"" },
    { "Domainname", SCHEMA_STRING, .fill = "\"\"" },
    { "User", SCHEMA_STRING, .fill = "\"\"" },
    { "AttachStdin", SCHEMA_BOOL, .fill = "false" },
    { "AttachStdout", SCHEMA_BOOL, .fill = "false" },
    { "AttachStderr", SCHEMA_BOOL, .fill = "false" },
    { "ExposedPorts", SCHEMA_SET },
    { "Tty", SCHEMA_BOOL, .fill = "false" },
    { "OpenStdin", SCHEMA_BOOL, .fill = "false" },
    { "StdinOnce", SCHEMA_BOOL, .fill = "false" },
    { "Env", SCHEMA_STRINGS, .fill = "[]" },
    { "Cmd", SCHEMA_COMMAND, .fill = "null" },
    { "Healthcheck", SCHEMA_OBJECT, .sub = &health_schema },
    { "ArgsEscaped", SCHEMA_BOOL },
    { "Image", SCHEMA_STRING, .fill = "\"\"" },
    { "Volumes", SCHEMA_SET, .fill = "null" },
    { "WorkingDir", SCHEMA_STRING, .fill = "\"\"" },
    { "Entrypoint", SCHEMA_COMMAND, .keep = true, .fill = "null" },
    { "NetworkDisabled", SCHEMA_BOOL },
    { "MacAddress", SCHEMA_STRING, .refuse = NO_NETWORKS },
    { "OnBuild", SCHEMA_STRINGS, .fill = "null" },
    { "Labels", SCHEMA_STRING_MAP, .fill = "{}" },
    { "StopSignal", SCHEMA_STRING },
    { "StopTimeout", SCHEMA_INT, .keep = true, .min = -1, .max = INT32_MAX },
    { "Shell", SCHEMA_STRINGS },
};
static const struct schema config_schema = FIELDS(config_fields);

/* --- HostConfig --- */
static const struct schema_field log_fields[] = {
    { "Type", SCHEMA_STRING, .fill = "\"\"" },
    { "Config", SCHEMA_STRING_MAP, .fill = "{}" },
};
static const struct schema log_schema = FIELDS(log_fields);

static const struct schema_field restart_fields[] = {
    { "Name", SCHEMA_STRING, .fill = "\"no\"" },
    { "MaximumRetryCount", SCHEMA_INT, .fill = "0", .min = INT32_MIN, .max = INT32_MAX },
};
static const struct schema restart_schema = FIELDS(restart_fields);

static const struct schema_field weight_fields[] = {
    { "Path", SCHEMA_STRING, .fill = "\"\"" },
    { "Weight", SCHEMA_INT, .fill = "0", .min = 0, .max = UINT16_MAX },
};
static const struct schema weight_schema = FIELDS(weight_fields);

static const struct schema_field throttle_fields[] = {
    { "Path", SCHEMA_STRING, .fill = "\"\"" },
    { "Rate", SCHEMA_INT, .fill = "0", .min = 0, .max = INT64_MAX },
};
static const struct schema throttle_schema = FIELDS(throttle_fields);

static const struct schema_field device_fields[] = {
    { "PathOnHost", SCHEMA_STRING, .fill = "\"\"" },
    { "PathInContainer", SCHEMA_STRING, .fill = "\"\"" },
    { "CgroupPermissions", SCHEMA_STRING, .fill = "\"\"" },
};
static const struct schema device_schema = FIELDS(device_fields);

static const struct schema_field ulimit_fields[] = {
    { "Name", SCHEMA_STRING, .fill = "\"\"" },
    { "Hard", SCHEMA_INT, .fill = "0", .min = -1, .max = INT64_MAX },
    { "Soft", SCHEMA_INT, .fill = "0", .min = -1, .max = INT64_MAX },
};
static const struct schema ulimit_schema = FIELDS(ulimit_fields);

static const struct schema_field bind_option_fields[] = {
    { "Propagation", SCHEMA_STRING },
    { "NonRecursive", SCHEMA_BOOL },
    { "CreateMountpoint", SCHEMA_BOOL },
    { "ReadOnlyNonRecursive", SCHEMA_BOOL },
    { "ReadOnlyForceRecursive", SCHEMA_BOOL },
};
static const struct schema bind_option_schema = FIELDS(bind_option_fields);

static const struct schema_field driver_config_fields[] = {
    { "Name", SCHEMA_STRING },
    { "Options", SCHEMA_STRING_MAP },
};
static const struct schema driver_config_schema = FIELDS(driver_config_fields);

static const struct schema_field volume_option_fields[] = {
    { "NoCopy", SCHEMA_BOOL },
    { "Labels", SCHEMA_STRING_MAP },
    { "Subpath", SCHEMA_STRING },
    { "DriverConfig", SCHEMA_OBJECT, .sub = &driver_config_schema },
};
static const struct schema volume_option_schema = FIELDS(volume_option_fields);

static const struct schema_field tmpfs_option_fields[] = {
    { "SizeBytes", SCHEMA_INT, .min = 0, .max = INT64_MAX },
    { "Mode", SCHEMA_INT, .min = 0, .max = 07777 },
    { "Options", SCHEMA_ANY_LIST }, /* lists of one or two strings; read by mount_point.c */
};
static const struct schema tmpfs_option_schema = FIELDS(tmpfs_option_fields);

static const struct schema_field mount_fields[] = {
    { "Type", SCHEMA_STRING },
    { "Source", SCHEMA_STRING },
    { "Target", SCHEMA_STRING },
    { "ReadOnly", SCHEMA_BOOL },
    { "Consistency", SCHEMA_STRING },
    { "BindOptions", SCHEMA_OBJECT, .sub = &bind_option_schema },
    { "VolumeOptions", SCHEMA_OBJECT, .sub = &volume_option_schema },
    { "ImageOptions", SCHEMA_ANY_MAP, .refuse = "mounting images is not supported yet" },
    { "TmpfsOptions", SCHEMA_OBJECT, .sub = &tmpfs_option_schema },
    { "ClusterOptions", SCHEMA_ANY_MAP, .refuse = "there is no cluster mode" },
};
static const struct schema mount_schema = FIELDS(mount_fields);

static const struct schema_field host_fields[] = {
    { "Binds", SCHEMA_STRINGS, .fill = "null" },
    { "ContainerIDFile", SCHEMA_STRING, .fill = "\"\"" },
    { "LogConfig", SCHEMA_OBJECT, .sub = &log_schema, .fill = "{\"Type\":\"json-file\",\"Config\":{}}" },
    { "NetworkMode", SCHEMA_STRING, .fill = "\"none\"" },
    { "PortBindings", SCHEMA_ANY_MAP, .fill = "{}",
      .refuse = "publishing ports needs a network, and " NO_NETWORKS },
    { "RestartPolicy", SCHEMA_OBJECT, .sub = &restart_schema, .fill = "{\"Name\":\"no\",\"MaximumRetryCount\":0}" },
    { "AutoRemove", SCHEMA_BOOL, .fill = "false" },
    { "VolumeDriver", SCHEMA_STRING, .fill = "\"\"", .refuse = NO_VOLUMES },
    { "VolumesFrom", SCHEMA_STRINGS, .fill = "null", .refuse = NO_VOLUMES },
    { "ConsoleSize", SCHEMA_INTS, .fill = "[0,0]", .min = 0, .max = UINT16_MAX },
    { "Annotations", SCHEMA_STRING_MAP },
    { "CapAdd", SCHEMA_STRINGS, .fill = "null" },
    { "CapDrop", SCHEMA_STRINGS, .fill = "null" },
    { "CgroupnsMode", SCHEMA_STRING, .fill = "\"\"" },
    { "Dns", SCHEMA_STRINGS, .fill = "[]" },
    { "DnsOptions", SCHEMA_STRINGS, .fill = "[]" },
    { "DnsSearch", SCHEMA_STRINGS, .fill = "[]" },
    { "ExtraHosts", SCHEMA_STRINGS, .fill = "null" },
    { "GroupAdd", SCHEMA_STRINGS, .fill = "null" },
    { "IpcMode", SCHEMA_STRING, .fill = "\"private\"" },
    { "Cgroup", SCHEMA_STRING, .fill = "\"\"", .refuse = "joining another container's cgroup is not supported" },
    { "Links", SCHEMA_STRINGS, .fill = "null", .refuse = "links need a network, and " NO_NETWORKS },
    { "OomScoreAdj", SCHEMA_INT, .fill = "0" },
    { "PidMode", SCHEMA_STRING, .fill = "\"\"" },
    { "Privileged", SCHEMA_BOOL, .fill = "false" },
    { "PublishAllPorts", SCHEMA_BOOL, .fill = "false",
      .refuse = "publishing ports needs a network, and " NO_NETWORKS },
    { "ReadonlyRootfs", SCHEMA_BOOL, .fill = "false" },
    { "SecurityOpt", SCHEMA_STRINGS, .fill = "null" },
    { "StorageOpt", SCHEMA_STRING_MAP, .refuse = "the overlay storage has no per-container options" },
    { "Tmpfs", SCHEMA_STRING_MAP },
    { "UTSMode", SCHEMA_STRING, .fill = "\"\"" },
    { "UsernsMode", SCHEMA_STRING, .fill = "\"\"" },
    { "ShmSize", SCHEMA_INT, .fill = "67108864" },
    { "Sysctls", SCHEMA_STRING_MAP },
    { "Runtime", SCHEMA_STRING, .fill = "\"creel\"" },
    { "Isolation", SCHEMA_STRING, .fill = "\"\"" },
    { "CpuShares", SCHEMA_INT, .fill = "0" },
    { "Memory", SCHEMA_INT, .fill = "0" },
    { "NanoCpus", SCHEMA_INT, .fill = "0" },
    { "CgroupParent", SCHEMA_STRING, .fill = "\"\"" },
    { "BlkioWeight", SCHEMA_INT, .fill = "0", .min = 0, .max = UINT16_MAX },
    { "BlkioWeightDevice", SCHEMA_OBJECTS, .sub = &weight_schema, .fill = "[]" },
    { "BlkioDeviceReadBps", SCHEMA_OBJECTS, .sub = &throttle_schema, .fill = "[]" },
    { "BlkioDeviceWriteBps", SCHEMA_OBJECTS, .sub = &throttle_schema, .fill = "[]" },
    { "BlkioDeviceReadIOps", SCHEMA_OBJECTS, .sub = &throttle_schema, .fill = "[]" },
    { "BlkioDeviceWriteIOps", SCHEMA_OBJECTS, .sub = &throttle_schema, .fill = "[]" },
    { "CpuPeriod", SCHEMA_INT, .fill = "0" },
    { "CpuQuota", SCHEMA_INT, .fill = "0" },
    { "CpuRealtimePeriod", SCHEMA_INT, .fill = "0" },
    { "CpuRealtimeRuntime", SCHEMA_INT, .fill = "0" },
    { "CpusetCpus", SCHEMA_STRING, .fill = "\"\"" },
    { "CpusetMems", SCHEMA_STRING, .fill = "\"\"" },
    { "Devices", SCHEMA_OBJECTS, .sub = &device_schema, .fill = "[]" },
    { "DeviceCgroupRules", SCHEMA_STRINGS, .fill = "null" },
    { "DeviceRequests", SCHEMA_ANY_LIST, .fill = "null", .refuse = "device drivers (GPUs) are not supported" },
    { "KernelMemory", SCHEMA_INT, .refuse = "the kernel no longer has kernel memory limits" },
    { "KernelMemoryTCP", SCHEMA_INT, .refuse = "the kernel no longer has kernel memory limits" },
    { "MemoryReservation", SCHEMA_INT, .fill = "0" },
    { "MemorySwap", SCHEMA_INT, .fill = "0" },
    { "MemorySwappiness", SCHEMA_INT, .keep = true, .fill = "null" },
    { "OomKillDisable", SCHEMA_BOOL, .fill = "null" },
    { "Init", SCHEMA_BOOL, .keep = true },
    { "PidsLimit", SCHEMA_INT, .fill = "null" },
    { "Ulimits", SCHEMA_OBJECTS, .sub = &ulimit_schema, .fill = "[]" },
    { "CpuCount", SCHEMA_INT, .fill = "0", .refuse = WINDOWS },
    { "CpuPercent", SCHEMA_INT, .fill = "0", .refuse = WINDOWS },
    { "IOMaximumIOps", SCHEMA_INT, .fill = "0", .refuse = WINDOWS },
    { "IOMaximumBandwidth", SCHEMA_INT, .fill = "0", .refuse = WINDOWS },
    { "Mounts", SCHEMA_OBJECTS, .sub = &mount_schema },
    { "MaskedPaths", SCHEMA_STRINGS, .keep = true, .fill = "null" },
    { "ReadonlyPaths", SCHEMA_STRINGS, .keep = true, .fill = "null" },
};
static const struct schema host_schema = FIELDS(host_fields);

/* --- NetworkingConfig --- */
static const struct schema_field endpoint_fields[] = {
    { "IPAMConfig", SCHEMA_ANY_MAP, .refuse = NO_NETWORKS },
    { "Links", SCHEMA_STRINGS, .refuse = NO_NETWORKS },
    { "Aliases", SCHEMA_STRINGS, .refuse = NO_NETWORKS },
    { "MacAddress", SCHEMA_STRING, .refuse = NO_NETWORKS },
    { "DriverOpts", SCHEMA_STRING_MAP, .refuse = NO_NETWORKS },
    { "GwPriority", SCHEMA_INT, .refuse = NO_NETWORKS },
    { "NetworkID", SCHEMA_STRING, .refuse = NO_NETWORKS },
    { "EndpointID", SCHEMA_STRING },
    { "Gateway", SCHEMA_STRING },
    { "IPAddress", SCHEMA_STRING },
    { "IPPrefixLen", SCHEMA_INT },
    { "IPv6Gateway", SCHEMA_STRING },
    { "GlobalIPv6Address", SCHEMA_STRING },
    { "GlobalIPv6PrefixLen", SCHEMA_INT },
    { "DNSNames", SCHEMA_STRINGS },
};
static const struct schema endpoint_schema = FIELDS(endpoint_fields);

static const struct schema_field networking_fields[] = {
    { "EndpointsConfig", SCHEMA_OBJECT_MAP, .sub = &endpoint_schema },
};
static const struct schema networking_schema = FIELDS(networking_fields);

/* --- exec --- */
static const struct schema_field exec_fields[] = {
    { "User", SCHEMA_STRING },
    { "Privileged", SCHEMA_BOOL },
    { "Tty", SCHEMA_BOOL },
    { "ConsoleSize", SCHEMA_INTS, .min = 0, .max = UINT16_MAX },
    { "AttachStdin", SCHEMA_BOOL },
    { "AttachStderr", SCHEMA_BOOL },
    { "AttachStdout", SCHEMA_BOOL },
    { "Detach", SCHEMA_BOOL },
    { "DetachKeys", SCHEMA_STRING },
    { "Env", SCHEMA_STRINGS },
    { "WorkingDir", SCHEMA_STRING },
    { "Cmd", SCHEMA_COMMAND },
};
static const struct schema exec_schema = FIELDS(exec_fields);

void container_request_fini(struct container_request *r)
{
    json_decref(r->config);
    json_decref(r->host);
    json_decref(r->networking);
    *r = (struct container_request){ 0 };
}

json_t *container_config_fill(const json_t *config)
{
    return schema_fill(&config_schema, config);
}

json_t *host_config_fill(const json_t *host)
{
    return schema_fill(&host_schema, host);
}

bool text_is_printable(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

int command_check(const char *what, const json_t *list, struct creel_err *err)
{
    enum { KERNEL_STRING_MAX = 131071, KERNEL_TOTAL_MAX = 6 << 20 }; /* MAX_ARG_STRLEN - 1; three quarters of 8 MiB */
    size_t i, total = 0;
    json_t *v;
    json_array_foreach((json_t *)list, i, v) {
        size_t len = json_string_length(v);
        if (len > KERNEL_STRING_MAX)
            return creel_fail(err, CREEL_INVALID, 0, "%s[%zu] is %zu bytes long, the kernel takes at most %d", what, i,
                              len, KERNEL_STRING_MAX);
        total += len + 1 + sizeof(char *);
    }
    if (total > KERNEL_TOTAL_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%s is %zu bytes long in all, the kernel takes at most %d", what, total,
                          KERNEL_TOTAL_MAX);
    return 0;
}

static int env_check(const json_t *env, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)env, i, v) {
        const char *s = json_string_value(v);
        if (s[0] == '\0' || s[0] == '=')
            return creel_fail(err, CREEL_INVALID, 0, "invalid environment variable: %.100s", s);
    }
    return command_check("Env", env, err);
}

static int labels_check(const char *what, const json_t *labels, struct creel_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)labels, key, v)
        if (key[0] == '\0')
            return creel_fail(err, CREEL_INVALID, 0, "invalid %s: a name must not be empty", what);
    return 0;
}

static int healthcheck_check(const json_t *health, struct creel_err *err)
{
    const json_t *test = json_object_get(health, "Test");
    const char *kind = json_array_size(test) > 0 ? json_string_value(json_array_get(test, 0)) : NULL;
    static const char *const times[] = { "Interval", "Timeout", "StartPeriod", "StartInterval" };
    if (kind != NULL && strcmp(kind, "NONE") != 0 && strcmp(kind, "CMD") != 0 && strcmp(kind, "CMD-SHELL") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "Unknown Type '%.100s' in HEALTHCHECK (try CMD)", kind);
    if (kind != NULL && strncmp(kind, "CMD", 3) == 0 && json_array_size(test) < 2)
        return creel_fail(err, CREEL_INVALID, 0, "Healthcheck.Test has no command behind %s", kind);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        int64_t ns = json_number(health, times[i]);
        if (ns != 0 && ns < 1000000)
            return creel_fail(err, CREEL_INVALID, 0, "%s in Healthcheck cannot be less than 1ms", times[i]);
    }
    return 0;
}

/* "80", "80/tcp", "8000-8010/udp" */
static int ports_check(const json_t *ports, struct creel_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)ports, key, v) {
        unsigned from = 0, to = 0;
        char proto[5] = "tcp", rest;
        bool ok = sscanf(key, "%5u%c", &from, &rest) == 1 || sscanf(key, "%5u/%4[a-z]%c", &from, proto, &rest) == 2
                  || sscanf(key, "%5u-%5u%c", &from, &to, &rest) == 2
                  || sscanf(key, "%5u-%5u/%4[a-z]%c", &from, &to, proto, &rest) == 3;
        bool known = strcmp(proto, "tcp") == 0 || strcmp(proto, "udp") == 0 || strcmp(proto, "sctp") == 0;
        if (!ok || !known || from < 1 || from > 65535 || to > 65535 || (to != 0 && to < from))
            return creel_fail(err, CREEL_INVALID, 0, "invalid port in ExposedPorts: %.100s", key);
    }
    return 0;
}

static int hostname_check(const char *what, const char *name, struct creel_err *err)
{
    size_t n = strlen(name);
    if (n > 64)
        return creel_fail(err, CREEL_INVALID, 0, "%s is %zu bytes long, the kernel takes at most 64", what, n);
    for (const char *p = name; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '/')
            return creel_fail(err, CREEL_INVALID, 0, "invalid %s: blanks, slashes and control characters are not allowed",
                              what);
    return 0;
}

static int config_check(const json_t *c, struct creel_err *err)
{
    const char *dir = json_text(c, "WorkingDir"), *signal = json_text(c, "StopSignal"), *user = json_text(c, "User");
    if (hostname_check("hostname", json_text(c, "Hostname"), err) < 0
        || hostname_check("domainname", json_text(c, "Domainname"), err) < 0
        || env_check(json_object_get(c, "Env"), err) < 0
        || command_check("Cmd", json_object_get(c, "Cmd"), err) < 0
        || command_check("Entrypoint", json_object_get(c, "Entrypoint"), err) < 0
        || labels_check("label", json_object_get(c, "Labels"), err) < 0
        || healthcheck_check(json_object_get(c, "Healthcheck"), err) < 0
        || ports_check(json_object_get(c, "ExposedPorts"), err) < 0)
        return -1;
    if (dir[0] != '\0' && dir[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0,
                          "the working directory '%.200s' is invalid, it needs to be an absolute path", dir);
    int signo;
    if (signal[0] != '\0' && !signal_name_parse(signal, &signo))
        return creel_fail(err, CREEL_INVALID, 0, "Invalid signal: %.100s", signal);
    if (!text_is_printable(user))
        return creel_fail(err, CREEL_INVALID, 0, "invalid user: control characters are not allowed");
    if (json_object_get(c, "Volumes") != NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "Volumes: %s", NO_VOLUMES);
    return 0;
}

/* Names of networks in EndpointsConfig are tolerated, as clients send "default" or what NetworkMode says; what they ask
 * for inside was refused by the table. */
static int networking_check(const json_t *networking, struct creel_err *err)
{
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(networking, "EndpointsConfig"), name, v)
        if (strcmp(name, "default") != 0 && strcmp(name, "none") != 0 && strcmp(name, "host") != 0
            && strcmp(name, "bridge") != 0)
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "network %.100s: %s", name, NO_NETWORKS);
    return 0;
}

/* Conflicts between the two halves. */
static int together_check(const struct container_request *r, struct creel_err *err)
{
    const char *network = json_text(r->host, "NetworkMode");
    if (json_text(r->config, "Hostname")[0] != '\0' && strcmp(json_text(r->host, "UTSMode"), "host") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "conflicting options: hostname and the UTS mode");
    if (json_flag(r->config, "NetworkDisabled") && strcmp(network, "host") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "conflicting options: NetworkDisabled and the network mode host");
    return 0;
}

/* Docker's sentinels for "not set" (docker-api.md, 6.2) become absent, so that there is one form of it. */
static int host_sentinels(json_t *host, struct creel_err *err)
{
    const char *network = json_text(host, "NetworkMode");
    int r = 0;
    if (json_number(host, "MemorySwappiness") == -1)
        r |= json_object_del(host, "MemorySwappiness");
    if (json_object_get(host, "PidsLimit") != NULL && json_number(host, "PidsLimit") <= 0)
        r |= json_object_del(host, "PidsLimit");
    if (strcmp(network, "") == 0 || strcmp(network, "default") == 0)
        r |= json_object_set_new(host, "NetworkMode", json_string("none"));
    if (strcmp(json_text(host, "Isolation"), "default") == 0)
        r |= json_object_del(host, "Isolation");
    if (json_number(host, "Memory") > 0 && json_number(host, "MemorySwap") == 0) {
        int64_t memory = json_number(host, "Memory");
        int64_t swap = memory > INT64_MAX / 2 ? -1 : memory * 2;
        r |= json_object_set_new(host, "MemorySwap", json_integer(swap));
    }
    return r != 0 ? creel_fail_nomem(err) : 0;
}

static int shares_clamp(json_t *host, struct strv *warnings, struct creel_err *err)
{
    enum { SHARES_MIN = 2, SHARES_MAX = 262144 };
    int64_t shares = json_number(host, "CpuShares");
    int64_t used = shares == 0 ? 0 : shares < SHARES_MIN ? SHARES_MIN : shares > SHARES_MAX ? SHARES_MAX : shares;
    if (used == shares)
        return 0;
    if (json_object_set_new(host, "CpuShares", json_integer(used)) < 0
        || (warnings != NULL
            && !strv_addf(warnings, "CpuShares %" PRId64 " is outside %d..%d, %" PRId64 " is used", shares, SHARES_MIN,
                          SHARES_MAX, used)))
        return creel_fail_nomem(err);
    return 0;
}

/* The host network has no ports to publish; Docker accepts and drops the request with a warning. */
static int host_network_ports(json_t *host, struct strv *warnings, struct creel_err *err)
{
    if (strcmp(json_text(host, "NetworkMode"), "host") != 0)
        return 0;
    bool any = json_object_size(json_object_get(host, "PortBindings")) > 0 || json_flag(host, "PublishAllPorts");
    (void)json_object_del(host, "PortBindings"); /* absent is fine */
    (void)json_object_del(host, "PublishAllPorts");
    if (any && warnings != NULL && !strv_add(warnings, "Published ports are discarded when using host network mode"))
        return creel_fail_nomem(err);
    return 0;
}

/* A create body is Config with two more members in it. Takes them out of `top`. */
static int member_take(json_t *top, const char *name, json_t **ret, struct creel_err *err)
{
    const char *key;
    json_t *v, *found = NULL;
    char spelled[32] = "";
    json_object_foreach(top, key, v) {
        if (strcasecmp(key, name) != 0)
            continue;
        if (found != NULL)
            return creel_fail(err, CREEL_INVALID, 0, "member %s is given twice", name);
        found = v;
        (void)snprintf(spelled, sizeof spelled, "%s", key);
    }
    if (found != NULL && !json_is_object(found) && !json_is_null(found))
        return creel_fail(err, CREEL_INVALID, 0, "%s must be an object", name);
    *ret = json_is_object(found) ? json_incref(found) : json_object();
    if (spelled[0] != '\0')
        (void)json_object_del(top, spelled);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

int container_request_parse(const char *text, size_t len, struct container_request *ret, struct strv *warnings,
                            struct creel_err *err)
{
    auto_json top = NULL;
    auto_json host = NULL;
    auto_json networking = NULL;
    auto_container_request r = { 0 };
    if (schema_parse("create request", text, len, &top, err) < 0)
        return -1;
    if (json_object_size(top) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "Config cannot be empty in order to create a container");
    if (member_take(top, "HostConfig", &host, err) < 0 || member_take(top, "NetworkingConfig", &networking, err) < 0
        || host_network_ports(host, warnings, err) < 0
        || schema_normalise(&config_schema, "", top, &r.config, err) < 0
        || schema_normalise(&host_schema, "HostConfig.", host, &r.host, err) < 0
        || schema_normalise(&networking_schema, "NetworkingConfig.", networking, &r.networking, err) < 0
        || config_check(r.config, err) < 0 || networking_check(r.networking, err) < 0 || host_config_check(r.host, err) < 0
        || together_check(&r, err) < 0 || host_sentinels(r.host, err) < 0 || shares_clamp(r.host, warnings, err) < 0)
        return -1;
    *ret = r;
    r = (struct container_request){ 0 };
    return 0;
}

/* --- update --- */
static const char *const updatable[] = {
    "BlkioWeight", "CpuShares", "NanoCpus", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime",
    "CpusetCpus", "CpusetMems", "Memory", "MemorySwap", "MemoryReservation", "PidsLimit", "RestartPolicy",
};

static bool is_updatable(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(updatable); i++)
        if (strcmp(updatable[i], name) == 0)
            return true;
    return false;
}

/* The values by themselves. Swap is judged together with the memory limit, which may be the stored one: after merging. */
static int update_alone_check(const json_t *norm, struct creel_err *err)
{
    auto_json alone = json_copy((json_t *)norm);
    if (alone == NULL)
        return creel_fail_nomem(err);
    if (json_number(alone, "Memory") == 0 && json_number(alone, "MemorySwap") > 0)
        (void)json_object_del(alone, "MemorySwap");
    return host_config_check(alone, err);
}

int update_request_parse(const char *text, size_t len, json_t **ret, struct creel_err *err)
{
    auto_json top = NULL;
    auto_json norm = NULL;
    const char *key;
    json_t *v;
    if (schema_parse("update request", text, len, &top, err) < 0)
        return -1;
    /* "0" takes a pids limit away, absent keeps it: the one member whose zero says something. */
    const json_t *pids = json_object_get(top, "PidsLimit");
    bool pids_none = json_is_integer(pids) && json_integer_value(pids) <= 0;
    if (json_number(top, "MemorySwappiness") == -1) /* what clients send for "not set" */
        (void)json_object_del(top, "MemorySwappiness");
    if (schema_normalise(&host_schema, "", top, &norm, err) < 0)
        return -1;
    json_object_foreach(norm, key, v)
        if (!is_updatable(key))
            return creel_fail(err, CREEL_INVALID, 0, "%s of a container cannot be updated", key);
    if (pids_none && json_object_set_new(norm, "PidsLimit", json_integer(-1)) < 0)
        return creel_fail_nomem(err);
    if (update_alone_check(norm, err) < 0 || shares_clamp(norm, NULL, err) < 0)
        return -1;
    *ret = ptr_take(&norm);
    return 0;
}

static int update_conflicts(const json_t *host, const json_t *update, struct creel_err *err)
{
    static const struct { const char *given, *stored, *given_text, *stored_text; } pairs[] = {
        { "NanoCpus", "CpuPeriod", "Nano CPUs", "CPU Period has already been set" },
        { "NanoCpus", "CpuQuota", "Nano CPUs", "CPU Quota has already been set" },
        { "CpuPeriod", "NanoCpus", "CPU Period", "Nano CPUs has already been set" },
        { "CpuQuota", "NanoCpus", "CPU Quota", "Nano CPUs has already been set" },
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (json_number(update, pairs[i].given) > 0 && json_number(host, pairs[i].stored) > 0)
            return creel_fail(err, CREEL_CONFLICT, 0, "Conflicting options: %s cannot be updated as %s",
                              pairs[i].given_text, pairs[i].stored_text);
    if (json_number(update, "Memory") > json_number(host, "MemorySwap") && json_object_get(update, "MemorySwap") == NULL
        && json_object_get(update, "Memory") != NULL)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at "
                          "the same time");
    const char *policy = json_text(json_object_get(update, "RestartPolicy"), "Name");
    if (json_flag(host, "AutoRemove") && policy[0] != '\0' && strcmp(policy, "no") != 0)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "Restart policy cannot be updated because AutoRemove is enabled for the container");
    return 0;
}

int update_request_merge(const json_t *host, const json_t *update, json_t **ret, struct creel_err *err)
{
    auto_json merged = json_copy((json_t *)host); /* shallow: members are replaced, never changed */
    const char *key;
    json_t *v;
    if (merged == NULL)
        return creel_fail_nomem(err);
    if (update_conflicts(host, update, err) < 0)
        return -1;
    json_object_foreach((json_t *)update, key, v)
        if (json_object_set(merged, key, v) < 0)
            return creel_fail_nomem(err);
    if (json_number(merged, "PidsLimit") < 0)
        (void)json_object_del(merged, "PidsLimit");
    if (host_config_check(merged, err) < 0)
        return -1;
    *ret = ptr_take(&merged);
    return 0;
}

/* --- exec --- */
int exec_request_parse(const char *text, size_t len, json_t **ret, struct creel_err *err)
{
    auto_json top = NULL;
    auto_json norm = NULL;
    if (schema_parse("exec request", text, len, &top, err) < 0
        || schema_normalise(&exec_schema, "", top, &norm, err) < 0)
        return -1;
    const json_t *cmd = json_object_get(norm, "Cmd");
    const char *dir = json_text(norm, "WorkingDir");
    if (json_array_size(cmd) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "No exec command specified");
    if (command_check("Cmd", cmd, err) < 0 || env_check(json_object_get(norm, "Env"), err) < 0)
        return -1;
    if (dir[0] != '\0' && dir[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0,
                          "the working directory '%.200s' is invalid, it needs to be an absolute path", dir);
    if (!text_is_printable(json_text(norm, "User")))
        return creel_fail(err, CREEL_INVALID, 0, "invalid user: control characters are not allowed");
    *ret = ptr_take(&norm);
    return 0;
}
