/* SPDX-License-Identifier: Apache-2.0 */
/* sys/rtnl.h: requests to the kernel's rtnetlink, one at a time and answered before the call returns; -errno.
 *
 * A socket speaks for the network namespace its maker was in. No state beyond the message; allocates nothing. What the
 * kernel says about a refusal in words is kept in the message (`said`). */
#ifndef CREEL_SYS_RTNL_H
#define CREEL_SYS_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum { RTNL_REQUEST_MAX = 1024, RTNL_SAID_MAX = 120 };

struct sys_rtnl_request {
    union { struct nlmsghdr head; char room[RTNL_REQUEST_MAX]; } u;
    int too_long;                  /* an attribute did not fit: sending it answers -EMSGSIZE */
    char said[RTNL_SAID_MAX];      /* the kernel's own words about the last refusal; "" none */
};

/* A close-on-exec socket, or -errno. */
int sys_rtnl_open(void);
/* `body` is the fixed part behind the header: struct ifinfomsg, struct ifaddrmsg … flags: NLM_F_*, REQUEST is added. */
void sys_rtnl_begin(struct sys_rtnl_request *r, uint16_t type, uint16_t flags, const void *body, size_t body_len);
void sys_rtnl_add(struct sys_rtnl_request *r, uint16_t attribute, const void *data, size_t len);
/* Send and wait for the kernel's verdict. 0 or -errno. */
int sys_rtnl_do(int sock, struct sys_rtnl_request *r);
/* Send and hand every answer to `each` (0: go on; anything else ends it, and is returned once the answers are read).
 * With NLM_F_DUMP there may be many. -EINTR: the list changed while it was read; ask again. */
int sys_rtnl_ask(int sock, struct sys_rtnl_request *r, int (*each)(const struct nlmsghdr *m, void *data), void *data);
/* The same for one datagram that was received (`len` bytes), without a socket. 1: it was the last one, a->verdict is what
 * sys_rtnl_ask returns; 0: more is to come; -EBADMSG: nothing that the kernel would say. */
struct sys_rtnl_answer {
    int (*each)(const struct nlmsghdr *m, void *data);
    void *data;
    int result, interrupted, verdict;
};
int sys_rtnl_read(struct sys_rtnl_request *r, const struct nlmsghdr *datagram, size_t len, struct sys_rtnl_answer *a);
/* The attribute of that type in the list behind `body_len` bytes of the message, its payload and length; NULL if there is
 * none. */
const void *sys_rtnl_attribute(const struct nlmsghdr *m, size_t body_len, uint16_t type, size_t *ret_len);

#endif
