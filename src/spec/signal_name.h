/* SPDX-License-Identifier: Apache-2.0 */
/* spec/signal_name.h: signals by number or name, as Docker takes them. */
#ifndef CREEL_SPEC_SIGNAL_NAME_H
#define CREEL_SPEC_SIGNAL_NAME_H

#include <stdbool.h>

/* A decimal number from 1 to 64, or a name with or without "SIG", any case, incl. RTMIN, RTMIN+1 … RTMAX-1, RTMAX. */
bool signal_name_parse(const char *text, int *ret);
/* "TERM" for 15; NULL for a number without a name. */
const char *signal_name_of(int signo);
/* The n-th name of the table, NULL past its end (for completion). */
const char *signal_name_at(unsigned n);

#endif
