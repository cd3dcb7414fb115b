/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/clock.h"

#include <time.h>

#define S INT64_C(1000000000)

static void times_print_and_parse_back(void **state)
{
    (void)state;
    char buf[CLOCK_TEXT_MAX];
    int64_t t;
    assert_true(clock_parse("2015-05-29T11:01:02.000000003Z", &t));
    assert_string_equal(clock_print(t, buf), "2015-05-29T11:01:02.000000003Z");
    assert_true(clock_parse("2015-05-29T13:01:02.5+02:00", &t));
    assert_string_equal(clock_print(t, buf), "2015-05-29T11:01:02.5Z");
    assert_string_equal(clock_print_nano(t, buf), "2015-05-29T11:01:02.500000000Z");
    assert_string_equal(clock_print(0, buf), "0001-01-01T00:00:00Z");
    assert_true(clock_parse("0001-01-01T00:00:00Z", &t) && t == 0);
    assert_string_equal(clock_print(1 * S, buf), "1970-01-01T00:00:01Z");
    assert_false(clock_parse("2015-05-29T11:01:02", &t));
    assert_false(clock_parse("2015-13-29T11:01:02Z", &t));
    assert_true(clock_parse_when("10m", 1000 * S, &t) && t == 400 * S);
    assert_true(clock_parse_when("1136073600.000000001", 0, &t) && t == 1136073600 * S + 1);
    assert_false(clock_parse_when("yesterday", 0, &t));
}

static void dates_are_those_of_the_c_library(void **state)
{
    (void)state;
    /* every 5 days and some seconds over the whole range of int64 nanoseconds, 1677 to 2262 */
    for (int64_t s = -INT64_C(9223372036); s < INT64_C(9223372036); s += 5 * 86400 + 12345) {
        char got[CLOCK_TEXT_MAX], want[CLOCK_TEXT_MAX];
        struct tm tm;
        time_t sec = s;
        assert_non_null(gmtime_r(&sec, &tm));
        assert_true(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        if (s != 0)
            assert_string_equal(clock_print(s * S, got), want);
    }
    char buf[CLOCK_TEXT_MAX];
    assert_string_equal(clock_print(INT64_C(951782400) * S, buf), "2000-02-29T00:00:00Z");
    assert_string_equal(clock_print(-1, buf), "1969-12-31T23:59:59.999999999Z");
}

static void durations_read_as_docker_says_them(void **state)
{
    (void)state;
    static const struct { int64_t ns; const char *want; } cases[] = {
        { 450000000, "Less than a second" }, { -5 * S, "Less than a second" }, { S, "1 second" }, { 47 * S, "47 seconds" },
        { 60 * S, "About a minute" }, { 180 * S, "3 minutes" }, { 2140 * S, "35 minutes" }, { 3600 * S, "About an hour" },
        { 6300 * S, "2 hours" }, { (3 * 3600 + 59 * 60) * S, "4 hours" }, { 24 * 3600 * S, "24 hours" },
        { 36 * 3600 * S, "36 hours" }, { 48 * 3600 * S, "2 days" }, { (13 * 24 + 5) * 3600 * S, "13 days" },
        { 14 * 86400 * S, "2 weeks" }, { 28 * 86400 * S, "4 weeks" }, { 60 * 86400 * S, "2 months" },
        { 390 * 86400 * S, "13 months" }, { 720 * 86400 * S, "24 months" }, { 734 * 86400 * S, "2 years" },
    };
    char buf[CLOCK_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(clock_human(cases[i].ns, buf), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_print_and_parse_back),
        cmocka_unit_test(dates_are_those_of_the_c_library),
        cmocka_unit_test(durations_read_as_docker_says_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
