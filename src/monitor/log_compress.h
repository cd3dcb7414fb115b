/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/log_compress.h: compressing a rotated log file in a child process, so that neither its memory nor its time
 * are the monitor's. */
#ifndef CREEL_MONITOR_LOG_COMPRESS_H
#define CREEL_MONITOR_LOG_COMPRESS_H

#include <stdint.h>
#include <sys/types.h>

/* Start a child that gzips dir/from into dir/to (made anew), syncs it and exits with 0. last_ns, the time of the
 * newest record (0: unknown), goes into the header's comment. The child dies with us. Returns its pid, or -errno. */
pid_t log_compress_start(int dir, const char *from, const char *to, int64_t last_ns);

#endif
