/* SPDX-License-Identifier: Apache-2.0 */
/* base/parse.h: text to numbers, strictly: the whole text must be the number, no sign unless said, no blanks. */
#ifndef CREEL_BASE_PARSE_H
#define CREEL_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only. False on anything else and on overflow past `max`. */
bool parse_u64(const char *s, uint64_t max, uint64_t *ret);
/* Optional leading '-', then digits. */
bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* Octal digits only (file modes). */
bool parse_octal(const char *s, unsigned max, unsigned *ret);
/* A fraction such as "1.5" in units of 1e-9 ("nano"): --cpus. At most nine fractional digits. */
bool parse_nano(const char *s, int64_t *ret);
/* A size in bytes: number (fraction allowed), optional blank, optional unit b k m g t p with optional "b" or "ib";
 * case-insensitive; units are powers of `base` (1024 for memory, 1000 for log sizes). */
bool parse_size(const char *s, unsigned base, int64_t *ret);
/* A Go duration ("1h30m", "1.5s", "100ms", "5us", "0") in nanoseconds. */
bool parse_duration_ns(const char *s, int64_t *ret);
/* Print a duration as Go does ("1m30s", "50ms"). buf must hold 32 bytes. */
const char *duration_print(int64_t ns, char *buf);

#endif
