/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "monitor/detach_keys.h"

#include <stdio.h>
#include <string.h>

static void expect_keys(const char *text, const char *want, size_t n)
{
    struct detach_keys d;
    struct creel_err err = { 0 };
    assert_int_equal(detach_keys_parse(text, &d, &err), 0);
    assert_int_equal(d.count, n);
    assert_memory_equal(d.keys, want, n);
}

static void key_names_become_codes(void **state)
{
    (void)state;
    expect_keys("ctrl-a,a", "\1a", 2);
    expect_keys("ctrl-@,ctrl-[,~,ctrl-o", "\0\33~\17", 4);
    expect_keys("ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\34\35\36\37", 4);
    expect_keys("DEL,+", "\177+", 2);
    expect_keys("", "", 0);
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "shift-z", "ctrl-A", "ctrl-", "ctrl-ab", "a,,b", ",", "a,", "del", "ctrl-1" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct detach_keys d;
        struct creel_err err = { 0 };
        assert_int_equal(detach_keys_parse(bad[i], &d, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
}

/* Feed `in` in portions of `step`; what was passed on, and "!" when it detached. */
static void feed(const char *keys, const char *in, size_t n, size_t step, char *out)
{
    struct detach_keys d;
    size_t o = 0;
    assert_int_equal(detach_keys_parse(keys, &d, NULL), 0);
    for (size_t at = 0; at < n; at += step) {
        size_t got;
        bool done = detach_keys_feed(&d, in + at, n - at < step ? n - at : step, out + o, &got);
        o += got;
        if (done) {
            out[o++] = '!';
            break;
        }
    }
    out[o] = '\0';
}

static void sequences_are_found_and_the_rest_is_passed_on(void **state)
{
    (void)state;
    static const struct { const char *keys, *in, *out; } cases[] = {
        { "ctrl-p,ctrl-q", "\20a\20\21", "\20a!" },
        { "a,b,c,d", "abcd", "!" },
        { "a,b,c,d", "abcx", "abcx" },
        { "a,b,c,d", "ababcd", "ab!" },
        { "a,a,b", "aaab", "a!" },          /* a match may begin inside a failed one */
        { "ctrl-p,ctrl-q", "\20\20\21rest", "\20!" },
        { "ctrl-p,ctrl-q", "no keys here", "no keys here" },
        { "", "\20\21", "\20\21" },
        { "x", "abxc", "ab!" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= 5; step++) {
            char out[128];
            feed(cases[i].keys, cases[i].in, strlen(cases[i].in), step, out);
            assert_string_equal(out, cases[i].out);
        }
    }
}

static void a_possible_beginning_is_held_back(void **state)
{
    (void)state;
    struct detach_keys d;
    char out[64];
    size_t n;
    assert_int_equal(detach_keys_parse("ctrl-p,ctrl-q", &d, NULL), 0);
    assert_false(detach_keys_feed(&d, "\20", 1, out, &n));
    assert_int_equal(n, 0);
    assert_false(detach_keys_feed(&d, "a", 1, out, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(out, "\20a", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_names_become_codes),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(sequences_are_found_and_the_rest_is_passed_on),
        cmocka_unit_test(a_possible_beginning_is_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
