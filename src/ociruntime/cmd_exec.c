/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_exec.c: a further process in a container that is running, or waits for `start`.
 *
 * Nothing of the container's state changes, so the lock is not taken. All that can be refused is refused, and the
 * caller's sockets are connected, before the process is made; what fails after that ends it. */
#include "ociruntime/command.h"
#include "ociruntime/exec_process.h"
#include "ociruntime/fd_socket.h"
#include "ociruntime/filter_cache.h"
#include "ociruntime/foreground.h"
#include "ociruntime/pid_file.h"
#include "ociruntime/state.h"
#include "runtime/process_plan.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"

#include <limits.h>

enum { EXIT_NOT_EXECUTED = 255 };

struct job {
    struct state state;
    struct oci_config *config;
    struct oci_process process;
    struct seccomp_program filter;
    struct foreground foreground;
    struct runtime_process made;
    int init_pidfd, console_socket, pidfd_socket;
    bool detach;
};

static void job_fini(struct job *j)
{
    foreground_close(&j->foreground);
    fd_closep(&j->made.pidfd);
    fd_closep(&j->made.console_master);
    fd_closep(&j->pidfd_socket);
    fd_closep(&j->console_socket);
    fd_closep(&j->init_pidfd);
    seccomp_program_fini(&j->filter);
    oci_process_fini(&j->process);
    oci_config_free(j->config);
    state_fini(&j->state);
}

static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

/* ------------------------------------------------------------------ what can be refused */

static int find_container(struct job *j, const struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    enum container_status status;
    if (invocation_root(in, &root, err) < 0 || state_load(root, invocation_arg(in, 0), &j->state, err) < 0
        || state_status(&j->state, &status, err) < 0 || state_init_pidfd(&j->state, &j->init_pidfd, err) < 0)
        return -1;
    if (status == CONTAINER_CREATING)
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot exec in a container that is being created");
    if (status == CONTAINER_STOPPED || j->init_pidfd < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot exec in a stopped container");
    if (status == CONTAINER_PAUSED && !option_flag(in, "ignore-paused"))
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "cannot exec in a paused container (use --ignore-paused to override)");
    return 0;
}

static int check_terminal(const struct job *j, const struct invocation *in, struct creel_err *err)
{
    bool to_socket = given(option_string(in, "console-socket"));
    if (j->detach && j->process.terminal && !to_socket)
        return creel_fail(err, CREEL_INVALID, 0,
                          "cannot allocate tty if runc will detach without setting console socket");
    if (to_socket && (!j->detach || !j->process.terminal))
        return creel_fail(err, CREEL_INVALID, 0,
                          "cannot use console socket if runc will not detach or allocate tty");
    return 0;
}

static int connect_socket(const struct invocation *in, const char *option, int *ret, struct creel_err *err)
{
    const char *path = option_string(in, option);
    return given(path) ? fd_socket_connect(path, ret, err) : 0;
}

/* What `create` compiled is found in the cache. */
static int compile_filter(struct job *j, const struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    if (!j->config->linux_.seccomp.present)
        return 0;
    if (invocation_root(in, &root, err) < 0)
        return -1;
    auto_fd cache = filter_cache_open(root);
    return seccomp_program_build(&j->config->linux_.seccomp, cache, &j->filter, err);
}

static int prepare(struct job *j, const struct invocation *in, struct creel_err *err)
{
    j->detach = option_flag(in, "detach");
    if (find_container(j, in, err) < 0 || state_config(&j->state, &j->config, err) < 0
        || exec_process_build(in, &j->config->process, &j->process, err) < 0 || check_terminal(j, in, err) < 0
        || connect_socket(in, "console-socket", &j->console_socket, err) < 0
        || connect_socket(in, "pidfd-socket", &j->pidfd_socket, err) < 0)
        return -1;
    if (compile_filter(j, in, err) < 0)
        return -1;
    return j->detach ? 0 : foreground_open(&j->foreground, err);
}

/* ------------------------------------------------------------------ the process */

/* "0-1" as 0x3, in runc's words; only what a mask of 64 shows. */
static void log_affinity(const struct log *log, const char *list)
{
    unsigned long mask[PROCESS_CPU_MASK_WORDS] = { 0 };
    if (log->debug && given(list) && process_list_parse(list, mask, ARRAY_LEN(mask)))
        log_line(log, LOG_LEVEL_DEBUG, "nsexec: affinity: 0x%lx", mask[0]);
}

static int make_process(struct job *j, const struct invocation *in, struct creel_err *err)
{
    int64_t preserve = option_int(in, "preserve-fds");
    if (preserve < 0 || preserve > INT_MAX - 3)
        return creel_fail(err, CREEL_INVALID, 0, "invalid value \"%lld\" for flag -preserve-fds",
                          (long long)preserve);
    const struct runtime_exec_params p = {
        .config = j->config, .process = &j->process, .init_pidfd = j->init_pidfd, .init_pid = j->state.pid,
        .id = j->state.id, .stdio = { 0, 1, 2 }, .stdio_is_ours = true, .preserve_fds = (int)preserve,
        .seccomp = j->config->linux_.seccomp.present ? &j->filter.fprog : NULL, .seccomp_flags = j->filter.flags,
        .bundle = j->state.bundle, .cgroup_path = j->state.cgroup, .cgroup_manager = j->state.manager,
        .cgroups_below = option_list(in, "cgroup"), .patient = option_flag(in, "ignore-paused"),
        .reset_cpus = true, .terminal_relayed = !j->detach,
        .warn = log_warn, .warn_data = &in->log,
    };
    log_affinity(&in->log, j->process.exec_cpu_affinity.initial);
    if (runtime_exec(&p, &j->made, err) < 0)
        return -1;
    log_line(&in->log, LOG_LEVEL_DEBUG, "nsexec container setup: process %d has joined the namespaces of %s",
             (int)j->made.pid, j->state.id);
    log_line(&in->log, LOG_LEVEL_DEBUG, "child process in init(): setns_init: about to exec, then executed %s",
             j->process.args.items[0]);
    return 0;
}

static int tell_caller(struct job *j, const struct invocation *in, struct creel_err *err)
{
    const char *pid_file = option_string(in, "pid-file");
    if (j->console_socket >= 0 && fd_socket_send(j->console_socket, j->made.console_master, "/dev/ptmx", err) < 0)
        return -1;
    if (j->pidfd_socket >= 0 && j->made.pidfd < 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "--pidfd-socket requires >= v5.3 kernel");
    if (j->pidfd_socket >= 0 && fd_socket_send(j->pidfd_socket, j->made.pidfd, "pidfd", err) < 0)
        return -1;
    return given(pid_file) ? pid_file_write(pid_file, j->made.pid, err) : 0;
}

static void end_process(const struct runtime_process *p)
{
    int status;
    if (p->pidfd >= 0)
        (void)sys_pidfd_send_signal(p->pidfd, SIGKILL);
    else
        (void)kill(p->pid, SIGKILL);
    (void)sys_wait_child(p->pid, p->pidfd, &status);
}

static int execute(struct job *j, const struct invocation *in, struct creel_err *err)
{
    int code = 0;
    if (prepare(j, in, err) < 0 || make_process(j, in, err) < 0)
        return -1;
    int r = tell_caller(j, in, err);
    if (r == 0 && !j->detach)
        r = foreground_stay(&j->foreground, j->made.pid, j->made.pidfd, j->made.console_master, &code, err);
    if (r < 0)
        end_process(&j->made);
    return r < 0 ? -1 : code;
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_cleanup(job_fini) struct job j = { .state = STATE_INIT, .foreground = FOREGROUND_INIT,
                                            .made = { .pidfd = -1, .console_master = -1 },
                                            .init_pidfd = -1, .console_socket = -1, .pidfd_socket = -1 };
    in->failure_code = EXIT_NOT_EXECUTED;
    int code = execute(&j, in, err);
    return code < 0 ? creel_wrap(err, "exec failed") : code;
}

static const struct option options[] = {
    { .name = "console-socket", .kind = OPTION_STRING, .metavar = "PATH",
      .help = "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the "
              "console's pseudoterminal" },
    { .name = "pidfd-socket", .kind = OPTION_STRING, .metavar = "PATH",
      .help = "path to an AF_UNIX socket which will receive a file descriptor referencing the exec process" },
    { .name = "cwd", .kind = OPTION_STRING, .metavar = "PATH", .help = "current working directory in the container" },
    { .name = "env", .letter = 'e', .kind = OPTION_LIST, .metavar = "NAME=VALUE",
      .help = "set environment variables" },
    { .name = "tty", .letter = 't', .kind = OPTION_FLAG, .help = "allocate a pseudo-TTY" },
    { .name = "user", .letter = 'u', .kind = OPTION_STRING, .metavar = "UID[:GID]",
      .help = "user and group, as numbers" },
    { .name = "additional-gids", .letter = 'g', .kind = OPTION_LIST, .metavar = "GID", .help = "additional gids" },
    { .name = "process", .letter = 'p', .kind = OPTION_STRING, .metavar = "FILE",
      .help = "path to the process.json; other options about the process are then ignored" },
    { .name = "detach", .letter = 'd', .kind = OPTION_FLAG, .help = "detach from the container's process" },
    { .name = "pid-file", .kind = OPTION_STRING, .metavar = "FILE", .alias = "pidfile",
      .help = "specify the file to write the process id to" },
    { .name = "process-label", .kind = OPTION_STRING, .metavar = "LABEL",
      .help = "set the asm process label for the process commonly used with selinux" },
    { .name = "apparmor", .kind = OPTION_STRING, .metavar = "PROFILE",
      .help = "set the apparmor profile for the process" },
    { .name = "no-new-privs", .kind = OPTION_FLAG, .help = "set the no new privileges value for the process" },
    { .name = "cap", .letter = 'c', .kind = OPTION_LIST, .metavar = "CAP",
      .help = "add a capability to the bounding set for the process" },
    { .name = "preserve-fds", .kind = OPTION_INT, .metavar = "N",
      .help = "pass N additional file descriptors, from 3 on, to the process" },
    { .name = "cgroup", .kind = OPTION_LIST, .metavar = "[CONTROLLER:]PATH",
      .help = "run the process in an (existing) sub-cgroup(s)" },
    { .name = "ignore-paused", .kind = OPTION_FLAG, .help = "allow exec in a paused container" },
    { .name = NULL },
};

const struct command command_exec = {
    .name = "exec", .synopsis = "[options] <container-id> <command> [arguments...]",
    .summary = "execute new process inside the container",
    .description = "The process has what the container's first process was given, changed by the options: user, "
                   "capabilities, environment, limits. With --process it has what the document gives it instead, and "
                   "no command follows. The exit code is the process's, 128 + signal if one ended it, and 255 if there was "
                   "none.",
    .options = options, .min_args = 1, .max_args = -1, .stop_at_operand = true, .guarded = true, .run = run,
};
