/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_out.h"
#include "cli/table.h"

#include "../check.h"

#include <string.h>

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    auto_bytes out = BYTES_INIT;
    const char cells[] = "CONTAINER ID\tIMAGE\tNAMES\nabc\ta-very-long-image-name\tx\n";
    table_align(&out, cells, strlen(cells), 10);
    assert_string_equal(bytes_str(&out), "CONTAINER ID   IMAGE                    NAMES\n"
                                         "abc            a-very-long-image-name   x\n");
}

static void width_counts_cells_not_bytes(void **state)
{
    assert_int_equal(text_width("abc", 3), 3);
    assert_int_equal(text_width("\xc3\xa9", 2), 1);                 /* e acute */
    assert_int_equal(text_width("e\xcc\x81", 3), 1);                /* e, combining acute */
    assert_int_equal(text_width("\xe6\xbc\xa2\xe5\xad\x97", 6), 4); /* two ideographs */
    assert_int_equal(text_width("\xf0\x9f\x9a\xa2", 4), 2);         /* ship */
    assert_int_equal(text_width("\xff\xfe", 2), 2);
    auto_bytes out = BYTES_INIT;
    const char cells[] = "\xe6\xbc\xa2\tx\na\ty\n";
    table_align(&out, cells, strlen(cells), 0);
    assert_string_equal(bytes_str(&out), "\xe6\xbc\xa2   x\na    y\n");
}

static void control_characters_are_made_visible(void **state)
{
    static const struct { const char *in; size_t len; enum text_escape how; const char *want; } s[] = {
        { "plain", 5, TEXT_ESCAPE_ALL, "plain" },
        { "a\x1b[31mb\n\t\r\x7f", 11, TEXT_ESCAPE_ALL, "a\\x1b[31mb\\n\\t\\r\\x7f" },
        { "a\nb\tc\x1b", 6, TEXT_ESCAPE_LINES, "a\nb\tc\\x1b" },
        { "\xc2\x9b" "31m", 5, TEXT_ESCAPE_ALL, "\\u009b31m" },          /* the one-byte CSI */
        { "\xe2\x80\xae" "abc", 6, TEXT_ESCAPE_ALL, "\\u202eabc" },      /* right-to-left override */
        { "\xff\xc3(", 3, TEXT_ESCAPE_ALL, "\\xff\\xc3(" },
        { "\xed\xa0\x80", 3, TEXT_ESCAPE_ALL, "\\xed\\xa0\\x80" },       /* half of a surrogate pair */
        { "\xc0\xaf", 2, TEXT_ESCAPE_ALL, "\\xc0\\xaf" },                /* over-long */
        { "caf\xc3\xa9", 5, TEXT_ESCAPE_ALL, "caf\xc3\xa9" },
        { "\x1b", 1, TEXT_ESCAPE_NONE, "\x1b" },
        { "a\0b", 3, TEXT_ESCAPE_ALL, "a\\x00b" },
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        auto_bytes out = BYTES_INIT;
        text_escape(&out, s[i].in, s[i].len, s[i].how);
        assert_string_equal(bytes_str(&out), s[i].want);
    }
}

static void ellipsis_keeps_the_length(void **state)
{
    auto_bytes out = BYTES_INIT;
    text_ellipsis(&out, "12345678901234567890", 20, 20);
    assert_string_equal(bytes_str(&out), "12345678901234567890");
    bytes_reset(&out);
    text_ellipsis(&out, "123456789012345678901", 21, 20);
    assert_string_equal(bytes_str(&out), "1234567890123456789\xe2\x80\xa6");
    bytes_reset(&out);
    text_ellipsis(&out, "\xc3\xa9\xc3\xa9\xc3\xa9", 6, 2);
    assert_string_equal(bytes_str(&out), "\xc3\xa9\xe2\x80\xa6");
}

static void json_is_indented_as_docker_does(void **state)
{
    auto_bytes out = BYTES_INIT;
    const char text[] = "{\"a\": {}, \"b\":[ ] ,\"c\":[1,2.50,\"x,{\\\"}\"],\"d\":{\"e\":null}}";
    json_out_indent(text, strlen(text), 4, &out);
    assert_string_equal(bytes_str(&out), "{\n        \"a\": {},\n        \"b\": [],\n        \"c\": [\n            1,\n"
                                         "            2.50,\n            \"x,{\\\"}\"\n        ],\n        \"d\": {\n"
                                         "            \"e\": null\n        }\n    }");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell), cmocka_unit_test(width_counts_cells_not_bytes),
        cmocka_unit_test(control_characters_are_made_visible),      cmocka_unit_test(ellipsis_keeps_the_length),
        cmocka_unit_test(json_is_indented_as_docker_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
