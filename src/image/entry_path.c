/* SPDX-License-Identifier: Apache-2.0 */
#include "image/entry_path.h"

#include <string.h>

enum { COMPONENT_MAX = 255 };

int entry_path_clean(const char *name, char *out, struct creel_err *err)
{
    size_t len = 0;
    if (name == NULL || name[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "the archive has an entry without a name");
    for (const char *p = name; *p != '\0';) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%.300s\" leads out of its directory", name);
        if (n > COMPONENT_MAX)
            return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%.300s…\" has a name longer than 255 bytes",
                              name);
        if (n > 0 && !(n == 1 && p[0] == '.')) {
            if (len + 1 + n > ARCHIVE_PATH_MAX)
                return creel_fail(err, CREEL_INVALID, 0,
                                  "the archive entry \"%.300s…\" has a path longer than %d bytes", name,
                                  ARCHIVE_PATH_MAX);
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, p, n);
            len += n;
        }
        p += n;
        p += strspn(p, "/");
    }
    out[len] = '\0';
    return 0;
}

const char *entry_path_base(const char *clean)
{
    const char *slash = strrchr(clean, '/');
    return slash != NULL ? slash + 1 : clean;
}

enum whiteout entry_path_whiteout(const char *base, const char **ret_name)
{
    size_t n = sizeof WHITEOUT_PREFIX - 1;
    if (strncmp(base, WHITEOUT_PREFIX, n) != 0)
        return WHITEOUT_NONE;
    const char *name = base + n;
    if (strcmp(base, WHITEOUT_OPAQUE_NAME) == 0)
        return WHITEOUT_OPAQUE;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return WHITEOUT_BAD;
    if (strncmp(name, WHITEOUT_PREFIX, n) == 0)
        return WHITEOUT_IGNORED;
    *ret_name = name;
    return WHITEOUT_FILE;
}
