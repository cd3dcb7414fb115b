/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_node.c: device nodes for containers with a user namespace, which may not make any; see mount_plan.h. Parent
 * side. The tmpfs is attached nowhere and belongs to the caller's user namespace, so its nodes work; it goes when the last
 * bind of them does. */
#include "runtime/mount_plan.h"

#include "sys/mnt.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static bool to_host(const struct oci_id_map *maps, size_t count, uint32_t id, uint32_t *ret)
{
    for (size_t i = 0; i < count; i++)
        if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size) {
            *ret = maps[i].host_id + (id - maps[i].container_id);
            return true;
        }
    return false;
}

/* 0, or -errno: this host cannot. */
static int make_tmpfs(int *ret)
{
    auto_fd fs = sys_fsopen("tmpfs");
    int r = fs < 0 ? fs : sys_fsconfig_create(fs);
    if (r == 0)
        r = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    if (r < 0)
        return r;
    *ret = r;
    return 0;
}

/* 1: it cannot be done this way. */
static int make_node(int dir, size_t number, struct mount_step *s, const struct oci_linux *l, struct creel_err *err)
{
    char name[24];
    uint32_t uid, gid;
    if (!to_host(l->uid_maps, l->uid_map_count, s->device.uid, &uid)
        || !to_host(l->gid_maps, l->gid_map_count, s->device.gid, &gid))
        return creel_fail(err, CREEL_INVALID, 0, "device %s: its owner %u:%u is not mapped in the user namespace", s->target,
                          s->device.uid, s->device.gid);
    (void)snprintf(name, sizeof name, "%zu", number);
    const mode_t mask = umask(0);
    int r = mknodat(dir, name, s->device.mode, s->device.number) < 0 ? -errno : 0;
    (void)umask(mask);
    if (r < 0)
        return 1;
    if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "device %s: set the owner", s->target);
    s->fd = sys_open_tree_clone(dir, name, AT_SYMLINK_NOFOLLOW);
    return s->fd < 0 ? 1 : 0;
}

int mount_nodes_make(struct mount_plan *p, const struct oci_config *c, struct creel_err *err)
{
    auto_fd dir = -1;
    for (size_t i = 0; i < p->count; i++) {
        struct mount_step *s = &p->steps[i];
        if (s->kind != MOUNT_DEVICE || !s->device.bind || !s->device.own)
            continue;
        if (dir < 0 && make_tmpfs(&dir) < 0)
            return 0;
        int r = make_node(dir, i, s, &c->linux_, err);
        if (r != 0)
            return r < 0 ? -1 : 0;
    }
    return 0;
}
