/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "runtime/process_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *argv[] = { (char *)"sh", NULL };
static const struct oci_config no_config = { 0 };

static struct oci_process process(void)
{
    return (struct oci_process){ .present = true, .cwd = (char *)"/", .args = { .items = argv, .count = 1 } };
}

static void refused(const struct oci_process *p, const struct oci_config *c, const char *words)
{
    struct process_plan plan;
    struct creel_err err = { 0 };
    int r = process_plan_build(c, p, &plan, &err);
    process_plan_fini(&plan);
    if (r == 0 || err.kind != CREEL_INVALID || strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\", got \"%s\"", words, r == 0 ? "success" : err.text);
}

static void the_primary_group_is_always_in_the_list(void **state)
{
    (void)state;
    struct process_plan plan;
    uint32_t more[] = { 7, 5, 7, 1000 };
    struct oci_process p = process();
    p.user.uid = p.user.gid = 1000;
    p.user.additional_gids = more;
    p.user.additional_gid_count = 4;
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.group_count, 3);
    assert_int_equal(plan.groups[0], 1000);
    assert_int_equal(plan.groups[1], 7);
    assert_int_equal(plan.groups[2], 5);
    assert_int_equal(plan.umask, 0022);
    process_plan_fini(&plan);
}

static void home_gets_a_slot_only_when_missing(void **state)
{
    (void)state;
    struct process_plan plan;
    char *env[] = { (char *)"A=1", (char *)"HOME=/x", (char *)"PATH=/p", NULL };
    struct oci_process p = process();
    p.env = (struct strv){ .items = env, .count = 3 };
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.env_home, -1);
    assert_string_equal(plan.path, "/p");
    assert_null(plan.envp[3]);
    process_plan_fini(&plan);
    p.env.count = 1;
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.env_home, 1);
    assert_non_null(strstr(plan.path, "/usr/bin"));
    process_plan_fini(&plan);
}

static void capabilities_are_strict_and_explicit(void **state)
{
    (void)state;
    struct process_plan plan;
    char *good[] = { (char *)"CAP_KILL", (char *)"CAP_CHOWN", NULL }, *bad[] = { (char *)"CAP_FLY", NULL };
    struct oci_process p = process();
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.caps.bounding | plan.caps.permitted | plan.caps.effective | plan.caps.inheritable, 0);
    process_plan_fini(&plan);
    p.caps.present = true;
    p.caps.bounding = p.caps.permitted = p.caps.effective = (struct strv){ .items = good, .count = 2 };
    p.caps.ambient = (struct strv){ .items = good, .count = 1 };
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.caps.permitted, 1u << 5 | 1u << 0);
    assert_int_equal(plan.caps.inheritable, 0);
    assert_int_equal(plan.caps.ambient, 0); /* not inheritable: the kernel would refuse */
    process_plan_fini(&plan);
    p.caps.inheritable = (struct strv){ .items = good, .count = 1 };
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.caps.ambient, 1u << 5);
    process_plan_fini(&plan);
    p.caps.bounding = (struct strv){ .items = bad, .count = 1 };
    refused(&p, &no_config, "CAP_FLY");
}

static void bad_members_are_named(void **state)
{
    (void)state;
    struct oci_process p = process();
    p.args.count = 0;
    refused(&p, &no_config, "args");
    p = process();
    p.cwd = (char *)"x";
    refused(&p, &no_config, "cwd");
    p = process();
    p.user.uid = UINT32_MAX;
    refused(&p, &no_config, "user");
    struct oci_rlimit limits[2] = { { .type = (char *)"RLIMIT_NOFILE", .soft = 2, .hard = 1 } };
    p = process();
    p.rlimits = limits;
    p.rlimit_count = 1;
    refused(&p, &no_config, "RLIMIT_NOFILE");
    limits[0].type = (char *)"NOFILE";
    limits[0].hard = 2;
    refused(&p, &no_config, "NOFILE is not known");
    limits[0].type = (char *)"RLIMIT_CPU";
    limits[1] = limits[0];
    p.rlimit_count = 2;
    refused(&p, &no_config, "given twice");
    p = process();
    p.oom_score_adj = (struct opt_i64){ true, 1001 };
    refused(&p, &no_config, "oomScoreAdj");
    p = process();
    p.scheduler.present = true;
    p.scheduler.policy = (char *)"SCHED_SOON";
    refused(&p, &no_config, "SCHED_SOON");
    p = process();
    p.io_priority.present = true;
    p.io_priority.class_ = (char *)"IOPRIO_CLASS_BE";
    p.io_priority.priority = 8;
    refused(&p, &no_config, "between 0 and 7");
    p = process();
    p.exec_cpu_affinity.initial = (char *)"0-";
    refused(&p, &no_config, "execCPUAffinity.initial");
    struct oci_config c = { .linux_ = { .personality = { .present = true, .domain = (char *)"SUNOS" } } };
    p = process();
    refused(&p, &c, "SUNOS");
}

static void lists_of_numbers_are_parsed_strictly(void **state)
{
    (void)state;
    unsigned long m[2];
    assert_true(process_list_parse("0", m, 2) && m[0] == 1);
    assert_true(process_list_parse("0-3,7", m, 2) && m[0] == 0x8f);
    assert_true(process_list_parse("64,127", m, 2) && m[0] == 0 && m[1] == (1ul | 1ul << 63));
    static const char *const bad[] = { "", ",", "0,", ",0", "1-0", "128", "-1", "0-", "a", "0 ", "0--1", "99999999999999999999", "0-200", "0,0-" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (process_list_parse(bad[i], m, 2))
            fail_msg("\"%s\" was accepted", bad[i]);
}

static void absent_processes_give_absent_plans(void **state)
{
    (void)state;
    struct process_plan plan;
    assert_int_equal(process_plan_build(&no_config, &(struct oci_process){ 0 }, &plan, NULL), 0);
    assert_false(plan.present);
    process_plan_fini(&plan);
}

static void of_repeated_variables_the_last_one_counts(void **state)
{
    (void)state;
    struct process_plan plan;
    char *env[] = { (char *)"A=1", (char *)"HOME=/x", (char *)"B=", (char *)"A=2", (char *)"AB=3", (char *)"HOME=", (char *)"A=\n", NULL };
    struct oci_process p = process();
    p.env = (struct strv){ .items = env, .count = 7 };
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    const char *const want[] = { "B=", "AB=3", "A=\n" };
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(plan.envp[i], want[i]);
    assert_int_equal(plan.env_home, 3); /* an empty HOME is none */
    assert_null(plan.envp[4]);
    process_plan_fini(&plan);
    env[0] = (char *)"PLAIN";
    refused(&p, &no_config, "missing '='");
    env[0] = (char *)"=x";
    refused(&p, &no_config, "the name is empty");
    enum { MANY = 20000 };
    char **many = calloc(MANY + 1, sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < MANY; i++)
        assert_true(asprintf(&many[i], "V%zu=%zu", i / 2, i) > 0);
    p.env = (struct strv){ .items = many, .count = MANY };
    assert_int_equal(process_plan_build(&no_config, &p, &plan, NULL), 0);
    assert_int_equal(plan.env_home, MANY / 2);
    assert_string_equal(plan.envp[MANY / 2 - 1], many[MANY - 1]);
    process_plan_fini(&plan);
    for (size_t i = 0; i < MANY; i++)
        free(many[i]);
    free(many);
}

static struct strv list(char **items, size_t count) { return (struct strv){ .items = items, .count = count }; }

static void capabilities_that_cannot_be_are_told_where_somebody_listens(void **state)
{
    (void)state;
    struct process_plan plan;
    char *names[] = { (char *)"CAP_CHOWN", (char *)"CAP_FLY", NULL }, *kill[] = { (char *)"CAP_KILL", (char *)"CAP_CHOWN", NULL };
    struct oci_process p = process();
    const struct oci_config old = { .oci_version = (char *)"1.0.2" }, new = { .oci_version = (char *)"1.2.0" };
    p.caps.present = true;
    p.caps.bounding = list(names, 2);
    refused(&p, &new, "unknown capability \"CAP_FLY\"");
    assert_int_equal(process_plan_build_as(&old, &p, true, &plan, NULL), -1);
    process_plan_fini(&plan);
    p.caps.permitted = p.caps.inheritable = list(names, 1);
    p.caps.ambient = list(kill, 2);
    assert_int_equal(process_plan_build_as(&new, &p, true, &plan, NULL), 0);
    assert_int_equal(plan.warnings.count, 2);
    assert_string_equal(plan.warnings.items[0], "ignoring unknown capability CAP_FLY");
    assert_string_equal(plan.warnings.items[1], "can't raise ambient capability CAP_KILL: operation not permitted");
    assert_true(plan.caps.bounding == 1 && plan.caps.ambient == 1);
    assert_int_equal(process_plan_drop_missing(&plan, ~UINT64_C(1), NULL), 0);
    assert_int_equal(plan.warnings.count, 3);
    assert_string_equal(plan.warnings.items[2], "ignoring capability CAP_CHOWN, which the caller does not have");
    assert_true((plan.caps.bounding | plan.caps.ambient | plan.caps.permitted | plan.caps.inheritable) == 0);
    process_plan_fini(&plan);
}

static void memory_policies_are_checked_as_far_as_that_needs_no_host(void **state)
{
    (void)state;
    static const struct { const char *mode, *nodes, *words; } rows[] = {
        { "MPOL_DEFAULT", NULL, NULL }, { "MPOL_BIND", "0", NULL }, { "MPOL_INTERLEAVE", "0-1,3", NULL },
        { "MPOL_PREFERRED", "", NULL }, { "MPOL_LOCAL", NULL, NULL }, { "MPOL_WEIGHTED_INTERLEAVE", "0", NULL },
        { "MPOL_PREFERRED_MANY", "0", NULL },
        { NULL, "0", "invalid memory policy mode" }, { "INTERLEAVE", "0", "invalid memory policy mode INTERLEAVE" },
        { "MPOL_BIND", "0-9876543210", "invalid memory policy node" }, { "MPOL_BIND", "x", "invalid memory policy node" },
        { "MPOL_DEFAULT", "0-7", "mode requires 0 nodes but got 8" }, { "MPOL_LOCAL", "1", "mode requires 0 nodes but got 1" },
        { "MPOL_BIND", NULL, "mode requires at least 1 node" },
    };
    struct oci_process p = process();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct process_plan plan;
        struct oci_config c = { 0 };
        c.linux_.memory_policy.present = true;
        c.linux_.memory_policy.mode = (char *)rows[i].mode;
        c.linux_.memory_policy.nodes = (char *)rows[i].nodes;
        if (rows[i].words != NULL) {
            refused(&p, &c, rows[i].words);
            continue;
        }
        assert_int_equal(process_plan_build(&c, &p, &plan, NULL), 0);
        assert_true(plan.mempolicy_set);
        process_plan_fini(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_repeated_variables_the_last_one_counts),
        cmocka_unit_test(capabilities_that_cannot_be_are_told_where_somebody_listens),
        cmocka_unit_test(memory_policies_are_checked_as_far_as_that_needs_no_host),
        cmocka_unit_test(the_primary_group_is_always_in_the_list),
        cmocka_unit_test(home_gets_a_slot_only_when_missing),
        cmocka_unit_test(capabilities_are_strict_and_explicit),
        cmocka_unit_test(bad_members_are_named),
        cmocka_unit_test(lists_of_numbers_are_parsed_strictly),
        cmocka_unit_test(absent_processes_give_absent_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
