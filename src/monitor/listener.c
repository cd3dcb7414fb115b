/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/listener.c: the socket at which a monitor is found, and who may have a connection.
 *
 * The socket gets its name when it listens, so whoever finds it is not refused. Who comes when PROTOCOL_CLIENTS_MAX are
 * there is told so. When a connection cannot be taken (no descriptors, no memory), those that wait would make the
 * descriptor readable for ever: it is not watched until a client has gone, or a while has passed, since what is missing may
 * be the whole host's. */
#include "monitor/monitor.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define UNBOUND_NAME PROTOCOL_SOCKET_NAME ".new"
static const int64_t PAUSE_NS = INT64_C(1000000000);

static bool peer_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

void listener_resume(struct monitor *m)
{
    loop_timer_disarm(&m->loop, &m->listen_timer);
    loop_io_set(&m->loop, &m->listen_io, EPOLLIN);
}

static void on_pause_end(void *arg)
{
    listener_resume(arg);
}

static void pause_listening(struct monitor *m)
{
    m->listen_timer.fn = on_pause_end;
    m->listen_timer.arg = m;
    loop_io_set(&m->loop, &m->listen_io, 0);
    loop_timer_arm(&m->loop, &m->listen_timer, PAUSE_NS);
}

static void on_connection(void *arg, uint32_t events)
{
    (void)events;
    struct monitor *m = arg;
    struct creel_err err = { 0 };
    auto_fd fd = accept4(m->listen_io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            pause_listening(m);
        return;
    }
    if (!peer_allowed(fd))
        return;
    bool full = m->client_count >= PROTOCOL_CLIENTS_MAX;
    struct client *c = client_new(m, fd, &err);
    if (c == NULL)
        return;
    (void)fd_take(&fd);
    if (!full)
        return;
    (void)creel_fail(&err, CREEL_EXHAUSTED, 0, "%d connections to the monitor of container %s are open, more are not taken",
                     PROTOCOL_CLIENTS_MAX, m->launch.id);
    client_reply_error(c, &err);
    client_kill(c);
}

int listener_open(struct monitor *m, struct creel_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    /* through the directory's descriptor: a path may be longer than a socket address */
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/" UNBOUND_NAME, m->run_dir_fd);
    auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make a socket");
    mode_t old = umask(0177);
    int r = bind(fd, (struct sockaddr *)&addr, sizeof addr);
    /* we hold the lock, so one that is there is of a monitor that was killed */
    if (r < 0 && errno == EADDRINUSE && unlinkat(m->run_dir_fd, UNBOUND_NAME, 0) == 0)
        r = bind(fd, (struct sockaddr *)&addr, sizeof addr);
    (void)umask(old);
    if (r < 0 || listen(fd, 64) < 0 || renameat(m->run_dir_fd, UNBOUND_NAME, m->run_dir_fd, PROTOCOL_SOCKET_NAME) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "listen on %s/" PROTOCOL_SOCKET_NAME, m->launch.run_dir);
    m->listen_io.fn = on_connection;
    m->listen_io.arg = m;
    if (loop_io_add(&m->loop, &m->listen_io, fd, EPOLLIN, err) < 0)
        return -1;
    (void)fd_take(&fd);
    return 0;
}

void listener_close(struct monitor *m)
{
    int fd = m->listen_io.fd;
    loop_timer_disarm(&m->loop, &m->listen_timer);
    loop_io_remove(&m->loop, &m->listen_io);
    fd_closep(&fd);
}
