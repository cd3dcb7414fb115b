/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_apply.c: see runtime/mount_apply.h. The kinds of steps are in files of their own, listed in
 * mount_apply_internal.h. */
#include "runtime/mount_apply.h"

#include "runtime/mount_apply_internal.h"
#include "sys/mnt.h"
#include "sys/path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int apply_remount(struct mount_apply *a, struct mount_step *s)
{
    char data[MOUNT_DATA_MAX + 1], path[SYS_FD_PATH_MAX];
    int fd = sys_open_in_root(a->root, s->target, O_PATH);
    if (fd < 0)
        return mount_fail(a, s, -fd, "open the target inside the container's root");
    uint64_t clear = s->opt.clear | (s->opt.set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0);
    int r = 0;
    if (s->opt.remount && (s->opt.set | clear) != 0) {
        r = sys_mount_setattr(fd, 0, s->opt.set, clear, 0, -1);
        if (r == -ENOSYS)
            r = mount_attribute_set_old(fd, s->opt.set);
    }
    for (size_t i = 0; r == 0 && i < s->opt.propagation_count; i++)
        r = sys_mount(NULL, sys_fd_path(fd, path), NULL,
                      s->opt.propagation[i].flag | (s->opt.propagation[i].recursive ? MS_REC : 0ul), NULL);
    if (r == 0 && (s->opt.rec_set | s->opt.rec_clear) != 0)
        r = sys_mount_setattr(fd, AT_RECURSIVE, s->opt.rec_set, s->opt.rec_clear, 0, -1);
    if (r == 0 && s->opt.remount && s->opt.data.count > 0) {
        r = mount_new_data(s, data);
        if (r == 0)
            r = sys_mount(NULL, sys_fd_path(fd, path), NULL,
                          MS_REMOUNT | mount_attribute_flags(fd) | mount_new_super_flags(s), data);
    }
    (void)close(fd);
    return r < 0 ? mount_fail(a, s, -r, "change the mount") : 0;
}

static int apply_directory(struct mount_apply *a, const struct mount_step *s)
{
    int fd = sys_make_in_root(a->root, s->target, SYS_MAKE_DIR);
    if (fd < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -fd, "make working directory ", s->target, NULL);
    (void)close(fd);
    return 0;
}

int mount_apply_step(struct mount_apply *a, struct mount_step *s)
{
    switch (s->kind) {
    case MOUNT_NEW:
        return mount_new_apply(a, s);
    case MOUNT_BIND:
        return mount_bind_apply(a, s);
    case MOUNT_REMOUNT:
        return apply_remount(a, s);
    case MOUNT_DEVICE:
        return mount_device_apply(a, s);
    case MOUNT_LINK:
        return mount_device_link(a, s);
    case MOUNT_CONSOLE:
        return mount_device_console(a, s);
    case MOUNT_READONLY:
        return mount_cover_readonly(a, s);
    case MOUNT_MASK:
        return mount_cover_mask(a, s);
    case MOUNT_DIRECTORY:
        return apply_directory(a, s);
    case MOUNT_SEAL:
        return mount_cover_seal(a, s);
    case MOUNT_CGROUP_ENTER:
    case MOUNT_HOOKS:
    case MOUNT_SETTINGS:
    case MOUNT_PIVOT:
        break;
    }
    abort(); /* the caller's kinds */
}

int mount_apply_proc(struct mount_apply *a, int *ret_owned)
{
    *ret_owned = -1;
    if (a->plan->proc >= 0 && a->plan->steps[a->plan->proc].fd >= 0)
        return a->plan->steps[a->plan->proc].fd;
    int fs = sys_fsopen("proc");
    int fd = fs;
    if (fs >= 0) {
        int r = sys_fsconfig_create(fs);
        fd = r < 0 ? r : sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        (void)close(fs);
    }
    if (fd < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -fd, "make a private procfs", NULL);
    *ret_owned = fd;
    return fd;
}
