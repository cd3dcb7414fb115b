/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include <string.h>

void frame_header_print(unsigned char *h, unsigned type, uint32_t len)
{
    h[0] = (unsigned char)type;
    h[1] = h[2] = h[3] = 0;
    h[4] = (unsigned char)(len >> 24);
    h[5] = (unsigned char)(len >> 16);
    h[6] = (unsigned char)(len >> 8);
    h[7] = (unsigned char)len;
}

bool frame_header_parse(const unsigned char *h, unsigned *ret_type, uint32_t *ret_len)
{
    if (h[1] != 0 || h[2] != 0 || h[3] != 0)
        return false;
    *ret_type = h[0];
    *ret_len = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
    return true;
}

void frame_reader_init(struct frame_reader *r, size_t max)
{
    *r = (struct frame_reader){ .max = max };
    bytes_init_max(&r->payload, max);
}

void frame_reader_fini(struct frame_reader *r)
{
    bytes_fini(&r->payload);
    r->header_len = 0;
}

void frame_reader_trim(struct frame_reader *r)
{
    if (frame_reader_pending(r))
        return;
    bytes_fini(&r->payload);
    r->header_len = 0;
}

bool frame_reader_pending(const struct frame_reader *r)
{
    return r->header_len > 0 && (r->header_len < FRAME_HEADER || r->payload.len < r->len);
}

enum frame_status frame_feed(struct frame_reader *r, const void *data, size_t n, size_t *ret_used)
{
    const unsigned char *p = data;
    *ret_used = 0;
    if (r->header_len == FRAME_HEADER && r->payload.len == r->len) { /* the frame before this one was complete */
        r->header_len = 0;
        bytes_reset(&r->payload);
    }
    if (r->header_len < FRAME_HEADER) {
        size_t take = FRAME_HEADER - r->header_len;
        if (take > n)
            take = n;
        memcpy(r->header + r->header_len, p, take);
        r->header_len += take;
        *ret_used = take;
        if (r->header_len < FRAME_HEADER)
            return FRAME_MORE;
        bytes_reset(&r->payload);
        if (!frame_header_parse(r->header, &r->type, &r->len) || r->len > r->max)
            return FRAME_BAD;
    }
    size_t want = r->len - r->payload.len, left = n - *ret_used;
    if (want > left)
        want = left;
    bytes_add(&r->payload, p + *ret_used, want);
    if (!bytes_ok(&r->payload))
        return FRAME_BAD;
    *ret_used += want;
    return r->payload.len == r->len ? FRAME_DONE : FRAME_MORE;
}
