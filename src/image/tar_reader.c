/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tar_reader.h"

#include "image/entry_path.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { END_MARK = 512, PADDING_MAX = 16 << 20 /* after the end mark: writers fill their last record with zeros */ };

int tar_reader_prepare(struct creel_err *err)
{
    /* libarchive converts pax names from UTF-8 to the locale's character set, which is ASCII here because we never
     * call setlocale: what is not ASCII fails to convert and is then taken byte for byte, as it should be. Both sets
     * are built into the C library, but the first iconv_open reads the list of others. */
    iconv_t cd = iconv_open("ANSI_X3.4-1968", "UTF-8");
    if (cd != (iconv_t)-1)
        (void)iconv_close(cd);
    struct archive *a = archive_read_new();
    if (a == NULL)
        return creel_fail_nomem(err);
    (void)archive_read_free(a);
    return 0;
}

static la_ssize_t read_callback(struct archive *a, void *arg, const void **ret)
{
    struct tar_reader *r = arg;
    ssize_t n = source_read(r->source, ret, &r->failure);
    if (n < 0)
        archive_set_error(a, EIO, "%s", r->failure.text);
    return n;
}

static int reader_fail(struct tar_reader *r, struct creel_err *err)
{
    if (r->failure.kind != CREEL_OK) {
        *err = r->failure;
        return -1;
    }
    if (archive_errno(r->tar) == ENOMEM)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive needs more memory than a worker may have");
    const char *why = archive_error_string(r->tar);
    if (why == NULL || strcmp(why, "Unrecognized archive format") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "not a tar archive");
    return creel_fail(err, CREEL_INVALID, 0, "the tar archive is damaged or cut off: %s", why);
}

int tar_reader_open(struct tar_reader *r, struct source *source, struct creel_err *err)
{
    *r = (struct tar_reader){ .source = source };
    r->tar = archive_read_new();
    if (r->tar == NULL)
        return creel_fail_nomem(err);
    if (archive_read_support_format_tar(r->tar) != ARCHIVE_OK
        || archive_read_append_filter(r->tar, ARCHIVE_FILTER_NONE) != ARCHIVE_OK)
        return reader_fail(r, err);
    if (archive_read_open(r->tar, r, NULL, read_callback, NULL) != ARCHIVE_OK) {
        if (r->failure.kind == CREEL_OK && source->plain.bytes == 0)
            return creel_fail(err, CREEL_INVALID, 0, "not a tar archive: the input is empty");
        return reader_fail(r, err);
    }
    return 0;
}

/* The two zero blocks tell a complete archive from one that was cut between two entries. */
static int check_end(struct tar_reader *r, struct creel_err *err)
{
    uint64_t used = (uint64_t)archive_filter_bytes(r->tar, 0);
    if (r->source->plain.bytes == 0)
        return creel_fail(err, CREEL_INVALID, 0, "not a tar archive: the input is empty");
    if (source_drain(r->source, PADDING_MAX, err) < 0)
        return -1;
    if (used >= r->source->plain.bytes && r->source->zeros_at_end < END_MARK)
        return creel_fail(err, CREEL_INVALID, 0, "the tar archive is cut off: its end-of-archive mark is missing");
    return 0;
}

static bool dotted(const char *name)
{
    return name != NULL && name[0] == '.' && (name[1] == '/' || name[1] == '\0');
}

static int entry_type(struct archive_entry *a, struct tar_entry *e, struct creel_err *err)
{
    if (archive_entry_hardlink(a) != NULL) {
        e->type = TAR_HARDLINK;
        e->link_dotted = dotted(archive_entry_hardlink(a));
        return entry_path_clean(archive_entry_hardlink(a), e->link, err);
    }
    switch (archive_entry_filetype(a)) {
    case AE_IFREG: e->type = TAR_FILE; return 0;
    case AE_IFDIR: e->type = TAR_DIR; return 0;
    case AE_IFCHR: e->type = TAR_CHAR; break;
    case AE_IFBLK: e->type = TAR_BLOCK; break;
    case AE_IFIFO: e->type = TAR_FIFO; return 0;
    case AE_IFLNK: {
        const char *target = archive_entry_symlink(a);
        size_t n = target != NULL ? strlen(target) : 0;
        if (n == 0 || n > ARCHIVE_PATH_MAX)
            return creel_fail(err, CREEL_INVALID, 0, "the symbolic link \"%s\" has an empty or too long target",
                              e->path);
        memcpy(e->link, target, n + 1);
        e->type = TAR_SYMLINK;
        return 0;
    }
    default:
        return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" is of a type that a tar cannot hold",
                          e->path);
    }
    uint64_t major_number = (uint64_t)archive_entry_rdevmajor(a), minor_number = (uint64_t)archive_entry_rdevminor(a);
    if (major_number > 0xfff || minor_number > 0xfffff)
        return creel_fail(err, CREEL_INVALID, 0, "the device \"%s\" has impossible numbers", e->path);
    if (e->type == TAR_CHAR && major_number == 0 && minor_number == 0)
        return creel_fail(
            err, CREEL_INVALID, 0,
            "the archive entry \"%s\" is a character device 0:0, which overlay file systems take for a deletion",
            e->path);
    e->device = makedev((unsigned)major_number, (unsigned)minor_number);
    return 0;
}

static bool xattr_kept(const char *name)
{
    return strcmp(name, "security.capability") == 0
           || (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

static int entry_xattrs(struct tar_reader *r, struct archive_entry *a, struct tar_entry *e, struct creel_err *err)
{
    const char *name;
    const void *value;
    size_t size, total = 0;
    e->xattr_count = 0;
    (void)archive_entry_xattr_reset(a);
    while (archive_entry_xattr_next(a, &name, &value, &size) == ARCHIVE_OK) {
        if (name == NULL || !xattr_kept(name))
            continue;
        total += strlen(name) + size;
        if (e->xattr_count == ARRAY_LEN(e->xattrs) || total > (size_t)r->source->limits->xattrs)
            return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive entry \"%s\" has too many extended attributes",
                              e->path);
        e->xattrs[e->xattr_count++] = (struct tar_xattr){ .name = name, .value = value, .size = size };
    }
    return 0;
}

/* "-2.75" means two and three quarters before 1970; libarchive gives it as -2 and 0.75. */
static struct timespec entry_time(time_t sec, long nsec)
{
    if (nsec < 0 || nsec > 999999999)
        nsec = 0;
    if (sec < 0 && nsec > 0)
        return (struct timespec){ .tv_sec = sec - 1, .tv_nsec = 1000000000 - nsec };
    return (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
}

static int entry_fill(struct tar_reader *r, struct archive_entry *a, struct tar_entry *e, struct creel_err *err)
{
    if (entry_path_clean(archive_entry_pathname(a), e->path, err) < 0 || entry_type(a, e, err) < 0)
        return -1;
    e->path_dotted = dotted(archive_entry_pathname(a));
    la_int64_t uid = archive_entry_uid(a), gid = archive_entry_gid(a);
    if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" has an impossible owner", e->path);
    e->uid = (uid_t)uid;
    e->gid = (gid_t)gid;
    e->mode = (mode_t)archive_entry_perm(a) & 07777;
    e->mtime = entry_time(archive_entry_mtime(a), archive_entry_mtime_nsec(a));
    e->atime =
        archive_entry_atime_is_set(a) ? entry_time(archive_entry_atime(a), archive_entry_atime_nsec(a)) : e->mtime;
    e->size = e->type == TAR_FILE ? archive_entry_size(a) : 0;
    if (e->size < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the archive entry \"%s\" has a negative size", e->path);
    if (e->size > r->source->limits->bytes || r->bytes > r->source->limits->bytes - e->size)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the files of the archive are larger than the limit of %lld bytes",
                          (long long)r->source->limits->bytes);
    r->bytes += e->size;
    return entry_xattrs(r, a, e, err);
}

int tar_reader_next(struct tar_reader *r, struct tar_entry *e, struct creel_err *err)
{
    int got = archive_read_next_header(r->tar, &r->current); /* RETRY would skip what is damaged */
    if (got == ARCHIVE_EOF)
        return check_end(r, err);
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) /* WARN: a name that is not ASCII, see tar_reader_prepare */
        return reader_fail(r, err);
    if (++r->entries > r->source->limits->entries)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive has more than %lld entries",
                          (long long)r->source->limits->entries);
    return entry_fill(r, r->current, e, err) < 0 ? -1 : 1;
}

int tar_reader_data(struct tar_reader *r, const void **data, size_t *size, int64_t *offset, struct creel_err *err)
{
    la_int64_t at = 0;
    int got = archive_read_data_block(r->tar, data, size, &at);
    if (got == ARCHIVE_EOF)
        return 0;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
        return reader_fail(r, err);
    if (at < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the tar archive is damaged: data at a negative place");
    *offset = at;
    return 1;
}

void tar_reader_close(struct tar_reader *r)
{
    if (r->tar != NULL)
        (void)archive_read_free(r->tar);
    r->tar = NULL;
}
