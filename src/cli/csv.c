/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

#include <string.h>

/* From the quote at p to behind the closing one; NULL when there is none. */
static const char *quoted_field(const char *p, struct bytes *field)
{
    for (p++; *p != '\0'; p++) {
        if (*p != '"') {
            bytes_addc(field, *p);
        } else if (p[1] == '"') {
            bytes_addc(field, '"');
            p++;
        } else {
            return p + 1;
        }
    }
    return NULL;
}

int csv_parse(const char *text, struct strv *out, struct creel_err *err)
{
    const char *p = text;
    if (*p == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "empty");
    for (;;) {
        auto_bytes field = BYTES_INIT;
        if (*p == '"') {
            const char *end = quoted_field(p, &field);
            if (end == NULL || (*end != ',' && *end != '\0'))
                return creel_fail(err, CREEL_INVALID, 0, "column %td: extraneous or missing \" in quoted-field",
                                  (end == NULL ? p + strlen(p) : end) - text + 1);
            p = end;
        } else {
            size_t n = strcspn(p, ",\"\r\n");
            bytes_add(&field, p, n);
            p += n;
            if (*p == '"')
                return creel_fail(err, CREEL_INVALID, 0, "column %td: bare \" in non-quoted-field", p - text + 1);
            if (*p != ',' && *p != '\0')
                return creel_fail(err, CREEL_INVALID, 0, "column %td: line break outside quotes", p - text + 1);
        }
        if (!bytes_ok(&field) || !strv_addn(out, bytes_str(&field), field.len))
            return creel_fail_nomem(err);
        if (*p == '\0')
            return 0;
        p++;
    }
}

void csv_print(const struct strv *fields, struct bytes *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const char *f = fields->items[i];
        if (i > 0)
            bytes_addc(out, ',');
        bool plain = strpbrk(f, ",\"\r\n") == NULL && !(fields->count == 1 && *f == '\0');
        if (!plain)
            bytes_addc(out, '"');
        for (; *f != '\0'; f++) {
            if (*f == '"')
                bytes_addc(out, '"');
            bytes_addc(out, *f);
        }
        if (!plain)
            bytes_addc(out, '"');
    }
}
