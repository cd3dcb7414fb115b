/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to a bus that answers slowly, wrongly, or not at all. The bus is a child with a script. */
#include "check.h"

#include "base/clock.h"
#include "runtime/dbus.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum mode { GOOD, DRIP, REJECT, CLOSE, GARBAGE, SILENT, LARGE, CHATTY };

static char address[64];
static const char *speaker = ":1.1";    /* whom the bus says that it is from */

/* Faster than `ponder` can listen: an end of what there is to read never comes. */
static _Noreturn void talk(int fd)
{
    static const uint8_t signal[] = "l\4\1\1\0\0\0\0\1\0\0\0\x0a\0\0\0" "\3\1s\0\1\0\0\0M\0\0\0\0\0\0";
    static uint8_t many[2048 * sizeof signal];
    for (size_t i = 0; i < sizeof many; i += sizeof signal)
        memcpy(many + i, signal, sizeof signal);
    while (send(fd, many, sizeof many, MSG_NOSIGNAL) > 0)
        ;
    _exit(0);
}

static void say(int fd, const void *data, size_t n, enum mode mode)
{
    for (size_t i = 0, step = mode == DRIP ? 1 : n; i < n; i += step)
        if (send(fd, (const char *)data + i, step, MSG_NOSIGNAL) < 0)
            _exit(1);
}

static void hear_message(int fd, struct bytes *m, uint32_t *serial)
{
    bytes_reset(m);
    if (!bytes_reserve(m, 65536) || recv(fd, m->data, DBUS_HEAD_SIZE, MSG_WAITALL) != DBUS_HEAD_SIZE)
        _exit(0);
    size_t size = dbus_message_size((const uint8_t *)m->data);
    if (size == 0 || size > 65536
        || recv(fd, m->data + DBUS_HEAD_SIZE, size - DBUS_HEAD_SIZE, MSG_WAITALL) != (ssize_t)(size - DBUS_HEAD_SIZE))
        _exit(2);
    m->len = size;
    memcpy(serial, m->data + 8, sizeof *serial);
}

/* type 2 (return), 3 (error) or 4 (signal) with one text in it */
static void answer(int fd, uint8_t type, uint32_t to, const char *text, enum mode mode)
{
    auto_bytes b = BYTES_INIT, body = BYTES_INIT;
    dbus_put_string(&body, text);
    dbus_put_byte(&b, 'l');
    dbus_put_byte(&b, type);
    dbus_put_byte(&b, 0);
    dbus_put_byte(&b, 1);
    dbus_put_u32(&b, (uint32_t)body.len);
    dbus_put_u32(&b, 9);
    struct dbus_array fields = dbus_array_begin(&b, 8);
    if (type != DBUS_SIGNAL) {
        dbus_put_byte(&b, 5);
        dbus_put_signature(&b, "u");
        dbus_put_u32(&b, to);
    }
    const struct { uint8_t code; const char *type, *value; } rows[] = {
        { 7, "s", speaker },
        { 8, "g", "s" }, { type == DBUS_ERROR ? 4 : 3, "s", "org.freedesktop.systemd1.NoSuchUnit" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        dbus_pad(&b, 8);
        dbus_put_byte(&b, rows[i].code);
        dbus_put_signature(&b, rows[i].type);
        (rows[i].type[0] == 'g' ? dbus_put_signature : dbus_put_string)(&b, rows[i].value);
    }
    dbus_array_end(&b, fields);
    dbus_pad(&b, 8);
    bytes_add(&b, body.data, body.len);
    say(fd, b.data, b.len, mode);
}

static void serve(int listener, enum mode mode)
{
    static const char greeting[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
    char got[sizeof greeting - 1];
    auto_bytes m = BYTES_INIT;
    uint32_t serial;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || recv(fd, got, sizeof got, MSG_WAITALL) != sizeof got || memcmp(got, greeting, sizeof got) != 0)
        _exit(3);
    if (mode == REJECT)
        say(fd, "REJECTED EXTERNAL\r\n", 19, mode);
    else if (mode != SILENT)
        say(fd, "DATA\r\nOK 0123\r\n", 15, mode);
    hear_message(fd, &m, &serial);
    answer(fd, DBUS_RETURN, serial, ":1.1", mode);
    hear_message(fd, &m, &serial);
    if (mode == CHATTY)
        talk(fd);
    if (mode == CLOSE)
        _exit(0);
    if (mode == GARBAGE)
        say(fd, "this is not a message at all", 28, mode);
    if (mode == LARGE)
        say(fd, "l\2\0\1\0\0\0\x70\1\0\0\0\0\0\0\0", 16, mode);
    answer(fd, DBUS_SIGNAL, 0, "first", mode);
    answer(fd, DBUS_RETURN, serial + 100, "somebody else's", mode);
    answer(fd, DBUS_RETURN, serial, "the answer", mode);
    hear_message(fd, &m, &serial);
    answer(fd, DBUS_ERROR, serial, "there is no such unit", mode);
    speaker = ":1.2";
    answer(fd, DBUS_SIGNAL, 0, "forged", mode);
    speaker = ":1.1";
    answer(fd, DBUS_SIGNAL, 0, "second", mode);
    hear_message(fd, &m, &serial);
}

static pid_t start(enum mode mode)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static unsigned count;
    int n = snprintf(address, sizeof address, "unix:abstract=creel-test-%d-%u", (int)getpid(), ++count);
    assert_true(n > 0 && fd >= 0);
    (void)snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "%s", address + 14);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(un.sun_path + 1));
    assert_int_equal(bind(fd, (struct sockaddr *)&un, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(10);
        serve(fd, mode);
        _exit(0);
    }
    (void)close(fd);
    return pid;
}

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void note(void *context, const struct dbus_message *s)
{
    struct dbus_reader r = s->body;
    bytes_addf(context, "%s;", dbus_get_string(&r));
}

static void ponder(void *context, const struct dbus_message *s)
{
    (void)s;
    (void)context;
    const int64_t until = clock_mono_ns() + 20000;
    while (clock_mono_ns() < until)
        ;
}

static struct dbus_call some_call(void)
{
    return (struct dbus_call){ .destination = "a.b", .path = "/", .interface = "a.b", .member = "M", .signature = "" };
}

static int64_t soon(int ms) { return clock_mono_ns() + (int64_t)ms * 1000000; }

static void conversation(enum mode mode)
{
    struct creel_err err = { 0 };
    struct dbus_message m;
    struct dbus_call call = some_call();
    auto_bytes heard = BYTES_INIT;
    pid_t bus = start(mode);
    auto_dbus d = NULL;
    if (dbus_open(address, soon(10000), &d, &err) < 0)
        fail_msg("%s", err.text);
    dbus_on_signal(d, note, &heard);
    assert_int_equal(dbus_call(d, &call, NULL, soon(10000), &m, &err), 0);
    assert_string_equal(dbus_get_string(&m.body), "the answer");
    assert_string_equal(m.sender, ":1.1");
    dbus_signals_from(d, m.sender);
    assert_int_equal(dbus_call(d, &call, NULL, soon(10000), NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
    assert_string_equal(err.text, "there is no such unit");
    assert_int_equal(dbus_wait(d, soon(10000), &err), 0);
    assert_int_equal(dbus_wait(d, soon(10000), &err), 0);
    assert_string_equal(bytes_str(&heard), "first;second;");
    assert_int_equal(dbus_wait(d, soon(20), &err), -1);
    assert_int_equal(err.kind, CREEL_TIMEOUT);
    end(bus);
    assert_int_equal(dbus_wait(d, soon(10000), &err), -1);
    assert_int_equal(err.kind, CREEL_INTERNAL);
}

static void calls_and_signals(void **state)
{
    (void)state;
    conversation(GOOD);
}

static void a_byte_at_a_time(void **state)
{
    (void)state;
    conversation(DRIP);
}

static void buses_that_fail(void **state)
{
    (void)state;
    static const struct { enum mode mode; bool opens; enum creel_kind kind; } rows[] = {
        { REJECT, false, CREEL_DENIED }, { SILENT, false, CREEL_TIMEOUT }, { CLOSE, true, CREEL_INTERNAL },
        { GARBAGE, true, CREEL_INTERNAL }, { LARGE, true, CREEL_INTERNAL }, { CHATTY, true, CREEL_TIMEOUT },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct dbus_call call = some_call();
        pid_t bus = start(rows[i].mode);
        struct dbus *d = NULL;
        int r = dbus_open(address, soon(rows[i].mode == SILENT ? 100 : 3000), &d, &err);
        if (rows[i].opens)
            assert_int_equal(r, 0);
        if (r == 0 && rows[i].mode == CHATTY)
            dbus_on_signal(d, ponder, NULL);
        if (r == 0)
            r = dbus_call(d, &call, NULL, soon(rows[i].mode == CHATTY ? 200 : 3000), NULL, &err);
        assert_int_equal(r, -1);
        assert_int_equal(err.kind, rows[i].kind);
        dbus_close(d);
        end(bus);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const struct { const char *address; enum creel_kind kind; } rows[] = {
        { "", CREEL_INVALID }, { "tcp:host=x,port=1", CREEL_INVALID }, { "unix:guid=1", CREEL_INVALID },
        { "unix:path=", CREEL_INVALID }, { "unix:path=%2", CREEL_INVALID }, { "unix:path=%00", CREEL_INVALID },
        { "unix:path=/nowhere/there", CREEL_UNSUPPORTED }, { "unix:guid=1,path=/nowhere%2fthere", CREEL_UNSUPPORTED },
        { "tcp:host=x;unix:abstract=creel-nobody", CREEL_UNSUPPORTED },
        { "unix:path=/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
          "0123456789", CREEL_INVALID },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct dbus *d = NULL;
        assert_int_equal(dbus_open(rows[i].address, soon(1000), &d, &err), -1);
        if (err.kind != rows[i].kind)
            fail_msg("%s: %s", rows[i].address, err.text);
    }
}

/* What is left until a deadline is turned into seconds and microseconds, and those must not come to a whole second. */
static void any_fraction_of_a_second(void **state)
{
    (void)state;
    enum { STEPS = 400, STEP_NS = 50 };
    for (int i = 0; i < STEPS; i++) {
        struct creel_err err = { 0 };
        struct dbus *d = NULL;
        const int64_t deadline = clock_mono_ns() + (int64_t)3 * 1000000000 + (int64_t)i * STEP_NS;
        assert_int_equal(dbus_open("unix:abstract=creel-nobody", deadline, &d, &err), -1);
        if (err.kind != CREEL_UNSUPPORTED || err.sys != ECONNREFUSED)
            fail_msg("%s", err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_signals),
        cmocka_unit_test(a_byte_at_a_time),
        cmocka_unit_test(buses_that_fail),
        cmocka_unit_test(addresses),
        cmocka_unit_test(any_fraction_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
