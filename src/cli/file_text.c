/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/file_text.h"

#include <fcntl.h>

int file_text_read(const char *path, size_t max, struct bytes *out, struct creel_err *err)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", path);
    for (size_t total = 0;;) {
        if (!bytes_reserve(out, 65536))
            return creel_fail_nomem(err);
        ssize_t n = read(fd, out->data + out->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "read %s", path);
        if (n == 0)
            return 0;
        total += (size_t)n;
        if (total > max)
            return creel_fail(err, CREEL_INVALID, 0, "%s is larger than %zu bytes", path, max);
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}
