/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/bytes.h"
#include "spec/mount_point.h"

#include <string.h>

/* "bind /s /d rw rprivate; tmpfs /t size=1m" */
static void describe(const struct mount_points *m, struct bytes *out)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct mount_point *p = &m->items[i];
        auto_strv options = STRV_INIT;
        assert_true(mount_point_options(p, true, &options));
        bytes_addf(out, "%s%s %s %s", i > 0 ? "; " : "", p->type == MOUNT_POINT_BIND ? "bind" : "tmpfs",
                   p->source != NULL ? p->source : "-", p->destination);
        for (size_t k = 0; k < options.count; k++)
            bytes_addf(out, "%c%s", k == 0 ? ' ' : ',', options.items[k]);
    }
}

struct row { const char *host; enum creel_kind kind; const char *want; };

static const struct row rows[] = {
    /* bind strings */
    { "{\"Binds\":[\"/s:/d\"]}", CREEL_OK, "bind /s /d rbind,rprivate" },
    { "{\"Binds\":[\"/s:/d:ro\"]}", CREEL_OK, "bind /s /d rbind,rro,rprivate" },
    { "{\"Binds\":[\"/s:/d:rw,z,rslave\"]}", CREEL_OK, "bind /s /d rbind,rslave" },
    { "{\"Binds\":[\"/s:/d:shared,ro,Z\"]}", CREEL_OK, "bind /s /d rbind,rro,shared" },
    { "{\"Binds\":[\"/rw:/ro\"]}", CREEL_OK, "bind /rw /ro rbind,rprivate" },
    { "{\"Binds\":[\"/a b//c/:/d/../e/\"]}", CREEL_OK, "bind /a b/c /e rbind,rprivate" },
    { "{\"Binds\":[\"/s:/d:cached\"]}", CREEL_OK, "bind /s /d rbind,rprivate" },
    { "{\"Binds\":[\"\"]}", CREEL_INVALID, "invalid volume specification: ''" },
    { "{\"Binds\":[\":\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"::\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\":test\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"tmp:\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"/p:rw\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"path:ro\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"/path:shared\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"/s:d\"]}", CREEL_INVALID, "mount path must be absolute" },
    { "{\"Binds\":[\"/s:/d:foo\"]}", CREEL_INVALID, "invalid mode: foo" },
    { "{\"Binds\":[\"/s:/d:sw\"]}", CREEL_INVALID, "invalid mode: sw" },
    { "{\"Binds\":[\"/s:/d:rwz\"]}", CREEL_INVALID, "invalid mode: rwz" },
    { "{\"Binds\":[\"/s:/d:slave,shared\"]}", CREEL_INVALID, "invalid mode: slave,shared" },
    { "{\"Binds\":[\"/s:/d:ro,ro\"]}", CREEL_INVALID, "invalid mode: ro,ro" },
    { "{\"Binds\":[\"/s:/d:ro:x\"]}", CREEL_INVALID, "invalid volume specification" },
    { "{\"Binds\":[\"/s:/\"]}", CREEL_INVALID, "destination can't be '/'" },
    { "{\"Binds\":[\"/s:/a/..\"]}", CREEL_INVALID, "destination can't be '/'" },
    { "{\"Binds\":[\"/s:/d\\n/e\"]}", CREEL_INVALID, "control characters" },
    { "{\"Binds\":[\"name:/d\"]}", CREEL_UNSUPPORTED, "names a volume" },
    { "{\"Binds\":[\"/home\"]}", CREEL_UNSUPPORTED, "anonymous volume" },
    /* nothing goes over /proc */
    { "{\"Binds\":[\"/s:/proc\"]}", CREEL_INVALID, "it is inside /proc" },
    { "{\"Binds\":[\"/s:/proc/self\"]}", CREEL_INVALID, "it is inside /proc" },
    { "{\"Binds\":[\"/s:/x/../proc/self/attr\"]}", CREEL_INVALID, "it is inside /proc" },
    { "{\"Tmpfs\":{\"/proc/sys\":\"\"}}", CREEL_INVALID, "it is inside /proc" },
    { "{\"Binds\":[\"/s:/proc/meminfo\"]}", CREEL_OK, "bind /s /proc/meminfo rbind,rprivate" },
    { "{\"Binds\":[\"/proc:/host/proc:ro\"]}", CREEL_OK, "bind /proc /host/proc rbind,rro,rprivate" },
    { "{\"Binds\":[\"/s:/procedure\"]}", CREEL_OK, "bind /s /procedure rbind,rprivate" },
    /* --mount */
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"ReadOnly\":true}]}", CREEL_OK,
      "bind /s /d rbind,rro,rprivate" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"ReadOnly\":true,\"BindOptions\":"
      "{\"ReadOnlyNonRecursive\":true}}]}", CREEL_OK, "bind /s /d rbind,ro,rprivate" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"BindOptions\":{\"NonRecursive\":true,"
      "\"Propagation\":\"shared\"}}]}", CREEL_OK, "bind /s /d bind,shared" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"BindOptions\":"
      "{\"ReadOnlyForceRecursive\":true}}]}", CREEL_INVALID, "need ReadOnly" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"BindOptions\":{\"Propagation\":\"x\"}}]}",
      CREEL_INVALID, "invalid propagation mode: x" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/d\"}]}", CREEL_INVALID, "field Source must not be empty" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"s\",\"Target\":\"/d\"}]}", CREEL_INVALID, "must be absolute" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\"}]}", CREEL_INVALID, "field Target must not be empty" },
    { "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\",\"Target\":\"/d\",\"TmpfsOptions\":{\"Mode\":1}}]}",
      CREEL_INVALID, "field TmpfsOptions must not be specified" },
    { "{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/d\"}]}", CREEL_UNSUPPORTED, "\"volume\"" },
    { "{\"Mounts\":[{\"Type\":\"nfs\",\"Target\":\"/d\"}]}", CREEL_INVALID, "mount type unknown: \"nfs\"" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":1048576,\"Mode\":448}}]}",
      CREEL_OK, "tmpfs - /t noexec,nosuid,nodev,rprivate,mode=700,size=1m" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"ReadOnly\":true}]}", CREEL_OK,
      "tmpfs - /t noexec,nosuid,nodev,rprivate,ro" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"Options\":[[\"exec\"],[\"uid\",\"5\"]]}}]}",
      CREEL_OK, "tmpfs - /t nosuid,nodev,rprivate,exec,uid=5" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Source\":\"x\",\"Target\":\"/t\"}]}", CREEL_INVALID, "field Source" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"foo\"}]}", CREEL_INVALID, "must be absolute" },
    { "{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"//\"}]}", CREEL_INVALID, "destination can't be '/'" },
    /* --tmpfs */
    { "{\"Tmpfs\":{\"/t\":\"\"}}", CREEL_OK, "tmpfs - /t noexec,nosuid,nodev,rprivate" },
    { "{\"Tmpfs\":{\"/t\":\"exec,size=64m,size=1g,ro\"}}", CREEL_OK, "tmpfs - /t nosuid,nodev,rprivate,exec,size=1g,ro" },
    { "{\"Tmpfs\":{\"/t\":\"bogus\"}}", CREEL_INVALID, "invalid tmpfs option [\"bogus\"]" },
    { "{\"Tmpfs\":{\"/t\":\"upperdir=/x\"}}", CREEL_INVALID, "invalid tmpfs option" },
    /* together */
    { "{\"Binds\":[\"/s:/a/b\",\"/s:/z\",\"/s:/a\"],\"Tmpfs\":{\"/b\":\"\"}}", CREEL_OK,
      "bind /s /a rbind,rprivate; tmpfs - /b noexec,nosuid,nodev,rprivate; bind /s /z rbind,rprivate; "
      "bind /s /a/b rbind,rprivate" },
    { "{\"Binds\":[\"/a:/d\",\"/b:/d/\"]}", CREEL_INVALID, "Duplicate mount point: /d" },
    { "{\"Binds\":[\"/a:/d\"],\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/d\"}]}", CREEL_INVALID,
      "Duplicate mount point: /d" },
    { "{\"Binds\":[\"/a:/d\"],\"Tmpfs\":{\"/d\":\"\"}}", CREEL_INVALID, "Duplicate mount point: /d" },
};

static void mounts_are_parsed_checked_and_ordered(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_json host = json_loads(rows[i].host, 0, NULL);
        auto_mount_points struct mount_points m = { 0 };
        auto_bytes text = BYTES_INIT;
        struct creel_err err = { 0 };
        assert_non_null(host);
        int r = mount_points_parse(host, &m, &err);
        if (err.kind != rows[i].kind)
            fail_msg("%s: got %s %s", rows[i].host, creel_kind_name(err.kind), err.text);
        if (r < 0) {
            if (strstr(err.text, rows[i].want) == NULL)
                fail_msg("%s: %s", rows[i].host, err.text);
            continue;
        }
        describe(&m, &text);
        assert_string_equal(bytes_str(&text), rows[i].want);
    }
}

static void records_are_what_inspect_shows(void **state)
{
    (void)state;
    auto_json host = json_loads("{\"Binds\":[\"/s:/d:ro\"],\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\"}],"
                                "\"Tmpfs\":{\"/not/shown\":\"\"}}", 0, NULL);
    auto_mount_points struct mount_points m = { 0 };
    assert_int_equal(mount_points_parse(host, &m, NULL), 0);
    auto_json records = mount_points_print(&m);
    auto_free char *text = json_dumps(records, JSON_COMPACT);
    assert_string_equal(text, "[{\"Type\":\"bind\",\"Source\":\"/s\",\"Destination\":\"/d\",\"Mode\":\"ro\",\"RW\":false,"
                              "\"Propagation\":\"rprivate\"},{\"Type\":\"tmpfs\",\"Source\":\"\",\"Destination\":\"/t\","
                              "\"Mode\":\"\",\"RW\":true,\"Propagation\":\"\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_parsed_checked_and_ordered),
        cmocka_unit_test(records_are_what_inspect_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
