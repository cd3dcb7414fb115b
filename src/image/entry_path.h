/* SPDX-License-Identifier: Apache-2.0 */
/* image/entry_path.h: the names inside archives, made harmless before anything is opened. Pure text. */
#ifndef CREEL_IMAGE_ENTRY_PATH_H
#define CREEL_IMAGE_ENTRY_PATH_H

#include "base/err.h"
#include "image/archive_limits.h"

/* Leading slashes, "." components, doubled and trailing slashes go; ".." is refused, not resolved. The result is
 * relative, "" for the directory itself. `out` holds ARCHIVE_PATH_MAX + 1 bytes. INVALID names the reason. */
int entry_path_clean(const char *name, char *out, struct creel_err *err);
/* The last component of a clean path, borrowed. */
const char *entry_path_base(const char *clean);

/* What the last component of a layer entry means (OCI image layer specification, "Whiteouts"). */
enum whiteout { WHITEOUT_NONE, WHITEOUT_FILE, WHITEOUT_OPAQUE, WHITEOUT_IGNORED, WHITEOUT_BAD };
/* With WHITEOUT_FILE *ret_name is the hidden name, borrowed from `base`. IGNORED: metadata of the old aufs driver. */
enum whiteout entry_path_whiteout(const char *base, const char **ret_name);
#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE_NAME ".wh..wh..opq"

#endif
