/* SPDX-License-Identifier: Apache-2.0 */
/* creel-monitor: the parent of one container run. Started by monitor_spawn (client.h), never by hand.
 *
 * On entry: descriptors 0 to 2 are /dev/null, PROTOCOL_SOCKET_FD is a socket to the maker, PROTOCOL_GUARD_FD the
 * read-only view of this program; own session, own (empty) environment. */
#include "monitor/monitor.h"

#include "base/clock.h"
#include "sys/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static bool started_by_client(int argc, char **argv)
{
    int type;
    socklen_t len = sizeof type;
    return argc >= 2 && strcmp(argv[1], PROTOCOL_ARG_BLANK) == 0
           && getsockopt(PROTOCOL_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int main(int argc, char **argv)
{
    static struct monitor m;
    struct creel_err err = { 0 };
    if (!started_by_client(argc, argv)) {
        (void)fprintf(stderr, "creel-monitor: this program is started by creel, once for each container\n");
        return 2;
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* all are blocked until here */
    (void)sys_close_range(PROTOCOL_GUARD_FD + 1, ~0u, false); /* what the caller forgot to close on exec */
    (void)sys_close_range(PROTOCOL_SOCKET_FD, PROTOCOL_GUARD_FD, true);
    (void)umask(022);
    (void)signal(SIGCHLD, SIG_DFL); /* ignoring it may have been inherited */
    json_object_seed((size_t)clock_mono_ns() | 1); /* or jansson would read /dev/urandom */
    bool in_cgroup = argc >= 3 && strcmp(argv[2], PROTOCOL_ARG_IN_CGROUP) == 0;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || monitor_init(&m, &err) < 0)
        return 1;
    m.title = argv[1];
    own_cgroup_leave(in_cgroup);
    int started = monitor_start(&m, &err);
    int ran = started > 0 ? loop_run(&m.loop, &err) : 0;
    monitor_fini(&m);
    return started < 0 || ran < 0;
}
