/* SPDX-License-Identifier: Apache-2.0 */
/* Reading logs back: what the writer wrote, over rotations, compression and damage. */
#include "../check.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "monitor/log_writer.h"
#include "wire/log_record.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fixture {
    char root[64], run_root[80], id[65], log[256];
    struct creel *e;
    struct loop loop;
    struct log_writer *w;
};

#define OK(call)                                                                                                      \
    do {                                                                                                              \
        struct creel_err err = { 0 };                                                                                 \
        if ((call) < 0)                                                                                               \
            fail_msg("%s: %s", #call, err.text);                                                                      \
    } while (0)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    sigset_t none;
    char dir[200];
    sigemptyset(&none);
    (void)snprintf(f->root, sizeof f->root, "/tmp/creel-logs-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    (void)snprintf(f->run_root, sizeof f->run_root, "%s/run", f->root);
    (void)snprintf(f->id, sizeof f->id, "%064x", 0xabc);
    const struct creel_options o = { .size = sizeof o, .root = f->root, .run_root = f->run_root, .libexec = "/" };
    OK(creel_open(&o, &f->e, &err));
    OK(loop_init(&f->loop, &err));
    OK(loop_signals(&f->loop, &none, NULL, NULL, &err));
    (void)snprintf(dir, sizeof dir, "%s/containers/%s", f->root, f->id);
    assert_true(mkdir(dir, 0700) == 0 || errno == EEXIST);
    (void)snprintf(f->log, sizeof f->log, "%s/c.log", dir);
    struct container_row r = { .created_ns = 1, .run = 1, .name = strdup("box"), .command = strdup("true"),
                               .log_path = strdup(f->log), .spec = strdup("{}") };
    struct store_tx tx;
    memcpy(r.id, f->id, sizeof r.id);
    OK(store_begin(f->e->store, &tx, &err));
    OK(container_row_insert(&tx, &r, NULL, &err));
    OK(store_commit(&tx, &err));
    container_row_fini(&r);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    log_writer_close(f->w);
    loop_fini(&f->loop);
    creel_close(f->e);
    assert_int_equal(nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

static void open_writer(struct fixture *f, const char *driver, int64_t max_size, int max_file, bool compress)
{
    struct log_writer_options o = { .driver = driver, .path = f->log, .max_size = max_size, .max_file = max_file,
                                    .compress = compress };
    OK(log_writer_open(&o, &f->loop, &f->w, &err));
}

static void feed(struct fixture *f, int stream, int64_t ns, const char *text)
{
    char buf[256] = "";
    assert_true(strlen(text) + LOG_SLACK < sizeof buf);
    memcpy(buf, text, strlen(text));
    log_writer_feed(f->w, stream, ns, buf, strlen(text));
}

/* --- reading --- */

struct got { struct bytes text; int64_t first_ns, last_ns; int records, stop_after; };

static int on_record(void *arg, int stream, int64_t time_ns, const char *attrs, const char *data, size_t len)
{
    struct got *g = arg;
    assert_null(attrs);
    if (stream == 2)
        bytes_adds(&g->text, "E:");
    bytes_add(&g->text, data, len);
    g->last_ns = time_ns;
    return ++g->records == g->stop_after;
}

static void read_with(struct fixture *f, struct creel_log_options o, const char *want)
{
    struct got g = { .text = BYTES_INIT };
    o.size = sizeof o;
    if (!o.want_stdout && !o.want_stderr)
        o.want_stdout = o.want_stderr = 1;
    OK(creel_container_logs(f->e, "box", &o, -1, on_record, &g, &err));
    assert_string_equal(bytes_str(&g.text), want);
    bytes_fini(&g.text);
}

#define READ(f, want, ...) read_with(f, (struct creel_log_options){ __VA_ARGS__ }, want)

/* Messages 1 to 7 at seconds 1 to 6; the last one is older. */
static void feed_seven(struct fixture *f)
{
    for (int i = 1; i <= 7; i++) {
        char line[16];
        (void)snprintf(line, sizeof line, "%d\n", i);
        feed(f, 1, (i == 7 ? 3 : i) * INT64_C(1000000000), line);
    }
}

static void check_seven(struct fixture *f)
{
    const int64_t s = 1000000000;
    READ(f, "1\n2\n3\n4\n5\n6\n7\n", .tail = -1);
    READ(f, "1\n2\n3\n4\n5\n6\n7\n", .tail = 7);
    READ(f, "6\n7\n", .tail = 2);
    READ(f, "1\n2\n3\n4\n5\n6\n7\n", .tail = 100);
    READ(f, "", .tail = 0);
    READ(f, "2\n3\n4\n5\n6\n7\n", .tail = -1, .since_ns = 2 * s);
    READ(f, "2\n3\n4\n5\n6\n7\n", .tail = 7, .since_ns = 2 * s);
    READ(f, "3\n4\n5\n6\n7\n", .tail = 5, .since_ns = 2 * s);
    READ(f, "1\n2\n", .tail = -1, .until_ns = 3 * s - 1);
    READ(f, "2\n", .tail = -1, .since_ns = 2 * s, .until_ns = 3 * s - 1);
    READ(f, "1\n2\n3\n4\n5\n6\n7\n", .tail = -1, .follow = 1); /* nobody writes: it ends */
}

static void tail_since_and_until_combine(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed_seven(f);
    check_seven(f);
}

static void the_cri_format_reads_the_same(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "cri", -1, 1, false);
    feed_seven(f);
    check_seven(f);
}

static void rotated_and_compressed_files_read_the_same(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 150, 5, true); /* two or three records each */
    feed_seven(f);
    check_seven(f);
    /* the same once they are compressed */
    char gz[300];
    (void)snprintf(gz, sizeof gz, "%s.2.gz", f->log);
    siginfo_t ended; /* each file is compressed by a child, which is waited for without taking it from the loop */
    while (access(gz, F_OK) < 0 && waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == 0)
        loop_reap(&f->loop);
    assert_int_equal(access(gz, F_OK), 0);
    check_seven(f);
}

static void an_empty_log_gives_nothing(void **state)
{
    struct fixture *f = *state;
    READ(f, "", .tail = -1);
    open_writer(f, "json-file", -1, 1, false);
    READ(f, "", .tail = -1);
    READ(f, "", .tail = 5);
}

static void streams_are_chosen_and_partial_lines_joined(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed(f, 1, 1, "out\n");
    feed(f, 2, 2, "err\n");
    feed(f, 1, 3, "no newline");
    log_writer_end(f->w, 1, 4);
    READ(f, "out\nE:err\nno newline", .tail = -1);
    READ(f, "out\nno newline", .tail = -1, .want_stdout = 1);
    READ(f, "E:err\n", .tail = -1, .want_stderr = 1);
}

static void append(const char *path, const char *text, size_t n)
{
    auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
}

static void damaged_records_are_skipped(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed(f, 1, 1, "one\n");
    append(f->log, "{\"log\":\"torn\n", 13);
    feed(f, 1, 1, "two\n");
    append(f->log, "\n\0\0\0\n{}\n", 8);
    feed(f, 1, 1, "three\n");
    append(f->log, "{\"log\":\"unfinished\\n\"", 21);
    READ(f, "one\ntwo\nthree\n", .tail = -1, .want_stdout = 1);
}

static void a_line_without_end_costs_no_memory(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed(f, 1, 1, "one\n");
    auto_free char *x = malloc(1 << 20);
    memset(x, 'x', 1 << 20);
    for (int i = 0; i < 20; i++)
        append(f->log, x, 1 << 20);
    append(f->log, "\n", 1);
    feed(f, 1, 1, "two\n");
    READ(f, "one\ntwo\n", .tail = -1);
}

static void the_reader_may_stop(void **state)
{
    struct fixture *f = *state;
    struct got g = { .text = BYTES_INIT, .stop_after = 2 };
    const struct creel_log_options o = { .size = sizeof o, .want_stdout = 1, .tail = -1 };
    open_writer(f, "json-file", -1, 1, false);
    feed_seven(f);
    OK(creel_container_logs(f->e, "box", &o, -1, on_record, &g, &err));
    assert_string_equal(bytes_str(&g.text), "1\n2\n");
    bytes_fini(&g.text);
}

static void refusals_say_why(void **state)
{
    struct fixture *f = *state;
    struct creel_err err = { 0 };
    struct creel_log_options o = { .size = sizeof o, .tail = -1 };
    assert_int_equal(creel_container_logs(f->e, "box", &o, -1, on_record, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    o.want_stdout = 1;
    assert_int_equal(creel_container_logs(f->e, "nobody", &o, -1, on_record, NULL, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
}

/* --- following --- */

/* A monitor that never says a word: a socket that a connection is made to, and that goes with its process. */
static int fake_monitor(struct fixture *f)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char dir[200];
    (void)snprintf(dir, sizeof dir, "%s/containers", f->run_root);
    assert_true(mkdir(dir, 0700) == 0 || errno == EEXIST);
    (void)snprintf(dir, sizeof dir, "%s/containers/%s", f->run_root, f->id);
    assert_true(mkdir(dir, 0700) == 0 || errno == EEXIST);
    int d = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/monitor.sock", d);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s, 5), 0);
    (void)close(d);
    return s;
}

enum { FOLLOWED = 3000 };

/* Writes what is to be followed, with rotations, and ends. */
static pid_t start_writer(struct fixture *f, int64_t max_size, int max_file, bool compress, int pause_every)
{
    int sock = fake_monitor(f);
    pid_t pid = fork();
    if (pid == 0) {
        open_writer(f, "json-file", max_size, max_file, compress);
        for (int i = 0; i < FOLLOWED; i++) {
            char line[32];
            (void)snprintf(line, sizeof line, "line %d\n", i);
            feed(f, 1, clock_now_ns(), line);
            loop_reap(&f->loop);
            if (i % pause_every == 0)
                (void)usleep(3000);
        }
        log_writer_close(f->w);
        _exit(0);
    }
    (void)close(sock);
    return pid;
}

static void follow_all(struct fixture *f, pid_t writer)
{
    struct got g = { .text = BYTES_INIT };
    const struct creel_log_options o = { .size = sizeof o, .want_stdout = 1, .tail = -1, .follow = 1 };
    OK(creel_container_logs(f->e, "box", &o, -1, on_record, &g, &err));
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    auto_bytes want = BYTES_INIT;
    for (int i = 0; i < FOLLOWED; i++)
        bytes_addf(&want, "line %d\n", i);
    assert_string_equal(bytes_str(&g.text), bytes_str(&want));
    bytes_fini(&g.text);
}

static void following_misses_nothing_until_the_run_ends(void **state)
{
    struct fixture *f = *state;
    follow_all(f, start_writer(f, -1, 1, false, 50));
}

static void following_goes_on_over_rotations(void **state)
{
    struct fixture *f = *state;
    follow_all(f, start_writer(f, 20000, 20, false, 20));
}

static void following_goes_on_while_files_are_compressed(void **state)
{
    struct fixture *f = *state;
    follow_all(f, start_writer(f, 40000, 20, true, 20));
}

static void following_from_the_end_shows_only_what_is_new(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed_seven(f);
    int sock = fake_monitor(f);
    pid_t pid = fork();
    if (pid == 0) {
        (void)usleep(300000);
        feed(f, 1, clock_now_ns(), "new\n");
        log_writer_close(f->w);
        _exit(0);
    }
    (void)close(sock);
    READ(f, "new\n", .tail = 0, .follow = 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void following_ends_when_asked_and_at_until(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed_seven(f);
    int sock = fake_monitor(f), p[2];
    int64_t begin = clock_mono_ns();
    READ(f, "7\n", .tail = 1, .follow = 1, .until_ns = clock_now_ns() + 200000000);
    assert_true(clock_mono_ns() - begin >= 190000000 && clock_mono_ns() - begin < 5000000000);
    struct got g = { .text = BYTES_INIT };
    const struct creel_log_options o = { .size = sizeof o, .want_stdout = 1, .tail = 1, .follow = 1 };
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "x", 1), 1);
    OK(creel_container_logs(f->e, "box", &o, p[0], on_record, &g, &err));
    assert_string_equal(bytes_str(&g.text), "7\n");
    bytes_fini(&g.text);
    (void)close(p[0]);
    (void)close(p[1]);
    (void)close(sock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tail_since_and_until_combine),
        TEST(the_cri_format_reads_the_same),
        TEST(rotated_and_compressed_files_read_the_same),
        TEST(an_empty_log_gives_nothing),
        TEST(streams_are_chosen_and_partial_lines_joined),
        TEST(damaged_records_are_skipped),
        TEST(a_line_without_end_costs_no_memory),
        TEST(the_reader_may_stop),
        TEST(refusals_say_why),
        TEST(following_misses_nothing_until_the_run_ends),
        TEST(following_goes_on_over_rotations),
        TEST(following_goes_on_while_files_are_compressed),
        TEST(following_from_the_end_shows_only_what_is_new),
        TEST(following_ends_when_asked_and_at_until),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
