/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run as a create body: names, units and messages as Docker's. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/run_options.h"
#include "cli/run_request.h"

#include "../check.h"

#include <string.h>
#include <sys/stat.h>

static const struct cli_command command = { .name = "run", .options = run_options, .min_args = 1, .max_args = -1,
                                            .stop_at_operand = true };
static const struct cli_command *const commands[] = { &command };

enum { ARGS_MAX = 16 };

struct parsed {
    struct cli c;
    char *argv[ARGS_MAX + 4];
};

static void parse(struct parsed *p, const char *const *args, size_t count)
{
    struct creel_err err = { 0 };
    int argc = 0;
    *p = (struct parsed){ .c = { .table = { commands, 1 }, .out = stdout, .err = stderr } };
    p->argv[argc++] = (char *)(uintptr_t)"creel";
    p->argv[argc++] = (char *)(uintptr_t)"run";
    for (size_t i = 0; i < count && args[i] != NULL; i++)
        p->argv[argc++] = (char *)(uintptr_t)args[i];
    if (cli_parse(&p->c, argc, p->argv, &err) < 0)
        fail_msg("%s", err.text);
}

static void fini(struct parsed *p)
{
    for (size_t i = 0; i < cli_option_count(run_options); i++)
        strv_fini(&p->c.values[i].list);
    free(p->c.values);
    strv_fini(&p->c.args);
}

/* Every member of `want` is in `have`, with the same value; objects are compared member by member. */
static void assert_contains(const json_t *have, const json_t *want, const char *row)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)want, key, value)
    {
        const json_t *mine = json_object_get(have, key);
        if (strcmp(key, "HostConfig") == 0) {
            assert_contains(mine, value, row);
        } else if (!json_equal(mine, value)) {
            char *text = mine == NULL ? NULL : json_dumps(mine, JSON_COMPACT | JSON_ENCODE_ANY);
            fail_msg("%s: %s is %s", row, key, text == NULL ? "missing" : text);
        }
    }
}

static int build(const char *const *args, size_t count, bool detach, struct run_request *r, struct creel_err *err)
{
    struct parsed p;
    parse(&p, args, count);
    int rc = run_request_build(&p.c, detach, 24, 80, r, err);
    fini(&p);
    return rc;
}

static void options_become_members_of_the_body(void **state)
{
    (void)state;
    assert_int_equal(setenv("CREEL_TEST_SET", "from here", 1), 0);
    assert_int_equal(unsetenv("CREEL_TEST_UNSET"), 0);
    static const struct { const char *args[ARGS_MAX]; const char *want; } rows[] = {
        { { "img" }, "{'Image':'img','AttachStdin':false,'AttachStdout':true,'AttachStderr':true,'Tty':false,"
                     "'OpenStdin':false,'StdinOnce':false,'HostConfig':{'NetworkMode':'none'}}" },
        { { "-i", "img", "a", "-b", "" }, "{'AttachStdin':true,'OpenStdin':true,'StdinOnce':true,'Cmd':['a','-b','']}" },
        { { "-i", "-a", "stdout", "img" }, "{'AttachStdin':true,'AttachStdout':true,'AttachStderr':false,'OpenStdin':"
                                           "true,'StdinOnce':true}" },
        { { "-a", "STDIN", "-i", "img" }, "{'AttachStdin':true,'AttachStdout':false,'StdinOnce':true}" },
        { { "-t", "img" }, "{'Tty':true,'AttachStdin':false,'HostConfig':{'ConsoleSize':[24,80]}}" },
        { { "--entrypoint", "", "img", "x" }, "{'Entrypoint':[''],'Cmd':['x']}" },
        { { "--entrypoint", "a b", "img" }, "{'Entrypoint':['a b']}" },
        { { "-e", "A=1", "-eB=", "-e", "CREEL_TEST_SET", "-e", "CREEL_TEST_UNSET", "img" },
          "{'Env':['A=1','B=','CREEL_TEST_SET=from here','CREEL_TEST_UNSET']}" },
        { { "-u", "1:2", "-w", "/x", "--stop-signal", "INT", "--stop-timeout", "-1", "--hostname", "h", "--domainname",
            "d", "img" },
          "{'User':'1:2','WorkingDir':'/x','StopSignal':'INT','StopTimeout':-1,'Hostname':'h','Domainname':'d'}" },
        { { "-l", "a", "-l", "b=c=d", "--annotation", "x=y", "img" },
          "{'Labels':{'a':'','b':'c=d'},'HostConfig':{'Annotations':{'x':'y'}}}" },
        { { "-m", "10m", "--memory-reservation", "1g", "--memory-swap", "-1", "--shm-size", "64k", "img" },
          "{'HostConfig':{'Memory':10485760,'MemoryReservation':1073741824,'MemorySwap':-1,'ShmSize':65536}}" },
        { { "--cpus", "1.5", "-c", "512", "--cpu-period", "50000", "--cpu-quota", "-1", "--cpuset-cpus", "0-1",
            "--cpuset-mems", "0", "img" },
          "{'HostConfig':{'NanoCpus':1500000000,'CpuShares':512,'CpuPeriod':50000,'CpuQuota':-1,'CpusetCpus':'0-1',"
          "'CpusetMems':'0'}}" },
        { { "--pids-limit", "-1", "--blkio-weight", "300", "--oom-score-adj", "-5", "--oom-kill-disable", "--init",
            "img" },
          "{'HostConfig':{'PidsLimit':-1,'BlkioWeight':300,'OomScoreAdj':-5,'OomKillDisable':true,'Init':true}}" },
        { { "--ulimit", "nofile=3", "--ulimit", "nofile=1024:2048", "--ulimit", "core=-1", "--ulimit", "nproc=5:-1", "img" },
          "{'HostConfig':{'Ulimits':[{'Name':'nofile','Soft':1024,'Hard':2048},{'Name':'core','Soft':-1,'Hard':-1},"
          "{'Name':'nproc','Soft':5,'Hard':-1}]}}" },
        { { "--device", "/dev/null", "--device", "/dev/a:r", "--device", "/dev/a:/dev/b:mw", "--device-cgroup-rule",
            "c *:7 rwm", "img" },
          "{'HostConfig':{'Devices':[{'PathOnHost':'/dev/null','PathInContainer':'/dev/null','CgroupPermissions':'rwm'},"
          "{'PathOnHost':'/dev/a','PathInContainer':'/dev/a','CgroupPermissions':'r'},{'PathOnHost':'/dev/a',"
          "'PathInContainer':'/dev/b','CgroupPermissions':'mw'}],'DeviceCgroupRules':['c *:7 rwm']}}" },
        { { "-v", "/a:/b", "-v", "/a b:/c:ro,rslave", "--tmpfs", "/t:size=1m,mode=1777", "--tmpfs", "/u", "img" },
          "{'HostConfig':{'Binds':['/a:/b','/a b:/c:ro,rslave'],'Tmpfs':{'/t':'size=1m,mode=1777','/u':''}}}" },
        { { "--mount", "type=bind,src=/a,dst=/b,ro", "-v", "/c:/d:rro", "img" },
          "{'HostConfig':{'Mounts':[{'Type':'bind','Source':'/c','Target':'/d','ReadOnly':true,'BindOptions':"
          "{'Propagation':'rprivate','ReadOnlyForceRecursive':true,'CreateMountpoint':true}},{'Type':'bind','Source':"
          "'/a','Target':'/b','ReadOnly':true}]}}" },
        { { "--cap-add", "SYS_ADMIN", "--cap-drop", "ALL", "--privileged", "--read-only", "--group-add", "5", "img" },
          "{'HostConfig':{'CapAdd':['SYS_ADMIN'],'CapDrop':['ALL'],'Privileged':true,'ReadonlyRootfs':true,'GroupAdd':"
          "['5']}}" },
        { { "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined", "--security-opt",
            "apparmor:x", "--security-opt", "systempaths=unconfined", "img" },
          "{'HostConfig':{'SecurityOpt':['no-new-privileges','seccomp=unconfined','apparmor:x'],'MaskedPaths':[],"
          "'ReadonlyPaths':[]}}" },
        { { "--pid", "host", "--ipc", "container:x", "--uts", "host", "--userns", "host", "--cgroupns", "private",
            "--cgroup-parent", "/p", "img" },
          "{'HostConfig':{'PidMode':'host','IpcMode':'container:x','UTSMode':'host','UsernsMode':'host','CgroupnsMode':"
          "'private','CgroupParent':'/p'}}" },
        { { "--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=9", "--runtime", "/bin/crun", "img" },
          "{'HostConfig':{'Sysctls':{'net.ipv4.ip_forward':'1','kernel.msgmax':'9'},'Runtime':'/bin/crun'}}" },
        { { "--net", "host", "--rm", "--restart", "no", "--no-healthcheck", "--pull", "never", "img" },
          "{'Healthcheck':{'Test':['NONE']},'HostConfig':{'NetworkMode':'host','AutoRemove':true,'RestartPolicy':{'Name':"
          "'no'}}}" },
        { { "--log-driver", "cri", "--log-opt", "max-size=1m", "img" },
          "{'HostConfig':{'LogConfig':{'Type':'cri','Config':{'max-size':'1m'}}}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_request r;
        struct creel_err err = { 0 };
        char want[1024];
        (void)snprintf(want, sizeof want, "%s", rows[i].want);
        for (char *q = want; (q = strchr(q, '\'')) != NULL;)
            *q = '"';
        if (build(rows[i].args, ARGS_MAX, false, &r, &err) < 0)
            fail_msg("%s: %s", rows[i].want, err.text);
        auto_json *have = json_loads(r.body, 0, NULL);
        auto_json *wanted = json_loads(want, 0, NULL);
        assert_non_null(have);
        assert_non_null(wanted);
        assert_contains(have, wanted, rows[i].want);
        run_request_fini(&r);
    }
}

static void what_was_not_asked_for_is_left_out(void **state)
{
    (void)state;
    static const char *const args[] = { "img" };
    struct run_request r;
    struct creel_err err = { 0 };
    assert_int_equal(build(args, 1, true, &r, &err), 0);
    assert_string_equal(r.body, "{\"AttachStdin\":false,\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,"
                                "\"OpenStdin\":false,\"StdinOnce\":false,\"Image\":\"img\",\"HostConfig\":{"
                                "\"NetworkMode\":\"none\"}}");
    assert_true(r.network_defaulted);
    run_request_fini(&r);
}

static void mistakes_are_told_with_the_option(void **state)
{
    (void)state;
    static const struct { const char *args[6]; const char *want; } rows[] = {
        { { "-m", "x", "img" }, "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'" },
        { { "-m", "-1", "img" }, "for \"-m, --memory\" flag: invalid size: '-1'" },
        { { "--memory-swap", "-2", "img" }, "for \"--memory-swap\" flag: invalid size: '-2'" },
        { { "--cpus", "x", "img" }, "invalid argument \"x\" for \"--cpus\" flag: failed to parse x" },
        { { "--cpus", "1.0000000001", "img" }, "nine fractional digits" },
        { { "--ulimit", "x", "img" }, "for \"--ulimit\" flag: invalid ulimit argument: x" },
        { { "--ulimit", "x=1", "img" }, "invalid ulimit type: x" },
        { { "--ulimit", "nofile=5:4", "img" }, "ulimit soft limit must be less than or equal to hard limit: 5 > 4" },
        { { "--ulimit", "nofile=-1:4", "img" }, "ulimit soft limit must be less than or equal to hard limit: -1 > 4" },
        { { "--ulimit", "nofile=1:2:3", "img" }, "too many limit value arguments - 1:2:3" },
        { { "--device", "x", "img" }, "x is not an absolute path" },
        { { "--device", "", "img" }, "bad format for path: " },
        { { "--device", "/a:/b:z", "img" }, "bad mode specified: z" },
        { { "--device", "/a:/b:rr", "img" }, "bad mode specified: rr" },
        { { "--device", "/a:/b:r:w", "img" }, "bad format for path: /a:/b:r:w" },
        { { "--device-cgroup-rule", "c 1:2", "img" }, "invalid device cgroup format 'c 1:2'" },
        { { "--device-cgroup-rule", "c 1:2 rwmr", "img" }, "invalid device cgroup format" },
        { { "--sysctl", "a.b=c", "img" }, "sysctl 'a.b=c' is not allowed" },
        { { "--sysctl", "kernel.msgmax", "img" }, "sysctl 'kernel.msgmax' is not allowed" },
        { { "-l", "=x", "img" }, "invalid argument \"=x\" for \"-l, --label\" flag: invalid label '=x': empty name" },
        { { "-e", "=x", "img" }, "for \"-e, --env\" flag: invalid environment variable: =x" },
        { { "-e", "", "img" }, "invalid environment variable: " },
        { { "-a", "foo", "img" }, "valid streams are STDIN, STDOUT and STDERR" },
        { { "--pid", "foo", "img" }, "--pid: invalid mode 'foo'" },
        { { "--ipc", "shar", "img" }, "--ipc: invalid mode 'shar'" },
        { { "--uts", "container:x", "img" }, "--uts: invalid mode" },
        { { "--security-opt", "x", "img" }, "invalid --security-opt: \"x\"" },
        { { "--security-opt", "seccomp=/nonex", "img" }, "opening seccomp profile (/nonex) failed: open /nonex: No such" },
        { { "--log-driver", "none", "--log-opt", "a=b", "img" }, "invalid logging opts for driver none" },
        { { "--blkio-weight", "70000", "img" }, "invalid argument \"70000\" for \"--blkio-weight\" flag: value out of" },
        { { "--oom-score-adj", "1001", "img" }, "value out of range (-1000 to 1000)" },
        { { "--restart", "always", "img" }, "restart policy 'always' is not available" },
        { { "--restart", "always", "--rm", "img" }, "cannot specify both --restart and --rm" },
        { { "-p", "80:80", "img" }, "ports cannot be published" },
        { { "-P", "img" }, "ports cannot be published" },
        { { "--network", "foo", "img" }, "network 'foo' is not available" },
        { { "--pull", "always", "img" }, "images cannot be pulled" },
        { { "--pull", "x", "img" }, "invalid pull option: 'x'" },
        { { "--tmpfs", "x", "img" }, "mount path must be absolute" },
        { { "--env-file", "/nonex", "img" }, "invalid env file (/nonex): open /nonex: No such file" },
        { { "--mount", "type=volume,src=x,dst=/b", "img" }, "invalid argument \"type=volume,src=x,dst=/b\" for \"--mount\"" },
        { { "img", "\xff" }, "the command is not valid UTF-8" },
        { { "img", "ok", "\xc0\x80" }, "argument 1 of the command is not valid UTF-8" },
        { { "-e", "A=\xff", "img" }, "environment variable A is not valid UTF-8" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_request r;
        struct creel_err err = { 0 };
        assert_int_equal(build(rows[i].args, 6, false, &r, &err), -1);
        if (strstr(err.text, rows[i].want) == NULL)
            fail_msg("got '%s', wanted '%s'", err.text, rows[i].want);
        assert_true(err.kind != CREEL_OK && err.kind != CREEL_INTERNAL);
        run_request_fini(&r);
    }
}

static void attach_and_detach_exclude_each_other(void **state)
{
    (void)state;
    static const char *const args[] = { "-a", "stdin", "img" };
    struct run_request r;
    struct creel_err err = { 0 };
    assert_int_equal(build(args, 3, true, &r, &err), -1);
    assert_non_null(strstr(err.text, "cannot specify both --attach and --detach"));
    run_request_fini(&r);
}

static void file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void files_are_read_here(void **state)
{
    (void)state;
    char dir[] = "/tmp/creel-run-request-XXXXXX", env[64], labels[64], seccomp[64], seccomp_option[80];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(env, sizeof env, "%s/env", dir);
    (void)snprintf(labels, sizeof labels, "%s/labels", dir);
    (void)snprintf(seccomp, sizeof seccomp, "%s/seccomp", dir);
    (void)snprintf(seccomp_option, sizeof seccomp_option, "seccomp=%s", seccomp);
    file_write(env, "A=1\n# no\nB=two words\n");
    file_write(labels, "x=1\ny\n");
    file_write(seccomp, "{ \"defaultAction\" : \"a b\" ,\n \"x\":[ 1 ] }\n");
    const char *const args[] = { "--env-file", env, "-e", "A=2", "--label-file", labels, "-l", "x=2", "--security-opt",
                                 seccomp_option, "img" };
    struct run_request r;
    struct creel_err err = { 0 };
    if (build(args, ARRAY_LEN(args), false, &r, &err) < 0)
        fail_msg("%s", err.text);
    auto_json *have = json_loads(r.body, 0, NULL);
    auto_json *want = json_loads("{\"Env\":[\"A=1\",\"B=two words\",\"A=2\"],\"Labels\":{\"x\":\"2\",\"y\":\"\"},"
                                 "\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"a b\\\","
                                 "\\\"x\\\":[1]}\"]}}", 0, NULL);
    assert_non_null(want);
    assert_contains(have, want, "files");
    run_request_fini(&r);
    assert_int_equal(unlink(env) | unlink(labels) | unlink(seccomp) | rmdir(dir), 0);
}

static void relative_host_paths_become_absolute(void **state)
{
    (void)state;
    static const char *const args[] = { "-v", "./a/../b:/c:ro", "--mount", "type=bind,src=../x,dst=/y", "img" };
    struct run_request r;
    struct creel_err err = { 0 };
    auto_free char *before = getcwd(NULL, 0);
    assert_int_equal(chdir("/usr/lib"), 0);
    assert_int_equal(build(args, ARRAY_LEN(args), false, &r, &err), 0);
    assert_int_equal(chdir(before), 0);
    assert_non_null(strstr(r.body, "\"Binds\":[\"/usr/lib/b:/c:ro\"]"));
    assert_non_null(strstr(r.body, "\"Source\":\"/usr/x\""));
    run_request_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_become_members_of_the_body), cmocka_unit_test(what_was_not_asked_for_is_left_out),
        cmocka_unit_test(mistakes_are_told_with_the_option),  cmocka_unit_test(attach_and_detach_exclude_each_other),
        cmocka_unit_test(files_are_read_here),                cmocka_unit_test(relative_host_paths_become_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
