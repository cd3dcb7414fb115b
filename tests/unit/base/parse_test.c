/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/parse.h"

#include <stdbool.h>

static void sizes_take_units_and_refuse_garbage(void **state)
{
    (void)state;
    static const struct { const char *text; unsigned base; bool ok; int64_t want; } cases[] = {
        { "0", 1024, true, 0 }, { "10", 1024, true, 10 }, { "10b", 1024, true, 10 }, { "1k", 1024, true, 1024 },
        { "1.5G", 1024, true, INT64_C(1610612736) }, { "10m", 1000, true, 10000000 }, { "2 KiB", 1024, true, 2048 },
        { "1kb", 1024, true, 1024 }, { ".5k", 1024, true, 512 }, { "", 1024, false, 0 }, { "k", 1024, false, 0 },
        { "-1", 1024, false, 0 }, { "1x", 1024, false, 0 }, { "1kk", 1024, false, 0 }, { " 1", 1024, false, 0 },
        { "9999999999999p", 1024, false, 0 }, { "1.2.3", 1024, false, 0 }, { "1e3", 1024, false, 0 },
        { "0x10", 1024, false, 0 }, { ".", 1024, false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = -7;
        bool ok = parse_size(cases[i].text, cases[i].base, &got);
        if (ok != cases[i].ok || (ok && got != cases[i].want))
            fail_msg("%s: %d %lld", cases[i].text, ok, (long long)got);
    }
}

static void numbers_are_whole_and_bounded(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    unsigned o;
    assert_true(parse_u64("18446744073709551615", UINT64_MAX, &u) && u == UINT64_MAX);
    assert_false(parse_u64("18446744073709551616", UINT64_MAX, &u));
    assert_false(parse_u64("+1", UINT64_MAX, &u));
    assert_false(parse_u64("256", 255, &u));
    assert_true(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &i) && i == INT64_MIN);
    assert_false(parse_i64("--1", INT64_MIN, INT64_MAX, &i));
    assert_true(parse_octal("1777", 07777, &o) && o == 01777);
    assert_false(parse_octal("8", 07777, &o));
    assert_true(parse_nano("1.5", &i) && i == 1500000000);
    assert_true(parse_nano("0.000000001", &i) && i == 1);
    assert_false(parse_nano("0.0000000001", &i));
}

static void durations_are_go_durations(void **state)
{
    (void)state;
    int64_t d;
    char buf[32];
    assert_true(parse_duration_ns("1h30m", &d) && d == INT64_C(5400000000000));
    assert_true(parse_duration_ns("1.5s", &d) && d == 1500000000);
    assert_true(parse_duration_ns("-2ms", &d) && d == -2000000);
    assert_true(parse_duration_ns("0", &d) && d == 0);
    assert_false(parse_duration_ns("5", &d));
    assert_false(parse_duration_ns("", &d));
    assert_false(parse_duration_ns("1y", &d));
    assert_string_equal(duration_print(50000000, buf), "50ms");
    assert_string_equal(duration_print(1000000000, buf), "1s");
    assert_string_equal(duration_print(INT64_C(90000000000), buf), "1m30s");
    assert_string_equal(duration_print(1500000000, buf), "1.5s");
    assert_string_equal(duration_print(0, buf), "0s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_take_units_and_refuse_garbage),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(durations_are_go_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
