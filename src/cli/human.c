/* SPDX-License-Identifier: Apache-2.0 */
/* cli/human.c: see human.h. */
#include "cli/human.h"

#include "base/clock.h"

#include <math.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static void scaled(double size, double base, const char *const *units, size_t count, int digits, struct bytes *out)
{
    size_t i = 0;
    double limit = pow(10, digits);
    while (i + 1 < count && size >= base) {
        size /= base;
        i++;
    }
    /* What would round to "1e+03" is 1 of the next unit. */
    if (i + 1 < count && size < limit && base <= limit &&
        size + 0.5 * pow(10, floor(log10(size > 1 ? size : 1)) + 1 - digits) >= base) {
        size /= base;
        i++;
    }
    if (size >= limit)
        bytes_addf(out, "%.0f%s", size, units[i]);
    else
        bytes_addf(out, "%.*g%s", digits, size, units[i]);
}

void human_size(uint64_t bytes, int digits, struct bytes *out)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
    scaled((double)bytes, 1000, units, ARRAY_LEN(units), digits, out);
}

void human_memory(uint64_t bytes, struct bytes *out)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    scaled((double)bytes, 1024, units, ARRAY_LEN(units), 4, out);
}

void human_ago(int64_t now, int64_t then, struct bytes *out)
{
    char text[CLOCK_TEXT_MAX];
    bytes_addf(out, "%s ago", clock_human(now - then, text));
}

/* Floor division, so that times before 1970 have positive fractions. */
static time_t split(int64_t ns, long *ret_fraction)
{
    int64_t s = ns / NS_PER_S, f = ns % NS_PER_S;
    if (f < 0) {
        f += NS_PER_S;
        s--;
    }
    *ret_fraction = (long)f;
    return (time_t)s;
}

void human_time(int64_t ns, struct bytes *out)
{
    struct tm tm;
    long fraction;
    char text[64];
    time_t t = split(ns, &fraction);
    if (localtime_r(&t, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &tm) > 0)
        bytes_adds(out, text);
}

void human_rfc3339(int64_t ns, int nano, struct bytes *out)
{
    struct tm tm;
    long fraction;
    char text[64];
    time_t t = split(ns, &fraction);
    if (localtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return;
    bytes_adds(out, text);
    if (nano)
        bytes_addf(out, ".%09ld", fraction);
    long minutes = tm.tm_gmtoff / 60;
    if (minutes == 0)
        bytes_addc(out, 'Z');
    else
        bytes_addf(out, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
}
