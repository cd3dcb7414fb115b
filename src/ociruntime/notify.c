/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/notify.c: see ociruntime/notify.h. */
#include "ociruntime/notify.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "sys/mnt.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define NOTIFY_DIR "notify"
#define NOTIFY_SOCKET_NAME NOTIFY_DIR "/notify.sock"
enum { BARRIER_MS = 30000, SEND_S = 10 };

const char *notify_host(void)
{
    const char *host = getenv("NOTIFY_SOCKET");
    return host != NULL && host[0] != '\0' ? host : NULL;
}

static bool add_mount(struct oci_config *c, const char *source)
{
    static const char *const options[] = { "bind", "nosuid", "noexec", "nodev", "ro" };
    struct oci_mount *more = reallocarray(c->mounts, c->mount_count + 1, sizeof *more);
    if (more == NULL)
        return false;
    c->mounts = more;
    struct oci_mount *m = &more[c->mount_count++]; /* freed with the others, whatever follows */
    memset(m, 0, sizeof *m);
    m->destination = strdup("/run/notify");
    m->type = strdup("bind");
    m->source = strdup(source);
    bool ok = m->destination != NULL && m->type != NULL && m->source != NULL;
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        ok = ok && strv_add(&m->options, options[i]);
    return ok;
}

int notify_prepare(const struct state *s, const char *root, struct oci_config *c, struct creel_err *err)
{
    auto_bytes source = BYTES_INIT;
    bytes_addf(&source, "%s/%s/" NOTIFY_DIR, root, s->id);
    if (!bytes_ok(&source) || !add_mount(c, bytes_str(&source))
        || !strv_add(&c->process.env, "NOTIFY_SOCKET=/run/notify/notify.sock"))
        return creel_fail_nomem(err);
    if (mkdirat(s->dir, NOTIFY_DIR, 0755) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the directory %s", bytes_str(&source));
    return 0;
}

int notify_listen(const struct state *s, struct creel_err *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char link[SYS_FD_PATH_MAX];
    auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/" NOTIFY_SOCKET_NAME, sys_fd_path(s->dir, link)); /* short */
    if (unlinkat(s->dir, NOTIFY_SOCKET_NAME, 0) < 0 && errno != ENOENT)
        return creel_fail(err, CREEL_INTERNAL, errno, "remove the old notify socket of container %s", s->id);
    if (sock < 0 || bind(sock, (const struct sockaddr *)&a, sizeof a) < 0
        || fchmodat(s->dir, NOTIFY_SOCKET_NAME, 0777, 0) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the notify socket of container %s", s->id);
    return fd_take(&sock);
}

/* A descriptor connected to the service manager's socket; a leading @ stands for the abstract namespace. */
static int connect_host(const char *host)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    size_t len = strlen(host);
    if (len >= sizeof a.sun_path)
        return -ENAMETOOLONG;
    memcpy(a.sun_path, host, len);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0';
    auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (host[0] == '@' ? 0 : 1));
    const struct timeval limit = { .tv_sec = SEND_S };
    if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0
        || connect(sock, (const struct sockaddr *)&a, size) < 0)
        return -errno;
    return fd_take(&sock);
}

static int send_text(int sock, const char *text)
{
    return send(sock, text, strlen(text), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int pass_ready(const char *host, const char *line, pid_t main_pid)
{
    char text[NOTIFY_READY_MAX + 64];
    auto_fd sock = connect_host(host);
    if (sock < 0)
        return sock;
    (void)snprintf(text, sizeof text, "%s\n", line); /* the line is at most NOTIFY_READY_MAX long */
    int r = send_text(sock, text);
    if (r < 0)
        return r;
    (void)snprintf(text, sizeof text, "MAINPID=%d\n", (int)main_pid);
    return send_text(sock, text);
}

bool notify_pass(int sock, const char *host, pid_t main_pid, const struct log *log)
{
    char text[NOTIFY_READY_MAX + 1], *save = NULL;
    ssize_t n = recv(sock, text, NOTIFY_READY_MAX, MSG_DONTWAIT);
    if (n <= 0)
        return false;
    text[n] = '\0';
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "READY=", 6) != 0)
            continue;
        int r = pass_ready(host, line, main_pid);
        if (r < 0)
            log_line(log, LOG_LEVEL_WARNING, "tell %s that the container is ready: %s, ignoring", host, strerror(-r));
        return true;
    }
    return false;
}

/* BARRIER=1 carries the writing end of a pipe; whoever has read everything before it closes it. */
static void wait_barrier(const char *host, const struct log *log)
{
    static const char text[] = "BARRIER=1";
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { 0 };
    struct iovec iov = { .iov_base = (char *)text, .iov_len = sizeof text - 1 };
    struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    int ends[2];
    auto_fd sock = connect_host(host);
    if (sock < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return;
    auto_fd reading = ends[0], writing = ends[1];
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &writing, sizeof writing);
    if (sendmsg(sock, &h, MSG_NOSIGNAL) < 0)
        return;
    fd_closep(&writing);
    struct pollfd p = { .fd = reading, .events = POLLIN };
    int64_t end = clock_mono_ns() + (int64_t)BARRIER_MS * 1000000;
    for (int n = -1; n < 0;) {
        int64_t left = (end - clock_mono_ns()) / 1000000;
        n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n == 0)
            log_line(log, LOG_LEVEL_WARNING, "%s has not answered for 30 seconds, ignoring", host);
        if (n < 0 && errno != EINTR)
            return;
    }
}

void notify_wait(int sock, const char *host, pid_t main_pid, int pidfd, const struct log *log)
{
    for (;;) {
        struct pollfd p[2] = { { .fd = sock, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
        if (poll(p, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if ((p[0].revents & POLLIN) != 0 && notify_pass(sock, host, main_pid, log)) {
            wait_barrier(host, log);
            return;
        }
        if (p[1].revents != 0)
            return;
    }
}
