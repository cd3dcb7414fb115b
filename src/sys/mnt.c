/* SPDX-License-Identifier: Apache-2.0 */
/* sys/mnt.c: see sys/mnt.h. */
#include "sys/mnt.h"

#include "sys/forbidden.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static int or_errno(long r)
{
    return r < 0 ? -errno : (int)r;
}

int sys_fsopen(const char *type)
{
    int r = or_errno(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_fsopen, type, ~0u));
}

static int set_fs(int fs, unsigned cmd, const char *key, const void *value, int aux)
{
    int r = or_errno(syscall(SYS_fsconfig, fs, cmd, key, value, aux));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_fsconfig, -1, cmd, key, value, aux));
}

int sys_fsconfig_string(int fs, const char *key, const char *value)
{
    return set_fs(fs, FSCONFIG_SET_STRING, key, value, 0);
}

int sys_fsconfig_flag(int fs, const char *key)
{
    return set_fs(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
}

int sys_fsconfig_fd(int fs, const char *key, int fd)
{
    return set_fs(fs, FSCONFIG_SET_FD, key, NULL, fd);
}

int sys_fsconfig_create(int fs)
{
    return set_fs(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

void sys_fs_message(int fs, char *buf, unsigned size)
{
    ssize_t n = read(fs, buf, size - 1);
    buf[n < 0 ? 0 : n] = '\0';
}

int sys_fsmount(int fs, uint64_t attrs)
{
    int r = or_errno(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)attrs));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_fsmount, fs, ~0u, 0));
}

int sys_open_tree_clone(int dir, const char *path, unsigned flags)
{
    int r = or_errno(syscall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_open_tree, dir, path, ~0u));
}

int sys_move_mount(int mount, int target)
{
    int r = or_errno(syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_move_mount, mount, "", target, "", ~0u));
}

int sys_move_mount_at(int mount, int dir, const char *name)
{
    return or_errno(syscall(SYS_move_mount, mount, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH));
}

int sys_mount_setattr(int mount, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns)
{
    struct mount_attr a = { .attr_set = set, .attr_clr = clear, .propagation = propagation };
    if (userns >= 0) {
        a.attr_set |= MOUNT_ATTR_IDMAP;
        a.userns_fd = (uint64_t)userns;
    }
    int r = or_errno(syscall(SYS_mount_setattr, mount, "", flags | AT_EMPTY_PATH, &a, sizeof a));
    return SYS_UNLESS_FORBIDDEN(r, syscall(SYS_mount_setattr, mount, "", ~0u, &a, sizeof a));
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
    return or_errno(mount(source, target, type, flags, data));
}

int sys_umount_detach(const char *target)
{
    return or_errno(umount2(target, MNT_DETACH));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    return or_errno(syscall(SYS_pivot_root, new_root, put_old));
}

const char *sys_fd_path(int fd, char *buf)
{
    static const char prefix[] = "/proc/self/fd/";
    char digits[12];
    size_t n = 0, at = 0;
    unsigned v = fd < 0 ? 0 : (unsigned)fd;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (; prefix[at] != '\0'; at++)
        buf[at] = prefix[at];
    while (n > 0)
        buf[at++] = digits[--n];
    buf[at] = '\0';
    return buf;
}

unsigned long sys_mount_flags_of_attrs(uint64_t attrs)
{
    unsigned long f = 0;
    if (attrs & MOUNT_ATTR_RDONLY)
        f |= MS_RDONLY;
    if (attrs & MOUNT_ATTR_NOSUID)
        f |= MS_NOSUID;
    if (attrs & MOUNT_ATTR_NODEV)
        f |= MS_NODEV;
    if (attrs & MOUNT_ATTR_NOEXEC)
        f |= MS_NOEXEC;
    if (attrs & MOUNT_ATTR_NODIRATIME)
        f |= MS_NODIRATIME;
    if (attrs & MOUNT_ATTR_NOSYMFOLLOW)
        f |= MS_NOSYMFOLLOW;
    switch (attrs & MOUNT_ATTR__ATIME) {
    case MOUNT_ATTR_NOATIME:
        f |= MS_NOATIME;
        break;
    case MOUNT_ATTR_STRICTATIME:
        f |= MS_STRICTATIME;
        break;
    default:
        f |= MS_RELATIME;
        break;
    }
    return f;
}
