/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "ociruntime/ps_table.h"

#include <string.h>

static void filtered(const char *text, const char *want)
{
    const pid_t pids[] = { 12, 345 };
    auto_bytes out = BYTES_INIT;
    assert_int_equal(ps_table_filter(text, pids, 2, &out, NULL), 0);
    assert_string_equal(bytes_str(&out), want);
}

static void lines_of_the_pids_are_kept_in_order(void **state)
{
    (void)state;
    filtered("UID        PID  PPID CMD\nroot         1     0 12\nroot       345    12 sh 1\nroot        12     1 sh\n",
             "UID        PID  PPID CMD\nroot       345    12 sh 1\nroot        12     1 sh\n");
}

static void the_column_is_the_one_called_pid(void **state)
{
    (void)state;
    filtered(" PPID PID\n 12 1\n 1 12\n", " PPID PID\n 1 12\n");
    filtered("PID\n12\n1200\n", "PID\n12\n");
}

static void odd_lines_are_left_out(void **state)
{
    (void)state;
    filtered("UID PID\n\nroot\nroot x12\nroot 99999999999999999999999999999999\nroot 345", "UID PID\nroot 345\n");
    filtered("PID", "PID\n");
}

static void a_head_without_pid_is_refused(void **state)
{
    (void)state;
    const pid_t pid = 1;
    auto_bytes out = BYTES_INIT;
    struct creel_err err = { 0 };
    assert_int_equal(ps_table_filter("UID XPID PIDX\nroot 1 1\n", &pid, 1, &out, &err), -1);
    assert_string_equal(err.text, "couldn't find PID field in ps output");
    assert_int_equal(ps_table_filter("", &pid, 1, &out, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_pids_are_kept_in_order),
        cmocka_unit_test(the_column_is_the_one_called_pid),
        cmocka_unit_test(odd_lines_are_left_out),
        cmocka_unit_test(a_head_without_pid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
