/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/log.c: see ociruntime/log.h. */
#include "ociruntime/log.h"

#include "base/bytes.h"
#include "spec/json_reader.h"
#include "sys/process.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/* A link where a log is made may be somebody else's idea of where to; those of the kernel's trees are nobody's. */
static int follow_links(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0 ? 0 : O_NOFOLLOW;
}

int log_open(struct log *l, const char *path, const char *format, bool debug, struct creel_err *err)
{
    l->debug = debug;
    l->json = format != NULL && strcmp(format, "json") == 0;
    if (format != NULL && !l->json && strcmp(format, "text") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid log-format: %s", format);
    if (path == NULL || path[0] == '\0')
        return 0;
    /* Not waiting for the reader of a pipe, who may never come. */
    l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | follow_links(path), 0644);
    if (l->fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open log file %s", path);
    (void)fcntl(l->fd, F_SETFL, O_APPEND); /* lines are written whole; it cannot fail */
    return 0;
}

void log_close(struct log *l)
{
    fd_closep(&l->fd);
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = { [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",
                                         [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error" };
    return names[level];
}

/* A JSON string, whatever the bytes are: those that are not UTF-8 are shown as question marks. */
static void add_quoted(struct bytes *out, const char *s)
{
    auto_bytes clean = BYTES_INIT;
    for (size_t n = strlen(s); n > 0;) {
        size_t k = json_utf8_len((const unsigned char *)s, n);
        bytes_add(&clean, k > 0 ? s : "?", k > 0 ? k : 1);
        s += k > 0 ? k : 1;
        n -= k > 0 ? k : 1;
    }
    (void)json_add_string(out, bytes_str(&clean)); /* it is UTF-8 now */
    out->failed = out->failed || !bytes_ok(&clean);
}

void log_format_line(struct bytes *out, bool json, enum log_level level, const char *time, const char *text)
{
    if (json) {
        bytes_addf(out, "{\"level\":\"%s\",\"msg\":", level_name(level));
        add_quoted(out, text);
        bytes_addf(out, ",\"time\":\"%s\"}\n", time);
        return;
    }
    bytes_addf(out, "time=\"%s\" level=%s msg=", time, level_name(level));
    add_quoted(out, text);
    bytes_addc(out, '\n');
}

static void emit(const struct log *l, enum log_level level, const char *text)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);
    auto_bytes line = BYTES_INIT;
    if (gmtime_r(&now, &tm) == NULL || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        when[0] = '\0';
    log_format_line(&line, l->json, level, when, text);
    if (bytes_ok(&line))
        (void)sys_write_all(l->fd >= 0 ? l->fd : STDERR_FILENO, line.data, line.len); /* nobody is left to tell */
}

void log_line(const struct log *l, enum log_level level, const char *fmt, ...)
{
    auto_bytes text = BYTES_INIT;
    va_list ap;
    if (level == LOG_LEVEL_DEBUG && !l->debug)
        return;
    va_start(ap, fmt);
    bytes_vaddf(&text, fmt, ap);
    va_end(ap);
    emit(l, level, bytes_str(&text));
}

void log_warn(const void *log, const char *text)
{
    log_line(log, LOG_LEVEL_WARNING, "%s", text);
}

void log_error(const struct log *l, const char *text)
{
    emit(l, LOG_LEVEL_ERROR, text);
    if (l->fd < 0)
        return;
    auto_bytes plain = BYTES_INIT;
    bytes_addf(&plain, "%s\n", text);
    (void)sys_write_all(STDERR_FILENO, bytes_str(&plain), plain.len);
}
