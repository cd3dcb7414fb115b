/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/pid_file.h: --pid-file: whoever finds the file finds the whole number in it. */
#ifndef CREEL_OCIRUNTIME_PID_FILE_H
#define CREEL_OCIRUNTIME_PID_FILE_H

#include "base/err.h"

#include <sys/types.h>

/* Write the number, without a line feed, to a new file beside `path` and rename it. On failure neither is left. */
int pid_file_write(const char *path, pid_t pid, struct creel_err *err);

#endif
