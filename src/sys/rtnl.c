/* SPDX-License-Identifier: Apache-2.0 */
/* sys/rtnl.c: see sys/rtnl.h. */
#include "sys/rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum { ANSWER_MAX = 32768 };

int sys_rtnl_open(void)
{
    int on = 1, s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0)
        return -errno;
    (void)setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on); /* words for refusals; numbers without it */
    (void)setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    return s;
}

void sys_rtnl_begin(struct sys_rtnl_request *r, uint16_t type, uint16_t flags, const void *body, size_t body_len)
{
    memset(r, 0, sizeof *r);
    r->u.head.nlmsg_type = type;
    r->u.head.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
    r->u.head.nlmsg_seq = 1;
    r->too_long = NLMSG_SPACE(body_len) > sizeof r->u;
    if (r->too_long)
        return;
    memcpy(NLMSG_DATA(&r->u.head), body, body_len);
    r->u.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len);
}

void sys_rtnl_add(struct sys_rtnl_request *r, uint16_t attribute, const void *data, size_t len)
{
    size_t at = NLMSG_ALIGN(r->u.head.nlmsg_len);
    if (r->too_long || len > sizeof r->u || at + RTA_SPACE(len) > sizeof r->u) {
        r->too_long = 1;
        return;
    }
    struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = attribute };
    memcpy(r->u.room + at, &a, sizeof a);
    memcpy(r->u.room + at + RTA_LENGTH(0), data, len);
    r->u.head.nlmsg_len = (uint32_t)(at + RTA_SPACE(len));
}

const void *sys_rtnl_attribute(const struct nlmsghdr *m, size_t body_len, uint16_t type, size_t *ret_len)
{
    size_t at = NLMSG_SPACE(body_len);
    while (at + sizeof(struct rtattr) <= m->nlmsg_len) {
        struct rtattr a;
        memcpy(&a, (const char *)m + at, sizeof a);
        if (a.rta_len < sizeof a || a.rta_len > m->nlmsg_len - at)
            return NULL;
        if ((a.rta_type & NLA_TYPE_MASK) == type) {
            *ret_len = a.rta_len - RTA_LENGTH(0);
            return (const char *)m + at + RTA_LENGTH(0);
        }
        at += RTA_ALIGN(a.rta_len);
    }
    return NULL;
}

/* The words behind an error message, if the kernel sent any. */
static void keep_words(struct sys_rtnl_request *r, const struct nlmsghdr *m)
{
    size_t len;
    if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    const struct nlmsgerr *e = NLMSG_DATA(m);
    size_t body = sizeof *e; /* capped: without the request it answers */
    if (!(m->nlmsg_flags & NLM_F_CAPPED)) {
        if (e->msg.nlmsg_len < sizeof e->msg || e->msg.nlmsg_len > m->nlmsg_len)
            return;
        body += e->msg.nlmsg_len - sizeof e->msg;
    }
    const char *text = sys_rtnl_attribute(m, body, NLMSGERR_ATTR_MSG, &len);
    if (text == NULL)
        return;
    len = len < sizeof r->said ? len : sizeof r->said - 1;
    memcpy(r->said, text, len);
    r->said[len] = '\0';
}

static int send_request(int sock, const struct sys_rtnl_request *r)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    ssize_t n;
    do {
        n = sendto(sock, &r->u, r->u.head.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof kernel);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (size_t)n == r->u.head.nlmsg_len ? 0 : -EIO;
}

/* One datagram of the kernel's. */
static ssize_t receive(int sock, void *buf, size_t size)
{
    struct sockaddr_nl from;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr h = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1 };
    for (;;) {
        ssize_t n = recvmsg(sock, &h, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (h.msg_flags & MSG_TRUNC)
            return -EMSGSIZE;
        if (from.nl_pid == 0) /* anybody may send to a netlink socket; only the kernel has this number */
            return n;
    }
}

/* One message. 1: the last one, *ret is the verdict. */
static int read_message(struct sys_rtnl_request *r, const struct nlmsghdr *m, struct sys_rtnl_answer *a)
{
    if (m->nlmsg_seq != r->u.head.nlmsg_seq)
        return 0;
    a->interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (m->nlmsg_type == NLMSG_DONE) {
        int verdict = 0;
        if (m->nlmsg_len >= NLMSG_LENGTH(sizeof verdict))
            memcpy(&verdict, NLMSG_DATA(m), sizeof verdict);
        a->verdict = verdict < 0 ? verdict : a->result != 0 ? a->result : a->interrupted ? -EINTR : 0;
        return 1;
    }
    if (m->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *told = NLMSG_DATA(m);
        if (m->nlmsg_len < NLMSG_LENGTH(sizeof *told))
            return -EBADMSG;
        if (told->error != 0)
            keep_words(r, m);
        a->verdict = told->error != 0 ? told->error : a->result;
        return 1;
    }
    if (a->result == 0 && a->each != NULL)
        a->result = a->each(m, a->data);
    return 0;
}

int sys_rtnl_read(struct sys_rtnl_request *r, const struct nlmsghdr *datagram, size_t len, struct sys_rtnl_answer *a)
{
    for (size_t at = 0; at < len && len - at >= sizeof(struct nlmsghdr);) {
        const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)((const char *)datagram + at);
        if (m->nlmsg_len < sizeof *m || m->nlmsg_len > len - at)
            return -EBADMSG;
        int e = read_message(r, m, a);
        if (e != 0)
            return e;
        at += NLMSG_ALIGN(m->nlmsg_len);
    }
    return 0;
}

/* A dump ends with DONE, everything else with an error message, which is also how success is told. */
int sys_rtnl_ask(int sock, struct sys_rtnl_request *r, int (*each)(const struct nlmsghdr *m, void *data), void *data)
{
    _Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
    struct sys_rtnl_answer a = { .each = each, .data = data };
    const int dump = (r->u.head.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (r->too_long)
        return -EMSGSIZE;
    if (!dump)
        r->u.head.nlmsg_flags |= NLM_F_ACK;
    while (recv(sock, buf, sizeof buf, MSG_DONTWAIT) >= 0) { } /* what a request that failed half-way was answered */
    int e = send_request(sock, r);
    while (e == 0) {
        ssize_t n = receive(sock, buf, sizeof buf);
        e = n < 0 ? (int)n : sys_rtnl_read(r, (const struct nlmsghdr *)(const void *)buf, (size_t)n, &a);
    }
    return e < 0 ? e : a.verdict;
}

int sys_rtnl_do(int sock, struct sys_rtnl_request *r)
{
    return sys_rtnl_ask(sock, r, NULL, NULL);
}
