/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink.h: where creel-archive writes bytes: a descriptor, optionally compressed (zstd), hashed as written. */
#ifndef CREEL_IMAGE_SINK_H
#define CREEL_IMAGE_SINK_H

#include "image/hasher.h"

#include <stdbool.h>
#include <stddef.h>

struct sink {
    int fd;
    bool compress;
    struct ZSTD_CCtx_s *zstd;
    char *buffer;
    size_t used, size;
    struct hasher written;  /* what reached the descriptor */
};
#define SINK_INIT                                                                                                    \
    {                                                                                                                \
        .fd = -1, .compress = false, .zstd = NULL, .buffer = NULL, .used = 0, .size = 0, .written = HASHER_INIT      \
    }

/* fd is borrowed. */
int sink_open(struct sink *s, int fd, bool compress, struct creel_err *err);
/* CANCELED when the reader of a pipe is gone. */
int sink_write(struct sink *s, const void *data, size_t n, struct creel_err *err);
/* Flush, end the compressed frame. */
int sink_finish(struct sink *s, struct creel_err *err);
void sink_close(struct sink *s);
#define auto_sink auto_cleanup(sink_close) struct sink

#endif
