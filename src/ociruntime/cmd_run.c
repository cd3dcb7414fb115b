/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_run.c: creel-runtime run: create, start, and without --detach stay with the container until it ends. */
#include "ociruntime/creation.h"
#include "ociruntime/foreground.h"
#include "ociruntime/notify.h"

#include <sys/prctl.h>

static int remove_ended(struct creation *c, struct creel_err *err)
{
    struct creel_err why = { 0 };
    if (state_lock(&c->state, &why) < 0) /* somebody else has removed it meanwhile */
        return why.kind == CREEL_NOT_FOUND ? 0 : creel_fail_as(err, &why);
    return runtime_destroy(c->container, err) < 0 ? -1 : state_remove(c->root, &c->state, err);
}

struct notified { int sock; const char *host; const struct log *log; };

static void on_notify(void *arg)
{
    const struct notified *n = arg;
    (void)notify_pass(n->sock, n->host, getpid(), n->log);
}

static int stay(struct creation *c, struct foreground *f, int master, struct notified *n, struct creel_err *err)
{
    int code = 0;
    f->watched = n->sock;
    f->on_watched = on_notify;
    f->watched_arg = n;
    state_unlock(&c->state);
    if (foreground_stay(f, runtime_pid(c->container), runtime_pidfd(c->container), master, &code, err) < 0)
        return -1;
    if (option_flag(c->in, "keep"))
        return code;
    return remove_ended(c, err) < 0 ? -1 : code;
}

static int start(struct creation *c, struct notified *n, int master, struct creel_err *err)
{
    if (master >= 0)
        foreground_size(master);
    if (n->host != NULL && c->bundle.config->process.present && (n->sock = notify_listen(&c->state, err)) < 0)
        return -1;
    if (runtime_start(c->container, err) == 0) {
        log_line(&c->in->log, LOG_LEVEL_DEBUG, "init: closing the pipe to signal completion: the process is executed");
        return 0;
    }
    creation_undo(c);
    return -1;
}

/* Others may do with the running container what they want meanwhile. */
static void wait_until_ready(struct creation *c, const struct notified *n)
{
    state_unlock(&c->state);
    notify_wait(n->sock, n->host, runtime_pid(c->container), runtime_pidfd(c->container), n->log);
}

static int begin(struct foreground *f, const struct invocation *in, struct creel_err *err)
{
    if (!option_flag(in, "no-subreaper") && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "adopt the orphans of the container");
    return foreground_open(f, err);
}

static int run(struct invocation *in, struct creel_err *err)
{
    struct creation c;
    bool detached = option_flag(in, "detach");
    auto_foreground f = FOREGROUND_INIT;
    struct notified n = { .sock = -1, .host = notify_host(), .log = &in->log };
    if (!detached && begin(&f, in, err) < 0)
        return -1;
    int code = creation_make(in, detached, false, &c, err);
    auto_fd master = code == 0 ? runtime_console_master_take(c.container) : -1;
    if (code == 0)
        code = start(&c, &n, master, err);
    if (code == 0 && !detached)
        code = stay(&c, &f, master, &n, err);
    else if (code == 0 && n.sock >= 0)
        wait_until_ready(&c, &n);
    fd_closep(&n.sock);
    creation_fini(&c);
    return code;
}

static const struct option options[] = {
    CREATION_OPTIONS,
    { .name = "detach", .letter = 'd', .kind = OPTION_FLAG, .help = "do not stay with the container" },
    { .name = "keep", .kind = OPTION_FLAG, .help = "do not delete the container when it has ended" },
    { .name = "no-subreaper", .kind = OPTION_FLAG, .help = "do not adopt the orphans among the container's processes" },
    { .name = NULL },
};
const struct command command_run = {
    .name = "run", .synopsis = "[command options] <container-id>", .summary = "create and run a container",
    .description = "Makes and starts the container that the bundle describes. Without --detach signals and the terminal are "
                   "handed on to it, and the exit status is its process's.",
    .options = options, .min_args = 1, .max_args = 1, .guarded = true, .run = run,
};
