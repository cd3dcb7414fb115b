/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/rootfs.h: making the container's root mount, in the container's own mount namespace. */
#ifndef CREEL_RUNTIME_INIT_ROOTFS_H
#define CREEL_RUNTIME_INIT_ROOTFS_H

#include "runtime/init/init.h"

/* An O_PATH-like descriptor of the attached root mount, or -1 with `fail` filled. Changes the working directory. */
int rootfs_mount(const struct init_rootfs *r, struct launch_msg *fail);
/* For a container in a user namespace, which may not mount the layers itself: the overlay, mounted nowhere yet, made by
 * the (privileged) caller. Descriptor, or -1 with `fail` filled. */
int rootfs_overlay_detached(const struct init_rootfs *r, struct launch_msg *fail);
/* Make `root` the root of this mount namespace and let go of the host's tree. */
int rootfs_pivot(int root, bool no_pivot, struct launch_msg *fail);

#endif
