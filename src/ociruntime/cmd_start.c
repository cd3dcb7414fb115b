/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_start.c: creel-runtime start. */
#include "ociruntime/command.h"
#include "ociruntime/notify.h"
#include "ociruntime/removal.h"
#include "runtime/gate.h"

static int check_status(const struct state *s, struct creel_err *err)
{
    enum container_status status;
    if (state_status(s, &status, err) < 0)
        return -1;
    switch (status) {
    case CONTAINER_CREATED:
        if (state_is_frozen(s)) /* it could not answer */
            return creel_fail(err, CREEL_CONFLICT, 0, "cannot start a container in the paused state");
        break;
    case CONTAINER_STOPPED:
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot start a container that has stopped");
    case CONTAINER_RUNNING:
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot start an already running container");
    case CONTAINER_CREATING:
    case CONTAINER_PAUSED:
    default:
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot start a container in the %s state",
                          container_status_name(status));
    }
    return 0;
}

/* Without a process there is nothing to execute: what waits for it ends. That is said as an error, as the specification has it;
 * the exit code is the one that the field expects. */
static int start_nothing(const struct state *s, const struct log *log, struct creel_err *err)
{
    log_line(log, LOG_LEVEL_ERROR, "the configuration of container %s has no process to start: it is stopped", s->id);
    return removal_kill(s, err) < 0 || removal_wait(s, err) < 0 ? -1 : 0;
}

/* The socket must be there before the process is, and is read until the container says that it is ready; that may take for
 * ever, and others may do with the running container what they want. */
static int start_notifying(const struct runtime_parked *p, struct state *s, const char *host, const struct log *log,
                           struct creel_err *err)
{
    auto_fd notify = notify_listen(s, err);
    if (notify < 0 || state_start(s, p, err) < 0)
        return -1;
    state_unlock(s);
    notify_wait(notify, host, p->pid, p->pidfd, log);
    return 0;
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_oci_config config = NULL;
    auto_fd pidfd = -1;
    const char *host = notify_host();
    if (invocation_root(in, &root, err) < 0 || state_load_locked(root, invocation_arg(in, 0), &s, err) < 0
        || state_config(&s, &config, err) < 0 || check_status(&s, err) < 0 || state_init_pidfd(&s, &pidfd, err) < 0)
        return -1;
    if (pidfd < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot start a container that has stopped");
    if (!config->process.present)
        return start_nothing(&s, &in->log, err);
    const struct runtime_parked p = { .config = config, .id = s.id, .bundle = s.bundle, .pid = s.pid, .pidfd = pidfd,
                                      .notifies = s.notifies };
    if (host != NULL && state_has_notify(&s))
        return start_notifying(&p, &s, host, &in->log, err);
    return state_start(&s, &p, err);
}

static const struct option options[] = { { .name = NULL } };
const struct command command_start = {
    .name = "start", .synopsis = "<container-id>", .summary = "execute the process of a created container",
    .options = options, .min_args = 1, .max_args = 1, .run = run,
};
