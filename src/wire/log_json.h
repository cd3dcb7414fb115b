/* SPDX-License-Identifier: Apache-2.0 */
/* wire/log_json.h: the json-file log format, one JSON object per line:
 *     {"log":"text\n","stream":"stdout","attrs":{…},"time":"2015-05-29T11:01:02.000000003Z"}
 * Members in this order; empty ones are left out, except time. A record without "\n" at the end of "log" is a piece
 * of a longer line. Escaped are the quote, the backslash, control characters, '<', '>', '&', U+2028 and U+2029; each
 * byte that is not part of valid UTF-8 becomes \ufffd (the format cannot say otherwise).
 *
 * Both directions handle 16 bytes at a time and allocate nothing. */
#ifndef CREEL_WIRE_LOG_JSON_H
#define CREEL_WIRE_LOG_JSON_H

#include "wire/log_record.h"

/* Everything after the text of a record; made once per stream, the time set once per portion of output. */
struct log_json_tail {
    char *text;             /* owned */
    size_t fixed, len;      /* `fixed` bytes come before the time */
};
/* attrs: JSON object or NULL. False when out of memory. */
bool log_json_tail_init(struct log_json_tail *t, const char *stream, const char *attrs);
void log_json_tail_fini(struct log_json_tail *t);
void log_json_tail_time(struct log_json_tail *t, int64_t time_ns);

/* Most bytes that log_json_encode writes for n bytes of text. */
static inline size_t log_json_bound(const struct log_json_tail *t, size_t n)
{
    return 6 * n + t->len + 64;
}
/* Encode one record (with the newline of the file's line). `newline`: the record ends a line, whose newline is not in
 * `data`. data needs LOG_SLACK readable bytes after it; `out` log_json_bound bytes. Returns the end of what was
 * written. */
char *log_json_encode(char *out, const struct log_json_tail *t, const char *data, size_t len, bool newline);

/* Decode a line (without the file's newline) in place: the line is overwritten, ret points into it. LOG_SLACK bytes
 * after it are readable. Members may come in any order, unknown ones are skipped. False when it is not a record. */
bool log_json_decode(struct log_clock *c, char *line, size_t len, struct log_record *ret);

#endif
