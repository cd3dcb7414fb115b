/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/gate.c: see runtime/gate.h. */
#include "runtime/gate.h"

#include "runtime/hook_plan.h"
#include "runtime/launch.h"
#include "runtime/listener.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* By way of the directory's descriptor: its path may be longer than a socket's can be. */
static int gate_address(int dir, const char *name, struct sockaddr_un *ret)
{
    char link[SYS_FD_PATH_MAX];
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s", sys_fd_path(dir, link), name);
    return n > 0 && (size_t)n < sizeof ret->sun_path ? 0 : -ENAMETOOLONG;
}

int gate_make(int dir, const char *name, struct creel_err *err)
{
    struct sockaddr_un a;
    const int on = 1;
    auto_fd gate = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (gate < 0 || gate_address(dir, name, &a) < 0 || setsockopt(gate, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0
        || bind(gate, (const struct sockaddr *)&a, sizeof a) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the socket %s for the start", name);
    return fd_take(&gate);
}

/* A connected socket, -errno. */
static int gate_connect(int dir, const char *name)
{
    struct sockaddr_un a;
    int r = gate_address(dir, name, &a);
    if (r < 0)
        return r;
    auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || connect(sock, (const struct sockaddr *)&a, sizeof a) < 0)
        return -errno;
    return fd_take(&sock);
}

int gate_is_open(int dir, const char *name)
{
    auto_fd sock = gate_connect(dir, name);
    if (sock == -ENOENT || sock == -ECONNREFUSED)
        return 0;
    return sock < 0 ? sock : 1;
}

static int send_go(const struct runtime_parked *p, int dir, const char *name, int end, struct creel_err *err)
{
    const struct launch_msg m = { .step = LAUNCH_GO };
    auto_fd gate = gate_connect(dir, name);
    int r = gate < 0 ? gate : launch_send(gate, &m, &end, 1);
    if (r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s does not wait for a start", p->id);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "tell container %s to start", p->id) : 0;
}

/* The end of the file, and where the filter asks an agent, the descriptor for it before that. */
static int follow(const struct runtime_parked *p, int sock, struct creel_err *err)
{
    if (launch_expect(sock, LAUNCH_GO, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err) < 0)
        return -1;
    launch_wait(sock, hook_list_time_ms(&p->config->start_container));
    if (p->notifies
        && listener_pass(sock, p->pidfd, p->pid, p->config, p->id, p->bundle, "running", err) < 0)
        return -1;
    return launch_expect(sock, LAUNCH_STEP_COUNT, RUNTIME_SETUP_TIMEOUT_MS, NULL, NULL, err);
}

int runtime_start_parked(const struct runtime_parked *p, int dir, const char *name, struct creel_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make the launch socket");
    auto_fd ours = pair[0], theirs = pair[1];
    if (send_go(p, dir, name, theirs, err) < 0)
        return -1;
    fd_closep(&theirs);
    const struct runtime_hooks h = { .config = p->config, .hooks = &p->config->poststart, .name = "poststart", .id = p->id,
                                     .bundle = p->bundle, .status = "running", .pid = p->pid };
    if (follow(p, ours, err) == 0 && runtime_hooks_run(&h, err) == 0)
        return 0;
    (void)sys_pidfd_send_signal(p->pidfd, SIGKILL);
    return -1;
}
