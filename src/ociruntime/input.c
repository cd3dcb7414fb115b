/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int input_read(int fd, const char *name, struct bytes *out, struct creel_err *err)
{
    for (;;) {
        char piece[8192];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "read %s", name);
        if (n == 0)
            return 0;
        bytes_add(out, piece, (size_t)n);
        if (!bytes_ok(out))
            return creel_fail(err, CREEL_INVALID, 0, "%s is longer than %zu bytes", name, out->max);
    }
}

int input_read_file(const char *path, struct bytes *out, struct creel_err *err)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", path);
    return input_read(fd, path, out, err);
}
