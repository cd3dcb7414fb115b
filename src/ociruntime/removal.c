/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/removal.c: see ociruntime/removal.h. */
#include "ociruntime/removal.h"

#include "runtime/resctrl.h"
#include "runtime/runtime.h"
#include "sys/process.h"

#include <poll.h>
#include <signal.h>

enum { END_TIMEOUT_MS = 10000 };

int removal_kill(const struct state *s, struct creel_err *err)
{
    auto_fd pidfd = -1;
    if (state_init_pidfd(s, &pidfd, err) < 0)
        return -1;
    int r = pidfd >= 0 ? sys_pidfd_send_signal(pidfd, SIGKILL) : 0;
    return r < 0 && r != -ESRCH ? creel_fail(err, creel_kind_of_errno(-r), -r, "kill container %s", s->id) : 0;
}

int removal_wait(const struct state *s, struct creel_err *err)
{
    auto_fd pidfd = -1;
    if (state_init_pidfd(s, &pidfd, err) < 0)
        return -1;
    if (pidfd < 0)
        return 0;
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    int n;
    do {
        n = poll(&p, 1, END_TIMEOUT_MS);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        return 0;
    return n == 0 ? creel_fail(err, CREEL_TIMEOUT, 0, "container init still running")
                  : creel_fail(err, CREEL_INTERNAL, errno, "wait for the end of container %s", s->id);
}

/* Groups first: what is frozen in one does not die before that is undone, which killing through it does. */
static int end_processes(const struct state *s, struct creel_err *err)
{
    struct creel_err why = { 0 };
    auto_cgroup group = NULL;
    if (removal_kill(s, err) < 0)
        return -1;
    if (state_cgroup(s, &group, &why) < 0) {
        if (why.kind != CREEL_NOT_FOUND && !s->rootless)
            return creel_fail_as(err, &why);
        if (why.kind == CREEL_NOT_FOUND)
            cgroup_forget(s->cgroup, s->manager);
        return removal_wait(s, err);
    }
    if (group == NULL)
        return removal_wait(s, err);
    if (cgroup_remove_empty(group))
        return 0;
    if (cgroup_kill(group, SIGKILL, err) < 0 || removal_wait(s, err) < 0)
        return -1;
    return cgroup_destroy(group, err);
}

void removal_run_poststop(const struct state *s, const struct oci_config *config, const struct log *log)
{
    struct creel_err err = { 0 };
    const struct runtime_hooks h = { .config = config, .hooks = &config->poststop, .name = "poststop", .id = s->id,
                                     .bundle = s->bundle, .status = "stopped", .all = true };
    if (runtime_hooks_run(&h, &err) < 0)
        log_line(log, LOG_LEVEL_WARNING, "%s", err.text);
}

static int remove_resctrl(const struct state *s, const struct oci_config *config, struct creel_err *err)
{
    struct resctrl *r = NULL;
    struct creel_err why = { 0 };
    if (!config->linux_.intel_rdt.present)
        return 0;
    if (resctrl_open(config, s->id, NULL, &r, &why) < 0) /* not mounted any more: nothing is left of it */
        return why.kind == CREEL_UNSUPPORTED ? 0 : creel_fail_as(err, &why);
    int e = resctrl_remove(r, err);
    resctrl_free(r);
    return e;
}

int removal_finish(const char *root, struct state *s, const struct log *log, struct creel_err *err)
{
    auto_oci_config config = NULL;
    if (state_config(s, &config, err) < 0 || end_processes(s, err) < 0 || remove_resctrl(s, config, err) < 0
        || runtime_detach_root(config, s->bundle, err) < 0)
        return -1;
    removal_run_poststop(s, config, log);
    return state_remove(root, s, err);
}
