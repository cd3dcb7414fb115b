/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/text.h: numbers as text, without stdio. */
#ifndef CREEL_RUNTIME_INIT_TEXT_H
#define CREEL_RUNTIME_INIT_TEXT_H

enum { TEXT_NUMBER_MAX = 24 };

/* Decimal; buf holds TEXT_NUMBER_MAX bytes. Returns the start of the text, somewhere in buf. */
static inline const char *text_number(long long n, char *buf)
{
    char *p = buf + TEXT_NUMBER_MAX;
    unsigned long long v = n < 0 ? 0ull - (unsigned long long)n : (unsigned long long)n;
    *--p = '\0';
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    if (n < 0)
        *--p = '-';
    return p;
}

#endif
