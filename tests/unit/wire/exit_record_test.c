/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "wire/exit_record.h"

#include <string.h>

static struct exit_record sample(void)
{
    struct exit_record r = { .run = 7, .started_ns = 1432897262000000003,
                             .exit = { .how = CREEL_EXIT_BY_SIGNAL, .number = 9, .oom_killed = 1,
                                       .finished_ns = 1432897263000000004 } };
    memset(r.id, 'c', 64);
    return r;
}

static void print_and_parse_are_inverse(void **state)
{
    (void)state;
    struct exit_record r = sample(), got;
    char text[EXIT_RECORD_MAX];
    for (int how = CREEL_EXIT_BY_CODE; how <= CREEL_EXIT_UNKNOWN; how++) {
        r.exit.how = (enum creel_exit_how)how;
        size_t n = exit_record_print(&r, text);
        assert_true(exit_record_parse(text, n, &got));
        assert_string_equal(got.id, r.id);
        assert_true(got.run == r.run && got.started_ns == r.started_ns && got.exit.how == r.exit.how);
        assert_true(got.exit.number == 9 && got.exit.oom_killed == 1 && got.exit.finished_ns == r.exit.finished_ns);
    }
}

static void a_torn_record_is_noticed(void **state)
{
    (void)state;
    struct exit_record r = sample(), got;
    char text[EXIT_RECORD_MAX];
    size_t n = exit_record_print(&r, text);
    for (size_t cut = 0; cut < n; cut++)
        assert_false(exit_record_parse(text, cut, &got));
    memset(text + n, 0, sizeof text - n); /* the reserved place, not yet cut to length */
    assert_false(exit_record_parse(text, sizeof text, &got));
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct exit_record r = sample(), got;
    char text[EXIT_RECORD_MAX];
    size_t n = exit_record_print(&r, text);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_false(exit_record_parse(text, n, &got));
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    }
    assert_true(exit_record_parse(text, n, &got));
}

static void garbage_is_refused(void **state)
{
    (void)state;
    struct exit_record got;
    char zeros[EXIT_RECORD_MAX] = "";
    assert_false(exit_record_parse("", 0, &got));
    assert_false(exit_record_parse("creel-exit 1\n", 13, &got));
    assert_false(exit_record_parse(zeros, sizeof zeros, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_and_parse_are_inverse),
        cmocka_unit_test(a_torn_record_is_noticed),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(garbage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
