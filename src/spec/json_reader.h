/* SPDX-License-Identifier: Apache-2.0 */
/* spec/json_reader.h: a strict pull reader for JSON held in memory.
 *
 * It exists beside jansson for the documents on the start path: jansson builds a tree first (0.2 to 0.4 ms for a
 * typical OCI configuration, and the monitor would have to carry it), and cannot hold integers above 2^63 - 1, which
 * "no limit" is in every rlimit that Docker writes.
 *
 * Strict: RFC 8259 only, valid UTF-8, no NUL in strings, nothing after the document, at most JSON_DEPTH_MAX levels.
 * Integers are integers: fractions and exponents are refused, and so is anything outside the range asked for.
 * Errors are INVALID and begin with the path of the member ("linux.resources.memory.limit: …"). After the first error
 * every call fails. The text is borrowed until the reader is forgotten; the reader owns nothing. */
#ifndef CREEL_SPEC_JSON_READER_H
#define CREEL_SPEC_JSON_READER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 64, JSON_TEXT_MAX = 16 << 20 };

struct json_frame { const char *key; size_t key_len, index; };
struct json_reader {
    const char *what;       /* what the document is, for messages: "OCI configuration" */
    const char *start, *p, *end;
    struct json_frame frames[JSON_DEPTH_MAX];   /* one per open object or array: where we are in it */
    unsigned depth;
    bool fresh;             /* the innermost object or array was just opened: no comma yet */
    struct creel_err *err;
};
enum json_type { JSON_T_OBJECT, JSON_T_ARRAY, JSON_T_STRING, JSON_T_NUMBER, JSON_T_BOOL, JSON_T_NULL, JSON_T_BAD };

/* Fails when the text is larger than JSON_TEXT_MAX. */
int json_reader_init(struct json_reader *r, const char *what, const char *text, size_t len, struct creel_err *err);
/* The type of the value that comes next; consumes blanks only. */
enum json_type json_peek(struct json_reader *r);

int json_object_begin(struct json_reader *r);
/* 1: *key and *len are the next member's name (without escapes decoded when it has none, see below), its value comes
 * next; 0: the object has ended. Names with escapes are decoded into `scratch` (scratch_len bytes); too long is an
 * error. The name is borrowed until the next call with the same scratch. */
int json_object_next(struct json_reader *r, const char **key, size_t *len, char *scratch, size_t scratch_len);
int json_array_begin(struct json_reader *r);
int json_array_next(struct json_reader *r);  /* 1: an element comes next; 0: the array has ended */

/* *ret: malloc'd, NUL-terminated. */
int json_read_string(struct json_reader *r, char **ret);
int json_bool(struct json_reader *r, bool *ret);
int json_i64(struct json_reader *r, int64_t min, int64_t max, int64_t *ret);
int json_u64(struct json_reader *r, uint64_t max, uint64_t *ret);
int json_read_null(struct json_reader *r);
int json_skip(struct json_reader *r);       /* any value, still checked */
int json_end(struct json_reader *r);        /* nothing but blanks is left */

/* Report `text` at the current member. Returns -1. */
int json_fail(struct json_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- the other direction: what the printers share --- */
struct bytes;
/* A quoted, escaped string. Returns false when `s` is not valid UTF-8. */
bool json_add_string(struct bytes *out, const char *s);
/* Length of the well-formed UTF-8 sequence at s (1 to 4), or 0. `n` bytes are readable. */
size_t json_utf8_len(const unsigned char *s, size_t n);

#endif
