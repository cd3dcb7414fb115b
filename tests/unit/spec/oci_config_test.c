/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/bytes.h"
#include "spec/oci_config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char *file_text(const char *path)
{
    auto_bytes text = BYTES_INIT;
    auto_file FILE *f = fopen(path, "re");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    for (int c; (c = fgetc(f)) != EOF;)
        bytes_addc(&text, (char)c);
    return bytes_take(&text);
}

/* Blanks outside strings removed. */
static char *squeeze(const char *text)
{
    auto_bytes out = BYTES_INIT;
    bool quoted = false;
    for (const char *p = text; *p != '\0'; p++) {
        if (!quoted && (*p == ' ' || *p == '\n'))
            continue;
        bytes_addc(&out, *p);
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '\\' && quoted)
            bytes_addc(&out, *++p);
    }
    return bytes_take(&out);
}

static struct oci_config *parse_ok(const char *text)
{
    struct creel_err err = { 0 };
    struct oci_config *c = NULL;
    if (oci_config_parse(text, strlen(text), &c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static void every_member_survives_parse_and_print(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    auto_free char *text = file_text(GOLDEN_DIR "/oci/full/config.json"), *want = squeeze(text), *got = NULL;
    auto_oci_config c = parse_ok(text);
    assert_int_equal(oci_config_print(c, &got, &err), 0);
    assert_string_equal(got, want);
    /* spot checks, because a row could name the wrong member in both directions */
    assert_int_equal(c->process.console_rows, 25);
    assert_int_equal(c->process.console_cols, 80);
    assert_int_equal(c->process.user.gid, 1001);
    assert_true(c->process.rlimits[0].hard == UINT64_MAX);
    assert_int_equal(c->process.oom_score_adj.value, -500);
    assert_string_equal(c->process.args.items[2], "echo \"\xc3\xbc\\n\"");
    assert_string_equal(c->process.caps.ambient.items[0], "CAP_BPF");
    assert_int_equal(c->linux_.resources.memory.swap.value, -1);
    assert_true(c->linux_.resources.memory.disable_oom_killer.set &&
                !c->linux_.resources.memory.disable_oom_killer.value);
    assert_true(c->linux_.resources.pids_limit.set);
    assert_int_equal(c->linux_.resources.block_io.write_iops[0].rate, 603);
    assert_int_equal(c->linux_.time_offsets.monotonic_s, -172800);
    assert_true(c->linux_.time_offsets.boottime_set && c->linux_.time_offsets.boottime_s == 0);
    assert_true(c->linux_.seccomp.default_errno_set && c->linux_.seccomp.default_errno == 0);
    assert_string_equal(c->linux_.net_devices[1].from, "eth1");
    assert_ptr_equal(oci_namespace_find(c, OCI_NS_USER), &c->linux_.namespaces[5]);
    assert_string_equal(c->poststop.items[0].path, "/f");
    assert_int_equal(c->linux_.gid_maps[0].host_id, 200000);
}

static void unknown_members_are_kept_out_and_null_is_absent(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    auto_free char *got = NULL;
    auto_oci_config c = parse_ok(
        " {\"ociVersion\":\"1.0.2\",\"windows\":{\"x\":[1.5e3,{\"a\":null}]},\"process\":null,\"linux\":{\"resources\":"
        "{\"memory\":{\"limit\":null,\"new\":-0.1}}}} \n");
    assert_int_equal(oci_config_print(c, &got, &err), 0);
    assert_string_equal(got, "{\"ociVersion\":\"1.0.2\",\"linux\":{}}");
    assert_false(c->process.present);
    assert_false(c->linux_.resources.memory.limit.set);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"", "the text ends"},
        {"[]", "expected an object"},
        {"{}x", "something follows"},
        {"{\"process\":{\"args\":[1]}}", "process.args[0]: expected a string"},
        {"{\"process\":{\"args\":\"sh\"}}", "process.args: expected an array"},
        {"{\"process\":{\"user\":{\"uid\":-1}}}", "process.user.uid: -1 is out of range"},
        {"{\"process\":{\"user\":{\"uid\":4294967296}}}", "process.user.uid: 4294967296 is out of range"},
        {"{\"process\":{\"user\":{\"uid\":1.0}}}", "process.user.uid: expected an integer"},
        {"{\"process\":{\"user\":{\"uid\":01}}}", "begins with 0"},
        {"{\"process\":{\"oomScoreAdj\":99999999999999999999}}", "process.oomScoreAdj: the number is out of range"},
        {"{\"process\":{\"terminal\":1}}", "process.terminal: expected true or false"},
        {"{\"process\":{\"cwd\":\"/a\",\"cwd\":\"/b\"}}", "process.cwd: the member is there twice"},
        {"{\"annotations\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}", "annotations: a is there twice"},
        {"{\"annotations\":{\"a\":1}}", "annotations.a: expected a string"},
        {"{\"hostname\":\"a\\u0000b\"}", "hostname: NUL"},
        {"{\"hostname\":\"\\ud800\"}", "surrogate"},
        {"{\"hostname\":\"\\udc00\\ud800\"}", "surrogate"},
        {"{\"hostname\":\"\xff\"}", "hostname: a string is not valid UTF-8"},
        {"{\"hostname\":\"\xc0\x80\"}", "UTF-8"},
        {"{\"hostname\":\"\xed\xa0\x80\"}", "UTF-8"},
        {"{\"hostname\":\"a\nb\"}", "control character"},
        {"{\"hostname\":\"\\x\"}", "unknown escape"},
        {"{\"hostname\":\"a", "inside a string"},
        {"{\"hostname\":}", "expected a string"},
        {"{\"hostname\" \"a\"}", "expected ':'"},
        {"{\"hostname\":\"a\",}", "expected a member name"},
        {"{\"hostname\":\"a\" \"b\":1}", "expected ',' or '}'"},
        {"{\"linux\":{\"namespaces\":[{\"type\":\"pids\"}]}}",
         "linux.namespaces[0].type: unknown namespace \"pids\""},
        {"{\"linux\":{\"namespaces\":[{\"path\":\"/x\"}]}}", "\"type\" is missing"},
        {"{\"linux\":{\"resources\":{\"memory\":{\"swappiness\":-1}}}}",
         "linux.resources.memory.swappiness: -1 is out of range"},
        {"{\"x\":[1,2,]}", "expected a value"},
        {"{\"x\":tru}", "expected true or false"},
        {"{\"x\":nul}", "expected null"},
        {"{\"x\":1.}", "expected a digit"},
        {"{\"x\":-}", "expected a number"},
        {"{\"x\":'a'}", "expected a value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        struct oci_config *c = NULL;
        if (oci_config_parse(rows[i][0], strlen(rows[i][0]), &c, &err) == 0)
            fail_msg("accepted: %s", rows[i][0]);
        assert_null(c);
        assert_int_equal(err.kind, CREEL_INVALID);
        if (strstr(err.text, rows[i][1]) == NULL)
            fail_msg("%s: the message is \"%s\"", rows[i][0], err.text);
    }
}

static void size_and_depth_are_bounded(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct oci_config *c = NULL;
    auto_bytes deep = BYTES_INIT;
    bytes_adds(&deep, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        bytes_addc(&deep, '[');
    assert_int_equal(oci_config_parse(deep.data, deep.len, &c, &err), -1);
    assert_non_null(strstr(err.text, "nested deeper than 64"));
    size_t big = ((size_t)16 << 20) + 1;
    auto_free char *text = malloc(big);
    memset(text, ' ', big);
    assert_int_equal(oci_config_parse(text, big, &c, &err), -1);
    assert_non_null(strstr(err.text, "larger than 16 MiB"));
    auto_bytes many = BYTES_INIT;
    bytes_adds(&many, "{\"mounts\":[");
    for (int i = 0; i < 70000; i++)
        bytes_adds(&many, "{},");
    bytes_adds(&many, "{}]}");
    assert_int_equal(oci_config_parse(many.data, many.len, &c, &err), -1);
    assert_non_null(strstr(err.text, "more than 65536"));
}

static void text_that_is_not_utf8_is_not_printed(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    char *got = NULL;
    auto_oci_config c = parse_ok("{\"process\":{\"args\":[\"a\"]}}");
    c->process.args.items[0][0] = (char)0xff;
    assert_int_equal(oci_config_print(c, &got, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    assert_non_null(strstr(err.text, "args"));
    assert_null(got);
}

/* ------------------------------------------------------------------ validation */

static const char base[] =
    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]%s},\"linux\":{\"namespaces\":"
    "[{\"type\":\"mount\"}%s]%s}%s}";

struct broken { const char *process, *ns, *linux_, *top, *message; };

static void validation_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct broken rows[] = {
        {"", "", "", "", NULL},
        {",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]", "", "", "", "unknown type"},
        {",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]", "", "", "", "soft is above hard"},
        {",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]",
         "", "", "", "twice"},
        {",\"capabilities\":{\"bounding\":[\"CAP_FLY\"]}", "", "", "", "unknown capability \"CAP_FLY\""},
        {",\"oomScoreAdj\":1001", "", "", "", "oomScoreAdj"},
        {",\"user\":{\"umask\":512}", "", "", "", "umask"},
        {",\"scheduler\":{\"policy\":\"SCHED_ODD\"}", "", "", "", "scheduler.policy"},
        {",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "", "", "", "nice"},
        {",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", "", "", "", "ioPriority.priority"},
        {"", ",{\"type\":\"mount\"}", "", "", "mount is there twice"},
        {"", ",{\"type\":\"ipc\",\"path\":\"x\"}", "", "", "not absolute"},
        {"", "", "", ",\"hostname\":\"h\"", "hostname is set without a uts namespace"},
        {"", ",{\"type\":\"uts\"}", "", ",\"hostname\":\"h\",\"domainname\":\"d\"", NULL},
        {"", "", "", ",\"domainname\":\"h\"", "domainname is set without"},
        {"", "", ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]", "", "need a user namespace"},
        {"", ",{\"type\":\"user\"}", "", "", "needs linux.uidMappings"},
        {"", ",{\"type\":\"user\"}",
         ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2},{\"containerID\":1,\"hostID\":9,\"size\":1}],"
         "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
         "", "overlaps"},
        {"", ",{\"type\":\"user\"}",
         ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":0}],\"gidMappings\":[{\"containerID\":0,"
         "\"hostID\":1,\"size\":1}]",
         "", "size is 0"},
        {"", "", ",\"timeOffsets\":{\"boottime\":{\"secs\":1}}", "", "time namespace"},
        {"", "", ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}", "", "belongs to no namespace"},
        {"", ",{\"type\":\"uts\"}", ",\"sysctl\":{\"kernel.hostname\":\"x\"}", "", "use hostname"},
        {"", ",{\"type\":\"uts\"}", ",\"sysctl\":{\"kernel.domainname\":\"x\"}", ",\"domainname\":\"y\"", "conflicts with domainname"},
        {"", "", ",\"sysctl\":{\"vm.swappiness\":\"1\"}", "", "belongs to no namespace"},
        {"", "", ",\"sysctl\":{\"net.ipv4.ip_forward\":\"0\"}", "", "needs a network namespace"},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net.ipv4.ip_forward\":\"0\"}", "", NULL},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net/ipv4/ip_forward\":\"0\"}", "", NULL},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net.ipv4.conf.eth0/1.forwarding\":\"0\"}", "", NULL},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net.ipv4..x\":\"0\"}", "", "not a sysctl name"},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net/../kernel/core_pattern\":\"0\"}", "",
         "not a sysctl name"},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net.x\\n\":\"0\"}", "", "not a sysctl name"},
        {"", ",{\"type\":\"network\"}", ",\"sysctl\":{\"net.x=1\":\"0\"}", "", "not a sysctl name"},
        {"", ",{\"type\":\"ipc\"}", ",\"sysctl\":{\"kernel.shm_rmid_forced\":\"1+kernel.core_pattern=|/x\"}", "",
         "no sysctl needs"},
        {"", ",{\"type\":\"ipc\"}", ",\"sysctl\":{\"kernel.sem\":\"1\\nkernel.core_pattern=x\"}", "",
         "no sysctl needs"},
        {"", ",{\"type\":\"ipc\"}",
         ",\"sysctl\":{\"kernel.sem\":\"32000 1024000 500 32000\",\"fs.mqueue.msg_max\":\"5\",\"kernel.msgmax\":\"1\"}",
         "", NULL},
        {"", "", ",\"sysctl\":{\"kernel.sem\":\"1\"}", "", "needs a ipc namespace"},
        {"", "", ",\"devices\":[{\"path\":\"dev/x\",\"type\":\"c\"}]", "", "not absolute"},
        {"", "", ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"z\"}]", "", "type \"z\""},
        {"", "", ",\"maskedPaths\":[\"proc\"]", "", "maskedPaths[0]"},
        {"", "", ",\"cgroupsPath\":\"/a/../b\"", "", "\"..\""},
        {"", "", ",\"rootfsPropagation\":\"both\"", "", "rootfsPropagation"},
        {"", "", ",\"personality\":{\"domain\":\"BSD\"}", "", "personality.domain"},
        {"", "", ",\"intelRdt\":{\"closID\":\"a/b\"}", "", "closID"},
        {"", "", ",\"intelRdt\":{\"closID\":\"/\",\"enableCMT\":true}", "", NULL},
        {"", "", ",\"memoryPolicy\":{\"nodes\":\"0\"}", "", "invalid memory policy mode"},
        {"", "", ",\"netDevices\":{\"eth0\":{}}", "", "need a network namespace"},
        {"", ",{\"type\":\"network\"}", ",\"netDevices\":{\"eth0\":{\"name\":\"a b\"}}", "", "is not an interface name"},
        {"", "", "", ",\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}", "hooks.poststop[0]"},
        {"", "", "", ",\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}", "timeout"},
        {"", "", "", ",\"mounts\":[{\"type\":\"proc\"}]", "destination is missing"},
        {"", "", "", ",\"annotations\":{\"\":\"x\"}", "a key is empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_bytes text = BYTES_INIT;
        bytes_addf(&text, base, rows[i].process, rows[i].ns, rows[i].linux_, rows[i].top);
        auto_oci_config c = parse_ok(text.data);
        int r = oci_config_validate(c, &err);
        if (rows[i].message == NULL ? r != 0 : r == 0)
            fail_msg("%s: %s", text.data, r == 0 ? "accepted" : err.text);
        if (rows[i].message != NULL && strstr(err.text, rows[i].message) == NULL)
            fail_msg("%s: the message is \"%s\"", text.data, err.text);
    }
}

static void versions_from_1_0_to_1_3_are_taken(void **state)
{
    (void)state;
    const struct { const char *version; bool ok;
    } rows[] = {
        {"1.0.0", true}, {"1.0.2-dev", true}, {"1.1.0", true},  {"1.2.1+dev", true}, {"1.3.0", true},
        {"1.0", true},   {"1.4.0", false},    {"2.0.0", false}, {"0.9", false},      {"1", false},
        {"", false},     {"1.10.0", false},   {"1.0.", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct creel_err err = { 0 };
        auto_bytes text = BYTES_INIT;
        bytes_addf(&text, "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}", rows[i].version);
        auto_oci_config c = parse_ok(text.data);
        if ((oci_config_validate(c, &err) == 0) != rows[i].ok)
            fail_msg("version \"%s\"", rows[i].version);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_survives_parse_and_print),
        cmocka_unit_test(unknown_members_are_kept_out_and_null_is_absent),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(text_that_is_not_utf8_is_not_printed),
        cmocka_unit_test(validation_names_what_is_wrong),
        cmocka_unit_test(versions_from_1_0_to_1_3_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
