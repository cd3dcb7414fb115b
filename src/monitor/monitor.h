/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/monitor.h: the state of one creel-monitor: one container run, its execs and its clients.
 *
 *   M1  Single-threaded; everything hangs off one struct monitor.
 *   M2  No client can make it wait: sockets are non-blocking, queues bounded (protocol.h).
 *   M3  A session's end is told after its last output; the run's end after its record is durable, and to the client who
 *       has claimed it at once.
 *   M4  Whatever happens after the process was started, the last act is to leave a record, unless a client has committed
 *       the exit.
 *   M5  Clients may die in any call that sends to them; they are only marked, and freed by clients_purge after the
 *       round of callbacks. */
#ifndef CREEL_MONITOR_MONITOR_H
#define CREEL_MONITOR_MONITOR_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/strv.h"
#include "loop/loop.h"
#include "monitor/log_writer.h"
#include "monitor/protocol.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "wire/frame.h"

#include <creel/container.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct monitor;
struct session;

/* --- launch.c: the request --- */
struct launch {
    char id[65];
    int64_t run;
    char *container_dir, *run_dir, *exits_dir, *seccomp_cache_dir, *layers_dir;
    struct strv lower;
    char *runtime;              /* NULL: native */
    struct strv runtime_args;
    char *cgroup_path;
    enum cgroup_manager cgroup_manager;
    bool auto_remove, tty, open_stdin, stdin_once;
    char *log_driver, *log_path, *log_attrs;
    int64_t log_max_size;
    int log_max_file;
    bool log_compress;
    struct strv reap_argv;
    bool attach_stdin, attach_stdout, attach_stderr, claim_exit;
    unsigned rows, cols;
};

/* --- streams.c: the streams of a process: the container's or an exec's --- */
struct output {
    struct session *session;
    struct loop_io io;
    int fd;                     /* -1 when it has ended */
    unsigned type;              /* FRAME_STDOUT or FRAME_STDERR */
    bool grown;                 /* its pipe was made larger */
};
struct session {
    struct monitor *m;
    bool is_exec, tty, has_stdin, stdin_once;
    pid_t pid;
    int pidfd;                  /* borrowed from the runtime for the container, owned for an exec */
    struct output out[2];       /* a terminal uses the first */
    int slave_fd;               /* a terminal's other side, held so that it does not hang up while the process lives */
    struct loop_io in_io;
    int in_fd;
    struct bytes in_queue;
    size_t in_at;
    bool in_end;                /* close when the queue is empty */
    unsigned blocked;           /* clients for which output is kept back */
    struct loop_child child;
    bool ended;                 /* the process has, its output may be still to come */
    bool done;                  /* … and its output has come too */
    struct creel_exit exit;
    struct loop_timer drain_timer;
    char exec_id[65];
    struct session *next;       /* in monitor.execs */
};

/* The ends that a new process gets, and those that stay here. */
struct session_ends { int theirs[3]; };
void session_init(struct session *s, struct monitor *m);
/* Pipes for a process without terminal; what is not wanted is /dev/null. ends: the caller closes them (session_ends_close) when the process has them. */
int session_open_pipes(struct session *s, bool out, bool err_stream, struct session_ends *ends, struct creel_err *err);
void session_ends_close(struct session_ends *ends);
/* Take over the master of a terminal. */
int session_open_console(struct session *s, int master, unsigned rows, unsigned cols, struct creel_err *err);
/* Begin to read. */
int session_watch(struct session *s, struct creel_err *err);
int session_resize(struct session *s, unsigned rows, unsigned cols, struct creel_err *err);
int session_signal(struct session *s, int signo, struct creel_err *err);
/* Bytes for its standard input; what cannot be written now is queued (bounded by the clients' windows). */
void session_input(struct session *s, const char *data, size_t n);
/* No more input after what is queued. */
void session_input_end(struct session *s);
/* Called when a client is not behind any more: read again. */
void session_unblock(struct session *s);
/* The process has ended: read what is left, at most until the deadline, then session_done. */
void session_drain(struct session *s, const struct creel_exit *x);
void session_close(struct session *s);
/* What a child's siginfo says. */
struct creel_exit session_exit_of(const siginfo_t *how);

/* --- clients.c: connections --- */
struct client {
    struct monitor *m;
    struct loop_io io;
    int fd;
    struct frame_reader rx;
    struct bytes tx;            /* what the socket did not take */
    size_t tx_at;
    struct session *session;    /* NULL: only asks */
    bool want_in, want_out, want_err;
    bool waits, told, dead;
    bool quiet;                 /* its current request wants no reply */
    size_t credit;              /* input bytes it may still send */
    size_t unreturned;          /* input bytes not yet given back as credit */
    bool blocking;              /* its process is kept waiting for it */
    bool hasty;                 /* had its chance: output that does not fit is left out from now on */
    uint64_t skipped;           /* bytes left out since the last notice */
    int64_t blocked_ns;
    struct loop_timer patience;
    struct client *next;
};
struct client *client_new(struct monitor *m, int fd, struct creel_err *err);
/* frame: header and n bytes of payload. */
void clients_output(struct session *s, unsigned type, const char *frame, size_t n);
/* Input was passed on; give credit back to whoever sent it. */
void clients_input_done(struct session *s);
void client_event_exit(struct client *c, const struct creel_exit *x);
void client_reply(struct client *c, json_t *members);  /* takes the reference; NULL: {"ok":true} */
void client_reply_error(struct client *c, const struct creel_err *err);
void client_attach(struct client *c, struct session *s, bool in, bool out, bool err_stream);
void client_detach(struct client *c);
/* Mark for freeing; its socket is closed at once. */
void client_kill(struct client *c);
/* Free the marked ones. If the claimer was among them the exit is nobody's now; when all is over the loop is stopped. */
void clients_purge(struct monitor *m);
/* Bytes still to be sent to anybody. */
size_t clients_backlog(const struct monitor *m);
void clients_close_all(struct monitor *m);

/* --- listener.c: where they come from --- */
int listener_open(struct monitor *m, struct creel_err *err);
/* Take connections again, after one could not be taken. */
void listener_resume(struct monitor *m);
void listener_close(struct monitor *m);

/* --- exit.c: the end of the run --- */
enum phase {
    PHASE_LAUNCHING,
    PHASE_RUNNING,
    PHASE_DRAINING,     /* init has ended */
    PHASE_CLAIMED,      /* its claimer was told and commits it */
    PHASE_REAPING,      /* nobody claimed it: its record is written, the helper commits it */
    PHASE_OVER,         /* committed or left for others; the last clients get their last bytes */
};
void exit_on_init(void *arg, const siginfo_t *how);
/* Both streams of the container, or of an exec, have ended after their process. */
void session_done(struct session *s);
void exit_claimer_gone(struct monitor *m);
/* Start the helper that records the end of an exec nobody was told of. */
void exit_report_exec(struct monitor *m, const struct session *s);
void exit_release(struct monitor *m, struct client *c);
/* Take the place for the record before it is needed: a full disk must not lose an exit. */
void exit_reserve(struct monitor *m);

struct monitor {
    struct loop loop;
    struct launch launch;
    enum phase phase;
    int run_dir_fd, container_dir_fd, exits_fd, lock_fd;
    struct seccomp_program seccomp;     /* of the container, for its execs, too */
    char *title;                /* argv[1], as long as an id: for people who look at ps */
    struct loop_io listen_io;
    struct session container;
    struct session *execs;
    struct client *clients;
    unsigned client_count;
    struct client *claimer;
    struct oci_config *config;      /* the runtime borrows it until its end, and execs need it */
    struct runtime_ready ready;     /* until the launch */
    struct runtime_container *native;
    struct external_container *external;
    struct cgroup *external_cgroup;
    struct loop_io oom_io;
    bool oom;
    struct log_writer *log;
    pid_t pid;
    uint64_t pid_start;
    int64_t started_ns;
    struct creel_exit exit;
    bool record_durable;
    struct loop_child reaper;
    struct loop_child init_child;
    struct loop_timer settle_timer, record_timer, claim_timer, linger_timer, idle_timer, listen_timer;
    int64_t record_retry_ns;
    char *io_buffer;            /* header, IO_CHUNK bytes, slack */
    bool busy;                  /* buffers were used since the idle timer looked */
};
enum { MONITOR_IO_CHUNK = 65536 };

int monitor_init(struct monitor *m, struct creel_err *err);
void monitor_fini(struct monitor *m);
/* {"pid":…,"monitor_pid":…,…}, NULL when out of memory. */
json_t *monitor_started_json(const struct monitor *m);
/* Note that the large buffers are in use; they are given back after a while of silence. */
void monitor_touch(struct monitor *m);
/* Give back what parsing has left behind. */
void monitor_slim(void);

/* --- launch.c --- */
int launch_parse(const char *text, size_t len, struct launch *ret, struct creel_err *err);
void launch_fini(struct launch *l);
/* Wait for the request on the first connection and carry it out. 1 launched; 0 the maker went away, nothing was done;
 * -1 failed, the client was told and nothing is left. */
int monitor_start(struct monitor *m, struct creel_err *err);
/* m->config from <run_dir>/config.json; and the compiled filter that it describes, for launching and for execs. */
int launch_load_config(struct monitor *m, struct creel_err *err);
int launch_load_seccomp(struct monitor *m, struct creel_err *err);

/* --- exec.c --- */
int exec_start(struct monitor *m, struct client *c, json_t *request, struct creel_err *err);
void exec_free(struct session *s);

/* --- oom.c --- */
void oom_watch(struct monitor *m);
bool oom_seen(struct monitor *m);   /* at the end of the run */

/* --- own_cgroup.c: the monitor's own control group --- */
/* Leave the caller's group where service managers kill by it. Quick; before the launch. */
void own_cgroup_leave(bool in_unified);
/* Leave it everywhere else. */
void own_cgroup_settle(void);

#endif
