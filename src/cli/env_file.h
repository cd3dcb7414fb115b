/* SPDX-License-Identifier: Apache-2.0 */
/* cli/env_file.h: files of KEY=VALUE lines, for --env-file and --label-file.
 *
 * One entry per line; blanks before the key are skipped, a line that then begins with "#" or is empty says nothing,
 * the rest of the line is the value, taken as it is (no quotes, no expansion). A key without "=" takes its value from
 * the caller's environment if it is there and is left out otherwise (or, without `lookup`, stands alone). A byte
 * order mark at the start is skipped, a carriage return at the end of a line too. NUL, text that is not UTF-8, an
 * empty key and a key with blanks in it are refused. */
#ifndef CREEL_CLI_ENV_FILE_H
#define CREEL_CLI_ENV_FILE_H

#include "base/err.h"
#include "base/strv.h"

enum { ENV_FILE_MAX = 16 << 20 };

/* lookup: the value of a name, or NULL; itself NULL: keys without value are kept as they are. */
int env_file_parse(const char *data, size_t len, const char *(*lookup)(const char *name), struct strv *out,
                   struct creel_err *err);
/* Append the entries of the file at `path`. `what` ("env file") is for the message. */
int env_file_load(const char *path, const char *what, const char *(*lookup)(const char *name), struct strv *out,
                  struct creel_err *err);

#endif
