/* SPDX-License-Identifier: Apache-2.0 */
/* engine/lifecycle.h: the states of a container, and what the verbs share.
 *
 *               ┌────────────── undo ──────────────┐
 *               ▼                                  │
 *   (insert) created ──► starting ──► running ◄──► paused
 *               │           │            │           │
 *               │           └────► exited ◄──────────┘        exited ──► starting is a restart
 *               └──► removing ◄──────┘
 *                       └──► (deleted); a failed removal leaves "dead", which can only be removed
 */
#ifndef CREEL_ENGINE_LIFECYCLE_H
#define CREEL_ENGINE_LIFECYCLE_H

#include "engine/engine.h"
#include "monitor/client.h"

const char *lifecycle_state_name(enum container_state s);
/* The one place that assigns `state`. CONFLICT when the table has no such arrow. */
int lifecycle_move(struct container_row *row, enum container_state to, struct creel_err *err);
bool lifecycle_is_up(const struct container_row *row);   /* running or paused: has a process */

/* The row for `ref` at a moment when nobody is in the middle of starting or removing it: waits for living makers,
 * recovers what dead ones left, reconciles a running row whose monitor is gone. */
int lifecycle_settled(struct creel *e, const char *ref, struct container_row *ret, struct creel_err *err);

/* Commit what a run's end was (see engine_commit_exit). */
int lifecycle_record_exit(struct creel *e, const struct monitor_exit_record *rec, struct creel_err *err);
/* Set the fields of a started run and append the event "start". */
int lifecycle_set_running(struct store_tx *tx, struct container_row *row, const struct monitor_started *started,
                          struct creel_err *err);
/* Undo a start that did not come off: the row goes back (or away, with auto_remove), files and groups too. */
int lifecycle_undo_start(struct creel *e, const char *id, int64_t intent, int exit_code, const char *why,
                         struct creel_err *err);
/* A restart kept auto-remove from applying to an end; now it is over: removes the container if it has ended meanwhile. */
int lifecycle_remove_ended(struct creel *e, const char *id, struct creel_err *err);
/* Directories and control group of a container that has no process. */
int lifecycle_remove_files(struct creel *e, const struct container_row *row, struct creel_err *err);
int lifecycle_remove_run_dir(struct creel *e, const char *id, struct creel_err *err);
/* Ends what is left in the group first. */
int lifecycle_remove_cgroup(struct creel *e, const struct container_row *row, struct creel_err *err);
/* Append an event of a container; takes `attributes` (engine_event_attributes), NULL being out of memory. */
int lifecycle_event(struct store_tx *tx, const struct container_row *row, const char *action, char *attributes,
                    struct creel_err *err);

/* <run_dir>/lock, see monitor/client.h. Returns a descriptor that holds it, -EWOULDBLOCK when a monitor has it, or
 * another -errno. With `create` the directory and file are made when missing. */
int lifecycle_lock(struct creel *e, const char *id, bool create, bool wait);
/* Whether somebody is clearing up after a run of it just now. */
bool lifecycle_is_cleared(struct creel *e, const char *id);
/* For a start, once its row says so: until whoever still clears up after the run before has done so. */
int lifecycle_await_cleaners(struct creel *e, const struct container_row *row, struct creel_err *err);
int lifecycle_connect(struct creel *e, const char *id, struct monitor_link **ret, struct creel_err *err);
static inline void monitor_link_closep(struct monitor_link **l) { monitor_link_close(*l); *l = NULL; }
#define auto_link auto_cleanup(monitor_link_closep) struct monitor_link *
#define auto_row auto_cleanup(container_row_fini) struct container_row

/* A new copy of `s` in `*field`. */
int lifecycle_set_text(char **field, const char *s, struct creel_err *err);
/* The kernel's boot id; 37 bytes with NUL. */
int lifecycle_boot_id(char *buf, struct creel_err *err);

#endif
