/* SPDX-License-Identifier: Apache-2.0 */
/* spec/json_reader.c: see the header. One pass over the text; `p` never passes `end`. */
#include "spec/json_reader.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int json_reader_init(struct json_reader *r, const char *what, const char *text, size_t len, struct creel_err *err)
{
    r->what = what;
    r->start = r->p = text;
    r->end = text + len;
    r->depth = 0;
    r->fresh = false;
    r->err = err;
    if (len > JSON_TEXT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%s: larger than %d MiB", what, JSON_TEXT_MAX >> 20);
    return 0;
}

/* "linux.mounts[3].options" into buf. */
static void path_print(const struct json_reader *r, char *buf, size_t cap)
{
    size_t n = 0;
    buf[0] = '\0';
    for (unsigned i = 0; i < r->depth && n < cap; i++) {
        const struct json_frame *f = &r->frames[i];
        int w = 0;
        if (f->key != NULL)
            w = snprintf(buf + n, cap - n, "%s%.*s", i == 0 ? "" : ".", (int)(f->key_len > 64 ? 64 : f->key_len),
                         f->key);
        else if (f->index > 0)
            w = snprintf(buf + n, cap - n, "[%zu]", f->index - 1);
        if (w < 0 || (size_t)w >= cap - n)
            return;     /* deep paths are cut: the beginning says enough */
        n += (size_t)w;
    }
}

int json_fail(struct json_reader *r, const char *fmt, ...)
{
    char path[400], text[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);    /* cut when long, by intent */
    va_end(ap);
    path_print(r, path, sizeof path);
    (void)creel_fail(r->err, CREEL_INVALID, 0, "%s: %s%s%s", r->what, path, path[0] != '\0' ? ": " : "", text);
    r->p = r->end;
    return -1;
}

static int fail_syntax(struct json_reader *r, const char *want)
{
    size_t at = (size_t)(r->p - r->start);
    if (r->p >= r->end)
        return json_fail(r, "the text ends where %s should be", want);
    return json_fail(r, "expected %s at byte %zu", want, at);
}

static void blanks(struct json_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

enum json_type json_peek(struct json_reader *r)
{
    blanks(r);
    if (r->p >= r->end)
        return JSON_T_BAD;
    switch (*r->p) {
    case '{': return JSON_T_OBJECT;
    case '[': return JSON_T_ARRAY;
    case '"': return JSON_T_STRING;
    case 't': case 'f': return JSON_T_BOOL;
    case 'n': return JSON_T_NULL;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return JSON_T_NUMBER;
    default: return JSON_T_BAD;
    }
}

static int enter(struct json_reader *r, char open, const char *want)
{
    blanks(r);
    if (r->p >= r->end || *r->p != open)
        return fail_syntax(r, want);
    if (r->depth == JSON_DEPTH_MAX)
        return json_fail(r, "nested deeper than %d levels", JSON_DEPTH_MAX);
    r->p++;
    r->frames[r->depth++] = (struct json_frame){ .key = NULL };
    r->fresh = true;
    return 0;
}

/* At a member or element boundary: 1 something follows, 0 the closing bracket was eaten. */
static int boundary(struct json_reader *r, char close)
{
    blanks(r);
    bool fresh = r->fresh;
    r->fresh = false;
    if (r->p < r->end && *r->p == close) {
        r->p++;
        r->depth--;
        return 0;
    }
    if (fresh)
        return 1;
    if (r->p >= r->end || *r->p != ',')
        return fail_syntax(r, close == '}' ? "',' or '}'" : "',' or ']'");
    r->p++;
    return 1;
}

int json_object_begin(struct json_reader *r) { return enter(r, '{', "an object"); }
int json_array_begin(struct json_reader *r) { return enter(r, '[', "an array"); }

int json_array_next(struct json_reader *r)
{
    int more = boundary(r, ']');
    if (more > 0)
        r->frames[r->depth - 1].index++;
    return more;
}

size_t json_utf8_len(const unsigned char *s, size_t n)
{
    if (n == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                 : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                : 0;
    if (len == 0 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, UTF-16 surrogates, above U+10FFFF */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90)
        || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

/* With p behind the opening quote: find the closing one, check every character, note whether escapes occur.
 * p stays. Returns the length of the raw text between the quotes, or -1. */
static long string_scan(struct json_reader *r, bool *ret_escaped)
{
    const char *q = r->p;
    *ret_escaped = false;
    for (;;) {
        if (q >= r->end)
            return json_fail(r, "the text ends inside a string");
        unsigned char c = (unsigned char)*q;
        if (c == '"')
            return q - r->p;
        if (c < 0x20)
            return json_fail(r, "control character 0x%02x in a string", c);
        if (c == '\\') {
            *ret_escaped = true;
            if (r->end - q < 2)
                return json_fail(r, "the text ends inside a string");
            q += 2;
        } else if (c < 0x80) {
            q++;
        } else {
            size_t n = json_utf8_len((const unsigned char *)q, (size_t)(r->end - q));
            if (n == 0)
                return json_fail(r, "a string is not valid UTF-8");
            q += n;
        }
    }
}

static int hex4(const char *s, const char *end, unsigned *ret)
{
    unsigned v = 0;
    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;
        if (d == 16)
            return -1;
        v = v << 4 | d;
    }
    *ret = v;
    return 0;
}

static size_t utf8_put(char *to, unsigned v)
{
    if (v < 0x80) {
        to[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        to[0] = (char)(0xc0 | v >> 6);
        to[1] = (char)(0x80 | (v & 0x3f));
        return 2;
    }
    if (v < 0x10000) {
        to[0] = (char)(0xe0 | v >> 12);
        to[1] = (char)(0x80 | (v >> 6 & 0x3f));
        to[2] = (char)(0x80 | (v & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | v >> 18);
    to[1] = (char)(0x80 | (v >> 12 & 0x3f));
    to[2] = (char)(0x80 | (v >> 6 & 0x3f));
    to[3] = (char)(0x80 | (v & 0x3f));
    return 4;
}

/* \uXXXX at *s (behind the 'u'), with its second half if it is a pair. Moves *s. */
static int escape_unicode(struct json_reader *r, const char **s, const char *end, unsigned *ret)
{
    unsigned v, low;
    if (hex4(*s, end, &v) < 0)
        return json_fail(r, "\\u needs four hexadecimal digits");
    *s += 4;
    if (v >= 0xd800 && v <= 0xdbff) {
        if (end - *s < 6 || (*s)[0] != '\\' || (*s)[1] != 'u' || hex4(*s + 2, end, &low) < 0 || low < 0xdc00 ||
            low > 0xdfff)
            return json_fail(r, "half a surrogate pair in a string");
        *s += 6;
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    } else if (v >= 0xdc00 && v <= 0xdfff) {
        return json_fail(r, "half a surrogate pair in a string");
    } else if (v == 0) {
        return json_fail(r, "NUL in a string");
    }
    *ret = v;
    return 0;
}

/* Decode raw[0..n) (checked by string_scan) into `to`, which holds n + 1 bytes: decoding never lengthens. */
static int string_decode(struct json_reader *r, const char *raw, size_t n, char *to, size_t *ret_len)
{
    const char *s = raw, *end = raw + n;
    size_t len = 0;
    while (s < end) {
        if (*s != '\\') {
            to[len++] = *s++;
            continue;
        }
        s++;    /* string_scan made sure that a character follows */
        unsigned v = 0;
        switch (*s++) {
        case '"': v = '"'; break;
        case '\\': v = '\\'; break;
        case '/': v = '/'; break;
        case 'b': v = '\b'; break;
        case 'f': v = '\f'; break;
        case 'n': v = '\n'; break;
        case 'r': v = '\r'; break;
        case 't': v = '\t'; break;
        case 'u':
            if (escape_unicode(r, &s, end, &v) < 0)
                return -1;
            break;
        default: return json_fail(r, "unknown escape in a string");
        }
        len += utf8_put(to + len, v);
    }
    to[len] = '\0';
    *ret_len = len;
    return 0;
}

int json_object_next(struct json_reader *r, const char **key, size_t *len, char *scratch, size_t scratch_len)
{
    struct json_frame *f = &r->frames[r->depth - 1];
    f->key = NULL;
    int more = boundary(r, '}');
    if (more <= 0)
        return more;
    blanks(r);
    if (r->p >= r->end || *r->p != '"')
        return fail_syntax(r, "a member name");
    r->p++;
    bool escaped;
    long n = string_scan(r, &escaped);
    if (n < 0)
        return -1;
    const char *raw = r->p;
    *key = raw;
    *len = (size_t)n;
    if (escaped) {
        if ((size_t)n >= scratch_len)
            return json_fail(r, "a member name is too long");
        if (string_decode(r, raw, (size_t)n, scratch, len) < 0)
            return -1;
        *key = scratch;
    }
    r->p = raw + n + 1;
    blanks(r);
    if (r->p >= r->end || *r->p != ':')
        return fail_syntax(r, "':'");
    r->p++;
    f->key = raw;       /* the raw text lives as long as the document */
    f->key_len = (size_t)n;
    return 1;
}

int json_read_string(struct json_reader *r, char **ret)
{
    blanks(r);
    if (r->p >= r->end || *r->p != '"')
        return fail_syntax(r, "a string");
    r->p++;
    bool escaped;
    long n = string_scan(r, &escaped);
    if (n < 0)
        return -1;
    auto_free char *s = malloc((size_t)n + 1);
    if (s == NULL)
        return creel_fail_nomem(r->err);
    if (escaped) {
        size_t len;
        if (string_decode(r, r->p, (size_t)n, s, &len) < 0)
            return -1;
    } else {
        memcpy(s, r->p, (size_t)n);
        s[n] = '\0';
    }
    r->p += n + 1;
    *ret = ptr_take(&s);
    return 0;
}

static bool literal(struct json_reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

int json_bool(struct json_reader *r, bool *ret)
{
    blanks(r);
    if (literal(r, "true"))
        *ret = true;
    else if (literal(r, "false"))
        *ret = false;
    else
        return fail_syntax(r, "true or false");
    return 0;
}

int json_read_null(struct json_reader *r)
{
    blanks(r);
    return literal(r, "null") ? 0 : fail_syntax(r, "null");
}

static bool digit(const struct json_reader *r) { return r->p < r->end && *r->p >= '0' && *r->p <= '9'; }

/* The integer part of a number: sign and magnitude. *ret_over when it does not fit 64 bits. */
static int integer_part(struct json_reader *r, bool *ret_negative, uint64_t *ret, bool *ret_over)
{
    blanks(r);
    uint64_t v = 0;
    *ret_over = false;
    *ret_negative = r->p < r->end && *r->p == '-';
    if (*ret_negative)
        r->p++;
    if (!digit(r))
        return fail_syntax(r, "a number");
    if (*r->p == '0') {
        r->p++;
        if (digit(r))
            return json_fail(r, "a number begins with 0");
    }
    while (digit(r)) {
        unsigned d = (unsigned)(*r->p++ - '0');
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d, &v))
            *ret_over = true;
    }
    *ret = v;
    return 0;
}

static int integer(struct json_reader *r, bool *ret_negative, uint64_t *ret)
{
    bool over;
    if (integer_part(r, ret_negative, ret, &over) < 0)
        return -1;
    if (r->p < r->end && (*r->p == '.' || *r->p == 'e' || *r->p == 'E'))
        return json_fail(r, "expected an integer, found a fraction or an exponent");
    return over ? json_fail(r, "the number is out of range") : 0;
}

int json_i64(struct json_reader *r, int64_t min, int64_t max, int64_t *ret)
{
    bool negative;
    uint64_t v;
    if (integer(r, &negative, &v) < 0)
        return -1;
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return json_fail(r, "the number is out of range");
    int64_t s = negative ? (int64_t)(0 - v) : (int64_t)v;
    if (s < min || s > max)
        return json_fail(r, "%" PRId64 " is out of range (%" PRId64 " to %" PRId64 ")", s, min, max);
    *ret = s;
    return 0;
}

int json_u64(struct json_reader *r, uint64_t max, uint64_t *ret)
{
    bool negative;
    uint64_t v;
    if (integer(r, &negative, &v) < 0)
        return -1;
    if ((negative && v != 0) || v > max)
        return json_fail(r, "%s%" PRIu64 " is out of range (0 to %" PRIu64 ")", negative ? "-" : "", v, max);
    *ret = v;
    return 0;
}

static int skip_number(struct json_reader *r)
{
    bool negative, over;
    uint64_t v;
    if (integer_part(r, &negative, &v, &over) < 0)
        return -1;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!digit(r))
            return fail_syntax(r, "a digit");
        while (digit(r))
            r->p++;
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (!digit(r))
            return fail_syntax(r, "a digit");
        while (digit(r))
            r->p++;
    }
    return 0;
}

static int skip_string(struct json_reader *r)
{
    char *s = NULL;
    if (json_read_string(r, &s) < 0)     /* decoding is what checks the escapes */
        return -1;
    free(s);
    return 0;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
int json_skip(struct json_reader *r)
{
    const char *key;
    size_t len;
    char scratch[256];
    int more;
    bool b;
    switch (json_peek(r)) {
    case JSON_T_OBJECT:
        if (json_object_begin(r) < 0)
            return -1;
        while ((more = json_object_next(r, &key, &len, scratch, sizeof scratch)) > 0)
            if (json_skip(r) < 0)
                return -1;
        return more;
    case JSON_T_ARRAY:
        if (json_array_begin(r) < 0)
            return -1;
        while ((more = json_array_next(r)) > 0)
            if (json_skip(r) < 0)
                return -1;
        return more;
    case JSON_T_STRING: return skip_string(r);
    case JSON_T_NUMBER: return skip_number(r);
    case JSON_T_BOOL: return json_bool(r, &b);
    case JSON_T_NULL: return json_read_null(r);
    case JSON_T_BAD: break;
    }
    return fail_syntax(r, "a value");
}

int json_end(struct json_reader *r)
{
    blanks(r);
    return r->p == r->end ? 0 : json_fail(r, "something follows the document at byte %zu", (size_t)(r->p - r->start));
}

bool json_add_string(struct bytes *out, const char *s)
{
    bytes_addc(out, '"');
    const unsigned char *run = (const unsigned char *)s, *p = run;
    size_t left = strlen(s);
    while (left > 0) {
        size_t n = *p < 0x80 ? 1 : json_utf8_len(p, left);
        if (n == 0)
            return false;
        if (*p < 0x20 || *p == '"' || *p == '\\') {
            bytes_add(out, run, (size_t)(p - run));
            if (*p == '"' || *p == '\\')
                bytes_addf(out, "\\%c", *p);
            else
                bytes_addf(out, "\\u%04x", *p);
            run = p + 1;
        }
        p += n;
        left -= n;
    }
    bytes_add(out, run, (size_t)(p - run));
    bytes_addc(out, '"');
    return true;
}
