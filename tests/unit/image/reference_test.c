/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "image/reference.h"

#include <string.h>

static const struct {
    const char *text, *name, *tag, *digest, *familiar;
} good[] = {
#define D "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    { "busybox", "docker.io/library/busybox", "", "", "busybox" },
    { "busybox:1.36", "docker.io/library/busybox", "1.36", "", "busybox:1.36" },
    { "library/busybox", "docker.io/library/busybox", "", "", "busybox" },
    { "docker.io/busybox", "docker.io/library/busybox", "", "", "busybox" },
    { "index.docker.io/busybox", "docker.io/library/busybox", "", "", "busybox" },
    { "a/b", "docker.io/a/b", "", "", "a/b" },
    { "docker.io/a/b/c:x", "docker.io/a/b/c", "x", "", "a/b/c:x" },
    { "docker.io/library/a/b", "docker.io/library/a/b", "", "", "library/a/b" },
    { "localhost/x", "localhost/x", "", "", "localhost/x" },
    { "localhost:5000/x", "localhost:5000/x", "", "", "localhost:5000/x" },
    { "Reg/x:T", "Reg/x", "T", "", "Reg/x:T" },
    { "reg.io/x/y_z__a-b---c.d:v1.0_X-y", "reg.io/x/y_z__a-b---c.d", "v1.0_X-y", "", "reg.io/x/y_z__a-b---c.d:v1.0_X-y" },
    { "[::1]:5000/x", "[::1]:5000/x", "", "", "[::1]:5000/x" },
    { "127.0.0.1:5055/a/b:1", "127.0.0.1:5055/a/b", "1", "", "127.0.0.1:5055/a/b:1" },
    { "busybox@" D, "docker.io/library/busybox", "", D, "busybox@" D },
    { "busybox:1@" D, "docker.io/library/busybox", "1", D, "busybox:1" },
    { "localhost", "docker.io/library/localhost", "", "", "localhost" },
    { "docker.io/reg.io/x", "docker.io/reg.io/x", "", "", "docker.io/reg.io/x" },
    { "docker.io/localhost/x", "docker.io/localhost/x", "", "", "docker.io/localhost/x" },
#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    { "docker.io/" HEX, "docker.io/library/" HEX, "", "", "docker.io/library/" HEX },
};

static const char *const bad[] = {
    "", ":", "/", "a//b", "/a", "a/", "A", "a/B", "a:", "a:.x", "a:-x", "a:x y", "a b", "a_", "_a", "a..b", "a___b", "a.-b", "-a",
    "a@", "a@sha256:", "a@sha512:aa", "a@" D "a", "a@SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "../x", "a/../b", "reg.io:/x", "reg.io:x/y", "-reg.io/x", "reg-.io/x", "reg..io/x", "[::1/x", "[]/x", "a\n", "a:b\n", "a%2fb",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\xc3\xa4", "a:b:c", "a@b@c",
};

static void names_are_normalised(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct reference r, again;
        struct creel_err err = { 0 };
        char text[REFERENCE_TEXT_MAX];
        if (reference_parse(good[i].text, &r, &err) < 0)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_string_equal(r.name, good[i].name);
        assert_string_equal(r.tag, good[i].tag);
        assert_string_equal(r.digest, good[i].digest);
        assert_string_equal(reference_print_familiar(&r, text), good[i].familiar);
        /* what people are shown means the same again */
        assert_int_equal(reference_parse(text, &again, &err), 0);
        assert_string_equal(again.name, r.name);
        assert_string_equal(again.tag, r.tag);
    }
}

static void malformed_names_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reference r;
        struct creel_err err = { 0 };
        if (reference_parse(bad[i], &r, &err) == 0)
            fail_msg("\"%s\" was accepted as %s", bad[i], r.name);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_non_null(strstr(err.text, "invalid reference format"));
    }
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    struct reference r;
    char text[600];
    memset(text, 'a', sizeof text);
    text[237] = '\0'; /* docker.io/library/ and 237 make 255 */
    assert_int_equal(reference_parse(text, &r, NULL), 0);
    text[237] = 'a';
    text[238] = '\0';
    assert_int_equal(reference_parse(text, &r, NULL), -1);
    memcpy(text, "x:", 2);
    memset(text + 2, 'b', 129);
    text[130] = '\0';
    assert_int_equal(reference_parse(text, &r, NULL), 0);
    text[130] = 'b';
    text[131] = '\0';
    assert_int_equal(reference_parse(text, &r, NULL), -1);
}

static void latest_is_added_only_where_nothing_is_said(void **state)
{
    (void)state;
    struct reference r;
    assert_int_equal(reference_parse_tagged("x", &r, NULL), 0);
    assert_string_equal(r.tag, "latest");
    assert_int_equal(reference_parse_tagged("x:1", &r, NULL), 0);
    assert_string_equal(r.tag, "1");
    assert_int_equal(reference_parse_tagged("x@" D, &r, NULL), 0);
    assert_string_equal(r.tag, "");
}

static void globs_match_familiar_and_full_names(void **state)
{
    (void)state;
    static const struct { const char *ref, *pattern; int want; } cases[] = {
        { "busybox:1", "busybox", 1 }, { "busybox:1", "busy*", 1 }, { "busybox:1", "busybox:1", 1 }, { "busybox:1", "*:1", 1 },
        { "busybox:1", "busybox:2", 0 }, { "busybox:1", "docker.io/library/busybox", 1 }, { "a/b:1", "*", 0 },
        { "a/b:1", "*/*", 1 }, { "a/b:1", "a/?:1", 1 }, { "a/b:1", "[", -1 }, { "a/b:1", "[a-c]/b", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reference r;
        assert_int_equal(reference_parse(cases[i].ref, &r, NULL), 0);
        if (reference_matches(&r, cases[i].pattern) != cases[i].want)
            fail_msg("%s against %s", cases[i].ref, cases[i].pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_normalised),
        cmocka_unit_test(malformed_names_are_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(latest_is_added_only_where_nothing_is_said),
        cmocka_unit_test(globs_match_familiar_and_full_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
