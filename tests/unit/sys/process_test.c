/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/cleanup.h"
#include "sys/process.h"
#include "sys/self_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A filter that answers `error` to one system call. Ends the process where filters are not allowed. */
static void forbid(unsigned nr, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { .len = 4, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
        _exit(77);
}

static void expect_in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        print_message("skipped: this process may not install a filter\n");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("child ended with status %#x", (unsigned)status);
}

static int clone_and_wait(void)
{
    int pidfd = -2, status = 0;
    bool in_cgroup = true;
    pid_t pid = sys_clone(SYS_CLONE_CLEAR_SIGHAND, -1, &pidfd, &in_cgroup);
    if (pid == 0)
        _exit(7);
    if (pid < 0 || in_cgroup || pidfd < 0 || fcntl(pidfd, F_GETFD) != FD_CLOEXEC)
        return 1;
    if (sys_wait_child(pid, pidfd, &status) != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        return 2;
    return sys_wait_child(pid, pidfd, &status) == -ECHILD ? 0 : 3;
}

static int clone_without_clone3(void) { forbid(SYS_clone3, ENOSYS); return clone_and_wait(); }
static int clone_where_clone3_is_not_permitted(void) { forbid(SYS_clone3, EPERM); return clone_and_wait(); }

static void clone_gives_a_child_and_its_pidfd(void **state)
{
    (void)state;
    expect_in_child(clone_and_wait);
    expect_in_child(clone_without_clone3);
    expect_in_child(clone_where_clone3_is_not_permitted);
}

static int killed_children_are_told_apart(void)
{
    int pidfd, status = 0;
    pid_t pid = sys_clone(0, -1, &pidfd, NULL);
    if (pid == 0)
        for (;;)
            (void)pause();
    if (pid < 0 || sys_pidfd_send_signal(pidfd, SIGKILL) != 0 || sys_wait_child(pid, pidfd, &status) != 0)
        return 1;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return 2;
    return sys_pidfd_send_signal(pidfd, SIGKILL) == -ESRCH ? 0 : 3;
}

static void a_pidfd_signals_only_its_own_process(void **state)
{
    (void)state;
    expect_in_child(killed_children_are_told_apart);
}

static int close_some(void)
{
    for (int fd = 10; fd < 1000; fd += 3)
        if (dup2(0, fd) != fd)
            return 1;
    if (sys_close_range(13, 900, false) != 0)
        return 2;
    if (fcntl(10, F_GETFD) < 0 || fcntl(901, F_GETFD) < 0)
        return 3; /* 10 and 901 lie outside */
    for (int fd = 13; fd <= 900; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 4;
    if (sys_close_range(901, ~0u, true) != 0 || fcntl(901, F_GETFD) != FD_CLOEXEC || fcntl(10, F_GETFD) != 0)
        return 5;
    return 0;
}

static int close_some_without_the_call(void) { forbid(436, ENOSYS); return close_some(); }

static void ranges_of_descriptors_are_closed(void **state)
{
    (void)state;
    expect_in_child(close_some);
    expect_in_child(close_some_without_the_call);
}

/* A copy of this program, which is not running, so that "text file busy" does not do the guard's work. */
static int copy_of_self(char *path)
{
    char buf[65536];
    ssize_t n;
    strcpy(path, "/tmp/creel-guard-XXXXXX");
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = mkostemp(path, O_CLOEXEC);
    if (from < 0 || to < 0)
        return -1;
    while ((n = read(from, buf, sizeof buf)) > 0)
        if (sys_write_all(to, buf, (size_t)n) != 0)
            return -1;
    return fchmod(to, 0755) == 0 && close(to) == 0 && close(from) == 0 ? 0 : -1;
}

/* Seen through the guard it can be executed and read, never written. */
static int guard_refuses_writing(void)
{
    char path[64], program[64];
    struct creel_err err = { 0 };
    if (copy_of_self(program) < 0)
        return 1;
    int fd = self_guard_open(program, &err);
    (void)unlink(program);
    if (fd < 0 || fcntl(fd, F_GETFD) != FD_CLOEXEC)
        return 2;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int w = open(path, O_WRONLY | O_CLOEXEC); /* a sealed copy may be opened, but then refuses */
    if (w >= 0 && (write(w, "x", 1) >= 0 || ftruncate(w, 0) == 0))
        return 3;
    if (errno != EROFS && errno != EPERM)
        return 4;
    if (w >= 0)
        (void)close(w);
    char *argv[] = { (char *)"guarded", (char *)"--guarded", NULL }, *env[] = { NULL };
    (void)sys_execveat(fd, "", argv, env, AT_EMPTY_PATH);
    return 5;
}

static int list_is_closed(void)
{
    int fds[7], others[2];
    for (int i = 0; i < 7; i++)
        if ((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
            return 1;
    others[0] = fds[2];
    others[1] = fds[6];
    int list[] = { fds[5], -1, fds[0], fds[3], fds[1], fds[4], -1 }; /* two runs, out of order */
    sys_close_all(list, ARRAY_LEN(list));
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (list[i] != -1)
            return 2;
    for (int i = 0; i < 7; i++)
        if ((fcntl(fds[i], F_GETFD) >= 0) != (fds[i] == others[0] || fds[i] == others[1]))
            return 3;
    return 0;
}

static int list_is_closed_one_by_one(void) { forbid(436 /* close_range */, ENOSYS); return list_is_closed(); }

static void a_list_of_descriptors_is_closed_and_no_other(void **state)
{
    (void)state;
    expect_in_child(list_is_closed);
    expect_in_child(list_is_closed_one_by_one);
}

static int guard_by_copy(void) { forbid(428 /* open_tree */, ENOSYS); return guard_refuses_writing(); }

static void the_guard_runs_but_is_never_written(void **state)
{
    (void)state;
    expect_in_child(guard_refuses_writing);
    expect_in_child(guard_by_copy);
}

static void the_guard_names_a_missing_program(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    assert_int_equal(self_guard_open("/no/such/program", &err), -1);
    assert_true(err.kind == CREEL_NOT_FOUND || err.kind == CREEL_INTERNAL);
    assert_non_null(strstr(err.text, "/no/such/program"));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--guarded") == 0)
        return self_guard_active() == 1 ? 0 : 9;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clone_gives_a_child_and_its_pidfd),
        cmocka_unit_test(a_pidfd_signals_only_its_own_process),
        cmocka_unit_test(ranges_of_descriptors_are_closed),
        cmocka_unit_test(a_list_of_descriptors_is_closed_and_no_other),
        cmocka_unit_test(the_guard_runs_but_is_never_written),
        cmocka_unit_test(the_guard_names_a_missing_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
