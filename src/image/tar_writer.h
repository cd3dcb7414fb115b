/* SPDX-License-Identifier: Apache-2.0 */
/* image/tar_writer.h: writing tar streams: ustar headers, and a pax extended header in front where ustar cannot say
 * it (long names, large numbers, nanoseconds, extended attributes). Names are bytes; nothing is converted. The same
 * entries give the same bytes. */
#ifndef CREEL_IMAGE_TAR_WRITER_H
#define CREEL_IMAGE_TAR_WRITER_H

#include "base/bytes.h"
#include "image/sink.h"
#include "image/tar_reader.h"

struct tar_writer {
    struct sink *sink;
    int64_t left;               /* data of the current file still to come */
    struct bytes pax;
    uint64_t written;
};

void tar_writer_init(struct tar_writer *w, struct sink *sink);
void tar_writer_fini(struct tar_writer *w);
/* A header. e->path is written as it is: with a trailing slash for a directory if the caller wants one. For a file,
 * exactly e->size bytes of data have to follow. */
int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct creel_err *err);
int tar_writer_data(struct tar_writer *w, const void *data, size_t n, struct creel_err *err);
/* Zeros for the rest of the current file: it has become shorter than its header says. */
int tar_writer_pad(struct tar_writer *w, struct creel_err *err);
/* A small regular file, root's, 0644, time 0. */
int tar_writer_text(struct tar_writer *w, const char *path, const char *text, size_t len, struct creel_err *err);
/* The end-of-archive mark. Does not finish the sink. */
int tar_writer_end(struct tar_writer *w, struct creel_err *err);

#endif
