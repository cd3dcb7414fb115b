/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/input.h: documents that options name: files, pipes, standard input. */
#ifndef CREEL_OCIRUNTIME_INPUT_H
#define CREEL_OCIRUNTIME_INPUT_H

#include "base/bytes.h"
#include "base/err.h"

/* Append everything up to the end. `out` has the limit (bytes_init_max): more is INVALID. Errors: of opening and
 * reading, by errno. Blocks as long as the writer of a pipe does. */
int input_read_file(const char *path, struct bytes *out, struct creel_err *err);
/* The same of an open descriptor; `name` is for messages. */
int input_read(int fd, const char *name, struct bytes *out, struct creel_err *err);

#endif
