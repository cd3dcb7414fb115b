/* SPDX-License-Identifier: Apache-2.0 */
/* cli/json_out.h: JSON as text. */
#ifndef CREEL_CLI_JSON_OUT_H
#define CREEL_CLI_JSON_OUT_H

#include "base/bytes.h"

#include <jansson.h>

/* On one line, keys in the order they have. Bytes that are not UTF-8 become U+FFFD. */
void json_out(const json_t *j, struct bytes *out);
/* A string with its quotes. */
void json_out_string(const char *s, size_t len, struct bytes *out);
/* The same document with four blanks per level, as `docker inspect` prints it; `text` must be valid JSON. Every line
 * after the first begins with `indent` blanks. Numbers and strings stay as they are written. */
void json_out_indent(const char *text, size_t len, size_t indent, struct bytes *out);

#endif
