/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_delegate.c: a container that may make groups below its own (specification: "Cgroup ownership").
 *
 *   I1  Only on version 2, only with a cgroup namespace of its own and its hierarchy mounted to be written.
 *   I2  What it gets is the directory and the files that the kernel lists as safe to give away: its limits stay ours. */
#include "runtime/cgroup_internal.h"

#include "base/err.h"
#include "base/strv.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { LIST_MAX = 4096 };

static bool mounts_writable(const struct oci_config *c)
{
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct oci_mount *m = &c->mounts[i];
        if (m->source != NULL && strcmp(m->source, "cgroup") == 0 && strcmp(m->destination, "/sys/fs/cgroup") == 0)
            return !strv_has(&m->options, "ro");
    }
    return false;
}

bool cgroup_delegate_owner(const struct oci_config *c, uid_t *ret)
{
    const struct oci_namespace *own = oci_namespace_find(c, OCI_NS_CGROUP), *user = oci_namespace_find(c, OCI_NS_USER);
    uint32_t uid = c->process.user.uid;
    if (own == NULL || own->path != NULL || !mounts_writable(c))
        return false;
    if (user == NULL) {
        *ret = uid;
        return true;
    }
    /* joined by path: its mappings are not in the configuration */
    for (size_t i = 0; user->path == NULL && i < c->linux_.uid_map_count; i++) {
        const struct oci_id_map *m = &c->linux_.uid_maps[i];
        if (uid < m->container_id || uid - m->container_id >= m->size)
            continue;
        *ret = (uid_t)(m->host_id + (uid - m->container_id));
        return true;
    }
    return false;
}

/* What the kernel says, or what cgroups(7) says for kernels that do not (before 4.15). */
static int list_load(char *buf, size_t cap)
{
    static const char usual[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
    auto_fd fd = open("/sys/kernel/cgroup/delegate", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    int r = fd >= 0 ? sys_read_all(fd, buf, cap - 1, &len) : -errno;
    if (fd < 0 && r == -ENOENT) {
        memcpy(buf, usual, sizeof usual);
        return 0;
    }
    buf[len] = '\0';
    return r;
}

int cgroup_delegate(struct cgroup *c, uid_t owner, struct creel_err *err)
{
    char list[LIST_MAX], *save = NULL;
    /* Without privilege the group is the caller's already, and can be nobody else's. */
    if (c->v2_dir < 0 || !c->layout.unified || owner == geteuid() || geteuid() != 0)
        return 0;
    int r = list_load(list, sizeof list);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "read /sys/kernel/cgroup/delegate");
    if (fchownat(c->v2_dir, "", owner, (gid_t)-1, AT_EMPTY_PATH) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "give cgroup %s to user %u", c->path, owner);
    for (char *file = strtok_r(list, "\n", &save); file != NULL; file = strtok_r(NULL, "\n", &save))
        if (strchr(file, '/') == NULL && fchownat(c->v2_dir, file, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0
            && errno != ENOENT)     /* not every group has every file */
            return creel_fail(err, creel_kind_of_errno(errno), errno, "give %s of cgroup %s to user %u", file, c->path,
                              owner);
    return 0;
}
