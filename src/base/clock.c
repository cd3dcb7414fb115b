/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS INT64_C(1000000000)

static int64_t clock_read(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) < 0)
        return 0;
    return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

/* Days since 1970 to a date. Not gmtime_r: that reads /etc/localtime first, and this is on the way to every line of a log.
 * Counted from 1 March 0000 on, so that the leap day comes last in its year; every int64 of nanoseconds is in range. */
static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = floor_div(z, 146097);
    int doe = (int)(z - era * 146097);                                      /* day of the era of 400 years */
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);                      /* from 1 March */
    int m = (5 * doy + 2) / 153;
    *day = doy - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = (int)(era * 400) + yoe + (*month <= 2);
}

static const char *print_with(int64_t ns, int digits, char *buf)
{
    int64_t sec = floor_div(ns, NS), days = floor_div(sec, 86400);
    int second = (int)(sec - days * 86400), year, month, day;
    date_of_days(days, &year, &month, &day);
    char frac[16];
    (void)snprintf(frac, sizeof frac, ".%09d", (int)(ns - sec * NS));
    if (digits < 9) {
        size_t n = strlen(frac);
        while (n > 0 && (frac[n - 1] == '0' || frac[n - 1] == '.')) {
            bool dot = frac[n - 1] == '.';
            frac[--n] = '\0';
            if (dot)
                break;
        }
    }
    (void)snprintf(buf, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", year, month, day, second / 3600,
                   second / 60 % 60, second % 60, frac);
    return buf;
}

const char *clock_print(int64_t ns, char *buf)
{
    if (ns == 0) {
        (void)snprintf(buf, CLOCK_TEXT_MAX, "0001-01-01T00:00:00Z");
        return buf;
    }
    return print_with(ns, 0, buf);
}

const char *clock_print_nano(int64_t ns, char *buf)
{
    return print_with(ns, 9, buf);
}

static bool digits(const char **s, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        v = v * 10 + (**s - '0');
    }
    *ret = v;
    return true;
}

static bool eat(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* date [T time [.frac]]; *has_time says how far it went */
static bool parse_calendar(const char **s, struct tm *tm, int64_t *nano, bool *has_time)
{
    int y, mo, d, h = 0, mi = 0, se = 0;
    *nano = 0;
    *has_time = false;
    if (!digits(s, 4, &y) || !eat(s, '-') || !digits(s, 2, &mo) || !eat(s, '-') || !digits(s, 2, &d))
        return false;
    if (**s == 'T' || **s == 't') {
        (*s)++;
        if (!digits(s, 2, &h) || !eat(s, ':') || !digits(s, 2, &mi))
            return false;
        if (eat(s, ':') && !digits(s, 2, &se))
            return false;
        if (eat(s, '.')) {
            int64_t unit = NS / 10;
            if (**s < '0' || **s > '9')
                return false;
            for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
                *nano += (**s - '0') * unit;
        }
        *has_time = true;
    }
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || se > 60)
        return false;
    memset(tm, 0, sizeof *tm);
    tm->tm_year = y - 1900;
    tm->tm_mon = mo - 1;
    tm->tm_mday = d;
    tm->tm_hour = h;
    tm->tm_min = mi;
    tm->tm_sec = se;
    tm->tm_isdst = -1;
    return true;
}

static bool to_ns(time_t sec, int64_t nano, int64_t *ret)
{
    int64_t v;
    if (__builtin_mul_overflow((int64_t)sec, NS, &v) || __builtin_add_overflow(v, nano, &v))
        return false;
    *ret = v;
    return true;
}

static bool parse_zone(const char **s, int *ret_offset_s)
{
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        *ret_offset_s = 0;
        return true;
    }
    int sign = **s == '+' ? 1 : **s == '-' ? -1 : 0, h, m;
    if (sign == 0)
        return false;
    (*s)++;
    if (!digits(s, 2, &h) || !eat(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *ret_offset_s = sign * (h * 3600 + m * 60);
    return true;
}

bool clock_parse(const char *s, int64_t *ret)
{
    struct tm tm;
    int64_t nano;
    bool has_time;
    int offset;
    if (!parse_calendar(&s, &tm, &nano, &has_time) || !has_time || !parse_zone(&s, &offset) || *s != '\0')
        return false;
    if (tm.tm_year == 1 - 1900 && tm.tm_mon == 0 && tm.tm_mday == 1 && nano == 0) {
        *ret = 0;
        return true;
    }
    return to_ns(timegm(&tm) - offset, nano, ret);
}

bool clock_parse_when(const char *s, int64_t now, int64_t *ret)
{
    if (clock_parse(s, ret))
        return true;
    struct tm tm;
    int64_t nano, v;
    bool has_time;
    const char *p = s;
    if (parse_calendar(&p, &tm, &nano, &has_time) && *p == '\0')
        return to_ns(mktime(&tm), nano, ret);
    if (parse_nano(s, &v)) {
        *ret = v; /* Unix seconds with a fraction are nanoseconds once scaled */
        return true;
    }
    if (parse_duration_ns(s, &v)) {
        *ret = now - v;
        return true;
    }
    return false;
}

const char *clock_human(int64_t d, char *buf)
{
    int64_t s = d / NS, m = s / 60, h = (s + 1800) / 3600;
    if (d < NS)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "Less than a second");
    else if (s == 1)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "1 second");
    else if (s < 60)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " seconds", s);
    else if (m == 1)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "About a minute");
    else if (m < 60)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " minutes", m);
    else if (h == 1)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "About an hour");
    else if (h < 48)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " hours", h);
    else if (h < 336)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " days", h / 24);
    else if (h < 1440)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " weeks", h / 24 / 7);
    else if (h < 17520)
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " months", h / 24 / 30);
    else
        (void)snprintf(buf, CLOCK_TEXT_MAX, "%" PRId64 " years", s / 3600 / 24 / 365);
    return buf;
}
