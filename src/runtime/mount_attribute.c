/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_attribute.c: attributes of what is attached already, where the kernel has no mount_setattr
 * (before Linux 5.12): through the descriptor, keeping what the mount has. */
#include "runtime/mount_apply_internal.h"

#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <sys/statvfs.h>

static int old_propagation(const char *path, const struct mount_step *s)
{
    if (s->opt.propagation_count == 0)
        return sys_mount(NULL, path, NULL, MS_PRIVATE | (s->opt.recursive ? MS_REC : 0ul), NULL);
    for (size_t i = 0; i < s->opt.propagation_count; i++) {
        unsigned long rec = s->opt.propagation[i].recursive ? MS_REC : 0ul;
        int r = sys_mount(NULL, path, NULL, s->opt.propagation[i].flag | rec, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

unsigned long mount_attribute_flags(int fd)
{
    struct statvfs v;
    unsigned long f = 0;
    if (fstatvfs(fd, &v) < 0)
        return 0;
    if (v.f_flag & ST_RDONLY)
        f |= MS_RDONLY;
    if (v.f_flag & ST_NOSUID)
        f |= MS_NOSUID;
    if (v.f_flag & ST_NODEV)
        f |= MS_NODEV;
    if (v.f_flag & ST_NOEXEC)
        f |= MS_NOEXEC;
    if (v.f_flag & ST_NOATIME)
        f |= MS_NOATIME;
    if (v.f_flag & ST_NODIRATIME)
        f |= MS_NODIRATIME;
    if (v.f_flag & ST_RELATIME)
        f |= MS_RELATIME;
    return f;
}

/* Attributes `set` on the attached mount at fd, keeping what it has. */
int mount_attribute_set_old(int fd, uint64_t set)
{
    const unsigned long atime = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
    char path[SYS_FD_PATH_MAX];
    unsigned long now = mount_attribute_flags(fd), more = sys_mount_flags_of_attrs(set);
    if (set & MOUNT_ATTR__ATIME)
        now &= ~atime;
    else
        more &= ~atime;
    return sys_mount(NULL, sys_fd_path(fd, path), NULL, MS_REMOUNT | MS_BIND | now | more, NULL);
}

int mount_attribute_set(int fd, unsigned depth, uint64_t set)
{
    int r = sys_mount_setattr(fd, depth, set, 0, 0, -1);
    return r == -ENOSYS ? mount_attribute_set_old(fd, set) : r;
}

int mount_attribute_bind_old(struct mount_apply *a, struct mount_step *s)
{
    char path[SYS_FD_PATH_MAX];
    if ((s->opt.rec_set | s->opt.rec_clear) != 0)
        return launch_fail(a->fail, CREEL_UNSUPPORTED, ENOSYS, "mount on ", s->target,
                           ": recursive attributes need Linux 5.12", NULL);
    uint64_t set = 0, clear = 0, now = 0;
    int r = old_propagation(sys_fd_path(s->fd, path), s);
    if (r == 0)
        r = mount_flags_now(s->fd, &now);
    if (r == 0)
        r = mount_bind_flags(&s->opt, now, s->locked_flags, s->keeps_flags, &set, &clear);
    if (r == 0 && (set | clear) != 0)
        r = sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | sys_mount_flags_of_attrs((now & ~clear) | set), NULL);
    return r < 0 ? mount_fail(a, s, -r, "set attributes") : 0;
}
