/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return false;
        uint64_t d = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (v > max)
        return false;
    *ret = v;
    return true;
}

bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = *s == '-';
    uint64_t u;
    if (!parse_u64(s + negative, negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, &u))
        return false;
    int64_t v = negative ? (u == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)u) : (int64_t)u;
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

bool parse_octal(const char *s, unsigned max, unsigned *ret)
{
    unsigned v = 0;
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '7' || v > (~0u >> 3))
            return false;
        v = v * 8 + (unsigned)(*s - '0');
    }
    if (v > max)
        return false;
    *ret = v;
    return true;
}

/* digits[.digits] scaled by 10^9, at most nine fractional digits; returns the first byte behind it or NULL */
static const char *decimal_scan(const char *s, uint64_t *ret_whole, uint64_t *ret_nano)
{
    uint64_t whole = 0, nano = 0;
    const char *start = s;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (whole > (UINT64_MAX - 9) / 10)
            return NULL;
        whole = whole * 10 + (uint64_t)(*s - '0');
    }
    bool digits = s > start;
    if (*s == '.') {
        uint64_t unit = 100000000;
        s++;
        if (!digits && !(*s >= '0' && *s <= '9'))
            return NULL;
        for (; *s >= '0' && *s <= '9'; s++, unit /= 10) {
            nano += (uint64_t)(*s - '0') * unit; /* past nine digits unit is 0 */
            digits = true;
        }
    }
    if (!digits)
        return NULL;
    *ret_whole = whole;
    *ret_nano = nano;
    return s;
}

bool parse_nano(const char *s, int64_t *ret)
{
    uint64_t whole, nano;
    const char *dot = strchr(s, '.');
    if (dot != NULL && strlen(dot + 1) > 9)
        return false;
    const char *end = decimal_scan(s, &whole, &nano);
    if (end == NULL || *end != '\0' || whole > (uint64_t)INT64_MAX / 1000000000 - 1)
        return false;
    *ret = (int64_t)(whole * 1000000000 + nano);
    return true;
}

bool parse_size(const char *s, unsigned base, int64_t *ret)
{
    static const char units[] = "kmgtp";
    uint64_t whole, nano, scale = 1;
    const char *end = decimal_scan(s, &whole, &nano);
    if (end == NULL)
        return false;
    if (*end == ' ')
        end++;
    if (*end != '\0') {
        char c = (char)(*end | 0x20);
        const char *u = strchr(units, c);
        if (u != NULL && *u != '\0') {
            for (ptrdiff_t i = 0; i <= u - units; i++)
                scale *= base;
            end++;
            if (strcasecmp(end, "b") != 0 && strcasecmp(end, "ib") != 0 && *end != '\0')
                return false;
        } else if (strcasecmp(end, "b") != 0) {
            return false;
        }
    }
    __extension__ typedef unsigned __int128 u128;
    u128 v = (u128)whole * scale + (u128)nano * scale / 1000000000;
    if (v > INT64_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

bool parse_duration_ns(const char *s, int64_t *ret)
{
    static const struct { const char *name; uint64_t ns; } units[] = {
        { "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "ms", 1000000 },
        { "s", 1000000000 }, { "m", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) },
    };
    bool negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if (strcmp(s, "0") == 0) {
        *ret = 0;
        return true;
    }
    if (*s == '\0')
        return false;
    __extension__ typedef unsigned __int128 u128;
    u128 total = 0;
    while (*s != '\0') {
        uint64_t whole, nano;
        s = decimal_scan(s, &whole, &nano);
        if (s == NULL)
            return false;
        size_t n = 0;
        while (s[n] != '\0' && s[n] != '.' && !(s[n] >= '0' && s[n] <= '9'))
            n++;
        uint64_t unit = 0;
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (strlen(units[i].name) == n && strncmp(units[i].name, s, n) == 0)
                unit = units[i].ns;
        if (unit == 0)
            return false;
        total += (u128)whole * unit + (u128)nano * unit / 1000000000;
        if (total > INT64_MAX)
            return false;
        s += n;
    }
    *ret = negative ? -(int64_t)total : (int64_t)total;
    return true;
}

const char *duration_print(int64_t ns, char *buf)
{
    uint64_t v = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    const char *sign = ns < 0 ? "-" : "";
    if (v == 0) {
        (void)snprintf(buf, 32, "0s");
        return buf;
    }
    uint64_t unit = v < 1000 ? 1 : v < 1000000 ? 1000 : v < 1000000000 ? 1000000 : 1000000000;
    const char *name = unit == 1 ? "ns" : unit == 1000 ? "\xc2\xb5s" : unit == 1000000 ? "ms" : "s";
    uint64_t h = v / UINT64_C(3600000000000), m = v / UINT64_C(60000000000) % 60;
    uint64_t rest = unit == 1000000000 ? v % UINT64_C(60000000000) : v;
    char frac[16] = "";
    if (rest % unit != 0) {
        int digits = unit == 1000 ? 3 : unit == 1000000 ? 6 : 9;
        (void)snprintf(frac, sizeof frac, ".%0*" PRIu64, digits, rest % unit);
        for (size_t n = strlen(frac); frac[n - 1] == '0'; n--)
            frac[n - 1] = '\0';
    }
    if (h > 0)
        (void)snprintf(buf, 32, "%s%" PRIu64 "h%" PRIu64 "m%" PRIu64 "%ss", sign, h, m, rest / unit, frac);
    else if (m > 0)
        (void)snprintf(buf, 32, "%s%" PRIu64 "m%" PRIu64 "%ss", sign, m, rest / unit, frac);
    else
        (void)snprintf(buf, 32, "%s%" PRIu64 "%s%s", sign, rest / unit, frac, name);
    return buf;
}
