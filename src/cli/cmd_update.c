/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_update.c: creel update: changed limits as a Docker update body; the engine checks and applies them. */
#include "cli/json.h"
#include "cli/command.h"

#include "base/parse.h"

#include <creel/container.h>

#include <limits.h>
#include <string.h>

enum value { VALUE_INT, VALUE_SIZE, VALUE_SIZE_OR_UNLIMITED, VALUE_TEXT, VALUE_NANO };
static const struct { const char *option, *member; enum value value; } members[] = {
    { "blkio-weight", "BlkioWeight", VALUE_INT },
    { "cpu-period", "CpuPeriod", VALUE_INT },
    { "cpu-quota", "CpuQuota", VALUE_INT },
    { "cpu-rt-period", "CpuRealtimePeriod", VALUE_INT },
    { "cpu-rt-runtime", "CpuRealtimeRuntime", VALUE_INT },
    { "cpu-shares", "CpuShares", VALUE_INT },
    { "cpus", "NanoCpus", VALUE_NANO },
    { "cpuset-cpus", "CpusetCpus", VALUE_TEXT },
    { "cpuset-mems", "CpusetMems", VALUE_TEXT },
    { "memory", "Memory", VALUE_SIZE },
    { "memory-reservation", "MemoryReservation", VALUE_SIZE },
    { "memory-swap", "MemorySwap", VALUE_SIZE_OR_UNLIMITED },
    { "pids-limit", "PidsLimit", VALUE_INT },
};

static int member_value(struct cli *c, size_t i, json_t **ret, struct creel_err *err)
{
    const char *name = members[i].option, *text = cli_string(c, name);
    int64_t n = -1;
    bool ok = true;
    switch (members[i].value) {
    case VALUE_INT: (void)cli_int(c, name, &n); break;
    case VALUE_TEXT:
        *ret = json_string(text);
        return *ret == NULL ? creel_fail(err, CREEL_INVALID, 0, "--%s is not valid UTF-8", name) : 0;
    case VALUE_NANO: ok = parse_nano(text, &n); break;
    case VALUE_SIZE_OR_UNLIMITED: ok = strcmp(text, "-1") == 0 || parse_size(text, 1024, &n); break;
    case VALUE_SIZE: ok = parse_size(text, 1024, &n); break;
    }
    if (!ok)
        return creel_fail(err, CREEL_INVALID, 0, "invalid argument \"%.200s\" for \"--%s\" flag: %s", text, name,
                          members[i].value == VALUE_NANO ? "not a number of processors" : "not a size");
    *ret = json_integer(n);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

/* no, always, unless-stopped, on-failure[:N] */
static int restart_policy(const char *text, json_t **ret, struct creel_err *err)
{
    size_t n = strcspn(text, ":");
    uint64_t count = 0;
    if (text[n] == ':' && !parse_u64(text + n + 1, INT_MAX, &count))
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid restart policy '%.200s': the maximum retry count must be a number", text);
    *ret = json_pack("{s:s#, s:I}", "Name", text, n, "MaximumRetryCount", (json_int_t)count);
    return *ret == NULL ? creel_fail(err, CREEL_INVALID, 0, "invalid restart policy '%.200s'", text) : 0;
}

static int build(struct cli *c, json_t *body, struct creel_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value;
        if (!cli_given(c, members[i].option))
            continue;
        if (member_value(c, i, &value, err) < 0 || json_put(body, members[i].member, value, err) < 0)
            return -1;
    }
    json_t *policy;
    if (cli_given(c, "restart") && (restart_policy(cli_string(c, "restart"), &policy, err) < 0 ||
                                    json_put(body, "RestartPolicy", policy, err) < 0))
        return -1;
    return json_object_size(body) > 0
               ? 0
               : creel_fail(err, CREEL_INVALID, 0, "update: say what to change (see 'creel update --help')");
}

static void say_warnings(struct cli *c, const char *text)
{
    auto_json *list = text == NULL ? NULL : json_loads(text, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++)
        (void)cli_error(c, 0, "warning: %s", json_string_value(json_array_get(list, i)));
}

static int apply(struct cli *c, const char *body)
{
    struct creel *e = cli_engine(c);
    int code = 0;
    if (e == NULL)
        return 1;
    for (size_t i = 0; i < cli_args(c)->count; i++) {
        auto_free char *warnings = NULL;
        struct creel_err err = { 0 };
        if (creel_container_update(e, cli_args(c)->items[i], body, &warnings, &err) < 0) {
            code = cli_fail(c, &err);
            continue;
        }
        (void)fprintf(cli_out(c), "%s\n", cli_args(c)->items[i]); /* main looks at ferror */
        say_warnings(c, warnings);
    }
    return code;
}

static int update(struct cli *c)
{
    struct creel_err err = { 0 };
    auto_json *body = json_object();
    if (body == NULL)
        return cli_error(c, 1, "out of memory");
    if (build(c, body, &err) < 0)
        return cli_error(c, 125, "%s", err.text);
    auto_free char *text = json_dumps(body, JSON_COMPACT);
    return text == NULL ? cli_error(c, 1, "out of memory") : apply(c, text);
}

static const struct cli_option options[] = {
    { .name = "blkio-weight",
      .kind = CLI_INT,
      .metavar = "WEIGHT",
      .help = "Share of block I/O, 10 to 1000, 0 for none" },
    { .name = "cpu-period", .kind = CLI_INT, .metavar = "MICROSECONDS", .help = "Period of the processor quota" },
    { .name = "cpu-quota", .kind = CLI_INT, .metavar = "MICROSECONDS", .help = "Processor time in each period" },
    { .name = "cpu-rt-period", .kind = CLI_INT, .metavar = "MICROSECONDS", .help = "Period for real-time processes" },
    { .name = "cpu-rt-runtime",
      .kind = CLI_INT,
      .metavar = "MICROSECONDS",
      .help = "Real-time processor time in each period" },
    { .name = "cpu-shares",
      .letter = 'c',
      .kind = CLI_INT,
      .metavar = "SHARES",
      .help = "Weight among containers that want the processor" },
    { .name = "cpus", .kind = CLI_STRING, .metavar = "NUMBER", .help = "Number of processors, such as 1.5" },
    { .name = "cpuset-cpus",
      .kind = CLI_STRING,
      .metavar = "LIST",
      .help = "Processors that may be used, such as 0-3 or 0,1" },
    { .name = "cpuset-mems", .kind = CLI_STRING, .metavar = "LIST", .help = "Memory nodes that may be used" },
    { .name = "memory", .letter = 'm', .kind = CLI_STRING, .metavar = "SIZE", .help = "Memory limit" },
    { .name = "memory-reservation",
      .kind = CLI_STRING,
      .metavar = "SIZE",
      .help = "Memory that is left when memory gets short" },
    { .name = "memory-swap",
      .kind = CLI_STRING,
      .metavar = "SIZE",
      .help = "Memory and swap together; -1: unlimited swap" },
    { .name = "pids-limit",
      .kind = CLI_INT,
      .metavar = "NUMBER",
      .help = "Number of processes and threads; -1: unlimited" },
    { .name = "restart",
      .kind = CLI_STRING,
      .metavar = "POLICY",
      .help = "What to do when the container exits",
      .complete = CLI_COMPLETE_WORDS,
      .words = "no on-failure always unless-stopped" },
    { .name = NULL },
};

const struct cli_command cli_cmd_update = {
    .name = "update",
    .alias = "container update",
    .synopsis = "[OPTIONS] CONTAINER...",
    .summary = "Change the limits of containers",
    .description = "Changes limits of containers, running or not. What is not given stays as it is.",
    .examples = "creel update --memory 512m --memory-swap 1g web\n"
                "creel update --cpus 1.5 --pids-limit 200 web db",
    .options = options,
    .min_args = 1, .max_args = -1, .group = CLI_GROUP_CONTAINER, .complete = CLI_COMPLETE_CONTAINER, .run = update,
};
