/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_request.c: what is checked here is what only the caller can know (its files, its directory, its
 * environment) and what can be said better next to the option; everything else is the engine's to refuse. Members
 * that were not asked for are left out, so that the engine's defaults apply. */
#include "cli/run_request.h"

#include "cli/device_spec.h"
#include "cli/env_file.h"
#include "cli/json.h"
#include "cli/mount_spec.h"
#include "cli/run_options.h"
#include "cli/security_opt.h"
#include "cli/ulimit_spec.h"
#include "cli/volume_spec.h"

#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

struct build {
    const struct cli *c;
    json_t *config, *host;          /* borrowed from run_request_build */
    struct creel_err *err;
    struct run_request *request;
};

void run_request_fini(struct run_request *r)
{
    free(r->body);
    *r = (struct run_request){ 0 };
}

/* --- saying which option is wrong --- */

/* err says what is wrong with `value`; put the option in front. */
static int bad_argument(const struct build *b, const char *option, const char *value)
{
    char letter[5] = "";
    for (const struct cli_option *o = run_options; o->name != NULL; o++)
        if (strcmp(o->name, option) == 0 && o->letter != 0)
            (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    return creel_wrap(b->err, "invalid argument \"%.200s\" for \"%s--%s\" flag", value, letter, option);
}

__attribute__((format(printf, 4, 5))) static int bad_value(const struct build *b, const char *option,
                                                           const char *value, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a message may be cut */
    va_end(ap);
    (void)creel_fail(b->err, CREEL_INVALID, 0, "%s", text);
    return bad_argument(b, option, value);
}

/* --- simple members --- */

static int text_member(const struct build *b, json_t *object, const char *key, const char *option)
{
    const char *value = cli_string(b->c, option);
    char what[64];
    (void)snprintf(what, sizeof what, "--%s", option);
    return value == NULL ? 0 : json_put_text(object, key, value, what, b->err);
}

static int flag_member(const struct build *b, json_t *object, const char *key, const char *option)
{
    return cli_given(b->c, option) ? json_put(object, key, json_boolean(cli_flag(b->c, option)), b->err) : 0;
}

static int int_member(const struct build *b, json_t *object, const char *key, const char *option, int64_t min,
                      int64_t max)
{
    int64_t value;
    if (!cli_int(b->c, option, &value))
        return 0;
    if (value < min || value > max) {
        char text[32];
        (void)snprintf(text, sizeof text, "%lld", (long long)value);
        return bad_value(b, option, text, "value out of range (%lld to %lld)", (long long)min, (long long)max);
    }
    return json_put(object, key, json_integer(value), b->err);
}

static int size_member(const struct build *b, json_t *object, const char *key, const char *option, bool unlimited)
{
    const char *text = cli_string(b->c, option);
    int64_t value = -1;
    if (text == NULL)
        return 0;
    if (!(unlimited && strcmp(text, "-1") == 0) && !parse_size(text, 1024, &value))
        return bad_value(b, option, text, "invalid size: '%.200s'", text);
    return json_put(object, key, json_integer(value), b->err);
}

static int list_member(const struct build *b, json_t *object, const char *key, const char *option)
{
    const struct strv *list = cli_list(b->c, option);
    char what[64];
    (void)snprintf(what, sizeof what, "--%s", option);
    if (list->count == 0)
        return 0;
    auto_json *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        if (json_push_text(array, list->items[i], what, b->err) < 0)
            return -1;
    return json_put(object, key, json_incref(array), b->err);
}

/* "key=value" into an object; without "=" the value is empty. */
static int pair_put(json_t *object, const char *pair, size_t key_len, const char *what, struct creel_err *err)
{
    auto_free char *key = strndup(pair, key_len);
    if (key == NULL)
        return creel_fail_nomem(err);
    auto_json *valid = json_string(key);
    if (valid == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "%s is not valid UTF-8", what);
    return json_put_text(object, key, pair[key_len] == '\0' ? "" : pair + key_len + 1, what, err);
}

static int pairs_member(const struct build *b, json_t *object, const char *key, const struct strv *pairs,
                        const char *option)
{
    if (pairs->count == 0)
        return 0;
    auto_json *map = json_object();
    for (size_t i = 0; i < pairs->count; i++) {
        const char *pair = pairs->items[i];
        size_t n = strcspn(pair, "=");
        if (n == 0)
            return bad_value(b, option, pair, "invalid %s '%.200s': empty name", option, pair);
        if (pair_put(map, pair, n, option, b->err) < 0)
            return -1;
    }
    return json_put(object, key, json_incref(map), b->err);
}

/* --- streams --- */

static int attach_streams(const struct build *b, bool detach)
{
    const struct strv *list = cli_list(b->c, "attach");
    struct run_request *r = b->request;
    r->tty = cli_flag(b->c, "tty");
    r->open_stdin = cli_flag(b->c, "interactive");
    if (detach && list->count > 0)
        return creel_fail(b->err, CREEL_INVALID, 0, "conflicting options: cannot specify both --attach and --detach");
    if (detach)
        return 0;
    r->attach_in = r->open_stdin; /* --interactive attaches it whatever --attach says */
    if (list->count == 0)
        r->attach_out = r->attach_err = true;
    for (size_t i = 0; i < list->count; i++) {
        const char *s = list->items[i];
        if (strcasecmp(s, "stdin") == 0)
            r->attach_in = true;
        else if (strcasecmp(s, "stdout") == 0)
            r->attach_out = true;
        else if (strcasecmp(s, "stderr") == 0)
            r->attach_err = true;
        else
            return bad_value(b, "attach", s, "valid streams are STDIN, STDOUT and STDERR");
    }
    return 0;
}

static int put_streams(const struct build *b, unsigned rows, unsigned cols)
{
    const struct run_request *r = b->request;
    if (json_put(b->config, "AttachStdin", json_boolean(r->attach_in), b->err) < 0
        || json_put(b->config, "AttachStdout", json_boolean(r->attach_out), b->err) < 0
        || json_put(b->config, "AttachStderr", json_boolean(r->attach_err), b->err) < 0
        || json_put(b->config, "Tty", json_boolean(r->tty), b->err) < 0
        || json_put(b->config, "OpenStdin", json_boolean(r->open_stdin), b->err) < 0
        || json_put(b->config, "StdinOnce", json_boolean(r->open_stdin && r->attach_in), b->err) < 0)
        return -1;
    if (!r->tty || rows == 0 || cols == 0)
        return 0;
    return json_put(b->host, "ConsoleSize", json_pack("[i,i]", (int)rows, (int)cols), b->err);
}

/* --- the process --- */

static const char *host_environment(const char *name)
{
    return getenv(name);
}

static int env_add(const char *text, struct strv *out, struct creel_err *err)
{
    if (text[0] == '\0' || text[0] == '=')
        return creel_fail(err, CREEL_INVALID, 0, "invalid argument \"%.200s\" for \"-e, --env\" flag: invalid "
                          "environment variable: %.200s", text, text);
    const char *value = strchr(text, '=') == NULL ? getenv(text) : NULL;
    bool ok = value != NULL ? strv_addf(out, "%s=%s", text, value) : strv_add(out, text);
    return ok ? 0 : creel_fail_nomem(err);
}

int run_request_env(const struct cli *c, struct strv *out, struct creel_err *err)
{
    const struct strv *files = cli_list(c, "env-file"), *list = cli_list(c, "env");
    for (size_t i = 0; i < files->count; i++)
        if (env_file_load(files->items[i], "env file", host_environment, out, err) < 0)
            return -1;
    for (size_t i = 0; i < list->count; i++)
        if (env_add(list->items[i], out, err) < 0)
            return -1;
    return 0;
}

static int put_env(const struct build *b)
{
    auto_strv env = STRV_INIT;
    if (run_request_env(b->c, &env, b->err) < 0)
        return -1;
    if (env.count == 0)
        return 0;
    auto_json *array = json_array();
    for (size_t i = 0; i < env.count; i++) {
        char what[96];
        (void)snprintf(what, sizeof what, "environment variable %.*s", (int)strcspn(env.items[i], "="),
                       env.items[i]);
        if (json_push_text(array, env.items[i], what, b->err) < 0)
            return -1;
    }
    return json_put(b->config, "Env", json_incref(array), b->err);
}

static int put_command(const struct build *b)
{
    const struct strv *args = cli_args(b->c);
    const char *entrypoint = cli_string(b->c, "entrypoint");
    if (json_put_text(b->config, "Image", args->items[0], "the image's name", b->err) < 0)
        return -1;
    if (entrypoint != NULL) {
        auto_json *list = json_array();
        if (json_push_text(list, entrypoint, "--entrypoint", b->err) < 0
            || json_put(b->config, "Entrypoint", json_incref(list), b->err) < 0)
            return -1;
    }
    if (args->count < 2)
        return 0;
    auto_json *cmd = json_array();
    for (size_t i = 1; i < args->count; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, i == 1 ? "the command" : "argument %zu of the command", i - 1);
        if (json_push_text(cmd, args->items[i], what, b->err) < 0)
            return -1;
    }
    return json_put(b->config, "Cmd", json_incref(cmd), b->err);
}

static int put_process(const struct build *b)
{
    if (put_command(b) < 0 || put_env(b) < 0 || text_member(b, b->config, "User", "user") < 0
        || text_member(b, b->config, "WorkingDir", "workdir") < 0
        || text_member(b, b->config, "StopSignal", "stop-signal") < 0
        || int_member(b, b->config, "StopTimeout", "stop-timeout", -1, INT32_MAX) < 0
        || list_member(b, b->host, "GroupAdd", "group-add") < 0 || flag_member(b, b->host, "Init", "init") < 0
        || int_member(b, b->host, "OomScoreAdj", "oom-score-adj", -1000, 1000) < 0)
        return -1;
    if (!cli_flag(b->c, "no-healthcheck"))
        return 0;
    return json_put(b->config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"), b->err);
}

/* --- names and notes --- */

static int put_labels(const struct build *b)
{
    const struct strv *files = cli_list(b->c, "label-file"), *list = cli_list(b->c, "label");
    auto_strv labels = STRV_INIT;
    for (size_t i = 0; i < files->count; i++)
        if (env_file_load(files->items[i], "label file", NULL, &labels, b->err) < 0)
            return -1;
    for (size_t i = 0; i < list->count; i++)
        if (!strv_add(&labels, list->items[i]))
            return creel_fail_nomem(b->err);
    return pairs_member(b, b->config, "Labels", &labels, "label");
}

static int put_names(const struct build *b)
{
    return text_member(b, b->config, "Hostname", "hostname") < 0
                   || text_member(b, b->config, "Domainname", "domainname") < 0 || put_labels(b) < 0
                   || pairs_member(b, b->host, "Annotations", cli_list(b->c, "annotation"), "annotation") < 0
               ? -1
               : 0;
}

/* --- resources --- */

static int put_cpus(const struct build *b)
{
    const char *text = cli_string(b->c, "cpus");
    int64_t nano;
    if (text == NULL)
        return 0;
    if (!parse_nano(text, &nano))
        return bad_value(b, "cpus", text, "failed to parse %.200s as a number with at most nine fractional digits",
                         text);
    return json_put(b->host, "NanoCpus", json_integer(nano), b->err);
}

/* The last one of a name counts. Takes `limit` over. */
static int ulimit_put(json_t *array, json_t *limit, struct creel_err *err)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_equal(json_object_get(json_array_get(array, i), "Name"), json_object_get(limit, "Name")))
            return json_array_set_new(array, i, limit) < 0 ? creel_fail_nomem(err) : 0;
    return json_push(array, limit, err);
}

static int put_ulimits(const struct build *b)
{
    const struct strv *list = cli_list(b->c, "ulimit");
    auto_json *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *limit = NULL;
        if (ulimit_spec_parse(list->items[i], &limit, b->err) < 0)
            return bad_argument(b, "ulimit", list->items[i]);
        if (ulimit_put(array, limit, b->err) < 0)
            return -1;
    }
    return list->count == 0 ? 0 : json_put(b->host, "Ulimits", json_incref(array), b->err);
}

static int put_resources(const struct build *b)
{
    return size_member(b, b->host, "Memory", "memory", false) < 0
                   || size_member(b, b->host, "MemoryReservation", "memory-reservation", false) < 0
                   || size_member(b, b->host, "MemorySwap", "memory-swap", true) < 0
                   || size_member(b, b->host, "ShmSize", "shm-size", false) < 0 || put_cpus(b) < 0
                   || int_member(b, b->host, "CpuShares", "cpu-shares", 0, INT64_MAX) < 0
                   || int_member(b, b->host, "CpuPeriod", "cpu-period", 0, INT64_MAX) < 0
                   || int_member(b, b->host, "CpuQuota", "cpu-quota", INT64_MIN, INT64_MAX) < 0
                   || text_member(b, b->host, "CpusetCpus", "cpuset-cpus") < 0
                   || text_member(b, b->host, "CpusetMems", "cpuset-mems") < 0
                   || int_member(b, b->host, "PidsLimit", "pids-limit", -1, INT64_MAX) < 0
                   || int_member(b, b->host, "BlkioWeight", "blkio-weight", 0, UINT16_MAX) < 0
                   || flag_member(b, b->host, "OomKillDisable", "oom-kill-disable") < 0 || put_ulimits(b) < 0
                   || text_member(b, b->host, "CgroupParent", "cgroup-parent") < 0
               ? -1
               : 0;
}

/* --- files and devices --- */

static int put_volumes(const struct build *b, const char *cwd, json_t *mounts)
{
    const struct strv *list = cli_list(b->c, "volume");
    auto_json *binds = json_array();
    for (size_t i = 0; i < list->count; i++) {
        auto_free char *bind = NULL;
        json_t *mount = NULL;
        if (volume_spec_parse(list->items[i], cwd, &bind, &mount, b->err) < 0)
            return -1;
        if (mount != NULL ? json_push(mounts, mount, b->err) < 0
                          : json_push_text(binds, bind, "--volume", b->err) < 0)
            return -1;
    }
    return json_array_size(binds) == 0 ? 0 : json_put(b->host, "Binds", json_incref(binds), b->err);
}

static int put_mounts(const struct build *b)
{
    const struct strv *list = cli_list(b->c, "mount");
    auto_json *mounts = json_array();
    auto_free char *cwd = NULL;
    if (list->count == 0 && cli_list(b->c, "volume")->count == 0)
        return 0;
    cwd = getcwd(NULL, 0);
    if (cwd == NULL)
        return creel_fail(b->err, CREEL_INTERNAL, errno, "find the current directory");
    if (put_volumes(b, cwd, mounts) < 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        json_t *mount = NULL;
        if (mount_spec_parse(list->items[i], cwd, &mount, b->err) < 0)
            return bad_argument(b, "mount", list->items[i]);
        if (json_push(mounts, mount, b->err) < 0)
            return -1;
    }
    return json_array_size(mounts) == 0 ? 0 : json_put(b->host, "Mounts", json_incref(mounts), b->err);
}

static int put_tmpfs(const struct build *b)
{
    const struct strv *list = cli_list(b->c, "tmpfs");
    if (list->count == 0)
        return 0;
    auto_json *map = json_object();
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->items[i];
        if (text[0] != '/')
            return bad_value(b, "tmpfs", text, "invalid mount path: '%.200s' mount path must be absolute", text);
        if (pair_put(map, text, strcspn(text, ":"), "--tmpfs", b->err) < 0)
            return -1;
    }
    return json_put(b->host, "Tmpfs", json_incref(map), b->err);
}

static int put_devices(const struct build *b)
{
    const struct strv *list = cli_list(b->c, "device"), *rules = cli_list(b->c, "device-cgroup-rule");
    auto_json *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *device = NULL;
        if (device_spec_parse(list->items[i], &device, b->err) < 0)
            return bad_argument(b, "device", list->items[i]);
        if (json_push(array, device, b->err) < 0)
            return -1;
    }
    if (list->count > 0 && json_put(b->host, "Devices", json_incref(array), b->err) < 0)
        return -1;
    for (size_t i = 0; i < rules->count; i++)
        if (device_rule_check(rules->items[i], b->err) < 0)
            return bad_argument(b, "device-cgroup-rule", rules->items[i]);
    return list_member(b, b->host, "DeviceCgroupRules", "device-cgroup-rule");
}

static int put_files(const struct build *b)
{
    return put_mounts(b) < 0 || put_tmpfs(b) < 0 || put_devices(b) < 0
                   || flag_member(b, b->host, "ReadonlyRootfs", "read-only") < 0
               ? -1
               : 0;
}

/* --- confinement --- */

/* A namespace option: one of `words` (space-separated), or container:NAME where that is possible. */
static int namespace_member(const struct build *b, const char *key, const char *option, const char *words,
                            bool other_container)
{
    const char *value = cli_string(b->c, option);
    size_t n = value == NULL ? 0 : strlen(value);
    if (n == 0)
        return 0;
    bool ok = other_container && strncmp(value, "container:", 10) == 0 && value[10] != '\0';
    for (const char *w = words; !ok && w != NULL; w = strchr(w, ' ')) {
        w += *w == ' ';
        ok = strncmp(w, value, n) == 0 && (w[n] == ' ' || w[n] == '\0');
    }
    if (!ok)
        return creel_fail(b->err, CREEL_INVALID, 0, "--%s: invalid mode '%.200s' (%s%s)", option, value, words,
                          other_container ? " or container:NAME" : "");
    return text_member(b, b->host, key, option);
}

static bool sysctl_allowed(const char *text)
{
    static const char *const exact[] = { "kernel.msgmax=", "kernel.msgmnb=", "kernel.msgmni=",
                                         "kernel.sem=",    "kernel.shmall=", "kernel.shmmax=",
                                         "kernel.shmmni=", "kernel.shm_rmid_forced=" };
    static const char *const prefixes[] = { "net.", "fs.mqueue." };
    if (strchr(text, '=') == NULL)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(exact); i++)
        if (strncmp(text, exact[i], strlen(exact[i])) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static int put_confinement(const struct build *b)
{
    const struct strv *sysctls = cli_list(b->c, "sysctl");
    for (size_t i = 0; i < sysctls->count; i++)
        if (!sysctl_allowed(sysctls->items[i]))
            return bad_value(b, "sysctl", sysctls->items[i], "sysctl '%.200s' is not allowed", sysctls->items[i]);
    return namespace_member(b, "PidMode", "pid", "host", true) < 0
                   || namespace_member(b, "IpcMode", "ipc", "none private shareable host", true) < 0
                   || namespace_member(b, "UTSMode", "uts", "host", false) < 0
                   || namespace_member(b, "UsernsMode", "userns", "host", false) < 0
                   || namespace_member(b, "CgroupnsMode", "cgroupns", "private host", false) < 0
                   || list_member(b, b->host, "CapAdd", "cap-add") < 0
                   || list_member(b, b->host, "CapDrop", "cap-drop") < 0
                   || flag_member(b, b->host, "Privileged", "privileged") < 0
                   || security_opt_apply(cli_list(b->c, "security-opt"), b->host, b->err) < 0
                   || pairs_member(b, b->host, "Sysctls", sysctls, "sysctl") < 0
                   || text_member(b, b->host, "Runtime", "runtime") < 0
               ? -1
               : 0;
}

/* --- network, log, life --- */

static int put_network(const struct build *b)
{
    const struct strv *list = cli_list(b->c, "network");
    const char *network = list->count == 0 ? "none" : list->items[list->count - 1];
    b->request->network_defaulted = list->count == 0;
    if (cli_list(b->c, "publish")->count > 0 || cli_flag(b->c, "publish-all"))
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "ports cannot be published: there are no networks yet, use "
                          "--network host to reach a server in the container");
    if (list->count > 1)
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "a container can be given one network only");
    if (strcmp(network, "none") != 0 && strcmp(network, "host") != 0)
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "network '%.200s' is not available: use --network none or "
                          "--network host", network);
    return json_put(b->host, "NetworkMode", json_string(network), b->err);
}

static int put_logging(const struct build *b)
{
    const char *driver = cli_string(b->c, "log-driver");
    const struct strv *options = cli_list(b->c, "log-opt");
    if (driver == NULL && options->count == 0)
        return 0;
    if (driver != NULL && strcmp(driver, "none") == 0 && options->count > 0)
        return creel_fail(b->err, CREEL_INVALID, 0, "invalid logging opts for driver none");
    auto_json *log = json_object();
    if (json_put_text(log, "Type", driver == NULL ? "" : driver, "--log-driver", b->err) < 0
        || pairs_member(b, log, "Config", options, "log-opt") < 0)
        return -1;
    return json_put(b->host, "LogConfig", json_incref(log), b->err);
}

static int check_pull(const struct build *b)
{
    const char *pull = cli_string(b->c, "pull");
    if (pull == NULL || strcmp(pull, "missing") == 0 || strcmp(pull, "never") == 0)
        return 0;
    if (strcmp(pull, "always") == 0)
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0,
                          "images cannot be pulled: use --pull never, and creel load or "
                          "creel import to get an image");
    return creel_fail(b->err, CREEL_INVALID, 0,
                      "invalid pull option: '%.200s': must be one of \"always\", \"missing\" "
                      "or \"never\"",
                      pull);
}

static int put_life(const struct build *b)
{
    const char *restart = cli_string(b->c, "restart");
    if (restart != NULL && restart[0] != '\0' && strcmp(restart, "no") != 0) {
        if (cli_flag(b->c, "rm"))
            return creel_fail(b->err, CREEL_INVALID, 0,
                              "conflicting options: cannot specify both --restart and --rm");
        return creel_fail(b->err, CREEL_UNSUPPORTED, 0, "restart policy '%.200s' is not available: only no is",
                          restart);
    }
    if (restart != NULL && json_put(b->host, "RestartPolicy", json_pack("{s:s}", "Name", "no"), b->err) < 0)
        return -1;
    if (check_pull(b) < 0 || text_member(b, b->host, "ContainerIDFile", "cidfile") < 0)
        return -1;
    return flag_member(b, b->host, "AutoRemove", "rm");
}

int run_request_build(const struct cli *c, bool detach, unsigned rows, unsigned cols, struct run_request *ret,
                      struct creel_err *err)
{
    auto_json *config = json_object();
    auto_json *host = json_object();
    struct build b = { .c = c, .config = config, .host = host, .err = err, .request = ret };
    *ret = (struct run_request){ 0 };
    if (config == NULL || host == NULL)
        return creel_fail_nomem(err);
    if (attach_streams(&b, detach) < 0 || put_streams(&b, rows, cols) < 0 || put_process(&b) < 0 || put_names(&b) < 0
        || put_resources(&b) < 0 || put_files(&b) < 0 || put_confinement(&b) < 0 || put_network(&b) < 0
        || put_logging(&b) < 0 || put_life(&b) < 0 || json_put(config, "HostConfig", json_incref(host), err) < 0)
        return -1;
    ret->body = json_dumps(config, JSON_COMPACT);
    return ret->body == NULL ? creel_fail_nomem(err) : 0;
}
