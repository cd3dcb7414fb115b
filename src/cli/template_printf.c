/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_printf.c: see template_printf.h. */
#include "cli/template_printf.h"

#include "cli/table.h"

#include <string.h>

enum { PRINTF_WIDTH_MAX = 1000 };

struct verb {
    bool minus, plus, sharp, zero, blank;
    int width, precision;       /* -1: none */
    char letter;
};

void template_quote(const char *s, size_t len, struct bytes *out)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    bytes_addc(out, '"');
    for (size_t i = 0; i < len;) {
        int32_t code;
        size_t n = text_char(s + i, len - i, &code);
        const char *hit = code > 0 && code < 0x20 ? strchr(values, code) : NULL;
        if (code == '"' || code == '\\')
            bytes_addf(out, "\\%c", (char)code);
        else if (hit != NULL)
            bytes_addf(out, "\\%c", letters[hit - values]);
        else if (code < 0x20 || code == 0x7f)
            bytes_addf(out, "\\x%02x", (unsigned char)s[i]);
        else if (code >= 0x80 && code < 0xa0)
            bytes_addf(out, "\\u%04x", (unsigned)code);
        else
            bytes_add(out, s + i, n);
        i += n;
    }
    bytes_addc(out, '"');
}

/* %!d(string=hi) */
static void bad_verb(char letter, const struct value *v, struct bytes *out)
{
    if (v->kind == VALUE_NONE || (v->kind == VALUE_JSON && json_is_null(v->json))) {
        bytes_addf(out, "%%!%c(<nil>)", letter);
        return;
    }
    bytes_addf(out, "%%!%c(%s=", letter, value_type(v));
    value_print(v, out);
    bytes_addc(out, ')');
}

/* Blanks or zeros up to the width; zeros go between sign and digits. */
static void pad(const struct verb *f, bool number, const struct bytes *text, struct bytes *out)
{
    const char *s = bytes_str(text);
    size_t len = text->len, cells = 0;
    int32_t code;
    for (size_t i = 0; i < len; cells++)
        i += text_char(s + i, len - i, &code);
    size_t fill = f->width > 0 && (size_t)f->width > cells ? (size_t)f->width - cells : 0;
    if (f->minus) {
        bytes_add(out, s, len);
        bytes_addf(out, "%*s", (int)fill, "");
    } else if (f->zero && number) {
        bool sign = len > 0 && (s[0] == '-' || s[0] == '+' || s[0] == ' ');
        bytes_add(out, s, sign);
        while (fill-- > 0)
            bytes_addc(out, '0');
        bytes_add(out, s + sign, len - sign);
    } else {
        bytes_addf(out, "%*s", (int)fill, "");
        bytes_add(out, s, len);
    }
}

static void integer_base(unsigned long long u, unsigned base, bool upper, struct bytes *out)
{
    char digits[72];
    size_t at = sizeof digits;
    do {
        digits[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[u % base];
        u /= base;
    } while (u > 0);
    bytes_add(out, digits + at, sizeof digits - at);
}

static void add_code_point(long long i, struct bytes *out)
{
    uint32_t u = i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000) ? 0xfffd : (uint32_t)i;
    char c[4];
    size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t k = n; k-- > 1; u >>= 6)
        c[k] = (char)(0x80 | (u & 0x3f));
    c[0] = (char)(lead[n] | u);
    bytes_add(out, c, n);
}

static bool format_integer(const struct verb *f, long long i, struct bytes *text)
{
    unsigned long long u = i < 0 ? 0ULL - (unsigned long long)i : (unsigned long long)i;
    unsigned base = f->letter == 'x' || f->letter == 'X' ? 16 : f->letter == 'o' ? 8 : f->letter == 'b' ? 2 : 10;
    switch (f->letter) {
    case 'c': add_code_point(i, text); return true;
    case 'q': {
        auto_bytes c = BYTES_INIT;
        add_code_point(i, &c);
        bytes_addf(text, "'%s'", bytes_str(&c));
        return true;
    }
    case 'U': bytes_addf(text, "U+%04llX", u); return true;
    case 'v': case 'd': case 'x': case 'X': case 'o': case 'b': break;
    default: return false;
    }
    if (i < 0)
        bytes_addc(text, '-');
    else if (f->plus || f->blank)
        bytes_addc(text, f->plus ? '+' : ' ');
    if (f->sharp && base == 16)
        bytes_adds(text, f->letter == 'x' ? "0x" : "0X");
    integer_base(u, base, f->letter == 'X', text);
    return true;
}

static bool format_real(const struct verb *f, const struct value *v, struct bytes *text)
{
    double d = json_number_value(v->json);
    if (strchr("vfFgeGE", f->letter) == NULL)
        return false;
    if ((f->plus || f->blank) && d >= 0)
        bytes_addc(text, f->plus ? '+' : ' ');
    int precision = f->precision >= 0 ? f->precision : 6;
    if (f->letter == 'f' || f->letter == 'F')
        bytes_addf(text, "%.*f", precision, d);
    else if (f->letter == 'e')
        bytes_addf(text, "%.*e", precision, d);
    else if (f->letter == 'E')
        bytes_addf(text, "%.*E", precision, d);
    else if (f->precision >= 0)
        bytes_addf(text, "%.*g", f->precision, d);
    else
        json_print_go(v->json, false, text);
    return true;
}

static bool format_string(const struct verb *f, const char *s, size_t len, struct bytes *text)
{
    if (f->precision >= 0 && f->letter != 'x' && f->letter != 'X') {
        size_t i = 0;
        int32_t code;
        for (int n = 0; n < f->precision && i < len; n++)
            i += text_char(s + i, len - i, &code);
        len = i;
    }
    if (f->letter == 's' || (f->letter == 'v' && !f->sharp))
        bytes_add(text, s, len);
    else if (f->letter == 'q' || f->letter == 'v')
        template_quote(s, len, text);
    else if (f->letter == 'x' || f->letter == 'X')
        for (size_t i = 0; i < len; i++)
            bytes_addf(text, f->letter == 'x' ? "%02x" : "%02X", (unsigned char)s[i]);
    else
        return false;
    return true;
}

static void format_list(const struct verb *f, const json_t *list, struct bytes *out);

static void format_value(const struct verb *f, const struct value *v, struct bytes *out)
{
    auto_bytes text = BYTES_INIT;
    json_t *j = v->kind == VALUE_JSON ? v->json : NULL;
    bool done = false, number = json_is_number(j);
    if (json_is_integer(j))
        done = format_integer(f, json_integer_value(j), &text);
    else if (json_is_real(j))
        done = format_real(f, v, &text);
    else if (json_is_string(j))
        done = format_string(f, json_string_value(j), json_string_length(j), &text);
    else if (json_is_boolean(j) && (f->letter == 't' || f->letter == 'v'))
        value_print(v, &text), done = true;
    else if (json_is_array(j) && f->letter != 'v')
        format_list(f, j, &text), done = true;
    else if (j != NULL && !json_is_boolean(j) && (f->letter == 'v' || (f->letter == 's' && json_is_object(j)))) {
        if (json_is_null(j) && v->zero == TEMPLATE_ZERO_NONE)
            bytes_adds(&text, "<nil>");
        else
            value_print(v, &text);
        done = true;
    } else if (v->kind == VALUE_NONE && f->letter == 'v') {
        bytes_adds(&text, "<nil>");
        done = true;
    }
    if (!done) {
        bytes_reset(&text);
        bad_verb(f->letter, v, &text);
    }
    out->failed = out->failed || !bytes_ok(&text);
    pad(f, number && done, &text, out);
}

/* The verb goes to each element. */
static void format_list(const struct verb *f, const json_t *list, struct bytes *out)
{
    bytes_addc(out, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct value v = { .kind = VALUE_JSON, .json = json_array_get(list, i) };
        if (i > 0)
            bytes_addc(out, ' ');
        format_value(f, &v, out);
    }
    bytes_addc(out, ']');
}

static int parse_count(const char *s, size_t len, size_t *at)
{
    int n = -1;
    for (; *at < len && s[*at] >= '0' && s[*at] <= '9'; ++*at) {
        n = (n < 0 ? 0 : n) * 10 + (s[*at] - '0');
        if (n > PRINTF_WIDTH_MAX)
            n = PRINTF_WIDTH_MAX;
    }
    return n;
}

/* '*' takes the width from the arguments. */
static int star_or_count(const char *s, size_t len, size_t *at, const struct value *args, size_t count, size_t *used)
{
    if (*at >= len || s[*at] != '*')
        return parse_count(s, len, at);
    ++*at;
    if (*used >= count || args[*used].kind != VALUE_JSON || !json_is_integer(args[*used].json))
        return -1;
    long long n = json_integer_value(args[(*used)++].json);
    return n > PRINTF_WIDTH_MAX ? PRINTF_WIDTH_MAX : n < -PRINTF_WIDTH_MAX ? -PRINTF_WIDTH_MAX : (int)n;
}

void template_printf(const char *s, size_t len, const struct value *args, size_t count, struct bytes *out)
{
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] != '%') {
            bytes_addc(out, s[i++]);
            continue;
        }
        struct verb f = { .width = -1, .precision = -1 };
        for (i++; i < len && strchr("-+#0 ", s[i]) != NULL && s[i] != '\0'; i++) {
            f.minus |= s[i] == '-';
            f.plus |= s[i] == '+';
            f.sharp |= s[i] == '#';
            f.zero |= s[i] == '0';
            f.blank |= s[i] == ' ';
        }
        f.width = star_or_count(s, len, &i, args, count, &used);
        if (f.width < -1) {
            f.minus = true;
            f.width = -f.width;
        }
        if (i < len && s[i] == '.') {
            i++;
            f.precision = star_or_count(s, len, &i, args, count, &used);
            f.precision = f.precision < 0 ? 0 : f.precision;
        }
        if (i >= len) {
            bytes_adds(out, "%!(NOVERB)");
            break;
        }
        f.letter = s[i++];
        if (f.letter == '%')
            bytes_addc(out, '%');
        else if (used >= count)
            bytes_addf(out, "%%!%c(MISSING)", f.letter);
        else
            format_value(&f, &args[used++], out);
    }
    if (used >= count)
        return;
    bytes_adds(out, "%!(EXTRA ");
    for (size_t i = used; i < count; i++) {
        bytes_addf(out, "%s%s=", i > used ? ", " : "", value_type(&args[i]));
        value_print(&args[i], out);
    }
    bytes_addc(out, ')');
}
