/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor and containers, end to end, through client.h. Needs root and a static busybox; uses its own directories
 * and control groups below /creel-test-monitor. CREEL_TEST_RUNTIME names an external runtime to use instead of our
 * own. */
#include "../check.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ident.h"
#include "monitor/client.h"

#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct env {
    char root[64], libexec[PATH_MAX], id[IDENT_LEN + 1], container_dir[192], run_dir[192], exits[96], layers[96],
        log[320], cgroup[128];
    int64_t run;
    struct strv lower, reap;
    struct creel_err err;
    struct monitor_started started;
};

/* --- set-up --- */

static void write_file(const char *path, const char *text)
{
    auto_file FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
}

static void __attribute__((format(printf, 1, 2))) shell(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static char *libexec_dir(char *buf)
{
    ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);
    assert_true(n > 0);
    buf[n] = '\0';
    return dirname(dirname(dirname(buf)));
}

static int set_up(void **state)
{
    struct env *v = calloc(1, sizeof *v);
    char exe[PATH_MAX];
    *state = v;
    if (v == NULL || geteuid() != 0 || access("/bin/busybox", X_OK) < 0)
        return 0;
    (void)snprintf(v->root, sizeof v->root, "/tmp/creel-monitor-XXXXXX");
    assert_non_null(mkdtemp(v->root));
    (void)snprintf(v->libexec, sizeof v->libexec, "%s",
                   getenv("CREEL_LIBEXEC") != NULL ? getenv("CREEL_LIBEXEC") : libexec_dir(exe));
    ident_make(v->id);
    (void)snprintf(v->container_dir, sizeof v->container_dir, "%s/containers/%s", v->root, v->id);
    (void)snprintf(v->run_dir, sizeof v->run_dir, "%s/run/%s", v->root, v->id);
    (void)snprintf(v->exits, sizeof v->exits, "%s/exits", v->root);
    (void)snprintf(v->layers, sizeof v->layers, "%s/layers", v->root);
    (void)snprintf(v->log, sizeof v->log, "%s/c.log", v->container_dir);
    (void)snprintf(v->cgroup, sizeof v->cgroup, "/creel-test-monitor/%s", v->id);
    shell("mkdir -p %s/upper %s/work %s %s %s/1/fs/bin %s/1/fs/proc %s/1/fs/dev %s/1/fs/tmp && "
          "cp /bin/busybox %s/1/fs/bin/ && for i in sh cat echo sleep true yes head seq stty tail wc kill dd tr; do "
          "ln -s busybox %s/1/fs/bin/$i; done && chmod 700 %s",
          v->container_dir, v->container_dir, v->run_dir, v->exits, v->layers, v->layers, v->layers, v->layers,
          v->layers, v->layers, v->run_dir);
    assert_true(strv_add(&v->lower, "1/fs"));
    v->run = 1;
    return 0;
}

static int tear_down(void **state)
{
    struct env *v = *state;
    if (v->root[0] != '\0')
        shell("rm -rf %s", v->root);
    strv_fini(&v->lower);
    strv_fini(&v->reap);
    free(v);
    return 0;
}

#define NEEDS_ROOT(v)                                                                                                  \
    if ((v)->root[0] == '\0') {                                                                                        \
        print_message("skipped: needs root and /bin/busybox\n");                                                       \
        skip();                                                                                                        \
    }

/* An OCI process; `script` is run by sh. */
static json_t *process(const char *script, bool tty)
{
    return json_pack("{s:b,s:{s:i,s:i},s:[s,s,s],s:[s,s],s:s,s:b,s:{s:[],s:[],s:[]}}", "terminal", tty, "user", "uid",
                     0, "gid", 0, "args", "/bin/sh", "-c", script, "env", "PATH=/bin", "TERM=xterm", "cwd", "/",
                     "noNewPrivileges", 1, "capabilities", "bounding", "effective", "permitted");
}

static void write_bundle(struct env *v, json_t *proc, const char *namespaces)
{
    char path[256];
    json_t *c = json_pack("{s:s,s:o,s:{s:s},s:s,s:[{s:s,s:s,s:s},{s:s,s:s,s:s,s:[s,s]},{s:s,s:s,s:s,s:[s,s,s,s,s]}],"
                          "s:{s:o,s:s,s:{s:{s:i}}}}",
                          "ociVersion", "1.0.2", "process", proc, "root", "path", "rootfs", "hostname", "box",
                          "mounts", "destination", "/proc", "type", "proc", "source", "proc", //
                          "destination", "/dev", "type", "tmpfs", "source", "tmpfs", "options", "nosuid", "mode=755",
                          "destination", "/dev/pts", "type", "devpts", "source", "devpts", "options", "nosuid",
                          "noexec", "newinstance", "ptmxmode=0666", "mode=0620", //
                          "linux", "namespaces", json_loads(namespaces, 0, NULL), "cgroupsPath", v->cgroup,
                          "resources", "pids", "limit", 100);
    assert_non_null(c);
    auto_free char *text = json_dumps(c, 0);
    json_decref(c);
    (void)snprintf(path, sizeof path, "%s/config.json", v->run_dir);
    write_file(path, text);
    (void)snprintf(path, sizeof path, "%s/lock", v->run_dir);
    write_file(path, "");
}

#define NAMESPACES                                                                                                   \
    "[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"}]"
#define NAMESPACES_HOST_PID "[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"}]"

static struct monitor_launch request(struct env *v)
{
    struct monitor_launch q = { .id = v->id, .name = "test", .run = v->run, .container_dir = v->container_dir,
                                .run_dir = v->run_dir, .exits_dir = v->exits, .seccomp_cache_dir = NULL,
                                .layers_dir = v->layers, .lower = &v->lower, .runtime = getenv("CREEL_TEST_RUNTIME"),
                                .cgroup_path = v->cgroup, .cgroup_manager = "cgroupfs", .log_driver = "json-file",
                                .log_path = v->log, .log_max_size = -1, .log_max_file = 1, .reap_argv = &v->reap };
    return q;
}

/* Launch a script. */
static struct monitor_link *launch(struct env *v, const char *script, struct monitor_launch q)
{
    struct monitor_link *l;
    write_bundle(v, process(script, q.tty), NAMESPACES);
    if (monitor_spawn(v->libexec, &l, &v->err) < 0)
        fail_msg("spawn: %s", v->err.text);
    if (monitor_launch(l, &q, &v->started, &v->err) < 0)
        fail_msg("launch: %s", v->err.text);
    return l;
}

static struct monitor_link *launch_attached(struct env *v, const char *script)
{
    struct monitor_launch q = request(v);
    q.attach_stdout = q.attach_stderr = q.claim_exit = true;
    return launch(v, script, q);
}

/* --- helpers --- */

static int temp_file(void)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    int fd = dup(fileno(f));
    (void)fclose(f);
    return fd;
}

static char *text_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *text = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
    return text;
}

static char *file_text(const char *path)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? text_of(fd) : strdup("");
}

/* Copy a session into files. Returns the kind of end. */
static int copy(struct env *v, struct monitor_link *l, int in, char **ret_out, char **ret_err, bool tty,
                struct creel_exit *x)
{
    auto_fd out = temp_file();
    auto_fd err = temp_file();
    struct creel_io io = { .size = sizeof io, .in = in, .out = out, .err = err, .wake_fd = -1 };
    int r = monitor_session_copy(l, &io, NULL, tty, x, &v->err);
    if (r < 0)
        fail_msg("copy: %s", v->err.text);
    if (ret_out != NULL)
        *ret_out = text_of(out);
    if (ret_err != NULL)
        *ret_err = text_of(err);
    return r;
}

static bool record_read(struct env *v, struct monitor_exit_record *ret)
{
    char name[96];
    struct creel_err err = { 0 };
    auto_fd dir = open(v->exits, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(name, sizeof name, "%s.%lld", v->id, (long long)v->run);
    if (monitor_exit_record_read(dir, name, ret, &err) == 0)
        return true;
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
    return false;
}

/* A pidfd of the monitor, to see it end. */
static int monitor_pidfd(struct env *v)
{
    int fd = pidfd_open(v->started.monitor_pid, 0);
    assert_true(fd >= 0);
    return fd;
}

static void wait_gone(int pidfd)
{
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 10000), 1);
    (void)close(pidfd);
}

static bool cgroup_exists(struct env *v)
{
    static const char *const mounts[] = { "", "/unified", "/pids", "/memory", "/devices", "/freezer" };
    for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s%s", mounts[i], v->cgroup);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void release(struct env *v, struct monitor_link *l)
{
    int pidfd = monitor_pidfd(v);
    if (monitor_release(l, &v->err) < 0)
        fail_msg("release: %s", v->err.text);
    monitor_link_close(l);
    wait_gone(pidfd);
    assert_false(cgroup_exists(v));
}

/* --- tests --- */

static void output_and_exit_code_arrive_and_the_log_has_them(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL, *err = NULL;
    struct creel_exit x;
    struct monitor_exit_record rec;
    struct monitor_link *l = launch_attached(v, "echo hello; echo oops >&2; exit 42");
    assert_int_equal(copy(v, l, -1, &out, &err, false, &x), CREEL_SESSION_EXITED);
    assert_string_equal(out, "hello\n");
    assert_string_equal(err, "oops\n");
    assert_int_equal(x.how, CREEL_EXIT_BY_CODE);
    assert_int_equal(x.number, 42);
    assert_false(record_read(v, &rec)); /* it was claimed */
    auto_free char *log = file_text(v->log);
    assert_non_null(strstr(log, "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\""));
    assert_non_null(strstr(log, "{\"log\":\"oops\\n\",\"stream\":\"stderr\",\"time\":\""));
    release(v, l);
    assert_false(record_read(v, &rec));
    char sock[256];
    (void)snprintf(sock, sizeof sock, "%s/monitor.sock", v->run_dir);
    assert_int_equal(access(sock, F_OK), -1);
}

static void a_claimer_that_does_not_commit_leaves_the_record_to_the_monitor(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL, *err = NULL;
    struct creel_exit x;
    struct monitor_exit_record rec;
    struct monitor_link *l = launch_attached(v, "exit 42");
    assert_int_equal(copy(v, l, -1, &out, &err, false, &x), CREEL_SESSION_EXITED);
    assert_false(record_read(v, &rec));
    int pidfd = monitor_pidfd(v);
    monitor_link_close(l);
    wait_gone(pidfd);
    assert_true(record_read(v, &rec));
    assert_string_equal(rec.id, v->id);
    assert_int_equal(rec.exit.number, 42);
    assert_true(rec.exit.finished_ns == x.finished_ns && rec.started_ns == v->started.started_ns);
}

static void a_failed_launch_says_why_and_leaves_nothing(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct monitor_link *l;
    struct monitor_exit_record rec;
    json_t *p = process("true", false);
    assert_int_equal(json_array_set_new(json_object_get(p, "args"), 0, json_string("/bin/missing")), 0);
    write_bundle(v, p, NAMESPACES);
    struct monitor_launch q = request(v);
    assert_int_equal(monitor_spawn(v->libexec, &l, &v->err), 0);
    assert_int_equal(monitor_launch(l, &q, &v->started, &v->err), -1);
    assert_int_equal(v->err.kind, CREEL_NO_COMMAND);
    assert_non_null(strstr(v->err.text, "/bin/missing"));
    monitor_link_close(l);
    assert_false(record_read(v, &rec));
    assert_false(cgroup_exists(v));
    struct monitor_link *again;
    assert_int_equal(monitor_connect(v->run_dir, &again, &v->err), -1);
    assert_int_equal(v->err.kind, CREEL_NOT_FOUND);
}

static void a_start_given_up_meanwhile_makes_nothing(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct monitor_link *l;
    struct monitor_launch q = request(v);
    char path[256];
    write_bundle(v, process("true", false), NAMESPACES);
    (void)snprintf(path, sizeof path, "%s/config.json", v->run_dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(monitor_spawn(v->libexec, &l, &v->err), 0);
    assert_int_equal(monitor_launch(l, &q, &v->started, &v->err), -1);
    assert_int_equal(v->err.kind, CREEL_CONFLICT);
    monitor_link_close(l);
}

static void death_by_signal_is_told_apart(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.claim_exit = true;
    struct monitor_link *l = launch(v, "sleep 1000", q), *other;
    assert_int_equal(monitor_connect(v->run_dir, &other, &v->err), 0);
    assert_int_equal(monitor_wait_exit(other, 50, &x, &v->err), -1);
    assert_int_equal(v->err.kind, CREEL_TIMEOUT);
    struct monitor_status st;
    assert_int_equal(monitor_query(other, -1, &st, &v->err), 0);
    assert_int_equal(st.started.pid, v->started.pid);
    assert_true(st.started.pid_start == v->started.pid_start && st.run == 1 && !st.exited);
    assert_int_equal(monitor_signal(other, 9, &v->err), 0);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    assert_int_equal(x.how, CREEL_EXIT_BY_SIGNAL);
    assert_int_equal(x.number, 9);
    /* the other client is told only when the claimer has committed */
    assert_int_equal(monitor_wait_exit(other, 50, &x, &v->err), -1);
    release(v, l);
    assert_int_equal(monitor_wait_exit(other, 10000, &x, &v->err), 0);
    assert_int_equal(x.number, 9);
    monitor_link_close(other);
}

static void large_output_arrives_whole(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL;
    struct creel_exit x;
    struct monitor_link *l = launch_attached(v, "seq 1 300000");
    assert_int_equal(copy(v, l, -1, &out, NULL, false, &x), CREEL_SESSION_EXITED);
    auto_bytes want = BYTES_INIT;
    for (int i = 1; i <= 300000; i++)
        bytes_addf(&want, "%d\n", i);
    assert_int_equal(strlen(out), want.len);
    assert_memory_equal(out, want.data, want.len);
    release(v, l);
}

static void stdin_has_a_half_close(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL;
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.open_stdin = q.stdin_once = q.attach_stdin = q.attach_stdout = q.attach_stderr = q.claim_exit = true;
    struct monitor_link *l = launch(v, "wc -c; echo end", q);
    auto_fd in = temp_file();
    char block[4096];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(in, block, sizeof block), sizeof block);
    assert_int_equal(lseek(in, 0, SEEK_SET), 0);
    assert_int_equal(copy(v, l, in, &out, NULL, false, &x), CREEL_SESSION_EXITED);
    assert_string_equal(out, "4096000\nend\n");
    release(v, l);
}

/* Input that nobody reads must not get in the way of a signal on the same connection. */
static int send_term(void *arg, struct creel_session *s)
{
    (void)s;
    uint64_t n;
    struct monitor_link **l = arg;
    int timer = *(int *)(void *)(l + 1);
    assert_int_equal(read(timer, &n, sizeof n), sizeof n);
    return monitor_signal(*l, SIGKILL, NULL);
}

static void unread_input_does_not_block_signals(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.open_stdin = q.stdin_once = q.attach_stdin = q.attach_stdout = q.claim_exit = true;
    struct { struct monitor_link *l; int wake; } arg = { .l = launch(v, "sleep 1000", q) };
    int p[2], zeros[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(pipe(zeros), 0);
    arg.wake = p[0];
    pid_t pid = fork();
    if (pid == 0) { /* until nobody takes any more */
        static const char block[4096];
        struct pollfd full = { .fd = zeros[1], .events = POLLOUT };
        while (poll(&full, 1, 200) == 1)
            if (write(zeros[1], block, sizeof block) != sizeof block)
                _exit(1);
        uint64_t one = 1;
        _exit(write(p[1], &one, sizeof one) != sizeof one);
    }
    struct creel_io io = { .size = sizeof io, .in = zeros[0], .out = -1, .err = -1, .wake_fd = p[0], .on_wake = send_term,
                           .arg = &arg };
    assert_int_equal(monitor_session_copy(arg.l, &io, NULL, false, &x, &v->err), CREEL_SESSION_EXITED);
    assert_int_equal(x.how, CREEL_EXIT_BY_SIGNAL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    release(v, arg.l);
    for (int i = 0; i < 2; i++) {
        (void)close(p[i]);
        (void)close(zeros[i]);
    }
}

static void execs_have_their_own_streams_and_exit_codes(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.claim_exit = true;
    struct monitor_link *l = launch(v, "exec sleep 1000", q), *e;
    json_t *p = process("cat; echo err >&2; exit 7", false);
    auto_free char *text = json_dumps(p, 0), *out = NULL, *err = NULL;
    json_decref(p);
    const struct monitor_exec ask = { .exec_id = "e1", .process_json = text, .in = true, .out = true, .err = true };
    pid_t pid = 0;
    assert_int_equal(monitor_connect(v->run_dir, &e, &v->err), 0);
    if (monitor_exec(e, &ask, &pid, &v->err) < 0)
        fail_msg("exec: %s", v->err.text);
    assert_true(pid > 0);
    auto_fd in = temp_file();
    assert_int_equal(write(in, "typed\n", 6), 6);
    assert_int_equal(lseek(in, 0, SEEK_SET), 0);
    assert_int_equal(copy(v, e, in, &out, &err, false, &x), CREEL_SESSION_EXITED);
    assert_string_equal(out, "typed\n");
    assert_string_equal(err, "err\n");
    assert_int_equal(x.number, 7);
    monitor_link_close(e);
    /* nothing of it is in the container's log */
    auto_free char *log = file_text(v->log);
    assert_string_equal(log, "");
    /* a command that does not exist */
    p = process("true", false);
    assert_int_equal(json_array_set_new(json_object_get(p, "args"), 0, json_string("/bin/missing")), 0);
    auto_free char *missing = json_dumps(p, 0);
    json_decref(p);
    const struct monitor_exec bad = { .exec_id = "e2", .process_json = missing, .out = true };
    assert_int_equal(monitor_connect(v->run_dir, &e, &v->err), 0);
    assert_int_equal(monitor_exec(e, &bad, &pid, &v->err), -1);
    assert_int_equal(v->err.kind, CREEL_NO_COMMAND);
    monitor_link_close(e);
    assert_int_equal(monitor_signal(l, 9, &v->err), 0);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    release(v, l);
}

static void an_exec_ends_with_its_process_not_with_its_streams(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.claim_exit = true;
    struct monitor_link *l = launch(v, "exec sleep 1000", q), *e;
    /* the grandchild keeps the streams open */
    json_t *p = process("sleep 1000 & echo started; exit 3", false);
    auto_free char *text = json_dumps(p, 0), *out = NULL;
    json_decref(p);
    const struct monitor_exec ask = { .exec_id = "e1", .process_json = text, .out = true, .err = true };
    pid_t pid;
    assert_int_equal(monitor_connect(v->run_dir, &e, &v->err), 0);
    assert_int_equal(monitor_exec(e, &ask, &pid, &v->err), 0);
    int64_t begin = clock_mono_ns();
    assert_int_equal(copy(v, e, -1, &out, NULL, false, &x), CREEL_SESSION_EXITED);
    assert_true(clock_mono_ns() - begin < 5000000000);
    assert_string_equal(out, "started\n");
    assert_int_equal(x.number, 3);
    monitor_link_close(e);
    /* and the other way round: streams closed, process goes on for a moment */
    p = process("exec >&- 2>&-; sleep 0.3; exit 4", false);
    auto_free char *closed = json_dumps(p, 0);
    json_decref(p);
    const struct monitor_exec again = { .exec_id = "e2", .process_json = closed, .out = true, .err = true };
    assert_int_equal(monitor_connect(v->run_dir, &e, &v->err), 0);
    assert_int_equal(monitor_exec(e, &again, &pid, &v->err), 0);
    assert_int_equal(copy(v, e, -1, NULL, NULL, false, &x), CREEL_SESSION_EXITED);
    assert_int_equal(x.number, 4);
    monitor_link_close(e);
    assert_int_equal(monitor_signal(l, 9, &v->err), 0);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    release(v, l);
}

static void terminals_are_raw_sized_and_resized(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL;
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.tty = q.open_stdin = q.stdin_once = q.attach_stdin = q.attach_stdout = q.claim_exit = true;
    q.rows = 24;
    q.cols = 80;
    struct monitor_link *l =
        launch(v, "stty size; trap 'stty size; exit 5' WINCH; read x; while :; do sleep 0.05; done", q);
    int p[2];
    assert_int_equal(pipe(p), 0);
    auto_fd file = temp_file();
    struct creel_io io = {
        .size = sizeof io, .in = p[0], .out = file, .err = -1, .wake_fd = -1, .detach_keys = "ctrl-p,ctrl-q"};
    /* detach with the keys, resize, come back */
    pid_t typist = fork();
    if (typist == 0) {
        struct stat st = { 0 };
        while (fstat(file, &st) == 0 && st.st_size < 7) /* until the size was shown */
            (void)usleep(10000);
        _exit(write(p[1], "go\n\20\21", 5) != 5);
    }
    assert_int_equal(monitor_session_copy(l, &io, NULL, true, &x, &v->err), CREEL_SESSION_DETACHED);
    assert_int_equal(waitpid(typist, NULL, 0), typist);
    int pidfd = monitor_pidfd(v);
    monitor_link_close(l); /* the claim ends with it; nobody commits, so the record stays */
    struct monitor_link *again;
    assert_int_equal(monitor_connect(v->run_dir, &again, &v->err), 0);
    assert_int_equal(monitor_attach(again, true, true, true, 0, 0, &v->err), 0);
    assert_int_equal(monitor_resize(again, 40, 100, &v->err), 0);
    io.in = -1;
    assert_int_equal(monitor_session_copy(again, &io, NULL, true, &x, &v->err), CREEL_SESSION_EXITED);
    assert_int_equal(x.number, 5);
    out = text_of(file);
    assert_non_null(strstr(out, "24 80\r\n"));
    assert_non_null(strstr(out, "40 100\r\n"));
    monitor_link_close(again);
    wait_gone(pidfd);
    struct monitor_exit_record rec;
    assert_true(record_read(v, &rec));
    (void)close(p[0]);
    (void)close(p[1]);
}

static void attaching_twice_shows_both_the_same(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.open_stdin = true;
    struct monitor_link *l = launch(v, "read x; seq 1 100000", q), *a, *b;
    monitor_link_close(l);
    assert_int_equal(monitor_connect(v->run_dir, &a, &v->err), 0);
    assert_int_equal(monitor_connect(v->run_dir, &b, &v->err), 0);
    assert_int_equal(monitor_attach(a, true, true, true, 0, 0, &v->err), 0);
    assert_int_equal(monitor_attach(b, false, true, true, 0, 0, &v->err), 0);
    int p[2], outs[2] = { temp_file(), temp_file() };
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "go\n", 3), 3);
    pid_t pid = fork();
    if (pid == 0) {
        struct creel_io io = { .size = sizeof io, .in = -1, .out = outs[1], .err = -1, .wake_fd = -1 };
        _exit(monitor_session_copy(b, &io, NULL, false, &x, NULL) != CREEL_SESSION_EXITED);
    }
    struct creel_io io = { .size = sizeof io, .in = p[0], .out = outs[0], .err = -1, .wake_fd = -1 };
    assert_int_equal(monitor_session_copy(a, &io, NULL, false, &x, &v->err), CREEL_SESSION_EXITED);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    auto_free char *one = text_of(outs[0]), *two = text_of(outs[1]);
    assert_int_equal(strlen(one), 588895);
    assert_string_equal(one, two);
    monitor_link_close(a);
    monitor_link_close(b);
    for (int i = 0; i < 2; i++) {
        (void)close(p[i]);
        (void)close(outs[i]);
    }
}

/* One client does not read at all; the other gets everything, and the process is not held up for long. */
static void a_stalled_client_stalls_nobody_for_long(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.open_stdin = q.claim_exit = true;
    q.log_driver = "none";
    struct monitor_link *l = launch(v, "read x; seq 1 1000000", q), *a, *b;
    assert_int_equal(monitor_connect(v->run_dir, &a, &v->err), 0);
    assert_int_equal(monitor_connect(v->run_dir, &b, &v->err), 0);
    assert_int_equal(monitor_attach(a, true, true, true, 0, 0, &v->err), 0);
    assert_int_equal(monitor_attach(b, false, true, true, 0, 0, &v->err), 0);
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "go\n", 3), 3);
    auto_fd file = temp_file();
    struct creel_io io = { .size = sizeof io, .in = p[0], .out = file, .err = -1, .wake_fd = -1 };
    int64_t begin = clock_mono_ns();
    pid_t pid = fork();
    if (pid == 0)
        _exit(monitor_session_copy(a, &io, NULL, false, &x, NULL) != CREEL_SESSION_EXITED);
    assert_int_equal(monitor_wait_exit(l, 20000, &x, &v->err), 0);
    assert_true(clock_mono_ns() - begin < 8000000000);
    assert_int_equal(monitor_release(l, &v->err), 0);
    assert_int_equal(monitor_await_release(l, &v->err), 0);
    monitor_link_close(l);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    auto_free char *one = text_of(file), *two = NULL, *notice = NULL;
    assert_int_equal(strlen(one), 6888896);
    /* the stalled one finds the beginning, and word of what it missed */
    assert_int_equal(copy(v, b, -1, &two, &notice, false, &x), CREEL_SESSION_EXITED);
    assert_true(strlen(two) > 100000 && strlen(two) < strlen(one));
    assert_memory_equal(two, one, strlen(two));
    assert_non_null(strstr(notice, "bytes of output were left out"));
    monitor_link_close(a);
    monitor_link_close(b);
    (void)close(p[0]);
    (void)close(p[1]);
}

static void when_the_client_is_killed_the_container_goes_on_and_the_helper_commits(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    char mark[96];
    (void)snprintf(mark, sizeof mark, "%s/reaped", v->root);
    assert_true(strv_add(&v->reap, "/bin/sh") && strv_add(&v->reap, "-c") &&
                strv_addf(&v->reap, "echo x > %s", mark));
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct monitor_link *l = launch_attached(v, "sleep 0.5; echo done; exit 6");
        if (write(p[1], &v->started, sizeof v->started) < 0)
            _exit(1);
        (void)copy(v, l, -1, NULL, NULL, false, &x);
        _exit(1);
    }
    assert_int_equal(read(p[0], &v->started, sizeof v->started), sizeof v->started);
    int pidfd = monitor_pidfd(v);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    wait_gone(pidfd);
    struct monitor_exit_record rec;
    assert_true(record_read(v, &rec));
    assert_int_equal(rec.exit.number, 6);
    assert_int_equal(access(mark, F_OK), 0);
    auto_free char *log = file_text(v->log);
    assert_non_null(strstr(log, "done\\n"));
    assert_false(cgroup_exists(v));
    (void)close(p[0]);
    (void)close(p[1]);
}

static void when_the_monitor_is_killed_nothing_runs_on(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    if (getenv("CREEL_TEST_RUNTIME") != NULL) {
        print_message("skipped: an external runtime's processes are ended by the engine\n");
        skip();
    }
    struct creel_exit x;
    struct monitor_link *l = launch_attached(v, "sleep 1000");
    auto_fd init = pidfd_open(v->started.pid, 0);
    assert_true(init >= 0);
    assert_int_equal(kill(v->started.monitor_pid, SIGKILL), 0);
    assert_int_equal(copy(v, l, -1, NULL, NULL, false, &x), CREEL_SESSION_CLOSED);
    struct pollfd p = { .fd = init, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 5000), 1);
    monitor_link_close(l);
    struct monitor_exit_record rec;
    assert_false(record_read(v, &rec));
    static const char *const mounts[] = {"",     "/unified", "/pids",   "/memory", "/devices", "/freezer",
                                         "/cpu", "/cpuacct", "/cpuset", "/blkio",  "/systemd"};
    for (size_t i = 0; i < ARRAY_LEN(mounts); i++) { /* what the engine would do */
        char path[256];
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s%s", mounts[i], v->cgroup);
        for (int k = 0; k < 100 && rmdir(path) < 0 && errno == EBUSY; k++)
            (void)usleep(20000);
    }
}

static void a_maker_that_dies_before_the_launch_leaves_nothing(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct monitor_link *l;
    assert_int_equal(monitor_spawn(v->libexec, &l, &v->err), 0);
    struct ucred peer;
    socklen_t len = sizeof peer;
    assert_int_equal(getsockopt(monitor_link_fd(l), SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
    monitor_link_close(l);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie of ours either */
    assert_int_equal(errno, ECHILD);
}

static void processes_without_a_pid_namespace_end_with_init(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    auto_free char *out = NULL;
    struct creel_exit x;
    struct monitor_launch q = request(v);
    struct monitor_link *l;
    q.attach_stdout = q.claim_exit = true;
    write_bundle(v, process("sleep 1000 & echo $!", false), NAMESPACES_HOST_PID);
    assert_int_equal(monitor_spawn(v->libexec, &l, &v->err), 0);
    if (monitor_launch(l, &q, &v->started, &v->err) < 0)
        fail_msg("launch: %s", v->err.text);
    assert_int_equal(copy(v, l, -1, &out, NULL, false, &x), CREEL_SESSION_EXITED);
    assert_int_equal(kill((pid_t)strtol(out, NULL, 10), 0), -1);
    assert_int_equal(errno, ESRCH);
    release(v, l);
}

/* Not the program's text: that is shared as soon as there are two containers. */
static int64_t private_dirty_kb(pid_t pid)
{
    char path[64], line[256];
    int64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    auto_file FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        long long kb;
        if (sscanf(line, "Private_Dirty: %lld kB", &kb) == 1)
            sum += kb;
    }
    return sum;
}

static void an_idle_monitor_is_small(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.claim_exit = true;
    struct monitor_link *l = launch(v, "seq 1 100000; exec sleep 1000", q);
    (void)usleep(2500000);
    if (getenv("CREEL_TEST_SMAPS") != NULL)
        shell("cat /proc/%d/smaps", (int)v->started.monitor_pid);
    int64_t kb = private_dirty_kb(v->started.monitor_pid);
    print_message("private memory of an idle monitor: %lld kB\n", (long long)kb);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* those keep shadow memory */
    assert_true(kb <= 300);
#endif
    assert_int_equal(monitor_signal(l, 9, &v->err), 0);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    release(v, l);
}

static int open_descriptors(pid_t pid)
{
    char path[64];
    int n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    auto_dir DIR *d = opendir(path);
    while (d != NULL && readdir(d) != NULL)
        n++;
    return n;
}

static void strangers_bytes_do_not_disturb(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    q.claim_exit = true;
    struct monitor_link *l = launch(v, "exec sleep 1000", q), *s;
    int fds = open_descriptors(v->started.monitor_pid);
    static const char *const bad[] = { "garbage garbage garbage", "\20\0\0\0\0\0\0\2{}", "\20\0\0\0\377\377\377\377",
                                       "\0\0\0\0\0\1\0\0x", "\20\0\0\0\0\0\0\1x", "\22\0\0\0\0\0\0\0" };
    static const size_t lengths[] = { 23, 10, 8, 9, 9, 8 };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(monitor_connect(v->run_dir, &s, &v->err), 0);
        assert_int_equal(write(monitor_link_fd(s), bad[i], lengths[i]), (ssize_t)lengths[i]);
        monitor_link_close(s);
    }
    for (int i = 0; i < 2000; i++) { /* attach and vanish */
        assert_int_equal(monitor_connect(v->run_dir, &s, &v->err), 0);
        if (i % 2 == 0)
            assert_int_equal(monitor_attach(s, true, true, true, 0, 0, &v->err), 0);
        monitor_link_close(s);
    }
    struct monitor_status st;
    assert_int_equal(monitor_query(l, -1, &st, &v->err), 0);
    assert_true(abs(open_descriptors(v->started.monitor_pid) - fds) < 8); /* the last ones may not be closed yet */
    assert_int_equal(monitor_signal(l, 9, &v->err), 0);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    release(v, l);
}

static void a_full_place_for_records_does_not_lose_the_exit(void **state)
{
    struct env *v = *state;
    NEEDS_ROOT(v);
    struct creel_exit x;
    struct monitor_launch q = request(v);
    struct monitor_exit_record rec;
    struct monitor_link *l = launch(v, "sleep 0.4; exit 8", q);
    int pidfd = monitor_pidfd(v);
    /* the directory for records cannot be written to when it is needed, and comes back later */
    shell("mv %s %s.away && if chattr +i %s.away 2>/dev/null; then touch %s.held; fi", v->exits, v->exits, v->exits,
          v->exits);
    char held[PATH_MAX];
    (void)snprintf(held, sizeof held, "%s.held", v->exits);
    int told = monitor_wait_exit(l, 1000, &x, &v->err); /* nobody is told before the record is there */
    if (access(held, F_OK) == 0) {
        assert_int_equal(told, -1);
        assert_int_equal(v->err.kind, CREEL_TIMEOUT);
        assert_int_equal(unlink(held), 0);
    }
    shell("chattr -i %s.away 2>/dev/null; mv %s.away %s", v->exits, v->exits, v->exits);
    assert_int_equal(monitor_wait_exit(l, 10000, &x, &v->err), 0);
    assert_int_equal(x.number, 8);
    assert_true(record_read(v, &rec));
    monitor_link_close(l);
    wait_gone(pidfd);
}

/* The parent of the tests' groups, in every hierarchy. */
static int remove_groups(void **state)
{
    (void)state;
    auto_dir DIR *d = opendir("/sys/fs/cgroup");
    (void)rmdir("/sys/fs/cgroup/creel-test-monitor");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[NAME_MAX + 64];
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s/creel-test-monitor", e->d_name);
        (void)rmdir(path);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(output_and_exit_code_arrive_and_the_log_has_them),
        TEST(a_claimer_that_does_not_commit_leaves_the_record_to_the_monitor),
        TEST(a_failed_launch_says_why_and_leaves_nothing),
        TEST(a_start_given_up_meanwhile_makes_nothing),
        TEST(death_by_signal_is_told_apart),
        TEST(large_output_arrives_whole),
        TEST(stdin_has_a_half_close),
        TEST(unread_input_does_not_block_signals),
        TEST(execs_have_their_own_streams_and_exit_codes),
        TEST(an_exec_ends_with_its_process_not_with_its_streams),
        TEST(terminals_are_raw_sized_and_resized),
        TEST(attaching_twice_shows_both_the_same),
        TEST(a_stalled_client_stalls_nobody_for_long),
        TEST(when_the_client_is_killed_the_container_goes_on_and_the_helper_commits),
        TEST(when_the_monitor_is_killed_nothing_runs_on),
        TEST(a_maker_that_dies_before_the_launch_leaves_nothing),
        TEST(processes_without_a_pid_namespace_end_with_init),
        TEST(an_idle_monitor_is_small),
        TEST(strangers_bytes_do_not_disturb),
        TEST(a_full_place_for_records_does_not_lose_the_exit),
    };
    return cmocka_run_group_tests(tests, NULL, remove_groups);
}
