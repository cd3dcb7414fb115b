/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_delete.c: creel-runtime delete. */
#include "ociruntime/command.h"
#include "ociruntime/removal.h"

static int check_status(const struct state *s, struct creel_err *err)
{
    enum container_status status;
    if (state_status(s, &status, err) < 0)
        return -1;
    if (status == CONTAINER_STOPPED || status == CONTAINER_CREATED)
        return 0;
    return creel_fail(err, CREEL_CONFLICT, 0, "cannot delete container %s that is not stopped: %s", s->id,
                      container_status_name(status));
}

/* A start that holds the lock comes to its end when there is nobody left to wait for. Of a state that is damaged the process may
 * be known still; with that gone it is a fragment like others. */
static void kill_first(const char *root, const char *id, const struct log *log)
{
    auto_state s = STATE_INIT;
    struct creel_err why = { 0 }, ignored = { 0 };
    bool whole = state_load(root, id, &s, &why) == 0;
    if ((whole || s.pid > 0) && removal_kill(&s, &ignored) == 0 && !whole && removal_wait(&s, &ignored) == 0)
        log_line(log, LOG_LEVEL_WARNING, "the state of container %s is damaged: its process %d is killed, its control group may be left",
                 id, (int)s.pid);
}

/* There may be a directory of which nothing can be known: nothing else was made then. */
static int remove_fragment(const char *root, struct state *s, const struct creel_err *why, bool force, struct creel_err *err)
{
    if (s->dir >= 0 && s->locked && state_remove(root, s, err) < 0)
        return -1;
    return force ? 0 : creel_fail_as(err, why);
}

static int delete_one(const struct invocation *in, const char *root, const char *id, struct creel_err *err)
{
    auto_state s = STATE_INIT;
    struct creel_err why = { 0 };
    bool force = option_flag(in, "force");
    if (state_id_check(id, err) < 0)
        return -1;
    if (force)
        kill_first(root, id, &in->log); /* it is done again below, where failure counts */
    if (state_load_locked(root, id, &s, &why) < 0)
        return why.kind == CREEL_NOT_FOUND ? remove_fragment(root, &s, &why, force, err) : creel_fail_as(err, &why);
    if (!force && check_status(&s, err) < 0)
        return -1;
    return removal_finish(root, &s, &in->log, err);
}

/* All of them, whatever becomes of the others; the last failure is the command's. */
static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    int result = 0;
    if (invocation_root(in, &root, err) < 0)
        return -1;
    for (size_t i = 0; i < in->args.count; i++) {
        struct creel_err why = { 0 };
        if (delete_one(in, root, in->args.items[i], &why) == 0)
            continue;
        if (result < 0)
            log_error(&in->log, err->text);
        result = creel_fail_as(err, &why);
    }
    return result;
}

static const struct option options[] = {
    { .name = "force", .letter = 'f', .kind = OPTION_FLAG, .help = "kill the container first if it is still running (SIGKILL)" },
    { .name = NULL },
};
const struct command command_delete = {
    .name = "delete", .synopsis = "[command options] <container-id>...",
    .summary = "delete what is held by a container",
    .description = "A container that is running or paused is refused without --force. With it, a container that does not exist "
                   "is no error.",
    .options = options, .min_args = 1, .max_args = -1, .run = run,
};
