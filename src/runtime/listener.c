/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/listener.c: see runtime/listener.h. */
#include "runtime/listener.h"

#include "runtime/launch.h"
#include "runtime/oci_state.h"
#include "runtime/runtime.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

#include <string.h>
#include <sys/socket.h>

enum { PATIENCE_S = 10 };

/* Not through a link: the path may lie where others can write. */
static int connect_agent(const char *path, struct creel_err *err)
{
    int r = sys_unix_connect(path, PATIENCE_S);
    if (r == -ENOTSOCK)
        return creel_fail(err, CREEL_INVALID, 0, "seccomp listener %s is not a socket", path);
    return r < 0 ? creel_fail(err, CREEL_INVALID, -r, "failed to connect with seccomp agent %s", path) : r;
}

static int print_process_state(const struct oci_config *c, const char *id, const char *bundle, const char *status,
                               pid_t pid, struct bytes *out, struct creel_err *err)
{
    auto_free char *before = NULL, *after = NULL;
    if (oci_state_print(c, id, bundle, status, &before, &after, err) < 0)
        return -1;
    bytes_adds(out, "{\"ociVersion\":");
    oci_state_add_string(out, c->oci_version != NULL ? c->oci_version : "1.2.0");
    bytes_addf(out, ",\"fds\":[\"seccompFd\"],\"pid\":%d", (int)pid);
    if (c->linux_.seccomp.listener_metadata != NULL) {
        bytes_adds(out, ",\"metadata\":");
        oci_state_add_string(out, c->linux_.seccomp.listener_metadata);
    }
    bytes_addf(out, ",\"state\":%s%d%s}", before, (int)pid, after);
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

static int send_listener(int agent, int listener, const struct bytes *text, struct creel_err *err)
{
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { 0 };
    struct iovec iov = { .iov_base = text->data, .iov_len = text->len };
    struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &listener, sizeof listener);
    ssize_t n;
    do {
        n = sendmsg(agent, &h, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    int r = n < 0 ? -errno : sys_write_all(agent, text->data + n, text->len - (size_t)n);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "send the seccomp descriptor to its listener") : 0;
}

int listener_pass(int sock, int pidfd, pid_t pid, const struct oci_config *c, const char *id, const char *bundle,
                  const char *status, struct creel_err *err)
{
    struct launch_msg m;
    auto_bytes text = BYTES_INIT;
    if (c->linux_.seccomp.listener_path == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
    if (launch_expect_msg(sock, LAUNCH_LISTENER, RUNTIME_SETUP_TIMEOUT_MS, &m, err) < 0)
        return -1;
    auto_fd listener = sys_pidfd_getfd(pidfd, m.sys);
    if (listener < 0)
        return creel_fail(err, listener == -ENOSYS ? CREEL_UNSUPPORTED : CREEL_INTERNAL, -listener,
                          "take over the seccomp descriptor");
    auto_fd agent = connect_agent(c->linux_.seccomp.listener_path, err);
    if (agent < 0 || print_process_state(c, id, bundle, status, pid, &text, err) < 0
        || send_listener(agent, listener, &text, err) < 0)
        return -1;
    int r = launch_send_step(sock, LAUNCH_LISTENED);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "let the process go on") : 0;
}
