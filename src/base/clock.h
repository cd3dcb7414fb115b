/* SPDX-License-Identifier: Apache-2.0 */
/* base/clock.h: wall-clock times are int64 nanoseconds since 1970, UTC; 0 means "never". */
#ifndef CREEL_BASE_CLOCK_H
#define CREEL_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_TEXT_MAX = 48 };

int64_t clock_now_ns(void);        /* CLOCK_REALTIME */
int64_t clock_mono_ns(void);       /* CLOCK_BOOTTIME: for durations and deadlines */
/* RFC 3339 in UTC with up to nine fractional digits, trailing zeros trimmed, suffix Z. 0 prints as Docker's zero
 * time, 0001-01-01T00:00:00Z. `buf` holds CLOCK_TEXT_MAX bytes; returns buf. */
const char *clock_print(int64_t ns, char *buf);
/* The same, always with nine digits (log time stamps). */
const char *clock_print_nano(int64_t ns, char *buf);
/* RFC 3339 (any offset, 0 to 9 fractional digits) to nanoseconds; the zero time gives 0. */
bool clock_parse(const char *s, int64_t *ret);
/* What --since/--until accept: RFC 3339, a date, a date and time in the local zone, Unix seconds with optional
 * fraction, or a Go duration counted back from `now`. */
bool clock_parse_when(const char *s, int64_t now, int64_t *ret);
/* "3 days", "About a minute", "Less than a second" … (moby-container.md, section 1). buf: CLOCK_TEXT_MAX bytes. */
const char *clock_human(int64_t duration_ns, char *buf);

#endif
