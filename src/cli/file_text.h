/* SPDX-License-Identifier: Apache-2.0 */
/* cli/file_text.h: a small file that an option names, read whole. */
#ifndef CREEL_CLI_FILE_TEXT_H
#define CREEL_CLI_FILE_TEXT_H

#include "base/bytes.h"
#include "base/err.h"

/* Append the content of `path` to `out`. Pipes are fine (process substitution). INVALID when there are more than `max`
 * bytes. */
int file_text_read(const char *path, size_t max, struct bytes *out, struct creel_err *err);

#endif
