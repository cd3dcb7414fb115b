/* SPDX-License-Identifier: Apache-2.0 */
/* creel/container.h: containers and their execs.
 *
 * `ref` names a container: full id, exact name, or unique id prefix, in that order.
 * Requests and inspections are JSON documents with the field names of the Docker Engine API (Config members at the top,
 * HostConfig, NetworkingConfig), because that is the form in which people and programs already have them.
 * Strings returned through `char **` are owned by the caller (free). */
#ifndef CREEL_CONTAINER_H
#define CREEL_CONTAINER_H

#include <creel/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

enum creel_exit_how { CREEL_EXIT_BY_CODE, CREEL_EXIT_BY_SIGNAL, CREEL_EXIT_UNKNOWN };
struct creel_exit {
    enum creel_exit_how how;
    int number;               /* exit code or signal; meaningless when unknown */
    int oom_killed;
    int64_t finished_ns;      /* Unix time */
};
/* What a shell would report: code, 128 + signal, 255 when unknown (never 0). */
int creel_exit_shell(const struct creel_exit *x);

/* Make a container; nothing runs yet. One transaction.
 * name          NULL: a generated one
 * request_json  a Docker create body; unknown members are refused (INVALID), so that nothing is silently ignored
 * ret_id        65 bytes
 * ret_warnings  JSON array of strings, or NULL if not wanted
 * Errors        INVALID · NOT_FOUND no such image ("No such image: x:latest") · CONFLICT name in use */
int creel_container_create(struct creel *e, const char *name, const char *request_json, char *ret_id,
                           char **ret_warnings, struct creel_err *err);

/* A live connection to a container's or exec's streams; see creel_session_copy. */
struct creel_session;

struct creel_attach_options {
    size_t size;
    int want_stdin, want_stdout, want_stderr; /* which streams */
    int replay_logs;                          /* write the log so far first */
    unsigned rows, cols;                      /* first console size, 0 = default */
};

/* Start a container. With `attach`, *ret_session is connected before the process runs, so that no output is missed.
 * Errors  NOT_MODIFIED running already · CONFLICT paused, removing · CANNOT_INVOKE, NO_COMMAND · INTERNAL
 * On failure the container is as it was, with the error text and exit code recorded. */
int creel_container_start(struct creel *e, const char *ref, const struct creel_attach_options *attach,
                          struct creel_session **ret_session, struct creel_err *err);

/* Create and start with one transaction less than the two calls: what `creel run` does. If the start fails and
 * HostConfig.AutoRemove is set, nothing is left; otherwise the created container stays, as with Docker. ret_id is
 * filled (not empty) whenever a container exists afterwards. */
int creel_container_run(struct creel *e, const char *name, const char *request_json,
                        const struct creel_attach_options *attach, char *ret_id, char **ret_warnings,
                        struct creel_session **ret_session, struct creel_err *err);

int creel_container_attach(struct creel *e, const char *ref, const struct creel_attach_options *attach,
                           struct creel_session **ret_session, struct creel_err *err);

/* --- sessions --- */
struct creel_io {
    size_t size;
    int in, out, err;         /* descriptors of the caller, -1 = none; never closed; `in` may be a terminal */
    const char *detach_keys;  /* "ctrl-p,ctrl-q"; NULL default, "" none. Only honoured with a terminal */
    int wake_fd;              /* -1, or: when readable, on_wake is called (for a signalfd) */
    int (*on_wake)(void *arg, struct creel_session *s); /* negative: stop copying, creel_session_copy returns CANCELED */
    void *arg;
};
enum creel_session_end {
    CREEL_SESSION_EXITED,     /* the process ended and all output was delivered; *ret_exit is filled */
    CREEL_SESSION_DETACHED,   /* detach keys; the process goes on */
    CREEL_SESSION_CLOSED,     /* output ended but the process goes on (it closed its streams), or monitor gone */
};
/* Copy until the end. Returns an enum creel_session_end, or -1. When it returns EXITED the exit is committed in the
 * store, and with HostConfig.AutoRemove the container is gone. */
int creel_session_copy(struct creel_session *s, const struct creel_io *io, struct creel_exit *ret_exit,
                       struct creel_err *err);
/* Output that could not be written does not end a session: the process goes on, the log has it. This is the errno of the
 * first such write, 0 when there was none or only a reader that has gone. */
int creel_session_write_error(const struct creel_session *s);
int creel_session_has_tty(const struct creel_session *s);
int creel_session_resize(struct creel_session *s, unsigned rows, unsigned cols, struct creel_err *err);
int creel_session_signal(struct creel_session *s, int signo, struct creel_err *err); /* to the process of this session */
void creel_session_close(struct creel_session *s);

/* --- verbs --- */
/* signal NULL: the container's stop signal; timeout_s -2: the container's own, -1: for ever. NOT_MODIFIED if stopped. */
int creel_container_stop(struct creel *e, const char *ref, const char *signal, int timeout_s, struct creel_err *err);
/* signal NULL: KILL, and wait for the end. Other signals are only sent. CONFLICT if not running. */
int creel_container_kill(struct creel *e, const char *ref, const char *signal, struct creel_err *err);
int creel_container_restart(struct creel *e, const char *ref, const char *signal, int timeout_s, struct creel_err *err);
int creel_container_pause(struct creel *e, const char *ref, struct creel_err *err);
int creel_container_unpause(struct creel *e, const char *ref, struct creel_err *err);
int creel_container_rename(struct creel *e, const char *ref, const char *name, struct creel_err *err);
struct creel_remove_options { size_t size; int force, volumes; };
int creel_container_remove(struct creel *e, const char *ref, const struct creel_remove_options *o,
                           struct creel_err *err);
/* update_json: a Docker update body (resources and RestartPolicy). */
int creel_container_update(struct creel *e, const char *ref, const char *update_json, char **ret_warnings,
                           struct creel_err *err);
/* condition NULL or "not-running", "next-exit", "removed". Blocks without polling; timeout_ms -1: for ever. */
int creel_container_wait(struct creel *e, const char *ref, const char *condition, int timeout_ms,
                         struct creel_exit *ret, struct creel_err *err);
int creel_container_resize(struct creel *e, const char *ref, unsigned rows, unsigned cols, struct creel_err *err);

/* --- queries: one snapshot each, never waiting for a container --- */
int creel_container_resolve(struct creel *e, const char *ref, char *ret_id, struct creel_err *err);
/* with_size: also SizeRw and SizeRootFs. */
int creel_container_inspect(struct creel *e, const char *ref, int with_size, char **ret_json, struct creel_err *err);

struct creel_container_row {
    const char *id, *name;              /* name without slash */
    const char *image, *image_id, *command;
    const char *state, *status;         /* "running", "Up 3 days (Paused)" */
    const char *labels_json;            /* object */
    const char *mounts_json;            /* array of Docker mount records */
    const char *network_mode;
    int64_t created_ns, started_ns, finished_ns;
    int64_t size_rw, size_root;         /* -1 unless asked for */
    int pid, exit_code;
};
struct creel_list_options {
    size_t size;
    int all, with_size;
    int limit;                          /* 0 = no limit; the newest n, running or not (implies all) */
    const char *filters_json;           /* {"status":["exited"],"label":["a=b"]}; NULL none */
};
/* Newest first. `each` returns non-zero to stop; the row is borrowed for the call. */
int creel_container_list(struct creel *e, const struct creel_list_options *o,
                         int (*each)(void *arg, const struct creel_container_row *row), void *arg,
                         struct creel_err *err);
/* {"Titles":[…],"Processes":[[…]]}; ps_args NULL = "-ef". */
int creel_container_top(struct creel *e, const char *ref, const char *ps_args, char **ret_json, struct creel_err *err);
struct creel_stats {
    size_t size;
    char id[65]; char name[256];
    uint64_t cpu_ns, system_ns;         /* total cpu time of the container, and of the whole host, at `read_ns` */
    unsigned online_cpus;
    uint64_t memory_usage, memory_limit;/* usage without inactive file pages */
    uint64_t rx_bytes, tx_bytes, read_bytes, write_bytes, pids, pids_limit;
    int64_t read_ns;
};
int creel_container_stats(struct creel *e, const char *ref, struct creel_stats *ret, struct creel_err *err);

struct creel_log_options {
    size_t size;
    int follow, timestamps, details;
    int want_stdout, want_stderr;
    int64_t since_ns, until_ns;         /* 0 = none */
    int64_t tail;                       /* -1 all */
};
/* Log records in order, across rotations. data is raw bytes incl. newline; `stream` is 1 or 2. `each` returning
 * non-zero stops. With follow it ends when the container's run ends, and each time that everything there is has been
 * delivered and it is going to wait, `each` is called with data NULL: time to flush. stop_fd: readable = return (or -1). */
int creel_container_logs(struct creel *e, const char *ref, const struct creel_log_options *o, int stop_fd,
                         int (*each)(void *arg, int stream, int64_t time_ns, const char *attrs_json, const char *data,
                                     size_t len),
                         void *arg, struct creel_err *err);

/* --- execs --- */
/* exec_json: a Docker exec create body (Cmd, Env, User, WorkingDir, Tty, Privileged, AttachStdin …).
 * detach: returns when the process runs; *ret_session is then NULL. ret_exec_id: 65 bytes. */
int creel_container_exec(struct creel *e, const char *ref, const char *exec_json, int detach, unsigned rows,
                         unsigned cols, char *ret_exec_id, struct creel_session **ret_session, struct creel_err *err);

/* --- files (implemented with creel-archive, confined to the container's root) --- */
/* Docker's path stat: {"name","size","mode","mtime","linkTarget"}. */
int creel_container_path_stat(struct creel *e, const char *ref, const char *path, char **ret_json,
                              struct creel_err *err);
/* A tar of path on out_fd / a tar from in_fd unpacked in the directory `path`. */
int creel_container_copy_out(struct creel *e, const char *ref, const char *path, int follow_link, int out_fd,
                             struct creel_err *err);
struct creel_copy_in_options { size_t size; int no_overwrite_dir_non_dir, copy_uidgid; };
int creel_container_copy_in(struct creel *e, const char *ref, const char *path, int in_fd,
                            const struct creel_copy_in_options *o, struct creel_err *err);
/* The whole root file system as a tar. */
int creel_container_export(struct creel *e, const char *ref, int out_fd, struct creel_err *err);
/* Changes against the image: kind 0 modified, 1 added, 2 deleted. */
int creel_container_diff(struct creel *e, const char *ref, int (*each)(void *arg, int kind, const char *path),
                         void *arg, struct creel_err *err);
/* commit_json: {"Repo","Tag","Author","Comment","Pause":true,"Changes":["CMD …"]}. ret_image_id: "sha256:…", 72 bytes */
int creel_container_commit(struct creel *e, const char *ref, const char *commit_json, char *ret_image_id,
                           struct creel_err *err);

#ifdef __cplusplus
}
#endif
#endif
