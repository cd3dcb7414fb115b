/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "wire/log_cri.h"

#include <string.h>

static void records_are_full_or_partial(void **state)
{
    (void)state;
    char out[256];
    struct log_cri_head h;
    log_cri_head_print(&h, "stdout", 1475712429669794202);
    *log_cri_encode(out, &h, "log content", 11, true) = '\0';
    assert_string_equal(out, "2016-10-06T00:07:09.669794202Z stdout F log content\n");
    log_cri_head_print(&h, "stderr", 1475712429000000000);
    *log_cri_encode(out, &h, "piece", 5, false) = '\0';
    assert_string_equal(out, "2016-10-06T00:07:09.000000000Z stderr P piece\n");
}

static void decoding_gives_bytes_back(void **state)
{
    (void)state;
    struct log_clock c = { 0 };
    struct log_record r;
    const char full[] = "2016-10-06T00:17:09.669794202Z stdout F a  b\n",
               part[] = "2016-10-06T02:17:09+02:00 stderr P x\n";
    assert_true(log_cri_decode(&c, full, sizeof full - 2, &r));
    assert_int_equal(r.stream, 1);
    assert_int_equal(r.len, 5);
    assert_memory_equal(r.data, "a  b\n", 5);
    assert_true(log_cri_decode(&c, part, sizeof part - 2, &r));
    assert_int_equal(r.stream, 2);
    assert_int_equal(r.len, 1);
    const char tagged[] = "2016-10-06T00:17:09Z stdout P:x:y text\n", empty[] = "2016-10-06T00:17:09Z stdout F \n";
    assert_true(log_cri_decode(&c, tagged, sizeof tagged - 2, &r));
    assert_int_equal(r.len, 4);
    assert_true(log_cri_decode(&c, empty, sizeof empty - 2, &r));
    assert_int_equal(r.len, 1);
}

static void what_is_not_a_record_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\n", "x\n", "2016-10-06T00:17:09Z\n", "2016-10-06T00:17:09Z stdout\n",
                                       "2016-10-06T00:17:09Z stdxxx F x\n", "2016-10-06T00:17:09Z stdout X x\n",
                                       "2016-10-06T00:17:09Z stdout Fx x\n", "{\"log\":\"x\"}\n" };
    struct log_clock c = { 0 };
    struct log_record r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(log_cri_decode(&c, bad[i], strlen(bad[i]) - 1, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_full_or_partial),
        cmocka_unit_test(decoding_gives_bytes_back),
        cmocka_unit_test(what_is_not_a_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
