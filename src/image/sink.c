/* SPDX-License-Identifier: Apache-2.0 */
#include "image/sink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { PLAIN_BUFFER = 256 << 10, LEVEL = 3 };

int sink_open(struct sink *s, int fd, bool compress, struct creel_err *err)
{
    *s = (struct sink)SINK_INIT;
    s->fd = fd;
    s->compress = compress;
    s->size = compress ? ZSTD_CStreamOutSize() : PLAIN_BUFFER;
    s->buffer = malloc(s->size);
    if (s->buffer == NULL || hasher_init(&s->written, err) < 0) {
        sink_close(s);
        return creel_fail_nomem(err);
    }
    if (!compress)
        return 0;
    s->zstd = ZSTD_createCCtx();
    if (s->zstd == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, LEVEL))
        || ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1))) {
        sink_close(s);
        return creel_fail_nomem(err);
    }
    return 0;
}

static int put(struct sink *s, const char *data, size_t n, struct creel_err *err)
{
    hasher_add(&s->written, data, n);
    while (n > 0) {
        ssize_t w = write(s->fd, data, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return creel_fail(err, errno == EPIPE ? CREEL_CANCELED : creel_kind_of_errno(errno), errno,
                              "writing output");
        data += w;
        n -= (size_t)w;
    }
    return 0;
}

static int flush(struct sink *s, struct creel_err *err)
{
    size_t n = s->used;
    s->used = 0;
    return n > 0 ? put(s, s->buffer, n, err) : 0;
}

static int compress_some(struct sink *s, ZSTD_inBuffer *in, ZSTD_EndDirective mode, size_t *ret_left,
                         struct creel_err *err)
{
    ZSTD_outBuffer out = { .dst = s->buffer, .size = s->size, .pos = 0 };
    *ret_left = ZSTD_compressStream2(s->zstd, &out, in, mode);
    if (ZSTD_isError(*ret_left))
        return creel_fail(err, CREEL_INTERNAL, 0, "compressing with zstd: %s", ZSTD_getErrorName(*ret_left));
    return out.pos > 0 ? put(s, s->buffer, out.pos, err) : 0;
}

int sink_write(struct sink *s, const void *data, size_t n, struct creel_err *err)
{
    if (s->compress) {
        ZSTD_inBuffer in = { .src = data, .size = n, .pos = 0 };
        size_t left;
        while (in.pos < in.size)
            if (compress_some(s, &in, ZSTD_e_continue, &left, err) < 0)
                return -1;
        return 0;
    }
    if (n > s->size - s->used && flush(s, err) < 0)
        return -1;
    if (n >= s->size)
        return put(s, data, n, err);
    memcpy(s->buffer + s->used, data, n);
    s->used += n;
    return 0;
}

int sink_finish(struct sink *s, struct creel_err *err)
{
    if (!s->compress)
        return flush(s, err);
    ZSTD_inBuffer in = { .src = NULL, .size = 0, .pos = 0 };
    size_t left;
    do
        if (compress_some(s, &in, ZSTD_e_end, &left, err) < 0)
            return -1;
    while (left > 0);
    return 0;
}

void sink_close(struct sink *s)
{
    (void)ZSTD_freeCCtx(s->zstd);
    hasher_fini(&s->written);
    free(s->buffer);
    *s = (struct sink)SINK_INIT;
}
