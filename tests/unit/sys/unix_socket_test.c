/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/cleanup.h"
#include "sys/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* In a fresh directory, which is the current one from then on. */
static int listen_at(const char *name)
{
    static char dir[] = "/tmp/unix-socket-test.XXXXXX";
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (dir[sizeof dir - 2] == 'X') {
        assert_non_null(mkdtemp(dir));
        assert_int_equal(chdir(dir), 0);
    }
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s, 0), 0);
    return s;
}

static void a_socket_is_connected_by_a_path_of_any_length(void **state)
{
    char path[304], text[4] = "";
    (void)state;
    auto_fd s = listen_at("one");
    memset(path, '/', sizeof path);
    memcpy(path, "./", 2);
    memcpy(path + 300, "one", 4);
    auto_fd c = sys_unix_connect(path, 5);
    assert_true(c >= 0);
    assert_true((fcntl(c, F_GETFD) & FD_CLOEXEC) != 0);
    auto_fd other = accept(s, NULL, NULL);
    assert_int_equal(write(c, "abc", 3), 3);
    assert_int_equal(read(other, text, 3), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(unlink("one"), 0);
}

static void links_and_files_are_no_sockets(void **state)
{
    (void)state;
    auto_fd s = listen_at("two");
    assert_int_equal(symlink("two", "link"), 0);
    assert_int_equal(sys_unix_connect("link", 5), -ENOTSOCK);
    assert_int_equal(sys_unix_connect(".", 5), -ENOTSOCK);
    assert_int_equal(sys_unix_connect("nosuch", 5), -ENOENT);
    fd_closep(&s);
    assert_int_equal(sys_unix_connect("two", 5), -ECONNREFUSED);
    assert_int_equal(unlink("link"), 0);
    assert_int_equal(unlink("two"), 0);
}

/* A second is all it takes: who never accepts cannot hold anybody. */
static void who_does_not_accept_or_read_is_given_up(void **state)
{
    int fds[8], n = 0;
    static const char much[1 << 16];
    ssize_t sent;
    (void)state;
    auto_fd s = listen_at("three");
    while (n < 8 && (fds[n] = sys_unix_connect("three", 1)) >= 0)
        n++;
    assert_true(n > 0 && n < 8);
    assert_int_equal(fds[n], -ETIMEDOUT);
    do {
        sent = send(fds[0], much, sizeof much, MSG_NOSIGNAL);
    } while (sent > 0);
    assert_int_equal(errno, EAGAIN);
    while (n > 0)
        (void)close(fds[--n]);
    assert_int_equal(unlink("three"), 0);
}

static int remove_directory(void **state)
{
    char dir[100];
    (void)state;
    return getcwd(dir, sizeof dir) == NULL || rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_connected_by_a_path_of_any_length),
        cmocka_unit_test(links_and_files_are_no_sockets),
        cmocka_unit_test(who_does_not_accept_or_read_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, remove_directory);
}
