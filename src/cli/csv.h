/* SPDX-License-Identifier: Apache-2.0 */
/* cli/csv.h: one record of comma-separated fields, quoted as in RFC 4180: a field that begins with a quote ends at
 * the next single one, and "" in it stands for one quote. A quote elsewhere is an error, as is a line break outside
 * quotes. */
#ifndef CREEL_CLI_CSV_H
#define CREEL_CLI_CSV_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/strv.h"

int csv_parse(const char *text, struct strv *out, struct creel_err *err);
/* The record that csv_parse reads back as `fields`. */
void csv_print(const struct strv *fields, struct bytes *out);

#endif
