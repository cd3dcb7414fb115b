/* SPDX-License-Identifier: Apache-2.0 */
/* The small languages inside options: env files, records with quotes, mounts, volumes, detach keys. */
#include "cli/csv.h"
#include "cli/detach_keys.h"
#include "cli/env_file.h"
#include "cli/json.h"
#include "cli/mount_spec.h"
#include "cli/security_opt.h"
#include "cli/volume_spec.h"

#include "base/bytes.h"

#include "../check.h"

#include <string.h>

static const char *lookup(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

/* The list, each followed by "|", or "error: …". */
static const char *joined(int r, const struct strv *v, const struct creel_err *err)
{
    static char buf[1100];
    size_t n = 0;
    if (r < 0)
        (void)snprintf(buf, sizeof buf, "error: %s", err->text);
    else
        buf[0] = '\0';
    for (size_t i = 0; r == 0 && i < v->count; i++)
        n += (size_t)snprintf(buf + n, sizeof buf - n, "%s|", v->items[i]);
    return buf;
}

static void env_files_are_lines_of_names_and_values(void **state)
{
    (void)state;
    static const struct { const char *text; size_t len; const char *want; } rows[] = {
        { "", 0, "" },
        { "A=b", 3, "A=b|" },
        { "A=b\nB=c\n", 8, "A=b|B=c|" },
        { "  A= b  \n\t#x\n\n#y\nC=\n", 20, "A= b  |C=|" },
        { "A=b\r\nB=c\r\n", 10, "A=b|B=c|" },
        { "\xef\xbb\xbf" "A=b\n", 7, "A=b|" },
        { "HOME\nNOPE\n", 10, "HOME=/root|" },
        { "X=\"q\"\n", 6, "X=\"q\"|" },
        { "A=b=c\n", 6, "A=b=c|" },
        { "A=\xc3\xa9\xf0\x9f\x98\x80\n", 9, "A=\xc3\xa9\xf0\x9f\x98\x80|" },
        { "=x\n", 3, "error: no variable name on line '=x'" },
        { "A B=c\n", 6, "error: variable 'A B' contains whitespaces" },
        { "E = f\n", 6, "error: variable 'E ' contains whitespaces" },
        { "ok=1\nA=\0b\n", 11, "error: invalid utf8 bytes or NUL at line 2" },
        { "A=\xff\n", 4, "error: invalid utf8 bytes or NUL at line 1" },
        { "A=\xc0\x80\n", 5, "error: invalid utf8 bytes or NUL at line 1" },
        { "A=\xed\xa0\x80\n", 6, "error: invalid utf8 bytes or NUL at line 1" },
        { "A=\xf4\x90\x80\x80\n", 7, "error: invalid utf8 bytes or NUL at line 1" },
        { "A=\xe2\x82", 4, "error: invalid utf8 bytes or NUL at line 1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv out = STRV_INIT;
        struct creel_err err = { 0 };
        int r = env_file_parse(rows[i].text, rows[i].len, lookup, &out, &err);
        assert_string_equal(joined(r, &out, &err), rows[i].want);
    }
    auto_strv labels = STRV_INIT;
    struct creel_err err = { 0 };
    assert_int_equal(env_file_parse("NOPE\nA=1", 8, NULL, &labels, &err), 0);
    assert_string_equal(joined(0, &labels, &err), "NOPE|A=1|");
}

static void records_are_split_at_commas_outside_quotes(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        { "a", "a|" },
        { "a,b", "a|b|" },
        { "a,,b,", "a||b||" },
        { "\"a,b\",c", "a,b|c|" },
        { "\"a\"\"b\"", "a\"b|" },
        { "\"\"", "|" },
        { "\"a\nb\"", "a\nb|" },
        { "", "error: empty" },
        { "a\"b", "error: column 2: bare \" in non-quoted-field" },
        { "\"a", "error: column 3: extraneous or missing \" in quoted-field" },
        { "\"a\"b", "error: column 4: extraneous or missing \" in quoted-field" },
        { "a\nb", "error: column 2: line break outside quotes" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_strv out = STRV_INIT, again = STRV_INIT;
        auto_bytes text = BYTES_INIT;
        struct creel_err err = { 0 };
        int r = csv_parse(rows[i].text, &out, &err);
        assert_string_equal(joined(r, &out, &err), rows[i].want);
        if (r < 0)
            continue;
        csv_print(&out, &text);
        assert_int_equal(csv_parse(bytes_str(&text), &again, &err), 0);
        assert_string_equal(joined(0, &again, &err), rows[i].want);
    }
}

static void mounts_are_checked_and_become_entries(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        { "type=bind,src=/a,dst=/b", "{'Type':'bind','Source':'/a','Target':'/b'}" },
        { "TYPE=Bind,SRC=/a,target=/b", "{'Type':'bind','Source':'/a','Target':'/b'}" },
        { "type=bind,source=./r,destination=/b,readonly=1",
          "{'Type':'bind','Source':'/cwd/r','Target':'/b','ReadOnly':true}" },
        { "type=bind,src=/a,dst=/b,ro=false", "{'Type':'bind','Source':'/a','Target':'/b'}" },
        { "type=bind,\"src=/a,x\",dst=/b", "{'Type':'bind','Source':'/a,x','Target':'/b'}" },
        { "type=bind,src=/a,dst=/b,bind-propagation=rslave",
          "{'Type':'bind','Source':'/a','Target':'/b','BindOptions':{'Propagation':'rslave'}}" },
        { "type=bind,src=/a,dst=/b,bind-nonrecursive",
          "{'Type':'bind','Source':'/a','Target':'/b','BindOptions':{'NonRecursive':true}}" },
        { "type=bind,src=/a,dst=/b,bind-recursive=disabled",
          "{'Type':'bind','Source':'/a','Target':'/b','BindOptions':{'NonRecursive':true}}" },
        { "type=bind,src=/a,dst=/b,ro,bind-recursive=writable",
          "{'Type':'bind','Source':'/a','Target':'/b','ReadOnly':true,'BindOptions':{'ReadOnlyNonRecursive':true}}" },
        { "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate",
          "{'Type':'bind','Source':'/a','Target':'/b','ReadOnly':true,'BindOptions':{'Propagation':'rprivate',"
          "'ReadOnlyForceRecursive':true}}" },
        { "type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=1770",
          "{'Type':'tmpfs','Target':'/b','TmpfsOptions':{'SizeBytes':1048576,'Mode':1016}}" },
        { "type=bind,src=/a", "error: target is required" },
        { "type=bind,dst=/a", "error: source is required for a mount of type 'bind'" },
        { "src=/a,dst=/b", "error: mounts of type 'volume' are not available: use type=bind or type=tmpfs" },
        { "type=bind,src=/a,dst=/b,readonly=x", "error: invalid value for readonly: x" },
        { "type=bind,src=/a,dst=/b,foo=bar", "error: unexpected key 'foo' in 'foo=bar'" },
        { "type=bind,src=/a,dst=/b,foo", "error: invalid field 'foo' must be a key=value pair" },
        { "type=bind, src=/a,dst=/b", "error: unexpected key ' src' in ' src=/a'" },
        { "type=bind,src=/a,dst=/b,bind-recursive=x",
          "error: invalid value for bind-recursive: x (must be \"enabled\", \"disabled\", \"writable\", or "
          "\"readonly\")" },
        { "type=bind,src=/a,dst=/b,bind-recursive=readonly",
          "error: option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction" },
        { "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
          "error: option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction" },
        { "type=tmpfs,dst=/b,tmpfs-size=x", "error: invalid value for tmpfs-size: x" },
        { "type=tmpfs,dst=/b,tmpfs-mode=9", "error: invalid value for tmpfs-mode: 9" },
        { "type=tmpfs,dst=/b,bind-propagation=slave", "error: cannot mix 'bind-*' options with mount type 'tmpfs'" },
        { "type=bind,src=/a,dst=/b,tmpfs-size=1", "error: cannot mix 'tmpfs-*' options with mount type 'bind'" },
        { "type=bind,src=/a,dst=/b,volume-nocopy", "error: cannot mix 'volume-*' options with mount type 'bind'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_json *mount = NULL;
        char have[1100];
        if (mount_spec_parse(rows[i].text, "/cwd", &mount, &err) < 0) {
            (void)snprintf(have, sizeof have, "error: %s", err.text);
        } else {
            auto_free char *text = json_dumps(mount, JSON_COMPACT);
            (void)snprintf(have, sizeof have, "%s", text);
            for (char *q = have; (q = strchr(q, '"')) != NULL;)
                *q = '\'';
        }
        assert_string_equal(have, rows[i].want);
    }
}

static void volumes_are_host_paths_with_a_mode(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        { "/a:/b", "/a:/b" },
        { "/a b:/c", "/a b:/c" },
        { "./a:/b:ro", "/cwd/a:/b:ro" },
        { "../a:/b", "/a:/b" },
        { "/a:/b:rw,rslave,z,cached", "/a:/b:rw,rslave,z,cached" },
        { "/rw:/ro", "/rw:/ro" },
        { "/a:/b:sw", "error: invalid volume specification: '/a:/b:sw': invalid mode: sw" },
        { "/a:/b:rwz", "error: invalid volume specification: '/a:/b:rwz': invalid mode: rwz" },
        { "/a:/b:ro,rw", "error: invalid volume specification: '/a:/b:ro,rw': invalid mode: ro,rw" },
        { "/a:/b:shared,slave", "error: invalid volume specification: '/a:/b:shared,slave': invalid mode: shared,slave" },
        { "/a:/b:nocopy", "error: invalid volume specification: '/a:/b:nocopy': invalid mode: nocopy" },
        { "/a:/b:/c", "error: invalid volume specification: '/a:/b:/c': invalid mode: /c" },
        { "/a:/b:ro:x", "error: invalid spec: /a:/b:ro:x: too many colons" },
        { "", "error: invalid empty volume spec" },
        { "/a:", "error: invalid spec: /a:: empty section between colons" },
        { ":/a", "error: invalid spec: :/a: empty section between colons" },
        { "/b", "error: anonymous volumes are not available: give a host directory, /host/directory:/b" },
        { "a:/b", "error: named volumes are not available: to use a host directory for 'a' give its absolute path" },
        { "/a:b", "error: invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be absolute" },
        { "/a:/", "error: invalid volume specification: '/a:/': invalid specification: destination can't be '/'" },
        { "/a:/x/..", "error: invalid volume specification: '/a:/x/..': invalid specification: destination can't be '/'" },
        { "/a:/b:rro,rslave", "error: mode rro requires the propagation rprivate, not rslave" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_free char *bind = NULL;
        auto_json *mount = NULL;
        char have[1100];
        if (volume_spec_parse(rows[i].text, "/cwd", &bind, &mount, &err) < 0)
            (void)snprintf(have, sizeof have, "error: %s", err.text);
        else
            (void)snprintf(have, sizeof have, "%s", bind);
        assert_string_equal(have, rows[i].want);
    }
}

static void profiles_lose_the_blanks_between_tokens_only(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } rows[] = {
        { "{ \"a b\" : [ 1 , 2 ] }\n", "{\"a b\":[1,2]}" },
        { "{\"q\\\" }\":1}", "{\"q\\\" }\":1}" },
        { "", NULL },
        { "[]", NULL },
        { "{", NULL },
        { "}", NULL },
        { "{\"a", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_bytes out = BYTES_INIT;
        bool ok = security_profile_compact(rows[i].text, strlen(rows[i].text), &out);
        assert_int_equal(ok, rows[i].want != NULL);
        if (ok)
            assert_string_equal(bytes_str(&out), rows[i].want);
    }
}

static void detach_keys_are_letters_and_controls(void **state)
{
    (void)state;
    static const char *const good[] = { "", "a", "ctrl-p,ctrl-q", "ctrl-@,ctrl-[,~,ctrl-o", "DEL,+", "CTRL-a,b" };
    static const char *const bad[] = { "foo", "ctrl-", "ctrl-1", "a,,b", "shift-z", "ctrl-ab", "a," };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(detach_keys_ok(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(detach_keys_ok(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(env_files_are_lines_of_names_and_values),
        cmocka_unit_test(records_are_split_at_commas_outside_quotes),
        cmocka_unit_test(mounts_are_checked_and_become_entries),
        cmocka_unit_test(volumes_are_host_paths_with_a_mode),
        cmocka_unit_test(profiles_lose_the_blanks_between_tokens_only),
        cmocka_unit_test(detach_keys_are_letters_and_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
