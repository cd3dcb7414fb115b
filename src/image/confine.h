/* SPDX-License-Identifier: Apache-2.0 */
/* image/confine.h: what creel-archive gives up before it looks at foreign bytes or at a container's files
 * (security.md P10). After confine_enter the process
 *   - has a mount namespace of its own with one directory as its root, nosuid, nodev, noexec (and read-only if
 *     asked), and network, IPC and UTS namespaces in which there is nothing;
 *   - has the capabilities to set owners, modes, device nodes and file capabilities, and no other;
 *   - cannot be traced or dumped, gain privileges, or outlive who started it; has limits on memory, processor time
 *     and descriptors;
 *   - may make only the system calls of an allow-list: no execve, socket, ptrace, mount, namespace, chroot, module,
 *     key or handle calls, and no new executable memory, so no library can be loaded any more.
 * Everything that reading or writing needs must be in memory before. */
#ifndef CREEL_IMAGE_CONFINE_H
#define CREEL_IMAGE_CONFINE_H

#include "base/err.h"
#include "image/archive_limits.h"

#include <stdbool.h>

/* At the very start of the program: die with the parent, non-dumpable, close what was not passed on. `keep` is the
 * number of descriptors from 0 on. */
int confine_begin(unsigned keep, struct creel_err *err);

/* A private copy of the tree below `dir` (recursive: with what is mounted there), not attached anywhere, mounted
 * nosuid, nodev, noexec and, if asked, read-only. `dir` must be in the caller's mount namespace. Returns a
 * descriptor, or -1. */
int confine_tree(int dir, bool recursive, bool read_only, struct creel_err *err);

struct confine {
    int tree;                           /* from confine_tree; becomes the root. -1: an empty read-only directory */
    bool trusted_xattrs; /* overlay's attributes are read or set: needs SYS_ADMIN in the capability sense */
    const struct archive_limits *limits;
};
/* Everything else. Closes `tree`. Fatal when anything fails. */
int confine_enter(struct confine *c, struct creel_err *err);

#endif
