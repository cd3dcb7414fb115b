/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/pid_file.h"

#include "base/bytes.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int pid_file_write(const char *path, pid_t pid, struct creel_err *err)
{
    auto_bytes temp = BYTES_INIT;
    char text[16];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    bytes_add(&temp, path, (size_t)(name - path));
    bytes_addf(&temp, ".%s.%d", name, (int)getpid());
    if (!bytes_ok(&temp))
        return creel_fail_nomem(err);
    int len = snprintf(text, sizeof text, "%d", (int)pid); /* 10 digits at most */
    auto_fd fd = open(bytes_str(&temp), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make pid file %s", path);
    int r = sys_write_all(fd, text, (size_t)len);
    if (r == 0 && rename(bytes_str(&temp), path) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    (void)unlink(bytes_str(&temp));     /* the error is reported */
    return creel_fail(err, creel_kind_of_errno(-r), -r, "write pid file %s", path);
}
