/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "runtime/runtime.h"
#include "runtime/seccomp.h"

#include <jansson.h>
#include <string.h>

static json_t *doc;

static int load(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(runtime_features(&text, NULL), 0);
    doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return doc == NULL;
}

static int unload(void **state)
{
    (void)state;
    json_decref(doc);
    return 0;
}

static json_t *get(const char *a, const char *b, const char *c)
{
    json_t *v = json_object_get(doc, a);
    v = b != NULL ? json_object_get(v, b) : v;
    v = c != NULL ? json_object_get(v, c) : v;
    assert_non_null(v);
    return v;
}

static bool has(json_t *list, const char *word)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        if (strcmp(json_string_value(v), word) == 0)
            return true;
    return false;
}

static void the_document_names_what_is_built_in(void **state)
{
    (void)state;
    assert_int_equal(json_array_size(get("hooks", NULL, NULL)), 6);
    assert_true(has(get("mountOptions", NULL, NULL), "rro"));
    assert_int_equal(json_array_size(get("linux", "namespaces", NULL)), OCI_NS_COUNT);
    assert_true(has(get("linux", "namespaces", NULL), "time"));
    assert_true(has(get("linux", "capabilities", NULL), "CAP_CHECKPOINT_RESTORE"));
    assert_true(json_is_true(get("linux", "cgroup", "v1")));
    assert_true(json_is_true(get("linux", "cgroup", "v2")));
}

/* Whatever the document lists is accepted by what it speaks of. */
static void what_is_listed_of_seccomp_is_accepted(void **state)
{
    (void)state;
    struct { const char *list; size_t count; } lists[] = { { "actions", 0 }, { "archs", 0 }, { "operators", 0 }, { "knownFlags", 0 } };
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        size_t i;
        json_t *v;
        json_array_foreach(get("linux", "seccomp", lists[l].list), i, v) {
            char *word = (char *)json_string_value(v), *call = (char *)"mkdir";
            struct oci_seccomp_arg arg = { .index = 0, .value = 1, .value_two = 1, .op = l == 2 ? word : (char *)"SCMP_CMP_EQ" };
            struct oci_syscall rule = { .names = { .items = &call, .count = 1 }, .action = l == 0 ? word : (char *)"SCMP_ACT_ERRNO",
                                        .args = &arg, .arg_count = 1 };
            struct oci_seccomp s = { .present = true, .default_action = (char *)"SCMP_ACT_ALLOW", .syscalls = &rule, .syscall_count = 1,
                                     .listener_path = (char *)"/x" };
            if (strcmp(rule.action, s.default_action) == 0)
                s.default_action = (char *)"SCMP_ACT_ERRNO";
            if (l == 1)
                s.architectures = (struct strv){ .items = &word, .count = 1 };
            if (l == 3)
                s.flags = (struct strv){ .items = &word, .count = 1 };
            struct seccomp_program p = { 0 };
            struct creel_err err = { 0 };
            /* an architecture of the other byte order is known, but not together with this one */
            if (seccomp_program_build(&s, -1, &p, &err) < 0 && (l != 1 || strstr(err.text, "cannot go with") == NULL))
                fail_msg("%s %s: %s", lists[l].list, word, err.text);
            seccomp_program_fini(&p);
            lists[l].count++;
        }
        assert_true(lists[l].count >= 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_names_what_is_built_in),
        cmocka_unit_test(what_is_listed_of_seccomp_is_accepted),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
