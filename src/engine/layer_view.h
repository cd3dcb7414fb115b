/* SPDX-License-Identifier: Apache-2.0 */
/* engine/layer_view.h: reading files of a container without mounting its root.
 *
 * The merged tree that overlayfs would show is walked over the layers' directories, topmost first, with overlayfs's
 * rules: a name in a higher layer hides the same name below unless both are directories, whiteouts hide, an opaque
 * directory hides what is below it. Every component is opened with O_NOFOLLOW; symbolic links are expanded here, within
 * the tree. So nothing outside the layers is ever reached, whatever they contain (security.md P1). */
#ifndef CREEL_ENGINE_LAYER_VIEW_H
#define CREEL_ENGINE_LAYER_VIEW_H

#include "base/bytes.h"
#include "base/strv.h"

struct layer_view {
    const int *roots;   /* directory descriptors, topmost first; borrowed. -1: no such layer */
    size_t count;
};
/* Append the content of the regular file `path` (absolute). Returns 0, or -ENOENT, -ELOOP too many links, -EINVAL not a
 * regular file, -EFBIG larger than `max`, another -errno. */
int layer_view_read(const struct layer_view *v, const char *path, size_t max, struct bytes *out);

#endif
