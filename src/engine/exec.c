/* SPDX-License-Identifier: Apache-2.0 */
/* engine/exec.c: further processes in a running container. The monitor starts them and is their parent; the engine checks
 * the request, makes the OCI process and records the events. */
#include "engine/lifecycle.h"

#include "base/ident.h"
#include "spec/container_request.h"

#include <string.h>

static int require_running(const struct container_row *row, struct creel_err *err)
{
    if (row->state == CONTAINER_PAUSED)
        return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is paused, unpause the container before exec", row->id);
    if (row->state != CONTAINER_RUNNING)
        return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not running", row->id);
    return 0;
}

/* "exec_create: sh -c true"; long commands are cut. */
static int action_text(const char *verb, const json_t *cmd, struct bytes *out, struct creel_err *err)
{
    enum { ACTION_MAX = 1024 };
    size_t i;
    json_t *v;
    bytes_addf(out, "%s:", verb);
    json_array_foreach((json_t *)cmd, i, v) {
        if (out->len + json_string_length(v) > ACTION_MAX) {
            bytes_adds(out, " ...");
            break;
        }
        bytes_addf(out, " %s", json_string_value(v));
    }
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* Both events in one commit: the process runs by then, so that nobody waits for the disk before it does. */
static int events_record(struct creel *e, const struct container_row *row, const char *exec_id, const json_t *cmd,
                         struct creel_err *err)
{
    static const char *const verbs[] = { "exec_create", "exec_start" };
    auto_free char *attributes = engine_event_attributes(row, "execID", exec_id, NULL);
    auto_tx tx = { 0 };
    if (attributes == NULL)
        return creel_fail_nomem(err);
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        auto_bytes action = BYTES_INIT;
        if (action_text(verbs[i], cmd, &action, err) < 0
            || event_row_append(&tx, "container", bytes_str(&action), row->id, attributes, err) < 0)
            return -1;
    }
    return store_commit(&tx, err);
}

int engine_exec_died(struct creel *e, const char *id, const char *exec_id, int code, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    struct creel_err get = { 0 };
    char number[16];
    (void)snprintf(number, sizeof number, "%d", code);
    if (store_begin_unsynced(e->store, &tx, err) < 0)
        return -1;
    if (container_row_get(e->store, id, &row, &get) < 0) /* removed meanwhile: nobody asks for its execs */
        return get.kind == CREEL_NOT_FOUND ? 0 : creel_fail_as(err, &get);
    if (lifecycle_event(&tx, &row, "exec_die",
                        engine_event_attributes(&row, "execID", exec_id, "exitCode", number, NULL), err) < 0)
        return -1;
    return store_commit(&tx, err);
}

int creel_reap_exec(struct creel *e, const char *id, const char *exec_id, int code, struct creel_err *err)
{
    if (!ident_is_full(id) || !ident_is_full(exec_id))
        return creel_fail(err, CREEL_INVALID, 0, "\"%s\" and \"%s\" are not the full ids of a container and an exec", id,
                          exec_id);
    return engine_exec_died(e, id, exec_id, code, err);
}

/* A running row whose monitor does not answer: bring the row to the truth, and say it. */
static int not_running(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    struct creel_err ignored = { 0 };
    (void)engine_reconcile(e, row->id, &ignored); /* whatever comes of it, there is nobody to exec with; ignoring */
    return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not running", row->id);
}

int creel_container_exec(struct creel *e, const char *ref, const char *exec_json, int detach, unsigned rows,
                         unsigned cols, char *ret_exec_id, struct creel_session **ret_session, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_json request = NULL;
    auto_free char *process = NULL;
    auto_link link = NULL;
    char exec_id[IDENT_LEN + 1];
    struct creel_err failure = { 0 };
    pid_t pid;
    if (ret_session != NULL)
        *ret_session = NULL;
    if (exec_request_parse(exec_json, strlen(exec_json), &request, err) < 0 || lifecycle_settled(e, ref, &row, err) < 0
        || require_running(&row, err) < 0 || engine_exec_process(e, &row, exec_json, &process, err) < 0)
        return -1;
    if (lifecycle_connect(e, row.id, &link, &failure) < 0) {
        if (failure.kind == CREEL_NOT_FOUND)
            return not_running(e, &row, err);
        (void)creel_fail_as(err, &failure);
        return creel_wrap(err, "container %s", row.name);
    }
    ident_make(exec_id);
    const struct monitor_exec x = {
        .exec_id = exec_id, .process_json = process, .tty = json_flag(request, "Tty"),
        .in = !detach && json_flag(request, "AttachStdin"), .out = !detach && json_flag(request, "AttachStdout"),
        .err = !detach && json_flag(request, "AttachStderr"), .detach = detach != 0, .rows = rows, .cols = cols,
    };
    if (monitor_exec(link, &x, &pid, err) < 0)
        return -1;
    if (events_record(e, &row, exec_id, json_object_get(request, "Cmd"), err) < 0)
        return creel_wrap(err, "the command runs, but recording it failed");
    memcpy(ret_exec_id, exec_id, sizeof exec_id);
    if (detach || ret_session == NULL)
        return 0;
    struct monitor_link *taken = link;
    link = NULL;
    return engine_session_new(e, taken, row.id, row.run, x.tty, exec_id, ret_session, err);
}
