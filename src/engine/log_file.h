/* SPDX-License-Identifier: Apache-2.0 */
/* engine/log_file.h: the files of a container's log, newest and rotated, plain and compressed.
 *
 * The writer (creel-monitor) renames `name` to name.1, name.1 to name.2 …, and replaces name.N by name.N.gz, at any
 * time. Files are opened newest first, so one that moves meanwhile is met twice (and recognised), never missed. */
#ifndef CREEL_ENGINE_LOG_FILE_H
#define CREEL_ENGINE_LOG_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct log_file {
    int fd;
    bool compressed;
    dev_t dev;
    ino_t ino;
    struct log_inflate *inflate;    /* while a compressed one is being read */
};
struct log_files {
    int dir_fd;
    char *name;
    struct log_file *items;         /* newest first */
    size_t count;
};
/* No file at all is fine: count is 0. */
int log_files_open(const char *path, struct log_files *ret, struct creel_err *err);
void log_files_close(struct log_files *f);
static inline void log_files_closep(struct log_files *f) { log_files_close(f); }

/* Up to n bytes from where reading stopped last; 0 at the end (for now), -1 and err. */
ssize_t log_file_read(struct log_file *f, char *buf, size_t n, struct creel_err *err);
/* Start again. `offset` counts uncompressed bytes; only 0 is possible for a compressed file. */
int log_file_rewind(struct log_file *f, off_t offset, struct creel_err *err);
/* Where the last `wanted` complete lines begin, or 0 and how many lines there are if there are fewer. For compressed
 * files always the latter. */
int log_file_tail(struct log_file *f, int64_t wanted, off_t *ret_offset, int64_t *ret_lines, struct creel_err *err);
/* The file that follows `f` in time: 1 and *ret (open, the caller's), 0 when `f` is the current one. */
int log_files_next(const struct log_files *all, const struct log_file *f, struct log_file *ret,
                   struct creel_err *err);
void log_file_close(struct log_file *f);

#endif
