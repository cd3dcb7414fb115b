/* SPDX-License-Identifier: Apache-2.0 */
#include "image/source.h"

#include "image/report.h"
#include "image/sink.h"

#include <archive.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 << 10, MAGIC_SIZE = 6 };

static const struct {
    enum compression compression;
    const char *name;
    size_t len;
    const char *magic;
    int filter;
} magics[] = {
    { COMPRESSION_GZIP, "gzip", 3, "\x1f\x8b\x08", ARCHIVE_FILTER_GZIP },
    { COMPRESSION_BZIP2, "bzip2", 3, "BZh", ARCHIVE_FILTER_BZIP2 },
    { COMPRESSION_XZ, "xz", 6, "\xfd" "7zXZ\0", ARCHIVE_FILTER_XZ },
    { COMPRESSION_ZSTD, "zstd", 4, "\x28\xb5\x2f\xfd", ARCHIVE_FILTER_ZSTD },
};

const char *compression_name(enum compression c)
{
    for (size_t i = 0; i < ARRAY_LEN(magics); i++)
        if (magics[i].compression == c)
            return magics[i].name;
    return "uncompressed";
}

enum compression compression_of(const void *first_bytes, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(magics); i++)
        if (n >= magics[i].len && memcmp(first_bytes, magics[i].magic, magics[i].len) == 0)
            return magics[i].compression;
    return COMPRESSION_NONE;
}

/* Read up to `size` bytes; 0 at end of input. */
static ssize_t input_read(struct source *s, char *buf, size_t size, struct creel_err *err)
{
    ssize_t n;
    do
        n = read(s->fd, buf, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "reading the archive");
    if (n == 0)
        s->input_ended = true;
    return n;
}

/* Account for raw bytes that are about to be used. */
static int raw_passes(struct source *s, const char *data, size_t n, struct creel_err *err)
{
    if (s->compression != COMPRESSION_NONE)
        hasher_add(&s->raw, data, n);
    else
        s->raw.bytes += n; /* what is plain is hashed once */
    if (s->raw.bytes > (uint64_t)s->limits->bytes)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive is larger than the limit of %lld bytes",
                          (long long)s->limits->bytes);
    report_progress(s->raw.bytes, 0);
    return s->raw_sink != NULL ? sink_write(s->raw_sink, data, n, err) : 0;
}

/* The next raw block. */
static ssize_t raw_read(struct source *s, const void **ret, struct creel_err *err)
{
    ssize_t n = (ssize_t)s->ready;
    s->ready = 0;
    if (n == 0 && !s->input_ended)
        n = input_read(s, s->buffer, BUFFER_SIZE, err);
    if (n > 0 && raw_passes(s, s->buffer, (size_t)n, err) < 0)
        return -1;
    *ret = s->buffer;
    return n;
}

static ssize_t filter_callback(struct archive *a, void *arg, const void **ret)
{
    struct source *s = arg;
    ssize_t n = raw_read(s, ret, &s->failure);
    if (n < 0)
        archive_set_error(a, EIO, "%s", s->failure.text);
    return n;
}

static int filter_fail(struct source *s, struct creel_err *err)
{
    if (s->failure.kind != CREEL_OK) {
        *err = s->failure;
        return -1;
    }
    const char *why = archive_error_string(s->filter);
    if (why == NULL || strcmp(why, "Unrecognized archive format") == 0) /* not a byte came out of the filter */
        return creel_fail(err, CREEL_INVALID, 0, "the %s stream is empty, damaged or cut off",
                          compression_name(s->compression));
    return creel_fail(err, CREEL_INVALID, 0, "the %s stream is damaged or cut off: %s",
                      compression_name(s->compression), why);
}

static int filter_open(struct source *s, struct creel_err *err)
{
    s->filter = archive_read_new();
    if (s->filter == NULL)
        return creel_fail_nomem(err);
    int code = ARCHIVE_FILTER_NONE;
    for (size_t i = 0; i < ARRAY_LEN(magics); i++)
        if (magics[i].compression == s->compression)
            code = magics[i].filter;
    /* an explicit filter switches bidding off: exactly this one, once */
    if (archive_read_append_filter(s->filter, code) != ARCHIVE_OK
        || archive_read_support_format_raw(s->filter) != ARCHIVE_OK)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "libarchive cannot read %s: %s",
                          compression_name(s->compression), archive_error_string(s->filter));
    struct archive_entry *entry;
    if (archive_read_open(s->filter, s, NULL, filter_callback, NULL) != ARCHIVE_OK)
        return filter_fail(s, err);
    int r = archive_read_next_header(s->filter, &entry);
    if (r == ARCHIVE_EOF)
        s->ended = true;
    else if (r != ARCHIVE_OK)
        return filter_fail(s, err);
    return 0;
}

int source_open(struct source *s, int fd, const struct archive_limits *limits, struct creel_err *err)
{
    *s = (struct source){ .fd = fd, .limits = limits, .raw = HASHER_INIT, .plain = HASHER_INIT };
    s->buffer = malloc(BUFFER_SIZE);
    if (s->buffer == NULL)
        return creel_fail_nomem(err);
    if (hasher_init(&s->raw, err) < 0 || hasher_init(&s->plain, err) < 0)
        return -1;
    while (s->ready < MAGIC_SIZE && !s->input_ended) {
        ssize_t n = input_read(s, s->buffer + s->ready, BUFFER_SIZE - s->ready, err);
        if (n < 0)
            return -1;
        s->ready += (size_t)n;
    }
    s->compression = compression_of(s->buffer, s->ready);
    return 0;
}

/* Limits on what came out, the plain hash, and the zeros at the end (the end-of-archive mark). */
static int plain_passes(struct source *s, const char *data, size_t n, struct creel_err *err)
{
    hasher_add(&s->plain, data, n);
    if (s->plain.bytes > (uint64_t)s->limits->bytes)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive expands to more than the limit of %lld bytes",
                          (long long)s->limits->bytes);
    if (s->filter != NULL && s->plain.bytes > (uint64_t)s->limits->ratio_floor
        && s->plain.bytes / (uint64_t)s->limits->ratio > s->raw.bytes)
        return creel_fail(err, CREEL_EXHAUSTED, 0,
                          "the %s archive expands to more than %lld times its size, which looks like a bomb "
                          "(CREEL_ARCHIVE_LIMITS=ratio=… allows it)",
                          compression_name(s->compression), (long long)s->limits->ratio);
    size_t zeros = 0;
    while (zeros < n && data[n - 1 - zeros] == '\0' && zeros < 1024)
        zeros++;
    s->zeros_at_end = zeros == n ? s->zeros_at_end + zeros : zeros;
    return s->plain_sink != NULL ? sink_write(s->plain_sink, data, n, err) : 0;
}

ssize_t source_read(struct source *s, const void **ret, struct creel_err *err)
{
    ssize_t n = 0;
    if (s->compression != COMPRESSION_NONE && s->filter == NULL && filter_open(s, err) < 0)
        return -1;
    if (s->ended)
        return 0;
    if (s->filter == NULL) {
        n = raw_read(s, ret, err);
    } else {
        size_t size = 0;
        la_int64_t offset = 0;
        int r;
        do
            r = archive_read_data_block(s->filter, ret, &size, &offset);
        while (r == ARCHIVE_RETRY || (r == ARCHIVE_OK && size == 0));
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN && r != ARCHIVE_EOF)
            return filter_fail(s, err);
        n = r == ARCHIVE_EOF ? 0 : (ssize_t)size;
    }
    if (n == 0)
        s->ended = true;
    if (n > 0 && plain_passes(s, *ret, (size_t)n, err) < 0)
        return -1;
    return n;
}

int source_drain(struct source *s, uint64_t max, struct creel_err *err)
{
    const void *data;
    ssize_t n;
    uint64_t drained = 0;
    while ((n = source_read(s, &data, err)) > 0)
        if ((drained += (uint64_t)n) > max)
            return creel_fail(err, CREEL_INVALID, 0, "more than %llu bytes follow the end of the archive",
                              (unsigned long long)max);
    /* bytes after the end of the compressed stream belong to the blob all the same */
    while (n == 0 && (s->ready > 0 || !s->input_ended)) {
        ssize_t raw = raw_read(s, &data, err);
        if (raw < 0)
            return -1;
        if ((drained += (uint64_t)raw) > max)
            return creel_fail(err, CREEL_INVALID, 0, "more than %llu bytes follow the compressed archive",
                              (unsigned long long)max);
    }
    return (int)n;
}

int source_digests(struct source *s, char *raw, char *plain, struct creel_err *err)
{
    if (hasher_digest(&s->plain, plain, err) < 0)
        return -1;
    if (s->compression != COMPRESSION_NONE)
        return hasher_digest(&s->raw, raw, err);
    memcpy(raw, plain, DIGEST_MAX);
    return 0;
}

void source_close(struct source *s)
{
    if (s->filter != NULL)
        (void)archive_read_free(s->filter);
    hasher_fini(&s->raw);
    hasher_fini(&s->plain);
    free(s->buffer);
    *s = (struct source){ .fd = -1 };
}
