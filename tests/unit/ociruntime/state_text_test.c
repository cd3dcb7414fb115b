/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/bytes.h"
#include "ociruntime/state.h"

#include <string.h>

static const char config[] = "{\"ociVersion\":\"1.2.0\",\n \"root\":{\"path\":\"r\"}}\n";

static struct state sample(void)
{
    struct state s = STATE_INIT;
    s.bundle = strdup("/b \"x\"\n");
    s.rootfs = strdup("/b/r");
    s.created = strdup("2026-01-02T03:04:05.000000006Z");
    s.cgroup = strdup("a.slice:b:c");
    s.manager = CGROUP_SYSTEMD;
    s.rootless = s.notifies = true;
    s.config_text = strdup(config);
    s.config_len = strlen(config);
    return s;
}

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    auto_state s = sample(), back = STATE_INIT;
    auto_bytes text = BYTES_INIT;
    auto_oci_config c = NULL;
    assert_int_equal(state_print(&s, &text, NULL), 0);
    assert_int_equal(state_parse(text.data, text.len, &back, NULL), 0);
    assert_string_equal(back.bundle, s.bundle);
    assert_string_equal(back.rootfs, s.rootfs);
    assert_string_equal(back.created, s.created);
    assert_string_equal(back.cgroup, s.cgroup);
    assert_int_equal(back.manager, CGROUP_SYSTEMD);
    assert_true(back.rootless && back.notifies && !back.no_pivot && !back.no_new_keyring);
    assert_int_equal(back.config_len, s.config_len);
    assert_string_equal(back.config_text, config);
    assert_int_equal(state_config(&back, &c, NULL), 0);
    assert_string_equal(c->root.path, "r");
}

/* A command may be killed while it writes: every beginning of the file is no state. */
static void a_part_of_it_is_no_state(void **state)
{
    (void)state;
    auto_state s = sample();
    auto_bytes text = BYTES_INIT;
    assert_int_equal(state_print(&s, &text, NULL), 0);
    for (size_t len = 0; len < text.len; len++) {
        auto_state part = STATE_INIT;
        struct creel_err err = { 0 };
        assert_int_equal(state_parse(text.data, len, &part, &err), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
    bytes_addc(&text, ' ');
    auto_state more = STATE_INIT;
    assert_int_equal(state_parse(text.data, text.len, &more, NULL), -1);
}

static void members_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}\n", "[]\n", "{\"bundle\":1}\n",
        "{\"bundle\":\"/b\",\"bundle\":\"/c\",\"rootfs\":\"\",\"created\":\"\",\"cgroup\":\"\",\"configBytes\":0}\n",
        "{\"bundle\":\"/b\",\"rootfs\":\"\",\"created\":\"\",\"cgroup\":\"\",\"configBytes\":-1}\n",
        "{\"bundle\":\"/b\",\"rootfs\":\"\",\"created\":\"\",\"cgroup\":\"\",\"cgroupManager\":\"x\",\"configBytes\":0}\n",
        "{\"bundle\":\"/b\",\"rootfs\":\"\",\"created\":\"\",\"cgroup\":\"\",\"configBytes\":1}\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_state s = STATE_INIT;
        assert_int_equal(state_parse(bad[i], strlen(bad[i]), &s, NULL), -1);
    }
    static const char newer[] = "{\"bundle\":\"/b\",\"rootfs\":\"\",\"created\":\"\",\"cgroup\":\"\",\"later\":[{}],\"configBytes\":2}\n{}";
    auto_state s = STATE_INIT;
    assert_int_equal(state_parse(newer, strlen(newer), &s, NULL), 0);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    auto_state s = sample();
    auto_bytes text = BYTES_INIT;
    s.bundle[1] = '\xff';
    assert_int_equal(state_print(&s, &text, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(a_part_of_it_is_no_state),
        cmocka_unit_test(members_are_checked),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
