/* SPDX-License-Identifier: Apache-2.0 */
/* sys/mnt.h: the mount calls, as -errno. Async-signal-safe, no allocation.
 *
 * (Not called mount.h: with -Isrc that would hide the C library's own <sys/mount.h>.)
 * A mount is made detached, given its attributes while nobody can see it, and attached to a held descriptor
 * (security.md P2). The older mount(2) remains for kernels without these calls and for the few things only it can do. */
#ifndef CREEL_SYS_MNT_H
#define CREEL_SYS_MNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

int sys_fsopen(const char *type);
int sys_fsconfig_string(int fs, const char *key, const char *value);
int sys_fsconfig_flag(int fs, const char *key);
int sys_fsconfig_fd(int fs, const char *key, int fd);
int sys_fsconfig_create(int fs);
/* The next message of the file system context ("e overlay: …"), NUL-terminated; "" when there is none. */
void sys_fs_message(int fs, char *buf, unsigned size);
int sys_fsmount(int fs, uint64_t attrs);
/* A detached copy of the mount at dir/path ("" with AT_EMPTY_PATH), close-on-exec. flags: AT_RECURSIVE,
 * AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
int sys_open_tree_clone(int dir, const char *path, unsigned flags);
/* Attach `mount` on what `target` (an O_PATH descriptor) refers to. */
int sys_move_mount(int mount, int target);
/* On `name` in directory `dir`, a link is not followed: for a directory that nobody else can have replaced. */
int sys_move_mount_at(int mount, int dir, const char *name);
int sys_mount_setattr(int mount, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns);

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int sys_umount_detach(const char *target);
int sys_pivot_root(const char *new_root, const char *put_old);

/* "/proc/self/fd/<fd>" into buf (SYS_FD_PATH_MAX bytes): for calls that take only a path. */
enum { SYS_FD_PATH_MAX = 32 };
const char *sys_fd_path(int fd, char *buf);
/* MOUNT_ATTR_* as the MS_* flags of mount(2). */
unsigned long sys_mount_flags_of_attrs(uint64_t attrs);

#endif
