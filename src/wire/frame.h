/* SPDX-License-Identifier: Apache-2.0 */
/* wire/frame.h: the framing of every connection with creel-monitor.
 *
 * A frame is an 8-byte header and a payload:
 *     byte 0      type
 *     bytes 1-3   zero
 *     bytes 4-7   payload length, big-endian
 * Types 0 to 3 are those of Docker's multiplexed attach stream, so the output half of a connection is such a stream.
 * Anything else in bytes 1-3 is an error: it means that the two sides have lost step. */
#ifndef CREEL_WIRE_FRAME_H
#define CREEL_WIRE_FRAME_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_HEADER = 8 };

enum frame_type {
    FRAME_STDIN = 0,    /* to the process; an empty one is the end of input */
    FRAME_STDOUT = 1,   /* from the process */
    FRAME_STDERR = 2,
    FRAME_NOTICE = 3,   /* text from the monitor itself */
    FRAME_REQUEST = 16, /* JSON, to the monitor */
    FRAME_REPLY = 17,   /* JSON, one for each request that wants one, in order */
    FRAME_EVENT = 18,   /* JSON, unasked */
    FRAME_CREDIT = 19,  /* 4 bytes, big-endian: so many more bytes of input may be sent */
};

void frame_header_print(unsigned char *h, unsigned type, uint32_t len);
/* False when the reserved bytes are not zero. */
bool frame_header_parse(const unsigned char *h, unsigned *ret_type, uint32_t *ret_len);

enum frame_status { FRAME_MORE, FRAME_DONE, FRAME_BAD };

/* Collects one frame at a time from bytes that come in any portions. */
struct frame_reader {
    unsigned char header[FRAME_HEADER];
    size_t header_len;
    unsigned type;
    uint32_t len;
    struct bytes payload;
    size_t max;         /* longest payload accepted */
};
void frame_reader_init(struct frame_reader *r, size_t max);
void frame_reader_fini(struct frame_reader *r);
/* Take bytes until a frame is complete. *ret_used says how many were taken. DONE: type and payload are valid until
 * the next call, which begins a new frame. BAD (also when out of memory): the connection cannot go on. */
enum frame_status frame_feed(struct frame_reader *r, const void *data, size_t n, size_t *ret_used);
/* Between two frames: give the last one's memory back. Does nothing in the middle of one. */
void frame_reader_trim(struct frame_reader *r);
/* True in the middle of a frame: the end of the connection here is a broken frame. */
bool frame_reader_pending(const struct frame_reader *r);

#endif
