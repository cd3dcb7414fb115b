/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_update.c: change the limits of a container.
 *
 * What is asked for is checked whole, then remembered, then given to the kernel; if that refuses, the old limits
 * are in force again (cgroup_update sees to that) and remembered again. */
#include "ociruntime/command.h"
#include "ociruntime/resources.h"
#include "ociruntime/state.h"

#include "runtime/resctrl.h"

#include <string.h>
#include <unistd.h>

static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

/* Classes of service are asked for by options only; a container has a group for them from its beginning, or none. */
static int change_rdt(const struct invocation *in, struct oci_config *c, struct creel_err *err)
{
    const struct { const char *text, *lack; char **at; } rows[] = {
        { option_string(in, "l3-cache-schema"), "Intel RDT/CAT: l3 cache schema is not enabled",
          &c->linux_.intel_rdt.l3_schema },
        { option_string(in, "mem-bw-schema"), "Intel RDT/MBA: memory bandwidth schema is not enabled",
          &c->linux_.intel_rdt.mem_bw_schema },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!given(rows[i].text))
            continue;
        if (access("/sys/fs/resctrl/info", F_OK) < 0)
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s", rows[i].lack);
        if (!c->linux_.intel_rdt.present)
            return creel_fail(err, CREEL_INVALID, 0,
                              "updating a non-existent Intel RDT configuration is not supported");
        free(*rows[i].at);
        *rows[i].at = strdup(rows[i].text);
        if (*rows[i].at == NULL)
            return creel_fail_nomem(err);
    }
    return 0;
}

static int write_rdt(const struct state *s, const struct oci_config *c, struct creel_err *err)
{
    struct resctrl *r = NULL;
    if (resctrl_open(c, s->id, NULL, &r, err) < 0)
        return -1;
    int result = resctrl_update(r, err);
    resctrl_free(r);
    return result;
}

static int save_config(struct state *s, char **text, struct creel_err *err)
{
    char *old = s->config_text;
    s->config_text = *text;
    s->config_len = strlen(*text);
    *text = old;                /* the other one is what there was before */
    return state_save(s, false, err);
}

/* `before` and `after` are the configurations, `r` what is between them. */
static int put_in_force(const struct invocation *in, const struct state *s, struct cgroup *group,
                        const struct oci_resources *r, const struct oci_config *before,
                        const struct oci_config *after, struct creel_err *err)
{
    bool rdt = given(option_string(in, "l3-cache-schema")) || given(option_string(in, "mem-bw-schema"));
    if ((!rdt || write_rdt(s, after, err) == 0) && cgroup_update(group, r, err) == 0)
        return 0;
    struct creel_err again = { 0 };
    if (rdt && write_rdt(s, before, &again) < 0)
        return creel_wrap(err, "%s; the old schemata of container %s are not in force again", again.text, s->id);
    return -1;
}

static int apply(const struct invocation *in, struct state *s, struct cgroup *group, const struct oci_resources *r,
                 struct creel_err *err)
{
    auto_oci_config before = NULL;
    auto_oci_config after = NULL;
    auto_free char *text = NULL;
    struct creel_err again = { 0 };
    if (state_config(s, &before, err) < 0 || state_config(s, &after, err) < 0
        || resources_merge(&after->linux_.resources, r, err) < 0 || change_rdt(in, after, err) < 0)
        return -1;
    after->linux_.present = true;
    if (oci_config_print(after, &text, err) < 0 || save_config(s, &text, err) < 0)
        return -1;
    if (put_in_force(in, s, group, r, before, after, err) == 0)
        return 0;
    if (save_config(s, &text, &again) < 0)
        return creel_wrap(err, "%s; the state of container %s now has limits that are not in force", again.text,
                          s->id);
    return -1;
}

static int update(struct invocation *in, const struct oci_resources *r, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_cgroup group = NULL;
    enum container_status status;
    if (invocation_root(in, &root, err) < 0 || state_load_locked(root, invocation_arg(in, 0), &s, err) < 0
        || state_status(&s, &status, err) < 0)
        return -1;
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
        return creel_fail(err, CREEL_CONFLICT, 0, "container not running");
    if (state_cgroup(&s, &group, err) < 0)
        return -1;
    if (group == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "container %s runs without a control group, so it has no limits",
                          s.id);
    return apply(in, &s, group, r, err);
}

static int run(struct invocation *in, struct creel_err *err)
{
    struct oci_resources r;
    int result = resources_requested(in, &r, err);
    if (result == 0)
        result = update(in, &r, err);
    oci_resources_fini(&r);
    return result;
}

static const struct option options[] = {
    { .name = "resources", .letter = 'r', .kind = OPTION_STRING, .metavar = "FILE",
      .help = "path to the file containing the resources to update or '-' to read from the standard input; other "
              "limits are then ignored" },
    { .name = "blkio-weight", .kind = OPTION_STRING, .metavar = "N",
      .help = "block I/O weight, from 10 to 1000" },
    { .name = "cpu-period", .kind = OPTION_STRING, .metavar = "USEC",
      .help = "CPU CFS period to be used for hardcapping (in usecs). 0 to use system default" },
    { .name = "cpu-quota", .kind = OPTION_STRING, .metavar = "USEC",
      .help = "CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period" },
    { .name = "cpu-burst", .kind = OPTION_STRING, .metavar = "USEC",
      .help = "CPU CFS hardcap burst limit (in usecs). Cpu time that may be saved up for a period" },
    { .name = "cpu-share", .kind = OPTION_STRING, .metavar = "N",
      .help = "CPU shares (relative weight vs. other containers)" },
    { .name = "cpu-rt-period", .kind = OPTION_STRING, .metavar = "USEC",
      .help = "CPU realtime period to be used for hardcapping (in usecs). 0 to use system default" },
    { .name = "cpu-rt-runtime", .kind = OPTION_STRING, .metavar = "USEC",
      .help = "CPU realtime hardcap limit (in usecs). Allowed cpu time in a given period" },
    { .name = "cpuset-cpus", .kind = OPTION_STRING, .metavar = "LIST", .help = "CPU(s) to use" },
    { .name = "cpuset-mems", .kind = OPTION_STRING, .metavar = "LIST", .help = "Memory node(s) to use" },
    { .name = "kernel-memory", .kind = OPTION_STRING, .metavar = "BYTES", .help = "obsolete: ignored",
      .hidden = true },
    { .name = "kernel-memory-tcp", .kind = OPTION_STRING, .metavar = "BYTES", .help = "obsolete: ignored",
      .hidden = true },
    { .name = "memory", .kind = OPTION_STRING, .metavar = "BYTES", .help = "Memory limit (in bytes)" },
    { .name = "cpu-idle", .kind = OPTION_STRING, .metavar = "0|1",
      .help = "set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE" },
    { .name = "memory-reservation", .kind = OPTION_STRING, .metavar = "BYTES",
      .help = "Memory reservation or soft_limit (in bytes)" },
    { .name = "memory-swap", .kind = OPTION_STRING, .metavar = "BYTES",
      .help = "Total memory usage (memory + swap); set '-1' to enable unlimited swap" },
    { .name = "pids-limit", .kind = OPTION_STRING, .metavar = "N",
      .help = "Maximum number of pids allowed in the container" },
    { .name = "l3-cache-schema", .kind = OPTION_STRING, .metavar = "SCHEMA",
      .help = "The string of Intel RDT/CAT L3 cache schema" },
    { .name = "mem-bw-schema", .kind = OPTION_STRING, .metavar = "SCHEMA",
      .help = "The string of Intel RDT/MBA memory bandwidth schema" },
    { .name = NULL },
};

const struct command command_update = {
    .name = "update", .synopsis = "[options] <container-id>",
    .summary = "update container resource constraints",
    .description = "What is not given stays as it is. The document of --resources is the \"resources\" object of "
                   "the OCI configuration; its device rules are left as they are. Either everything is changed or "
                   "nothing.",
    .options = options, .min_args = 1, .max_args = 1, .run = run,
};
