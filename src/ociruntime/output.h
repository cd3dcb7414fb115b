/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/output.h: results on standard output. What never arrived is a failure. */
#ifndef CREEL_OCIRUNTIME_OUTPUT_H
#define CREEL_OCIRUNTIME_OUTPUT_H

#include "base/bytes.h"
#include "base/err.h"

/* All of `text`. 0, or -1 and err. */
int output_write(const struct bytes *text, struct creel_err *err);

#endif
