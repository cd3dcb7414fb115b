/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: names that come out are clean, numbers are in range, overlay's own attributes never appear, no more is
 * expanded than the limits allow, and a failure has words. */
#include "image/entry_path.h"
#include "image/tar_reader.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static const struct archive_limits small = {
    .bytes = 64 << 20, .entries = 1000, .ratio = 100, .ratio_floor = 1 << 20, .members = 100, .xattrs = 4096,
    .memory = 1 << 30, .seconds = 10,
};

static void check_entry(const struct tar_entry *e)
{
    char clean[ARCHIVE_PATH_MAX + 1];
    assert(e->path[0] == '\0' || (entry_path_clean(e->path, clean, NULL) == 0 && strcmp(clean, e->path) == 0));
    assert(e->type != TAR_HARDLINK || e->link[0] == '\0' || entry_path_clean(e->link, clean, NULL) == 0);
    assert((e->mode & ~07777u) == 0 && e->size >= 0 && e->size <= small.bytes && e->mtime.tv_nsec >= 0
           && e->mtime.tv_nsec < 1000000000);
    assert(e->type != TAR_CHAR || e->device != 0);
    for (size_t i = 0; i < e->xattr_count; i++)
        assert(strncmp(e->xattrs[i].name, "trusted.", 8) != 0);
}

static void read_all(int fd)
{
    static struct tar_entry e;
    struct creel_err err = { 0 };
    struct source s;
    struct tar_reader r = { .tar = NULL };
    int got = source_open(&s, fd, &small, &err);
    if (got == 0)
        got = tar_reader_open(&r, &s, &err);
    while (got >= 0 && (got = tar_reader_next(&r, &e, &err)) == 1) {
        const void *data;
        size_t size;
        int64_t offset;
        check_entry(&e);
        int more;
        while ((more = tar_reader_data(&r, &data, &size, &offset, &err)) == 1)
            assert(offset >= 0);
        if (more < 0)
            break;
    }
    assert(got != -1 || err.text[0] != '\0');
    assert(s.plain.bytes <= (uint64_t)small.bytes + (256 << 10));
    tar_reader_close(&r);
    source_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready)
        ready = hasher_prepare(NULL) == 0;
    int fd = memfd_create("tar", MFD_CLOEXEC);
    if (fd < 0)
        return 0;
    if (write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0)
        read_all(fd);
    (void)close(fd);
    return 0;
}
