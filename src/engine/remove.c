/* SPDX-License-Identifier: Apache-2.0 */
/* engine/remove.c: removing containers. Commit "removing" with an intent, remove the files, commit the row's end. */
#include "engine/lifecycle.h"

#include "base/ident.h"

#include <string.h>

static int refuse_running(const struct container_row *row, struct creel_err *err)
{
    if (row->state == CONTAINER_PAUSED)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "cannot remove container \"/%s\": container is paused and must be unpaused first", row->name);
    return creel_fail(err, CREEL_CONFLICT, 0,
                      "cannot remove container \"/%s\": container is running: stop the container before removing or "
                      "force remove",
                      row->name);
}

/* From here on the container cannot be started any more. 1: somebody else is removing or starting it. */
static int announce(struct creel *e, const char *id, int64_t *ret_intent, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (row.state == CONTAINER_REMOVING || row.state == CONTAINER_STARTING || lifecycle_is_up(&row))
        return 1;
    row.desired = DESIRED_GONE;
    if (lifecycle_move(&row, CONTAINER_REMOVING, err) < 0 || container_row_save(&tx, &row, false, err) < 0
        || intent_row_insert(&tx, "remove", id, NULL, ret_intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int finish(struct creel *e, const char *id, int64_t intent, bool done, const char *why, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (done) {
        if (lifecycle_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
            || container_row_delete(&tx, id, err) < 0)
            return -1;
    } else if (lifecycle_move(&row, CONTAINER_DEAD, err) < 0 || lifecycle_set_text(&row.error, why, err) < 0
               || container_row_save(&tx, &row, false, err) < 0) {
        return -1;
    }
    if (intent_row_delete(&tx, intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

int creel_container_remove(struct creel *e, const char *ref, const struct creel_remove_options *o,
                           struct creel_err *err)
{
    bool force = o != NULL && o->force;
    for (;;) {
        auto_row row = { 0 };
        if (lifecycle_settled(e, ref, &row, err) < 0)
            return -1;
        if (lifecycle_is_up(&row)) {
            if (!force)
                return refuse_running(&row, err);
            struct creel_err kill = { 0 };
            bool gone = row.auto_remove;
            if (creel_container_kill(e, row.id, NULL, &kill) < 0 && kill.kind != CREEL_CONFLICT
                && kill.kind != CREEL_NOT_FOUND) {
                if (err != NULL)
                    *err = kill;
                return -1;
            }
            char id[IDENT_LEN + 1];
            if (gone && container_row_resolve(e->store, row.id, id, &kill) < 0 && kill.kind == CREEL_NOT_FOUND)
                return 0; /* its own auto-remove has seen to it */
            continue;
        }
        int64_t intent;
        int r = announce(e, row.id, &intent, err);
        if (r < 0)
            return -1;
        if (r > 0)
            continue;
        struct creel_err files = { 0 };
        bool done = lifecycle_remove_files(e, &row, &files) == 0;
        if (finish(e, row.id, intent, done, files.text, err) < 0)
            return -1;
        if (done)
            return 0;
        return creel_fail(err, files.kind, 0, "unable to remove filesystem for %s: %s", row.id, files.text);
    }
}
