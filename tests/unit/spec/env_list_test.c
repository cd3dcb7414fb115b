/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "spec/env_list.h"

#include <string.h>

/* Lists as texts with commas between the entries. */
static json_t *list_of(const char *text)
{
    auto_strv parts = STRV_INIT;
    json_t *list = json_array();
    if (text[0] != '\0')
        assert_true(strv_split(&parts, text, ','));
    for (size_t i = 0; i < parts.count; i++)
        json_array_append_new(list, json_string(parts.items[i]));
    return list;
}

static void check_list(const struct strv *v, const char *want)
{
    char text[512] = "";
    for (size_t i = 0; i < v->count; i++) {
        strncat(text, i > 0 ? "," : "", sizeof text - strlen(text) - 1);
        strncat(text, v->items[i], sizeof text - strlen(text) - 1);
    }
    assert_string_equal(text, want);
}

static void overrides_replace_append_and_remove(void **state)
{
    (void)state;
    static const struct { const char *list, *overrides, *want; } rows[] = {
        { "HOME=/,FOO=foo_default", "HOME=/root,TERM=xterm,FOO,BAR", "HOME=/root,TERM=xterm" },
        { "X=1", "A=1,A=2", "X=1,A=1,A=2" },            /* appended entries are not looked at again */
        { "FOO=a", "FOO,FOO=x", "FOO=x" },              /* replacing undoes the removal */
        { "FOO=a", "FOO=", "FOO=" },
        { "", "A=1", "A=1" },
        { "A=1,B=2,C=3", "B", "A=1,C=3" },
        { "A=1", "", "A=1" },
        { "A=1,A=2", "A=3", "A=1,A=3" },                /* of duplicates the last one counts */
        { "NOEQUALS", "A=1", "NOEQUALS,A=1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv v = STRV_INIT;
        auto_json overrides = list_of(rows[i].overrides);
        if (rows[i].list[0] != '\0')
            assert_true(strv_split(&v, rows[i].list, ','));
        assert_true(env_list_override(&v, overrides));
        check_list(&v, rows[i].want);
    }
}

static void image_entries_stay_below_the_users(void **state)
{
    (void)state;
    static const struct { const char *user, *image, *want; } rows[] = {
        { "VAR2=3,VAR3=3", "VAR1=1,VAR2=2", "[\"VAR2=3\",\"VAR3=3\",\"VAR1=1\"]" },
        { "FOO", "FOO=image,BAR=1", "[\"FOO\",\"BAR=1\"]" },
        { "", "PATHX,*,FOO*,=x,A=1", "[\"A=1\"]" },     /* an image cannot ask for names without a value */
        { "A=1", "", "[\"A=1\"]" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_json user = list_of(rows[i].user);
        auto_json image = list_of(rows[i].image);
        auto_json merged = env_list_merge_image(user, image);
        auto_free char *text = json_dumps(merged, JSON_COMPACT);
        assert_string_equal(text, rows[i].want);
    }
}

static void the_last_of_equal_names_stays(void **state)
{
    (void)state;
    auto_strv v = STRV_INIT;
    assert_true(strv_split(&v, "A=1,B=1,A=2,C=1,B=2", ','));
    assert_true(env_list_deduplicate(&v));
    check_list(&v, "A=2,C=1,B=2");
    assert_null(v.items[v.count]);
    assert_string_equal(env_list_get(&v, "B"), "2");
    assert_null(env_list_get(&v, "D"));
}

static void thousands_of_entries_are_merged_at_once(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    auto_strv v = STRV_INIT;
    auto_json overrides = json_array();
    for (int i = 0; i < MANY; i++) {
        assert_true(strv_addf(&v, "NAME_%d=old", i));
        json_array_append_new(overrides, json_sprintf("NAME_%d=new", i));
    }
    assert_true(env_list_override(&v, overrides));
    assert_true(env_list_deduplicate(&v));
    assert_int_equal(v.count, MANY);
    assert_string_equal(v.items[MANY - 1], "NAME_49999=new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrides_replace_append_and_remove),
        cmocka_unit_test(image_entries_stay_below_the_users),
        cmocka_unit_test(the_last_of_equal_names_stays),
        cmocka_unit_test(thousands_of_entries_are_merged_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
