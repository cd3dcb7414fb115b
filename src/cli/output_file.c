/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output_file.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static int open_temporary(struct output_file *o, const char *path, struct creel_err *err)
{
    auto_bytes name = BYTES_INIT;
    bytes_addf(&name, "%s.XXXXXX", path);
    if (!bytes_ok(&name))
        return creel_fail_nomem(err);
    o->temporary = bytes_take(&name);
    o->fd = mkostemp(o->temporary, O_CLOEXEC);
    if (o->fd < 0) {
        int e = errno;
        free(ptr_take(&o->temporary));
        return creel_fail(err, creel_kind_of_errno(e), e, "create %s", path);
    }
    o->path = path;
    return 0;
}

int output_file_open(struct output_file *o, const char *path, const char *what, struct creel_err *err)
{
    struct stat st;
    if (path == NULL || strcmp(path, "-") == 0) {
        if (isatty(STDOUT_FILENO) == 1)
            return creel_fail(err, CREEL_INVALID, 0,
                              "cowardly refusing to %s to a terminal. Use the -o flag or redirect", what);
        o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return o->fd < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "use standard output") : 0;
    }
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "cannot write to %s: it is a directory", path);
    if (!there || S_ISREG(st.st_mode))
        return open_temporary(o, path, err);
    o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return o->fd < 0 ? creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", path) : 0;
}

/* mkostemp made it for its owner only; the umask decides, as it does for any new file. */
static int permit(int fd)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return fchmod(fd, 0666 & ~mask);
}

int output_file_commit(struct output_file *o, struct creel_err *err)
{
    if (o->temporary == NULL)
        return 0;
    if (permit(o->fd) < 0 || fsync(o->fd) < 0 || rename(o->temporary, o->path) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "write %s", o->path);
    free(ptr_take(&o->temporary));
    return 0;
}

void output_file_close(struct output_file *o)
{
    fd_closep(&o->fd);
    if (o->temporary != NULL)
        (void)unlink(o->temporary); /* nothing else to do about a file that we made */
    free(ptr_take(&o->temporary));
}
