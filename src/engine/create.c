/* SPDX-License-Identifier: Apache-2.0 */
/* engine/create.c: making containers. Nothing but a row: directories come with the first start.
 *
 * A request is checked by itself (spec/container_request.h), merged with its image, then checked against this host.
 * Whatever can be known to fail at start is refused here, before anything exists. */
#include "engine/container_spec.h"
#include "engine/engine.h"
#include "engine/image_config.h"
#include "engine/name_generator.h"
#include "engine/oci_build.h"

#include "base/clock.h"
#include "base/ident.h"
#include "base/parse.h"
#include "base/path.h"
#include "spec/container_request.h"
#include "spec/host_config.h"
#include "spec/log_option.h"
#include "spec/seccomp_profile.h"
#include "spec/security_option.h"
#include "store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { COMMAND_TEXT_MAX = 4096 };

/* --- this host --- */
static bool file_begins(const char *path, const char *text)
{
    char buf[8] = "";
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, buf, sizeof buf - 1) > 0 && strncmp(buf, text, strlen(text)) == 0;
}

/* "0-3,7" of a sysfs file: the largest number in it, -1 when it cannot be read. */
static int64_t list_file_max(const char *path)
{
    char buf[256];
    int64_t max;
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, sizeof buf - 1) : -1;
    if (n <= 0)
        return -1;
    buf[n] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    return host_cpu_list_ok(buf, &max) ? max : -1;
}

static int cpuset_check(const json_t *host, const char *member, const char *what, const char *file, struct creel_err *err)
{
    const char *list = json_text(host, member);
    int64_t asked = -1, there;
    if (list[0] == '\0' || !host_cpu_list_ok(list, &asked))
        return 0;
    there = list_file_max(file);
    if (there >= 0 && asked > there)
        return creel_fail(err, CREEL_INVALID, 0, "Requested %s are not available - requested %s, available: 0-%lld", what,
                          list, (long long)there);
    return 0;
}

static int resources_check(const json_t *host, struct creel_err *err)
{
    int64_t nano = json_number(host, "NanoCpus");
    if (nano > 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        if (cpus > 0 && nano > (int64_t)cpus * 1000000000)
            return creel_fail(err, CREEL_INVALID, 0,
                              "Range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", cpus, cpus);
    }
    if (json_flag(host, "OomKillDisable") && container_spec_cgroup_unified())
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "disabling the OOM killer needs cgroup v1; this host has cgroup v2 only");
    if (cpuset_check(host, "CpusetCpus", "CPUs", "/sys/devices/system/cpu/online", err) < 0
        || cpuset_check(host, "CpusetMems", "memory nodes", "/sys/devices/system/node/online", err) < 0)
        return -1;
    return 0;
}

/* A swap limit that nobody asked for (twice the memory limit, by default) is given up where swap is not counted. */
static int swap_check(json_t *host, struct strv *warnings, struct creel_err *err)
{
    int64_t memory = json_number(host, "Memory"), swap = json_number(host, "MemorySwap");
    if (swap <= 0 || cgroup_counts_swap() != 0)
        return 0;
    if (memory <= 0 || swap != memory * 2)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "a swap limit needs a kernel that counts swap (swapaccount=1); this one "
                          "does not");
    if (json_object_set_new(host, "MemorySwap", json_integer(-1)) < 0
        || !strv_add(warnings, "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory "
                               "limited without swap."))
        return creel_fail_nomem(err);
    return 0;
}

static int devices_check(const json_t *host, struct creel_err *err)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(host, "Devices"), i, v) {
        const char *path = json_text(v, "PathOnHost");
        struct stat st;
        if (stat(path, &st) < 0)
            return creel_fail(err, errno == ENOENT ? CREEL_INVALID : creel_kind_of_errno(errno), errno,
                              "error gathering device information while adding custom device \"%.200s\"", path);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode))
            return creel_fail(err, CREEL_INVALID, 0,
                              "error gathering device information while adding custom device \"%.200s\": not a device "
                              "node",
                              path);
    }
    return 0;
}

static int security_check(const json_t *host, struct creel_err *err)
{
    struct security_options o;
    if (security_options_parse(host, &o, err) < 0)
        return -1;
    if (o.apparmor != NULL && !file_begins("/sys/module/apparmor/parameters/enabled", "Y"))
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "AppArmor profile %.100s was asked for, but AppArmor is not active on this host", o.apparmor);
    if (o.label != NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "label %.100s was asked for, but %s", o.label,
                          access("/sys/fs/selinux/enforce", F_OK) == 0 ? "SELinux labels are not supported yet"
                                                                       : "SELinux is not active on this host");
    if (o.seccomp_profile == NULL)
        return 0;
    struct utsname u;
    auto_strv no_caps = STRV_INIT;
    struct oci_seccomp resolved = { 0 };
    struct seccomp_context ctx = { .caps = &no_caps, .machine = u.machine };
    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &ctx.kernel_major, &ctx.kernel_minor) != 2)
        return creel_fail(err, CREEL_INTERNAL, errno, "find out the kernel's version");
    if (seccomp_profile_resolve(o.seccomp_profile, strlen(o.seccomp_profile), &ctx, &resolved, err) < 0)
        return creel_wrap(err, "seccomp profile");
    oci_seccomp_fini(&resolved);
    return 0;
}

static int sources_check(const struct mount_points *mounts, struct creel_err *err)
{
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount_point *m = &mounts->items[i];
        if (m->type == MOUNT_POINT_BIND && !m->create_source && access(m->source, F_OK) < 0)
            return creel_fail(err, CREEL_INVALID, 0,
                              "invalid mount config for type \"bind\": bind source path does not exist: %s", m->source);
    }
    return 0;
}

static int pid_container_check(struct creel *e, const json_t *host, struct creel_err *err)
{
    const char *ref = host_ns_container(json_text(host, "PidMode"));
    char id[65];
    return ref == NULL ? 0 : container_row_resolve(e->store, ref, id, err);
}

static int host_check(struct creel *e, const json_t *host, const struct mount_points *mounts, struct creel_err *err)
{
    if (resources_check(host, err) < 0 || devices_check(host, err) < 0 || security_check(host, err) < 0
        || sources_check(mounts, err) < 0 || pid_container_check(e, host, err) < 0 || oci_build_check(host, err) < 0)
        return -1;
    if (json_flag(host, "Init")) {
        auto_free char *program = NULL;
        if (asprintf(&program, "%s/creel-init", e->libexec) < 0)
            return creel_fail_nomem(err);
        if (access(program, X_OK) < 0)
            return creel_fail(err, CREEL_UNSUPPORTED, errno, "the init program %s", program);
    }
    return 0;
}

/* --- completing the request --- */
static int hostname_default(struct container_request *r, const char *id, struct creel_err *err)
{
    bool of_host = host_net_mode(r->host) == HOST_NS_HOST || host_uts_mode(r->host) == HOST_NS_HOST;
    struct utsname u;
    char name[sizeof u.nodename];
    if (json_text(r->config, "Hostname")[0] != '\0')
        return 0;
    if (of_host && uname(&u) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "find out the host's name");
    (void)snprintf(name, sizeof name, "%.*s", of_host ? (int)sizeof name - 1 : IDENT_SHORT_LEN,
                   of_host ? u.nodename : id);
    return json_object_set_new(r->config, "Hostname", json_string(name)) < 0 ? creel_fail_nomem(err) : 0;
}

/* Answers of this version to questions the request left open; kept with the container, so that a later version with other
 * defaults does not change it. */
static int host_defaults(json_t *host, struct creel_err *err)
{
    struct log_options log;
    json_t *config = json_object_get(json_object_get(host, "LogConfig"), "Config");
    int r = 0;
    if (log_options_parse(host, &log, err) < 0)
        return -1;
    auto_json log_config = json_pack("{s:s,s:O*}", "Type", log.driver, "Config", config);
    if (log_config == NULL)
        return creel_fail_nomem(err);
    if (config == NULL)
        r |= json_object_set_new(log_config, "Config", json_object());
    r |= json_object_set(host, "LogConfig", log_config);
    if (json_text(host, "IpcMode")[0] == '\0')
        r |= json_object_set_new(host, "IpcMode", json_string("private"));
    if (json_text(host, "CgroupnsMode")[0] == '\0') {
        bool private = host_cgroupns_mode(host, container_spec_cgroup_unified()) == HOST_NS_PRIVATE;
        r |= json_object_set_new(host, "CgroupnsMode", json_string(private ? "private" : "host"));
    }
    return r != 0 ? creel_fail_nomem(err) : 0;
}

static int config_complete(struct container_request *r, struct creel_err *err)
{
    const char *dir = json_text(r->config, "WorkingDir");
    if (dir[0] == '\0')
        return 0;
    auto_free char *clean = path_clean(dir);
    if (clean == NULL || json_object_set_new(r->config, "WorkingDir", json_string(clean)) < 0)
        return creel_fail_nomem(err);
    return 0;
}

/* --- the row --- */
/* What ps shows: words with blanks in single quotes, of bounded length. */
static int command_text(const json_t *argv, char **ret, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)argv, i, v) {
        const char *s = json_string_value(v);
        bool quote = i > 0 && strchr(s, ' ') != NULL;
        bytes_adds(&text, i > 0 ? " " : "");
        bytes_addf(&text, quote ? "'%.*s'" : "%.*s", COMMAND_TEXT_MAX, s);
        if (text.len >= COMMAND_TEXT_MAX)
            break;
    }
    if (text.len > COMMAND_TEXT_MAX) { /* cut between characters */
        size_t n = COMMAND_TEXT_MAX;
        while (n > 0 && ((unsigned char)text.data[n] & 0xc0) == 0x80)
            n--;
        text.data[n] = '\0';
    }
    *ret = bytes_take(&text);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

static int log_path_set(const struct creel *e, const json_t *host, struct container_row *row, struct creel_err *err)
{
    struct log_options o;
    if (log_options_parse(host, &o, err) < 0)
        return -1;
    if (strcmp(o.driver, "none") == 0)
        return 0;
    const char *suffix = strcmp(o.driver, "cri") == 0 ? "cri.log" : "json.log";
    if (asprintf(&row->log_path, "%s/containers/%s/%s-%s", e->root, row->id, row->id, suffix) < 0) {
        row->log_path = NULL;
        return creel_fail_nomem(err);
    }
    return 0;
}

static char *json_print(const json_t *j)
{
    return j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
}

static int row_fill(struct creel *e, const char *name, const struct container_request *r,
                    const struct engine_image *image, const struct mount_points *mounts, struct container_row *row,
                    struct creel_err *err)
{
    auto_json argv = container_spec_argv(r->config);
    auto_json records = mount_points_print(mounts);
    json_t *labels = json_object_get(r->config, "Labels");
    row->created_ns = clock_now_ns();
    row->state = CONTAINER_CREATED;
    row->desired = DESIRED_STOPPED;
    row->name = name != NULL ? strdup(name) : NULL;
    row->image_id = strdup(image->id);
    row->image_ref = strdup(json_text(r->config, "Image"));
    row->labels = labels != NULL ? json_print(labels) : strdup("{}");
    row->mounts = json_print(records);
    row->network_mode = strdup(json_text(r->host, "NetworkMode"));
    row->auto_remove = json_flag(r->host, "AutoRemove");
    row->tty = json_flag(r->config, "Tty");
    row->open_stdin = json_flag(r->config, "OpenStdin");
    if (argv == NULL || (name != NULL && row->name == NULL) || row->image_id == NULL || row->image_ref == NULL
        || row->labels == NULL || row->mounts == NULL || row->network_mode == NULL)
        return creel_fail_nomem(err);
    if (command_text(argv, &row->command, err) < 0
        || container_spec_print(r->config, r->host, r->networking, &row->spec, err) < 0
        || cgroup_manager_check(e->cgroup_manager, err) < 0
        || container_spec_cgroup(e, r->host, row->id, &row->cgroup_path, err) < 0
        || container_spec_runtime(r->host, &row->runtime, err) < 0 || log_path_set(e, r->host, row, err) < 0)
        return -1;
    return 0;
}

static int name_check(const char *name, const char **ret, struct creel_err *err)
{
    if (name != NULL && name[0] == '/')
        name++;
    if (name != NULL && !ident_name_ok(name))
        return creel_fail(err, CREEL_INVALID, 0,
                          "Invalid container name (%.300s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
    *ret = name;
    return 0;
}

int engine_create_prepare(struct creel *e, const char *name, const char *request_json, struct container_row *ret,
                          struct strv *warnings, struct creel_err *err)
{
    auto_container_request r = { 0 };
    auto_engine_image image = { .id = "" };
    auto_mount_points struct mount_points mounts = { 0 };
    auto_cleanup(container_row_fini) struct container_row row = { 0 };
    if (name_check(name, &name, err) < 0
        || container_request_parse(request_json, strlen(request_json), &r, warnings, err) < 0)
        return -1;
    const char *ref = json_text(r.config, "Image");
    if (ref[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "no image was named");
    if (engine_image_find(e, ref, &image, err) < 0 || image_config_merge(image.config, r.config, err) < 0)
        return -1;
    ident_make(row.id);
    if (config_complete(&r, err) < 0 || hostname_default(&r, row.id, err) < 0
        || container_spec_mounts(e, r.host, &mounts, err) < 0 || host_check(e, r.host, &mounts, err) < 0
        || swap_check(r.host, warnings, err) < 0 || host_defaults(r.host, err) < 0 || row_fill(e, name, &r, &image, &mounts, &row, err) < 0)
        return -1;
    *ret = row;
    row = (struct container_row){ 0 };
    return 0;
}

/* --- commit --- */
static int insert_named(struct store_tx *tx, struct container_row *row, struct creel_err *err)
{
    char holder[65] = "";
    struct creel_err inner = { 0 };
    if (container_row_insert(tx, row, holder, &inner) == 0)
        return 0;
    if (inner.kind == CREEL_CONFLICT && holder[0] != '\0')
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove "
                          "(or rename) that container to be able to reuse that name.",
                          row->name, holder);
    if (err != NULL)
        *err = inner;
    return -1;
}

static int insert_generated(struct store_tx *tx, struct container_row *row, struct creel_err *err)
{
    enum { DRAWS = 6 };
    for (unsigned attempt = 0; attempt <= DRAWS; attempt++) {
        char name[NAME_GENERATED_MAX];
        struct creel_err inner = { 0 };
        if (attempt < DRAWS)
            name_generate(attempt, name);
        else
            (void)snprintf(name, sizeof name, "%.*s", IDENT_SHORT_LEN, row->id);
        free(row->name);
        row->name = strdup(name);
        if (row->name == NULL)
            return creel_fail_nomem(err);
        if (container_row_insert(tx, row, NULL, &inner) == 0)
            return 0;
        if (inner.kind != CREEL_CONFLICT || attempt == DRAWS) {
            if (err != NULL)
                *err = inner;
            return -1;
        }
    }
    return -1;
}

/* Somebody may have deleted it since the request was prepared; from here on the row keeps it. */
static int image_is_there(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    int there = row->image_id != NULL ? image_row_exists(e->store, row->image_id, err) : 1;
    if (there == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "No such image: %.300s", row->image_ref != NULL ? row->image_ref : row->image_id);
    return there < 0 ? -1 : 0;
}

int engine_create_commit(struct creel *e, struct store_tx *tx, struct container_row *row, struct creel_err *err)
{
    if (image_is_there(e, row, err) < 0)
        return -1;
    if ((row->name != NULL ? insert_named(tx, row, err) : insert_generated(tx, row, err)) < 0)
        return -1;
    auto_free char *attributes = engine_event_attributes(row, NULL);
    if (attributes == NULL)
        return creel_fail_nomem(err);
    return event_row_append(tx, "container", "create", row->id, attributes, err);
}

int creel_container_create(struct creel *e, const char *name, const char *request_json, char *ret_id,
                           char **ret_warnings, struct creel_err *err)
{
    auto_cleanup(container_row_fini) struct container_row row = { 0 };
    auto_strv warnings = STRV_INIT;
    auto_free char *warning_json = NULL;
    if (engine_create_prepare(e, name, request_json, &row, &warnings, err) < 0
        || (ret_warnings != NULL && engine_warnings_json(&warnings, &warning_json, err) < 0))
        return -1;
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || engine_create_commit(e, &tx, &row, err) < 0
        || store_commit(&tx, err) < 0)
        return -1;
    memcpy(ret_id, row.id, sizeof row.id);
    if (ret_warnings != NULL)
        *ret_warnings = ptr_take(&warning_json);
    return 0;
}
