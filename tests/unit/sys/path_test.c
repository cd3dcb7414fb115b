/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile paths below a root. Every case runs twice: with openat2, and with openat2 forbidden, so that the walker that
 * stands in for it is held to the same answers. */
#include "check.h"

#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <linux/audit.h>
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

static char top[64];   /* <top>/root is the root, <top>/canary lies beside it */
static int root = -1;

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
    char cmd[1024];
    va_list ap;
    va_start(ap, fmt);
    assert_true((size_t)vsnprintf(cmd, sizeof cmd, fmt, ap) < sizeof cmd);
    va_end(ap);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-ec", cmd, NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int make_tree(void **state)
{
    (void)state;
    char path[128];
    strcpy(top, "/tmp/creel-path-XXXXXX");
    assert_non_null(mkdtemp(top));
    run("cd %s && mkdir -p root/etc root/a/b/c canary && echo inside >root/etc/passwd && echo secret >canary/file"
        " && ln -s /etc root/abs && ln -s ../../../../canary root/up && ln -s %s/canary root/full"
        " && ln -s a/b root/rel && ln -s /proc/self/root root/magic && ln -s loop root/loop && ln -s /gone/away root/dangling"
        " && ln -s ../../.. root/a/b/top && ln -s /etc/passwd root/link", top, top);
    /* chains: n40 takes 40 links, n41 one more */
    run("cd %s/root && ln -s etc n1 && i=1; while [ $i -lt 41 ]; do ln -s n$i n$((i+1)); i=$((i+1)); done", top);
    (void)snprintf(path, sizeof path, "%s/root", top);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    (void)close(root);
    run("rm -rf %s", top);
    return 0;
}

/* "<n> names" of the canary must never change. */
static void check_canary(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/canary/file", top);
    run("cd %s && [ \"$(ls -A canary)\" = file ] && [ \"$(cat canary/file)\" = secret ] && [ \"$(ls -A)\" = \"$(printf 'canary\\nroot')\" ]", top);
}

static void forbid_openat2(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { .len = 4, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
        _exit(77);
}

/* What is behind the descriptor: path below the root, "(outside)" or an errno's name. */
static const char *where(int fd, char *buf, size_t size)
{
    char link[64], prefix[128];
    if (fd < 0)
        return strerrorname_np(-fd);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buf, size - 1);
    assert_true(n > 0);
    buf[n] = '\0';
    (void)close(fd);
    (void)snprintf(prefix, sizeof prefix, "%s/root", top);
    size_t k = strlen(prefix);
    if (strncmp(buf, prefix, k) != 0 || (buf[k] != '\0' && buf[k] != '/'))
        return "(outside)";
    return buf[k] == '\0' ? "/" : buf + k;
}

static int resolve_rows(void)
{
    static const struct { const char *path, *want; } rows[] = {
        { "/etc/passwd", "/etc/passwd" }, { "etc/passwd", "/etc/passwd" }, { "/abs/passwd", "/etc/passwd" },
        { "/", "/" }, { ".", "/" }, { "..", "/" }, { "/../../..", "/" }, { "/a/../etc/passwd", "/etc/passwd" },
        { "/a/b/top", "/" }, { "/a/b/top/etc", "/etc" }, { "/rel/c", "/a/b/c" }, { "/rel/../b", "/a/b" },
        { "/up", "ENOENT" }, { "/up/file", "ENOENT" }, { "/full/file", "ENOENT" }, { "/loop", "ELOOP" },
        { "/dangling", "ENOENT" }, { "/etc/passwd/x", "ENOTDIR" }, { "/link", "/etc/passwd" }, { "/gone", "ENOENT" },
        { "/n40/passwd", "/etc/passwd" }, { "/n41/passwd", "ELOOP" }, { "//a///b//", "/a/b" }, { "", "ENOENT" },
        { "/magic/etc", "ENOENT" },
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buf[4096];
        const char *got = where(sys_open_in_root(root, rows[i].path, O_PATH), buf, sizeof buf);
        if (strcmp(got, rows[i].want) != 0) {
            print_message("\"%s\": %s, not %s\n", rows[i].path, got, rows[i].want);
            wrong++;
        }
    }
    return wrong;
}

static int link_rows(void)
{
    static const struct { const char *path, *want; } rows[] = {
        { "/etc/passwd", "/etc/passwd" }, { "/a/b", "/a/b" }, { "/abs", "ELOOP" }, { "/abs/passwd", "ELOOP" },
        { "/link", "ELOOP" }, { "/rel/c", "ELOOP" }, { "/gone", "ENOENT" },
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buf[4096];
        const char *got = where(sys_open_no_links(root, rows[i].path, O_PATH, 1), buf, sizeof buf);
        if (strcmp(got, rows[i].want) != 0) {
            print_message("without links \"%s\": %s, not %s\n", rows[i].path, got, rows[i].want);
            wrong++;
        }
    }
    return wrong;
}

static int make_rows(void)
{
    static const struct { const char *path; enum sys_make make; const char *want; } rows[] = {
        { "/new/x/y", SYS_MAKE_DIR, "/new/x/y" }, { "/new/x/f", SYS_MAKE_FILE, "/new/x/f" },
        { "/abs/new", SYS_MAKE_DIR, "/etc/new" }, { "/up/new/z", SYS_MAKE_DIR, "/canary/new/z" },
        { "/full/deep/f", SYS_MAKE_FILE, NULL }, { "/dangling/x", SYS_MAKE_DIR, "/gone/away/x" },
        { "/a/b/top/top2", SYS_MAKE_DIR, "/top2" }, { "/loop/x", SYS_MAKE_DIR, "ELOOP" },
        { "/etc/passwd/x", SYS_MAKE_DIR, "ENOTDIR" }, { "/../../out", SYS_MAKE_DIR, "/out" },
        { "/missing", SYS_MAKE_NOTHING, "ENOENT" }, { "/etc", SYS_MAKE_FILE, "/etc" },
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buf[4096];
        const char *got = where(sys_make_in_root(root, rows[i].path, rows[i].make), buf, sizeof buf);
        if (rows[i].want != NULL ? strcmp(got, rows[i].want) != 0 : strcmp(got, "(outside)") == 0) {
            print_message("make \"%s\": %s, not %s\n", rows[i].path, got, rows[i].want);
            wrong++;
        }
    }
    return wrong;
}

static int parent_rows(void)
{
    static const struct { const char *path, *want, *name; } rows[] = {
        { "/a/b/x", "/a/b", "x" }, { "/x", "/", "x" }, { "/q/w/e", "/q/w", "e" }, { "/abs/null", "/etc", "null" },
        { "/up/null", "/canary", "null" }, { "/link", "/", "link" }, { "/a/..", "EISDIR", NULL }, { "/", "EISDIR", NULL },
        { "/a/b/top/null/", "/", "null" },
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buf[4096], name[256] = "";
        const char *got = where(sys_make_parent_in_root(root, rows[i].path, name), buf, sizeof buf);
        if (strcmp(got, rows[i].want) != 0 || (rows[i].name != NULL && strcmp(name, rows[i].name) != 0)) {
            print_message("parent of \"%s\": %s and \"%s\", not %s\n", rows[i].path, got, name, rows[i].want);
            wrong++;
        }
    }
    return wrong;
}

static int limit_rows(void)
{
    char deep[3000], name[300];
    int wrong = 0;
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 2 ? 'd' : '/';
    deep[sizeof deep - 1] = '\0';
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    wrong += sys_make_in_root(root, deep, SYS_MAKE_DIR) != -ENAMETOOLONG;   /* deeper than the walker goes */
    wrong += sys_make_in_root(root, name, SYS_MAKE_DIR) != -ENAMETOOLONG;
    return wrong;
}

/* The last component as it is: what may be a link, and what may not. */
static int last_rows(void)
{
    static const struct { const char *path; int flags, want; mode_t type; } rows[] = {
        { "link", O_PATH | O_NOFOLLOW, 0, S_IFLNK }, { "up", O_PATH | O_NOFOLLOW, 0, S_IFLNK },
        { "abs/passwd", O_PATH | O_NOFOLLOW, 0, S_IFREG }, { "rel", O_PATH | O_NOFOLLOW, 0, S_IFLNK },
        { "rel/", O_PATH | O_NOFOLLOW, 0, S_IFDIR }, { "link", O_RDONLY | O_NOFOLLOW, -ELOOP, 0 },
        { "etc/passwd", O_RDONLY | O_NOFOLLOW, 0, S_IFREG }, { "dangling", O_PATH | O_NOFOLLOW, 0, S_IFLNK },
        { "link", O_PATH, 0, S_IFREG }, { "loop", O_PATH | O_NOFOLLOW, 0, S_IFLNK },
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stat st = { 0 };
        int fd = sys_open_in_root(root, rows[i].path, rows[i].flags);
        bool good = rows[i].want < 0 ? fd == rows[i].want
                                     : fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == rows[i].type;
        if (!good) {
            print_message("%s with %#o: %d, type %#o\n", rows[i].path, (unsigned)rows[i].flags, fd, (unsigned)st.st_mode);
            wrong++;
        }
        if (fd >= 0)
            (void)close(fd);
    }
    return wrong;
}

static int in_child(int (*rows)(void), bool forbid)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (forbid)
            forbid_openat2();
        (void)umask(022);
        _exit(rows() == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void both_ways(int (*rows)(void))
{
    for (int forbid = 0; forbid < 2; forbid++) {
        assert_int_equal(make_tree(NULL), 0);
        int r = in_child(rows, forbid != 0);
        check_canary();
        (void)remove_tree(NULL);
        if (r == 77) {
            print_message("skipped: this process may not install a filter\n");
            continue;
        }
        if (r != 0)
            fail_msg("%s openat2", forbid ? "without" : "with");
    }
}

static void paths_stay_below_the_root(void **state) { (void)state; both_ways(resolve_rows); }
static void links_are_refused_where_none_may_be(void **state) { (void)state; both_ways(link_rows); }
static void the_last_component_is_not_followed(void **state) { (void)state; both_ways(last_rows); }
static void missing_directories_are_made_inside(void **state) { (void)state; both_ways(make_rows); }
static void parents_are_found_inside(void **state) { (void)state; both_ways(parent_rows); }
static void depth_and_names_are_bounded(void **state) { (void)state; both_ways(limit_rows); }

/* Another process swaps a directory for a link to the canary all the time; nothing may be made there. */
static void a_racing_link_leads_nowhere(void **state)
{
    (void)state;
    for (int forbid = 0; forbid < 2; forbid++) {
        assert_int_equal(make_tree(NULL), 0);
        run("cd %s/root && mkdir v && ln -s ../../canary swap", top);
        pid_t attacker = fork();
        if (attacker == 0) {
            for (;;)
                (void)syscall(SYS_renameat2, root, "v", root, "swap", 2 /* RENAME_EXCHANGE */);
        }
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            if (forbid)
                forbid_openat2();
            int made = 0;
            for (int i = 0; i < 4000; i++) {
                char path[64];
                (void)snprintf(path, sizeof path, "/v/d%d/x", i);
                int fd = sys_make_in_root(root, path, SYS_MAKE_DIR);
                made += fd >= 0;
                if (fd >= 0)
                    (void)close(fd);
            }
            _exit(made > 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void)kill(attacker, SIGKILL);
        (void)waitpid(attacker, NULL, 0);
        check_canary();
        (void)remove_tree(NULL);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_stay_below_the_root),
        cmocka_unit_test(links_are_refused_where_none_may_be),
        cmocka_unit_test(the_last_component_is_not_followed), cmocka_unit_test(missing_directories_are_made_inside),
        cmocka_unit_test(parents_are_found_inside),
        cmocka_unit_test(depth_and_names_are_bounded),
        cmocka_unit_test(a_racing_link_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
