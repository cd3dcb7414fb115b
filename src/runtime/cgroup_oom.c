/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_oom.c: learning that the OOM killer struck, without asking again and again.
 *
 * Version 2: memory.events polls with POLLPRI when a counter moves. Version 1: an eventfd registered for
 * memory.oom_control. Both also wake up for lesser things (the removal of the group, other counters), so
 * the count of kills is looked at. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

static bool v1_memory(const struct cgroup *c, size_t *ret)
{
    *ret = cgroup_v1_find(c, "memory");
    return *ret < c->layout.count && !c->nodes[*ret].absent;
}

static int v1_open(struct cgroup *c, size_t h)
{
    char text[64];
    auto_fd event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    auto_fd control = cgroup_file_open(c, h, "memory.oom_control", O_RDONLY);
    if (event < 0 || control < 0)
        return -1;
    (void)snprintf(text, sizeof text, "%d %d", event, control);    /* two numbers fit */
    if (cgroup_file_write(c, h, "cgroup.event_control", text) < 0)
        return -1;
    c->oom_aux = fd_take(&control);     /* kept: the count of kills is read from it */
    return fd_take(&event);
}

int cgroup_oom_fd(struct cgroup *c)
{
    size_t h;
    if (c->oom_tried)
        return c->oom_fd;
    c->oom_tried = true;
    if (v1_memory(c, &h)) {
        c->oom_fd = v1_open(c, h);
    } else if ((h = cgroup_v2_find(c, "memory")) < c->layout.count && !c->nodes[h].absent) {
        int fd = cgroup_file_open(c, h, "memory.events", O_RDONLY);
        c->oom_fd = fd < 0 ? -1 : fd;
        c->oom_aux = -1;
        (void)cgroup_oom_happened(c);   /* polling reports changes since the last reading */
    }
    return c->oom_fd;
}

short cgroup_oom_events(const struct cgroup *c)
{
    size_t h;
    return v1_memory(c, &h) ? POLLIN : POLLPRI;
}

/* What the kernel has counted, and (version 1) how often it has signalled, which it does before it kills. */
static int counts_read(struct cgroup *c, uint64_t *kills)
{
    char text[512];
    uint64_t count;
    if (c->oom_fd < 0)
        return -EBADF;
    if (c->oom_aux >= 0) {  /* the eventfd is only cleared here */
        if (read(c->oom_fd, &count, sizeof count) == (ssize_t)sizeof count)
            c->oom_signals += count;
        else if (errno != EAGAIN)
            return -errno;
    }
    ssize_t n;
    do {
        n = pread(c->oom_aux >= 0 ? c->oom_aux : c->oom_fd, text, sizeof text - 1, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;      /* that the group went was signalled, too */
    text[n] = '\0';
    if (!cgroup_value_parse(text, "oom_kill", kills))
        *kills = 0;
    return 0;
}

int cgroup_oom_count(struct cgroup *c, uint64_t *ret)
{
    uint64_t kills;
    int r = counts_read(c, &kills);
    if (r == 0)
        *ret = kills > c->oom_signals ? kills : c->oom_signals;
    return r;
}

bool cgroup_oom_happened(struct cgroup *c)
{
    uint64_t kills;
    return counts_read(c, &kills) == 0 && kills > 0;
}

void cgroup_oom_close(struct cgroup *c)
{
    fd_closep(&c->oom_fd);
    fd_closep(&c->oom_aux);
}
