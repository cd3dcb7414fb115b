/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/log_record.h"

#include "base/clock.h"

#include <string.h>

enum { CALENDAR_LEN = 19 };

/* ".123456789Z" or "Z"; false for anything else (other zones take the slow way). */
static bool fraction_parse(const char *s, size_t len, int64_t *ret_ns)
{
    int64_t v = 0;
    if (len == 0 || s[len - 1] != 'Z')
        return false;
    if (len == 1) {
        *ret_ns = 0;
        return true;
    }
    if (s[0] != '.' || len < 3 || len > 11)
        return false;
    for (size_t i = 1; i < len - 1; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
    }
    for (size_t i = len - 2; i < 9; i++)
        v *= 10;
    *ret_ns = v;
    return true;
}

bool log_clock_parse(struct log_clock *c, const char *s, size_t len, int64_t *ret_ns)
{
    int64_t fraction;
    if (len >= CALENDAR_LEN + 1 && c->text[0] != '\0' && memcmp(c->text, s, CALENDAR_LEN) == 0
        && fraction_parse(s + CALENDAR_LEN, len - CALENDAR_LEN, &fraction)) {
        *ret_ns = c->second * 1000000000 + fraction;
        return true;
    }
    char copy[CLOCK_TEXT_MAX];
    if (len >= sizeof copy || memchr(s, '\0', len) != NULL)
        return false;
    memcpy(copy, s, len);
    copy[len] = '\0';
    if (!clock_parse(copy, ret_ns))
        return false;
    if (*ret_ns > 0 && len > CALENDAR_LEN && fraction_parse(s + CALENDAR_LEN, len - CALENDAR_LEN, &fraction)) {
        memcpy(c->text, s, CALENDAR_LEN);
        c->text[CALENDAR_LEN] = '\0';
        c->second = (*ret_ns - fraction) / 1000000000;
    }
    return true;
}
