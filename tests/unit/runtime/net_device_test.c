/* SPDX-License-Identifier: Apache-2.0 */
/* What is brought back when a move fails is what was moved, and nothing else. Needs the right to make network
 * namespaces;
 * the rest is in tests/system/runtime_spec.bats. */
#include "check.h"

#include "runtime/net_device.h"
#include "sys/process.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *const argv[])
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* A process with a network namespace of its own. */
static pid_t start_other(void)
{
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    (void)close(ready[0]);
    return pid;
}

/* Somebody removes the device before it is moved; the container's namespace, which is not new, has one of that name. */
static void a_device_that_was_there_is_left_there(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct oci_config c = { .process.cwd = NULL };
    struct oci_namespace net = { .type = OCI_NS_NETWORK };
    __typeof__(*c.linux_.net_devices) device = { .from = (char *)"t0", .name = (char *)"ctr0" };
    struct net_devices n;
    char pid_text[16];
    if (unshare(CLONE_NEWNET) < 0)
        skip();
    pid_t other = start_other();
    (void)snprintf(pid_text, sizeof pid_text, "%d", (int)other);
    assert_int_equal(RUN("ip", "link", "add", "t0", "type", "veth", "peer", "name", "t1"), 0);
    assert_int_equal(RUN("nsenter", "-t", pid_text, "-n", "ip", "link", "add", "t0", "type", "veth", "peer", "name", "t9"),
                     0);
    c.linux_.namespaces = &net;
    c.linux_.namespace_count = 1;
    c.linux_.net_devices = (void *)&device;
    c.linux_.net_device_count = 1;
    assert_int_equal(net_devices_plan(&c, false, &n, &err), 0);
    assert_int_equal(RUN("ip", "link", "del", "t0"), 0);
    assert_int_equal(net_devices_move(&n, other, &err), -1);
    net_devices_restore(&n);
    net_devices_fini(&n);
    assert_int_not_equal(RUN("ip", "link", "show", "dev", "t0"), 0);
    assert_int_equal(RUN("nsenter", "-t", pid_text, "-n", "ip", "link", "show", "dev", "t0"), 0);
    (void)kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_device_that_was_there_is_left_there) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
