/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/dbus_message.c: see dbus_message.h. The format is that of the D-Bus Specification, "Message Protocol", version 1. */
#include "runtime/dbus_message.h"

#include "base/err.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

enum { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR_NAME, FIELD_REPLY_SERIAL, FIELD_DESTINATION,
       FIELD_SENDER, FIELD_SIGNATURE };
enum { SIGNATURE_MAX = 255, ARRAY_MAX = 1 << 26 };

/* ------------------------------------------------------------------ writing */

void dbus_pad(struct bytes *b, size_t align)
{
    static const char zeros[8];
    bytes_add(b, zeros, (align - b->len % align) % align);
}

void dbus_put_byte(struct bytes *b, uint8_t v) { bytes_add(b, &v, 1); }

void dbus_put_u32(struct bytes *b, uint32_t v)
{
    dbus_pad(b, 4);
    bytes_add(b, &v, sizeof v);
}

void dbus_put_bool(struct bytes *b, bool v) { dbus_put_u32(b, v); }

void dbus_put_u64(struct bytes *b, uint64_t v)
{
    dbus_pad(b, 8);
    bytes_add(b, &v, sizeof v);
}

void dbus_put_string(struct bytes *b, const char *s)
{
    size_t n = strlen(s);
    dbus_put_u32(b, (uint32_t)n);
    bytes_add(b, s, n + 1);
}

void dbus_put_signature(struct bytes *b, const char *s)
{
    size_t n = strlen(s);
    dbus_put_byte(b, (uint8_t)n);
    bytes_add(b, s, n + 1);
}

struct dbus_array dbus_array_begin(struct bytes *b, size_t align)
{
    dbus_put_u32(b, 0);
    struct dbus_array a = { .length_at = b->len - 4 };
    dbus_pad(b, align);
    a.from = b->len;
    return a;
}

void dbus_array_end(struct bytes *b, struct dbus_array a)
{
    uint32_t n = (uint32_t)(b->len - a.from);
    if (bytes_ok(b))
        memcpy(b->data + a.length_at, &n, sizeof n);
}

static void put_field(struct bytes *b, uint8_t code, const char *type, const char *value)
{
    dbus_pad(b, 8);
    dbus_put_byte(b, code);
    dbus_put_signature(b, type);
    if (type[0] == 'g')
        dbus_put_signature(b, value);
    else
        dbus_put_string(b, value);
}

void dbus_call_print(struct bytes *out, const struct dbus_call *c, const struct bytes *body)
{
    auto_bytes b = BYTES_INIT;      /* aligned by itself, wherever it ends up in `out` */
    dbus_put_byte(&b, __BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B');
    dbus_put_byte(&b, DBUS_CALL);
    dbus_put_byte(&b, c->no_reply ? DBUS_NO_REPLY : 0);
    dbus_put_byte(&b, 1);
    dbus_put_u32(&b, body != NULL ? (uint32_t)body->len : 0);
    dbus_put_u32(&b, c->serial);
    struct dbus_array fields = dbus_array_begin(&b, 8);
    put_field(&b, FIELD_PATH, "o", c->path);
    put_field(&b, FIELD_INTERFACE, "s", c->interface);
    put_field(&b, FIELD_MEMBER, "s", c->member);
    put_field(&b, FIELD_DESTINATION, "s", c->destination);
    if (c->signature[0] != '\0')
        put_field(&b, FIELD_SIGNATURE, "g", c->signature);
    dbus_array_end(&b, fields);
    dbus_pad(&b, 8);
    if (body != NULL && bytes_ok(body))
        bytes_add(&b, body->data, body->len);
    if (!bytes_ok(&b) || (body != NULL && !bytes_ok(body)))
        out->failed = true;
    else
        bytes_add(out, b.data, b.len);
}

/* ------------------------------------------------------------------ reading */

static const uint8_t *take(struct dbus_reader *r, size_t align, size_t n)
{
    size_t at = r->at + (align - r->at % align) % align;
    if (r->bad || at > r->len || n > r->len - at) {
        r->bad = true;
        return NULL;
    }
    r->at = at + n;
    return r->data + at;
}

uint8_t dbus_get_byte(struct dbus_reader *r)
{
    const uint8_t *p = take(r, 1, 1);
    return p != NULL ? *p : 0;
}

uint32_t dbus_get_u32(struct dbus_reader *r)
{
    uint32_t v = 0;
    const uint8_t *p = take(r, 4, sizeof v);
    if (p != NULL)
        memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap32(v) : v;
}

uint64_t dbus_get_u64(struct dbus_reader *r)
{
    uint64_t v = 0;
    const uint8_t *p = take(r, 8, sizeof v);
    if (p != NULL)
        memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap64(v) : v;
}

bool dbus_get_bool(struct dbus_reader *r)
{
    uint32_t v = dbus_get_u32(r);
    r->bad |= v > 1;
    return v == 1;
}

/* Well-formed, shortest form, no surrogates, nothing past U+10FFFF, no NUL. */
static bool utf8_valid(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint8_t c = s[i++];
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;
        uint32_t v = more == 0 ? c : (uint32_t)c & (0x3f >> more);
        if (c == 0 || more == 4 || more > n - i)
            return false;
        for (; more > 0; more--, i++) {
            if ((s[i] & 0xc0) != 0x80)
                return false;
            v = v << 6 | (s[i] & 0x3f);
        }
        if (c >= 0xe0 && (v < (c < 0xf0 ? 0x800u : 0x10000u) || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)))
            return false;
    }
    return true;
}

bool dbus_text_valid(const char *s) { return utf8_valid((const uint8_t *)s, strlen(s)); }

static const char *text_take(struct dbus_reader *r, size_t n)
{
    const uint8_t *p = n < DBUS_MESSAGE_MAX ? take(r, 1, n + 1) : NULL;
    if (p == NULL || p[n] != '\0' || !utf8_valid(p, n)) {
        r->bad = true;
        return "";
    }
    return (const char *)p;
}

const char *dbus_get_string(struct dbus_reader *r) { return text_take(r, dbus_get_u32(r)); }

/* ------------------------------------------------------------------ types */

static size_t alignment(char type)
{
    switch (type) {
    case 'y': case 'g': case 'v': return 1;
    case 'n': case 'q': return 2;
    case 'x': case 't': case 'd': case '(': case '{': return 8;
    default: return 4;
    }
}

static const char *type_end(const char *s, unsigned depth);

/* Behind "{kv}", which there is in arrays only: the key is of a basic type. */
static const char *entry_end(const char *s, unsigned depth)
{
    const char *p = s[1] != '\0' && strchr("ybnqiuxtdsog", s[1]) != NULL ? type_end(s + 2, depth) : NULL;
    return p != NULL && *p == '}' ? p + 1 : NULL;
}

/* Behind the first complete type of a signature, or NULL when there is none. */
static const char *type_end(const char *s, unsigned depth)
{
    if (depth > DBUS_DEPTH_MAX || *s == '\0')
        return NULL;
    if (strchr("ybnqiuxtdsogh", *s) != NULL || *s == 'v')
        return s + 1;
    if (*s == 'a' && s[1] == '{')
        return entry_end(s + 1, depth + 1);
    if (*s == 'a')
        return type_end(s + 1, depth + 1);
    if (*s != '(' || s[1] == ')')
        return NULL;
    for (s++; s != NULL && *s != ')';)
        s = type_end(s, depth + 1);
    return s != NULL ? s + 1 : NULL;
}

const char *dbus_get_signature(struct dbus_reader *r)
{
    const char *s = text_take(r, dbus_get_byte(r));
    for (const char *p = s; !r->bad && p != NULL && *p != '\0';) {
        p = type_end(p, 0);
        r->bad |= p == NULL;
    }
    return r->bad ? "" : s;
}

/* A value is walked once, printed when `out` is given. Depth counts containers, variants among them. */
static const char *value_walk(struct dbus_reader *r, const char *s, struct bytes *out, unsigned depth);

static void print(struct bytes *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print(struct bytes *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (out != NULL)
        bytes_vaddf(out, fmt, ap);
    va_end(ap);
}

static void struct_walk(struct dbus_reader *r, const char *s, char close, struct bytes *out, unsigned depth)
{
    (void)take(r, 8, 0);
    print(out, "(");
    for (bool first = true; !r->bad && *s != close; first = false) {
        print(out, "%s", first ? "" : " ");
        s = value_walk(r, s, out, depth + 1);
        if (s == NULL)
            return;
    }
    print(out, ")");
}

static void array_walk(struct dbus_reader *r, const char *element, struct bytes *out, unsigned depth)
{
    size_t n = dbus_get_u32(r);
    size_t align = alignment(*element);
    if (n > ARRAY_MAX || take(r, align, 0) == NULL || n > r->len - r->at) {
        r->bad = true;
        return;
    }
    size_t end = r->at + n;
    print(out, "[");
    for (bool first = true; !r->bad && r->at < end; first = false) {
        print(out, "%s", first ? "" : " ");
        if (*element == '{')
            struct_walk(r, element + 1, '}', out, depth + 1);
        else
            (void)value_walk(r, element, out, depth + 1);
    }
    print(out, "]");
    r->bad |= r->at != end;
}

static void variant_walk(struct dbus_reader *r, struct bytes *out, unsigned depth)
{
    const char *s = dbus_get_signature(r);
    const char *end = r->bad ? NULL : type_end(s, 0);
    if (end == NULL || *end != '\0') {      /* exactly one */
        r->bad = true;
        return;
    }
    print(out, "<%s ", s);
    (void)value_walk(r, s, out, depth + 1);
    print(out, ">");
}

static void basic_walk(struct dbus_reader *r, char type, struct bytes *out)
{
    const uint8_t *p;
    uint16_t u16 = 0;
    switch (type) {
    case 'y': print(out, "%u", dbus_get_byte(r)); break;
    case 'b': print(out, "%s", dbus_get_bool(r) ? "true" : "false"); break;
    case 'n': case 'q':
        p = take(r, 2, 2);
        if (p != NULL)
            memcpy(&u16, p, 2);
        u16 = r->swapped ? __builtin_bswap16(u16) : u16;
        print(out, "%d", type == 'n' ? (int16_t)u16 : u16);
        break;
    case 'i': print(out, "%" PRId32, (int32_t)dbus_get_u32(r)); break;
    case 'u': case 'h': print(out, "%" PRIu32, dbus_get_u32(r)); break;
    case 'x': print(out, "%" PRId64, (int64_t)dbus_get_u64(r)); break;
    case 't': print(out, "%" PRIu64, dbus_get_u64(r)); break;
    case 'd': print(out, "0x%016" PRIx64, dbus_get_u64(r)); break;
    case 's': case 'o': print(out, "\"%s\"", dbus_get_string(r)); break;
    case 'g': print(out, "'%s'", dbus_get_signature(r)); break;
    default: r->bad = true;
    }
}

static const char *value_walk(struct dbus_reader *r, const char *s, struct bytes *out, unsigned depth)
{
    const char *end = type_end(s, 0);
    if (end == NULL || depth > DBUS_DEPTH_MAX) {
        r->bad = true;
        return NULL;
    }
    switch (*s) {
    case 'a': array_walk(r, s + 1, out, depth); break;
    case '(': struct_walk(r, s + 1, ')', out, depth); break;
    case 'v': variant_walk(r, out, depth); break;
    default: basic_walk(r, *s, out);
    }
    return r->bad ? NULL : end;
}

const char *dbus_skip(struct dbus_reader *r, const char *signature) { return value_walk(r, signature, NULL, 0); }

void dbus_value_print(struct dbus_reader *r, const char *signature, struct bytes *out)
{
    (void)value_walk(r, signature, out, 0);
}

/* ------------------------------------------------------------------ messages */

static bool head_swapped(const uint8_t *head) { return head[0] != (__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B'); }

size_t dbus_message_size(const uint8_t head[DBUS_HEAD_SIZE])
{
    struct dbus_reader r = { .data = head, .len = DBUS_HEAD_SIZE, .at = 4, .swapped = head_swapped(head) };
    size_t body = dbus_get_u32(&r);
    (void)dbus_get_u32(&r);
    size_t fields = dbus_get_u32(&r);
    if ((head[0] != 'l' && head[0] != 'B') || head[3] != 1 || body > DBUS_MESSAGE_MAX || fields > DBUS_MESSAGE_MAX)
        return 0;
    size_t size = DBUS_HEAD_SIZE + (fields + 7) / 8 * 8 + body;
    return size > DBUS_MESSAGE_MAX ? 0 : size;
}

static void field_parse(struct dbus_reader *r, struct dbus_message *m)
{
    (void)take(r, 8, 0);
    uint8_t code = dbus_get_byte(r);
    size_t variant = r->at;
    const char *type = dbus_get_signature(r);
    const struct { char type; const char **text; } texts[] = {
        [FIELD_PATH] = { 'o', &m->path }, [FIELD_INTERFACE] = { 's', &m->interface },
        [FIELD_MEMBER] = { 's', &m->member }, [FIELD_ERROR_NAME] = { 's', &m->error_name },
        [FIELD_SENDER] = { 's', &m->sender }, [FIELD_SIGNATURE] = { 'g', &m->signature },
    };
    if (code == FIELD_REPLY_SERIAL && strcmp(type, "u") == 0) {
        m->reply_serial = dbus_get_u32(r);
    } else if (code < ARRAY_LEN(texts) && texts[code].text != NULL) {
        if (type[0] != texts[code].type || type[1] != '\0')
            r->bad = true;
        else
            *texts[code].text = type[0] == 'g' ? dbus_get_signature(r) : dbus_get_string(r);
    } else {    /* destination, descriptors, and what is still to be invented */
        r->at = variant;
        (void)dbus_skip(r, "v");
    }
}

int dbus_message_parse(const uint8_t *data, size_t len, struct dbus_message *ret, struct creel_err *err)
{
    *ret = (struct dbus_message){ .path = "", .interface = "", .member = "", .error_name = "", .sender = "",
                                  .signature = "" };
    if (len < DBUS_HEAD_SIZE || dbus_message_size(data) != len)
        return creel_fail(err, CREEL_INTERNAL, 0, "the bus sent something that is not a message");
    struct dbus_reader r = { .data = data, .len = len, .at = 8, .swapped = head_swapped(data) };
    ret->serial = dbus_get_u32(&r);
    size_t end = DBUS_HEAD_SIZE + (size_t)dbus_get_u32(&r);
    r.len = end;
    while (!r.bad && r.at < end)
        field_parse(&r, ret);
    if (r.bad || r.at != end || data[1] == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the bus sent a message with a broken header");
    ret->type = data[1];
    size_t body = (end + 7) / 8 * 8;
    ret->body = (struct dbus_reader){ .data = data + body, .len = len - body, .swapped = r.swapped };
    return 0;
}
