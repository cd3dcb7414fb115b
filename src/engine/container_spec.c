/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container_spec.h"

#include "base/path.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int container_spec_load(const struct container_row *row, struct container_spec *ret, struct creel_err *err)
{
    struct container_spec s = { 0 };
    if (row->spec == NULL || (s.root = json_loads(row->spec, 0, NULL)) == NULL)
        return creel_fail(err, CREEL_INTERNAL, 0, "the stored configuration of container %s is damaged", row->id);
    s.config = json_object_get(s.root, "Config");
    s.host = json_object_get(s.root, "HostConfig");
    s.networking = json_object_get(s.root, "NetworkingConfig");
    if (!json_is_object(s.config) || !json_is_object(s.host)) {
        json_decref(s.root);
        return creel_fail(err, CREEL_INTERNAL, 0, "the stored configuration of container %s is damaged", row->id);
    }
    *ret = s;
    return 0;
}

void container_spec_fini(struct container_spec *s)
{
    json_decref(s->root);
    *s = (struct container_spec){ 0 };
}

int container_spec_print(const json_t *config, const json_t *host, const json_t *networking, char **ret,
                         struct creel_err *err)
{
    auto_json root = json_object();
    if (root == NULL || json_object_set(root, "Config", (json_t *)config) < 0
        || json_object_set(root, "HostConfig", (json_t *)host) < 0
        || (json_object_size(networking) > 0
            && json_object_set(root, "NetworkingConfig", (json_t *)networking) < 0))
        return creel_fail_nomem(err);
    *ret = json_dumps(root, JSON_COMPACT);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

json_t *container_spec_argv(const json_t *config)
{
    static const char *const members[] = { "Entrypoint", "Cmd" };
    auto_json argv = json_array();
    for (size_t m = 0; m < ARRAY_LEN(members); m++) {
        json_t *part = json_object_get(config, members[m]);
        if (argv == NULL || (part != NULL && json_array_extend(argv, part) < 0))
            return NULL;
    }
    return ptr_take(&argv);
}

/* What is mounted from the engine's root must let later mounts of the engine through but none back. */
static int root_rule(const struct creel *e, struct mount_point *m, struct creel_err *err)
{
    if (m->type != MOUNT_POINT_BIND || (!path_is_within(m->source, e->root) && !path_is_within(e->root, m->source)))
        return 0;
    if (m->propagation[0] == '\0') {
        char *rslave = strdup("rslave");
        if (rslave == NULL)
            return creel_fail_nomem(err);
        free(m->propagation);
        m->propagation = rslave;
        return 0;
    }
    if (strcmp(m->propagation, "rslave") == 0 || strcmp(m->propagation, "rshared") == 0)
        return 0;
    return creel_fail(err, CREEL_INVALID, 0,
                      "invalid mount config: bind source %s overlaps the engine's root %s, which needs propagation rslave "
                      "or rshared, not %s",
                      m->source, e->root, m->propagation);
}

int container_spec_mounts(const struct creel *e, const json_t *host, struct mount_points *ret, struct creel_err *err)
{
    auto_mount_points struct mount_points m = { 0 };
    if (mount_points_parse(host, &m, err) < 0)
        return -1;
    for (size_t i = 0; i < m.count; i++)
        if (root_rule(e, &m.items[i], err) < 0)
            return -1;
    *ret = m;
    m = (struct mount_points){ 0 };
    return 0;
}

/* --- runtimes --- */
static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

int container_spec_runtime(const json_t *host, char **ret, struct creel_err *err)
{
    static const char *const places[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
    const char *name = json_text(host, "Runtime");
    *ret = NULL;
    if (name[0] == '\0' || strcmp(name, "creel") == 0)
        return 0;
    if (name[0] == '/') {
        if (!is_program(name))
            return creel_fail(err, CREEL_INVALID, 0, "runtime %.200s does not exist or is not executable", name);
        *ret = strdup(name);
        return *ret == NULL ? creel_fail_nomem(err) : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(places) && strchr(name, '/') == NULL; i++) {
        auto_free char *path = NULL;
        if (asprintf(&path, "%s/%s", places[i], name) < 0)
            return creel_fail_nomem(err);
        if (is_program(path)) {
            *ret = ptr_take(&path);
            return 0;
        }
    }
    return creel_fail(err, CREEL_INVALID, 0,
                      "unknown or invalid runtime name: %.100s; no such program in /usr/local/sbin, /usr/local/bin, "
                      "/usr/sbin, /usr/bin, /sbin, /bin",
                      name);
}

/* --- control groups --- */
/* systemd's "slice:prefix:name"; a parent is one of its slices. */
static int scope_name(const char *parent, const char *id, char **ret, struct creel_err *err)
{
    size_t n = strlen(parent);
    if (n > 0 && (n < 7 || strcmp(parent + n - 6, ".slice") != 0 || strpbrk(parent, "/:") != NULL))
        return creel_fail(err, CREEL_INVALID, 0,
                          "cgroup-parent for systemd cgroup should be a valid slice named as \"xxx.slice\"");
    return asprintf(ret, "%s:creel:%s", n > 0 ? parent : "system.slice", id) < 0 ? creel_fail_nomem(err) : 0;
}

int container_spec_cgroup(const struct creel *e, const json_t *host, const char *id, char **ret, struct creel_err *err)
{
    const char *parent = json_text(host, "CgroupParent");
    if (e->cgroup_manager == CGROUP_SYSTEMD)
        return scope_name(parent, id, ret, err);
    if (parent[0] == '\0') {
        if (asprintf(ret, "/creel/%s", id) < 0)
            return creel_fail_nomem(err);
        return 0;
    }
    auto_free char *joined = NULL;
    if (asprintf(&joined, "/%s/%s", parent, id) < 0)
        return creel_fail_nomem(err);
    *ret = path_clean(joined);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

bool container_spec_cgroup_unified(void)
{
    struct statfs fs;
    return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}
