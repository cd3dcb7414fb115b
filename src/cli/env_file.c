/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env_file.h"

#include "cli/file_text.h"

#include "base/bytes.h"

#include <string.h>

/* The length of the UTF-8 character at s (at most n bytes), 0 if there is none. No surrogates, no overlong forms. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    static const struct { unsigned char lead, lead_max, second, second_max; size_t length; } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },          { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 },    { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 },    { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (s[0] < forms[i].lead || s[0] > forms[i].lead_max)
            continue;
        if (forms[i].length > n || (forms[i].length > 1 && (s[1] < forms[i].second || s[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if (s[k] < 0x80 || s[k] > 0xbf)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static bool text_ok(const char *s, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = utf8_length((const unsigned char *)s + at, len - at);
        if (n == 0 || s[at] == '\0')
            return false;
        at += n;
    }
    return true;
}

static int entry_add(const char *line, size_t len, const char *(*lookup)(const char *name), struct strv *out,
                     struct creel_err *err)
{
    const char *eq = memchr(line, '=', len);
    size_t key = eq == NULL ? len : (size_t)(eq - line);
    if (key == 0)
        return creel_fail(err, CREEL_INVALID, 0, "no variable name on line '%.*s'", (int)(len < 200 ? len : 200),
                          line);
    auto_free char *entry = strndup(line, len);
    if (entry == NULL)
        return creel_fail_nomem(err);
    if (strcspn(entry, " \t\v\f\r") < key)
        return creel_fail(err, CREEL_INVALID, 0, "variable '%.*s' contains whitespaces", (int)(key < 200 ? key : 200),
                          line);
    if (eq != NULL || lookup == NULL)
        return strv_own(out, ptr_take(&entry)) ? 0 : creel_fail_nomem(err);
    const char *value = lookup(entry);
    if (value != NULL && !strv_addf(out, "%s=%s", entry, value))
        return creel_fail_nomem(err);
    return 0;
}

int env_file_parse(const char *data, size_t len, const char *(*lookup)(const char *name), struct strv *out,
                   struct creel_err *err)
{
    static const char mark[] = { '\xef', '\xbb', '\xbf' };
    const char *p = data, *end = data + len;
    if (len >= sizeof mark && memcmp(p, mark, sizeof mark) == 0)
        p += sizeof mark;
    for (size_t number = 1; p < end; number++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *next = newline == NULL ? end : newline + 1;
        size_t n = (size_t)((newline == NULL ? end : newline) - p);
        if (n > 0 && p[n - 1] == '\r')
            n--;
        if (!text_ok(p, n))
            return creel_fail(err, CREEL_INVALID, 0, "invalid utf8 bytes or NUL at line %zu", number);
        for (; n > 0 && strchr(" \t\v\f\r", *p) != NULL; n--)
            p++;
        if (n > 0 && *p != '#' && entry_add(p, n, lookup, out, err) < 0)
            return -1;
        p = next;
    }
    return 0;
}

int env_file_load(const char *path, const char *what, const char *(*lookup)(const char *name), struct strv *out,
                  struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    if (file_text_read(path, ENV_FILE_MAX, &text, err) < 0
        || env_file_parse(bytes_str(&text), text.len, lookup, out, err) < 0)
        return creel_wrap(err, "invalid %s (%s)", what, path);
    return 0;
}
