/* SPDX-License-Identifier: Apache-2.0 */
/* engine/stop.c: ending, restarting, freezing and renaming containers (moby-container.md, 5.4; its defect 19, that any
 * signal counts as a manual stop, is not repeated: only signals that mean stop do). */
#include "engine/lifecycle.h"

#include "base/clock.h"
#include "base/ident.h"
#include "spec/signal_name.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { KILL_WAIT_MS = 10000, SIGNAL_FAILED_WAIT_MS = 2000, STOP_TIMEOUT_DEFAULT_S = 10 };

static int event(struct creel *e, const char *id, const char *action, const char *key, const char *value,
                 struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    struct creel_err get = { 0 };
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    if (container_row_get(e->store, id, &row, &get) < 0)
        return get.kind == CREEL_NOT_FOUND ? 0 : creel_fail_as(err, &get);
    if (lifecycle_event(&tx, &row, action, engine_event_attributes(&row, key, value, NULL), err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int require_up(const struct container_row *row, struct creel_err *err)
{
    if (lifecycle_is_up(row))
        return 0;
    return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not running", row->id);
}

/* Config.StopSignal and Config.StopTimeout of the request document. */
static void stop_defaults(const struct container_row *row, int *ret_signal, bool *ret_signal_set, int *ret_timeout_s)
{
    *ret_signal = SIGTERM;
    *ret_signal_set = false;
    *ret_timeout_s = STOP_TIMEOUT_DEFAULT_S;
    json_t *spec = row->spec != NULL ? json_loads(row->spec, 0, NULL) : NULL;
    json_t *config = json_object_get(spec, "Config");
    const char *name = json_string_value(json_object_get(config, "StopSignal"));
    json_t *timeout = json_object_get(config, "StopTimeout");
    int signo;
    if (name != NULL && signal_name_parse(name, &signo)) {
        *ret_signal = signo;
        *ret_signal_set = true;
    }
    if (json_is_integer(timeout))
        *ret_timeout_s = (int)json_integer_value(timeout);
    json_decref(spec);
}

/* Remember that a person wanted it down; the event tells which signal. One commit. */
static int commit_signal(struct creel *e, const char *id, int signo, bool means_stop, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    char number[16];
    (void)snprintf(number, sizeof number, "%d", signo);
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (lifecycle_event(&tx, &row, "kill", engine_event_attributes(&row, "signal", number, NULL), err) < 0)
        return -1;
    if (means_stop && (!row.manually_stopped || row.desired != DESIRED_STOPPED)) {
        row.manually_stopped = true;
        row.desired = DESIRED_STOPPED;
        if (container_row_save(&tx, &row, false, err) < 0)
            return -1;
    }
    return store_commit(&tx, err);
}

/* A container that has filled the disk must be one that can be stopped, so then it is not remembered. */
static int note_signal(struct creel *e, const char *id, int signo, bool means_stop, struct creel_err *err)
{
    struct creel_err note = { 0 };
    if (commit_signal(e, id, signo, means_stop, &note) == 0 || note.kind == CREEL_EXHAUSTED)
        return 0;
    return creel_fail_as(err, &note);
}

static int set_frozen(struct creel *e, const struct container_row *row, bool frozen, struct creel_err *err);

/* Deliver `signo` to init; a frozen container gets it when it is thawed. Not running any more is success (1). */
static int deliver(struct creel *e, const struct container_row *row, struct monitor_link *link, int signo,
                   bool means_stop, struct creel_err *err)
{
    struct creel_err send = { 0 };
    if (monitor_signal(link, signo, &send) < 0) {
        if (send.kind == CREEL_NOT_FOUND || send.kind == CREEL_CONFLICT)
            return 1;
        if (err != NULL)
            *err = send;
        return -1;
    }
    if (means_stop && row->state == CONTAINER_PAUSED)
        return set_frozen(e, row, false, err);
    return 0;
}

/* Wait for the end through the monitor, commit it. 0 ended, 1 still running after timeout_ms. */
static int await_end(struct creel *e, const struct container_row *row, struct monitor_link *link, int timeout_ms,
                     struct creel_err *err)
{
    struct creel_exit x;
    struct creel_err wait = { 0 };
    if (monitor_wait_exit(link, timeout_ms, &x, &wait) == 0) {
        struct creel_err commit = { 0 };
        if (engine_commit_exit(e, row->id, row->run, &commit) < 0 && commit.kind != CREEL_NOT_FOUND) {
            if (err != NULL)
                *err = commit;
            return -1;
        }
        return 0;
    }
    if (wait.kind == CREEL_TIMEOUT)
        return 1;
    /* The monitor is gone: whatever it left decides. */
    struct creel_err rec = { 0 };
    if (engine_commit_exit(e, row->id, row->run, NULL) == 0)
        return 0;
    if (engine_reconcile(e, row->id, &rec) < 0 && rec.kind != CREEL_NOT_FOUND) {
        if (err != NULL)
            *err = rec;
        return -1;
    }
    auto_row now = { 0 };
    if (container_row_get(e->store, row->id, &now, NULL) == 0 && now.run == row->run && lifecycle_is_up(&now))
        return creel_fail_as(err, &wait); /* it lives and does not answer */
    return 0;
}

static int connect_or_settle(struct creel *e, const struct container_row *row, struct monitor_link **ret,
                             struct creel_err *err)
{
    struct creel_err c = { 0 };
    if (lifecycle_connect(e, row->id, ret, &c) == 0)
        return 0;
    if (c.kind != CREEL_NOT_FOUND) {
        if (err != NULL)
            *err = c;
        return -1;
    }
    struct creel_err rec = { 0 };
    if (engine_reconcile(e, row->id, &rec) < 0 && rec.kind != CREEL_NOT_FOUND) {
        if (err != NULL)
            *err = rec;
        return -1;
    }
    return 1;
}

/* Its group, with all that is in it; no monitor is needed for that. */
static void kill_group(struct creel *e, const struct container_row *row)
{
    auto_cgroup cg = NULL;
    if (row->cgroup_path != NULL && cgroup_open(row->cgroup_path, e->cgroup_manager, &cg, NULL) == 0)
        (void)cgroup_kill(cg, SIGKILL, NULL);
}

/* SIGKILL to init through the monitor, then to the whole group if that does not end it. */
static int kill_and_wait(struct creel *e, const struct container_row *row, struct monitor_link *link,
                         struct creel_err *err)
{
    struct creel_err send = { 0 };
    struct creel_exit x;
    /* failed: a frozen group went while it was thawed, or the monitor does not answer; the end will tell */
    bool sent = deliver(e, row, link, SIGKILL, true, &send) >= 0;
    if (!sent && send.kind == CREEL_EXHAUSTED) { /* it takes no more connections */
        kill_group(e, row);
        return creel_container_wait(e, row->id, NULL, KILL_WAIT_MS, &x, err);
    }
    int r = await_end(e, row, link, sent ? KILL_WAIT_MS : SIGNAL_FAILED_WAIT_MS, err);
    if (r <= 0)
        return r;
    kill_group(e, row);
    r = await_end(e, row, link, SIGNAL_FAILED_WAIT_MS, err);
    if (r <= 0)
        return r;
    return creel_fail(err, CREEL_TIMEOUT, 0,
                      "tried to kill container %s, but did not receive an exit event; its process (pid %d) hangs in the "
                      "kernel, or its monitor (pid %d) is stopped (then continue or kill it) or has no disk space for the "
                      "exit record (then free some)",
                      row->name, (int)row->pid, (int)row->monitor_pid);
}

static int parse_signal(const char *text, int *ret, struct creel_err *err)
{
    if (!signal_name_parse(text, ret))
        return creel_fail(err, CREEL_INVALID, 0, "invalid signal: %s", text);
    return 0;
}

static int stop_row(struct creel *e, const struct container_row *row, const char *signal, int timeout_s,
                    struct creel_err *err)
{
    int signo, own_timeout;
    bool set;
    auto_link link = NULL;
    stop_defaults(row, &signo, &set, &own_timeout);
    if (signal != NULL && parse_signal(signal, &signo, err) < 0)
        return -1;
    if (timeout_s == -2)
        timeout_s = own_timeout;
    int gone = connect_or_settle(e, row, &link, err);
    if (gone != 0)
        return gone < 0 ? -1 : 0;
    if (note_signal(e, row->id, signo, true, err) < 0)
        return -1;
    struct creel_err send = { 0 };
    int sent = deliver(e, row, link, signo, true, &send);
    if (sent < 0 && send.kind == CREEL_EXHAUSTED)
        return creel_fail_as(err, &send);
    int64_t wait_ms = timeout_s < 0 ? -1 : (int64_t)timeout_s * 1000;
    if (sent < 0 && (wait_ms < 0 || wait_ms > SIGNAL_FAILED_WAIT_MS))
        wait_ms = SIGNAL_FAILED_WAIT_MS;
    int r = await_end(e, row, link, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, err);
    if (r == 1)
        r = kill_and_wait(e, row, link, err);
    return r;
}

int creel_container_stop(struct creel *e, const char *ref, const char *signal, int timeout_s, struct creel_err *err)
{
    auto_row row = { 0 };
    if (lifecycle_settled(e, ref, &row, err) < 0)
        return -1;
    if (!lifecycle_is_up(&row))
        return creel_fail(err, CREEL_NOT_MODIFIED, 0, "container %s is already stopped", row.name);
    if (stop_row(e, &row, signal, timeout_s, err) < 0)
        return creel_wrap(err, "cannot stop container %s", ref);
    return event(e, row.id, "stop", NULL, NULL, err);
}

int creel_container_kill(struct creel *e, const char *ref, const char *signal, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_link link = NULL;
    int signo = SIGKILL, configured, timeout;
    bool set;
    if (signal != NULL && parse_signal(signal, &signo, err) < 0)
        return -1;
    if (lifecycle_settled(e, ref, &row, err) < 0)
        return creel_wrap(err, "cannot kill container: %s", ref);
    if (require_up(&row, err) < 0)
        return creel_wrap(err, "cannot kill container: %s", ref);
    stop_defaults(&row, &configured, &set, &timeout);
    bool means_stop = signo == SIGKILL || signo == configured;
    int gone = connect_or_settle(e, &row, &link, err);
    if (gone < 0)
        return -1;
    if (gone > 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "cannot kill container: %s: Container %s is not running", ref, row.id);
    if (note_signal(e, row.id, signo, means_stop, err) < 0)
        return -1;
    int r = signo == SIGKILL ? kill_and_wait(e, &row, link, err) : deliver(e, &row, link, signo, means_stop, err);
    return r < 0 ? creel_wrap(err, "cannot kill container: %s", ref) : 0;
}

int creel_container_restart(struct creel *e, const char *ref, const char *signal, int timeout_s, struct creel_err *err)
{
    auto_row row = { 0 };
    int64_t intent = 0;
    if (lifecycle_settled(e, ref, &row, err) < 0)
        return -1;
    { /* as long as this stands, auto-remove does not apply to the end of the present run */
        auto_tx tx = { 0 };
        if (store_begin(e->store, &tx, err) < 0 || intent_row_insert(&tx, "restart", row.id, NULL, &intent, err) < 0
            || store_commit(&tx, err) < 0)
            return -1;
    }
    int r = lifecycle_is_up(&row) ? stop_row(e, &row, signal, timeout_s, err) : 0;
    if (r == 0) {
        struct creel_err start = { 0 };
        r = creel_container_start(e, row.id, NULL, NULL, &start);
        if (r < 0 && start.kind == CREEL_NOT_MODIFIED)
            r = 0;
        else if (r < 0 && err != NULL)
            *err = start;
    }
    auto_row now = { 0 };
    auto_tx tx = { 0 };
    struct creel_err end = { 0 };
    if (store_begin(e->store, &tx, &end) == 0 && intent_row_delete(&tx, intent, &end) == 0) {
        if (r == 0 && container_row_get(e->store, row.id, &now, &end) == 0) {
            r = lifecycle_event(&tx, &now, "restart", engine_event_attributes(&now, NULL), &end);
        }
        if (store_commit(&tx, &end) < 0)
            r = -1;
    } else {
        r = -1;
    }
    if (lifecycle_remove_ended(e, row.id, &end) < 0 && end.kind != CREEL_NOT_FOUND)
        r = -1;
    if (r < 0 && err != NULL && err->kind == CREEL_OK)
        *err = end;
    return r < 0 ? creel_wrap(err, "cannot restart container %s", ref) : 0;
}

/* --- freezing --- */

static int commit_state(struct creel *e, const char *id, enum container_state to, int64_t intent, const char *action,
                        struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (lifecycle_is_up(&row) && row.state != to) {
        if (lifecycle_move(&row, to, err) < 0 || container_row_save(&tx, &row, false, err) < 0
            || lifecycle_event(&tx, &row, action, engine_event_attributes(&row, NULL), err) < 0)
            return -1;
    }
    if (intent_row_delete(&tx, intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int set_frozen(struct creel *e, const struct container_row *row, bool frozen, struct creel_err *err)
{
    auto_cgroup cg = NULL;
    int64_t intent;
    {
        auto_tx tx = { 0 };
        if (store_begin(e->store, &tx, err) < 0 || intent_row_insert(&tx, "freeze", row->id, NULL, &intent, err) < 0
            || store_commit(&tx, err) < 0)
            return -1;
    }
    bool done = row->cgroup_path != NULL && cgroup_open(row->cgroup_path, e->cgroup_manager, &cg, err) == 0
                && cgroup_freeze(cg, frozen, err) == 0;
    if (!done && row->cgroup_path == NULL)
        (void)creel_fail(err, CREEL_UNSUPPORTED, 0, "container %s has no control group to freeze", row->name);
    enum container_state to = done == frozen ? CONTAINER_PAUSED : CONTAINER_RUNNING;
    struct creel_err commit = { 0 };
    if (commit_state(e, row->id, to, intent, to == CONTAINER_PAUSED ? "pause" : "unpause", &commit) < 0
        && commit.kind != CREEL_NOT_FOUND && done) {
        if (err != NULL)
            *err = commit;
        return -1;
    }
    return done ? 0 : -1;
}

int creel_container_pause(struct creel *e, const char *ref, struct creel_err *err)
{
    auto_row row = { 0 };
    if (lifecycle_settled(e, ref, &row, err) < 0 || require_up(&row, err) < 0)
        return -1;
    if (row.state == CONTAINER_PAUSED)
        return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is already paused", row.id);
    return set_frozen(e, &row, true, err) < 0 ? creel_wrap(err, "cannot pause container %s", ref) : 0;
}

int creel_container_unpause(struct creel *e, const char *ref, struct creel_err *err)
{
    auto_row row = { 0 };
    if (lifecycle_settled(e, ref, &row, err) < 0)
        return -1;
    if (row.state != CONTAINER_PAUSED)
        return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not paused", row.id);
    return set_frozen(e, &row, false, err) < 0 ? creel_wrap(err, "cannot unpause container %s", ref) : 0;
}

/* --- small verbs --- */

int creel_container_resize(struct creel *e, const char *ref, unsigned rows, unsigned cols, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_link link = NULL;
    if (lifecycle_settled(e, ref, &row, err) < 0 || require_up(&row, err) < 0)
        return -1;
    if (lifecycle_connect(e, row.id, &link, err) < 0 || monitor_resize(link, rows, cols, err) < 0)
        return creel_wrap(err, "cannot resize the terminal of container %s", ref);
    return 0;
}

int creel_container_rename(struct creel *e, const char *ref, const char *name, struct creel_err *err)
{
    auto_row row = { 0 };
    char id[IDENT_LEN + 1], holder[IDENT_LEN + 1];
    if (name[0] == '/')
        name++;
    if (ref[0] == '\0' || name[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "Neither old nor new names may be empty");
    if (!ident_name_ok(name))
        return creel_fail(err, CREEL_INVALID, 0,
                          "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
    if (container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (strcmp(row.name, name) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "Renaming a container with the same name as its current name");
    auto_free char *old = strdup(row.name);
    if (old == NULL)
        return creel_fail_nomem(err);
    struct creel_err why = { 0 };
    if (container_row_rename(&tx, &row, name, holder, &why) < 0) {
        if (why.kind == CREEL_CONFLICT)
            return creel_fail(err, CREEL_CONFLICT, 0,
                              "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
                              "remove (or rename) that container to be able to reuse that name.",
                              name, holder);
        return creel_fail_as(err, &why);
    }
    auto_free char *attrs = engine_event_attributes(&row, "oldName", old, NULL);
    if (attrs == NULL)
        return creel_fail_nomem(err);
    if (event_row_append(&tx, "container", "rename", id, attrs, err) < 0)
        return -1;
    return store_commit(&tx, err);
}
