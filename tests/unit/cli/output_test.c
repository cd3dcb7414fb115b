/* SPDX-License-Identifier: Apache-2.0 */
/* What commands write: logs, id files, archives. */
#include "cli/cid_file.h"
#include "cli/log_print.h"
#include "cli/output_file.h"

#include "../check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/creel-output-XXXXXX";

static int group_up(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL ? -1 : chdir(root);
}

static int group_down(void **state)
{
    (void)state;
    return chdir("/") | rmdir(root);
}

static const char *content(const char *path)
{
    static char buf[4096];
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
    return buf;
}

static int new_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void feed(struct log_print *p, int stream, const char *text)
{
    assert_int_equal(log_print_record(p, stream, 1000000001, "{\"b\":\"2\",\"a\":\"x y/\"}", text, strlen(text)), 0);
}

static void streams_are_kept_apart(void **state)
{
    (void)state;
    auto_fd out = new_file("out"), err = new_file("err");
    auto_log_print p;
    log_print_init(&p, out, err, false, false);
    feed(&p, 1, "one\n");
    feed(&p, 2, "two\n");
    feed(&p, 1, "three");
    assert_string_equal(content("out"), ""); /* nothing is written before a flush or a full buffer */
    assert_int_equal(log_print_flush(&p), 0);
    assert_string_equal(content("out"), "one\nthree");
    assert_string_equal(content("err"), "two\n");
    assert_int_equal(unlink("out") | unlink("err"), 0);
}

static void one_file_for_both_streams_keeps_the_order(void **state)
{
    (void)state;
    auto_fd out = new_file("out");
    auto_fd err = fcntl(out, F_DUPFD_CLOEXEC, 3);
    auto_log_print p;
    log_print_init(&p, out, err, false, false);
    feed(&p, 1, "1\n");
    feed(&p, 2, "2\n");
    feed(&p, 1, "3\n");
    assert_int_equal(log_print_flush(&p), 0);
    assert_string_equal(content("out"), "1\n2\n3\n");
    assert_int_equal(unlink("out"), 0);
}

static void stamps_and_details_stand_at_line_starts_only(void **state)
{
    (void)state;
    auto_fd out = new_file("out"), err = new_file("err");
    auto_log_print p;
    log_print_init(&p, out, err, true, true);
    feed(&p, 1, "half ");
    feed(&p, 2, "other\n");
    feed(&p, 1, "line\n");
    feed(&p, 1, "next\n");
    assert_int_equal(log_print_flush(&p), 0);
    assert_string_equal(content("out"), "1970-01-01T00:00:01.000000001Z a=x+y%2F,b=2 half line\n"
                                        "1970-01-01T00:00:01.000000001Z a=x+y%2F,b=2 next\n");
    assert_string_equal(content("err"), "1970-01-01T00:00:01.000000001Z a=x+y%2F,b=2 other\n");
    assert_int_equal(unlink("out") | unlink("err"), 0);
}

static void a_failed_write_stops_the_reader(void **state)
{
    (void)state;
    auto_fd full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    auto_log_print p;
    log_print_init(&p, full, full, false, false);
    feed(&p, 1, "x\n");
    assert_int_equal(log_print_flush(&p), 1);
    assert_int_equal(p.failed, ENOSPC);
    assert_int_equal(log_print_record(&p, 1, 0, NULL, "", 0), 1);
}

static void an_id_file_is_new_and_goes_when_there_is_no_container(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cid_file f = CID_FILE_INIT, second = CID_FILE_INIT;
    assert_int_equal(cid_file_open(&f, "cid", &err), 0);
    assert_int_equal(cid_file_open(&second, "cid", &err), -1);
    assert_string_equal(err.text, "container ID file found, make sure the other container isn't running or delete cid");
    cid_file_close(&second);
    assert_int_equal(cid_file_write(&f, "", &err), 0);
    cid_file_close(&f);
    assert_int_equal(access("cid", F_OK), -1);
    assert_int_equal(cid_file_open(&f, "cid", &err), 0);
    assert_int_equal(cid_file_write(&f, "0123", &err), 0);
    cid_file_close(&f);
    assert_string_equal(content("cid"), "0123");
    assert_int_equal(unlink("cid"), 0);
    assert_int_equal(cid_file_open(&f, NULL, &err), 0);
    assert_int_equal(cid_file_write(&f, "0123", &err), 0);
    cid_file_close(&f);
}

static void an_archive_appears_only_when_it_is_complete(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct output_file o = OUTPUT_FILE_INIT;
    struct stat st;
    mode_t mask = umask(027);
    assert_int_equal(output_file_open(&o, "a.tar", "save", &err), 0);
    assert_int_equal(write(o.fd, "abc", 3), 3);
    assert_int_equal(access("a.tar", F_OK), -1);
    output_file_close(&o);
    assert_int_equal(access("a.tar", F_OK), -1);
    assert_int_equal(output_file_open(&o, "a.tar", "save", &err), 0);
    assert_int_equal(write(o.fd, "def", 3), 3);
    assert_int_equal(output_file_commit(&o, &err), 0);
    output_file_close(&o);
    (void)umask(mask);
    assert_string_equal(content("a.tar"), "def");
    assert_int_equal(stat("a.tar", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(unlink("a.tar"), 0);
    assert_int_equal(output_file_open(&o, "/tmp", "save", &err), -1);
    assert_string_equal(err.text, "cannot write to /tmp: it is a directory");
    output_file_close(&o);
    assert_int_equal(output_file_open(&o, "none/a.tar", "save", &err), -1);
    output_file_close(&o);
    assert_int_equal(output_file_open(&o, "/dev/null", "save", &err), 0);
    assert_int_equal(output_file_commit(&o, &err), 0);
    output_file_close(&o);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_kept_apart),
        cmocka_unit_test(one_file_for_both_streams_keeps_the_order),
        cmocka_unit_test(stamps_and_details_stand_at_line_starts_only),
        cmocka_unit_test(a_failed_write_stops_the_reader),
        cmocka_unit_test(an_id_file_is_new_and_goes_when_there_is_no_container),
        cmocka_unit_test(an_archive_appears_only_when_it_is_complete),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
