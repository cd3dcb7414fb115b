/* SPDX-License-Identifier: Apache-2.0 */
/* cli/table.h: text for people: columns aligned by what a terminal shows, and control characters made harmless. */
#ifndef CREEL_CLI_TABLE_H
#define CREEL_CLI_TABLE_H

#include "base/bytes.h"

#include <stdint.h>

enum text_escape {
    TEXT_ESCAPE_NONE,
    TEXT_ESCAPE_LINES,  /* newline and tab stay */
    TEXT_ESCAPE_ALL,
};
/* Append `s`, with control characters (C0, DEL, C1, bidirectional overrides) and bytes that are not UTF-8 written as
 * \n, \t, \x1b, \u202e … Other text is unchanged. */
void text_escape(struct bytes *out, const char *s, size_t len, enum text_escape how);
/* How many cells of a terminal `s` takes: 0 for combining marks, 2 for East Asian wide characters and emoji. */
size_t text_width(const char *s, size_t len);
/* The length in bytes of the first character (1 for a byte that is not UTF-8); *ret_code its code point, or -1. */
size_t text_char(const char *s, size_t len, int32_t *ret_code);
/* Append at most `max` characters; if some are left out the last one is "…" (as Docker does). */
void text_ellipsis(struct bytes *out, const char *s, size_t len, size_t max);

/* `cells` holds lines of cells separated by tabs. Append them aligned: each column is as wide as its widest cell plus
 * three blanks (at least `min_width`), the last cell of a line is not padded. Cells have been escaped. */
void table_align(struct bytes *out, const char *cells, size_t len, size_t min_width);

#endif
