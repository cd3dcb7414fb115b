/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/launch.c: from the launch request to a running process.
 *
 * Order, and why:
 *   1. lock and socket, before anything else is made: from here on we can be found
 *   2. config.json is read under the lock: whoever undoes an interrupted start removes it under the same lock, so a late
 *      monitor finds nothing to run
 *   3. streams, log, process
 *   4. the reply; only then what the process need not wait for
 * When a step fails everything made so far goes again, the client gets the reason, and there is no record: nothing ran. */
#include "monitor/monitor.h"

#include "base/clock.h"
#include "base/ident.h"
#include "monitor/external_runtime.h"
#include "sys/identity.h"
#include "sys/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CONFIG_MAX = 16 * 1024 * 1024 };
static const int64_t SETTLE_NS = INT64_C(100000000);

/* --- the request --- */

static bool copy_text(char **to, const char *from)
{
    *to = from != NULL && from[0] != '\0' ? strdup(from) : NULL;
    return *to != NULL || from == NULL || from[0] == '\0';
}

static bool copy_list(struct strv *to, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *s = json_string_value(json_array_get(array, i));
        if (s == NULL || !strv_add(to, s))
            return false;
    }
    return true;
}

static int parse_members(json_t *o, struct launch *l, struct creel_err *err)
{
    json_error_t je;
    int version;
    json_int_t run, max_size;
    const char *op, *id, *container_dir, *run_dir, *exits_dir, *log_driver, *manager;
    const char *seccomp_dir = NULL, *layers_dir = NULL, *runtime = NULL, *cgroup = NULL, *log_path = NULL, *attrs = NULL;
    json_t *lower, *runtime_args, *reap;
    int auto_remove, tty, open_stdin, stdin_once, compress, in, out, err_stream, claim, max_file, rows, cols;
    if (json_unpack_ex(o, &je, 0,
                       "{s:i,s:s,s:s,s:I,s:s,s:s,s:s,s?s,s?s,s:o,s?s,s:o,s?s,s:s,s:b,s:b,s:b,s:s,s?s,s:I,s:i,s:b,s?s,"
                       "s:o,s:b,s:b,s:b,s:b,s:b,s:i,s:i}",
                       "v", &version, "op", &op, "id", &id, "run", &run, "container_dir", &container_dir, "run_dir",
                       &run_dir, "exits_dir", &exits_dir, "seccomp_cache_dir", &seccomp_dir, "layers_dir", &layers_dir,
                       "lower", &lower, "runtime", &runtime, "runtime_args", &runtime_args, "cgroup_path", &cgroup,
                       "cgroup_manager", &manager, "tty", &tty, "open_stdin", &open_stdin, "stdin_once", &stdin_once,
                       "log_driver", &log_driver, "log_path", &log_path, "log_max_size", &max_size, "log_max_file",
                       &max_file, "log_compress", &compress, "log_attrs", &attrs, "reap_argv", &reap,
                       "auto_remove", &auto_remove, "in", &in, "out", &out, "err", &err_stream, "claim",
                       &claim, "rows", &rows, "cols", &cols)
        < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the launch request is not understood: %s", je.text);
    if (version != PROTOCOL_VERSION || strcmp(op, "launch") != 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "the first request to a monitor is \"%s\" in version %d, not a launch",
                          op, version);
    if (!ident_is_full(id) || rows < 0 || cols < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the launch request names no container");
    memcpy(l->id, id, sizeof l->id);
    l->run = run;
    l->auto_remove = auto_remove;
    l->tty = tty;
    l->open_stdin = open_stdin;
    l->stdin_once = stdin_once;
    l->log_max_size = max_size;
    l->log_max_file = max_file;
    l->log_compress = compress;
    l->attach_stdin = in;
    l->attach_stdout = out;
    l->attach_stderr = err_stream;
    l->claim_exit = claim;
    l->rows = (unsigned)rows;
    l->cols = (unsigned)cols;
    l->cgroup_manager = strcmp(manager, "systemd") == 0    ? CGROUP_SYSTEMD
                        : strcmp(manager, "cgroupfs") == 0 ? CGROUP_FS
                        : strcmp(manager, "disabled") == 0 ? CGROUP_DISABLED
                                                           : CGROUP_AUTO;
    bool ok = copy_text(&l->container_dir, container_dir) && copy_text(&l->run_dir, run_dir)
              && copy_text(&l->exits_dir, exits_dir) && copy_text(&l->seccomp_cache_dir, seccomp_dir)
              && copy_text(&l->layers_dir, layers_dir) && copy_text(&l->runtime, runtime)
              && copy_text(&l->cgroup_path, cgroup) && copy_text(&l->log_driver, log_driver)
              && copy_text(&l->log_path, log_path) && copy_text(&l->log_attrs, attrs) && copy_list(&l->lower, lower)
              && copy_list(&l->runtime_args, runtime_args) && copy_list(&l->reap_argv, reap);
    return ok ? 0 : creel_fail_nomem(err);
}

int launch_parse(const char *text, size_t len, struct launch *ret, struct creel_err *err)
{
    json_error_t je;
    struct launch l = { 0 };
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (o == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the launch request is not JSON: %s", je.text);
    int r = parse_members(o, &l, err);
    json_decref(o);
    if (r < 0) {
        launch_fini(&l);
        return -1;
    }
    *ret = l;
    return 0;
}

void launch_fini(struct launch *l)
{
    char **texts[] = { &l->container_dir, &l->run_dir,    &l->exits_dir, &l->seccomp_cache_dir, &l->layers_dir,
                       &l->runtime,       &l->cgroup_path, &l->log_driver, &l->log_path,        &l->log_attrs };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        mem_freep(texts[i]);
    strv_fini(&l->lower);
    strv_fini(&l->runtime_args);
    strv_fini(&l->reap_argv);
}

/* Blocks until the first frame is there. 0 when the maker went away. */
static int read_request(struct frame_reader *r, struct creel_err *err)
{
    char buf[4096];
    for (;;) {
        ssize_t n = recv(PROTOCOL_SOCKET_FD, buf, sizeof buf, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        for (size_t at = 0, used; at < (size_t)n; at += used) {
            enum frame_status st = frame_feed(r, buf + at, (size_t)n - at, &used);
            if (st == FRAME_DONE && at + used == (size_t)n && r->type == FRAME_REQUEST)
                return 1;
            if (st != FRAME_MORE)
                return creel_fail(err, CREEL_INVALID, 0, "the first frame to a monitor is not one launch request");
        }
    }
}

/* --- directories --- */

static int open_dir(const char *path, int *ret, struct creel_err *err)
{
    *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", path);
    return 0;
}

/* client.h: who is alive is told by this lock. */
static int take_lock(struct monitor *m, struct creel_err *err)
{
    struct stat st;
    m->lock_fd = openat(m->run_dir_fd, PROTOCOL_LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (m->lock_fd < 0)
        return creel_fail(err, CREEL_CONFLICT, errno, "open %s/" PROTOCOL_LOCK_NAME, m->launch.run_dir);
    /* whoever has it is checking, or cleaning up after us and will have removed what we need */
    while (flock(m->lock_fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return creel_fail(err, CREEL_INTERNAL, errno, "lock %s/" PROTOCOL_LOCK_NAME, m->launch.run_dir);
    if (fstat(m->lock_fd, &st) < 0 || st.st_nlink == 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "the start of container %s was given up meanwhile", m->launch.id);
    return 0;
}

static int open_places(struct monitor *m, struct creel_err *err)
{
    struct launch *l = &m->launch;
    if (open_dir(l->run_dir, &m->run_dir_fd, err) < 0 || take_lock(m, err) < 0 || listener_open(m, err) < 0
        || open_dir(l->container_dir, &m->container_dir_fd, err) < 0 || open_dir(l->exits_dir, &m->exits_fd, err) < 0)
        return -1;
    return 0;
}

static int open_log(struct monitor *m, struct creel_err *err)
{
    const struct launch *l = &m->launch;
    if (strcmp(l->log_driver, "none") == 0)
        return 0;
    if (l->log_path == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "log driver %s without a path", l->log_driver);
    const struct log_writer_options o = { .driver = l->log_driver, .path = l->log_path, .max_size = l->log_max_size,
                                          .max_file = l->log_max_file, .compress = l->log_compress,
                                          .attrs = l->log_attrs };
    return log_writer_open(&o, &m->loop, &m->log, err);
}

/* --- the configuration --- */

static int read_config(struct monitor *m, char **ret, size_t *ret_len, struct creel_err *err)
{
    struct stat st;
    auto_fd fd = openat(m->run_dir_fd, "config.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        return creel_fail(err, CREEL_CONFLICT, errno, "open %s/config.json", m->launch.run_dir);
    if (st.st_size > CONFIG_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "%s/config.json is larger than %d bytes", m->launch.run_dir, CONFIG_MAX);
    auto_free char *text = malloc((size_t)st.st_size + 1);
    if (text == NULL)
        return creel_fail_nomem(err);
    int r = sys_read_all(fd, text, (size_t)st.st_size, ret_len);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "read %s/config.json", m->launch.run_dir);
    *ret = ptr_take(&text);
    return 0;
}

int launch_load_config(struct monitor *m, struct creel_err *err)
{
    auto_free char *text = NULL;
    size_t len;
    if (read_config(m, &text, &len, err) < 0 || oci_config_parse(text, len, &m->config, err) < 0)
        return creel_wrap(err, "configuration of container %s", m->launch.id);
    return 0;
}

int launch_load_seccomp(struct monitor *m, struct creel_err *err)
{
    const char *dir = m->launch.seccomp_cache_dir;
    if (m->launch.runtime != NULL || !m->config->linux_.seccomp.present)
        return 0;
    auto_fd cache = dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (dir != NULL && cache < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the cache of seccomp filters %s", dir);
    int r = seccomp_program_cached(&m->config->linux_.seccomp, cache, &m->seccomp, err);
    if (r == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "the compiled seccomp filter of container %s is not in the cache",
                          m->launch.id);
    return r < 0 ? creel_wrap(err, "seccomp filter of container %s", m->launch.id) : 0;
}

/* --- the process --- */

static int create_native(struct monitor *m, const struct session_ends *ends, struct creel_err *err)
{
    const struct launch *l = &m->launch;
    auto_fd layers = -1;
    auto_free char *upper = NULL, *work = NULL;
    struct runtime_rootfs rootfs = { .layers_fd = -1 };
    if (l->lower.count > 0) {
        layers = l->layers_dir != NULL ? open(l->layers_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (l->layers_dir != NULL && layers < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "open %s", l->layers_dir);
        if (asprintf(&upper, "%s/upper", l->container_dir) < 0 || asprintf(&work, "%s/work", l->container_dir) < 0)
            return creel_fail_nomem(err);
        rootfs = (struct runtime_rootfs){ .layers_fd = layers, .lower = (const char *const *)l->lower.items,
                                          .lower_count = l->lower.count, .upper = upper, .work = work,
                                          .is_volatile = l->auto_remove };
    }
    const struct runtime_params p = {
        .config = m->config, .id = l->id, .bundle_fd = m->run_dir_fd, .rootfs = l->lower.count > 0 ? &rootfs : NULL,
        .stdio = { ends->theirs[0], ends->theirs[1], ends->theirs[2] },
        .seccomp = m->seccomp.fprog.len > 0 ? &m->seccomp.fprog : NULL,
        .seccomp_flags = m->seccomp.flags, .stdio_is_ours = true, .die_with_parent = true,
        .hold_mounts = true, .keep_bind_flags = true, .ready = &m->ready,
        .cgroup_manager = l->cgroup_manager,
    };
    return runtime_create(&p, &m->native, err);
}

static int start_native(struct monitor *m, const struct session_ends *ends, struct creel_err *err)
{
    const struct launch *l = &m->launch;
    struct creel_err ignored = { 0 };
    if (create_native(m, ends, err) < 0)
        return -1;
    int master = runtime_console_master_take(m->native);
    if (master >= 0 && session_open_console(&m->container, master, l->rows, l->cols, err) < 0) {
        (void)runtime_destroy(m->native, &ignored);
        return -1;
    }
    m->started_ns = clock_now_ns();
    if (runtime_start(m->native, err) < 0) {
        (void)runtime_destroy(m->native, &ignored);
        return -1;
    }
    m->pid = runtime_pid(m->native);
    m->pid_start = runtime_pid_start(m->native);
    m->container.pidfd = runtime_pidfd(m->native);
    return 0;
}

static int start_external(struct monitor *m, const struct session_ends *ends, struct creel_err *err)
{
    const struct launch *l = &m->launch;
    struct creel_err ignored = { 0 };
    int master = -1;
    if (external_create(m, ends->theirs, l->tty, &m->external, &master, err) < 0)
        return -1;
    if (master >= 0 && session_open_console(&m->container, master, l->rows, l->cols, err) < 0) {
        external_delete(m->external);
        return -1;
    }
    m->started_ns = clock_now_ns();
    if (external_start(m->external, err) < 0) {
        external_delete(m->external);
        return -1;
    }
    m->pid = external_pid(m->external);
    m->container.pidfd = external_pidfd(m->external);
    (void)sys_process_start(m->pid, &m->pid_start);
    if (l->cgroup_path != NULL)
        (void)cgroup_open(l->cgroup_path, l->cgroup_manager, &m->external_cgroup, &ignored);
    return 0;
}

static int make_process(struct monitor *m, struct creel_err *err)
{
    struct session *s = &m->container;
    struct session_ends ends = { { 0, 1, 2 } };
    if (launch_load_config(m, err) < 0 || launch_load_seccomp(m, err) < 0)
        return -1;
    s->tty = m->launch.tty;
    s->has_stdin = m->launch.open_stdin;
    s->stdin_once = m->launch.stdin_once;
    int r = open_log(m, err);
    if (r == 0 && !s->tty)
        r = session_open_pipes(s, true, true, &ends, err);
    if (r == 0)
        r = m->launch.runtime != NULL ? start_external(m, &ends, err) : start_native(m, &ends, err);
    session_ends_close(&ends);
    runtime_ready_fini(&m->ready); /* what was not needed */
    if (r < 0)
        return -1;
    s->pid = m->pid;
    m->init_child = (struct loop_child){ .pid = m->pid, .fn = exit_on_init, .arg = m };
    loop_child_add(&m->loop, &m->init_child);
    return 0;
}

static void on_settled(void *arg)
{
    (void)arg;
    own_cgroup_settle();
    monitor_slim();
}

/* What need not be done before the client hears that the process runs. */
static int go_on(struct monitor *m, struct client *c, struct creel_err *err)
{
    const struct launch *l = &m->launch;
    m->phase = PHASE_RUNNING;
    if (l->claim_exit)
        m->claimer = c;
    client_reply(c, monitor_started_json(m));
    if (l->attach_stdin || l->attach_stdout || l->attach_stderr)
        client_attach(c, &m->container, l->attach_stdin, l->attach_stdout, l->attach_stderr);
    if (session_watch(&m->container, err) < 0)
        return -1;
    oom_watch(m);
    m->settle_timer = (struct loop_timer){ .fn = on_settled, .arg = m };
    loop_timer_arm(&m->loop, &m->settle_timer, SETTLE_NS);
    exit_reserve(m); /* not later: the container may fill the disk at once */
    return 0;
}

static bool maker_alive(void)
{
    char c;
    ssize_t n = recv(PROTOCOL_SOCKET_FD, &c, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

int monitor_start(struct monitor *m, struct creel_err *err)
{
    struct frame_reader request;
    if (runtime_get_ready(&m->ready, err) < 0) /* while the maker commits and writes */
        return -1;
    frame_reader_init(&request, PROTOCOL_REQUEST_MAX);
    int r = read_request(&request, err);
    if (r > 0 && launch_parse(bytes_str(&request.payload), request.payload.len, &m->launch, err) < 0)
        r = -1;
    frame_reader_fini(&request);
    if (r == 0)
        return 0;
    struct client *c = client_new(m, PROTOCOL_SOCKET_FD, r < 0 ? NULL : err);
    if (c == NULL)
        return -1;
    if (r > 0) {
        memcpy(m->title, m->launch.id, strlen(PROTOCOL_ARG_BLANK));
        r = open_places(m, err);
        if (r == 0 && !maker_alive())
            return 0;
        if (r == 0 && make_process(m, err) == 0)
            return go_on(m, c, err) < 0 ? -1 : 1;
    }
    if (m->run_dir_fd >= 0)
        (void)unlinkat(m->run_dir_fd, PROTOCOL_SOCKET_NAME, 0);
    client_reply_error(c, err);
    return -1;
}
