/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            (void)close(pair[i]);
    return 0;
}

static void hang_up(void)
{
    (void)close(pair[1]);
    pair[1] = -1;
}

static void silence_is_a_failure(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    hang_up();
    assert_int_equal(launch_expect(pair[0], LAUNCH_READY, 1000, NULL, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_INTERNAL);
    assert_non_null(strstr(err.text, "died before it was \"ready to execute\""));
}

static void only_the_end_of_the_talk_is_allowed_to_be_silent(void **state)
{
    (void)state;
    hang_up();
    assert_int_equal(launch_expect(pair[0], LAUNCH_STEP_COUNT, 1000, NULL, NULL, NULL), 0);
}

static void nothing_within_the_deadline_is_a_timeout(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    assert_int_equal(launch_expect(pair[0], LAUNCH_READY, 5, NULL, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_TIMEOUT);
}

static void a_wrong_step_is_named(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    assert_int_equal(launch_send_step(pair[1], LAUNCH_MOUNTED), 0);
    assert_int_equal(launch_expect(pair[0], LAUNCH_READY, 1000, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "says \"mounted\", expected \"ready to execute\""));
}

static void a_failure_arrives_in_the_childs_words(void **state)
{
    (void)state;
    struct launch_msg m;
    struct creel_err err = { 0 };
    assert_int_equal(launch_fail(&m, CREEL_NO_COMMAND, ENOENT, "exec: \"", "x", "\"", NULL), -1);
    assert_int_equal(launch_send(pair[1], &m, NULL, 0), 0);
    hang_up();
    assert_int_equal(launch_expect(pair[0], LAUNCH_STEP_COUNT, 1000, NULL, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_NO_COMMAND);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "exec: \"x\": No such file or directory");
}

static void long_words_are_cut_not_spilt(void **state)
{
    (void)state;
    struct launch_msg m;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    (void)launch_fail(&m, CREEL_INTERNAL, 0, "mount on ", text, ": oops", NULL);
    assert_int_equal(strlen(m.where), sizeof m.where - 1);
    assert_int_equal(strncmp(m.where, "mount on xxx", 12), 0);
}

static void a_message_of_another_size_is_refused(void **state)
{
    (void)state;
    struct launch_msg m;
    char big[sizeof m + 1] = { 0 };
    assert_int_equal(send(pair[1], big, sizeof m - 1, 0), (int)sizeof m - 1);
    assert_int_equal(launch_recv(pair[0], &m, NULL, NULL), -EBADMSG);
    assert_int_equal(send(pair[1], big, sizeof m + 1, 0), (int)sizeof m + 1);
    assert_int_equal(launch_recv(pair[0], &m, NULL, NULL), -EBADMSG);
}

static int count_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void descriptors_ride_along_close_on_exec(void **state)
{
    (void)state;
    struct launch_msg m = { .step = LAUNCH_CONSOLE };
    int fds[LAUNCH_FDS_MAX], send_these[2] = { 0, 1 };
    size_t count = 0;
    assert_int_equal(launch_send(pair[1], &m, send_these, 2), 0);
    assert_int_equal(launch_recv(pair[0], &m, fds, &count), 1);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        (void)close(fds[i]);
    }
    assert_int_equal(launch_send(pair[1], &m, send_these, LAUNCH_FDS_MAX + 1), -E2BIG);
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
    (void)state;
    struct launch_msg m = { .step = LAUNCH_READY };
    int before = count_fds(), send_these[2] = { 0, 1 };
    assert_int_equal(launch_send(pair[1], &m, send_these, 2), 0);
    assert_int_equal(launch_recv(pair[0], &m, NULL, NULL), 1);
    assert_int_equal(count_fds(), before);
}

static void a_hostile_kind_is_not_taken_over(void **state)
{
    (void)state;
    struct launch_msg m;
    struct creel_err err = { 0 };
    (void)launch_fail(&m, CREEL_INTERNAL, 0, "x", NULL);
    m.kind = 4711;
    memset(m.where, 'y', sizeof m.where); /* no end */
    assert_int_equal(launch_send(pair[1], &m, NULL, 0), 0);
    assert_int_equal(launch_expect(pair[0], LAUNCH_READY, 1000, NULL, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_INTERNAL);
    assert_int_equal(strlen(err.text), sizeof m.where - 1);
}

#define with_pair(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)
int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pair(silence_is_a_failure),
        with_pair(only_the_end_of_the_talk_is_allowed_to_be_silent),
        with_pair(nothing_within_the_deadline_is_a_timeout),
        with_pair(a_wrong_step_is_named),
        with_pair(a_failure_arrives_in_the_childs_words),
        with_pair(long_words_are_cut_not_spilt),
        with_pair(a_message_of_another_size_is_refused),
        with_pair(descriptors_ride_along_close_on_exec),
        with_pair(descriptors_nobody_asked_for_are_closed),
        with_pair(a_hostile_kind_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
