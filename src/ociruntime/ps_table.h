/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/ps_table.h: the lines of ps(1) that are about the processes of a container. Pure. */
#ifndef CREEL_OCIRUNTIME_PS_TABLE_H
#define CREEL_OCIRUNTIME_PS_TABLE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Append the head of `text` and those lines whose column under "PID" is one of the pids. Columns are words, as far
 * as the PID; lines with fewer are left out. Errors: INVALID when the head has no PID. Memory: see bytes_ok. */
int ps_table_filter(const char *text, const pid_t *pids, size_t count, struct bytes *out, struct creel_err *err);

#endif
