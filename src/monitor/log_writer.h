/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/log_writer.h: from a process's output to its log file.
 *
 *   W1  The file consists of whole records. What a failed write left of one is cut off again.
 *   W2  Disk use is bounded by max_size (plus one record) times max_file. When the old file cannot be moved away it is
 *       emptied, because the bound matters more than what was in it.
 *   W3  Nothing here waits for anybody or stops the output: a full disk loses records (and counts them), compression
 *       runs in a child process, and a rotation that comes before it is done only makes it wait.
 * Lines are split at LOG_LINE_MAX bytes, not inside of a UTF-8 character. */
#ifndef CREEL_MONITOR_LOG_WRITER_H
#define CREEL_MONITOR_LOG_WRITER_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct log_writer;

struct log_writer_options {
    const char *driver;     /* "json-file" or "cri" */
    const char *path;       /* absolute; its directory exists */
    int64_t max_size;       /* bytes; -1: unlimited */
    int max_file;           /* files in all, at least 1 */
    bool compress;          /* all but the current one */
    const char *attrs;      /* JSON object or NULL */
};
/* `loop` outlives the writer. Nothing is written yet, but the file exists afterwards. */
int log_writer_open(const struct log_writer_options *o, struct loop *loop, struct log_writer **ret,
                    struct creel_err *err);
/* Log `n` bytes of output of stream 1 or 2 that came at `now_ns`. data[n .. n + LOG_SLACK - 1] are readable. What is
 * complete is in the file when this returns. */
void log_writer_feed(struct log_writer *w, int stream, int64_t now_ns, const char *data, size_t n);
/* The stream has ended: an unfinished line becomes a record. */
void log_writer_end(struct log_writer *w, int stream, int64_t now_ns);
/* Give memory back that only busy containers need. */
void log_writer_trim(struct log_writer *w);
struct log_writer_counts { uint64_t lost_records, failed_writes, failed_rotations; int last_errno; };
const struct log_writer_counts *log_writer_counts(const struct log_writer *w);
/* Ends a running compression (the file stays uncompressed until the next run of the container). NULL is fine. */
void log_writer_close(struct log_writer *w);

#endif
