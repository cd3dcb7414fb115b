/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "spec/capability.h"

#include <stdarg.h>
#include <string.h>

static uint64_t bit(const char *name)
{
    int n = capability_number(name);
    assert_true(n >= 0);
    return CAPABILITY_BIT(n);
}

static struct strv list(const char *first, ...)
{
    struct strv v = STRV_INIT;
    va_list ap;
    va_start(ap, first);
    for (const char *s = first; s != NULL; s = va_arg(ap, const char *))
        assert_true(strv_add(&v, s));
    va_end(ap);
    return v;
}

static void names_are_taken_in_any_spelling(void **state)
{
    (void)state;
    assert_int_equal(capability_number("CAP_CHOWN"), 0);
    assert_int_equal(capability_number("chown"), 0);
    assert_int_equal(capability_number("Cap_Sys_Admin"), 21);
    assert_int_equal(capability_number("CHECKPOINT_RESTORE"), 40);
    assert_int_equal(capability_number("CAP_"), -1);
    assert_int_equal(capability_number(""), -1);
    assert_int_equal(capability_number("CAP_CAP_CHOWN"), -1);
    assert_int_equal(capability_number("ALL"), -1);
    for (unsigned i = 0; i < capability_count(); i++)
        assert_int_equal(capability_number(capability_name(i)), i);
    assert_null(capability_name(capability_count()));
}

static void default_set_is_dockers(void **state)
{
    (void)state;
    auto_strv names = list("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
                           "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE", NULL);
    uint64_t set = 0;
    struct creel_err err = { 0 };
    assert_int_equal(capability_set_parse(&names, &set, &err), 0);
    assert_true(set == CAPABILITY_DEFAULT);
    auto_strv back = STRV_INIT;
    assert_true(capability_set_print(set, &back));
    assert_int_equal(back.count, 14);
    assert_string_equal(back.items[0], "CAP_CHOWN");
}

static void add_and_drop_follow_dockers_rules(void **state)
{
    (void)state;
    const uint64_t all = capability_all(), def = CAPABILITY_DEFAULT, admin = bit("SYS_ADMIN"), chown = bit("CHOWN");
    const struct { bool privileged; const char *add[3], *drop[3]; uint64_t want; } rows[] = {
        { false, { NULL }, { NULL }, def },
        { false, { "SYS_ADMIN" }, { NULL }, def | admin },
        { false, { NULL }, { "CAP_CHOWN" }, def & ~chown },
        { false, { NULL }, { "ALL" }, 0 },
        { false, { "chown" }, { "all" }, chown },
        { false, { "ALL" }, { NULL }, all },
        { false, { "ALL" }, { "SYS_ADMIN" }, all & ~admin },
        { false, { "ALL" }, { "ALL" }, all },
        { false, { "CHOWN" }, { "CHOWN" }, def },
        { true, { NULL }, { "ALL" }, all },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_strv add = list(rows[i].add[0], rows[i].add[1], NULL),
                  drop = list(rows[i].drop[0], rows[i].drop[1], NULL);
        uint64_t got = 0;
        assert_int_equal(capability_resolve(all, rows[i].privileged, &add, &drop, &got, NULL, &err), 0);
        if (got != rows[i].want)
            fail_msg("row %zu: %llx, expected %llx", i, (unsigned long long)got, (unsigned long long)rows[i].want);
    }
}

static void what_the_host_lacks_is_left_out_unless_named(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    uint64_t host = capability_all() & ~bit("SYS_RESOURCE") & ~bit("KILL"), got = 0, missing = 0;
    auto_strv all = list("ALL", NULL), named = list("SYS_RESOURCE", NULL);
    assert_int_equal(capability_resolve(host, false, &all, NULL, &got, &missing, &err), 0);
    assert_true(got == host && missing == (bit("SYS_RESOURCE") | bit("KILL")));
    assert_int_equal(capability_resolve(host, false, NULL, NULL, &got, &missing, &err), 0);
    assert_true(got == (CAPABILITY_DEFAULT & ~bit("KILL")) && missing == bit("KILL"));
    assert_int_equal(capability_resolve(host, false, &named, NULL, &got, &missing, &err), -1);
    assert_int_equal(err.kind, CREEL_DENIED);
    assert_non_null(strstr(err.text, "CAP_SYS_RESOURCE"));
}

static void unknown_names_are_errors(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    uint64_t got = 0;
    auto_strv bad = list("CHOWN", "FLY", NULL);
    assert_int_equal(capability_resolve(capability_all(), false, &bad, NULL, &got, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    assert_non_null(strstr(err.text, "FLY"));
    assert_int_equal(capability_resolve(capability_all(), true, NULL, &bad, &got, NULL, &err), -1);
    assert_int_equal(capability_set_parse(&bad, &got, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_in_any_spelling),
        cmocka_unit_test(default_set_is_dockers),
        cmocka_unit_test(add_and_drop_follow_dockers_rules),
        cmocka_unit_test(what_the_host_lacks_is_left_out_unless_named),
        cmocka_unit_test(unknown_names_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
