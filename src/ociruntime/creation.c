/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/creation.c: see ociruntime/creation.h. */
#include "ociruntime/creation.h"

#include "base/clock.h"
#include "base/parse.h"
#include "ociruntime/fd_socket.h"
#include "ociruntime/filter_cache.h"
#include "ociruntime/notify.h"
#include "ociruntime/pid_file.h"
#include "ociruntime/removal.h"
#include "runtime/setup.h"
#include "sys/process.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <string.h>

enum { LISTEN_FDS_MAX = 1 << 12 };

/* --- before anything is made --- */

static int check_terminal(const struct creation *c, struct creel_err *err)
{
    bool terminal = c->bundle.config->process.present && c->bundle.config->process.terminal;
    bool socket = option_given(c->in, "console-socket");
    if (c->detached && terminal && !socket)
        return creel_fail(err, CREEL_INVALID, 0,
                          "cannot allocate tty if creel-runtime will detach without setting console socket");
    if (socket && (!c->detached || !terminal))
        return creel_fail(err, CREEL_INVALID, 0,
                          "cannot use console socket if creel-runtime will not detach or allocate tty");
    return 0;
}

/* Sockets that a service manager handed to this very process (sd_listen_fds) go on to the container. */
static int count_listening(struct creation *c, uint64_t *ret, struct creel_err *err)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t number;
    struct oci_process *p = &c->bundle.config->process;
    *ret = 0;
    if (pid == NULL || fds == NULL || !parse_u64(pid, INT_MAX, &number) || (pid_t)number != getpid()
        || !parse_u64(fds, LISTEN_FDS_MAX, ret) || *ret == 0)
        return 0;
    return strv_addf(&p->env, "LISTEN_FDS=%s", fds) && strv_add(&p->env, "LISTEN_PID=1") ? 0 : creel_fail_nomem(err);
}

static int count_preserved(struct creation *c, struct creel_err *err)
{
    uint64_t listening;
    int64_t more = option_int(c->in, "preserve-fds");
    if (count_listening(c, &listening, err) < 0)
        return -1;
    if (more < 0 || more > INT_MAX / 2)
        return creel_fail(err, CREEL_INVALID, 0, "cannot preserve %lld descriptors", (long long)more);
    c->preserve = (int)(more + (int64_t)listening);
    return runtime_check_preserved(c->preserve, err);
}

static int connect_sockets(struct creation *c, struct creel_err *err)
{
    const char *console = option_string(c->in, "console-socket"), *pidfd = option_string(c->in, "pidfd-socket");
    if (console != NULL && fd_socket_connect(console, &c->console_socket, err) < 0)
        return creel_wrap(err, "console socket");
    if (pidfd != NULL && fd_socket_connect(pidfd, &c->pidfd_socket, err) < 0)
        return creel_wrap(err, "pidfd socket");
    return 0;
}

static int build_filter(struct creation *c, struct creel_err *err)
{
    const struct oci_seccomp *s = &c->bundle.config->linux_.seccomp;
    if (!s->present)
        return 0;
    auto_fd cache = filter_cache_open(c->root);
    if (seccomp_program_build(s, cache, &c->seccomp, err) < 0)
        return -1;
    log_line(&c->in->log, LOG_LEVEL_DEBUG, "seccomp filter flags: %u", c->seccomp.flags);
    return 0;
}

/* Later commands find the process by its number. Only a pidfd tells that it is still that one: without, what is created
 * could neither be started nor ended. */
static int check_pidfds(struct creel_err *err)
{
    if (sys_pidfd_open(-1) != -ENOSYS && sys_pidfd_send_signal(-1, 0) != -ENOSYS)
        return 0;
    return creel_fail(err, CREEL_UNSUPPORTED, ENOSYS, "containers need pidfd_open and pidfd_send_signal (Linux 5.3), "
                      "which the kernel or a filter does not give");
}

static int open_all(struct creation *c, struct creel_err *err)
{
    if (check_pidfds(err) < 0)
        return -1;
    if (state_id_check(invocation_arg(c->in, 0), err) < 0 || invocation_root(c->in, &c->root, err) < 0
        || bundle_open(c->in, &c->bundle, err) < 0 || check_terminal(c, err) < 0 || count_preserved(c, err) < 0
        || build_filter(c, err) < 0)
        return -1;
    return connect_sockets(c, err);
}

/* --- the state --- */

static int fill_state(struct creation *c, struct creel_err *err)
{
    char created[CLOCK_TEXT_MAX];
    struct state *s = &c->state;
    s->manager = invocation_cgroup_manager(c->in);
    s->rootless = invocation_rootless(c->in);
    s->no_pivot = option_flag(c->in, "no-pivot");
    s->no_new_keyring = option_flag(c->in, "no-new-keyring");
    s->notifies = (c->seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
    s->created = strdup(clock_print_nano(clock_now_ns(), created));
    s->bundle = ptr_take(&c->bundle.path);
    s->config_text = ptr_take(&c->bundle.text);
    s->config_len = c->bundle.len;
    if (s->created == NULL)
        return creel_fail_nomem(err);
    c->bundle.path = s->bundle; /* lent back for the root's path */
    int r = bundle_rootfs(&c->bundle, &s->rootfs, err);
    c->bundle.path = NULL;
    return r < 0 ? -1 : runtime_cgroup_name(c->bundle.config, s->id, s->manager, &s->cgroup, err);
}

/* C1 */
static int make_state(struct creation *c, struct creel_err *err)
{
    if (state_make(c->root, invocation_arg(c->in, 0), &c->state, err) < 0)
        return -1;
    if (fill_state(c, err) < 0 || state_save(&c->state, true, err) < 0) {
        if (err->kind != CREEL_CONFLICT) /* then somebody else was quicker, and it is his */
            (void)state_remove(c->root, &c->state, NULL);
        return -1;
    }
    c->made = true;
    if (notify_host() != NULL && c->bundle.config->process.present
        && notify_prepare(&c->state, c->root, c->bundle.config, err) < 0)
        return -1;
    if (c->gated && (c->gate = state_make_gate(&c->state, err)) < 0)
        return -1;
    return 0;
}

/* --- the container --- */

/* A rootless caller who has named no group and asks for no limit can do without. */
static bool can_do_without_cgroup(const struct creation *c)
{
    const struct oci_linux *l = &c->bundle.config->linux_;
    const struct oci_resources *r = &l->resources;
    bool named = l->cgroups_path != NULL && l->cgroups_path[0] != '\0';
    bool limited = r->memory.limit.set || r->memory.reservation.set || r->memory.swap.set || r->cpu.shares.set
                || r->cpu.quota.set || r->cpu.cpus != NULL || r->cpu.mems != NULL || r->cpu.idle.set
                || (r->pids_limit.set && r->pids_limit.value > 0) || r->block_io.weight.set
                || r->block_io.read_bps_count + r->block_io.write_bps_count + r->block_io.read_iops_count
                       + r->block_io.write_iops_count > 0
                || r->hugepage_count + r->rdma_count + r->unified_count > 0;
    return c->state.rootless && !named && !limited;
}

static int make_container(struct creation *c, struct creel_err *err)
{
    const struct runtime_params p = {
        .config = c->bundle.config, .id = c->state.id, .bundle_fd = c->bundle.dir, .stdio = { 0, 1, 2 },
        .stdio_is_ours = true, .preserve_fds = c->preserve,
        .seccomp = c->seccomp.fprog.len > 0 ? &c->seccomp.fprog : NULL, .seccomp_flags = c->seccomp.flags,
        .no_pivot = c->state.no_pivot, .no_new_keyring = c->state.no_new_keyring,
        .gate = c->gate > 0 ? c->gate : 0, .cgroup_optional = can_do_without_cgroup(c),
        .cgroup_manager = c->state.manager, .reset_cpus = true, .binds_in_order = true,
        .terminal_relayed = !c->detached, .warn = log_warn, .warn_data = &c->in->log,
    };
    c->tried = true;
    if (runtime_create(&p, &c->container, err) < 0) {
        /* runc's words, whole. */
        if (err != NULL && err->kind == CREEL_DENIED && strncmp(err->text, "error mounting ", 15) == 0)
            return creel_wrap(err, "runc %s failed: unable to start container process: error during container init",
                              c->in->command->name);
        return -1;
    }
    /* In words that are looked for in runc's log. */
    log_line(&c->in->log, LOG_LEVEL_DEBUG, "nsexec container setup: process %d has its namespaces and mounts",
             (int)runtime_pid(c->container));
    log_line(&c->in->log, LOG_LEVEL_DEBUG, "child process in init() waits for its start");
    return state_save_init(&c->state, runtime_pid(c->container), runtime_pid_start(c->container), err);
}

static int tell_caller(struct creation *c, struct creel_err *err)
{
    if (c->console_socket >= 0) {
        auto_fd master = runtime_console_master_take(c->container);
        if (fd_socket_send(c->console_socket, master, "/dev/ptmx", err) < 0)
            return creel_wrap(err, "console socket");
    }
    if (c->pidfd_socket >= 0 && fd_socket_send(c->pidfd_socket, runtime_pidfd(c->container), "pidfd", err) < 0)
        return creel_wrap(err, "pidfd socket");
    const char *pid_file = option_string(c->in, "pid-file");
    if (pid_file == NULL || pid_file[0] == '\0')
        return 0;
    if (pid_file_write(pid_file, runtime_pid(c->container), err) < 0)
        return -1;
    c->pid_file_made = (char *)pid_file;
    return 0;
}

int creation_make(const struct invocation *in, bool detached, bool gated, struct creation *ret, struct creel_err *err)
{
    *ret = (struct creation){ .in = in, .detached = detached, .gated = gated, .bundle = BUNDLE_INIT, .state = STATE_INIT,
                              .gate = -1, .console_socket = -1, .pidfd_socket = -1 };
    if (open_all(ret, err) < 0)
        return -1;
    if (make_state(ret, err) < 0 || make_container(ret, err) < 0 || tell_caller(ret, err) < 0) {
        creation_undo(ret);
        return -1;
    }
    return 0;
}

void creation_undo(struct creation *c)
{
    struct creel_err err = { 0 };
    if (!c->made)
        return;
    if (c->pid_file_made != NULL)
        (void)unlink(c->pid_file_made);
    c->made = false;
    if (c->container != NULL && runtime_destroy(c->container, &err) < 0) { /* `delete` has to know what there is */
        log_line(&c->in->log, LOG_LEVEL_WARNING, "%s; delete --force %s tries it again", err.text, c->state.id);
        return;
    }
    if (c->container == NULL && c->tried)
        removal_run_poststop(&c->state, c->bundle.config, &c->in->log);
    if (state_remove(c->root, &c->state, &err) < 0)
        log_line(&c->in->log, LOG_LEVEL_WARNING, "%s", err.text);
}

void creation_fini(struct creation *c)
{
    runtime_free(c->container);
    seccomp_program_fini(&c->seccomp);
    bundle_fini(&c->bundle);
    state_fini(&c->state);
    free(c->root);
    fd_closep(&c->gate);
    fd_closep(&c->console_socket);
    fd_closep(&c->pidfd_socket);
}
