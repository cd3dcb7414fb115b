/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cid_file.h"

#include <fcntl.h>
#include <string.h>

int cid_file_open(struct cid_file *f, const char *path, struct creel_err *err)
{
    if (path == NULL)
        return 0;
    f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0 && errno == EEXIST)
        return creel_fail(err, CREEL_CONFLICT, 0, "container ID file found, make sure the other container isn't running "
                          "or delete %s", path);
    if (f->fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "create the container ID file %s", path);
    f->path = path;
    return 0;
}

int cid_file_write(struct cid_file *f, const char *id, struct creel_err *err)
{
    size_t done = 0, n = strlen(id);
    if (f->fd < 0 || n == 0)
        return 0;
    while (done < n) {
        ssize_t w = write(f->fd, id + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "write the container ID file %s", f->path);
        done += (size_t)w;
    }
    f->written = true;
    return 0;
}

void cid_file_close(struct cid_file *f)
{
    if (f->fd < 0)
        return;
    if (!f->written)
        (void)unlink(f->path); /* it may have been removed by somebody else */
    (void)close(f->fd);
    f->fd = -1;
}
