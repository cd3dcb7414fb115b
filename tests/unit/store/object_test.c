/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#define A "99b36c2c326ccc11e726eee6ee78a0baf166ef96"

static void assert_resolves(struct store *s, const char *ref, const char *want)
{
    char id[65] = "";
    OK(container_row_resolve(s, ref, id, &err));
    assert_string_equal(id, want);
}

static void a_name_belongs_to_one_object(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    add_container(s, "c1", "web");
    struct container_row r = sample_row("c2", "web");
    char holder[65] = "";
    auto_tx tx = { 0 };
    struct creel_err why = { 0 };
    OK(store_begin(s, &tx, &err));
    assert_int_equal(container_row_insert(&tx, &r, holder, &why), -1);
    assert_int_equal(why.kind, CREEL_CONFLICT);
    assert_string_equal(holder, "c1");
    assert_non_null(strstr(why.text, "\"/web\" is already in use by container \"c1\""));
    free(r.name);
    r.name = strdup("web2"); /* the transaction goes on, as for drawing another name */
    OK(container_row_insert(&tx, &r, holder, &err));
    OK(store_commit(&tx, &err));
    container_row_fini(&r);
    assert_resolves(s, "web2", "c2");
}

static void an_id_belongs_to_one_object_of_any_kind(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    auto_tx tx = { 0 };
    int64_t n;
    OK(store_begin(s, &tx, &err));
    OK(object_insert(&tx, OBJECT_POD, "p1", "pod", NULL, &n, NULL, &err));
    FAILS(CREEL_CONFLICT, object_insert(&tx, OBJECT_CONTAINER, "p1", "other", NULL, &n, NULL, &err));
    FAILS(CREEL_CONFLICT, object_insert(&tx, OBJECT_CONTAINER, "c1", "pod", NULL, &n, NULL, &err));
    char id[65];
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, "pod", id, &err)); /* a pod is no container */
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, "p1", id, &err));
    OK(store_commit(&tx, &err));
}

static void rename_frees_the_old_name_at_once(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    add_container(s, "c1", "one");
    add_container(s, "c2", "two");
    struct container_row r;
    OK(container_row_get(s, "c1", &r, &err));
    char holder[65] = "";
    auto_tx tx = { 0 };
    OK(store_begin(s, &tx, &err));
    FAILS(CREEL_CONFLICT, container_row_rename(&tx, &r, "two", holder, &err));
    assert_string_equal(holder, "c2");
    assert_string_equal(r.name, "one");
    OK(container_row_rename(&tx, &r, "uno", holder, &err));
    assert_string_equal(r.name, "uno");
    OK(store_commit(&tx, &err));
    assert_int_equal(r.spec_rev, 3);
    container_row_fini(&r);
    add_container(s, "c3", "one");
    assert_resolves(s, "uno", "c1");
    assert_resolves(s, "/one", "c3");
}

static void delete_frees_the_name_and_everything_of_the_container(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    add_container(s, "c1", "one");
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(container_row_delete(&tx, "c1", &err));
    FAILS(CREEL_NOT_FOUND, container_row_delete(&tx, "c1", &err));
    OK(store_commit(&tx, &err));
    assert_int_equal(query_int(s, "SELECT (SELECT count(*) FROM objects)+(SELECT count(*) FROM containers)"
                                  "+(SELECT count(*) FROM specs)"), 0);
    add_container(s, "c1", "one");
}

/* moby-container.md 20.4, "Prefix search" */
static void prefixes_resolve_while_they_are_unique(void **state)
{
    static const char *const bad[] = { "abracadabra", "", "26eee6ee78a0baf166ef96", "/" };
    static const size_t good[] = { 1, 4, 6, 7, 15, 20, 40 };
    struct store *s = ((struct fixture *)*state)->s;
    char id[65], part[65];
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, A, id, &err));
    add_container(s, A, "first");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(container_row_resolve(s, bad[i], id, NULL), -1);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        (void)snprintf(part, sizeof part, "%.*s", (int)good[i], A);
        assert_resolves(s, part, A);
    }
    char b[65];
    (void)snprintf(b, sizeof b, "%.6sblabla", A);
    add_container(s, b, "second");
    assert_resolves(s, A, A);
    assert_resolves(s, b, b);
    for (int n = 4; n <= 6; n += 2) {
        struct creel_err err = { 0 };
        (void)snprintf(part, sizeof part, "%.*s", n, A);
        assert_int_equal(container_row_resolve(s, part, id, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        assert_non_null(strstr(err.text, "multiple IDs found with provided prefix: 99b3"));
        assert_non_null(strstr(err.text, "first"));
        assert_non_null(strstr(err.text, "second"));
    }
    (void)snprintf(part, sizeof part, "%.7s", A);
    assert_resolves(s, part, A);
    (void)snprintf(part, sizeof part, "%.7s", b);
    assert_resolves(s, part, b);
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(container_row_delete(&tx, b, &err));
    OK(store_commit(&tx, &err));
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, b, id, &err));
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, part, id, &err));
    (void)snprintf(part, sizeof part, "%.6s", A);
    assert_resolves(s, part, A);
}

/* moby-container.md 20.4, "Reference lookup" */
static void a_full_id_beats_a_name_beats_a_prefix(void **state)
{
    static const char c1[] = "5a4ff6a163ad4533d22d69a2b8960bf7fafdcba06e72d2febdba229008b0bf57";
    static const char c2[] = "3cdbd1aa394fd68559fd1441d6eff2ab7c1e6363582c82febfaa8045df3bd8de";
    static const char c3[] = "3cdbd1aa394fd68559fd1441d6eff2abfafdcba06e72d2febdba229008b0bf57";
    static const char c4[] = "75fb0b800922abdbef2d27e60abcdfaf7fb0698b2a96d22d3354da361a6ff4a5";
    static const char c5[] = "d22d69a2b8960bf7fafdcba06e72d2febdba960bf7fafdcba06e72d2f9008b06";
    struct store *s = ((struct fixture *)*state)->s;
    char id[65];
    add_container(s, c1, "tender_bardeen");
    add_container(s, c2, "drunk_hawking");
    add_container(s, c3, "3cdbd1aa");
    add_container(s, c4, c1);
    add_container(s, c5, "d22d69a2b896");
    assert_resolves(s, c2, c2);
    assert_resolves(s, "75fb0b8009", c4);
    assert_resolves(s, "drunk_hawking", c2);
    assert_resolves(s, "/drunk_hawking", c2);
    assert_resolves(s, "3cdbd1aa", c3);
    assert_resolves(s, "d22d69a2b896", c5);
    assert_resolves(s, c1, c1);
    FAILS(CREEL_INVALID, container_row_resolve(s, "3cdbd1", id, &err));
    FAILS(CREEL_NOT_FOUND, container_row_resolve(s, "nothing", id, &err));
}

static void many_candidates_are_cut_short(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    for (int i = 0; i < 12; i++) {
        char id[65], name[16];
        (void)snprintf(id, sizeof id, "ab%062d", i);
        (void)snprintf(name, sizeof name, "n%02d", i);
        add_container(s, id, name);
    }
    char id[65];
    struct creel_err err = { 0 };
    assert_int_equal(container_row_resolve(s, "ab", id, &err), -1);
    assert_non_null(strstr(err.text, "n07"));
    assert_null(strstr(err.text, "n08"));
    assert_non_null(strstr(err.text, "…"));
}

static void odd_references_are_not_found(void **state)
{
    static const char *const odd[] = { "\xff", "%", "_", "' OR 1=1", "//x", "a/b",
                                       "99999999999999999999999999999999999999999999999999999999999999999999999" };
    struct store *s = ((struct fixture *)*state)->s;
    char id[65];
    add_container(s, "c1", "one");
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        FAILS(CREEL_NOT_FOUND, container_row_resolve(s, odd[i], id, &err));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_belongs_to_one_object),
        TEST(an_id_belongs_to_one_object_of_any_kind),
        TEST(rename_frees_the_old_name_at_once),
        TEST(delete_frees_the_name_and_everything_of_the_container),
        TEST(prefixes_resolve_while_they_are_unique),
        TEST(a_full_id_beats_a_name_beats_a_prefix),
        TEST(many_candidates_are_cut_short),
        TEST(odd_references_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
