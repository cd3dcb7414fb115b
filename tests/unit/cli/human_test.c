/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter.h"
#include "cli/human.h"

#include "../check.h"

#include <string.h>
#include <time.h>

static void sizes_are_as_docker_shows_them(void **state)
{
    static const struct { uint64_t n; int digits; const char *size, *memory; } s[] = {
        { 0, 3, "0B", "0B" },
        { 999, 3, "999B", "999B" },
        { 1000, 3, "1kB", "1000B" },
        { 1024, 3, "1.02kB", "1KiB" },
        { 4261550, 3, "4.26MB", "4.064MiB" },
        { 4261550, 4, "4.262MB", "4.064MiB" },
        { 999949, 4, "999.9kB", "976.5KiB" },
        { 999999, 4, "1MB", "976.6KiB" },
        { 999600, 3, "1MB", "976.2KiB" },
        { 1047552, 3, "1.05MB", "1023KiB" },
        { UINT64_C(1073741824), 3, "1.07GB", "1GiB" },
        { UINT64_C(8318947328), 3, "8.32GB", "7.748GiB" },
        { UINT64_MAX, 3, "18.4EB", "16EiB" },
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        auto_bytes a = BYTES_INIT, b = BYTES_INIT;
        human_size(s[i].n, s[i].digits, &a);
        human_memory(s[i].n, &b);
        assert_string_equal(bytes_str(&a), s[i].size);
        assert_string_equal(bytes_str(&b), s[i].memory);
    }
}

static void times_are_local(void **state)
{
    auto_bytes out = BYTES_INIT;
    assert_int_equal(setenv("TZ", "XYZ-5:30", 1), 0);
    tzset();
    human_time(INT64_C(1700000000) * 1000000000, &out);
    assert_string_equal(bytes_str(&out), "2023-11-15 03:43:20 +0530 XYZ");
    bytes_reset(&out);
    human_rfc3339(INT64_C(1700000000123456789), 1, &out);
    assert_string_equal(bytes_str(&out), "2023-11-15T03:43:20.123456789+05:30");
    bytes_reset(&out);
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
    tzset();
    human_rfc3339(INT64_C(1700000000123456789), 0, &out);
    assert_string_equal(bytes_str(&out), "2023-11-14T22:13:20Z");
}

static void filters_become_one_object(void **state)
{
    auto_strv list = STRV_INIT;
    struct creel_err err = { 0 };
    auto_free char *text = NULL;
    assert_int_equal(filter_json(&list, &text, &err), 0);
    assert_null(text);
    assert_true(strv_add(&list, "label=a=b") && strv_add(&list, " Status =exited") && strv_add(&list, "label=c") && strv_add(&list, "name="));
    assert_int_equal(filter_json(&list, &text, &err), 0);
    assert_string_equal(text, "{\"label\":[\"a=b\",\"c\"],\"status\":[\"exited\"],\"name\":[\"\"]}");
}

static void a_filter_needs_a_key_and_utf8(void **state)
{
    static const char *const bad[] = { "label", "=x", "a=\xff", "\xff=a" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        auto_strv list = STRV_INIT;
        struct creel_err err = { 0 };
        char *text = NULL;
        assert_true(strv_add(&list, bad[i]));
        assert_int_equal(filter_json(&list, &text, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_null(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_as_docker_shows_them),
        cmocka_unit_test(times_are_local),
        cmocka_unit_test(filters_become_one_object),
        cmocka_unit_test(a_filter_needs_a_key_and_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
