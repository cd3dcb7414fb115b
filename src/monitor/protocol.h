/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/protocol.h: what goes over a connection with creel-monitor (framing: wire/frame.h).
 *
 * A request is a JSON object {"v":1,"op":"…",…}. It is answered by one reply, {"ok":true,…} or
 * {"ok":false,"kind":n,"sys":n,"text":"…"}, in the order of requests, unless it says "quiet":true. Requests of one
 * connection are handled one after another.
 *
 *   op        request members                                            reply members, events
 *   launch    those of struct launch (launch.c); first request only      pid, monitor_pid, pid_start,
 *                                                                        monitor_start, started_ns
 *   query                                                                the same, run, exited, exit
 *   signal    signo                                                      (to the connection's process)
 *   resize    rows, cols
 *   attach    in, out, err, rows, cols                                   tty; then this connection is a session
 *   exec      exec_id, process, tty, in, out, err, detach, rows, cols    pid; then a session of that process
 *   wait                                                                 event "exit" when the run is over
 *   claim                                                                CONFLICT if somebody else has
 *   release                                                              the connection is closed by the monitor
 *
 * A session: input goes to the monitor in FRAME_STDIN, an empty one being the end of input; output comes in
 * FRAME_STDOUT and FRAME_STDERR (a terminal has only the former), each byte once, in order. The end of the process is
 *     {"event":"exit","how":n,"number":n,"oom":bool,"finished_ns":n}
 * after all its output. {"event":"closed"} ends a session whose process goes on.
 *
 * Flow control. Input: a client may have PROTOCOL_INPUT_WINDOW bytes on their way; FRAME_CREDIT gives some back once
 * they were passed on. So the monitor never has to stop reading a connection, and requests overtake input that nobody
 * reads. Output: what a client does not take is kept for it up to PROTOCOL_BACKLOG bytes. Beyond that the process has
 * to wait, but only PROTOCOL_PATIENCE_MS without any progress (a second when others listen too) and PROTOCOL_STALL_MS
 * in all. After that, output is no longer kept back for this client: what does not fit is left out, and FRAME_NOTICE
 * says how much, at the place where it is missing. Everything is in the log anyway. */
#ifndef CREEL_MONITOR_PROTOCOL_H
#define CREEL_MONITOR_PROTOCOL_H

enum {
    PROTOCOL_VERSION = 1,
    PROTOCOL_REQUEST_MAX = 16 * 1024 * 1024,
    PROTOCOL_REPLY_MAX = 64 * 1024,         /* replies and events */
    PROTOCOL_INPUT_WINDOW = 256 * 1024,
    PROTOCOL_BACKLOG = 256 * 1024,
    PROTOCOL_PATIENCE_MS = 10000,
    PROTOCOL_PATIENCE_SHARED_MS = 1000,
    PROTOCOL_STALL_MS = 60000,
    PROTOCOL_CLIENTS_MAX = 256,
    PROTOCOL_SOCKET_FD = 3,                 /* in a new monitor: one end of a socket pair … */
    PROTOCOL_GUARD_FD = 4,                  /* … and the read-only view it was executed from */
};

#define PROTOCOL_SOCKET_NAME "monitor.sock"
#define PROTOCOL_LOCK_NAME "lock"
/* argv[1] of a monitor has room for the container's id, for the benefit of ps; argv[2], if given, says that it was
 * born in its control group. */
#define PROTOCOL_ARG_BLANK "----------------------------------------------------------------"
#define PROTOCOL_ARG_IN_CGROUP "in-cgroup"
#define PROTOCOL_CGROUP "/creel/.monitor"

#endif
