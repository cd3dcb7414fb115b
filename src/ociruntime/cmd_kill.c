/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_kill.c: creel-runtime kill. */
#include "base/parse.h"
#include "ociruntime/command.h"
#include "ociruntime/state.h"
#include "spec/signal_name.h"
#include "sys/process.h"

#include <signal.h>
#include <string.h>

static int fail_not_running(struct creel_err *err)
{
    return creel_fail(err, CREEL_CONFLICT, 0, "container not running");
}

static int parse_signal(const char *text, int *ret, struct creel_err *err)
{
    *ret = SIGTERM;
    if (text == NULL || text[0] == '\0')
        return 0;
    *ret = 0;
    if (strcmp(text, "0") == 0 || signal_name_parse(text, ret))
        return 0;
    return creel_fail(err, CREEL_INVALID, 0, "unknown signal \"%s\"", text);
}

static bool has_own_pids(const struct oci_config *c)
{
    const struct oci_namespace *n = oci_namespace_find(c, OCI_NS_PID);
    return n != NULL && (n->path == NULL || n->path[0] == '\0');
}

/* On version 1 what is frozen does not even die. */
static int thaw(const struct state *s, struct creel_err *err)
{
    auto_cgroup group = NULL;
    struct creel_err ignored = { 0 };
    if (state_cgroup(s, &group, &ignored) < 0 || group == NULL || cgroup_is_frozen(group) != 1)
        return 0;
    return cgroup_freeze(group, false, err);
}

static int kill_init(const struct state *s, int signo, struct creel_err *err)
{
    auto_fd pidfd = -1;
    if (state_init_pidfd(s, &pidfd, err) < 0)
        return -1;
    int r = pidfd < 0 ? -ESRCH : sys_pidfd_send_signal(pidfd, signo);
    if (r == -ESRCH)
        return fail_not_running(err);
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "send signal %d to container %s", signo, s->id);
    return signo == SIGKILL ? thaw(s, err) : 0;
}

/* Every process of the container. Its first one may have ended before the others when it shares a pid namespace. */
static int kill_all(const struct state *s, int signo, struct creel_err *err)
{
    auto_cgroup group = NULL;
    struct creel_err why = { 0 };
    if (state_cgroup(s, &group, &why) < 0) /* a container that could do without a group has none: what is known is its first */
        return why.kind == CREEL_NOT_FOUND ? kill_init(s, signo, err) : creel_fail_as(err, &why);
    if (group == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "container %s has no control group, so not all of its processes are known",
                          s->id);
    return cgroup_kill(group, signo, err) < 0 ? creel_wrap(err, "unable to kill all processes") : 0;
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_oci_config config = NULL;
    struct creel_err why = { 0 };
    int signo;
    if (invocation_root(in, &root, err) < 0 || state_load(root, invocation_arg(in, 0), &s, err) < 0
        || parse_signal(invocation_arg(in, 1), &signo, err) < 0 || state_config(&s, &config, err) < 0)
        return -1;
    bool all = option_flag(in, "all");
    int r = (all || (signo == SIGKILL && !has_own_pids(config))) && s.manager != CGROUP_DISABLED && s.pid != 0
                ? kill_all(&s, signo, &why) : kill_init(&s, signo, &why);
    if (r < 0 && all && why.kind == CREEL_CONFLICT)
        return 0; /* nobody is left to get the signal */
    return r < 0 ? creel_fail_as(err, &why) : 0;
}

static const struct option options[] = {
    { .name = "all", .letter = 'a', .kind = OPTION_FLAG, .help = "send the signal to all processes of the container" },
    { .name = NULL },
};
const struct command command_kill = {
    .name = "kill", .synopsis = "[command options] <container-id> [signal]",
    .summary = "send a signal (default: SIGTERM) to the container's first process",
    .description = "The signal is a name, with or without SIG, or a number. SIGKILL goes to all processes of a container that "
                   "shares its pid namespace with others.",
    .options = options, .min_args = 1, .max_args = 2, .run = run,
};
