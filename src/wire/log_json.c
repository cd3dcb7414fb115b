/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/log_json.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* --- blocks: find the first byte of interest among the next BLOCK ones --- */

#if defined(__SSE2__)

enum { BLOCK = 16 };

/* Index of the first byte that cannot be copied as it is, BLOCK if there is none. One signed comparison covers
 * control characters and everything from 0x80 on. */
static inline unsigned block_first_special(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i m = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
    /* '<' and '>' differ in one bit only */
    m = _mm_or_si128(m, _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8((char)0xfd)), _mm_set1_epi8('<')));
    unsigned bits = (unsigned)_mm_movemask_epi8(m);
    return bits != 0 ? (unsigned)__builtin_ctz(bits) : BLOCK;
}

/* The same for the end of a JSON string or an escape in it. */
static inline unsigned block_first_quote(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i m = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    unsigned bits = (unsigned)_mm_movemask_epi8(m);
    return bits != 0 ? (unsigned)__builtin_ctz(bits) : BLOCK;
}

#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

enum { BLOCK = 8 };
#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

/* High bit set in each zero byte of x; bits above the first true one may be wrong, which does not matter here. */
static inline uint64_t zero_bytes(uint64_t x)
{
    return (x - ONES) & ~x & HIGH;
}

static inline unsigned first_marked(uint64_t m)
{
    return m != 0 ? (unsigned)__builtin_ctzll(m) >> 3 : BLOCK;
}

static inline unsigned block_first_special(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    uint64_t m = (x & HIGH) | ((x - ONES * 0x20) & ~x & HIGH);
    m |= zero_bytes(x ^ ONES * '"') | zero_bytes(x ^ ONES * '\\') | zero_bytes(x ^ ONES * '&');
    m |= zero_bytes((x & ONES * 0xfd) ^ ONES * '<');
    return first_marked(m);
}

static inline unsigned block_first_quote(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return first_marked(zero_bytes(x ^ ONES * '"') | zero_bytes(x ^ ONES * '\\'));
}

#else

enum { BLOCK = 1 };

static inline unsigned block_first_special(const char *p)
{
    unsigned char c = (unsigned char)*p;
    return c < 0x20 || c >= 0x80 || c == '"' || c == '\\' || c == '&' || c == '<' || c == '>' ? 0 : BLOCK;
}

static inline unsigned block_first_quote(const char *p)
{
    return *p == '"' || *p == '\\' ? 0 : BLOCK;
}

#endif

_Static_assert((int)BLOCK <= (int)LOG_SLACK, "a block may read this far past the end");

/* --- encoding --- */

bool log_json_tail_init(struct log_json_tail *t, const char *stream, const char *attrs)
{
    static const char a[] = "\"stream\":\"", b[] = "\",", c[] = "\"attrs\":", d[] = ",", e[] = "\"time\":\"";
    bool has_attrs = attrs != NULL && attrs[0] != '\0' && strcmp(attrs, "{}") != 0;
    size_t cap = sizeof a + sizeof b + sizeof c + sizeof d + sizeof e + strlen(stream) + CLOCK_TEXT_MAX + 8;
    if (has_attrs)
        cap += strlen(attrs);
    t->text = malloc(cap);
    if (t->text == NULL)
        return false;
    char *p = t->text;
    if (stream[0] != '\0')
        p = stpcpy(stpcpy(stpcpy(p, a), stream), b);
    if (has_attrs)
        p = stpcpy(stpcpy(stpcpy(p, c), attrs), d);
    p = stpcpy(p, e);
    t->fixed = (size_t)(p - t->text);
    log_json_tail_time(t, 0);
    return true;
}

void log_json_tail_fini(struct log_json_tail *t)
{
    free(t->text);
    *t = (struct log_json_tail){ 0 };
}

void log_json_tail_time(struct log_json_tail *t, int64_t time_ns)
{
    char buf[CLOCK_TEXT_MAX];
    char *p = stpcpy(t->text + t->fixed, clock_print(time_ns, buf));
    p = stpcpy(p, "\"}\n");
    t->len = (size_t)(p - t->text);
}

/* Length of the valid UTF-8 sequence at p (2 to 4), 0 if there is none. Shortest forms only, no surrogates. */
static unsigned utf8_length(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];
    if (c < 0xc2 || c > 0xf4)
        return 0;
    unsigned len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n < len)
        return 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (unsigned i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static char *escape_unit(char *out, unsigned v)
{
    static const char hex[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    out[2] = hex[v >> 12];
    out[3] = hex[v >> 8 & 15];
    out[4] = hex[v >> 4 & 15];
    out[5] = hex[v & 15];
    return out + 6;
}

/* One special character at *in; moves *in past it. */
static char *escape_special(char *out, const char **in, size_t n)
{
    const unsigned char *p = (const unsigned char *)*in;
    if (*p < 0x80) {
        (*in)++;
        switch (*p) {
        case '"':
        case '\\':
            *out++ = '\\';
            *out++ = (char)*p;
            return out;
        case '\n':
        case '\r':
            *out++ = '\\';
            *out++ = *p == '\n' ? 'n' : 'r';
            return out;
        default:
            return escape_unit(out, *p);
        }
    }
    unsigned len = utf8_length(p, n);
    if (len == 0) {
        (*in)++;
        return escape_unit(out, 0xfffd);
    }
    *in += len;
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        return escape_unit(out, 0x2000 | (p[2] & 0x3fu));
    memcpy(out, p, 4); /* there is room, and four are faster than two or three */
    return out + len;
}

static char *escape(char *out, const char *in, size_t len)
{
    const char *end = in + len;
    while (in < end) {
        size_t left = (size_t)(end - in);
        unsigned k = block_first_special(in);
        memcpy(out, in, BLOCK);
        if (k >= left)
            return out + left;
        in += k;
        out += k;
        if (k < BLOCK)
            out = escape_special(out, &in, (size_t)(end - in));
    }
    return out;
}

char *log_json_encode(char *out, const struct log_json_tail *t, const char *data, size_t len, bool newline)
{
    if (len == 0 && !newline) {
        *out++ = '{';
    } else {
        memcpy(out, "{\"log\":\"", 8);
        out = escape(out + 8, data, len);
        if (newline) {
            memcpy(out, "\\n", 2);
            out += 2;
        }
        memcpy(out, "\",", 2);
        out += 2;
    }
    memcpy(out, t->text, t->len);
    return out + t->len;
}

/* --- decoding --- */

/* What is left of the line. `end` is its end; LOG_SLACK readable bytes follow. */
struct cursor {
    char *p, *end;
};

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits at p; -1 if there are none. */
static int unit_parse(const char *p, const char *end)
{
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int h = hex_value(p[i]);
        if (h < 0)
            return -1;
        v = v << 4 | h;
    }
    return v;
}

static char *utf8_print(char *out, unsigned v)
{
    if (v < 0x80) {
        *out++ = (char)v;
    } else if (v < 0x800) {
        *out++ = (char)(0xc0 | v >> 6);
        *out++ = (char)(0x80 | (v & 0x3f));
    } else if (v < 0x10000) {
        *out++ = (char)(0xe0 | v >> 12);
        *out++ = (char)(0x80 | (v >> 6 & 0x3f));
        *out++ = (char)(0x80 | (v & 0x3f));
    } else {
        *out++ = (char)(0xf0 | v >> 18);
        *out++ = (char)(0x80 | (v >> 12 & 0x3f));
        *out++ = (char)(0x80 | (v >> 6 & 0x3f));
        *out++ = (char)(0x80 | (v & 0x3f));
    }
    return out;
}

/* \uXXXX, perhaps a surrogate pair, at c->p (after the 'u'). A lone surrogate is U+FFFD. */
static bool unescape_unit(struct cursor *c, char **out)
{
    int v = unit_parse(c->p, c->end);
    if (v < 0)
        return false;
    c->p += 4;
    unsigned cp = (unsigned)v;
    if (cp >= 0xd800 && cp < 0xe000) {
        int low = c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u' ? unit_parse(c->p + 2, c->end) : -1;
        if (cp < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + ((unsigned)low - 0xdc00);
            c->p += 6;
        } else {
            cp = 0xfffd;
        }
    }
    *out = utf8_print(*out, cp);
    return true;
}

/* The escape at c->p (a backslash), decoded to *out, which is never behind c->p. */
static bool unescape(struct cursor *c, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c->end - c->p < 2)
        return false;
    char kind = c->p[1];
    c->p += 2;
    if (kind == 'u')
        return unescape_unit(c, out);
    const char *at = kind != '\0' ? strchr(from, kind) : NULL;
    if (at == NULL)
        return false;
    *(*out)++ = to[at - from];
    return true;
}

/* Move to the next quote or backslash; false at the end of the line. */
static inline bool run_end(struct cursor *c)
{
    while (c->p < c->end) {
        unsigned k = block_first_quote(c->p);
        if (k >= (size_t)(c->end - c->p))
            return false;
        c->p += k;
        if (k < BLOCK)
            return true;
    }
    return false;
}

/* A JSON string at c->p, decoded in place. Nothing is moved before the first escape. */
static bool string_decode(struct cursor *c, char **ret, size_t *ret_len)
{
    if (c->p >= c->end || *c->p != '"')
        return false;
    char *start = ++c->p, *out = NULL;
    for (;;) {
        char *run = c->p;
        if (!run_end(c))
            return false;
        if (out == NULL) {
            out = c->p;
        } else {
            memmove(out, run, (size_t)(c->p - run));
            out += c->p - run;
        }
        if (*c->p == '"') {
            c->p++;
            *ret = start;
            *ret_len = (size_t)(out - start);
            return true;
        }
        if (!unescape(c, &out))
            return false;
    }
}

/* Skip a string without decoding it. */
static bool string_skip(struct cursor *c)
{
    c->p++;
    while (run_end(c)) {
        if (*c->p == '"') {
            c->p++;
            return true;
        }
        c->p += 2;
    }
    return false;
}

/* Skip any value. Brackets are counted, not matched by kind: this is our own file, and a lie only costs its record.
 */
static bool value_skip(struct cursor *c)
{
    size_t depth = 0;
    while (c->p < c->end) {
        switch (*c->p) {
        case '"':
            if (!string_skip(c))
                return false;
            break;
        case '{':
        case '[':
            depth++;
            c->p++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return true; /* the end of the object around this value */
            depth--;
            c->p++;
            break;
        case ',':
            if (depth == 0)
                return true;
            c->p++;
            break;
        default:
            c->p++;
            continue;
        }
        if (depth == 0)
            return true;
    }
    return false;
}

static inline bool key_is(const char *key, size_t len, const char *name, size_t name_len)
{
    return len == name_len && memcmp(key, name, name_len) == 0;
}
#define KEY_IS(key, len, name) key_is(key, len, name, sizeof(name) - 1)

/* One member's value. attrs_end is where its NUL goes once the character there has been looked at. */
static bool member_decode(struct cursor *c, struct log_clock *clock, const char *key, size_t key_len,
                          struct log_record *r, char **attrs_end)
{
    char *s;
    size_t n;
    if (KEY_IS(key, key_len, "log")) {
        if (!string_decode(c, &s, &n))
            return false;
        r->data = s;
        r->len = n;
        return true;
    }
    if (KEY_IS(key, key_len, "stream")) {
        if (!string_decode(c, &s, &n))
            return false;
        r->stream = KEY_IS(s, n, "stderr") ? 2 : 1;
        return true;
    }
    if (KEY_IS(key, key_len, "time"))
        return string_decode(c, &s, &n) && log_clock_parse(clock, s, n, &r->time_ns);
    if (KEY_IS(key, key_len, "attrs") && c->p < c->end && *c->p == '{') {
        r->attrs = c->p;
        if (!value_skip(c))
            return false;
        *attrs_end = c->p;
        return true;
    }
    return value_skip(c);
}

bool log_json_decode(struct log_clock *clock, char *line, size_t len, struct log_record *ret)
{
    struct cursor c = { .p = line, .end = line + len };
    struct log_record r = { .stream = 1, .data = "" };
    char *attrs_end = NULL;
    if (len < 2 || *c.p++ != '{')
        return false;
    while (c.p < c.end && *c.p != '}') {
        char *key;
        size_t key_len;
        if (!string_decode(&c, &key, &key_len) || c.p >= c.end || *c.p++ != ':'
            || !member_decode(&c, clock, key, key_len, &r, &attrs_end) || c.p >= c.end)
            return false;
        if (*c.p == ',' && ++c.p < c.end && *c.p == '}')
            return false;
    }
    if (c.p + 1 != c.end)
        return false;
    if (attrs_end != NULL)
        *attrs_end = '\0';
    *ret = r;
    return true;
}
