/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "monitor/log_writer.h"
#include "wire/log_json.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

struct fixture {
    char dir[64], path[96];
    struct loop loop;
    struct log_writer *w;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    sigset_t none;
    sigemptyset(&none);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/creel-log-XXXXXX");
    if (mkdtemp(f->dir) == NULL || loop_init(&f->loop, NULL) < 0 ||
        loop_signals(&f->loop, &none, NULL, NULL, NULL) < 0)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/c.log", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    log_writer_close(f->w);
    loop_fini(&f->loop);
    auto_dir DIR *d = opendir(f->dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static void open_writer(struct fixture *f, const char *driver, int64_t max_size, int max_file, bool compress)
{
    struct log_writer_options o = { .driver = driver, .path = f->path, .max_size = max_size, .max_file = max_file,
                                    .compress = compress };
    struct creel_err err = { 0 };
    if (log_writer_open(&o, &f->loop, &f->w, &err) < 0)
        fail_msg("%s", err.text);
}

static void feed(struct fixture *f, int stream, int64_t ns, const char *text, size_t n)
{
    auto_free char *copy = malloc(n + LOG_SLACK);
    assert_non_null(copy);
    memcpy(copy, text, n);
    memset(copy + n, '\n', LOG_SLACK);
    log_writer_feed(f->w, stream, ns, copy, n);
}

static void feed_line(struct fixture *f, const char *text)
{
    feed(f, 1, 1432897262000000003, text, strlen(text));
}

/* The whole file, through zlib, which also reads plain files. "" when it does not exist. */
static char *content(const struct fixture *f, const char *suffix)
{
    char path[128];
    auto_bytes b = BYTES_INIT;
    (void)snprintf(path, sizeof path, "%s%s", f->path, suffix);
    gzFile z = gzopen(path, "rb");
    char buf[4096];
    for (int n; z != NULL && (n = gzread(z, buf, sizeof buf)) > 0;)
        bytes_add(&b, buf, (size_t)n);
    if (z != NULL)
        (void)gzclose(z);
    return bytes_take(&b);
}

static bool exists(const struct fixture *f, const char *suffix)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s", f->path, suffix);
    return access(path, F_OK) == 0;
}

static int lines(const char *s)
{
    int n = 0;
    while ((s = strchr(s, '\n')) != NULL) {
        n++;
        s++;
    }
    return n;
}

/* Let children end and be reaped. */
static void on_timeout(void *arg)
{
    loop_stop(arg);
}

static void run_loop(struct fixture *f, int ms)
{
    struct loop_timer t = { .fn = on_timeout, .arg = &f->loop };
    loop_timer_arm(&f->loop, &t, (int64_t)ms * 1000000);
    assert_int_equal(loop_run(&f->loop, NULL), 0);
}

static void run_until_exists(struct fixture *f, const char *suffix)
{
    for (int i = 0; i < 500 && !exists(f, suffix); i++)
        run_loop(f, 10);
    assert_true(exists(f, suffix));
}

static void lines_become_records(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    feed(f, 1, 1, "one\ntw", 6);
    feed(f, 2, 2, "err\n", 4);
    feed(f, 1, 3, "o\n\nrest", 7);
    log_writer_end(f->w, 1, 4);
    auto_free char *got = content(f, "");
    assert_string_equal(got,
                        "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00.000000001Z\"}\n"
                        "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:00.000000002Z\"}\n"
                        "{\"log\":\"two\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00.000000003Z\"}\n"
                        "{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00.000000003Z\"}\n"
                        "{\"log\":\"rest\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00.000000004Z\"}\n");
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void long_lines_are_split_with_one_time(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "cri", -1, 1, false);
    auto_bytes text = BYTES_INIT;
    for (int i = 0; i < 3 * LOG_LINE_MAX; i++)
        bytes_addc(&text, 'x');
    bytes_adds(&text, "trailing line\n");
    feed(f, 1, 5, text.data, 20000);
    feed(f, 1, 6, text.data + 20000, text.len - 20000);
    feed(f, 1, 7, "next\n", 5);
    auto_free char *got = content(f, "");
    assert_int_equal(lines(got), 5);
    char *save = NULL;
    static const char *const ends[] = {" stdout P x", " stdout P x", " stdout P x", " stdout F trailing line",
                                       " stdout F next"};
    int i = 0;
    for (char *line = strtok_r(got, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save), i++) {
        assert_memory_equal(line, i < 4 ? "1970-01-01T00:00:00.000000005Z" : "1970-01-01T00:00:00.000000007Z", 30);
        assert_memory_equal(line + 30, ends[i], strlen(ends[i]));
        assert_int_equal(strlen(line), i < 3 ? 30 + strlen(" stdout P ") + LOG_LINE_MAX : 30 + strlen(ends[i]));
    }
}

static void portions_do_not_matter(void **state)
{
    struct fixture *f = *state;
    auto_bytes text = BYTES_INIT;
    unsigned seed = 1;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245 + 12345;
        bytes_addc(&text, i % 70000 < 40000 && seed >> 16 & 63 ? "ab\xc3\xa9\"<"[seed >> 20 & 3]
                          : i % 300 == 0                       ? '\n'
                                                               : 'z');
    }
    open_writer(f, "json-file", -1, 1, false);
    feed(f, 1, 9, text.data, text.len);
    log_writer_end(f->w, 1, 9);
    auto_free char *whole = content(f, "");
    log_writer_close(f->w);
    assert_int_equal(unlink(f->path), 0);
    open_writer(f, "json-file", -1, 1, false);
    for (size_t at = 0; at < text.len;) {
        seed = seed * 1103515245 + 12345;
        size_t n = 1 + (seed >> 16) % 5000;
        if (n > text.len - at)
            n = text.len - at;
        feed(f, 1, 9, text.data + at, n);
        at += n;
    }
    log_writer_end(f->w, 1, 9);
    auto_free char *drip = content(f, "");
    assert_string_equal(whole, drip);
}

static void characters_are_not_split(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", -1, 1, false);
    auto_bytes text = BYTES_INIT;
    for (int i = 0; i < LOG_LINE_MAX - 2; i++)
        bytes_addc(&text, 'x');
    bytes_adds(&text, "\xf0\x9f\x98\x80 end\n");
    feed(f, 1, 9, text.data, text.len);
    auto_free char *got = content(f, "");
    assert_null(strstr(got, "ufffd"));
    assert_non_null(strstr(got, "{\"log\":\"\xf0\x9f\x98\x80 end\\n\""));
}

/* 36 records; with max_size 1000 a file takes 13 or 14 of them. */
static void feed_36(struct fixture *f)
{
    for (int i = 0; i < 36; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "line%d\n", i);
        feed_line(f, line);
    }
}

static void rotation_keeps_max_file_files(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 1000, 3, false);
    feed_36(f);
    auto_free char *a = content(f, ""), *b = content(f, ".1"), *c = content(f, ".2");
    assert_false(exists(f, ".3"));
    int n = lines(a), m = lines(b), o = lines(c);
    /* line0 to line9 take 76 bytes each, the others 77: 10 * 76 + 3 * 77 is still below 1000 */
    assert_int_equal(o, 14);
    assert_int_equal(m, 13);
    assert_int_equal(n, 9);
    assert_non_null(strstr(a, "\"line35\\n\""));
    assert_non_null(strstr(c, "\"line0\\n\""));
}

static void rotated_files_are_compressed_in_the_background(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 1000, 3, true);
    feed_36(f);
    run_until_exists(f, ".2.gz");
    run_until_exists(f, ".1.gz");
    run_loop(f, 50);
    assert_false(exists(f, ".1"));
    assert_false(exists(f, ".2"));
    assert_false(exists(f, ".gz.tmp"));
    auto_free char *a = content(f, ""), *b = content(f, ".1.gz"), *c = content(f, ".2.gz");
    assert_int_equal(lines(a), 9);
    assert_int_equal(lines(b), 13);
    assert_int_equal(lines(c), 14);
    assert_non_null(strstr(c, "\"line0\\n\""));
}

static void rotation_does_not_wait_for_compression(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 1000, 3, true);
    for (int i = 0; i < 20; i++) /* without ever running the loop, so no compression is ever seen to end */
        feed_36(f);
    assert_true(exists(f, ".1") || exists(f, ".1.gz"));
    assert_true(exists(f, ".2") || exists(f, ".2.gz"));
    assert_false(exists(f, ".3"));
    run_loop(f, 300);
    auto_free char *b = content(f, exists(f, ".1.gz") ? ".1.gz" : ".1");
    assert_true(lines(b) == 13 || lines(b) == 14);
}

static void with_one_file_rotation_starts_anew(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 1000, 1, false);
    feed_36(f);
    auto_free char *a = content(f, "");
    assert_int_equal(lines(a), 9);
    assert_false(exists(f, ".1"));
}

static void small_capacity_rotates_before_each_write(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 5, 3, false);
    feed_line(f, "first write\n");
    assert_false(exists(f, ".1"));
    feed_line(f, "second\n");
    assert_true(exists(f, ".1"));
    assert_false(exists(f, ".2"));
    feed_line(f, "third\n");
    assert_true(exists(f, ".2"));
    feed_line(f, "fourth\n");
    assert_false(exists(f, ".3"));
}

static void an_existing_file_is_continued(void **state)
{
    struct fixture *f = *state;
    open_writer(f, "json-file", 1000, 3, false);
    feed_line(f, "before\n");
    log_writer_close(f->w);
    f->w = NULL;
    open_writer(f, "json-file", 1000, 3, false);
    feed_line(f, "after\n");
    auto_free char *a = content(f, "");
    assert_int_equal(lines(a), 2);
}

static void a_torn_record_of_a_killed_writer_stands_alone(void **state)
{
    struct fixture *f = *state;
    auto_file FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    assert_true(fputs("{\"log\":\"to", out) >= 0);
    file_closep(&out);
    open_writer(f, "json-file", -1, 1, false);
    feed_line(f, "whole\n");
    auto_free char *a = content(f, "");
    assert_int_equal(lines(a), 2);
    assert_non_null(strstr(a, "\n{\"log\":\"whole\\n\""));
}

/* A full disk by way of a file size limit: writes fail after so many bytes, just as they do with ENOSPC. */
static void when_the_disk_is_full_records_are_lost_whole_and_counted(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, small = { .rlim_cur = 1000 };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    open_writer(f, "json-file", -1, 1, false);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    auto_bytes text = BYTES_INIT;
    for (int i = 0; i < 36; i++)
        bytes_addf(&text, "line%d\n", i);
    feed(f, 1, 1432897262000000003, text.data, text.len);
    feed_line(f, "lost too\n");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    auto_free char *during = content(f, "");
    const struct log_writer_counts *c = log_writer_counts(f->w);
    assert_int_equal(c->last_errno, EFBIG);
    assert_true(c->failed_writes >= 2);
    assert_int_equal((uint64_t)lines(during) + c->lost_records, 37);
    assert_true(lines(during) > 5);
    assert_int_equal(during[strlen(during) - 1], '\n');
    feed_line(f, "room again\n");
    auto_free char *after = content(f, "");
    assert_int_equal(lines(after), lines(during) + 1);
    (void)signal(SIGXFSZ, before);
}

static void when_files_cannot_be_moved_the_bound_still_holds(void **state)
{
    struct fixture *f = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s.1", f->path);
    assert_int_equal(mkdir(path, 0700), 0); /* a file cannot be renamed onto a directory */
    open_writer(f, "json-file", 1000, 2, false);
    for (int i = 0; i < 10; i++)
        feed_36(f);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(st.st_size < 1200);
    assert_true(log_writer_counts(f->w)->failed_rotations > 10);
    assert_int_equal(rmdir(path), 0);
    feed_36(f);
    assert_true(exists(f, ".1"));
}

static void links_are_not_followed(void **state)
{
    struct fixture *f = *state;
    struct log_writer_options o = { .driver = "json-file", .path = f->path, .max_size = -1, .max_file = 1 };
    struct creel_err err = { 0 };
    assert_int_equal(symlink("/etc/passwd", f->path), 0);
    assert_int_equal(log_writer_open(&o, &f->loop, &f->w, &err), -1);
    assert_int_equal(err.sys, ELOOP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_become_records),
        TEST(long_lines_are_split_with_one_time),
        TEST(portions_do_not_matter),
        TEST(characters_are_not_split),
        TEST(rotation_keeps_max_file_files),
        TEST(rotated_files_are_compressed_in_the_background),
        TEST(rotation_does_not_wait_for_compression),
        TEST(with_one_file_rotation_starts_anew),
        TEST(small_capacity_rotates_before_each_write),
        TEST(an_existing_file_is_continued),
        TEST(a_torn_record_of_a_killed_writer_stands_alone),
        TEST(when_the_disk_is_full_records_are_lost_whole_and_counted),
        TEST(when_files_cannot_be_moved_the_bound_still_holds),
        TEST(links_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
