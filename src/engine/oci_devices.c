/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/oci_devices.h"

#include "spec/host_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DEVICES_MAX = 8192, DEPTH_MAX = 8 };

/* Nothing but: make any node, use the harmless ones (null full zero random urandom tty ptmx pts). Not 5:1: that is
 * the host's console; the container's own is a pseudo-terminal. */
static const struct { char type; int major, minor; const char *access; } default_rules[] = {
    { 'c', -1, -1, "m" }, { 'b', -1, -1, "m" }, { 'c', 1, 3, "rwm" },   { 'c', 1, 5, "rwm" },
    { 'c', 1, 7, "rwm" }, { 'c', 1, 8, "rwm" }, { 'c', 1, 9, "rwm" },   { 'c', 5, 0, "rwm" },
    { 'c', 5, 2, "rwm" }, { 'c', 136, -1, "rwm" },
};

static int rule_add(struct oci_resources *r, bool allow, char type, int64_t major_no, int64_t minor_no,
                    const char *access, struct creel_err *err)
{
    char text[2] = { type, '\0' };
    struct oci_device_rule *rules = realloc(r->devices, (r->device_count + 1) * sizeof *rules);
    if (rules == NULL)
        return creel_fail_nomem(err);
    r->devices = rules;
    struct oci_device_rule *d = &rules[r->device_count++];
    *d = (struct oci_device_rule){ .allow = allow, .access = strdup(access) };
    if (type != 'a')
        d->type = strdup(text);
    if (major_no >= 0)
        d->major = (struct opt_i64){ true, major_no };
    if (minor_no >= 0)
        d->minor = (struct opt_i64){ true, minor_no };
    return d->access == NULL || (type != 'a' && d->type == NULL) ? creel_fail_nomem(err) : 0;
}

static int node_add(struct oci_config *c, const char *path, const struct stat *st, struct creel_err *err)
{
    struct oci_linux *l = &c->linux_;
    char type[2] = { S_ISBLK(st->st_mode) ? 'b' : 'c', '\0' };
    for (size_t i = 0; i < l->device_count; i++)
        if (strcmp(l->devices[i].path, path) == 0)
            return 0;
    if (l->device_count == DEVICES_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "more than %d devices", DEVICES_MAX);
    struct oci_device *devices = realloc(l->devices, (l->device_count + 1) * sizeof *devices);
    if (devices == NULL)
        return creel_fail_nomem(err);
    l->devices = devices;
    struct oci_device *d = &devices[l->device_count++];
    *d = (struct oci_device){
        .path = strdup(path), .type = strdup(type), .major = major(st->st_rdev), .minor = minor(st->st_rdev),
        .mode_set = true, .mode = st->st_mode & 07777, .uid = { true, st->st_uid }, .gid = { true, st->st_gid },
    };
    return d->path == NULL || d->type == NULL ? creel_fail_nomem(err) : 0;
}

/* What the runtime makes itself, or what is no device of the host's. */
static bool is_left_out(const char *name)
{
    static const char *const names[] = { "pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return name[0] == '.' && (name[1] == '\0' || strcmp(name, "..") == 0);
}

/* Every device node below a directory of the host. access NULL: privileged, the rules allow everything anyway. */
static int tree_add(struct oci_config *c, int parent, const char *name, const char *path, const char *access,
                    unsigned depth, struct creel_err *err)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "list devices in %s", path);
    auto_dir DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd);
        return creel_fail_nomem(err);
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        char child[512];
        int n = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (is_left_out(entry->d_name) || n < 0 || (size_t)n >= sizeof child)
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* gone meanwhile */
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            if (tree_add(c, dirfd(dir), entry->d_name, child, access, depth + 1, err) < 0)
                return -1;
        } else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && st.st_rdev != 0) {
            if (node_add(c, child, &st, err) < 0
                || (access != NULL && rule_add(&c->linux_.resources, true, S_ISBLK(st.st_mode) ? 'b' : 'c',
                                               major(st.st_rdev), minor(st.st_rdev), access, err) < 0))
                return -1;
        }
    }
    return 0;
}

static int device_add(struct oci_config *c, const json_t *v, struct creel_err *err)
{
    const char *outside = json_text(v, "PathOnHost"), *inside = json_text(v, "PathInContainer");
    const char *access = json_text(v, "CgroupPermissions");
    struct stat st;
    if (inside[0] == '\0')
        inside = outside;
    if (access[0] == '\0')
        access = "rwm";
    if (stat(outside, &st) < 0)
        return creel_fail(err, errno == ENOENT ? CREEL_INVALID : creel_kind_of_errno(errno), errno,
                          "error gathering device information while adding custom device \"%.200s\"", outside);
    if (S_ISDIR(st.st_mode))
        return tree_add(c, AT_FDCWD, outside, inside, access, 0, err);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0,
                          "error gathering device information while adding custom device \"%.200s\": not a device node",
                          outside);
    if (node_add(c, inside, &st, err) < 0)
        return -1;
    return rule_add(&c->linux_.resources, true, S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev), minor(st.st_rdev),
                    access, err);
}

static int rules_default(struct oci_resources *r, struct creel_err *err)
{
    if (rule_add(r, false, 'a', -1, -1, "rwm", err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(default_rules); i++)
        if (rule_add(r, true, default_rules[i].type, default_rules[i].major, default_rules[i].minor,
                     default_rules[i].access, err) < 0)
            return -1;
    return 0;
}

int oci_devices_build(const json_t *host, struct oci_config *c, struct creel_err *err)
{
    struct oci_resources *r = &c->linux_.resources;
    size_t i;
    json_t *v;
    if (json_flag(host, "Privileged")) {
        if (rule_add(r, true, 'a', -1, -1, "rwm", err) < 0 || tree_add(c, AT_FDCWD, "/dev", "/dev", NULL, 0, err) < 0)
            return -1;
    } else if (rules_default(r, err) < 0) {
        return -1;
    }
    json_array_foreach(json_object_get(host, "Devices"), i, v)
        if (device_add(c, v, err) < 0)
            return -1;
    json_array_foreach(json_object_get(host, "DeviceCgroupRules"), i, v) {
        struct oci_device_rule rule;
        if (host_device_rule_parse(json_string_value(v), &rule, err) < 0)
            return -1;
        int made = rule_add(r, true, rule.type[0], rule.major.set ? rule.major.value : -1,
                            rule.minor.set ? rule.minor.value : -1, rule.access, err);
        free(rule.type);
        free(rule.access);
        if (made < 0)
            return -1;
    }
    return 0;
}
