/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/log_cri.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

void log_cri_head_print(struct log_cri_head *h, const char *stream, int64_t time_ns)
{
    char buf[CLOCK_TEXT_MAX];
    int n = snprintf(h->text, sizeof h->text, "%s %s ", clock_print_nano(time_ns, buf), stream);
    h->len = n > 0 && (size_t)n < sizeof h->text ? (size_t)n : 0;
}

char *log_cri_encode(char *out, const struct log_cri_head *h, const char *data, size_t len, bool newline)
{
    memcpy(out, h->text, h->len);
    out += h->len;
    *out++ = newline ? 'F' : 'P';
    *out++ = ' ';
    memcpy(out, data, len);
    out += len;
    *out++ = '\n';
    return out;
}

bool log_cri_decode(struct log_clock *c, const char *line, size_t len, struct log_record *ret)
{
    struct log_record r = { 0 };
    const char *end = line + len, *sp = memchr(line, ' ', len);
    if (sp == NULL || !log_clock_parse(c, line, (size_t)(sp - line), &r.time_ns))
        return false;
    const char *p = sp + 1;
    if (end - p < 7)
        return false;
    if (memcmp(p, "stdout ", 7) == 0)
        r.stream = 1;
    else if (memcmp(p, "stderr ", 7) == 0)
        r.stream = 2;
    else
        return false;
    p += 7;
    /* tags are separated by colons; only the first has a meaning */
    if (p >= end || (*p != 'F' && *p != 'P') || (p + 1 < end && p[1] != ' ' && p[1] != ':'))
        return false;
    bool full = *p == 'F';
    sp = memchr(p, ' ', (size_t)(end - p));
    p = sp != NULL ? sp + 1 : end;
    r.data = p;
    r.len = (size_t)(end - p) + (full ? 1 : 0);
    *ret = r;
    return true;
}
