/* SPDX-License-Identifier: Apache-2.0 */
/* image/source.h: a foreign byte stream inside creel-archive.
 *
 * Bytes come from a descriptor, are hashed and counted as they came ("raw"), decompressed once if their first bytes
 * say gzip, bzip2, xz or zstd, and hashed and counted again ("plain"). Nothing is ever decompressed twice, so there
 * are no nested bombs. Buffers are fixed; limits are looked at on every block. */
#ifndef CREEL_IMAGE_SOURCE_H
#define CREEL_IMAGE_SOURCE_H

#include "image/archive_limits.h"
#include "image/hasher.h"

#include <stdbool.h>
#include <stddef.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_BZIP2, COMPRESSION_XZ, COMPRESSION_ZSTD };
const char *compression_name(enum compression c);
enum compression compression_of(const void *first_bytes, size_t n); /* 6 bytes decide */

struct sink;
struct archive;
struct source {
    int fd;
    const struct archive_limits *limits;
    enum compression compression;
    struct archive *filter;         /* libarchive, only to decompress; NULL when plain */
    struct hasher raw, plain;
    struct sink *raw_sink, *plain_sink; /* copies of what passes, or NULL */
    char *buffer;
    size_t ready;                   /* bytes of `buffer` read ahead to recognise the compression, not yet passed on */
    bool input_ended, ended;
    uint64_t zeros_at_end;          /* length of the run of zero bytes that ended the last plain block */
    struct creel_err failure;       /* what a callback inside libarchive could not report */
};

/* fd is borrowed. Reads the first bytes. Sinks are set by the caller between open and the first read. */
int source_open(struct source *s, int fd, const struct archive_limits *limits, struct creel_err *err);
/* The next plain bytes in *ret (borrowed until the next call). Returns their number, 0 at the end, -1. */
ssize_t source_read(struct source *s, const void **ret, struct creel_err *err);
/* Read what is left, so that the hashes cover everything; INVALID if it is more than `max` bytes. */
int source_drain(struct source *s, uint64_t max, struct creel_err *err);
/* Of what has passed; DIGEST_MAX bytes each. Once, at the end. */
int source_digests(struct source *s, char *raw, char *plain, struct creel_err *err);
void source_close(struct source *s);

#endif
