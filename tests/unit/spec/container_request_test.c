/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "spec/container_request.h"
#include "spec/host_config.h"
#include "spec/log_option.h"
#include "spec/security_option.h"

#include <stdio.h>
#include <string.h>

/* --- requests and what becomes of them --- */
static void check_refused(const char *text, enum creel_kind kind, const char *words)
{
    auto_container_request r = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    if (container_request_parse(text, strlen(text), &r, &warnings, &err) == 0)
        fail_msg("accepted: %s", text);
    if (err.kind != kind || strstr(err.text, words) == NULL)
        fail_msg("%s\n gave %s: %s\n wanted %s: %s", text, creel_kind_name(err.kind), err.text, creel_kind_name(kind), words);
}

static void check_normalised(const char *text, const char *config, const char *host)
{
    auto_container_request r = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    if (container_request_parse(text, strlen(text), &r, &warnings, &err) < 0)
        fail_msg("%s\n refused: %s", text, err.text);
    auto_free char *c = json_dumps(r.config, JSON_COMPACT);
    auto_free char *h = json_dumps(r.host, JSON_COMPACT);
    assert_string_equal(c, config);
    assert_string_equal(h, host);
}

static void defaults_of_docker_clients_leave_nothing_behind(void **state)
{
    (void)state;
    /* what a Docker client sends when asked for nothing in particular */
    static const char text[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":true,"
        "\"AttachStderr\":true,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":[\"true\"],"
        "\"Image\":\"busybox\",\"Volumes\":{},\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{},"
        "\"HostConfig\":{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},"
        "\"NetworkMode\":\"default\",\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},"
        "\"AutoRemove\":false,\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,"
        "\"CapDrop\":null,\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,"
        "\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
        "\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,\"SecurityOpt\":null,\"UTSMode\":\"\","
        "\"UsernsMode\":\"\",\"ShmSize\":0,\"Isolation\":\"default\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,"
        "\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"
        "\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,"
        "\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\","
        "\"Devices\":[],\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
        "\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"PidsLimit\":0,\"Ulimits\":[],\"CpuCount\":0,"
        "\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,\"MaskedPaths\":null,\"ReadonlyPaths\":null},"
        "\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,"
        "\"MacAddress\":\"\",\"DriverOpts\":null,\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\","
        "\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\","
        "\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}}}}";
    check_normalised(text, "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"true\"],\"Image\":\"busybox\"}",
                     "{\"NetworkMode\":\"none\",\"RestartPolicy\":{\"Name\":\"no\"}}");
}

static void spelling_is_normalised_and_strings_become_lists(void **state)
{
    (void)state;
    check_normalised("{\"image\":\"x\",\"CMD\":\"a b\",\"hostconfig\":{\"pidslimit\":7,\"DNS\":[\"1.1.1.1\"]}}",
                     "{\"Cmd\":[\"a b\"],\"Image\":\"x\"}",
                     "{\"Dns\":[\"1.1.1.1\"],\"PidsLimit\":7,\"NetworkMode\":\"none\"}");
}

static void memory_sets_swap_to_twice_itself(void **state)
{
    (void)state;
    check_normalised("{\"Image\":\"x\",\"HostConfig\":{\"Memory\":10485760}}", "{\"Image\":\"x\"}",
                     "{\"Memory\":10485760,\"NetworkMode\":\"none\",\"MemorySwap\":20971520}");
    check_normalised("{\"Image\":\"x\",\"HostConfig\":{\"Memory\":10485760,\"MemorySwap\":-1}}", "{\"Image\":\"x\"}",
                     "{\"Memory\":10485760,\"MemorySwap\":-1,\"NetworkMode\":\"none\"}");
}

static void empty_lists_that_mean_something_are_kept(void **state)
{
    (void)state;
    check_normalised("{\"Image\":\"x\",\"Entrypoint\":[],\"StopTimeout\":0,\"HostConfig\":{\"MaskedPaths\":[],"
                     "\"ReadonlyPaths\":[],\"MemorySwappiness\":0,\"Init\":false,\"PidsLimit\":-1}}",
                     "{\"Image\":\"x\",\"Entrypoint\":[],\"StopTimeout\":0}",
                     "{\"MemorySwappiness\":0,\"Init\":false,\"MaskedPaths\":[],\"ReadonlyPaths\":[],"
                     "\"NetworkMode\":\"none\"}");
}

static void host_network_discards_published_ports_with_a_warning(void **state)
{
    (void)state;
    static const char text[] = "{\"Image\":\"x\",\"HostConfig\":{\"NetworkMode\":\"host\",\"PortBindings\":"
                               "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"80\"}]}}}";
    auto_container_request r = { 0 };
    auto_strv warnings = STRV_INIT;
    assert_int_equal(container_request_parse(text, strlen(text), &r, &warnings, NULL), 0);
    assert_int_equal(warnings.count, 1);
    assert_string_equal(warnings.items[0], "Published ports are discarded when using host network mode");
    assert_null(json_object_get(r.host, "PortBindings"));
}

struct refusal { enum creel_kind kind; const char *body, *words; };

/* `body` goes into {"Image":"x", HERE} */
static const struct refusal refused_config[] = {
    { CREEL_INVALID, "\"Nonsense\":1", "unknown member Nonsense" },
    { CREEL_INVALID, "\"Cmd\":[1]", "Cmd must be a string or a list of strings" },
    { CREEL_INVALID, "\"Tty\":\"yes\"", "Tty must be true or false" },
    { CREEL_INVALID, "\"Tty\":true,\"tty\":true", "member Tty is given twice" },
    { CREEL_INVALID, "\"Env\":[\"\"]", "invalid environment variable" },
    { CREEL_INVALID, "\"Env\":[\"=foo\"]", "invalid environment variable: =foo" },
    { CREEL_INVALID, "\"Env\":{\"A\":\"b\"}", "Env must be a list of strings" },
    { CREEL_INVALID, "\"Labels\":{\"\":\"x\"}", "invalid label" },
    { CREEL_INVALID, "\"Labels\":{\"a\":1}", "Labels must be an object of strings" },
    { CREEL_INVALID, "\"WorkingDir\":\"rel\"", "the working directory 'rel' is invalid, it needs to be an absolute path" },
    { CREEL_INVALID, "\"StopSignal\":\"NOSUCH\"", "Invalid signal: NOSUCH" },
    { CREEL_INVALID, "\"StopSignal\":\"0\"", "Invalid signal: 0" },
    { CREEL_INVALID, "\"Hostname\":\"a b\"", "invalid hostname" },
    { CREEL_INVALID, "\"Hostname\":\"a\\nb\"", "invalid hostname" },
    { CREEL_INVALID, "\"User\":\"a\\nb\"", "invalid user" },
    { CREEL_INVALID, "\"ExposedPorts\":{\"0/tcp\":{}}", "invalid port in ExposedPorts: 0/tcp" },
    { CREEL_INVALID, "\"ExposedPorts\":{\"80/icmp\":{}}", "invalid port in ExposedPorts: 80/icmp" },
    { CREEL_INVALID, "\"ExposedPorts\":{\"80\":1}", "ExposedPorts must be an object of empty objects" },
    { CREEL_INVALID, "\"Healthcheck\":{\"Test\":[\"CMD\"]}", "Healthcheck.Test has no command behind CMD" },
    { CREEL_INVALID, "\"Healthcheck\":{\"Test\":[\"FOO\",\"x\"]}", "Unknown Type 'FOO' in HEALTHCHECK" },
    { CREEL_INVALID, "\"Healthcheck\":{\"Interval\":5}", "Interval in Healthcheck cannot be less than 1ms" },
    { CREEL_INVALID, "\"Healthcheck\":{\"Bogus\":5}", "unknown member Healthcheck.Bogus" },
    { CREEL_UNSUPPORTED, "\"Volumes\":{\"/data\":{}}", "volumes are not supported yet" },
    { CREEL_UNSUPPORTED, "\"MacAddress\":\"02:42:ac:11:00:02\"", "MacAddress" },
    { CREEL_INVALID, "\"Hostname\":\"h\",\"HostConfig\":{\"UTSMode\":\"host\"}",
      "conflicting options: hostname and the UTS mode" },
    { CREEL_INVALID, "\"HostConfig\":[]", "HostConfig must be an object" },
    { CREEL_INVALID, "\"HostConfig\":{},\"hostConfig\":{}", "member HostConfig is given twice" },
    { CREEL_UNSUPPORTED, "\"NetworkingConfig\":{\"EndpointsConfig\":{\"mynet\":{}}}", "network mynet" },
    { CREEL_UNSUPPORTED, "\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":{\"Aliases\":[\"a\"]}}}",
      "NetworkingConfig.EndpointsConfig[none].Aliases" },
};

/* `body` goes into HostConfig */
static const struct refusal refused_host[] = {
    { CREEL_INVALID, "\"Bogus\":true", "unknown member HostConfig.Bogus" },
    { CREEL_INVALID, "\"Memory\":\"1g\"", "HostConfig.Memory must be a whole number" },
    { CREEL_INVALID, "\"Memory\":1.5", "HostConfig.Memory must be a whole number" },
    { CREEL_INVALID, "\"Memory\":1000", "Minimum memory limit allowed is 6MB" },
    { CREEL_INVALID, "\"Memory\":-1", "Minimum memory limit allowed is 6MB" },
    { CREEL_INVALID, "\"Memory\":8388608,\"MemorySwap\":7340032", "Minimum memoryswap limit should be larger" },
    { CREEL_INVALID, "\"MemorySwap\":8388608", "You should always set the Memory limit" },
    { CREEL_INVALID, "\"MemorySwap\":-2", "MemorySwap is -2" },
    { CREEL_INVALID, "\"MemorySwappiness\":101", "valid memory swappiness range is 0-100" },
    { CREEL_INVALID, "\"MemoryReservation\":1000", "Minimum memory reservation allowed is 6MB" },
    { CREEL_INVALID, "\"Memory\":8388608,\"MemoryReservation\":9388608", "can not be less than memory reservation" },
    { CREEL_INVALID, "\"ShmSize\":-1", "SHM size can not be less than 0" },
    { CREEL_INVALID, "\"NanoCpus\":1000000000,\"CpuPeriod\":100000", "Nano CPUs and CPU Period cannot both be set" },
    { CREEL_INVALID, "\"NanoCpus\":1000000000,\"CpuQuota\":100000", "Nano CPUs and CPU Quota cannot both be set" },
    { CREEL_INVALID, "\"NanoCpus\":-5", "Range of CPUs is from 0.01" },
    { CREEL_INVALID, "\"CpuPeriod\":999", "CPU cfs period can not be less than 1ms" },
    { CREEL_INVALID, "\"CpuPeriod\":1000001", "CPU cfs period can not be less than 1ms" },
    { CREEL_INVALID, "\"CpuQuota\":999", "CPU cfs quota can not be less than 1ms" },
    { CREEL_INVALID, "\"CpusetCpus\":\"0-\"", "Invalid value 0- for cpuset cpus" },
    { CREEL_INVALID, "\"CpusetMems\":\"3-1\"", "Invalid value 3-1 for cpuset mems" },
    { CREEL_INVALID, "\"BlkioWeight\":9", "Range of blkio weight is from 10 to 1000" },
    { CREEL_INVALID, "\"BlkioWeight\":70000", "HostConfig.BlkioWeight is 70000, it must be from 0 to 65535" },
    { CREEL_INVALID, "\"BlkioWeightDevice\":[{\"Path\":\"/dev/sda\",\"Weight\":5}]", "Range of blkio weight" },
    { CREEL_INVALID, "\"Ulimits\":[{\"Name\":\"bogus\"}]", "invalid ulimit type: bogus" },
    { CREEL_INVALID, "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":2,\"Hard\":1}]", "ulimit soft limit must be less" },
    { CREEL_INVALID, "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":-1,\"Hard\":1}]", "ulimit soft limit must be less" },
    { CREEL_INVALID, "\"Ulimits\":[{\"Name\":\"core\"},{\"Name\":\"core\"}]", "ulimit core is given twice" },
    { CREEL_INVALID, "\"DeviceCgroupRules\":[\"c 1:3\"]", "invalid device cgroup rule format: 'c 1:3'" },
    { CREEL_INVALID, "\"DeviceCgroupRules\":[\"x 1:3 r\"]", "invalid device cgroup rule format" },
    { CREEL_INVALID, "\"DeviceCgroupRules\":[\"c 1:3 rr\"]", "invalid device cgroup rule format" },
    { CREEL_INVALID, "\"DeviceCgroupRules\":[\"\"]", "invalid device cgroup rule format" },
    { CREEL_INVALID, "\"Devices\":[{\"PathOnHost\":\"null\"}]", "device path 'null' must be absolute" },
    { CREEL_INVALID, "\"Devices\":[{\"PathOnHost\":\"/dev/null\",\"CgroupPermissions\":\"x\"}]", "invalid device mode" },
    { CREEL_INVALID, "\"CapAdd\":[\"CAP_BOGUS\"]", "unknown capability: \"CAP_BOGUS\"" },
    { CREEL_INVALID, "\"CapDrop\":[\"\"]", "invalid CapDrop" },
    { CREEL_INVALID, "\"PidMode\":\"bogus\"", "invalid PID mode: \"bogus\"" },
    { CREEL_INVALID, "\"PidMode\":\"container:\"", "invalid PID mode" },
    { CREEL_INVALID, "\"PidMode\":\"shareable\"", "invalid PID mode" },
    { CREEL_INVALID, "\"IpcMode\":\"bogus\"", "Invalid IPC mode: bogus" },
    { CREEL_UNSUPPORTED, "\"IpcMode\":\"container:x\"", "IPC name space" },
    { CREEL_INVALID, "\"UTSMode\":\"container:x\"", "invalid UTS mode" },
    { CREEL_INVALID, "\"CgroupnsMode\":\"bogus\"", "invalid cgroup namespace mode" },
    { CREEL_UNSUPPORTED, "\"UsernsMode\":\"auto\"", "user name space mode \"auto\"" },
    { CREEL_UNSUPPORTED, "\"NetworkMode\":\"bridge\"", "network mode \"bridge\" is not supported" },
    { CREEL_UNSUPPORTED, "\"NetworkMode\":\"container:x\"", "network mode" },
    { CREEL_UNSUPPORTED, "\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"80\"}]}", "HostConfig.PortBindings" },
    { CREEL_UNSUPPORTED, "\"PublishAllPorts\":true", "HostConfig.PublishAllPorts" },
    { CREEL_UNSUPPORTED, "\"Links\":[\"a:b\"]", "HostConfig.Links" },
    { CREEL_UNSUPPORTED, "\"VolumesFrom\":[\"a\"]", "HostConfig.VolumesFrom" },
    { CREEL_UNSUPPORTED, "\"RestartPolicy\":{\"Name\":\"always\"}", "restart policy 'always' is not supported yet" },
    { CREEL_INVALID, "\"RestartPolicy\":{\"Name\":\"sometimes\"}", "unknown policy 'sometimes'" },
    { CREEL_INVALID, "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":3}", "maximum retry count" },
    { CREEL_INVALID, "\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}",
      "can't create 'AutoRemove' container with restart policy" },
    { CREEL_UNSUPPORTED, "\"DeviceRequests\":[{\"Driver\":\"x\"}]", "HostConfig.DeviceRequests" },
    { CREEL_UNSUPPORTED, "\"StorageOpt\":{\"size\":\"1g\"}", "HostConfig.StorageOpt" },
    { CREEL_UNSUPPORTED, "\"KernelMemory\":8388608", "HostConfig.KernelMemory" },
    { CREEL_UNSUPPORTED, "\"CpuCount\":1", "Windows" },
    { CREEL_INVALID, "\"Isolation\":\"hyperv\"", "invalid isolation" },
    { CREEL_INVALID, "\"OomScoreAdj\":1001", "range for oom score adj is [-1000, 1000]" },
    { CREEL_INVALID, "\"CgroupParent\":\"../x\"", "invalid cgroup parent" },
    { CREEL_INVALID, "\"SecurityOpt\":[\"bogus=1\"]", "invalid --security-opt 2: \"bogus=1\"" },
    { CREEL_INVALID, "\"SecurityOpt\":[\"bogus\"]", "invalid --security-opt 1: \"bogus\"" },
    { CREEL_INVALID, "\"SecurityOpt\":[\"no-new-privileges=maybe\"]", "no-new-privileges=maybe" },
    { CREEL_INVALID, "\"SecurityOpt\":[\"seccomp=/etc/profile.json\"]", "opening seccomp profile" },
    { CREEL_INVALID, "\"LogConfig\":{\"Type\":\"syslog\"}", "logger: no log driver named 'syslog' is registered" },
    { CREEL_INVALID, "\"LogConfig\":{\"Config\":{\"bogus\":\"1\"}}", "unknown log opt 'bogus' for json-file log driver" },
    { CREEL_INVALID, "\"LogConfig\":{\"Type\":\"none\",\"Config\":{\"max-size\":\"1m\"}}", "unknown log opt 'max-size'" },
    { CREEL_INVALID, "\"LogConfig\":{\"Config\":{\"max-size\":\"0\"}}", "invalid value for max-size" },
    { CREEL_INVALID, "\"LogConfig\":{\"Config\":{\"max-file\":\"0\"}}", "max-file is 0" },
    { CREEL_INVALID, "\"LogConfig\":{\"Config\":{\"tag\":\"{{.Bogus}}\"}}", "failed to parse log tag" },
    { CREEL_INVALID, "\"LogConfig\":{\"Config\":{\"labels-regex\":\"(\"}}", "invalid value for labels-regex" },
    { CREEL_INVALID, "\"Dns\":[\"1.1.1.1\\nnameserver 6.6.6.6\"]", "invalid value in Dns" },
    { CREEL_INVALID, "\"DnsSearch\":[\"a b\"]", "invalid value in DnsSearch" },
    { CREEL_INVALID, "\"ExtraHosts\":[\"nocolon\"]", "bad format for add-host" },
    { CREEL_INVALID, "\"ExtraHosts\":[\"a:1.2.3.4\\n5.6.7.8 b\"]", "invalid IP address or name in add-host" },
    { CREEL_UNSUPPORTED, "\"ExtraHosts\":[\"a:host-gateway\"]", "there is no gateway" },
    { CREEL_INVALID, "\"Annotations\":{\"\":\"x\"}", "invalid annotation" },
    { CREEL_INVALID, "\"MaskedPaths\":[\"proc\"]", "MaskedPaths: path 'proc' must be absolute" },
    /* sysctls: only keys of name spaces that are the container's own */
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.core_pattern\":\"x\"}", "does not belong to a name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.hostname\":\"x\"}", "does not belong to a name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"vm.swappiness\":\"1\"}", "does not belong to a name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"net.ipv4.ip_forward\":\"0\"},\"NetworkMode\":\"host\"", "own network name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.shmmax\":\"1\"},\"IpcMode\":\"host\"", "own ipc name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.domainname\":\"x\"},\"UTSMode\":\"host\"", "own uts name space" },
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.shmmax\":\"1\\n2\"}", "malformed name or value" },
    { CREEL_INVALID, "\"Sysctls\":{\"net.ipv4/ip_forward\":\"1\"}", "malformed name or value" },
    { CREEL_INVALID, "\"Sysctls\":{\"net..ipv4\":\"1\"}", "malformed name or value" },
    { CREEL_INVALID, "\"Sysctls\":{\"kernel.shm+kernel.core_pattern=x\":\"1\"}", "malformed name or value" },
    { CREEL_INVALID, "\"Sysctls\":{\"../kernel.shmmax\":\"1\"}", "malformed name or value" },
};

static void bad_configs_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused_config); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "{\"Image\":\"x\",%s}", refused_config[i].body);
        check_refused(text, refused_config[i].kind, refused_config[i].words);
    }
}

static void bad_host_configs_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused_host); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "{\"Image\":\"x\",\"HostConfig\":{%s}}", refused_host[i].body);
        check_refused(text, refused_host[i].kind, refused_host[i].words);
    }
}

static void documents_that_are_no_requests_are_refused(void **state)
{
    (void)state;
    check_refused("", CREEL_INVALID, "not valid JSON");
    check_refused("[]", CREEL_INVALID, "must be a JSON object");
    check_refused("{}", CREEL_INVALID, "Config cannot be empty in order to create a container");
    check_refused("{\"Image\":\"x\"} trailing", CREEL_INVALID, "not valid JSON");
    check_refused("{\"Image\":\"x\",\"Image\":\"y\"}", CREEL_INVALID, "not valid JSON: duplicate object key");
    check_refused("{\"Image\":\"a\\u0000b\"}", CREEL_INVALID, "not valid JSON");
}

static void overlong_arguments_are_refused_before_anything_exists(void **state)
{
    (void)state;
    auto_json o = json_object();
    auto_free char *big = malloc(200001);
    assert_non_null(big);
    memset(big, 'a', 200000);
    big[200000] = '\0';
    json_object_set_new(o, "Image", json_string("x"));
    json_object_set_new(o, "Cmd", json_pack("[s,s]", "echo", big));
    auto_free char *text = json_dumps(o, 0);
    check_refused(text, CREEL_INVALID, "Cmd[1] is 200000 bytes long, the kernel takes at most 131071");
}

static void fill_shows_every_member_with_dockers_defaults(void **state)
{
    (void)state;
    auto_json sparse = json_pack("{s:s,s:i}", "NetworkMode", "host", "Memory", 8 << 20);
    auto_json full = host_config_fill(sparse);
    assert_non_null(full);
    assert_string_equal(json_text(full, "NetworkMode"), "host");
    assert_int_equal(json_number(full, "Memory"), 8 << 20);
    assert_int_equal(json_number(full, "ShmSize"), 67108864);
    assert_true(json_is_null(json_object_get(full, "Binds")));
    assert_true(json_is_array(json_object_get(full, "Dns")));
    assert_null(json_object_get(full, "Tmpfs"));
    auto_json config = container_config_fill(NULL);
    assert_true(json_is_null(json_object_get(config, "Entrypoint")));
    assert_true(json_is_object(json_object_get(config, "Labels")));
}

/* --- update (moby-container.md, section 13) --- */
static const struct { const char *stored, *update; enum creel_kind kind; const char *result; } updates[] = {
    { "{\"NetworkMode\":\"none\"}", "{\"Memory\":0,\"CpuShares\":512,\"RestartPolicy\":{\"Name\":\"\"}}", CREEL_OK,
      "{\"NetworkMode\":\"none\",\"CpuShares\":512}" },
    { "{\"PidsLimit\":5}", "{\"PidsLimit\":0}", CREEL_OK, "{}" },
    { "{\"PidsLimit\":5}", "{\"PidsLimit\":null}", CREEL_OK, "{\"PidsLimit\":5}" },
    { "{\"PidsLimit\":5}", "{\"PidsLimit\":-2}", CREEL_OK, "{}" },
    { "{}", "{\"NanoCpus\":800000000}", CREEL_OK, "{\"NanoCpus\":800000000}" },
    { "{\"CpuPeriod\":100000}", "{\"NanoCpus\":800000000}", CREEL_CONFLICT, "CPU Period has already been set" },
    { "{\"CpuQuota\":100000}", "{\"NanoCpus\":800000000}", CREEL_CONFLICT, "CPU Quota has already been set" },
    { "{\"NanoCpus\":800000000}", "{\"CpuPeriod\":100000}", CREEL_CONFLICT, "CPU Period cannot be updated" },
    { "{\"NanoCpus\":800000000}", "{\"CpuQuota\":100000}", CREEL_CONFLICT, "CPU Quota cannot be updated" },
    { "{\"NanoCpus\":800000000}", "{\"CpuQuota\":5}", CREEL_INVALID, "less than 1ms" },
    { "{\"Memory\":314572800,\"MemorySwap\":629145600}", "{\"Memory\":838860800}", CREEL_CONFLICT,
      "Memory limit should be smaller than already set memoryswap limit" },
    { "{}", "{\"Memory\":838860800}", CREEL_CONFLICT, "update the memoryswap at the same time" },
    { "{}", "{\"Memory\":838860800,\"MemorySwap\":-1}", CREEL_OK, "{\"Memory\":838860800,\"MemorySwap\":-1}" },
    { "{\"Memory\":314572800,\"MemorySwap\":629145600}", "{\"MemorySwap\":7340032}", CREEL_INVALID,
      "Minimum memoryswap limit" },
    { "{\"Memory\":314572800,\"MemorySwap\":629145600}", "{\"MemoryReservation\":629145600}", CREEL_INVALID,
      "memory reservation" },
    { "{}", "{\"Binds\":[\"/a:/b\"]}", CREEL_INVALID, "Binds of a container cannot be updated" },
    { "{}", "{\"Bogus\":1}", CREEL_INVALID, "unknown member Bogus" },
    { "{}", "{\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"Devices\":[]}", CREEL_OK, "{}" },
    { "{\"AutoRemove\":true}", "{\"RestartPolicy\":{\"Name\":\"no\"}}", CREEL_OK,
      "{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"no\"}}" },
    { "{}", "{\"RestartPolicy\":{\"Name\":\"always\"}}", CREEL_UNSUPPORTED, "restart policy" },
};

static void updates_merge_or_conflict(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(updates); i++) {
        auto_json stored = json_loads(updates[i].stored, 0, NULL);
        auto_json update = NULL;
        auto_json merged = NULL;
        struct creel_err err = { 0 };
        int r = update_request_parse(updates[i].update, strlen(updates[i].update), &update, &err);
        if (r == 0)
            r = update_request_merge(stored, update, &merged, &err);
        if (err.kind != updates[i].kind)
            fail_msg("row %zu: got %s %s", i, creel_kind_name(err.kind), err.text);
        if (r < 0) {
            if (strstr(err.text, updates[i].result) == NULL)
                fail_msg("row %zu: %s", i, err.text);
            continue;
        }
        auto_free char *text = json_dumps(merged, JSON_COMPACT);
        assert_string_equal(text, updates[i].result);
        auto_free char *after = json_dumps(stored, JSON_COMPACT);
        assert_string_equal(after, updates[i].stored); /* the stored document itself is untouched */
    }
}

/* --- exec --- */
static void exec_bodies_are_checked(void **state)
{
    (void)state;
    static const struct { const char *text, *words; } bad[] = {
        { "{}", "No exec command specified" },
        { "{\"Cmd\":[]}", "No exec command specified" },
        { "{\"Cmd\":[\"x\"],\"Env\":[\"=\"]}", "invalid environment variable" },
        { "{\"Cmd\":[\"x\"],\"WorkingDir\":\"rel\"}", "needs to be an absolute path" },
        { "{\"Cmd\":[\"x\"],\"Bogus\":1}", "unknown member Bogus" },
        { "{\"Cmd\":[\"x\"],\"User\":\"a\\u001bb\"}", "invalid user" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_json out = NULL;
        struct creel_err err = { 0 };
        assert_int_equal(exec_request_parse(bad[i].text, strlen(bad[i].text), &out, &err), -1);
        if (err.kind != CREEL_INVALID || strstr(err.text, bad[i].words) == NULL)
            fail_msg("%s: %s", bad[i].text, err.text);
    }
    auto_json out = NULL;
    static const char good[] = "{\"Cmd\":[\"sh\"],\"Tty\":true,\"User\":\"\",\"Privileged\":false}";
    assert_int_equal(exec_request_parse(good, strlen(good), &out, NULL), 0);
    auto_free char *text = json_dumps(out, JSON_COMPACT);
    assert_string_equal(text, "{\"Tty\":true,\"Cmd\":[\"sh\"]}");
}

/* --- log options --- */
static void log_options_have_defaults_and_units(void **state)
{
    (void)state;
    struct log_options o;
    auto_json none = json_object();
    assert_int_equal(log_options_parse(none, &o, NULL), 0);
    assert_string_equal(o.driver, "json-file");
    assert_int_equal(o.max_size, 20000000);
    assert_int_equal(o.max_file, 5);
    auto_json given = json_pack("{s:{s:s,s:{s:s,s:s,s:s}}}", "LogConfig", "Type", "cri", "Config", "max-size", "10k",
                                "max-file", "2", "compress", "true");
    assert_int_equal(log_options_parse(given, &o, NULL), 0);
    assert_string_equal(o.driver, "cri");
    assert_int_equal(o.max_size, 10000);
    assert_int_equal(o.max_file, 2);
    assert_true(o.compress);
}

static void log_attributes_choose_labels_environment_and_tag(void **state)
{
    (void)state;
    auto_json host = json_pack("{s:{s:{s:s,s:s,s:s,s:s,s:s}}}", "LogConfig", "Config", "labels", "rack,dc", "labels-regex",
                               "^loc", "env", "environ,debug,ssl", "env-regex", "^dc", "tag", "{{.ID}}/{{ .Name }}");
    auto_json labels = json_pack("{s:s,s:s,s:s}", "rack", "101", "dc", "lhr", "location", "here");
    auto_json env = json_pack("[s,s,s,s,s]", "environ=production", "debug=false", "port=10001", "ssl=true", "dc_region=west");
    const struct log_subject s = { "a7317399f3f857173c6179d44823594f8294678dea9999662e5c625b5a1c7657", "test-container",
                                   "busybox", "sha256:0123", labels, env };
    struct log_options o;
    struct creel_err err = { 0 };
    auto_free char *text = NULL;
    if (log_options_parse(host, &o, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(log_attributes_print(&o, &s, &text, NULL), 0);
    assert_string_equal(text, "{\"dc\":\"lhr\",\"dc_region\":\"west\",\"debug\":\"false\",\"environ\":\"production\","
                              "\"location\":\"here\",\"rack\":\"101\",\"ssl\":\"true\","
                              "\"tag\":\"a7317399f3f8/test-container\"}");
}

static void security_options_are_read_in_both_spellings(void **state)
{
    (void)state;
    auto_json host = json_pack("{s:[s,s,s,s]}", "SecurityOpt", "no-new-privileges", "seccomp=unconfined", "label:disable",
                               "apparmor=unconfined");
    struct security_options o;
    assert_int_equal(security_options_parse(host, &o, NULL), 0);
    assert_true(o.no_new_privileges && o.seccomp_unconfined && o.label_disable);
    assert_null(o.apparmor);
    assert_null(o.label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_docker_clients_leave_nothing_behind),
        cmocka_unit_test(spelling_is_normalised_and_strings_become_lists),
        cmocka_unit_test(memory_sets_swap_to_twice_itself),
        cmocka_unit_test(empty_lists_that_mean_something_are_kept),
        cmocka_unit_test(host_network_discards_published_ports_with_a_warning),
        cmocka_unit_test(bad_configs_are_refused_by_name),
        cmocka_unit_test(bad_host_configs_are_refused_by_name),
        cmocka_unit_test(documents_that_are_no_requests_are_refused),
        cmocka_unit_test(overlong_arguments_are_refused_before_anything_exists),
        cmocka_unit_test(fill_shows_every_member_with_dockers_defaults),
        cmocka_unit_test(updates_merge_or_conflict),
        cmocka_unit_test(exec_bodies_are_checked),
        cmocka_unit_test(log_options_have_defaults_and_units),
        cmocka_unit_test(log_attributes_choose_labels_environment_and_tag),
        cmocka_unit_test(security_options_are_read_in_both_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
