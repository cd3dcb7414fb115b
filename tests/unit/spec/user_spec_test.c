/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "spec/user_spec.h"

#include <stdio.h>
#include <string.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# a comment\n"
                             "broken\n"
                             "bad:x:notanumber:0::/:\n"
                             "big:x:4294967295:0::/:\n"
                             "1000:x:0:0::/trap:\n" /* a name that looks like an id */
                             "web:x:33:34:web:/srv/web:/bin/false\n"
                             "nohome:x:40:41\n"
                             "escape:x:50:50::/a\x1b[0m:\n"
                             "last:x:60:61::/last:/bin/sh";
static const char group[] = "root:x:0:\nbin:x:1:root,daemon,web\nweb:x:34:\nwheel:x:10:root\naudio:x:63:webber,web\n7:x:99:\n"
                            "last:x:61:last";
static const struct user_database files = { passwd, group, sizeof passwd - 1, sizeof group - 1 };
static const struct user_database no_files = { NULL, NULL, 0, 0 };

struct row { const char *spec; bool with_files; const char *want; };

/* want: "uid:gid [groups] home", or "!" and a part of the message */
static const struct row rows[] = {
    { "", true, "0:0 [0,1,10] /root" },
    { "0", true, "0:0 [0,1,10] /root" },
    { "root", true, "0:0 [0,1,10] /root" },
    { "1000", true, "1000:0 [0] -" },                /* the id, not the user of that name */
    { "33", true, "33:34 [34,1,63] /srv/web" },
    { "web", true, "33:34 [34,1,63] /srv/web" },
    { "web:wheel", true, "33:10 [10] /srv/web" },    /* a group asked for: no memberships */
    { "web:0", true, "33:0 [0] /srv/web" },
    { "33:7", true, "33:7 [7] /srv/web" },           /* the id, not the group of that name */
    { "nohome", true, "40:41 [41] -" },
    { "escape", true, "50:50 [50] -" },              /* a home with control characters is none */
    { "last", true, "60:61 [61] /last" },            /* no newline at the end of either file */
    { "2147483648", true, "2147483648:0 [0] -" },
    { "4294967294", true, "4294967294:0 [0] -" },
    { "4294967295", true, "!out of range" },
    { "4294967296", true, "!out of range" },
    { "18446744073709551616", true, "!out of range" },
    { "0:4294967295", true, "!out of range" },
    { "-1", true, "!unable to find user -1" },
    { "+0", true, "!unable to find user +0" },
    { "0x0", true, "!unable to find user 0x0" },
    { " 1", true, "!unable to find user  1" },
    { "1:", true, "!invalid user '1:'" },
    { ":1", true, "!invalid user ':1'" },
    { "1:1:1", true, "!invalid user '1:1:1'" },
    { ":", true, "!invalid user ':'" },
    { "bad", true, "!unable to find user bad: no matching entries in passwd file" },
    { "big", true, "!unable to find user big" },
    { "broken", true, "!unable to find user broken" },
    { "root:nosuch", true, "!unable to find group nosuch: no matching entries in group file" },
    { "", false, "0:0 [0] -" },
    { "5:6", false, "5:6 [6] -" },
    { "root", false, "!unable to find user root" },
    { "0:root", false, "!unable to find group root" },
};

static void describe(const struct oci_user *u, const char *home, char *buf, size_t size)
{
    int n = snprintf(buf, size, "%u:%u [", u->uid, u->gid);
    for (size_t i = 0; i < u->additional_gid_count; i++)
        n += snprintf(buf + n, size - (size_t)n, "%s%u", i > 0 ? "," : "", u->additional_gids[i]);
    (void)snprintf(buf + n, size - (size_t)n, "] %s", home != NULL ? home : "-");
}

static void every_form_of_user_gives_its_ids_or_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct oci_user u = { 0 };
        auto_free char *home = NULL;
        char text[256];
        struct creel_err err = { 0 };
        int r = user_spec_resolve(rows[i].spec, rows[i].with_files ? &files : &no_files, NULL, &u, &home, &err);
        if (rows[i].want[0] == '!') {
            if (r == 0 || err.kind != CREEL_INVALID || strstr(err.text, rows[i].want + 1) == NULL)
                fail_msg("'%s': %s", rows[i].spec, r == 0 ? "accepted" : err.text);
            continue;
        }
        if (r < 0)
            fail_msg("'%s': %s", rows[i].spec, err.text);
        describe(&u, home, text, sizeof text);
        free(u.additional_gids);
        if (strcmp(text, rows[i].want) != 0)
            fail_msg("'%s': got %s, want %s", rows[i].spec, text, rows[i].want);
    }
}

static void added_groups_join_the_list_once(void **state)
{
    (void)state;
    auto_strv add = STRV_INIT;
    struct oci_user u = { 0 };
    auto_free char *home = NULL;
    char text[256];
    assert_true(strv_add(&add, "4242") && strv_add(&add, "wheel") && strv_add(&add, "34") && strv_add(&add, "4242"));
    assert_int_equal(user_spec_resolve("web", &files, &add, &u, &home, NULL), 0);
    describe(&u, home, text, sizeof text);
    free(u.additional_gids);
    assert_string_equal(text, "33:34 [34,1,63,4242,10] /srv/web");
    assert_true(strv_add(&add, "nosuch"));
    auto_free char *second = NULL;
    struct creel_err err = { 0 };
    assert_int_equal(user_spec_resolve("web", &files, &add, &u, &second, &err), -1);
    assert_string_equal(err.text, "unable to find group nosuch: no matching entries in group file");
}

static void hostile_files_end_with_an_answer(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    auto_free char *colons = malloc(SIZE);
    auto_free char *one_line = malloc(SIZE);
    assert_true(colons != NULL && one_line != NULL);
    memset(colons, ':', SIZE);
    memset(one_line, 'a', SIZE);
    for (size_t i = 0; i < SIZE; i += 2)
        colons[i] = '\n';
    const struct user_database bad[] = { { colons, colons, SIZE, SIZE }, { one_line, one_line, SIZE, SIZE }, { "", "", 0, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct oci_user u = { 0 };
        auto_free char *home = NULL;
        assert_int_equal(user_spec_resolve("7", &bad[i], NULL, &u, &home, NULL), 0);
        assert_int_equal(u.uid, 7);
        free(u.additional_gids);
        assert_int_equal(user_spec_resolve("name", &bad[i], NULL, &u, &home, NULL), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_user_gives_its_ids_or_an_error),
        cmocka_unit_test(added_groups_join_the_list_once),
        cmocka_unit_test(hostile_files_end_with_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
