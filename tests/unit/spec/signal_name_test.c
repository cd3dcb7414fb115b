/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "spec/signal_name.h"

static void every_name_parses_to_its_number(void **state)
{
    (void)state;
    int n;
    for (unsigned i = 0; signal_name_at(i) != NULL; i++)
        assert_true(signal_name_parse(signal_name_at(i), &n) && n > 0);
    assert_true(signal_name_parse("SIGKILL", &n) && n == 9);
    assert_true(signal_name_parse("sigterm", &n) && n == 15);
    assert_true(signal_name_parse("hup", &n) && n == 1);
    assert_true(signal_name_parse("15", &n) && n == 15);
    assert_true(signal_name_parse("RTMIN", &n) && n == 34);
    assert_true(signal_name_parse("SIGRTMIN+15", &n) && n == 49);
    assert_true(signal_name_parse("RTMAX-14", &n) && n == 50);
    assert_string_equal(signal_name_of(9), "KILL");
    assert_null(signal_name_of(40));
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "0", "SIG", "65", "-9", "+9", "KILLX", "SIGSIGKILL", "RTMIN+16", "RTMAX-15",
                                       "RTMIN-1", "9 ", "SIG42" };
    int n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (signal_name_parse(bad[i], &n))
            fail_msg("\"%s\" was taken for %d", bad[i], n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_parses_to_its_number),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
