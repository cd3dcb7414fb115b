/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/own_cgroup.c: leaving the control groups of whoever started us, so that killing, freezing or starving those
 * does not reach us.
 *
 * On a pure version 2 host the client has us born in our group (client_spawn.c); only when the group is not there yet
 * do we make it and move, which takes a lock that stops every fork on the host for a moment. In version 1 hierarchies
 * a thread moves itself by writing 0 to `tasks`, which takes no such lock. The hierarchy by which service managers
 * kill is left before the launch, those that only count or freeze some time after it. */
#include "monitor/monitor.h"

#include "sys/process.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>

/* Make PROTOCOL_CGROUP below `mount` and enter it by `file`. Failing is fine: we stay where we are. */
static void enter(int mount, const char *file)
{
    static const char path[] = PROTOCOL_CGROUP;
    auto_fd dir = openat(mount, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && errno == ENOENT) {
        char parent[sizeof path];
        memcpy(parent, path, sizeof path);
        *strrchr(parent, '/') = '\0';
        (void)mkdirat(mount, parent + 1, 0755);
        (void)mkdirat(mount, path + 1, 0755);
        dir = openat(mount, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (dir >= 0)
        (void)sys_write_file(dir, file, "0", 1);
}

void own_cgroup_leave(bool in_unified)
{
    auto_fd systemd = open("/sys/fs/cgroup/systemd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (systemd >= 0)
        enter(systemd, "tasks");
    if (in_unified)
        return;
    auto_fd unified = open("/sys/fs/cgroup/unified", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (unified < 0)
        unified = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (unified >= 0 && sys_fs_is(unified, CGROUP2_SUPER_MAGIC) == 1)
        enter(unified, "cgroup.procs");
}

void own_cgroup_settle(void)
{
    static const char *const controllers[] = { "memory", "pids", "freezer" };
    struct cgroup_layout layout = { 0 };
    struct creel_err ignored = { 0 };
    if (cgroup_layout_load(NULL, &layout, &ignored) < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
        const struct cgroup_hierarchy *h = cgroup_layout_find(&layout, controllers[i]);
        if (h == NULL || h->v2)
            continue;
        auto_fd mount = open(h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (mount >= 0)
            enter(mount, "tasks");
    }
    cgroup_layout_fini(&layout);
}
