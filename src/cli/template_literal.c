/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_literal.c: strings, characters and numbers of a template, as Go spells them. */
#include "cli/template_scan.h"

#include <math.h>
#include <string.h>

int literal_add(struct template_scan *p, struct operand *o, json_t *j)
{
    o->kind = OPERAND_LITERAL;
    o->literal = j;
    if (j == NULL || json_array_append_new(p->t->literals, j) < 0)
        return scan_nomem(p);
    return 0;
}

static void add_utf8(struct bytes *b, uint32_t code)
{
    if (code < 0x80) {
        bytes_addc(b, (char)code);
    } else if (code < 0x800) {
        bytes_addc(b, (char)(0xc0 | (code >> 6)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        bytes_addc(b, (char)(0xe0 | (code >> 12)));
        bytes_addc(b, (char)(0x80 | ((code >> 6) & 0x3f)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    } else {
        bytes_addc(b, (char)(0xf0 | (code >> 18)));
        bytes_addc(b, (char)(0x80 | ((code >> 12) & 0x3f)));
        bytes_addc(b, (char)(0x80 | ((code >> 6) & 0x3f)));
        bytes_addc(b, (char)(0x80 | (code & 0x3f)));
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_digits(struct template_scan *p, unsigned count, unsigned base, uint32_t *ret)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < count; i++) {
        int d = hex_value(scan_peek(p, 0));
        if (d < 0 || (unsigned)d >= base)
            return false;
        v = v * base + (unsigned)d;
        p->at++;
    }
    *ret = v;
    return true;
}

/* After a backslash: append what it stands for. */
static int parse_escape(struct template_scan *p, char quote, struct bytes *b)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    char c = scan_peek(p, 0);
    const char *hit = c == '\0' ? NULL : strchr(letters, c);
    uint32_t code = 0;
    if (hit != NULL || c == quote) {
        p->at++;
        bytes_addc(b, hit != NULL ? values[hit - letters] : quote);
        return 0;
    }
    if (c >= '0' && c <= '7') {
        if (!parse_digits(p, 3, 8, &code) || code > 255)
            return scan_fail(p, "invalid syntax in quoted string");
        bytes_addc(b, (char)code);
        return 0;
    }
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    p->at++;
    if (digits == 0 || !parse_digits(p, digits, 16, &code))
        return scan_fail(p, "invalid syntax in quoted string");
    if (c == 'x')
        bytes_addc(b, (char)code);
    else if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return scan_fail(p, "invalid syntax in quoted string");
    else
        add_utf8(b, code);
    return 0;
}

static int parse_quoted(struct template_scan *p, char quote, struct bytes *b)
{
    p->at++;
    for (;;) {
        char c = scan_peek(p, 0);
        if (p->at >= p->len || c == '\n')
            return scan_fail(p, quote == '"' ? "unterminated quoted string" : "unterminated character constant");
        p->at++;
        if (c == quote)
            return bytes_ok(b) ? 0 : scan_nomem(p);
        if (c != '\\')
            bytes_addc(b, c);
        else if (parse_escape(p, quote, b) < 0)
            return -1;
    }
}

int literal_string(struct template_scan *p, struct operand *o)
{
    auto_bytes b = BYTES_INIT;
    if (scan_peek(p, 0) == '"') {
        if (parse_quoted(p, '"', &b) < 0)
            return -1;
        return literal_add(p, o, value_string(bytes_str(&b), b.len));
    }
    const char *start = p->s + p->at + 1;
    const char *end = memchr(start, '`', p->len - p->at - 1);
    if (end == NULL)
        return scan_fail(p, "unterminated raw quoted string");
    p->at = (size_t)(end - p->s) + 1;
    return literal_add(p, o, value_string(start, (size_t)(end - start)));
}

/* 'x' is a number, as in Go. */
int literal_char(struct template_scan *p, struct operand *o)
{
    auto_bytes b = BYTES_INIT;
    if (parse_quoted(p, '\'', &b) < 0)
        return -1;
    const unsigned char *u = (const unsigned char *)bytes_str(&b);
    size_t n = b.len == 0 ? 0 : u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n != b.len)
        return scan_fail(p, "malformed character constant: '%s'", bytes_str(&b));
    uint32_t code = n == 1 ? u[0] : u[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = (code << 6) | (u[i] & 0x3f);
    return literal_add(p, o, json_integer(code));
}

int literal_number(struct template_scan *p, struct operand *o)
{
    char text[64];
    size_t n = 0;
    for (char c, before = 'e'; (c = scan_peek(p, n)) != '\0'; before = c, n++)
        if (!scan_is_word(c) && c != '.' && ((c != '+' && c != '-') || (before != 'e' && before != 'E')))
            break;
    if (n == 0 || n >= sizeof text)
        return scan_fail(p, "bad number syntax: \"%.*s\"", n < 32 ? (int)n : 32, p->s + p->at);
    memcpy(text, p->s + p->at, n);
    text[n] = '\0';
    char *end = NULL;
    errno = 0;
    long long i = strtoll(text, &end, 0);
    if (errno == 0 && end == text + n) {
        p->at += n;
        return literal_add(p, o, json_integer(i));
    }
    errno = 0;
    double d = strtod(text, &end);
    if (errno != 0 || end != text + n || !isfinite(d))
        return scan_fail(p, "bad number syntax: \"%s\"", text);
    p->at += n;
    return literal_add(p, o, json_real(d));
}
