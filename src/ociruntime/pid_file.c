/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/pid_file.h"

#include "base/bytes.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Nothing is there yet: the file appears whole, and a program that is killed leaves none. 1: that way is not open. */
static int make_new(const char *path, const char *dir, const char *text, size_t len)
{
    char link[SYS_FD_PATH_MAX];
    auto_fd fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return 1;
    int r = sys_write_all(fd, text, len);
    if (r < 0)
        return r;
    return linkat(AT_FDCWD, sys_fd_path(fd, link), AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : 1;
}

static int replace(const char *path, const char *temp, const char *text, size_t len)
{
    auto_fd fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = sys_write_all(fd, text, len);
    if (r == 0 && rename(temp, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(temp);     /* the error is reported */
    return r;
}

int pid_file_write(const char *path, pid_t pid, struct creel_err *err)
{
    auto_bytes dir = BYTES_INIT, temp = BYTES_INIT;
    char text[16];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    bytes_add(&dir, path, (size_t)(name - path));
    bytes_addf(&temp, "%s.%s.%d", bytes_str(&dir), name, (int)getpid());
    bytes_addc(&dir, '.');
    if (!bytes_ok(&dir) || !bytes_ok(&temp))
        return creel_fail_nomem(err);
    size_t len = (size_t)snprintf(text, sizeof text, "%d", (int)pid); /* 10 digits at most */
    int r = make_new(path, bytes_str(&dir), text, len);
    if (r == 1)
        r = replace(path, bytes_str(&temp), text, len);
    return r == 0 ? 0 : creel_fail(err, creel_kind_of_errno(-r), -r, "write pid file %s", path);
}
