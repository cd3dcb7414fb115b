/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "engine/filters.h"

#include <string.h>

static const char *const known[] = { "label", "status", "name", "is-task", NULL };

static void both_encodings_say_the_same(void **state)
{
    (void)state;
    static const char *const docs[] = {
        "{\"status\":[\"exited\",\"dead\"],\"label\":[\"a=b\"]}",
        "{\"status\":{\"exited\":true,\"dead\":true},\"label\":{\"a=b\":true}}",
        " { \" status \" : {\"exited\":true,\"dead\":false} , \"label\":[\"a=b\"]} ",
    };
    for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
        auto_filters f = FILTERS_INIT;
        assert_int_equal(filters_parse(docs[i], known, &f, NULL), 0);
        const struct strv *status = filters_get(&f, "status");
        assert_non_null(status);
        assert_int_equal(status->count, 2);
        assert_true(strv_has(status, "exited") && strv_has(status, "dead"));
        assert_string_equal(filters_get(&f, "label")->items[0], "a=b");
        assert_null(filters_get(&f, "name"));
    }
}

static void nothing_is_no_filter(void **state)
{
    (void)state;
    static const char *const docs[] = { NULL, "", "{}", "{\"name\":[]}", "{\"name\":{}}" };
    for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
        auto_filters f = FILTERS_INIT;
        assert_int_equal(filters_parse(docs[i], known, &f, NULL), 0);
        assert_null(filters_get(&f, "name"));
    }
}

static void bad_documents_are_invalid(void **state)
{
    (void)state;
    static const char *const docs[] = { "[]", "x", "{\"name\":\"a\"}", "{\"name\":[1]}", "{\"name\":[\"a\"]", "\"\"",
                                        "{\"name\":[\"a\"],\"name\":[\"b\"]}" };
    for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
        auto_filters f = FILTERS_INIT;
        struct creel_err err = { 0 };
        assert_int_equal(filters_parse(docs[i], known, &f, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_int_equal(f.count, 0);
    }
}

static void an_unknown_filter_is_named(void **state)
{
    (void)state;
    auto_filters f = FILTERS_INIT;
    struct creel_err err = { 0 };
    assert_int_equal(filters_parse("{\"invalid\":[\"x\"]}", known, &f, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    assert_string_equal(err.text, "invalid filter 'invalid'");
}

static void all_labels_have_to_match(void **state)
{
    (void)state;
    static const struct { const char *want[3]; const char *labels; bool match; } cases[] = {
        { { "a" }, "{\"a\":\"1\"}", true },
        { { "a=1" }, "{\"a\":\"1\"}", true },
        { { "a=" }, "{\"a\":\"\"}", true },
        { { "a=" }, "{\"a\":\"1\"}", false },
        { { "a=1", "b" }, "{\"a\":\"1\"}", false },
        { { "a=1", "b" }, "{\"a\":\"1\",\"b\":\"\"}", true },
        { { "a=1=2" }, "{\"a\":\"1=2\"}", true },
        { { "a" }, NULL, false },
        { { "a" }, "not json", false },
        { { NULL }, NULL, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_strv want = STRV_INIT;
        for (size_t k = 0; cases[i].want[k] != NULL; k++)
            assert_true(strv_add(&want, cases[i].want[k]));
        assert_int_equal(filters_match_labels(&want, cases[i].labels), cases[i].match);
    }
    assert_true(filters_match_labels(NULL, NULL));
}

static bool pattern_matches(const char *pattern, const char *text)
{
    auto_strv v = STRV_INIT;
    auto_cleanup(filter_patterns_freep) struct filter_patterns *p = NULL;
    assert_true(strv_add(&v, pattern));
    assert_int_equal(filter_patterns_new(&v, &p, NULL), 0);
    return filter_patterns_match(p, text);
}

static void names_match_by_expression_or_substring(void **state)
{
    (void)state;
    assert_true(pattern_matches("^a", "a1"));
    assert_false(pattern_matches("^a", "/a1"));
    assert_true(pattern_matches("^/a", "/a1"));
    assert_true(pattern_matches("b1", "/b1"));
    assert_true(pattern_matches("web-[0-9]{1,3}$", "web-12"));
    assert_false(pattern_matches("web-[0-9]{1,3}$", "web-x"));
    assert_true(pattern_matches("a|b", "xbx"));
    assert_true(pattern_matches("a(b", "xa(bx")); /* does not compile: a plain text */
    assert_false(pattern_matches("a(b", "ab"));
}

static void costly_expressions_are_plain_text(void **state)
{
    (void)state;
    char longest[600];
    memset(longest, '(', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(pattern_matches("((a{1,255}){1,255}){1,255}", "aaa"));
    assert_false(pattern_matches("a{1,9999}", "aaa"));
    assert_false(pattern_matches("a++++++++++++++++++++++++++++++++++++++++", "aaa"));
    assert_false(pattern_matches("(((((a+)+)+)+)+)+", "aaa"));
    assert_true(pattern_matches("^[a-z]+-[0-9]+$", "web-12"));
    assert_false(pattern_matches("(.*)\\1", "aa"));
    assert_false(pattern_matches(longest, "aa"));
    assert_true(pattern_matches("((a{1,255}){1,255}){1,255}", "((a{1,255}){1,255}){1,255}"));
}

static void booleans_are_gos(void **state)
{
    (void)state;
    static const struct { const char *json; int want; } cases[] = {
        { "{}", -1 }, { "{\"is-task\":[\"true\"]}", 1 }, { "{\"is-task\":{\"0\":true}}", 0 },
        { "{\"is-task\":[\"F\"]}", 0 }, { "{\"is-task\":[\"yes\"]}", -2 }, { "{\"is-task\":[\"1\",\"0\"]}", -2 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_filters f = FILTERS_INIT;
        struct creel_err err = { 0 };
        assert_int_equal(filters_parse(cases[i].json, known, &f, NULL), 0);
        assert_int_equal(filters_bool(&f, "is-task", &err), cases[i].want);
        assert_int_equal(err.kind, cases[i].want == -2 ? CREEL_INVALID : CREEL_OK);
    }
}

static void ports_are_numbers_ranges_and_protocols(void **state)
{
    (void)state;
    static const struct { const char *text; int first, last; const char *proto; } good[] = {
        { "80", 80, 80, "tcp" }, { "80/udp", 80, 80, "udp" }, { "8000-8010/sctp", 8000, 8010, "sctp" },
        { "1-65535", 1, 65535, "tcp" },
    };
    static const char *const bad[] = { "", "80:80", "x", "80/", "80/icmp", "90-80", "80-", "-80", "65536", "80/tcp/x", " 80" };
    struct filter_ports p;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(filter_ports_parse(good[i].text, &p));
        assert_int_equal(p.first, good[i].first);
        assert_int_equal(p.last, good[i].last);
        assert_string_equal(p.proto, good[i].proto);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(filter_ports_parse(bad[i], &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_encodings_say_the_same),
        cmocka_unit_test(nothing_is_no_filter),
        cmocka_unit_test(bad_documents_are_invalid),
        cmocka_unit_test(an_unknown_filter_is_named),
        cmocka_unit_test(all_labels_have_to_match),
        cmocka_unit_test(names_match_by_expression_or_substring),
        cmocka_unit_test(costly_expressions_are_plain_text),
        cmocka_unit_test(booleans_are_gos),
        cmocka_unit_test(ports_are_numbers_ranges_and_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
