/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/systemd_property.c: see systemd_property.h. */
#include "runtime/systemd_property.h"

#include "base/err.h"
#include "base/parse.h"

#include <string.h>

enum { TEXT_MAX = 4096, LIST_MAX = 64 };

/* ------------------------------------------------------------------ writing */

static void put_name(struct bytes *out, const char *name, const char *type)
{
    dbus_pad(out, 8);
    dbus_put_string(out, name);
    dbus_put_signature(out, type);
}

void systemd_put_bool(struct bytes *out, const char *name, bool v)
{
    put_name(out, name, "b");
    dbus_put_bool(out, v);
}

void systemd_put_u64(struct bytes *out, const char *name, uint64_t v)
{
    put_name(out, name, "t");
    dbus_put_u64(out, v);
}

void systemd_put_text(struct bytes *out, const char *name, const char *v)
{
    put_name(out, name, "s");
    dbus_put_string(out, v);
}

void systemd_put_pid(struct bytes *out, const char *name, uint32_t pid)
{
    put_name(out, name, "au");
    struct dbus_array a = dbus_array_begin(out, 4);
    dbus_put_u32(out, pid);
    dbus_array_end(out, a);
}

void systemd_put_bits(struct bytes *out, const char *name, const uint8_t *bits, size_t len)
{
    put_name(out, name, "ay");
    struct dbus_array a = dbus_array_begin(out, 1);
    bytes_add(out, bits, len);
    dbus_array_end(out, a);
}

/* ------------------------------------------------------------------ the list */

/* Left out on purpose: PIDs, Slice, Delegate (they are how we confine); Requires, Wants, Conflicts, OnFailure, …Action
 * (they start and stop other things); limits that the configuration has members for. */
static const struct row { const char *name, *type; } rows[] = {
    { "After", "as" },
    { "Before", "as" },
    { "CollectMode", "s" },
    { "DefaultDependencies", "b" },
    { "Description", "s" },
    { "Documentation", "as" },
    { "FinalKillSignal", "i" },
    { "KillMode", "s" },
    { "KillSignal", "i" },
    { "ManagedOOMMemoryPressure", "s" },
    { "ManagedOOMMemoryPressureLimit", "u" },
    { "ManagedOOMPreference", "s" },
    { "ManagedOOMSwap", "s" },
    { "MemoryHigh", "t" },
    { "MemoryMin", "t" },
    { "MemoryZSwapMax", "t" },
    { "OOMPolicy", "s" },
    { "PartOf", "as" },
    { "RuntimeMaxUSec", "t" },
    { "RuntimeRandomizedExtraUSec", "t" },
    { "SendSIGHUP", "b" },
    { "SendSIGKILL", "b" },
    { "TimeoutStopUSec", "t" },
};

/* Exactly the name, or for "XSec" the row "XUSec". */
static const struct row *row_find(const char *name, bool *ret_seconds)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *row = rows[i].name;
        if (strcmp(row, name) == 0) {
            *ret_seconds = false;
            return &rows[i];
        }
        size_t k = strlen(row);
        if (n > 3 && k == n + 1 && strcmp(name + n - 3, "Sec") == 0 && strcmp(row + k - 4, "USec") == 0
            && memcmp(row, name, n - 3) == 0) {
            *ret_seconds = true;
            return &rows[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ the text form */

struct text { const char *p; bool seconds; };

static void blanks_skip(struct text *t) { t->p += strspn(t->p, " \t"); }

static bool token_take(struct text *t, const char *token)
{
    size_t n = strlen(token);
    blanks_skip(t);
    if (strncmp(t->p, token, n) != 0)
        return false;
    t->p += n;
    return true;
}

/* A type in front of a value: "uint64 5", "@t 5". What it says has to be a number, its width does not matter. */
static void number_type_skip(struct text *t)
{
    static const char *const words[] = { "byte ", "int16 ", "uint16 ", "int32 ", "uint32 ", "int64 ", "uint64 ", "double ",
                                         "@y ", "@n ", "@q ", "@i ", "@u ", "@x ", "@t ", "@d " };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (token_take(t, words[i]))
            return;
}

static bool number_parse(struct text *t, uint64_t max, uint64_t *ret)
{
    char text[32];
    int64_t nano;
    number_type_skip(t);
    blanks_skip(t);
    size_t n = strspn(t->p, t->seconds ? "0123456789." : "0123456789");
    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, t->p, n);
    text[n] = '\0';
    t->p += n;
    if (!t->seconds)
        return parse_u64(text, max, ret);
    if (!parse_nano(text, &nano))
        return false;
    *ret = (uint64_t)nano / 1000;
    return true;
}

/* 'it\'s' or "it's", with the escapes \\ \' \" only. No control characters come out of it. */
static bool string_parse(struct text *t, struct bytes *out)
{
    auto_bytes s = BYTES_INIT;
    blanks_skip(t);
    char quote = *t->p;
    if (quote != '\'' && quote != '"')
        return false;
    for (t->p++; *t->p != quote; t->p++) {
        if (*t->p == '\\') {
            t->p++;
            if (*t->p != '\\' && *t->p != '\'' && *t->p != '"')
                return false;
        }
        if ((unsigned char)*t->p < 0x20 || *t->p == 0x7f)
            return false;
        bytes_addc(&s, *t->p);
    }
    t->p++;
    if (!dbus_text_valid(bytes_str(&s)))    /* the bus ends the connection over one that is not */
        return false;
    dbus_put_string(out, bytes_str(&s));
    return true;
}

static bool value_parse(struct text *t, const char *type, struct bytes *out)
{
    uint64_t v;
    switch (type[0]) {
    case 'b': {
        bool yes = token_take(t, "true");
        if (!yes && !token_take(t, "false"))
            return false;
        dbus_put_bool(out, yes);
        return true;
    }
    case 'i': case 'u':
        if (!number_parse(t, type[0] == 'i' ? INT32_MAX : UINT32_MAX, &v))
            return false;
        dbus_put_u32(out, (uint32_t)v);
        return true;
    case 't':
        if (!number_parse(t, UINT64_MAX, &v))
            return false;
        dbus_put_u64(out, v);
        return true;
    case 's': return string_parse(t, out);
    default: break;
    }
    struct dbus_array a = dbus_array_begin(out, 4);     /* "as" is the only array in the list */
    (void)token_take(t, "@as ");
    if (!token_take(t, "["))
        return false;
    for (size_t i = 0; !token_take(t, "]"); i++)
        if (i == LIST_MAX || (i > 0 && !token_take(t, ",")) || !string_parse(t, out))
            return false;
    dbus_array_end(out, a);
    return true;
}

int systemd_property_parse(const char *name, const char *text, struct bytes *out, struct creel_err *err)
{
    struct text t = { .p = text };
    const struct row *row = row_find(name, &t.seconds);
    if (row == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "annotation " SYSTEMD_PROPERTY_PREFIX "%.60s: this property of a scope "
                          "cannot be set", name);
    size_t before = out->len;
    put_name(out, row->name, row->type);
    bool ok = strlen(text) <= TEXT_MAX && value_parse(&t, row->type, out);
    blanks_skip(&t);
    if (!bytes_ok(out))
        return creel_fail_nomem(err);
    if (ok && *t.p == '\0')
        return 0;
    out->len = before;
    out->data[before] = '\0';
    return creel_fail(err, CREEL_INVALID, 0, "annotation " SYSTEMD_PROPERTY_PREFIX "%.60s: \"%.100s\" is not a value of "
                      "type \"%s\" in the text form of GVariant", name, text, row->type);
}
