/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/dbus.c: see dbus.h. Greeting and the first call go out in one piece, as the specification allows: one way less. */
#include "runtime/dbus.h"

#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

enum { NAME_SIZE = 256 };   /* the format's limit on names, and a NUL */

struct dbus {
    int fd;
    uint32_t serial;
    struct bytes in;        /* what has arrived */
    size_t used;            /* bytes of `in` that were the last message handed out */
    dbus_signal_fn *signal;
    void *context;
    bool choosy;            /* only signals of `from` */
    char from[NAME_SIZE];
};

void dbus_close(struct dbus *d)
{
    if (d == NULL)
        return;
    fd_closep(&d->fd);
    bytes_fini(&d->in);
    free(d);
}

void dbus_on_signal(struct dbus *d, dbus_signal_fn *fn, void *context)
{
    d->signal = fn;
    d->context = context;
}

void dbus_signals_from(struct dbus *d, const char *sender)
{
    d->choosy = true;
    (void)snprintf(d->from, sizeof d->from, "%s", sender);  /* one that is cut is nobody's */
}

/* ------------------------------------------------------------------ socket */

/* One value of "unix:path=…,guid=…" with its %xx undone. */
static bool address_value(const char *address, const char *key, char *out, size_t cap)
{
    size_t n = strlen(key), len = 0;
    if (strncmp(address, "unix:", 5) != 0)
        return false;
    for (const char *p = address + 5;; p++) {
        if (strncmp(p, key, n) == 0 && p[n] == '=') {
            for (p += n + 1; *p != '\0' && *p != ',' && *p != ';'; p++) {
                unsigned v = (unsigned char)*p;
                char hex[3] = { 0 };
                if (v == '%') {
                    memcpy(hex, p + 1, strnlen(p + 1, 2));
                    if (strspn(hex, "0123456789abcdefABCDEF") != 2)
                        return false;
                    v = (unsigned)strtoul(hex, NULL, 16);
                    p += 2;
                }
                if (v == 0 || len + 1 >= cap)
                    return false;
                out[len++] = (char)v;
            }
            out[len] = '\0';
            return len > 0;
        }
        p += strcspn(p, ",;");
        if (*p != ',')
            return false;
    }
}

static bool address_parse(const char *address, struct sockaddr_un *un, socklen_t *len)
{
    for (const char *p = address; *p != '\0'; p += *p == ';') {
        *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (address_value(p, "path", un->sun_path, sizeof un->sun_path)) {
            *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1);
            return true;
        }
        if (address_value(p, "abstract", un->sun_path + 1, sizeof un->sun_path - 1)) {
            *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(un->sun_path + 1));
            return true;
        }
        p += strcspn(p, ";");
    }
    return false;
}

/* 0, or -ETIMEDOUT, -errno. */
static int ready(struct dbus *d, short events, int64_t deadline)
{
    struct pollfd p = { .fd = d->fd, .events = events };
    for (;;) {
        int64_t left = deadline - clock_mono_ns();
        if (left <= 0)
            return -ETIMEDOUT;
        int n = poll(&p, 1, left > (int64_t)1000000 * 1000000 ? 1000000 : (int)(left / 1000000) + 1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

static int fail_io(int sys, const char *what, struct creel_err *err)
{
    if (sys == ETIMEDOUT)
        return creel_fail(err, CREEL_TIMEOUT, 0, "the message bus did not answer in time");
    if (sys == EPIPE || sys == ECONNRESET)
        return creel_fail(err, CREEL_INTERNAL, 0, "the message bus closed the connection");
    return creel_fail(err, CREEL_INTERNAL, sys, "%s the message bus", what);
}

static int send_all(struct dbus *d, const struct bytes *b, int64_t deadline, struct creel_err *err)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(d->fd, b->data + at, b->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            at += (size_t)n;
            continue;
        }
        int r = errno == EINTR ? 0 : errno == EAGAIN ? ready(d, POLLOUT, deadline) : -errno;
        if (r < 0)
            return fail_io(-r, "write to", err);
    }
    return 0;
}

/* At least one byte more. */
static int receive(struct dbus *d, int64_t deadline, struct creel_err *err)
{
    enum { STEP = 4096 };
    for (;;) {
        if (!bytes_reserve(&d->in, STEP))
            return creel_fail_nomem(err);
        ssize_t n = recv(d->fd, d->in.data + d->in.len, STEP, MSG_DONTWAIT);
        if (n > 0) {
            d->in.len += (size_t)n;
            d->in.data[d->in.len] = '\0';
            return 0;
        }
        int r = n == 0 ? -EPIPE : errno == EINTR ? 0 : errno == EAGAIN ? ready(d, POLLIN, deadline) : -errno;
        if (r < 0)
            return fail_io(-r, "read from", err);
    }
}

/* ------------------------------------------------------------------ messages */

/* The next message that is complete; it stays in `in` until the one after it is asked for. */
static int next_message(struct dbus *d, int64_t deadline, struct dbus_message *ret, struct creel_err *err)
{
    if (clock_mono_ns() >= deadline)    /* `receive` only looks at it when there is nothing to read */
        return fail_io(ETIMEDOUT, "read from", err);
    bytes_consume(&d->in, d->used);
    d->used = 0;
    while (d->in.len < DBUS_HEAD_SIZE)
        if (receive(d, deadline, err) < 0)
            return -1;
    size_t size = dbus_message_size((const uint8_t *)d->in.data);
    if (size == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the message bus sent something that is not a message");
    while (d->in.len < size)
        if (receive(d, deadline, err) < 0)
            return -1;
    d->used = size;
    return dbus_message_parse((const uint8_t *)d->in.data, size, ret, err);
}

static void dispatch(struct dbus *d, const struct dbus_message *m)
{
    if (m->type == DBUS_SIGNAL && d->signal != NULL && (!d->choosy || strcmp(m->sender, d->from) == 0))
        d->signal(d->context, m);
}

int dbus_wait(struct dbus *d, int64_t deadline, struct creel_err *err)
{
    struct dbus_message m;
    if (next_message(d, deadline, &m, err) < 0)
        return -1;
    dispatch(d, &m);
    return 0;
}

static enum creel_kind kind_of(const char *name)
{
    static const struct { const char *name; enum creel_kind kind; } rows[] = {
        { "org.freedesktop.systemd1.NoSuchUnit", CREEL_NOT_FOUND },
        { "org.freedesktop.systemd1.UnitExists", CREEL_CONFLICT },
        { "org.freedesktop.systemd1.LoadFailed", CREEL_INVALID },
        { "org.freedesktop.DBus.Error.AccessDenied", CREEL_DENIED },
        { "org.freedesktop.DBus.Error.AuthFailed", CREEL_DENIED },
        { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", CREEL_DENIED },
        { "org.freedesktop.DBus.Error.InvalidArgs", CREEL_INVALID },
        { "org.freedesktop.DBus.Error.PropertyReadOnly", CREEL_INVALID },
        { "org.freedesktop.DBus.Error.LimitsExceeded", CREEL_EXHAUSTED },
        { "org.freedesktop.DBus.Error.NoReply", CREEL_TIMEOUT },
        { "org.freedesktop.DBus.Error.Timeout", CREEL_TIMEOUT },
        { "org.freedesktop.DBus.Error.ServiceUnknown", CREEL_UNSUPPORTED },
        { "org.freedesktop.DBus.Error.NameHasNoOwner", CREEL_UNSUPPORTED },
        { "org.freedesktop.DBus.Error.UnknownMethod", CREEL_UNSUPPORTED },
        { "org.freedesktop.DBus.Error.UnknownProperty", CREEL_UNSUPPORTED },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].kind;
    return CREEL_INTERNAL;
}

static int fail_answer(const struct dbus_message *m, struct creel_err *err)
{
    struct dbus_reader r = m->body;
    const char *text = m->signature[0] == 's' ? dbus_get_string(&r) : "";
    return creel_fail(err, kind_of(m->error_name), 0, "%.300s", text[0] != '\0' ? text : m->error_name);
}

static int answer(struct dbus *d, uint32_t serial, int64_t deadline, struct dbus_message *ret, struct creel_err *err)
{
    struct dbus_message m;
    for (;;) {
        if (next_message(d, deadline, &m, err) < 0)
            return -1;
        if ((m.type == DBUS_RETURN || m.type == DBUS_ERROR) && m.reply_serial == serial)
            break;
        dispatch(d, &m);
    }
    if (m.type == DBUS_ERROR)
        return fail_answer(&m, err);
    if (ret != NULL)
        *ret = m;
    return 0;
}

int dbus_tell(struct dbus *d, struct dbus_call *call, const struct bytes *body, int64_t deadline, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    call->serial = ++d->serial;
    dbus_call_print(&out, call, body);
    return bytes_ok(&out) ? send_all(d, &out, deadline, err) : creel_fail_nomem(err);
}

int dbus_call(struct dbus *d, struct dbus_call *call, const struct bytes *body, int64_t deadline, struct dbus_message *ret,
              struct creel_err *err)
{
    call->no_reply = false;
    return dbus_tell(d, call, body, deadline, err) < 0 ? -1 : answer(d, call->serial, deadline, ret, err);
}

/* ------------------------------------------------------------------ greeting */

/* The two lines that answer the greeting: "DATA" (go on), "OK <id>". */
static int greeting_read(struct dbus *d, int64_t deadline, struct creel_err *err)
{
    for (int line = 0; line < 2;) {
        char *end = d->in.len > 0 ? memmem(d->in.data, d->in.len, "\r\n", 2) : NULL;
        if (end == NULL) {
            if (d->in.len > 4096)
                return creel_fail(err, CREEL_INTERNAL, 0, "the message bus does not speak D-Bus");
            if (receive(d, deadline, err) < 0)
                return -1;
            continue;
        }
        const char *want = line == 0 ? "DATA" : "OK ";
        size_t n = (size_t)(end - d->in.data);
        if (n < strlen(want) || memcmp(d->in.data, want, strlen(want)) != 0)
            return creel_fail(err, CREEL_DENIED, 0, "the message bus does not let this user in");
        bytes_consume(&d->in, n + 2);
        line++;
    }
    return 0;
}

static int hello(struct dbus *d, int64_t deadline, struct creel_err *err)
{
    static const char greeting[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
    struct dbus_call call = { .destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
                              .interface = "org.freedesktop.DBus", .member = "Hello", .signature = "" };
    auto_bytes out = BYTES_INIT;
    bytes_add(&out, greeting, sizeof greeting - 1);
    call.serial = ++d->serial;
    dbus_call_print(&out, &call, NULL);
    if (!bytes_ok(&out))
        return creel_fail_nomem(err);
    if (send_all(d, &out, deadline, err) < 0 || greeting_read(d, deadline, err) < 0)
        return -1;
    return answer(d, call.serial, deadline, NULL, err);
}

int dbus_open(const char *address, int64_t deadline, struct dbus **ret, struct creel_err *err)
{
    struct sockaddr_un un;
    socklen_t len;
    if (!address_parse(address, &un, &len))
        return creel_fail(err, CREEL_INVALID, 0, "message bus address \"%.200s\" is not unix:path=… or unix:abstract=…",
                          address);
    auto_dbus d = calloc(1, sizeof *d);
    if (d == NULL)
        return creel_fail_nomem(err);
    bytes_init_max(&d->in, 2 * DBUS_MESSAGE_MAX);
    d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a socket for the message bus");
    const int64_t left = deadline - clock_mono_ns();
    if (left < 1000)    /* and none at all would be for ever */
        return fail_io(ETIMEDOUT, "connect to", err);
    const struct timeval limit = { .tv_sec = left / 1000000000, .tv_usec = left % 1000000000 / 1000 };
    if (setsockopt(d->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "limit the time of the message bus");
    int r;      /* a full queue of its listener is waited for */
    while ((r = connect(d->fd, (struct sockaddr *)&un, len)) < 0 && errno == EINTR)
        ;
    if (r < 0 && errno == EAGAIN)   /* it stayed full until then */
        return fail_io(ETIMEDOUT, "connect to", err);
    if (r < 0)
        return creel_fail(err, errno == EACCES || errno == EPERM ? CREEL_DENIED : CREEL_UNSUPPORTED, errno,
                          "connect to the message bus at %.200s", address);
    if (hello(d, deadline, err) < 0)
        return creel_wrap(err, "message bus at %.200s", address);
    *ret = ptr_take(&d);
    return 0;
}
