/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a stream of frames fed whole and fed in small portions gives the same frames and the same end. */
#include "wire/frame.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAYLOAD_MAX = 4096 };

/* Order-dependent digest of the frames in `data`, fed in portions of `step`. */
static uint64_t digest(const uint8_t *data, size_t size, size_t step)
{
    struct frame_reader r;
    frame_reader_init(&r, PAYLOAD_MAX);
    uint64_t h = 1469598103934665603u;
    enum frame_status st = FRAME_MORE;
    for (size_t at = 0; at < size && st != FRAME_BAD;) {
        size_t n = size - at < step ? size - at : step, used = 0;
        st = frame_feed(&r, data + at, n, &used);
        assert(used <= n && (used > 0 || st != FRAME_MORE));
        at += used;
        if (st == FRAME_DONE) {
            assert(r.payload.len == r.len && r.len <= PAYLOAD_MAX);
            h = (h ^ r.type) * 1099511628211u;
            for (size_t i = 0; i < r.len; i++)
                h = (h ^ (uint8_t)r.payload.data[i]) * 1099511628211u;
        }
    }
    h = (h ^ (uint64_t)(st == FRAME_BAD)) * 1099511628211u;
    h = (h ^ (uint64_t)(st != FRAME_BAD && frame_reader_pending(&r))) * 1099511628211u;
    frame_reader_fini(&r);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = digest(data, size, size);
    assert(digest(data, size, 1) == whole);
    assert(digest(data, size, 7) == whole);
    return 0;
}
