/* SPDX-License-Identifier: Apache-2.0 */
/* Names of scopes, annotations as properties, and messages as bytes. */
#include "check.h"

#include "runtime/cgroup_internal.h"
#include "runtime/dbus_message.h"
#include "runtime/systemd_name.h"
#include "runtime/systemd_property.h"

#include <string.h>

static void names_become_scopes(void **state)
{
    (void)state;
    static const struct { const char *path; bool user; const char *slice, *unit, *group; } rows[] = {
        { "system.slice:creel:1", false, "system.slice", "creel-1.scope", "/system.slice/creel-1.scope" },
        { ":creel:1", false, "system.slice", "creel-1.scope", "/system.slice/creel-1.scope" },
        { ":creel:1", true, "user.slice", "creel-1.scope", "/user.slice/creel-1.scope" },
        { "-:p:n", false, "-.slice", "p-n.scope", "/p-n.scope" },
        { "-.slice:p:n", false, "-.slice", "p-n.scope", "/p-n.scope" },
        { "a-b-c.slice:p:n", false, "a-b-c.slice", "p-n.scope", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope" },
        { "::n", false, "system.slice", "-n.scope", "/system.slice/-n.scope" },
        { ":cpu.:n", false, "system.slice", "cpu.-n.scope", "/system.slice/_cpu.-n.scope" },
        { ":_:n", false, "system.slice", "_-n.scope", "/system.slice/__-n.scope" },
        { "memory.x.slice:p:n", false, "memory.x.slice", "p-n.scope", "/_memory.x.slice/p-n.scope" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct systemd_scope s;
        if (systemd_scope_parse(rows[i].path, rows[i].user, &s, &err) < 0)
            fail_msg("%s: %s", rows[i].path, err.text);
        assert_string_equal(s.slice, rows[i].slice);
        assert_string_equal(s.unit, rows[i].unit);
        assert_string_equal(s.group, rows[i].group);
        auto_free char *unit = systemd_unit_of_group(s.group);
        assert_string_equal(unit, rows[i].unit);
        systemd_scope_fini(&s);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "a", "a:b", "a.slice:b:c:d", "/a.slice:b:c", "a.slice:b:c/d", "a.slice:../b:c", "a/b.slice:p:n", "a:p:n",
        ".slice:p:n", "a--b.slice:p:n", "-a.slice:p:n", "a-.slice:p:n", "a.slice:p:", "a.slice::", "a.slice:p:x.slice",
        "a.slice:p q:n", "a.slice:p:n\n", "a.slice:p:n@1", "a.slice:p:\xc3\xa4", ".a.slice:p:n", "a.slice:.p:n", "a.slice:p:*",
    };
    struct creel_err err;
    struct systemd_scope s;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        err = (struct creel_err){ 0 };
        if (systemd_scope_parse(rows[i], false, &s, &err) == 0)
            fail_msg("\"%s\" became %s", rows[i], s.unit);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
    char longest[300] = "a.slice:p:";
    memset(longest + 10, 'x', 247);     /* "p-", 247, ".scope" are 255 */
    assert_int_equal(systemd_scope_parse(longest, false, &s, &err), 0);
    systemd_scope_fini(&s);
    longest[257] = 'x';
    assert_int_equal(systemd_scope_parse(longest, false, &s, &err), -1);
}

static void groups_without_a_scope_have_no_unit(void **state)
{
    (void)state;
    assert_null(systemd_unit_of_group("/creel/x"));
    assert_null(systemd_unit_of_group("/a.slice/b.slice"));
    assert_null(systemd_unit_of_group("/a/.scope"));
    assert_null(systemd_unit_of_group("/a/b c.scope"));
    auto_bytes object = BYTES_INIT;
    systemd_unit_object("1a-b.scope", &object);
    assert_string_equal(bytes_str(&object), "/org/freedesktop/systemd1/unit/_31a_2db_2escope");
}

/* ------------------------------------------------------------------ properties */

static void property_is(const char *name, const char *text, const char *want)
{
    struct creel_err err = { 0 };
    auto_bytes list = BYTES_INIT, got = BYTES_INIT;
    if (systemd_property_parse(name, text, &list, &err) < 0) {
        bytes_adds(&got, err.text);
    } else {
        struct dbus_reader r = { .data = (const uint8_t *)list.data, .len = list.len };
        dbus_value_print(&r, "(sv)", &got);
        assert_false(r.bad);
        assert_int_equal(r.at, r.len);
    }
    if (want == NULL ? err.kind != CREEL_INVALID : strcmp(bytes_str(&got), want) != 0)
        fail_msg("%s=%s: got %s, want %s", name, text, bytes_str(&got), want != NULL ? want : "a refusal");
}

static void annotations_become_properties(void **state)
{
    (void)state;
    property_is("TimeoutStopUSec", "uint64 123456789", "(\"TimeoutStopUSec\" <t 123456789>)");
    property_is("TimeoutStopUSec", " 5 ", "(\"TimeoutStopUSec\" <t 5>)");
    property_is("TimeoutStopSec", "1", "(\"TimeoutStopUSec\" <t 1000000>)");
    property_is("RuntimeMaxSec", "double 1.5", "(\"RuntimeMaxUSec\" <t 1500000>)");
    property_is("CollectMode", "'inactive-or-failed'", "(\"CollectMode\" <s \"inactive-or-failed\">)");
    property_is("Description", "\"it\\'s\"", "(\"Description\" <s \"it's\">)");
    property_is("DefaultDependencies", "true", "(\"DefaultDependencies\" <b true>)");
    property_is("KillSignal", "int32 15", "(\"KillSignal\" <i 15>)");
    property_is("After", "['a.service', \"b.service\"]", "(\"After\" <as [\"a.service\" \"b.service\"]>)");
    property_is("Before", "@as []", "(\"Before\" <as []>)");
}

static void other_annotations_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "PIDs", "Slice", "Delegate", "ExecStart", "OnFailure", "FailureAction", "Requires",
                                         "Wants", "Conflicts", "DeviceAllow", "", "CollectModeX", "xCollectMode", "collectmode",
                                         "Collect", "TimeoutStop", "Sec", "USec", "CollectMode\n" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        property_is(names[i], "'x'", NULL);
    static const char *const rows[][2] = {
        { "TimeoutStopUSec", "'5'" }, { "TimeoutStopUSec", "-5" }, { "TimeoutStopUSec", "18446744073709551616" },
        { "TimeoutStopUSec", "5 6" }, { "TimeoutStopUSec", "" }, { "TimeoutStopSec", "1.2.3" }, { "CollectMode", "plain" },
        { "CollectMode", "'open" }, { "CollectMode", "'a' 'b'" }, { "CollectMode", "'a\nb'" }, { "CollectMode", "'\xff'" },
        { "CollectMode", "'\\x41'" }, { "DefaultDependencies", "1" }, { "After", "'a'" }, { "After", "['a'" },
        { "After", "['a' 'b']" }, { "After", "['a', 5]" }, { "After", "[,]" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        property_is(rows[i][0], rows[i][1], NULL);
}

static void quotas_are_whole_percents(void **state)
{
    (void)state;
    static const struct { int64_t quota; uint64_t period; int64_t want; } rows[] = {
        { 50000, 100000, 50000 }, { 4000, 10000, 4000 }, { 12345, 100000, 13000 }, { 1000, 0, 1000 }, { 5001, 0, 6000 },
        { -1, 100000, -1 }, { 0, 100000, 0 }, { 333, 7000, 350 }, { INT64_MAX, 100000, INT64_MAX },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct oci_resources r = { 0 };
        r.cpu.quota = (struct opt_i64){ true, rows[i].quota };
        r.cpu.period = (struct opt_u64){ rows[i].period != 0, rows[i].period };
        cgroup_quota_round(&r);
        assert_int_equal(r.cpu.quota.value, rows[i].want);
    }
}

/* ------------------------------------------------------------------ messages */

static void a_call_is_these_bytes(void **state)
{
    (void)state;
    static const char want[] =
        "l\1\0\1" "\6\0\0\0" "\7\0\0\0" "\x57\0\0\0"
        "\1\1o\0" "\2\0\0\0" "/a\0\0\0\0\0\0"
        "\2\1s\0" "\3\0\0\0" "i.f\0\0\0\0\0"
        "\3\1s\0" "\1\0\0\0" "M\0\0\0\0\0\0\0"
        "\6\1s\0" "\x10\0\0\0" "to.somebody.else\0\0\0\0\0\0\0\0"
        "\x8\1g\0" "\1s\0";
    struct dbus_call call = { .destination = "to.somebody.else", .path = "/a", .interface = "i.f", .member = "M",
                              .signature = "s", .serial = 7 };
    auto_bytes body = BYTES_INIT, out = BYTES_INIT;
    dbus_put_string(&body, "x");
    dbus_call_print(&out, &call, &body);
    assert_true(bytes_ok(&out));
    struct creel_err err = { 0 };
    struct dbus_message m;
    if (dbus_message_parse((const uint8_t *)out.data, out.len, &m, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(m.path, "/a");
    assert_string_equal(m.member, "M");
    assert_string_equal(m.signature, "s");
    assert_int_equal(m.serial, 7);
    assert_string_equal(dbus_get_string(&m.body), "x");
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        assert_memory_equal(out.data, want, 16 + 0x57);
}

static void broken_messages_are_errors(void **state)
{
    (void)state;
    struct dbus_call call = { .destination = "d.d", .path = "/a", .interface = "i.f", .member = "M", .signature = "s",
                              .serial = 7 };
    auto_bytes body = BYTES_INIT, out = BYTES_INIT;
    struct dbus_message m;
    dbus_put_string(&body, "x");
    dbus_call_print(&out, &call, &body);
    for (size_t cut = 0; cut < out.len; cut++)
        assert_int_equal(dbus_message_parse((const uint8_t *)out.data, cut, &m, NULL), -1);
    static const struct { size_t at; char c; } rows[] = { { 0, 'x' }, { 1, 0 }, { 3, 2 }, { 7, 1 }, { 15, 1 }, { 16 + 4, 9 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char was = out.data[rows[i].at];
        out.data[rows[i].at] = rows[i].c;
        assert_int_equal(dbus_message_parse((const uint8_t *)out.data, out.len, &m, NULL), -1);
        out.data[rows[i].at] = was;
    }
    assert_int_equal(dbus_message_parse((const uint8_t *)out.data, out.len, &m, NULL), 0);
}

/* a{sv}, as in PropertiesChanged, and what only looks like one. */
static void dictionaries_are_walked(void **state)
{
    (void)state;
    auto_bytes b = BYTES_INIT, text = BYTES_INIT;
    struct dbus_array a = dbus_array_begin(&b, 8);
    systemd_put_u64(&b, "One", 1);      /* (sv) and {sv} are the same bytes */
    systemd_put_text(&b, "Two", "2");
    dbus_array_end(&b, a);
    struct dbus_reader r = { .data = (const uint8_t *)b.data, .len = b.len }, bare = r;
    dbus_value_print(&r, "a{sv}", &text);
    assert_string_equal(bytes_str(&text), "[(\"One\" <t 1>) (\"Two\" <s \"2\">)]");
    assert_false(r.bad);
    assert_int_equal(r.at, r.len);
    bare.at = 8;
    assert_null(dbus_skip(&bare, "{sv}"));
    assert_true(bare.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_scopes),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(groups_without_a_scope_have_no_unit),
        cmocka_unit_test(annotations_become_properties),
        cmocka_unit_test(other_annotations_are_refused),
        cmocka_unit_test(quotas_are_whole_percents),
        cmocka_unit_test(a_call_is_these_bytes),
        cmocka_unit_test(broken_messages_are_errors),
        cmocka_unit_test(dictionaries_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
