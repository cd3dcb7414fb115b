/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_pause.c: pause and resume. The freezer itself is asked what holds; nothing about it is
 * remembered. */
#include "ociruntime/command.h"
#include "ociruntime/state.h"

static int toggle(struct invocation *in, bool freeze, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_cgroup group = NULL;
    enum container_status status;
    if (invocation_root(in, &root, err) < 0 || state_load_locked(root, invocation_arg(in, 0), &s, err) < 0
        || state_status(&s, &status, err) < 0)
        return -1;
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s", freeze ? "not running" : "not paused");
    if (state_cgroup(&s, &group, err) < 0)
        return -1;
    if (group == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "container %s runs without a control group, so it cannot be %s",
                          s.id, freeze ? "paused" : "resumed");
    /* A container that waits for `start` can be frozen, too; its status says "created" all the same. */
    int frozen = cgroup_is_frozen(group);
    if (frozen < 0)
        return creel_fail(err, CREEL_INTERNAL, -frozen, "ask whether container %s is paused", s.id);
    if (frozen == (int)freeze)
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s", freeze ? "not running" : "not paused");
    return cgroup_freeze(group, freeze, err) < 0 ? -1 : 0;
}

static int pause_run(struct invocation *in, struct creel_err *err) { return toggle(in, true, err); }
static int resume_run(struct invocation *in, struct creel_err *err) { return toggle(in, false, err); }

static const struct option no_options[] = { { .name = NULL } };

const struct command command_pause = {
    .name = "pause", .synopsis = "<container-id>",
    .summary = "pause suspends all processes inside the container",
    .description = "Every process of the container stops where it is until it is resumed. The call returns when all "
                   "of them have stopped.",
    .options = no_options, .min_args = 1, .max_args = 1, .run = pause_run,
};
const struct command command_resume = {
    .name = "resume", .synopsis = "<container-id>",
    .summary = "resumes all processes that have been previously paused",
    .options = no_options, .min_args = 1, .max_args = 1, .run = resume_run,
};
