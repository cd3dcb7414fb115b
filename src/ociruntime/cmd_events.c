/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_events.c: what a container uses, again and again, and when it runs out of memory, until it ends.
 *
 * One line of JSON for each. Between two lines this waits in poll: for the next line's time, for the kernel's news
 * of the OOM killer, and for the end of the container's first process. */
#include "ociruntime/command.h"
#include "ociruntime/output.h"
#include "ociruntime/state.h"
#include "runtime/cgroup_report.h"
#include "runtime/oci_state.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <poll.h>

struct watch {
    const struct state *state;
    const struct log *log;
    struct cgroup *group;
    int pidfd;
    int64_t interval_ns, due_ns;
    int oom_fd;                 /* -1: no news to be had, or none any more */
    uint64_t ooms;              /* as counted last */
};

static void begin_line(struct bytes *out, const char *type, const char *id)
{
    bytes_addf(out, "{\"type\":\"%s\",\"id\":", type);
    oci_state_add_string(out, id);
}

static int show_stats(const struct watch *w, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    begin_line(&out, "stats", w->state->id);
    bytes_adds(&out, ",\"data\":");
    if (cgroup_report(w->group, &out, err) < 0)
        return -1;
    bytes_adds(&out, "}\n");
    return output_write(&out, err);
}

static int show_ooms(struct watch *w, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    uint64_t before = w->ooms;
    if (cgroup_oom_count(w->group, &w->ooms) < 0)
        w->oom_fd = -1;         /* the group is gone; its descriptor would be readable for ever */
    if (w->ooms <= before)
        return 0;
    begin_line(&out, "oom", w->state->id);
    bytes_adds(&out, "}\n");
    return output_write(&out, err);
}

/* A group that goes away between two looks is the end, of which the pidfd tells next. */
static int show_stats_if_there(const struct watch *w, struct creel_err *err)
{
    struct creel_err why = { 0 };
    if (show_stats(w, &why) == 0)
        return 0;
    if (why.kind != CREEL_NOT_FOUND)
        return creel_fail_as(err, &why);
    log_line(w->log, LOG_LEVEL_ERROR, "%s", why.text);
    return 0;
}

static int wait_ms(const struct watch *w)
{
    int64_t left = w->due_ns - clock_mono_ns();
    return left <= 0 ? 0 : left / 1000000 >= 3600000 ? 3600000 : (int)(left / 1000000) + 1;
}

/* 0 go on, 1 it has ended, -1. */
static int step(struct watch *w, struct creel_err *err)
{
    struct pollfd fds[] = {
        { .fd = w->pidfd, .events = POLLIN },
        { .fd = w->oom_fd, .events = cgroup_oom_events(w->group) },
    };
    int n = poll(fds, 2, wait_ms(w));
    if (n < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for events of container %s", w->state->id);
    bool ended = n > 0 && fds[0].revents != 0;
    if ((ended || (n > 0 && fds[1].revents != 0)) && show_ooms(w, err) < 0)
        return -1;
    if (ended || clock_mono_ns() < w->due_ns)
        return ended;
    w->due_ns += w->interval_ns;
    if (w->due_ns < clock_mono_ns())    /* behind: stopped for a while, or a reader that does not keep up */
        w->due_ns = clock_mono_ns() + w->interval_ns;
    return show_stats_if_there(w, err);
}

static int watch_until_end(struct watch *w, struct creel_err *err)
{
    int r = 0;
    w->oom_fd = cgroup_oom_fd(w->group);
    if (w->oom_fd >= 0 && cgroup_oom_count(w->group, &w->ooms) < 0) /* news are those after this */
        w->oom_fd = -1;
    w->due_ns = clock_mono_ns() + w->interval_ns;
    while (r == 0)
        r = step(w, err);
    return r < 0 ? -1 : 0;
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_cgroup group = NULL;
    auto_fd pidfd = -1;
    enum container_status status;
    struct watch w = { .state = &s, .log = &in->log, .oom_fd = -1 };
    const char *interval = option_string(in, "interval");
    if (!parse_duration_ns(interval, &w.interval_ns))
        return creel_fail(err, CREEL_INVALID, 0, "invalid value \"%s\" for flag -interval: no duration such as 5s",
                          interval);
    if (w.interval_ns <= 0)
        return creel_fail(err, CREEL_INVALID, 0, "duration interval must be greater than 0");
    if (invocation_root(in, &root, err) < 0 || state_load(root, invocation_arg(in, 0), &s, err) < 0
        || state_status(&s, &status, err) < 0 || state_init_pidfd(&s, &pidfd, err) < 0)
        return -1;
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING || pidfd < 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "container with id %s is not running", s.id);
    if (state_cgroup(&s, &group, err) < 0)
        return -1;
    if (group == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "container %s runs without a control group, which would count",
                          s.id);
    w.group = group;
    w.pidfd = pidfd;
    return option_flag(in, "stats") ? show_stats(&w, err) : watch_until_end(&w, err);
}

static const struct option options[] = {
    { .name = "interval", .kind = OPTION_STRING, .metavar = "DURATION", .def = "5s",
      .help = "set the stats collection interval" },
    { .name = "stats", .kind = OPTION_FLAG, .help = "display the container's stats then exit" },
    { .name = NULL },
};

const struct command command_events = {
    .name = "events", .synopsis = "[options] <container-id>",
    .summary = "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
    .description = "One JSON object per line: {\"type\":\"stats\",…} once per interval, {\"type\":\"oom\",…} when "
                   "the kernel ended a process of the container for want of memory. Ends with the container.",
    .options = options, .min_args = 1, .max_args = 1, .run = run,
};
