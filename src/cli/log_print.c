/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_print.h"

#include "cli/json.h"

#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { LOG_PRINT_BATCH = 256 * 1024, LOG_PRINT_PIPE = 1024 * 1024 };

static bool same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void log_print_init(struct log_print *p, int out, int err, bool timestamps, bool details)
{
    *p = (struct log_print){.timestamps = timestamps,
                            .details = details,
                            .stamped_ns = -1,
                            .streams = {{.fd = out, .pending = BYTES_INIT}, {.fd = err, .pending = BYTES_INIT}},
                            .attrs = BYTES_INIT,
                            .prefix = BYTES_INIT};
    if (same_file(out, err))
        p->streams[1].shares = &p->streams[0];
    (void)fcntl(out, F_SETPIPE_SZ, LOG_PRINT_PIPE); /* fewer turns between reader and writer; no matter if it fails */
}

void log_print_fini(struct log_print *p)
{
    bytes_fini(&p->streams[0].pending);
    bytes_fini(&p->streams[1].pending);
    bytes_fini(&p->attrs);
    bytes_fini(&p->prefix);
}

static int write_all(struct log_print *p, int fd, const char *data, size_t len)
{
    while (len > 0 && p->failed == 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            p->failed = errno;
            break;
        }
        data += n;
        len -= (size_t)n;
    }
    return p->failed != 0;
}

static int stream_flush(struct log_print *p, struct log_stream *s)
{
    int r = write_all(p, s->fd, s->pending.data, s->pending.len);
    bytes_reset(&s->pending);
    return r;
}

int log_print_flush(struct log_print *p)
{
    int a = stream_flush(p, &p->streams[0]), b = stream_flush(p, &p->streams[1]);
    return a | b;
}

static int append(struct log_print *p, struct log_stream *s, const char *data, size_t len)
{
    if (s->pending.len + len > LOG_PRINT_BATCH && stream_flush(p, s) != 0)
        return 1;
    if (len > LOG_PRINT_BATCH)
        return write_all(p, s->fd, data, len);
    bytes_add(&s->pending, data, len);
    if (!bytes_ok(&s->pending))
        p->failed = ENOMEM;
    return p->failed != 0;
}

/* --- details --- */

static void url_escape(struct bytes *out, const char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                     || strchr("-_.~", c) != NULL;
        if (plain)
            bytes_addc(out, (char)c);
        else if (c == ' ')
            bytes_addc(out, '+');
        else
            bytes_addf(out, "%%%02X", c);
    }
}

static int key_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void log_print_details(const char *attrs_json, struct bytes *out)
{
    auto_json *attrs = attrs_json == NULL ? NULL : json_loads(attrs_json, 0, NULL);
    size_t count = json_object_size(attrs), n = 0;
    auto_free const char **keys = calloc(count + 1, sizeof *keys);
    if (keys == NULL || count == 0)
        return;
    for (void *i = json_object_iter(attrs); i != NULL; i = json_object_iter_next(attrs, i))
        keys[n++] = json_object_iter_key(i);
    qsort(keys, n, sizeof *keys, key_compare);
    for (size_t i = 0; i < n; i++) {
        const char *value = json_string_value(json_object_get(attrs, keys[i]));
        if (i > 0)
            bytes_addc(out, ',');
        url_escape(out, keys[i]);
        bytes_addc(out, '=');
        url_escape(out, value == NULL ? "" : value);
    }
    bytes_addc(out, ' ');
}

/* The attributes hardly ever change between two records. */
static void details_refresh(struct log_print *p, const char *attrs_json)
{
    const char *attrs = attrs_json == NULL ? "" : attrs_json;
    if (strcmp(bytes_str(&p->attrs), attrs) == 0)
        return;
    bytes_reset(&p->attrs);
    bytes_reset(&p->prefix);
    bytes_adds(&p->attrs, attrs);
    log_print_details(attrs_json, &p->prefix);
}

static int line_start(struct log_print *p, struct log_stream *to, int64_t time_ns, const char *attrs_json)
{
    if (p->timestamps) {
        if (time_ns != p->stamped_ns)
            (void)clock_print_nano(time_ns, p->stamp);
        p->stamped_ns = time_ns;
        if (append(p, to, p->stamp, strlen(p->stamp)) != 0 || append(p, to, " ", 1) != 0)
            return 1;
    }
    if (p->details) {
        details_refresh(p, attrs_json);
        return append(p, to, bytes_str(&p->prefix), p->prefix.len);
    }
    return 0;
}

int log_print_record(struct log_print *p, int stream, int64_t time_ns, const char *attrs_json, const char *data,
                     size_t len)
{
    struct log_stream *s = &p->streams[stream == 2], *to = s->shares != NULL ? s->shares : s;
    if (len == 0)
        return p->failed != 0;
    if ((p->timestamps || p->details) && !s->mid_line && line_start(p, to, time_ns, attrs_json) != 0)
        return 1;
    s->mid_line = data[len - 1] != '\n';
    return append(p, to, data, len);
}
