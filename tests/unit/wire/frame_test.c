/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "wire/frame.h"

#include <string.h>

static size_t stream_of_three(unsigned char *buf)
{
    size_t n = 0;
    frame_header_print(buf, FRAME_STDOUT, 5);
    memcpy(buf + 8, "hello", 5);
    n = 13;
    frame_header_print(buf + n, FRAME_STDIN, 0);
    n += 8;
    frame_header_print(buf + n, FRAME_EVENT, 2);
    memcpy(buf + n + 8, "{}", 2);
    return n + 10;
}

static void frames_are_dockers_multiplexing(void **state)
{
    (void)state;
    unsigned char h[8];
    frame_header_print(h, FRAME_STDERR, 0x01020304);
    assert_memory_equal(h, "\2\0\0\0\1\2\3\4", 8);
}

static void whole_equals_drip(void **state)
{
    (void)state;
    unsigned char buf[64];
    size_t n = stream_of_three(buf);
    static const struct { unsigned type; const char *text; } want[] = {
        { FRAME_STDOUT, "hello" }, { FRAME_STDIN, "" }, { FRAME_EVENT, "{}" },
    };
    for (size_t step = 1; step <= n; step++) {
        struct frame_reader r;
        frame_reader_init(&r, 100);
        size_t seen = 0;
        for (size_t at = 0, used; at < n; at += used) {
            enum frame_status st = frame_feed(&r, buf + at, n - at < step ? n - at : step, &used);
            assert_true(st != FRAME_BAD);
            if (st != FRAME_DONE)
                continue;
            assert_int_equal(r.type, want[seen].type);
            assert_string_equal(bytes_str(&r.payload), want[seen].text);
            seen++;
            if (step % 2 == 0)
                frame_reader_trim(&r);
        }
        assert_int_equal(seen, 3);
        assert_false(frame_reader_pending(&r));
        frame_reader_fini(&r);
    }
}

static void lost_step_and_long_frames_are_refused(void **state)
{
    (void)state;
    struct frame_reader r;
    unsigned char h[8];
    size_t used;
    frame_reader_init(&r, 100);
    frame_header_print(h, FRAME_STDIN, 101);
    assert_int_equal(frame_feed(&r, h, 8, &used), FRAME_BAD);
    frame_reader_fini(&r);
    frame_reader_init(&r, 100);
    frame_header_print(h, FRAME_STDIN, 1);
    h[2] = 1;
    assert_int_equal(frame_feed(&r, h, 8, &used), FRAME_BAD);
    frame_reader_fini(&r);
}

static void a_cut_stream_is_pending(void **state)
{
    (void)state;
    unsigned char buf[64];
    struct frame_reader r;
    size_t used;
    (void)stream_of_three(buf);
    frame_reader_init(&r, 100);
    assert_false(frame_reader_pending(&r));
    assert_int_equal(frame_feed(&r, buf, 10, &used), FRAME_MORE);
    assert_true(frame_reader_pending(&r));
    frame_reader_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_dockers_multiplexing),
        cmocka_unit_test(whole_equals_drip),
        cmocka_unit_test(lost_step_and_long_frames_are_refused),
        cmocka_unit_test(a_cut_stream_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
