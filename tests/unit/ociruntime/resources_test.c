/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "ociruntime/resources.h"

#include <string.h>

enum { ARGS_MAX = 16 };

/* resources_requested for the words after "update c". */
static int requested(struct oci_resources *r, struct creel_err *err, const char *const words[])
{
    static struct invocation in;
    char *argv[ARGS_MAX] = { (char *)"creel-runtime", (char *)"update" };
    int argc = 2;
    for (; words[argc - 2] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 2];
    argv[argc++] = (char *)"c";
    assert_int_equal(invocation_parse(&in, argc, argv, NULL), 0);
    int result = resources_requested(&in, r, err);
    invocation_fini(&in);
    return result;
}
#define REQUEST(r, err, ...) requested(r, err, (const char *const[]){ __VA_ARGS__, NULL })

static void every_option_ends_in_its_member(void **state)
{
    (void)state;
    struct oci_resources r;
    assert_int_equal(REQUEST(&r, NULL, "--blkio-weight=500", "--cpu-period=1", "--cpu-quota=-1", "--cpu-burst=0",
                             "--cpu-share=2", "--cpu-rt-period=3", "--cpu-rt-runtime=4", "--cpu-idle=1",
                             "--cpuset-cpus=0-1", "--cpuset-mems=0"), 0);
    assert_int_equal(r.block_io.weight.value, 500);
    assert_int_equal(r.cpu.period.value, 1);
    assert_int_equal(r.cpu.quota.value, -1);
    assert_true(r.cpu.burst.set && r.cpu.burst.value == 0);
    assert_int_equal(r.cpu.shares.value, 2);
    assert_int_equal(r.cpu.realtime_period.value, 3);
    assert_int_equal(r.cpu.realtime_runtime.value, 4);
    assert_int_equal(r.cpu.idle.value, 1);
    assert_string_equal(r.cpu.cpus, "0-1");
    assert_string_equal(r.cpu.mems, "0");
    assert_false(r.memory.limit.set || r.pids_limit.set);
    oci_resources_fini(&r);
    assert_int_equal(REQUEST(&r, NULL, "--memory=50M", "--memory-swap=-1", "--memory-reservation", "1.5k",
                             "--pids-limit=-1", "--cpu-period="), 0);
    assert_int_equal(r.memory.limit.value, 50 << 20);
    assert_int_equal(r.memory.swap.value, -1);
    assert_int_equal(r.memory.reservation.value, 1536);
    assert_int_equal(r.pids_limit.value, -1);
    assert_false(r.cpu.period.set);
    oci_resources_fini(&r);
}

static void values_that_are_none_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = { "--cpu-period=-1", "--cpu-quota=x", "--memory=5x", "--memory=-2", "--cpu-share=1k",
                                       "--pids-limit=1.5", "--cpu-idle=yes", "--cpu-period=18446744073709551616" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct oci_resources r;
        struct creel_err err = { 0 };
        assert_int_equal(REQUEST(&r, &err, bad[i]), -1);
        assert_int_equal(err.kind, CREEL_INVALID);
        if (strncmp(err.text, "invalid value for ", 18) != 0
            || strncmp(err.text + 18, bad[i] + 2, strcspn(bad[i], "=") - 2) != 0)
            fail_msg("%s: %s", bad[i], err.text);
        oci_resources_fini(&r);
    }
}

static void kernel_memory_is_ignored(void **state)
{
    (void)state;
    struct oci_resources r;
    assert_int_equal(REQUEST(&r, NULL, "--kernel-memory=50M", "--kernel-memory-tcp=5M"), 0);
    assert_false(r.memory.kernel.set || r.memory.kernel_tcp.set);
    oci_resources_fini(&r);
}

static void a_file_that_is_missing_is_named(void **state)
{
    (void)state;
    struct oci_resources r;
    struct creel_err err = { 0 };
    assert_int_equal(REQUEST(&r, &err, "-r", "/no/such/file", "--memory=1m"), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no/such/file"));
    oci_resources_fini(&r);
}

/* The document that `before` becomes with `change`. */
static void merged(const char *before, const char *change, const char *want)
{
    struct oci_resources a, b, c;
    auto_free char *got = NULL, *wanted = NULL;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&c, 0, sizeof c);
    assert_int_equal(oci_resources_parse(before, strlen(before), &a, NULL), 0);
    assert_int_equal(oci_resources_parse(change, strlen(change), &b, NULL), 0);
    assert_int_equal(oci_resources_parse(want, strlen(want), &c, NULL), 0);
    assert_int_equal(resources_merge(&a, &b, NULL), 0);
    assert_int_equal(oci_resources_print(&a, &got, NULL), 0);
    assert_int_equal(oci_resources_print(&c, &wanted, NULL), 0);
    assert_string_equal(got, wanted);
    oci_resources_fini(&a);
    oci_resources_fini(&b);
    oci_resources_fini(&c);
}

static void members_replace_and_the_others_stay(void **state)
{
    (void)state;
    merged("{\"memory\":{\"limit\":5,\"swap\":7},\"cpu\":{\"cpus\":\"0\"}}",
           "{\"memory\":{\"limit\":6},\"cpu\":{\"cpus\":\"1-2\",\"idle\":0},\"pids\":{\"limit\":-1}}",
           "{\"memory\":{\"limit\":6,\"swap\":7},\"cpu\":{\"cpus\":\"1-2\",\"idle\":0},\"pids\":{\"limit\":-1}}");
    merged("{}", "{}", "{}");
}

static void rows_are_found_by_what_names_them(void **state)
{
    (void)state;
    merged("{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},{\"major\":8,\"minor\":1,\"rate\":2}]}}",
           "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":9},{\"major\":9,\"minor\":0,\"rate\":3}]}}",
           "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},{\"major\":8,\"minor\":1,\"rate\":9},"
           "{\"major\":9,\"minor\":0,\"rate\":3}]}}");
    merged("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10,\"leafWeight\":20}]}}",
           "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":30}]}}",
           "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":30,\"leafWeight\":20}]}}");
    merged("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],\"unified\":{\"memory.high\":\"1\"}}",
           "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":2},{\"pageSize\":\"2MB\",\"limit\":3}],"
           "\"unified\":{\"memory.high\":\"2\",\"memory.low\":\"3\"}}",
           "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":3},{\"pageSize\":\"1GB\",\"limit\":2}],"
           "\"unified\":{\"memory.high\":\"2\",\"memory.low\":\"3\"}}");
    merged("{\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":1}]},\"rdma\":{\"a\":{\"hcaHandles\":1}}}",
           "{\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":2}]},\"rdma\":{\"a\":{\"hcaObjects\":4}}}",
           "{\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":2}]},\"rdma\":{\"a\":{\"hcaHandles\":1,\"hcaObjects\":4}}}");
}

static void device_rules_stay_as_they_are(void **state)
{
    (void)state;
    merged("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}", "{\"pids\":{\"limit\":3}}",
           "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"pids\":{\"limit\":3}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_ends_in_its_member),
        cmocka_unit_test(values_that_are_none_are_refused_by_name),
        cmocka_unit_test(kernel_memory_is_ignored),
        cmocka_unit_test(a_file_that_is_missing_is_named),
        cmocka_unit_test(members_replace_and_the_others_stay),
        cmocka_unit_test(rows_are_found_by_what_names_them),
        cmocka_unit_test(device_rules_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
