/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "ociruntime/exec_process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 24 };

static const char base_text[] =
    "{\"cwd\":\"/home\",\"args\":[\"init\"],\"terminal\":true,\"noNewPrivileges\":true,"
    "\"env\":[\"PATH=/bin\",\"A=1\",\"AB=2\",\"A=3\"],\"user\":{\"uid\":7,\"gid\":8,\"additionalGids\":[9]},"
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]}}";

static int build(struct oci_process *p, struct creel_err *err, const char *base, const char *const words[])
{
    static struct invocation in;
    struct oci_process from;
    char *argv[ARGS_MAX] = { (char *)"creel-runtime", (char *)"exec" };
    int argc = 2;
    memset(&from, 0, sizeof from);
    if (base != NULL)
        assert_int_equal(oci_process_parse(base, strlen(base), &from, NULL), 0);
    for (; words[argc - 2] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 2];
    assert_int_equal(invocation_parse(&in, argc, argv, NULL), 0);
    int r = exec_process_build(&in, &from, p, err);
    invocation_fini(&in);
    oci_process_fini(&from);
    return r;
}
#define BUILD(p, err, base, ...) build(p, err, base, (const char *const[]){ __VA_ARGS__, NULL })

static void the_containers_process_is_the_start(void **state)
{
    (void)state;
    struct oci_process p;
    assert_int_equal(BUILD(&p, NULL, base_text, "c", "ls", "-l", "--tty"), 0);
    assert_int_equal(p.args.count, 3);
    assert_string_equal(p.args.items[2], "--tty");
    assert_string_equal(p.cwd, "/home");
    assert_false(p.terminal);       /* only when asked for here */
    assert_true(p.no_new_privileges);
    assert_int_equal(p.user.uid, 7);
    assert_int_equal(p.env.count, 4);
    oci_process_fini(&p);
}

static void options_change_it(void **state)
{
    (void)state;
    struct oci_process p;
    assert_int_equal(BUILD(&p, NULL, base_text, "--cwd", "/x", "-e", "A=4", "--env=NEW=", "-t", "-u", "1:2", "-g", "3",
                           "--additional-gids=4", "--apparmor", "prof", "--process-label=lab", "--no-new-privs=false",
                           "-c", "CAP_CHOWN", "c", "id"), 0);
    assert_string_equal(p.cwd, "/x");
    assert_int_equal(p.env.count, 4);
    assert_string_equal(p.env.items[0], "PATH=/bin");
    assert_string_equal(p.env.items[1], "AB=2");
    assert_string_equal(p.env.items[2], "A=4");
    assert_string_equal(p.env.items[3], "NEW=");
    assert_true(p.terminal);
    assert_false(p.no_new_privileges);
    assert_true(p.user.uid == 1 && p.user.gid == 2 && p.user.additional_gid_count == 3);
    assert_int_equal(p.user.additional_gids[2], 4);
    assert_string_equal(p.apparmor_profile, "prof");
    assert_string_equal(p.selinux_label, "lab");
    assert_true(strv_has(&p.caps.bounding, "CAP_CHOWN") && strv_has(&p.caps.effective, "CAP_CHOWN")
                && strv_has(&p.caps.permitted, "CAP_CHOWN"));
    assert_int_equal(p.caps.inheritable.count + p.caps.ambient.count, 0);
    oci_process_fini(&p);
    assert_int_equal(BUILD(&p, NULL, base_text, "--user", "5", "c", "id"), 0);
    assert_true(p.user.uid == 5 && p.user.gid == 8);
    oci_process_fini(&p);
}

static void ambient_follows_inheritable(void **state)
{
    (void)state;
    struct oci_process p;
    assert_int_equal(BUILD(&p, NULL, "{\"cwd\":\"/\",\"args\":[\"x\"],\"capabilities\":{\"inheritable\":[\"CAP_KILL\"]}}",
                           "--cap", "CAP_CHOWN", "c", "id"), 0);
    assert_true(strv_has(&p.caps.ambient, "CAP_CHOWN"));
    assert_false(strv_has(&p.caps.inheritable, "CAP_CHOWN"));
    oci_process_fini(&p);
}

static void a_configuration_without_process_is_enough(void **state)
{
    (void)state;
    struct oci_process p;
    assert_int_equal(BUILD(&p, NULL, NULL, "c", "id"), 0);
    assert_string_equal(p.cwd, "/");
    assert_false(p.caps.present);
    oci_process_fini(&p);
}

static void refused(const char *words, const char *const args[])
{
    struct oci_process p;
    struct creel_err err = { 0 };
    int r = build(&p, &err, base_text, args);
    oci_process_fini(&p);
    if (r == 0 || strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\", got \"%s\"", words, r == 0 ? "success" : err.text);
}
#define REFUSED(words, ...) refused(words, (const char *const[]){ __VA_ARGS__, NULL })

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    REFUSED("exec args cannot be empty", "c");
    REFUSED("bad uid", "-u", "root", "c", "id");
    REFUSED("bad uid", "-u", "-1", "c", "id");
    REFUSED("bad uid", "-u", "4294967295", "c", "id");
    REFUSED("bad uid", "-u", "123456789012345678901234567890", "c", "id");
    REFUSED("bad gid", "-u", "0:", "c", "id");
    REFUSED("bad gid", "-u", "0:wheel", "c", "id");
    REFUSED("additional-gids", "-g", "-5", "c", "id");
    REFUSED("cwd", "--cwd", "relative", "c", "id");
    REFUSED("/no/such/file", "-p", "/no/such/file", "c");
}

static void a_document_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char text[] = "{\"cwd\":\"/doc\",\"args\":[\"a\"],\"terminal\":true,\"user\":{\"uid\":3,\"gid\":3}}";
    char path[] = "/tmp/exec-process.XXXXXX";
    struct oci_process p;
    auto_fd fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    int r = BUILD(&p, NULL, base_text, "--process", path, "--cwd", "/ignored", "c");
    (void)unlink(path);
    assert_int_equal(r, 0);
    assert_string_equal(p.cwd, "/doc");
    assert_true(p.terminal);
    assert_int_equal(p.user.uid, 3);
    assert_int_equal(p.env.count, 0);
    assert_false(p.caps.present);
    oci_process_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_containers_process_is_the_start),
        cmocka_unit_test(options_change_it),
        cmocka_unit_test(ambient_follows_inheritable),
        cmocka_unit_test(a_configuration_without_process_is_enough),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_document_is_taken_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
