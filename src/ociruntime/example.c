/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/example.c: one text for everybody; what depends on host and caller is changed in the parsed document. */
#include "ociruntime/example.h"

#include "ociruntime/document.h"

#include <jansson.h>
#include <string.h>

static const char template[] =
    "{\"ociVersion\":\"1.2.0\","
    "\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
    "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],\"cwd\":\"/\","
    "\"capabilities\":{\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
    "\"hostname\":\"creel\","
    "\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
    "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
    "\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
    "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}],"
    "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/interrupts\",\"/proc/kcore\",\"/proc/keys\","
    "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\","
    "\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],"
    "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}";

static bool namespace_add(json_t *linux_, const char *type)
{
    return json_array_append_new(json_object_get(linux_, "namespaces"), json_pack("{s:s}", "type", type)) == 0;
}

static bool one_id(json_t *linux_, const char *key, unsigned id)
{
    return json_object_set_new(linux_, key, json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)id,
                                                      "size", 1)) == 0;
}

/* Options with ids of the host's groups mean nothing in a user namespace with one id. */
static void drop_id_options(json_t *options)
{
    for (size_t i = json_array_size(options); i-- > 0;) {
        const char *s = json_string_value(json_array_get(options, i));
        if (strncmp(s, "gid=", 4) == 0 || strncmp(s, "uid=", 4) == 0)
            (void)json_array_remove(options, i);
    }
}

/* sysfs belongs to the network namespace, which is the host's here: only a bind of the host's is allowed. */
static bool mounts_for_rootless(json_t *mounts)
{
    size_t i;
    json_t *m;
    json_array_foreach(mounts, i, m) {
        drop_id_options(json_object_get(m, "options"));
        if (strcmp(json_string_value(json_object_get(m, "destination")), "/sys") == 0
            && (json_object_set_new(m, "type", json_string("none")) < 0
                || json_object_set_new(m, "source", json_string("/sys")) < 0
                || json_array_insert_new(json_object_get(m, "options"), 0, json_string("rbind")) < 0))
            return false;
    }
    return true;
}

static bool make_rootless(json_t *doc, const struct example_host *host)
{
    json_t *linux_ = json_object_get(doc, "linux"), *namespaces = json_object_get(linux_, "namespaces");
    for (size_t i = json_array_size(namespaces); i-- > 0;)
        if (strcmp(json_string_value(json_object_get(json_array_get(namespaces, i), "type")), "network") == 0)
            (void)json_array_remove(namespaces, i);
    (void)json_object_del(linux_, "resources");
    return namespace_add(linux_, "user") && one_id(linux_, "uidMappings", host->uid)
           && one_id(linux_, "gidMappings", host->gid) && mounts_for_rootless(json_object_get(doc, "mounts"));
}

int example_print(const struct example_host *host, struct bytes *out, struct creel_err *err)
{
    json_error_t why;
    json_auto_t *doc = json_loads(template, JSON_REJECT_DUPLICATES, &why);
    if (doc == NULL || (host->unified && !namespace_add(json_object_get(doc, "linux"), "cgroup"))
        || (host->rootless && !make_rootless(doc, host)))
        return creel_fail_nomem(err);
    auto_free char *text = json_dumps(doc, JSON_COMPACT);
    return text == NULL ? creel_fail_nomem(err) : document_indent(text, out, err);
}
