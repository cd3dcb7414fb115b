/* SPDX-License-Identifier: Apache-2.0 */
/* What claims to be the kernel's answer: an end, more to come, or an error; whatever is found in it lies within it, and the
 * words of a refusal end. */
#include "sys/rtnl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds { const char *from, *end; };

static int look(const struct nlmsghdr *m, void *data)
{
    const struct bounds *b = data;
    const size_t bodies[] = { 0, sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg) };
    assert((const char *)m >= b->from && (const char *)m + m->nlmsg_len <= b->end);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (uint16_t type = 0; type < 16; type++) {
            size_t len = 0;
            const char *v = sys_rtnl_attribute(m, bodies[i], type, &len);
            assert(v == NULL || (v >= (const char *)m && len <= (size_t)((const char *)m + m->nlmsg_len - v)));
        }
    return m->nlmsg_type == 7 ? -EPERM : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sys_rtnl_request r;
    const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
    struct nlmsghdr *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    struct bounds b = { (const char *)copy, (const char *)copy + size };
    struct sys_rtnl_answer a = { .each = look, .data = &b };
    sys_rtnl_begin(&r, RTM_GETLINK, 0, &any, sizeof any);
    int e = sys_rtnl_read(&r, copy, size, &a);
    assert(e == 0 || e == 1 || e == -EBADMSG);
    assert(memchr(r.said, '\0', sizeof r.said) != NULL);
    free(copy);
    return 0;
}
