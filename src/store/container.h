/* SPDX-License-Identifier: Apache-2.0 */
/* store/container.h: container rows, exits, execs' exits, intents and events.
 *
 * `state` is what was last observed and committed; `desired` is what the user asked for. Only engine/lifecycle.c
 * changes them. Hot fields are columns; the request (config, host config) is one JSON document that lists never
 * parse. */
#ifndef CREEL_STORE_CONTAINER_H
#define CREEL_STORE_CONTAINER_H

#include "store/store.h"

#include <sys/types.h>

enum container_state { CONTAINER_CREATED, CONTAINER_STARTING, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_EXITED,
                       CONTAINER_REMOVING, CONTAINER_DEAD, CONTAINER_STATE_COUNT };
enum container_desired { DESIRED_STOPPED, DESIRED_RUNNING, DESIRED_GONE };
enum exit_how { EXIT_BY_CODE, EXIT_BY_SIGNAL, EXIT_UNKNOWN };

/* All strings are owned by the row. NULL = SQL NULL. */
struct container_row {
    char id[65];
    char *name, *namespace_;
    int64_t spec_rev, status_rev;
    char *image_id, *image_ref;     /* digest; what the user wrote */
    char *command;                  /* as ps shows it */
    char *labels;                   /* JSON object */
    char *mounts;                   /* JSON array of Docker mount records, for ps and filters */
    char *network_mode;
    char *spec;                     /* JSON document {"Config":…,"HostConfig":…,…}; loaded only by *_get */
    int64_t created_ns;
    enum container_state state;
    enum container_desired desired;
    bool auto_remove, tty, open_stdin, oom_killed, started_before, manually_stopped;
    int64_t run;                    /* number of the current or last run; 0 = never started */
    pid_t pid, monitor_pid;         /* 0 = none */
    uint64_t pid_start, monitor_start;
    char *boot_id;                  /* of the last start */
    int64_t started_ns, finished_ns;
    enum exit_how exit_how; int exit_number;
    char *error;                    /* last error of start; NULL none */
    char *cgroup_path, *runtime, *log_path;
    int restart_count;
};
void container_row_fini(struct container_row *r);

/* Insert with its name. CONFLICT "name in use": *ret_holder (65 bytes, may be NULL) gets the holder's id. */
int container_row_insert(struct store_tx *tx, struct container_row *r, char *ret_holder, struct creel_err *err);
/* Write everything but id, name (container_row_rename), namespace and creation time. spec_changed takes spec_rev, and
 * writes the documents unless r->spec is NULL; otherwise status_rev is taken. NOT_FOUND if the row is gone. */
int container_row_save(struct store_tx *tx, struct container_row *r, bool spec_changed, struct creel_err *err);
int container_row_rename(struct store_tx *tx, struct container_row *r, const char *name, char *ret_holder,
                         struct creel_err *err);
int container_row_delete(struct store_tx *tx, const char *id, struct creel_err *err);
/* Full id. With or without an open transaction on `s`. */
int container_row_get(struct store *s, const char *id, struct container_row *ret, struct creel_err *err);
/* Full id, exact name, unique prefix. NOT_FOUND "No such container: <ref>"; INVALID lists the candidates. */
int container_row_resolve(struct store *s, const char *ref, char *ret_id, struct creel_err *err);
/* Newest first. The spec is loaded only with with_spec. each != 0 stops; it may query but not begin a transaction.
 * The row and its strings are borrowed for the call.
 * states: bit set of 1 << state, 0 = all. limit 0 = none. */
int container_row_each(struct store *s, unsigned states, int limit, bool with_spec,
                       int (*each)(void *arg, const struct container_row *r), void *arg, struct creel_err *err);
/* The same for `ps`, a third faster: only id, name, namespace_, image_id, image_ref, command, labels, mounts,
 * network_mode, created_ns, state, run, pid, boot_id, started_ns, finished_ns, exit_how and exit_number are
 * filled. */
int container_row_list(struct store *s, unsigned states, bool with_spec,
                       int (*each)(void *arg, const struct container_row *r), void *arg, struct creel_err *err);
int container_row_counts(struct store *s, int64_t counts[CONTAINER_STATE_COUNT], struct creel_err *err);
/* Whether this store has, or has had and remembers (exits, events), a container with this id: 1, 0, -1. Reads all
 * events. */
int container_id_known(struct store *s, const char *id, struct creel_err *err);
/* Containers that use an image. */
int container_row_image_users(struct store *s, const char *image_id, int64_t *ret, struct creel_err *err);

/* Exits are kept after the container is gone (by age and count). One per (id, run): 1 added, 0 was there already. */
struct exit_row { char id[65]; int64_t run; int64_t started_ns, finished_ns; enum exit_how how; int number; bool oom; };
int exit_row_insert(struct store_tx *tx, const struct exit_row *x, struct creel_err *err);
int exit_row_get(struct store *s, const char *id, int64_t run, struct exit_row *ret, struct creel_err *err); /* run 0: last */

/* Events: attributes is a JSON object of strings. */
int event_row_append(struct store_tx *tx, const char *type, const char *action, const char *actor_id,
                     const char *attributes, struct creel_err *err);
struct event_row { int64_t rev, seq, time_ns; char *type, *action, *actor_id, *attributes; };
/* Events with rev > after, in order. until 0: no end. each != 0 stops. */
int event_row_each(struct store *s, int64_t after_rev, int64_t since_ns, int64_t until_ns,
                   int (*each)(void *arg, const struct event_row *ev), void *arg, struct creel_err *err);
/* Events are kept by age and count. Revision of the newest one that was dropped: a reader whose cursor is below it
 * has missed some. 0 = none dropped. */
int event_row_floor(struct store *s, int64_t *ret_rev, struct creel_err *err);

/* Intents: what a process has announced and not yet finished. maker = pid + start time + boot id. */
struct intent_row { int64_t seq; char *verb, *object; char *data; pid_t maker_pid; uint64_t maker_start; char *boot_id; };
int intent_row_insert(struct store_tx *tx, const char *verb, const char *object, const char *data, int64_t *ret_seq,
                      struct creel_err *err);   /* the maker is the calling process */
int intent_row_delete(struct store_tx *tx, int64_t seq, struct creel_err *err);
int intent_row_each(struct store *s, int (*each)(void *arg, const struct intent_row *i), void *arg,
                    struct creel_err *err);
/* True when the maker cannot be alive any more (other boot, pid gone, other start time). */
bool intent_row_abandoned(const struct intent_row *i);

#endif
