/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/client.h: what the engine says to creel-monitor. The only header of this folder, with protocol.h, that the
 * engine includes.
 *
 * One monitor per container run. It is spawned with one end of a socket pair and does nothing until it gets a launch
 * request; when the socket closes before that it exits, so a dead maker leaves nothing. After the launch it listens on
 * <run_root>/containers/<id>/monitor.sock (0600, in a 0700 directory, peer uid checked).
 *
 * Who is alive is told by a lock, never by a pid: on a launch request the monitor first opens <run_dir>/lock (made by the
 * engine; no O_CREAT), takes flock(LOCK_EX) and keeps it until it ends; only then does it read config.json and make
 * anything. Whoever wants to undo an interrupted start takes the same lock (LOCK_NB: held = a monitor lives), removes
 * config.json under it, and so makes a late monitor fail with nothing made. */
#ifndef CREEL_MONITOR_CLIENT_H
#define CREEL_MONITOR_CLIENT_H

#include "base/err.h"
#include "base/strv.h"

#include <creel/container.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct monitor_link;   /* a connection; monitor_link_close */

/* Start a monitor process, detached from the caller (double fork, own session, no inherited descriptors), executed
 * from a read-only view of its binary (security.md P4). Cheap: call it early and let it start while the store commits. */
int monitor_spawn(const char *libexec_dir, struct monitor_link **ret, struct creel_err *err);

/* Everything a monitor needs for one run. All borrowed. */
struct monitor_launch {
    const char *id, *name;
    int64_t run;
    const char *container_dir;      /* <root>/containers/<id>: upper, work, logs */
    const char *run_dir;            /* <run_root>/containers/<id>: config.json, monitor.sock */
    const char *exits_dir;          /* <root>/exits: exit records "<id>.<run>" are written here, synced, renamed */
    const char *seccomp_cache_dir;
    const char *layers_dir;         /* lower names are relative to it */
    const struct strv *lower;       /* topmost first; empty: config.json's root.path */
    const char *runtime;            /* NULL or "": native; else the path of an OCI runtime, called with bundle=run_dir */
    const struct strv *runtime_args;
    const char *cgroup_path, *cgroup_manager;
    bool auto_remove;               /* upper goes with the run: nothing in it needs syncing */
    bool tty, open_stdin, stdin_once;
    const char *log_driver;         /* "json-file", "cri", "none" */
    const char *log_path;           /* absolute */
    int64_t log_max_size;           /* bytes, -1 unlimited */
    int log_max_file;
    bool log_compress;
    const char *log_attrs;          /* JSON object for "attrs", or NULL */
    const struct strv *reap_argv;   /* the helper to start when nobody commits the exit: creel … __reap <id> <run> */
    bool attach_stdin, attach_stdout, attach_stderr; /* this link becomes a session before the process runs */
    bool claim_exit;                /* as monitor_claim_exit, from the first instruction on: no helper is started while
                                     * this link lives, even if the process ends before launch returns */
    unsigned rows, cols;
};
struct monitor_started { pid_t pid, monitor_pid; uint64_t pid_start, monitor_start; int64_t started_ns; };
/* Errors carry the runtime's own kind and words (CANNOT_INVOKE, NO_COMMAND …); the monitor then has cleaned up and is
 * gone. */
int monitor_launch(struct monitor_link *l, const struct monitor_launch *req, struct monitor_started *ret,
                   struct creel_err *err);

/* Connect to a running one. NOT_FOUND when there is none (it ended, or was killed). TIMEOUT when it takes no connections: it
 * is stopped. Except launches and waiting for an end, no request below waits longer than 10 s for a monitor: TIMEOUT. */
int monitor_connect(const char *run_dir, struct monitor_link **ret, struct creel_err *err);
struct monitor_status { struct monitor_started started; bool exited; struct creel_exit exit; int64_t run; };
/* TIMEOUT when it does not answer: it is stopped, or still at the launch. -1 = for ever. */
int monitor_query(struct monitor_link *l, int timeout_ms, struct monitor_status *ret, struct creel_err *err);
int monitor_signal(struct monitor_link *l, int signo, struct creel_err *err);   /* to init, by pidfd */
int monitor_resize(struct monitor_link *l, unsigned rows, unsigned cols, struct creel_err *err);
/* Ask to be told of the end of the run, without waiting: then monitor_link_fd becomes readable and monitor_wait_exit with
 * timeout 0 says what it was. Not on a session. */
int monitor_watch_exit(struct monitor_link *l, struct creel_err *err);
/* Blocks until the run has ended and its record is durable (for the client that has claimed the exit there is none: its
 * commit is what makes the exit durable). timeout_ms -1 = for ever. TIMEOUT. */
int monitor_wait_exit(struct monitor_link *l, int timeout_ms, struct creel_exit *ret, struct creel_err *err);
/* "I commit the exit": the monitor starts no helper as long as this link lives. Sent right after launch by a client that
 * stays. Then, when it is done: */
int monitor_claim_exit(struct monitor_link *l, struct creel_err *err);
/* "It is committed": the monitor ends. */
int monitor_release(struct monitor_link *l, struct creel_err *err);
/* Returns when it has ended, or after 10 s. */
int monitor_await_release(struct monitor_link *l, struct creel_err *err);
/* Fd to poll for POLLIN: something from the monitor (end of run, data). Borrowed. */
int monitor_link_fd(const struct monitor_link *l);

/* --- streams --- */
/* Become a session of the container's streams. */
int monitor_attach(struct monitor_link *l, bool in, bool out, bool err_stream, unsigned rows, unsigned cols,
                   struct creel_err *err);
/* Run a process in the container; this link becomes its session (or, detached, only learns that it runs). A monitor that
 * comes to the request after the link was closed runs nothing. */
struct monitor_exec { const char *exec_id; const char *process_json; /* OCI process */ bool tty, in, out, err, detach;
                      unsigned rows, cols; };
int monitor_exec(struct monitor_link *l, const struct monitor_exec *x, pid_t *ret_pid, struct creel_err *err);
/* Copy until the session ends; see creel_session_copy, whose return value this is. On a session monitor_signal and
 * monitor_resize concern its process and do not wait for an answer; other requests need another link. */
int monitor_session_copy(struct monitor_link *l, const struct creel_io *io, struct creel_session *public_session,
                         bool tty, struct creel_exit *ret_exit, struct creel_err *err);
/* See creel_session_write_error. */
int monitor_session_write_error(const struct monitor_link *l);
void monitor_link_close(struct monitor_link *l);

/* Exit records: what the monitor left in exits_dir. */
struct monitor_exit_record { char id[65]; int64_t run; int64_t started_ns; struct creel_exit exit; };
int monitor_exit_record_read(int exits_fd, const char *file, struct monitor_exit_record *ret, struct creel_err *err);

#endif
