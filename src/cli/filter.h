/* SPDX-License-Identifier: Apache-2.0 */
/* cli/filter.h: --filter key=value. */
#ifndef CREEL_CLI_FILTER_H
#define CREEL_CLI_FILTER_H

#include "base/err.h"
#include "base/strv.h"

/* {"key":["value",…]} for the library, NULL when there are none; the caller frees. Which keys there are is the
 * library's business. */
int filter_json(const struct strv *filters, char **ret, struct creel_err *err);

#endif
