/* SPDX-License-Identifier: Apache-2.0 */
/* tests/golden/oci_build/<case>/in.json is a create request, want.json the OCI configuration of its first run. What depends on
 * the host or on chance is replaced: the id by ID, the engine's directory by DIR, host-only masked paths, and the seccomp
 * rules (which have tests of their own) by their default action. CREEL_GOLDEN_UPDATE=1 rewrites want.json. */
#include "../check.h"

#include "engine_fixture.h"


#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Replace every `from` in place of one; both texts are short. */
static char *replace(char *text, const char *from, const char *to)
{
    struct bytes out = BYTES_INIT;
    const char *p = text;
    for (const char *hit; (hit = strstr(p, from)) != NULL; p = hit + strlen(from)) {
        bytes_add(&out, p, (size_t)(hit - p));
        bytes_adds(&out, to);
    }
    bytes_adds(&out, p);
    free(text);
    return bytes_take(&out);
}

static void thermal_remove(json_t *linux_)
{
    json_t *masked = json_object_get(linux_, "maskedPaths");
    for (size_t i = json_array_size(masked); i-- > 0;)
        if (strstr(json_string_value(json_array_get(masked, i)), "thermal_throttle") != NULL)
            json_array_remove(masked, i);
}

static void seccomp_shorten(json_t *linux_)
{
    json_t *seccomp = json_object_get(linux_, "seccomp");
    if (seccomp == NULL)
        return;
    assert_true(json_array_size(json_object_get(seccomp, "syscalls")) > 0);
    json_t *action = json_incref(json_object_get(seccomp, "defaultAction"));
    json_object_set_new(linux_, "seccomp", action);
}

/* The configuration that engine_bundle_write left, made independent of this host. */
static char *config_of(struct engine_fixture *f, const char *request)
{
    struct container_row row = { 0 };
    struct engine_bundle b = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    char path[256], short_id[13];
    if (engine_create_prepare(f->e, "golden", request, &row, &warnings, &err) < 0
        || engine_bundle_write(f->e, &row, &b, &err) < 0)
        fail_msg("%s: %s", request, err.text);
    (void)snprintf(path, sizeof path, "%s/config.json", b.run_dir);
    auto_free char *raw = replace(engine_fixture_read(path), "18446744073709551615", "\"unlimited\""); /* jansson's limit */
    json_t *config = json_loads(raw, 0, NULL);
    assert_non_null(config);
    thermal_remove(json_object_get(config, "linux"));
    seccomp_shorten(json_object_get(config, "linux"));
    char *text = json_dumps(config, JSON_INDENT(2));
    json_decref(config);
    text = replace(text, row.id, "ID");
    (void)snprintf(short_id, sizeof short_id, "%.12s", row.id);
    text = replace(text, short_id, "SHORTID");
    text = replace(text, f->dir, "DIR");
    assert_int_equal(engine_bundle_remove(f->e, row.id, &err), 0);
    engine_bundle_fini(&b);
    container_row_fini(&row);
    return text;
}

static void check_case(struct engine_fixture *f, const char *name)
{
    char in[512], want[512];
    (void)snprintf(in, sizeof in, "%s/%s/in.json", GOLDEN_DIR, name);
    (void)snprintf(want, sizeof want, "%s/%s/want.json", GOLDEN_DIR, name);
    auto_free char *request = engine_fixture_read(in);
    auto_free char *got = config_of(f, request);
    if (getenv("CREEL_GOLDEN_UPDATE") != NULL) {
        FILE *out = fopen(want, "we");
        assert_non_null(out);
        (void)fprintf(out, "%s\n", got);
        assert_int_equal(fclose(out), 0);
        return;
    }
    auto_free char *expected = engine_fixture_read(want);
    size_t len = strlen(expected);
    expected[len > 0 ? len - 1 : 0] = '\0'; /* the file's last newline */
    size_t same = 0, line = 0;
    while (got[same] != '\0' && got[same] == expected[same])
        line = got[same++] == '\n' ? same : line;
    if (strcmp(got, expected) != 0)
        fail_msg("%s differs from %s: got \"%.*s\", want \"%.*s\"", name, want, (int)strcspn(got + line, "\n"), got + line,
                 (int)strcspn(expected + line, "\n"), expected + line);
}

static void requests_become_the_golden_configurations(void **state)
{
    struct engine_fixture *f = *state;
    const struct rlimit no_core = { 0, 0 };
    unsigned cases = 0;
    assert_int_equal(setrlimit(RLIMIT_CORE, &no_core), 0);
    DIR *dir = opendir(GOLDEN_DIR);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        check_case(f, entry->d_name);
        cases++;
    }
    (void)closedir(dir);
    assert_true(cases >= 5);
}

static void bundle_has_files_and_names(void **state)
{
    struct engine_fixture *f = *state;
    struct container_row row = { 0 };
    struct engine_bundle b = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    char path[256];
    static const char request[] = "{\"Image\":\"busybox\",\"Hostname\":\"box\",\"Tty\":true,\"HostConfig\":{\"AutoRemove\":true,"
                                  "\"Dns\":[\"9.9.9.9\"],\"ExtraHosts\":[\"db:10.0.0.7\"],\"LogConfig\":{\"Config\":"
                                  "{\"max-size\":\"1m\",\"max-file\":\"3\",\"labels\":\"maker\"}}}}";
    if (engine_create_prepare(f->e, NULL, request, &row, &warnings, &err) < 0
        || engine_bundle_write(f->e, &row, &b, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(b.tty && b.auto_remove && !b.open_stdin);
    assert_string_equal(b.log_driver, "json-file");
    assert_int_equal(b.log_max_size, 1000000);
    assert_int_equal(b.log_max_file, 3);
    assert_string_equal(b.log_attrs, "{\"maker\":\"test\"}");
    assert_int_equal(b.lower.count, 2);
    assert_string_equal(b.lower.items[0], "1/fs");
    assert_string_equal(b.lower.items[1], "../base"); /* below every image */
    assert_null(b.runtime);
    assert_string_equal(b.cgroup_path, row.cgroup_path);
    (void)snprintf(path, sizeof path, "%s/hostname", b.container_dir);
    auto_free char *hostname = engine_fixture_read(path);
    assert_string_equal(hostname, "box\n");
    (void)snprintf(path, sizeof path, "%s/hosts", b.container_dir);
    auto_free char *hosts = engine_fixture_read(path);
    assert_non_null(strstr(hosts, "127.0.0.1\tlocalhost\n"));
    assert_non_null(strstr(hosts, "10.0.0.7\tdb\n"));
    (void)snprintf(path, sizeof path, "%s/resolv.conf", b.container_dir);
    auto_free char *resolv = engine_fixture_read(path);
    assert_non_null(strstr(resolv, "nameserver 9.9.9.9\n"));
    struct engine_bundle again = { 0 };
    assert_int_equal(engine_bundle_write(f->e, &row, &again, &err), 0); /* idempotent */
    engine_bundle_fini(&again);
    assert_int_equal(engine_bundle_remove(f->e, row.id, &err), 0);
    assert_int_equal(engine_bundle_remove(f->e, row.id, &err), 0); /* missing is fine */
    assert_int_equal(access(b.container_dir, F_OK), -1);
    assert_int_equal(access(b.run_dir, F_OK), -1);
    engine_bundle_fini(&b);
    container_row_fini(&row);
}

static void string_binds_make_their_source_mounts_do_not(void **state)
{
    struct engine_fixture *f = *state;
    struct container_row row = { 0 };
    struct engine_bundle b = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    char request[512], source[128];
    (void)snprintf(source, sizeof source, "%s/new/deep", f->dir);
    (void)snprintf(request, sizeof request, "{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\","
                   "\"Source\":\"%s\",\"Target\":\"/d\"}]}}", source);
    assert_int_equal(engine_create_prepare(f->e, NULL, request, &row, &warnings, &err), -1);
    assert_non_null(strstr(err.text, "invalid mount config for type \"bind\": bind source path does not exist: "));
    (void)snprintf(request, sizeof request, "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"%s:/d\"]}}", source);
    assert_int_equal(engine_create_prepare(f->e, NULL, request, &row, &warnings, &err), 0);
    assert_int_equal(access(source, F_OK), -1); /* not before it is needed */
    assert_int_equal(engine_bundle_write(f->e, &row, &b, &err), 0);
    assert_int_equal(access(source, F_OK), 0);
    engine_bundle_fini(&b);
    container_row_fini(&row);
}

static void unknown_users_are_refused_when_the_bundle_is_made(void **state)
{
    struct engine_fixture *f = *state;
    struct container_row row = { 0 };
    struct engine_bundle b = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    static const char request[] = "{\"Image\":\"busybox\",\"User\":\"nosuch\"}";
    assert_int_equal(engine_create_prepare(f->e, NULL, request, &row, &warnings, &err), 0);
    assert_int_equal(engine_bundle_write(f->e, &row, &b, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    assert_string_equal(err.text, "unable to find user nosuch: no matching entries in passwd file");
    container_row_fini(&row);
}

static void names_are_unique_and_generated_ones_are_drawn_again(void **state)
{
    struct engine_fixture *f = *state;
    char id[65], other[65];
    struct creel_err err = { 0 };
    static const char request[] = "{\"Image\":\"busybox\"}";
    assert_int_equal(creel_container_create(f->e, "taken", request, id, NULL, &err), 0);
    assert_int_equal(creel_container_create(f->e, "/taken", request, other, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_non_null(strstr(err.text, "The container name \"/taken\" is already in use by container \""));
    assert_non_null(strstr(err.text, id));
    assert_int_equal(creel_container_create(f->e, "-rm", request, other, NULL, &err), -1);
    assert_string_equal(err.text, "Invalid container name (-rm), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    for (int i = 0; i < 20; i++)
        assert_int_equal(creel_container_create(f->e, NULL, request, other, NULL, &err), 0);
    assert_int_equal(creel_container_create(f->e, NULL, "{\"Image\":\"nosuch\"}", other, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
    assert_string_equal(err.text, "No such image: nosuch:latest");
}

static void inspect_shows_what_was_asked_and_the_defaults(void **state)
{
    struct engine_fixture *f = *state;
    char id[65];
    struct creel_err err = { 0 };
    auto_free char *text = NULL;
    static const char request[] = "{\"Image\":\"busybox\",\"Cmd\":[\"echo\",\"a b\"],\"Env\":[\"X=1\"],\"WorkingDir\":\"/a/../b\","
                                  "\"HostConfig\":{\"Memory\":8388608,\"Binds\":[\"/tmp:/t:ro\"]}}";
    if (creel_container_create(f->e, "shown", request, id, NULL, &err) < 0
        || creel_container_inspect(f->e, "shown", 1, &text, &err) < 0)
        fail_msg("%s", err.text);
    json_t *o = json_loads(text, 0, NULL);
    const char *name, *path, *arg, *status, *image, *workdir, *env0, *env1, *env2, *network, *cpath, *destination;
    int running, exit_code, size_rw, size_root;
    json_int_t memory, swap, shm;
    assert_int_equal(json_unpack(o, "{s:s,s:s,s:[s],s:{s:s,s:b,s:i},s:s,s:i,s:i}", "Name", &name, "Path", &path, "Args", &arg,
                                 "State", "Status", &status, "Running", &running, "ExitCode", &exit_code, "Image", &image,
                                 "SizeRw", &size_rw, "SizeRootFs", &size_root), 0);
    assert_int_equal(json_unpack(o, "{s:{s:s,s:[s,s,s]},s:{s:s,s:I,s:I,s:I,s:[s]},s:[{s:s}]}", "Config", "WorkingDir", &workdir,
                                 "Env", &env0, &env1, &env2, "HostConfig", "NetworkMode", &network, "Memory", &memory,
                                 "MemorySwap", &swap, "ShmSize", &shm, "Binds", &cpath, "Mounts", "Destination",
                                 &destination), 0);
    assert_string_equal(name, "/shown");
    assert_string_equal(path, "echo");
    assert_string_equal(arg, "a b");
    assert_string_equal(status, "created");
    assert_false(running);
    assert_int_equal(exit_code, 0);
    assert_int_equal(size_rw, 0);
    assert_int_equal(size_root, 100);
    assert_string_equal(workdir, "/b");
    assert_string_equal(env0, "X=1");
    assert_string_equal(env1, "PATH=/bin:/usr/bin");
    assert_string_equal(env2, "FROM_IMAGE=1");
    assert_string_equal(network, "none");
    assert_int_equal(memory, 8388608);
    assert_int_equal(swap, 16777216);
    assert_int_equal(shm, 67108864);
    assert_string_equal(destination, "/t");
    json_decref(o);
}

static void update_is_committed_whole_or_not_at_all(void **state)
{
    struct engine_fixture *f = *state;
    char id[65];
    struct creel_err err = { 0 };
    auto_free char *before = NULL;
    auto_free char *after = NULL;
    auto_free char *changed = NULL;
    static const char request[] = "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":8388608}}";
    assert_int_equal(creel_container_create(f->e, "changed", request, id, NULL, &err), 0);
    assert_int_equal(creel_container_inspect(f->e, id, 0, &before, &err), 0);
    assert_int_equal(creel_container_update(f->e, id, "{\"CpuShares\":512,\"Memory\":83886080}", NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_int_equal(creel_container_inspect(f->e, id, 0, &after, &err), 0);
    assert_string_equal(before, after);
    assert_int_equal(creel_container_update(f->e, id, "{\"CpuShares\":512}", NULL, &err), 0);
    assert_int_equal(creel_container_inspect(f->e, id, 0, &changed, &err), 0);
    assert_non_null(strstr(changed, "\"CpuShares\":512"));
}

static void exec_processes_have_their_own_user_and_environment(void **state)
{
    struct engine_fixture *f = *state;
    struct container_row row = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    auto_free char *text = NULL;
    static const char request[] = "{\"Image\":\"busybox\",\"Env\":[\"A=1\"],\"WorkingDir\":\"/w\",\"HostConfig\":{\"CapDrop\":[\"ALL\"]}}";
    assert_int_equal(engine_create_prepare(f->e, NULL, request, &row, &warnings, &err), 0);
    assert_int_equal(engine_exec_process(f->e, &row, "{\"Cmd\":[\"id\"],\"User\":\"web\",\"Env\":[\"A=2\",\"B=3\"]}", &text, &err), 0);
    json_t *o = json_loads(text, 0, NULL);
    int uid, gid;
    const char *cwd;
    json_t *env, *groups;
    assert_int_equal(json_unpack(o, "{s:s,s:o,s:{s:i,s:i,s:o}}", "cwd", &cwd, "env", &env, "user", "uid", &uid, "gid", &gid,
                                 "additionalGids", &groups), 0);
    assert_string_equal(cwd, "/w");
    assert_int_equal(uid, 33);
    assert_int_equal(gid, 33);
    auto_free char *group_text = json_dumps(groups, JSON_COMPACT);
    assert_string_equal(group_text, "[33,63]");
    auto_free char *env_text = json_dumps(env, JSON_COMPACT);
    char want[256];
    (void)snprintf(want, sizeof want, "[\"PATH=/bin:/usr/bin\",\"HOSTNAME=%.12s\",\"A=2\",\"FROM_IMAGE=1\",\"B=3\","
                   "\"HOME=/srv/web\"]", row.id);
    assert_string_equal(env_text, want);
    json_decref(o);
    container_row_fini(&row);
}

static void a_bundle_can_be_written_again_and_again(void **state)
{
    struct engine_fixture *f = *state;
    struct container_row row = { 0 };
    auto_strv warnings = STRV_INIT;
    struct creel_err err = { 0 };
    enum { ROUNDS = 20 };
    static const char request[] = "{\"Image\":\"busybox\",\"Cmd\":[\"true\"]}";
    assert_int_equal(engine_create_prepare(f->e, "again", request, &row, &warnings, &err), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct engine_bundle b = { 0 };
        struct container_row other = { 0 };
        assert_int_equal(engine_create_prepare(f->e, "again", request, &other, &warnings, &err), 0);
        assert_int_equal(engine_bundle_write(f->e, &row, &b, &err), 0);
        engine_bundle_fini(&b);
        container_row_fini(&other);
    }
    container_row_fini(&row);
}

int main(void)
{
#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, engine_fixture_open, engine_fixture_close)
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(requests_become_the_golden_configurations),
        WITH_ENGINE(bundle_has_files_and_names),
        WITH_ENGINE(string_binds_make_their_source_mounts_do_not),
        WITH_ENGINE(unknown_users_are_refused_when_the_bundle_is_made),
        WITH_ENGINE(names_are_unique_and_generated_ones_are_drawn_again),
        WITH_ENGINE(inspect_shows_what_was_asked_and_the_defaults),
        WITH_ENGINE(update_is_committed_whole_or_not_at_all),
        WITH_ENGINE(exec_processes_have_their_own_user_and_environment),
        WITH_ENGINE(a_bundle_can_be_written_again_and_again),
    };
#undef WITH_ENGINE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
