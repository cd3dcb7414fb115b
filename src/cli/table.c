/* SPDX-License-Identifier: Apache-2.0 */
/* cli/table.c: see table.h. Knows UTF-8 and the widths of characters itself: loading a locale would cost more than
 * the whole of `creel ps`. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

struct span { int32_t first, last; };

/* Nothing of their own on a terminal: combining marks, joiners, variation selectors. Sorted. */
static const struct span zero_width[] = {
    { 0x0300, 0x036f }, { 0x0483, 0x0489 },   { 0x0591, 0x05bd }, { 0x05bf, 0x05bf }, { 0x05c1, 0x05c2 },
    { 0x05c4, 0x05c5 }, { 0x0610, 0x061a },   { 0x064b, 0x065f }, { 0x0670, 0x0670 }, { 0x06d6, 0x06dc },
    { 0x06df, 0x06e4 }, { 0x06e7, 0x06e8 },   { 0x06ea, 0x06ed }, { 0x0730, 0x074a }, { 0x07eb, 0x07f3 },
    { 0x0816, 0x082d }, { 0x08d3, 0x0902 },   { 0x093a, 0x093a }, { 0x093c, 0x093c }, { 0x0941, 0x0948 },
    { 0x094d, 0x094d }, { 0x0951, 0x0957 },   { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e },
    { 0x1160, 0x11ff }, { 0x1ab0, 0x1aff },   { 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20f0 },
    { 0x2cef, 0x2cf1 }, { 0x302a, 0x302d },   { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
    { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
};
/* Two cells: East Asian wide and full width, emoji. Sorted. */
static const struct span double_width[] = {
    { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },   { 0x23e9, 0x23ec },   { 0x23f0, 0x23f0 },
    { 0x23f3, 0x23f3 },   { 0x25fd, 0x25fe },   { 0x2614, 0x2615 },   { 0x2648, 0x2653 },   { 0x267f, 0x267f },
    { 0x2693, 0x2693 },   { 0x26a1, 0x26a1 },   { 0x26aa, 0x26ab },   { 0x26bd, 0x26be },   { 0x26c4, 0x26c5 },
    { 0x26ce, 0x26ce },   { 0x26d4, 0x26d4 },   { 0x26ea, 0x26ea },   { 0x26f2, 0x26f3 },   { 0x26f5, 0x26f5 },
    { 0x26fa, 0x26fa },   { 0x26fd, 0x26fd },   { 0x2705, 0x2705 },   { 0x270a, 0x270b },   { 0x2728, 0x2728 },
    { 0x274c, 0x274c },   { 0x274e, 0x274e },   { 0x2753, 0x2755 },   { 0x2757, 0x2757 },   { 0x2795, 0x2797 },
    { 0x27b0, 0x27b0 },   { 0x27bf, 0x27bf },   { 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b50 },   { 0x2b55, 0x2b55 },
    { 0x2e80, 0x3029 },   { 0x302e, 0x303e },   { 0x3041, 0x3098 },   { 0x309b, 0x33ff },   { 0x3400, 0x4dbf },
    { 0x4e00, 0xa4cf },   { 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe10, 0xfe19 },
    { 0xfe30, 0xfe6b },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18cff }, { 0x1b000, 0x1b2ff },
    { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf }, { 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 },
    { 0x1f32d, 0x1f335 }, { 0x1f337, 0x1f37c }, { 0x1f37e, 0x1f393 }, { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 },
    { 0x1f3e0, 0x1f3f0 }, { 0x1f3f4, 0x1f3f4 }, { 0x1f3f8, 0x1f43e }, { 0x1f440, 0x1f440 }, { 0x1f442, 0x1f4fc },
    { 0x1f4ff, 0x1f53d }, { 0x1f54b, 0x1f54e }, { 0x1f550, 0x1f567 }, { 0x1f57a, 0x1f57a }, { 0x1f595, 0x1f596 },
    { 0x1f5a4, 0x1f5a4 }, { 0x1f5fb, 0x1f64f }, { 0x1f680, 0x1f6c5 }, { 0x1f6cc, 0x1f6cc }, { 0x1f6d0, 0x1f6d2 },
    { 0x1f6d5, 0x1f6df }, { 0x1f6eb, 0x1f6ec }, { 0x1f6f4, 0x1f6fc }, { 0x1f7e0, 0x1f7eb }, { 0x1f90c, 0x1f93a },
    { 0x1f93c, 0x1f945 }, { 0x1f947, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool spans_have(const struct span *spans, size_t count, int32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (code > spans[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && code >= spans[low].first;
}

size_t text_char(const char *s, size_t len, int32_t *ret_code)
{
    const unsigned char *u = (const unsigned char *)s;
    *ret_code = -1;
    if (len == 0)
        return 0;
    if (u[0] < 0x80) {
        *ret_code = u[0];
        return 1;
    }
    size_t n = u[0] >= 0xf0 && u[0] < 0xf5   ? 4
               : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
               : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
                                             : 0;
    if (n == 0 || n > len)
        return 1;
    int32_t code = u[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 1;
        code = (code << 6) | (u[i] & 0x3f);
    }
    static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 1; /* over-long, too big, or half of a surrogate pair */
    *ret_code = code;
    return n;
}

/* Characters that move the cursor, change the terminal's state or reverse what the eye reads. */
static bool is_control(int32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f;
}

static void escape_one(struct bytes *out, const char *s, size_t n, int32_t code)
{
    if (code == '\n')
        bytes_adds(out, "\\n");
    else if (code == '\t')
        bytes_adds(out, "\\t");
    else if (code == '\r')
        bytes_adds(out, "\\r");
    else if (code >= 0x80)
        bytes_addf(out, "\\u%04x", (unsigned)code);
    else
        for (size_t i = 0; i < n; i++)
            bytes_addf(out, "\\x%02x", (unsigned char)s[i]);
}

void text_escape(struct bytes *out, const char *s, size_t len, enum text_escape how)
{
    if (how == TEXT_ESCAPE_NONE) {
        bytes_add(out, s, len);
        return;
    }
    size_t plain = 0; /* where the run of harmless bytes began */
    for (size_t i = 0; i < len;) {
        unsigned char b = (unsigned char)s[i];
        if (b >= 0x20 && b < 0x7f) {
            i++;
            continue;
        }
        int32_t code;
        size_t n = text_char(s + i, len - i, &code);
        bool keep = how == TEXT_ESCAPE_LINES && (code == '\n' || code == '\t');
        if (!keep && is_control(code)) { /* -1, not UTF-8, counts as one */
            bytes_add(out, s + plain, i - plain);
            escape_one(out, s + i, n, code);
            plain = i + n;
        }
        i += n;
    }
    bytes_add(out, s + plain, len - plain);
}

size_t text_width(const char *s, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        if ((unsigned char)s[i] < 0x80) {
            width++;
            i++;
            continue;
        }
        int32_t code;
        i += text_char(s + i, len - i, &code);
        if (spans_have(zero_width, ARRAY_LEN(zero_width), code))
            continue;
        width += spans_have(double_width, ARRAY_LEN(double_width), code) ? 2 : 1;
    }
    return width;
}

void text_ellipsis(struct bytes *out, const char *s, size_t len, size_t max)
{
    size_t count = 0, cut = 0; /* cut: where the character number max - 1 ends */
    int32_t code;
    for (size_t i = 0; i < len; count++) {
        if (count + 1 == max)
            cut = i;
        i += text_char(s + i, len - i, &code);
    }
    if (count <= max) {
        bytes_add(out, s, len);
        return;
    }
    bytes_add(out, s, cut);
    bytes_adds(out, "…");
}

/* --- alignment --- */

enum { TABLE_PADDING = 3 };

/* Calls for each tab-terminated cell of each line. */
struct cell_at {
    const char *text;
    size_t len, column;
    bool last;      /* of its line */
};

static bool next_cell(const char *cells, size_t len, size_t *at, size_t *column, struct cell_at *ret)
{
    if (*at >= len)
        return false;
    const char *start = cells + *at;
    const char *end = start;
    while (end < cells + len && *end != '\t' && *end != '\n')
        end++;
    bool last = end == cells + len || *end == '\n';
    *ret = (struct cell_at){ start, (size_t)(end - start), *column, last };
    *at = (size_t)(end - cells) + 1;
    *column = last ? 0 : *column + 1;
    return true;
}

void table_align(struct bytes *out, const char *cells, size_t len, size_t min_width)
{
    size_t columns = 1;
    struct cell_at cell;
    for (size_t at = 0, column = 0; next_cell(cells, len, &at, &column, &cell);)
        if (cell.column + 1 > columns)
            columns = cell.column + 1;
    auto_free size_t *widths = calloc(columns, sizeof *widths);
    if (widths == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < columns; i++)
        widths[i] = min_width;
    for (size_t at = 0, column = 0; next_cell(cells, len, &at, &column, &cell);) {
        if (cell.last)
            continue;
        size_t w = text_width(cell.text, cell.len) + TABLE_PADDING;
        if (w > widths[cell.column])
            widths[cell.column] = w;
    }
    static const char blanks[] = "                                                                ";
    for (size_t at = 0, column = 0; next_cell(cells, len, &at, &column, &cell);) {
        bytes_add(out, cell.text, cell.len);
        if (cell.last) {
            bytes_addc(out, '\n');
            continue;
        }
        for (size_t pad = widths[cell.column] - text_width(cell.text, cell.len); pad > 0;) {
            size_t n = pad < sizeof blanks - 1 ? pad : sizeof blanks - 1;
            bytes_add(out, blanks, n);
            pad -= n;
        }
    }
}
