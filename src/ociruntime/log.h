/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/log.h: what the program has to say, in the shape that containerd, Docker and podman parse.
 *
 * Without --log, lines go to standard error; with it, to that file (appended, made with mode 0644), and errors in plain words
 * to standard error as well. Text: `time="…" level=error msg="…"`; JSON: {"level":"error","msg":"…","time":"…"}. */
#ifndef CREEL_OCIRUNTIME_LOG_H
#define CREEL_OCIRUNTIME_LOG_H

#include "base/err.h"

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log {
    int fd;             /* of --log, or -1: standard error */
    bool json, debug;
};
#define LOG_INIT { .fd = -1 }

/* path NULL or "": standard error. format "text" or "json" (others: INVALID). */
int log_open(struct log *l, const char *path, const char *format, bool debug, struct creel_err *err);
void log_close(struct log *l);
/* One line, in one write. Debug lines only with --debug. Never fails: there is nobody left to tell. */
void log_line(const struct log *l, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A line of level warning; for struct runtime_params. `log`: struct log. */
void log_warn(const void *log, const char *text);
/* The error that ends the program: a line, and with --log plain words on standard error. */
void log_error(const struct log *l, const char *text);

/* --- for the unit tests --- */
struct bytes;
void log_format_line(struct bytes *out, bool json, enum log_level level, const char *time, const char *text);

#endif
