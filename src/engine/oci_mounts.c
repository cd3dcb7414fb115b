/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/oci_mounts.h"

#include "base/path.h"
#include "spec/host_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Docker's set and order. "ro" of the last two columns goes away with --privileged. */
static const struct {
    const char *destination, *type, *source, *options;
    bool ro_unless_privileged, network_file;
} defaults[] = {
    { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
    { "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
    { "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
    { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev", .ro_unless_privileged = true },
    { "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev", .ro_unless_privileged = true },
    { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
    { "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777" },
    { "/etc/resolv.conf", "bind", "resolv.conf", "rbind,rprivate", .network_file = true },
    { "/etc/hostname", "bind", "hostname", "rbind,rprivate", .network_file = true },
    { "/etc/hosts", "bind", "hosts", "rbind,rprivate", .network_file = true },
};

/* Takes options over. */
static int mount_add(struct oci_config *c, const char *destination, const char *type, const char *source,
                     struct strv *options, struct creel_err *err)
{
    struct oci_mount *mounts = realloc(c->mounts, (c->mount_count + 1) * sizeof *mounts);
    if (mounts == NULL)
        return creel_fail_nomem(err);
    c->mounts = mounts;
    struct oci_mount *m = &mounts[c->mount_count++];
    *m = (struct oci_mount){ .destination = strdup(destination), .type = strdup(type), .source = strdup(source),
                             .options = *options };
    *options = (struct strv)STRV_INIT;
    return m->destination == NULL || m->type == NULL || m->source == NULL ? creel_fail_nomem(err) : 0;
}

/* A default that the user's own mounts replace or make pointless. */
static bool is_overridden(const struct mount_points *user, const char *destination)
{
    return mount_points_find(user, destination) != NULL
           || (path_is_within(destination, "/dev") && mount_points_find(user, "/dev") != NULL);
}

static int shm_add(const struct oci_build *b, struct oci_config *c, struct strv *options, struct creel_err *err)
{
    enum host_ns_mode ipc = host_ipc_mode(b->spec->host);
    int64_t size = json_number(b->spec->host, "ShmSize");
    if (ipc == HOST_NS_NONE)
        return 0;
    if (ipc == HOST_NS_HOST) {
        auto_strv bind = STRV_INIT;
        if (!strv_add(&bind, "rbind") || !strv_add(&bind, "rprivate"))
            return creel_fail_nomem(err);
        return mount_add(c, "/dev/shm", "bind", "/dev/shm", &bind, err);
    }
    if (!strv_addf(options, "size=%" PRId64, size > 0 ? size : (int64_t)64 << 20))
        return creel_fail_nomem(err);
    return mount_add(c, "/dev/shm", "tmpfs", "shm", options, err);
}

static int defaults_add(const struct oci_build *b, const struct mount_points *user, struct oci_config *c,
                        struct creel_err *err)
{
    bool privileged = json_flag(b->spec->host, "Privileged"), ro_root = json_flag(b->spec->host, "ReadonlyRootfs");
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        auto_strv options = STRV_INIT;
        auto_free char *file = NULL;
        const char *source = defaults[i].source;
        if (is_overridden(user, defaults[i].destination))
            continue;
        if (!strv_split(&options, defaults[i].options, ','))
            return creel_fail_nomem(err);
        bool ro = defaults[i].network_file ? ro_root : defaults[i].ro_unless_privileged && !privileged;
        if (ro && !strv_add(&options, "ro"))
            return creel_fail_nomem(err);
        if (defaults[i].network_file) {
            if (asprintf(&file, "%s/%s", b->container_dir, source) < 0)
                return creel_fail_nomem(err);
            source = file;
        }
        bool shm = strcmp(defaults[i].destination, "/dev/shm") == 0;
        if ((shm ? shm_add(b, c, &options, err)
                 : mount_add(c, defaults[i].destination, defaults[i].type, source, &options, err)) < 0)
            return -1;
    }
    return 0;
}

const char *oci_init_path(const json_t *host)
{
    auto_mount_points struct mount_points user = { 0 };
    bool own_dev = mount_points_parse(host, &user, NULL) == 0 && mount_points_find(&user, "/dev") != NULL;
    return own_dev ? "/.creel-init" : "/dev/.creel-init";
}

static int init_add(const struct oci_build *b, struct oci_config *c, struct creel_err *err)
{
    auto_strv options = STRV_INIT;
    auto_free char *program = NULL;
    if (asprintf(&program, "%s/creel-init", b->e->libexec) < 0 || !strv_add(&options, "bind")
        || !strv_add(&options, "ro") || !strv_add(&options, "nosuid") || !strv_add(&options, "nodev")
        || !strv_add(&options, "rprivate"))
        return creel_fail_nomem(err);
    return mount_add(c, oci_init_path(b->spec->host), "bind", program, &options, err);
}

/* External runtimes take the root's propagation from here; without it they would make everything private. */
static int propagation_note(const struct mount_point *m, struct oci_config *c, struct creel_err *err)
{
    bool shared = strcmp(m->propagation, "shared") == 0 || strcmp(m->propagation, "rshared") == 0;
    bool slave = strcmp(m->propagation, "slave") == 0 || strcmp(m->propagation, "rslave") == 0;
    if (m->type != MOUNT_POINT_BIND || (!shared && !slave))
        return 0;
    if (c->linux_.rootfs_propagation != NULL && (slave || strcmp(c->linux_.rootfs_propagation, "shared") == 0))
        return 0;
    free(c->linux_.rootfs_propagation);
    c->linux_.rootfs_propagation = strdup(shared ? "shared" : "slave");
    return c->linux_.rootfs_propagation == NULL ? creel_fail_nomem(err) : 0;
}

static int user_add(const struct oci_build *b, const struct mount_points *user, struct oci_config *c,
                    struct creel_err *err)
{
    for (size_t i = 0; i < user->count; i++) {
        const struct mount_point *m = &user->items[i];
        bool is_bind = m->type == MOUNT_POINT_BIND;
        auto_strv options = STRV_INIT;
        if (!mount_point_options(m, b->native, &options))
            return creel_fail_nomem(err);
        if (mount_add(c, m->destination, is_bind ? "bind" : "tmpfs", is_bind ? m->source : "tmpfs", &options, err) < 0
            || (!b->native && propagation_note(m, c, err) < 0))
            return -1;
    }
    return 0;
}

/* Parents before what lies in them; within one depth the order stays. */
static void order(struct oci_config *c)
{
    for (size_t i = 1; i < c->mount_count; i++) {
        struct oci_mount m = c->mounts[i];
        size_t depth = path_depth(m.destination), at = i;
        for (; at > 0 && path_depth(c->mounts[at - 1].destination) > depth; at--)
            c->mounts[at] = c->mounts[at - 1];
        c->mounts[at] = m;
    }
}

int oci_mounts_build(const struct oci_build *b, bool with_init, struct oci_config *c, struct creel_err *err)
{
    auto_mount_points struct mount_points user = { 0 };
    if (container_spec_mounts(b->e, b->spec->host, &user, err) < 0 || defaults_add(b, &user, c, err) < 0
        || user_add(b, &user, c, err) < 0 || (with_init && init_add(b, c, err) < 0))
        return -1;
    order(c);
    return 0;
}
