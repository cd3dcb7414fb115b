/* SPDX-License-Identifier: Apache-2.0 */
/* wire/log_record.h: one record of a container's log, whatever the file format. */
#ifndef CREEL_WIRE_LOG_RECORD_H
#define CREEL_WIRE_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_LINE_MAX = 16384,   /* longer lines are split into partial records of this size */
    LOG_SLACK = 16,         /* encoders may read (not use) so many bytes after their input, decoders after the line */
};

struct log_record {
    int stream;             /* 1 stdout, 2 stderr */
    int64_t time_ns;
    const char *data;       /* with its newline, if the record has one; not NUL-terminated */
    size_t len;
    const char *attrs;      /* JSON object, NUL-terminated, or NULL */
};

/* Decoding many records: the calendar part of the last time stamp, so that it is computed once a second. */
struct log_clock {
    char text[20];          /* "2006-01-02T15:04:05" */
    int64_t second;         /* Unix time of it */
};
/* RFC 3339. False if it is not a time stamp. */
bool log_clock_parse(struct log_clock *c, const char *s, size_t len, int64_t *ret_ns);

#endif
