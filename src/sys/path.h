/* SPDX-License-Identifier: Apache-2.0 */
/* sys/path.h: resolving hostile paths below a root that is held open (security.md P1), as -errno.
 *
 * The path is looked at as a process chrooted to `root` would: absolute links start again at `root`, ".." never leaves
 * it, "magic" links of procfs are not followed. The kernel does it (openat2) where it can; the walker below does it with
 * O_NOFOLLOW, one component at a time, otherwise, and always when components have to be made. What comes back is a
 * descriptor; the string must not be used again. Async-signal-safe, no allocation. */
#ifndef CREEL_SYS_PATH_H
#define CREEL_SYS_PATH_H

#include <stdint.h>
#include <sys/types.h>

#define SYS_RESOLVE_NO_XDEV 0x01u
#define SYS_RESOLVE_NO_MAGICLINKS 0x02u
#define SYS_RESOLVE_NO_SYMLINKS 0x04u
#define SYS_RESOLVE_BENEATH 0x08u
#define SYS_RESOLVE_IN_ROOT 0x10u

/* openat2 itself; close-on-exec is added, EAGAIN is retried a bounded number of times. -ENOSYS is the caller's. */
int sys_openat2(int dir, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);

/* Open `path` inside `root`. flags as for open, without O_CREAT. */
int sys_open_in_root(int root, const char *path, int flags);
/* The same, but a symbolic link anywhere in the path is -ELOOP, and another mount on the way is -EXDEV with no_xdev. */
int sys_open_no_links(int root, const char *path, int flags, int no_xdev);

enum sys_make { SYS_MAKE_NOTHING, SYS_MAKE_DIR, SYS_MAKE_FILE };
/* An O_PATH descriptor of `path` inside `root`; missing directories on the way, and the last component as a directory or
 * an empty file, are made (mode 0755 and 0644 less the umask). Links that dangle inside the root are followed and their
 * target made, as a container process would see it. */
int sys_make_in_root(int root, const char *path, enum sys_make make);
/* The directory that holds the last component of `path`, made if missing, and that component's name (never "", "." or
 * ".."; `name` holds NAME_MAX + 1 bytes). The last component itself is not looked at. */
int sys_make_parent_in_root(int root, const char *path, char *name);

#endif
