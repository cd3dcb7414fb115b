/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/ready.c: see runtime/ready.h. */
#include "runtime/ready.h"

#include "runtime/init/init.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

/* 0 and *ret, which may be -1; or -1: we are elsewhere. */
static int make_net(int *ret, struct creel_err *err)
{
    static const char own_path[] = "/proc/self/ns/net";
    *ret = -1;
    auto_fd own = open(own_path, O_RDONLY | O_CLOEXEC);
    if (own < 0 || sys_unshare(CLONE_NEWNET) < 0)
        return 0;
    auto_fd made = init_raise_loopback() == 0 ? open(own_path, O_RDONLY | O_CLOEXEC) : -1;
    int r = sys_setns(own, CLONE_NEWNET);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "return to the network namespace");
    *ret = fd_take(&made);
    return 0;
}

int runtime_get_ready(struct runtime_ready *ret, struct creel_err *err)
{
    struct creel_err ignored = { 0 };
    *ret = (struct runtime_ready){ .net = -1 };
    if (make_net(&ret->net, err) < 0)
        return -1;
    (void)cgroup_begin(&ret->cgroup, &ignored);
    return 0;
}

void runtime_ready_fini(struct runtime_ready *r)
{
    fd_closep(&r->net);
    cgroup_free(r->cgroup);
    r->cgroup = NULL;
}
