/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template_printf.h: Go's fmt.Sprintf over template values. */
#ifndef CREEL_CLI_TEMPLATE_PRINTF_H
#define CREEL_CLI_TEMPLATE_PRINTF_H

#include "cli/template_tree.h"

/* Verbs v s q d t f F g e x X c o b U % with the flags - + # 0 blank, width and precision. Mistakes show in the text
 * as Go shows them: %!d(string=x), %!s(MISSING), %!(EXTRA int=1). */
void template_printf(const char *format, size_t len, const struct value *args, size_t count, struct bytes *out);
/* A string as %q writes it. */
void template_quote(const char *s, size_t len, struct bytes *out);

#endif
