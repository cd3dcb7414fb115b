/* SPDX-License-Identifier: Apache-2.0 */
/* image/resolve.h: paths inside a container as text: what `creel cp` shows and names.
 *
 * The result is a path without links at the moment of looking. It is used for messages and names; whatever is opened
 * is resolved again by the kernel below the held root, so a link that changes afterwards leads nowhere new. */
#ifndef CREEL_IMAGE_RESOLVE_H
#define CREEL_IMAGE_RESOLVE_H

#include "base/err.h"
#include "image/archive_limits.h"

#include <stdbool.h>

/* Resolve `path` below `root`: absolute, no "." or "..", links followed; missing components are taken as they are.
 * follow_last: also a link in the last place. out: ARCHIVE_PATH_MAX + 2 bytes, begins with a slash. -ELOOP after 255
 * links, -ENAMETOOLONG, another -errno. */
int resolve_path(int root, const char *path, bool follow_last, char *out);

#endif
