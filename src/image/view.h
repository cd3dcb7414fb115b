/* SPDX-License-Identifier: Apache-2.0 */
/* image/view.h: a container's files as the container sees them, as a private tree of mounts for confine_enter.
 *
 * Running: the root of init's mount namespace is copied (pidfd, so no other process can be meant). Nothing of the
 * container is executed, and the copy cannot be changed by it any more: what is mounted where is fixed when we begin.
 * Stopped: an overlay of its layers is mounted in a namespace of our own, and its binds on top.
 * Everything is nosuid, nodev and noexec in the copy; what is read-only in the container stays read-only. */
#ifndef CREEL_IMAGE_VIEW_H
#define CREEL_IMAGE_VIEW_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

enum { VIEW_MOUNTS_MAX = 128 };

/* Descriptors: 4 the pidfd of a running container's init; or of a stopped one the engine's layers directory, and from
 * 5 on the sources of its mounts in their order.
 *
 * view: {"pid":true}, or
 *       {"lower":["12/fs",…],"id":"…","upper":bool,"read_only":bool,"mounts":[{"target","read_only"}…]}
 * with_mounts: also what is mounted below the root. writable: else everything is read-only.
 * Returns a tree for confine_enter. */
int view_open(const json_t *view, bool with_mounts, bool writable, struct creel_err *err);

#endif
