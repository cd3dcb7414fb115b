/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the kernel's that are cut, overlong, or do not say what they should. */
#include "check.h"

#include "base/cleanup.h"
#include "sys/rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { ROOM = 256 };
struct datagram { _Alignas(struct nlmsghdr) char bytes[ROOM]; size_t len; };

static struct nlmsghdr *message(struct datagram *d, uint16_t type, uint16_t flags, const void *body, size_t len)
{
    struct nlmsghdr *m = (struct nlmsghdr *)(void *)(d->bytes + d->len);
    *m = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(len), .nlmsg_type = type, .nlmsg_flags = flags,
                            .nlmsg_seq = 1 };
    memcpy(NLMSG_DATA(m), body, len);
    d->len += NLMSG_SPACE(len);
    return m;
}

static int read_it(struct sys_rtnl_request *r, const struct datagram *d, size_t len, struct sys_rtnl_answer *a)
{
    const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
    sys_rtnl_begin(r, RTM_GETLINK, 0, &any, sizeof any);
    return sys_rtnl_read(r, (const struct nlmsghdr *)(const void *)d->bytes, len, a);
}

static void verdicts_are_read(void **state)
{
    (void)state;
    struct sys_rtnl_request r;
    struct sys_rtnl_answer a = { .each = NULL };
    struct datagram d = { .len = 0 };
    const struct nlmsgerr refused = { .error = -EPERM };
    (void)message(&d, NLMSG_ERROR, NLM_F_CAPPED, &refused, sizeof refused);
    assert_int_equal(read_it(&r, &d, d.len, &a), 1);
    assert_int_equal(a.verdict, -EPERM);
    assert_string_equal(r.said, "");
    d.len = 0;
    (void)message(&d, NLMSG_DONE, 0, "", 0);
    a = (struct sys_rtnl_answer){ .interrupted = 1 };
    assert_int_equal(read_it(&r, &d, d.len, &a), 1);
    assert_int_equal(a.verdict, -EINTR);
}

/* Memory behind a message that is too short for its verdict is not read as one. */
static void a_short_verdict_is_none(void **state)
{
    (void)state;
    struct sys_rtnl_request r;
    const int error = -EPERM;
    for (size_t len = 0; len < sizeof(struct nlmsgerr); len++) {
        struct sys_rtnl_answer a = { .each = NULL };
        struct datagram d = { .len = 0 };
        memset(d.bytes, 0xff, sizeof d.bytes);
        (void)message(&d, NLMSG_ERROR, 0, &error, len < sizeof error ? len : sizeof error);
        ((struct nlmsghdr *)(void *)d.bytes)->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
        assert_int_equal(read_it(&r, &d, NLMSG_LENGTH(len), &a), -EBADMSG);
    }
}

static void lengths_that_lie(void **state)
{
    (void)state;
    static const uint32_t lengths[] = { 0, 15, 1000, UINT32_MAX };
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct sys_rtnl_request r;
        struct sys_rtnl_answer a = { .each = NULL };
        struct datagram d = { .len = 0 };
        message(&d, RTM_NEWLINK, 0, "abcd", 4)->nlmsg_len = lengths[i];
        assert_int_equal(read_it(&r, &d, d.len, &a), -EBADMSG);
    }
}

/* The request that a refusal quotes may claim any length; the words stand behind it, or nowhere. */
static void words_of_a_refusal(void **state)
{
    (void)state;
    static const struct { uint32_t quoted; const char *said; } rows[] = {
        { sizeof(struct nlmsghdr), "no" }, { 0, "" }, { 15, "" }, { 100000, "" }, { UINT32_MAX, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sys_rtnl_request r;
        struct sys_rtnl_answer a = { .each = NULL };
        struct datagram d = { .len = 0 };
        struct { struct nlmsgerr e; struct rtattr a; char text[4]; } body = {
            .e = { .error = -EINVAL, .msg = { .nlmsg_len = rows[i].quoted } },
            .a = { .rta_len = RTA_LENGTH(4), .rta_type = NLMSGERR_ATTR_MSG }, .text = "no",
        };
        (void)message(&d, NLMSG_ERROR, NLM_F_ACK_TLVS, &body, sizeof body);
        assert_int_equal(read_it(&r, &d, d.len, &a), 1);
        assert_int_equal(a.verdict, -EINVAL);
        assert_string_equal(r.said, rows[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_read),
        cmocka_unit_test(a_short_verdict_is_none),
        cmocka_unit_test(lengths_that_lie),
        cmocka_unit_test(words_of_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
