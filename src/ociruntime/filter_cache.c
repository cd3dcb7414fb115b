/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/filter_cache.c: see ociruntime/filter_cache.h. */
#include "ociruntime/filter_cache.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <sys/stat.h>

int filter_cache_open(const char *root)
{
    struct stat st;
    auto_bytes path = BYTES_INIT;
    bytes_addf(&path, "%s/@seccomp", root);
    if (!bytes_ok(&path))
        return -1;
    auto_fd dir = open(bytes_str(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0 && errno == ENOENT && mkdir(bytes_str(&path), 0700) == 0)
        dir = open(bytes_str(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return -1;
    return fd_take(&dir);
}
