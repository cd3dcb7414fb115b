/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "wire/log_json.h"

#include <string.h>

/* Encode one record; text is copied so that it has its slack. */
static char *encode(const char *stream, const char *attrs, int64_t ns, const char *text, size_t len, bool newline)
{
    struct log_json_tail t;
    assert_true(log_json_tail_init(&t, stream, attrs));
    log_json_tail_time(&t, ns);
    auto_free char *in = calloc(1, len + LOG_SLACK);
    char *out = calloc(1, log_json_bound(&t, len) + LOG_SLACK);
    assert_non_null(in);
    assert_non_null(out);
    memcpy(in, text, len);
    memset(in + len, '"', LOG_SLACK); /* must not be looked at */
    *log_json_encode(out, &t, in, len, newline) = '\0';
    log_json_tail_fini(&t);
    return out;
}

static void expect(const char *stream, const char *attrs, int64_t ns, const char *text, bool newline,
                   const char *want)
{
    auto_free char *got = encode(stream, attrs, ns, text, strlen(text), newline);
    assert_string_equal(got, want);
}

static void records_have_dockers_form(void **state)
{
    (void)state;
    expect("src1", NULL, 0, "line1", true,
           "{\"log\":\"line1\\n\",\"stream\":\"src1\",\"time\":\"0001-01-01T00:00:00Z\"}\n");
    expect("stderr", NULL, 1432897262000000003, "x", true,
           "{\"log\":\"x\\n\",\"stream\":\"stderr\",\"time\":\"2015-05-29T11:01:02.000000003Z\"}\n");
    expect("stdout", NULL, 1432897262500000000, "x", false,
           "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2015-05-29T11:01:02.5Z\"}\n");
    expect("stdout", "{\"tag\":\"a7317399f3f8/test-container\"}", 0, "", true,
           "{\"log\":\"\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"a7317399f3f8/test-container\"},"
           "\"time\":\"0001-01-01T00:00:00Z\"}\n");
}

static void empty_members_are_left_out_except_time(void **state)
{
    (void)state;
    expect("", "{}", 0, "", false, "{\"time\":\"0001-01-01T00:00:00Z\"}\n");
}

static void escapes_are_dockers(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        { "& < >", "\\u0026 \\u003c \\u003e" },
        { "a\rb", "a\\rb" },
        { "tab\there", "tab\\u0009here" },
        { "\x01\x1f\x1b", "\\u0001\\u001f\\u001b" },
        { "\"quoted\\\"", "\\\"quoted\\\\\\\"" },
        { "\xaf", "\\ufffd" },
        { "a\xff\xfez", "a\\ufffd\\ufffdz" },
        { "\x7f", "\x7f" },
        { "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\\u2028\\u2029\xe2\x80\xaa" },
        { "\xf0\x9f\x98\x80 \xce\xb1\xce\xb2", "\xf0\x9f\x98\x80 \xce\xb1\xce\xb2" },
        { "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },           /* a surrogate */
        { "\xc0\xaf", "\\ufffd\\ufffd" },                       /* too long a form */
        { "cut \xf0\x9f\x98", "cut \\ufffd\\ufffd\\ufffd" },
        { "0123456789abcde\"0123456789abcdef<", "0123456789abcde\\\"0123456789abcdef\\u003c" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[256];
        (void)snprintf(want, sizeof want, "{\"log\":\"%s\",\"stream\":\"s\",\"time\":\"0001-01-01T00:00:00Z\"}\n",
                       cases[i].out);
        expect("s", NULL, 0, cases[i].in, false, want);
    }
}

static void nul_bytes_are_escaped(void **state)
{
    (void)state;
    auto_free char *got = encode("s", NULL, 0, "a\0b", 3, false);
    assert_string_equal(got, "{\"log\":\"a\\u0000b\",\"stream\":\"s\",\"time\":\"0001-01-01T00:00:00Z\"}\n");
}

static bool decode(const char *line, struct log_record *r, char *buf, size_t size)
{
    static struct log_clock clock;
    assert_true(strlen(line) + LOG_SLACK < size);
    memset(buf, '"', size);
    memcpy(buf, line, strlen(line));
    return log_json_decode(&clock, buf, strlen(line), r);
}

static void decoding_undoes_every_escape(void **state)
{
    (void)state;
    char buf[512];
    struct log_record r;
    assert_true(decode(
        "{\"log\":\"\\u0026\\u003c\\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00\\ud83dx\\u00e9 rest of the text\\n\","
        "\"stream\":\"stderr\",\"attrs\":{\"a\":\"}\\\"{\",\"b\":[1,{\"c\":\"]\"}]},"
        "\"time\":\"2015-05-29T11:01:02.000000003Z\"}",
        &r, buf, sizeof buf));
    const char *want = "&<\"\\/\b\f\n\r\t\xf0\x9f\x98\x80\xef\xbf\xbdx\xc3\xa9 rest of the text\n";
    assert_int_equal(r.len, strlen(want));
    assert_memory_equal(r.data, want, r.len);
    assert_int_equal(r.stream, 2);
    assert_true(r.time_ns == 1432897262000000003);
    assert_string_equal(r.attrs, "{\"a\":\"}\\\"{\",\"b\":[1,{\"c\":\"]\"}]}");
}

static void members_may_come_in_any_order_with_others_between(void **state)
{
    (void)state;
    char buf[512];
    struct log_record r;
    assert_true(
        decode("{\"time\":\"2015-05-29T13:01:02+02:00\",\"x\":[1,2,{\"y\":null}],\"n\":-1.5e3,\"stream\":\"stdout\","
               "\"log\":\"abc\"}",
               &r, buf, sizeof buf));
    assert_int_equal(r.stream, 1);
    assert_int_equal(r.len, 3);
    assert_true(r.time_ns == 1432897262000000000);
    assert_null(r.attrs);
    assert_true(decode("{\"time\":\"0001-01-01T00:00:00Z\"}", &r, buf, sizeof buf));
    assert_int_equal(r.len, 0);
}

static void what_is_not_a_record_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "x", "[]", "{\"log\":\"abc", "{\"log\":\"abc\"", "{\"log\":\"abc\\\"}", "{\"log\":\"a\\x\"}",
        "{\"log\":\"a\\u12\"}", "{\"log\":\"a\\u12g4\"}", "{\"log\":1}", "{\"log\":\"a\"}{}", "{\"log\":\"a\",}",
        "{\"log\" \"a\"}", "{\"time\":\"yesterday\"}", "{\"attrs\":{\"a\":1}", "{\"log\":\"a\"", "{\"log\":\"a\\",
    };
    char buf[512];
    struct log_record r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (decode(bad[i], &r, buf, sizeof buf))
            fail_msg("accepted: %s", bad[i]);
}

static void a_record_cut_anywhere_is_not_a_record(void **state)
{
    (void)state;
    auto_free char *line = encode("stdout", "{\"k\":\"v\"}", 1432897262000000003, "some <text> \"here\"", 18, true);
    char buf[512];
    struct log_record r;
    size_t len = strlen(line) - 1;
    line[len] = '\0';
    assert_true(decode(line, &r, buf, sizeof buf));
    while (len-- > 0) {
        line[len] = '\0';
        assert_false(decode(line, &r, buf, sizeof buf));
    }
}

static void time_stamps_are_read_across_seconds(void **state)
{
    (void)state;
    struct log_clock c = { 0 };
    int64_t ns;
    static const struct { const char *text; int64_t ns;
    } cases[] = {
        {"2015-05-29T11:01:02.000000003Z", 1432897262000000003},
        {"2015-05-29T11:01:02.5Z", 1432897262500000000},
        {"2015-05-29T11:01:02Z", 1432897262000000000},
        {"2015-05-29T11:01:03.1Z", 1432897263100000000},
        {"2015-05-29T11:01:02+01:00", 1432893662000000000},
        {"2015-05-29T11:01:02.123456789Z", 1432897262123456789},
        {"0001-01-01T00:00:00Z", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(log_clock_parse(&c, cases[i].text, strlen(cases[i].text), &ns));
        assert_true(ns == cases[i].ns);
    }
    assert_false(log_clock_parse(&c, "2015-05-29T11:01:02.Z", 21, &ns));
    assert_false(log_clock_parse(&c, "2015-05-29T11:01:02.xZ", 22, &ns));
    assert_false(log_clock_parse(&c, "", 0, &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_have_dockers_form),
        cmocka_unit_test(empty_members_are_left_out_except_time),
        cmocka_unit_test(escapes_are_dockers),
        cmocka_unit_test(nul_bytes_are_escaped),
        cmocka_unit_test(decoding_undoes_every_escape),
        cmocka_unit_test(members_may_come_in_any_order_with_others_between),
        cmocka_unit_test(what_is_not_a_record_is_refused),
        cmocka_unit_test(a_record_cut_anywhere_is_not_a_record),
        cmocka_unit_test(time_stamps_are_read_across_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
