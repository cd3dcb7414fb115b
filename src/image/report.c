/* SPDX-License-Identifier: Apache-2.0 */
#include "image/report.h"

#include "base/bytes.h"
#include "image/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MAX = 8 << 20, PROGRESS_STEP = 4 << 20 };

int report_request(json_t **ret, struct creel_err *err)
{
    auto_bytes in;
    bytes_init_max(&in, REQUEST_MAX);
    do {
        if (!bytes_reserve(&in, 65536))
            return creel_fail(err, CREEL_INVALID, 0, "the request is too long");
        ssize_t n = read(WORKER_CONTROL_FD, in.data + in.len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return creel_fail(err, CREEL_INVALID, n < 0 ? errno : 0, "no request came");
        in.len += (size_t)n;
    } while (in.data[in.len - 1] != '\n');
    *ret = json_loadb(in.data, in.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(*ret)) {
        json_decref(*ret);
        return creel_fail(err, CREEL_INVALID, 0, "the request is not a JSON object");
    }
    return 0;
}

static int send_line(json_t *msg)
{
    char *text = json_dumps(msg, JSON_COMPACT);
    json_decref(msg);
    if (text == NULL)
        return -1;
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: written by length */
    for (size_t at = 0; at <= len;) {
        ssize_t n = write(WORKER_CONTROL_FD, text + at, len + 1 - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return -1;
        }
        at += (size_t)n;
    }
    free(text);
    return 0;
}

static void send_progress(uint64_t done, uint64_t total)
{
    json_t *msg = json_pack("{s:I,s:I}", "done", (json_int_t)done, "total", (json_int_t)total);
    if (msg != NULL)
        (void)send_line(msg); /* a listener that is gone shows when the result is sent */
}

void report_progress(uint64_t done, uint64_t total)
{
    static uint64_t last;
    if (done < last)
        last = 0; /* the next stream of several */
    if (done - last < PROGRESS_STEP)
        return;
    last = done;
    send_progress(done, total);
}

void report_started(void)
{
    send_progress(0, 0);
}

int report_ok(json_t *ok)
{
    json_t *msg = json_pack("{s:o}", "ok", ok != NULL ? ok : json_object());
    return msg != NULL ? send_line(msg) : -1;
}

int report_error(const struct creel_err *err)
{
    char text[sizeof err->text];
    json_t *msg = json_pack("{s:s,s:i,s:i}", "error", report_printable(err->text, text, sizeof text), "kind",
                            (int)err->kind, "errno", err->sys);
    return msg != NULL ? send_line(msg) : -1;
}

/* Length of the well-formed UTF-8 sequence at s (2 to 4 bytes), 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90)
        || (s[0] == 0xf4 && s[1] > 0x8f) || (s[0] == 0xc2 && s[1] < 0xa0)) /* the last: C1 control characters */
        return 0;
    return n;
}

const char *report_printable(const char *s, char *buf, size_t size)
{
    size_t out = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0' && out + 1 < size;) {
        size_t n = *p >= 0x20 && *p < 0x7f ? 1 : *p >= 0x80 ? utf8_length(p) : 0;
        if (n == 0) {
            buf[out++] = '?';
            p++;
        } else if (out + n < size) {
            memcpy(buf + out, p, n);
            out += n;
            p += n;
        } else {
            break;
        }
    }
    buf[out] = '\0';
    return buf;
}
