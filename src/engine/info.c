/* SPDX-License-Identifier: Apache-2.0 */
/* engine/info.c: the engine and its host, with the field names of Docker's info and version answers. What creel has no
 * counterpart for is shown as empty, because clients read it without asking whether it is there. */
#include "engine/container_spec.h"

#include "base/clock.h"
#include "store/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void put(json_t *o, bool *ok, const char *key, json_t *value)
{
    *ok = json_object_set_new(o, key, value) == 0 && *ok;
}

static void put_text(json_t *o, bool *ok, const char *key, const char *value)
{
    put(o, ok, key, json_string(value));
}

static int count_one(void *arg, const struct image_row *r)
{
    (void)r;
    (*(int64_t *)arg)++;
    return 0;
}

/* PRETTY_NAME of os-release. */
static void system_name(char *buf, size_t size)
{
    static const char *const files[] = { "/etc/os-release", "/usr/lib/os-release" };
    (void)snprintf(buf, size, "Linux");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char line[512];
        auto_file FILE *f = fopen(files[i], "re");
        while (f != NULL && fgets(line, sizeof line, f) != NULL) {
            if (strncmp(line, "PRETTY_NAME=", 12) != 0)
                continue;
            const char *value = line + 12 + (line[12] == '"');
            (void)snprintf(buf, size, "%.*s", (int)strcspn(value, "\"\n"), value);
            return;
        }
    }
}

static void put_counts(struct creel *e, json_t *o, bool *ok, struct creel_err *err)
{
    int64_t counts[CONTAINER_STATE_COUNT] = { 0 }, all = 0, images = 0;
    if (container_row_counts(e->store, counts, err) < 0 || image_row_each(e->store, count_one, &images, err) < 0) {
        *ok = false;
        return;
    }
    for (size_t i = 0; i < CONTAINER_STATE_COUNT; i++)
        all += counts[i];
    int64_t up = counts[CONTAINER_RUNNING], paused = counts[CONTAINER_PAUSED];
    put(o, ok, "Containers", json_integer(all));
    put(o, ok, "ContainersRunning", json_integer(up));
    put(o, ok, "ContainersPaused", json_integer(paused));
    put(o, ok, "ContainersStopped", json_integer(all - up - paused));
    put(o, ok, "Images", json_integer(images));
}

static void put_cgroups(struct creel *e, json_t *o, bool *ok)
{
    struct cgroup_layout l = { .count = 0 };
    static const struct { const char *key, *controller; } features[] = {
        { "MemoryLimit", "memory" }, { "SwapLimit", "memory" }, { "CpuCfsPeriod", "cpu" }, { "CpuCfsQuota", "cpu" },
        { "CPUShares", "cpu" },      { "CPUSet", "cpuset" },    { "PidsLimit", "pids" },
    };
    bool known = cgroup_layout_load(NULL, &l, NULL) == 0;
    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        put(o, ok, features[i].key, json_boolean(known && cgroup_layout_find(&l, features[i].controller) != NULL));
    put(o, ok, "OomKillDisable", json_boolean(known && !l.unified));
    put_text(o, ok, "CgroupDriver", e->cgroup_manager == CGROUP_SYSTEMD ? "systemd" : "cgroupfs");
    put_text(o, ok, "CgroupVersion", container_spec_cgroup_unified() ? "2" : "1");
    if (known)
        cgroup_layout_fini(&l);
}

static json_t *security_print(void)
{
    auto_json list = json_pack("[s]", "name=seccomp,profile=builtin");
    if (list != NULL && container_spec_cgroup_unified()
        && json_array_append_new(list, json_string("name=cgroupns")) < 0)
        return NULL;
    return ptr_take(&list);
}

/* The external runtimes that are installed, and the native one. */
static json_t *runtimes_print(void)
{
    static const char *const names[] = { "runc", "crun" };
    auto_json o = json_pack("{s:{s:s}}", "creel", "path", "creel-monitor (native)");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        auto_json wish = json_pack("{s:s}", "Runtime", names[i]);
        auto_free char *path = NULL;
        if (wish == NULL || container_spec_runtime(wish, &path, NULL) < 0)
            continue;
        if (json_object_set_new(o, names[i], json_pack("{s:s}", "path", path)) < 0)
            return NULL;
    }
    return ptr_take(&o);
}

static bool forwarding(void)
{
    char c = '0';
    auto_fd fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &c, 1) == 1 && c == '1';
}

static void put_host(json_t *o, bool *ok)
{
    struct utsname u = { .release = "" };
    struct sysinfo s;
    char name[256], now[CLOCK_TEXT_MAX];
    (void)uname(&u); /* cannot fail with a good pointer */
    system_name(name, sizeof name);
    put_text(o, ok, "SystemTime", clock_print(clock_now_ns(), now));
    put_text(o, ok, "KernelVersion", u.release);
    put_text(o, ok, "OperatingSystem", name);
    put_text(o, ok, "OSVersion", "");
    put_text(o, ok, "OSType", "linux");
    put_text(o, ok, "Architecture", u.machine);
    put(o, ok, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    put(o, ok, "MemTotal", json_integer(sysinfo(&s) == 0 ? (json_int_t)((uint64_t)s.totalram * s.mem_unit) : 0));
    put_text(o, ok, "Name", u.nodename);
    put(o, ok, "IPv4Forwarding", json_boolean(forwarding()));
}

static void put_engine(struct creel *e, json_t *o, bool *ok)
{
    put_text(o, ok, "Driver", "overlay2");
    put(o, ok, "DriverStatus", json_pack("[[s,s]]", "Backing", "overlayfs in the container's own mount namespace"));
    put(o, ok, "Plugins",
        json_pack("{s:[],s:[s,s],s:n,s:[s,s,s]}", "Volume", "Network", "none", "host", "Authorization", "Log", "json-file",
                  "cri", "none"));
    put(o, ok, "Debug", json_false());
    put_text(o, ok, "LoggingDriver", "json-file");
    put_text(o, ok, "IndexServerAddress", "");
    put(o, ok, "RegistryConfig", json_pack("{s:[],s:{},s:[]}", "InsecureRegistryCIDRs", "IndexConfigs", "Mirrors"));
    put_text(o, ok, "DockerRootDir", e->root);
    put_text(o, ok, "HttpProxy", "");
    put_text(o, ok, "HttpsProxy", "");
    put_text(o, ok, "NoProxy", "");
    put(o, ok, "Labels", json_array());
    put(o, ok, "ExperimentalBuild", json_false());
    put_text(o, ok, "ServerVersion", CREEL_VERSION);
    put(o, ok, "Runtimes", runtimes_print());
    put_text(o, ok, "DefaultRuntime", "creel");
    put(o, ok, "Swarm", json_pack("{s:s,s:b}", "LocalNodeState", "inactive", "ControlAvailable", 0));
    put(o, ok, "LiveRestoreEnabled", json_true());
    put_text(o, ok, "Isolation", "");
    put_text(o, ok, "InitBinary", "creel-init");
    put(o, ok, "SecurityOptions", security_print());
    put(o, ok, "Warnings", json_null());
    put_text(o, ok, "Root", e->root);
    put_text(o, ok, "RunRoot", e->run_root);
    put_text(o, ok, "Libexec", e->libexec);
}

int creel_info(struct creel *e, char **ret_json, struct creel_err *err)
{
    auto_json o = json_object();
    struct creel_err failure = { 0 };
    int64_t rev = 0;
    bool ok = o != NULL && store_rev(e->store, &rev, &failure) == 0;
    if (ok) {
        put_counts(e, o, &ok, &failure);
        put_engine(e, o, &ok);
        put_cgroups(e, o, &ok);
        put_host(o, &ok);
        put(o, &ok, "StoreRev", json_integer(rev));
    }
    if (!ok)
        return failure.kind != CREEL_OK ? creel_fail_as(err, &failure)
                                        : creel_fail_nomem(err);
    *ret_json = json_dumps(o, JSON_COMPACT);
    return *ret_json == NULL ? creel_fail_nomem(err) : 0;
}
