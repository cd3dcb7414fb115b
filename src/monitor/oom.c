/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/oom.c: noticing that the kernel has killed in the container's group for want of memory. */
#include "monitor/monitor.h"

static struct cgroup *group(struct monitor *m)
{
    return m->native != NULL ? runtime_cgroup(m->native) : m->external_cgroup;
}

static void on_oom(void *arg, uint32_t events)
{
    (void)events;
    struct monitor *m = arg;
    if (!cgroup_oom_happened(group(m)))
        return;
    m->oom = true; /* once is enough */
    loop_io_remove(&m->loop, &m->oom_io);
}

void oom_watch(struct monitor *m)
{
    struct creel_err ignored = { 0 };
    struct cgroup *cg = group(m);
    int fd = cg != NULL ? cgroup_oom_fd(cg) : -1;
    if (fd < 0)
        return; /* oom_seen asks at the end */
    m->oom_io.fn = on_oom;
    m->oom_io.arg = m;
    (void)loop_io_add(&m->loop, &m->oom_io, fd, (uint32_t)(unsigned short)cgroup_oom_events(cg), &ignored);
}

bool oom_seen(struct monitor *m)
{
    loop_io_remove(&m->loop, &m->oom_io);
    if (!m->oom && group(m) != NULL)
        m->oom = cgroup_oom_happened(group(m));
    return m->oom;
}
