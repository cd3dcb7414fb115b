/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/identity.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_small(const char *path, char *buf, size_t size)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n;
    do
        n = read(fd, buf, size - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    buf[n] = '\0';
    return n;
}

/* "pid (comm) S ppid …": comm may hold blanks and parentheses, so count fields from the last ')'. */
static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_start)
{
    char path[64], buf[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    ssize_t n = read_small(path, buf, sizeof buf);
    if (n < 0)
        return n == -ENOENT ? -ESRCH : (int)n;
    const char *p = strrchr(buf, ')');
    if (p == NULL || p[1] != ' ')
        return -EPROTO;
    *ret_state = p[2];
    p += 2;
    for (int field = 3; field < 22; field++) {
        p = strchr(p, ' ');
        if (p == NULL)
            return -EPROTO;
        p++;
    }
    char *end;
    errno = 0;
    unsigned long long v = strtoull(p, &end, 10);
    if (errno != 0 || end == p || *end != ' ')
        return -EPROTO;
    *ret_start = v;
    return 0;
}

int sys_process_start(pid_t pid, uint64_t *ret)
{
    char state;
    return pid <= 0 ? -ESRCH : read_stat(pid, &state, ret);
}

bool sys_process_alive(pid_t pid, uint64_t start)
{
    char state;
    uint64_t now;
    if (pid <= 0)
        return false;
    int r = read_stat(pid, &state, &now);
    if (r < 0)
        return r != -ESRCH;
    return now == start && state != 'Z' && state != 'X';
}

const char *sys_boot_id(void)
{
    enum { UNREAD, READING, READ };
    static char text[40];
    static atomic_int state = UNREAD;
    int expected = UNREAD;
    if (atomic_load_explicit(&state, memory_order_acquire) == READ)
        return text;
    static _Thread_local char own[40]; /* while another thread fills the shared one */
    ssize_t n = read_small("/proc/sys/kernel/random/boot_id", own, sizeof own);
    if (n < 36)
        return "";
    own[36] = '\0';
    if (!atomic_compare_exchange_strong(&state, &expected, READING))
        return own;
    memcpy(text, own, sizeof text);
    atomic_store_explicit(&state, READ, memory_order_release);
    return text;
}

uint64_t sys_self_start(void)
{
    static _Thread_local pid_t pid;
    static _Thread_local uint64_t start;
    pid_t now = getpid();
    if (pid != now) {
        if (sys_process_start(now, &start) < 0)
            start = 0;
        pid = now;
    }
    return start;
}
