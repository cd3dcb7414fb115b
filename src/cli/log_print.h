/* SPDX-License-Identifier: Apache-2.0 */
/* cli/log_print.h: log records to two descriptors, fast: no copy but one into a large buffer, no call per line.
 *
 * When both streams go to the same file (a terminal, 2>&1) they share one buffer and keep their order; otherwise
 * order between two files cannot be seen. Time stamps and details stand at the beginnings of lines only, also when a
 * long line arrives in pieces. */
#ifndef CREEL_CLI_LOG_PRINT_H
#define CREEL_CLI_LOG_PRINT_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct log_stream {
    int fd;
    struct bytes pending;
    struct log_stream *shares;  /* the other one's buffer, or NULL */
    bool mid_line;
};

struct log_print {
    struct log_stream streams[2];   /* standard output, standard error */
    bool timestamps, details;
    struct bytes attrs, prefix;     /* the last attributes, and how they are shown */
    int64_t stamped_ns;             /* the time that `stamp` shows */
    char stamp[48];
    int failed;                     /* errno of the first write that failed */
};

void log_print_init(struct log_print *p, int out, int err, bool timestamps, bool details);
/* stream 1 or 2. Returns 0, or 1 when writing has failed (then nothing more is written). */
int log_print_record(struct log_print *p, int stream, int64_t time_ns, const char *attrs_json, const char *data,
                     size_t len);
int log_print_flush(struct log_print *p);
void log_print_fini(struct log_print *p);
static inline void log_print_finip(struct log_print *p) { int e = errno; log_print_fini(p); errno = e; }
#define auto_log_print auto_cleanup(log_print_finip) struct log_print

/* {"b":"2","a":"x y"} as "a=x+y,b=2 ": sorted, URL-escaped; "" for none. */
void log_print_details(const char *attrs_json, struct bytes *out);

#endif
