/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "store/image.h"

#include <string.h>

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define ID(c) "sha256:" HEX(c)

/* Reserve a layer and make it ready. Returns 1, or 0 when an equal one was there; *n is the number to use. */
static int add_layer(struct store_tx *tx, const char *diff_id, const char *blob, int64_t *n)
{
    struct layer_row l = { .size = 10, .tar_size = 20, .blob_size = 5 };
    (void)snprintf(l.diff_id, sizeof l.diff_id, "%s", diff_id);
    (void)snprintf(l.blob, sizeof l.blob, "%s", blob);
    OK(layer_row_reserve(tx, diff_id, &l.n, &err));
    OK(blob_row_put(tx, blob, 5, "type", &err));
    struct creel_err why = { 0 };
    return layer_row_ready(tx, &l, n, &why);
}

static void add_image(struct store *s, const char *id, const char *diff_id, const char *blob, const char *name)
{
    auto_tx tx = { 0 };
    int64_t n;
    OK(store_begin(s, &tx, &err));
    assert_true(add_layer(&tx, diff_id, blob, &n) >= 0);
    struct image_row r = { .config = (char *)"{}", .labels = (char *)"{\"a\":\"b\"}", .created_ns = 7, .size = 10 };
    (void)snprintf(r.id, sizeof r.id, "%s", id);
    const struct image_layer layer = { .n = n, .blob = blob };
    assert_int_equal(image_row_insert(&tx, &r, &layer, 1, NULL), 1);
    if (name != NULL)
        OK(image_name_put(&tx, name, id, 99, NULL, &err));
    OK(store_commit(&tx, &err));
}

static void numbers_of_layers_are_never_used_twice(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    int64_t first, second;
    for (int round = 0; round < 2; round++) {
        auto_tx tx = { 0 };
        OK(store_begin(s, &tx, &err));
        OK(layer_row_reserve(&tx, ID("1"), round == 0 ? &first : &second, &err));
        assert_int_equal(layer_row_unreserve(&tx, round == 0 ? first : second, NULL), 1);
        OK(store_commit(&tx, &err));
    }
    assert_true(second > first);
}

static void equal_layers_become_one(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    auto_tx tx = { 0 };
    int64_t a, b;
    OK(store_begin(s, &tx, &err));
    assert_int_equal(add_layer(&tx, ID("1"), ID("a"), &a), 1);
    assert_int_equal(add_layer(&tx, ID("1"), ID("b"), &b), 0);
    assert_int_equal(a, b);
    OK(store_commit(&tx, &err));
    assert_int_equal(query_int(s, "SELECT count(*) FROM layers"), 1); /* the second reservation is gone */
}

static void an_image_reads_as_it_was_written(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    auto_image_row r = { .rev = 0 };
    struct layer_row l;
    char id[72];
    add_image(s, ID("1"), ID("2"), ID("3"), "docker.io/library/x:1");
    OK(image_row_get(s, ID("1"), &r, &err));
    assert_string_equal(r.config, "{}");
    assert_string_equal(r.labels, "{\"a\":\"b\"}");
    assert_int_equal(r.created_ns, 7);
    assert_int_equal(r.tagged_ns, 99);
    assert_int_equal(layer_row_find(s, ID("2"), &l, NULL), 1);
    assert_string_equal(l.blob, ID("3"));
    assert_int_equal(l.tar_size, 20);
    assert_int_equal(image_name_get(s, "docker.io/library/x:1", id, NULL), 1);
    assert_string_equal(id, ID("1"));
    assert_int_equal(image_name_get(s, "docker.io/library/x:2", id, NULL), 0);
    assert_int_equal(layer_row_find(s, ID("9"), &l, NULL), 0);
    FAILS(CREEL_NOT_FOUND, image_row_get(s, ID("9"), &r, &err));
}

static void ids_are_found_by_prefix(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    char id[72];
    add_image(s, ID("a"), ID("1"), ID("2"), NULL);
    add_image(s, "sha256:abcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", ID("1"), ID("2"), NULL);
    add_image(s, ID("f"), ID("1"), ID("2"), NULL);
    assert_int_equal(image_row_by_prefix(s, "a", id, NULL), 2);
    assert_int_equal(image_row_by_prefix(s, "ab", id, NULL), 1);
    assert_int_equal(image_row_by_prefix(s, "f", id, NULL), 1);
    assert_string_equal(id, ID("f"));
    assert_int_equal(image_row_by_prefix(s, HEX("a"), id, NULL), 1);
    assert_int_equal(image_row_by_prefix(s, "b", id, NULL), 0);
}

static void a_name_moves(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    char old[72];
    add_image(s, ID("1"), ID("5"), ID("6"), "n:1");
    add_image(s, ID("2"), ID("5"), ID("6"), NULL);
    auto_tx tx = { 0 };
    OK(store_begin(s, &tx, &err));
    OK(image_name_put(&tx, "n:1", ID("2"), 1, old, &err));
    assert_string_equal(old, ID("1"));
    OK(image_name_put(&tx, "m:1", ID("2"), 1, old, &err));
    assert_string_equal(old, "");
    OK(store_commit(&tx, &err));
    OK(image_name_get(s, "n:1", old, &err));
    assert_string_equal(old, ID("2"));
}

struct swept { int layers, blobs; int64_t bytes; };

static int count_layer(void *arg, int64_t n, int64_t size)
{
    (void)n;
    ((struct swept *)arg)->layers++;
    ((struct swept *)arg)->bytes += size;
    return 0;
}

static int count_blob(void *arg, const char *digest, int64_t size)
{
    assert_string_equal(digest, ID("b"));
    ((struct swept *)arg)->blobs++;
    ((struct swept *)arg)->bytes += size;
    return 0;
}

static void only_what_nothing_refers_to_is_swept(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct swept swept = { 0 };
    int64_t reserved;
    char id[72];
    add_image(s, ID("1"), ID("5"), ID("a"), "one:1");
    add_image(s, ID("2"), ID("5"), ID("a"), NULL);      /* shares its layer with the first */
    add_image(s, ID("3"), ID("6"), ID("b"), "three:1");
    auto_tx tx = { 0 };
    OK(store_begin(s, &tx, &err));
    OK(layer_row_reserve(&tx, ID("7"), &reserved, &err)); /* somebody is at work */
    OK(image_row_delete(&tx, ID("1"), &err));
    OK(image_row_delete(&tx, ID("3"), &err));
    OK(image_sweep(&tx, count_layer, count_blob, &swept, &err));
    OK(store_commit(&tx, &err));
    assert_int_equal(swept.layers, 1);
    assert_int_equal(swept.blobs, 1);
    assert_int_equal(swept.bytes, 15);
    assert_int_equal(image_name_get(s, "three:1", id, NULL), 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM layers"), 2);
    assert_intact(s);
}

int main(int argc, char **argv)
{
    child_main(argc, argv, NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_of_layers_are_never_used_twice, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(equal_layers_become_one, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_image_reads_as_it_was_written, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(ids_are_found_by_prefix, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_name_moves, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(only_what_nothing_refers_to_is_swept, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
