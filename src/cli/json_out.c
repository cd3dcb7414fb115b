/* SPDX-License-Identifier: Apache-2.0 */
/* cli/json_out.c: JSON as text; see json_out.h. jansson's own writer refuses text that is not UTF-8 and prints reals
 * with seventeen digits. */
#include "cli/json_out.h"

#include "cli/table.h"
#include "cli/template_tree.h"

#include <string.h>

void json_out_string(const char *s, size_t len, struct bytes *out)
{
    bytes_addc(out, '"');
    size_t plain = 0, i = 0;
    while (i < len) {
        int32_t code;
        size_t n = text_char(s + i, len - i, &code);
        if (code >= 0x20 && code != '"' && code != '\\') {
            i += n;
            continue;
        }
        bytes_add(out, s + plain, i - plain);
        if (code == '"' || code == '\\')
            bytes_addf(out, "\\%c", (char)code);
        else if (code == '\n')
            bytes_adds(out, "\\n");
        else if (code == '\r')
            bytes_adds(out, "\\r");
        else if (code == '\t')
            bytes_adds(out, "\\t");
        else if (code < 0)
            bytes_adds(out, "\\ufffd");
        else
            bytes_addf(out, "\\u%04x", (unsigned)code);
        i += n;
        plain = i;
    }
    bytes_add(out, s + plain, len - plain);
    bytes_addc(out, '"');
}

static void object_out(const json_t *j, struct bytes *out)
{
    json_t *object = (json_t *)(uintptr_t)j; /* iteration only reads */
    bool first = true;
    bytes_addc(out, '{');
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        const char *key = json_object_iter_key(it);
        if (!first)
            bytes_addc(out, ',');
        first = false;
        json_out_string(key, strlen(key), out);
        bytes_addc(out, ':');
        json_out(json_object_iter_value(it), out);
    }
    bytes_addc(out, '}');
}

void json_out(const json_t *j, struct bytes *out)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT: object_out(j, out); break;
    case JSON_ARRAY:
        bytes_addc(out, '[');
        for (size_t i = 0; i < json_array_size(j); i++) {
            if (i > 0)
                bytes_addc(out, ',');
            json_out(json_array_get(j, i), out);
        }
        bytes_addc(out, ']');
        break;
    case JSON_STRING: json_out_string(json_string_value(j), json_string_length(j), out); break;
    case JSON_NULL: bytes_adds(out, "null"); break;
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE: json_print_go(j, false, out); break;
    }
}

static void new_line(struct bytes *out, size_t indent)
{
    bytes_addf(out, "\n%*s", (int)indent, "");
}

/* The position after the string that begins at text[i]. */
static size_t string_end(const char *text, size_t len, size_t i)
{
    for (i++; i < len && text[i] != '"'; i++)
        if (text[i] == '\\' && i + 1 < len)
            i++;
    return i < len ? i + 1 : len;
}

static size_t skip_blanks(const char *text, size_t len, size_t i)
{
    while (i < len && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i;
}

void json_out_indent(const char *text, size_t len, size_t indent, struct bytes *out)
{
    for (size_t i = skip_blanks(text, len, 0); i < len; i = skip_blanks(text, len, i)) {
        char c = text[i];
        if (c == '"') {
            size_t end = string_end(text, len, i);
            bytes_add(out, text + i, end - i);
            i = end;
            continue;
        }
        i++;
        if (c == '{' || c == '[') {
            size_t next = skip_blanks(text, len, i);
            bytes_addc(out, c);
            if (next < len && (text[next] == '}' || text[next] == ']')) {
                bytes_addc(out, text[next]);
                i = next + 1;
                continue;
            }
            indent += 4;
            new_line(out, indent);
        } else if (c == '}' || c == ']') {
            indent = indent >= 4 ? indent - 4 : 0;
            new_line(out, indent);
            bytes_addc(out, c);
        } else if (c == ',') {
            bytes_addc(out, ',');
            new_line(out, indent);
        } else if (c == ':') {
            bytes_adds(out, ": ");
        } else {
            bytes_addc(out, c);
        }
    }
}
