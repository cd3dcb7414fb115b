/* SPDX-License-Identifier: Apache-2.0 */
/* engine/start.c: starting containers: intent, act, outcome.
 *
 *   1. spawn a monitor, if creel_open has not (it makes nothing yet; it dies with our end of its socket), so that it
 *      loads while we commit
 *   2. commit: the row (for a run: new) is "starting", run number n, with an intent that names us as the maker
 *   3. write the bundle, send the launch request; the monitor answers when the process runs
 *   4. commit: "running", event "start", the intent is done
 * The commit of 2 is not synced, that of 4 is: nobody is told in between, and what 2 is for are killed processes.
 * After a power cut there is no process to be found; at worst the directories of a container that nobody has heard
 * of remain.
 * Killed before 3: the next opener undoes. Killed between 3 and 4: the monitor lives (its lock is held) and the next
 * opener adopts the run; or it has ended and its record is committed. */
#include "engine/lifecycle.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct start {
    struct creel *e;
    struct container_row row;
    struct engine_bundle bundle;
    struct monitor_link *link;
    int64_t intent;
    const struct creel_attach_options *attach;
};

static void start_fini(struct start *s)
{
    container_row_fini(&s->row);
    engine_bundle_fini(&s->bundle);
    monitor_link_close(s->link);
}
#define auto_start auto_cleanup(start_fini) struct start

/* Step 1, unless it was done when the engine was opened. */
static int take_monitor(struct start *s, struct creel_err *err)
{
    if (s->link == NULL)
        s->link = ptr_take(&s->e->spare);
    return s->link != NULL ? 0 : monitor_spawn(s->e->libexec, &s->link, err);
}

/* Step 2's changes to the row; the caller inserts or saves it in the same transaction. */
static int announce(struct start *s, struct store_tx *tx, struct creel_err *err)
{
    struct container_row *row = &s->row;
    char boot[37];
    if (lifecycle_move(row, CONTAINER_STARTING, err) < 0 || lifecycle_boot_id(boot, err) < 0
        || lifecycle_set_text(&row->boot_id, boot, err) < 0 || lifecycle_set_text(&row->error, NULL, err) < 0)
        return -1;
    row->run++;
    row->desired = DESIRED_RUNNING;
    row->manually_stopped = false;
    return intent_row_insert(tx, "start", row->id, NULL, &s->intent, err);
}

/* The program that commits an exit when no client is there: creel itself, next to the monitor or where it was installed. */
static int reap_command(struct creel *e, const struct container_row *row, struct strv *argv, struct creel_err *err)
{
    bool installed = strcmp(e->libexec, CREEL_LIBEXEC_DIR) == 0;
    if (strv_addf(argv, "%s/creel", installed ? CREEL_BIN_DIR : e->libexec) && strv_addf(argv, "--root=%s", e->root)
        && strv_addf(argv, "--run-root=%s", e->run_root) && strv_add(argv, "__reap") && strv_add(argv, row->id)
        && strv_addf(argv, "%lld", (long long)row->run))
        return 0;
    return creel_fail_nomem(err);
}

static const char *manager_name(enum cgroup_manager m)
{
    switch (m) {
    case CGROUP_FS: return "cgroupfs";
    case CGROUP_SYSTEMD: return "systemd";
    case CGROUP_DISABLED: return "disabled";
    case CGROUP_AUTO: return "auto";
    }
    return "auto";
}

/* Step 3: everything on disk, then the monitor's turn. */
static int launch(struct start *s, struct monitor_started *started, struct creel_err *err)
{
    struct creel *e = s->e;
    const struct creel_attach_options *a = s->attach;
    auto_strv reap = STRV_INIT;
    if (lifecycle_await_cleaners(e, &s->row, err) < 0)
        return -1;
    /* Under the lock, so that the monitor of the run before is gone, and nobody mends while we write. */
    auto_fd lock = lifecycle_lock(e, s->row.id, true, true);
    if (lock < 0)
        return creel_fail(err, CREEL_INTERNAL, -lock, "make the run directory of container %s", s->row.name);
    if (engine_bundle_write(e, &s->row, &s->bundle, err) < 0 || reap_command(e, &s->row, &reap, err) < 0)
        return -1;
    fd_closep(&lock); /* the monitor takes it */
    const struct engine_bundle *b = &s->bundle;
    struct monitor_launch req = {
        .id = s->row.id, .name = s->row.name, .run = s->row.run,
        .container_dir = b->container_dir, .run_dir = b->run_dir, .exits_dir = b->exits_dir,
        .seccomp_cache_dir = b->seccomp_dir, .layers_dir = b->layers_dir, .lower = &b->lower,
        .runtime = b->runtime, .runtime_args = &b->runtime_args,
        .cgroup_path = b->cgroup_path, .cgroup_manager = manager_name(e->cgroup_manager),
        .auto_remove = b->auto_remove, .tty = b->tty, .open_stdin = b->open_stdin, .stdin_once = b->stdin_once,
        .log_driver = b->log_driver, .log_path = b->log_path, .log_max_size = b->log_max_size,
        .log_max_file = b->log_max_file, .log_compress = b->log_compress, .log_attrs = b->log_attrs,
        .reap_argv = &reap,
        .attach_stdin = a != NULL && a->want_stdin, .attach_stdout = a != NULL && a->want_stdout,
        .attach_stderr = a != NULL && a->want_stderr, .claim_exit = a != NULL,
        .rows = a != NULL ? a->rows : 0, .cols = a != NULL ? a->cols : 0,
    };
    return monitor_launch(s->link, &req, started, err);
}

/* Step 4. The row may have been renamed or updated meanwhile, or its run may be over already: read it again. */
static int record_running(struct start *s, const struct monitor_started *started, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    struct creel_err get = { 0 };
    if (store_begin(s->e->store, &tx, err) < 0)
        return -1;
    if (container_row_get(s->e->store, s->row.id, &row, &get) == 0) {
        bool ours = row.run == s->row.run && row.state == CONTAINER_STARTING;
        if (ours && (lifecycle_set_text(&row.cgroup_path, s->bundle.cgroup_path, err) < 0
                     || lifecycle_set_text(&row.log_path, s->bundle.log_path, err) < 0
                     || lifecycle_set_running(&tx, &row, started, err) < 0
                     || container_row_save(&tx, &row, false, err) < 0))
            return -1;
    } else if (get.kind != CREEL_NOT_FOUND) {
        return creel_fail_as(err, &get);
    }
    if (intent_row_delete(&tx, s->intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int exit_code_of(enum creel_kind kind)
{
    return kind == CREEL_NO_COMMAND ? 127 : kind == CREEL_CANNOT_INVOKE ? 126 : 128;
}

/* Steps 3 and 4, and what follows when they fail. After a failure the intent is gone and nothing is left. */
static int act(struct start *s, struct creel_session **ret_session, struct creel_err *err)
{
    struct monitor_started started = { 0 };
    struct creel_err failure = { 0 };
    if (launch(s, &started, &failure) < 0) {
        struct creel_err undo = { 0 };
        monitor_link_close(s->link);
        s->link = NULL;
        if (lifecycle_undo_start(s->e, s->row.id, s->intent, exit_code_of(failure.kind), failure.text, &undo) < 0)
            return creel_fail(err, CREEL_INTERNAL, 0, "%s; then %s; run \"creel check --repair\"", failure.text, undo.text);
        if (err != NULL)
            *err = failure;
        return -1;
    }
    if (record_running(s, &started, err) < 0)
        return creel_wrap(err, "container %s runs, but recording it failed", s->row.name);
    if (ret_session == NULL)
        return 0;
    int r = engine_session_new(s->e, ptr_take(&s->link), s->row.id, s->row.run, s->bundle.tty, NULL, ret_session, err);
    if (r == 0)
        engine_session_claim(*ret_session, started.started_ns);
    return r;
}

int creel_container_run(struct creel *e, const char *name, const char *request_json,
                        const struct creel_attach_options *attach, char *ret_id, char **ret_warnings,
                        struct creel_session **ret_session, struct creel_err *err)
{
    auto_start s = { .e = e, .attach = attach };
    auto_strv warnings = STRV_INIT;
    ret_id[0] = '\0';
    if (ret_session != NULL)
        *ret_session = NULL;
    if (take_monitor(&s, err) < 0 /* early: it loads while we read the store and commit */
        || engine_create_prepare(e, name, request_json, &s.row, &warnings, err) < 0)
        return -1;
    auto_free char *warning_json = NULL;
    if (ret_warnings != NULL && engine_warnings_json(&warnings, &warning_json, err) < 0)
        return -1;
    {
        auto_tx tx = { 0 };
        if (store_begin_unsynced(e->store, &tx, err) < 0 || announce(&s, &tx, err) < 0
            || engine_create_commit(e, &tx, &s.row, err) < 0 || store_commit(&tx, err) < 0)
            return -1;
    }
    int r = act(&s, attach != NULL ? ret_session : NULL, err);
    if (r == 0 || !s.row.auto_remove)
        memcpy(ret_id, s.row.id, sizeof s.row.id);
    if (r == 0 && ret_warnings != NULL)
        *ret_warnings = ptr_take(&warning_json);
    return r;
}

int creel_container_start(struct creel *e, const char *ref, const struct creel_attach_options *attach,
                          struct creel_session **ret_session, struct creel_err *err)
{
    auto_start s = { .e = e, .attach = attach };
    if (ret_session != NULL)
        *ret_session = NULL;
    for (;;) {
        container_row_fini(&s.row);
        s.row = (struct container_row){ 0 };
        if (lifecycle_settled(e, ref, &s.row, err) < 0)
            return -1;
        if (s.row.state == CONTAINER_RUNNING)
            return creel_fail(err, CREEL_NOT_MODIFIED, 0, "container %s is already running", s.row.name);
        if (s.row.state == CONTAINER_PAUSED)
            return creel_fail(err, CREEL_CONFLICT, 0, "cannot start a paused container, try unpause instead");
        if (s.row.state != CONTAINER_CREATED && s.row.state != CONTAINER_EXITED)
            return creel_fail(err, CREEL_CONFLICT, 0, "container is marked for removal and cannot be started");
        if (take_monitor(&s, err) < 0)
            return -1;
        char id[sizeof s.row.id];
        memcpy(id, s.row.id, sizeof id);
        auto_tx tx = { 0 };
        if (store_begin_unsynced(e->store, &tx, err) < 0)
            return -1;
        container_row_fini(&s.row);
        s.row = (struct container_row){ 0 };
        if (container_row_get(e->store, id, &s.row, err) < 0)
            return -1;
        if (s.row.state != CONTAINER_CREATED && s.row.state != CONTAINER_EXITED)
            continue; /* somebody was faster; see how that went */
        if (announce(&s, &tx, err) < 0 || container_row_save(&tx, &s.row, false, err) < 0
            || store_commit(&tx, err) < 0)
            return -1;
        break;
    }
    return act(&s, attach != NULL ? ret_session : NULL, err);
}
