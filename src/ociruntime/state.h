/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/state.h: what is remembered of a container between two commands: the directory <root>/<id>, mode 0700.
 *
 *   state        what `create` decided, and the configuration as it was read. Written before anything is made on the host, so
 *                that `delete` finds what a killed `create` left; replaced as a whole (temporary file, rename) by `update`.
 *   init         symbolic link "<pid> <start time>": the container's first process. Made in one step when it exists.
 *   gate         socket at which that process waits for `start`; refuses connections from then on.
 *
 * The lock is on the directory itself (flock); who changes anything holds it, who only looks does not. A directory that was
 * removed while one waited for its lock is NOT_FOUND.
 *
 * The status is never remembered, always asked of the kernel: the process (pid and start time), the gate, the freezer.
 *   creating   no `init` yet, and somebody holds the lock
 *   stopped    no `init` and nobody holds the lock (a `create` that was killed), or its process has ended
 *   created    the gate lets one in
 *   paused     the control group is frozen
 *   running    everything else */
#ifndef CREEL_OCIRUNTIME_STATE_H
#define CREEL_OCIRUNTIME_STATE_H

#include "base/err.h"
#include "runtime/cgroup.h"
#include "runtime/gate.h"
#include "spec/oci_config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STATE_TEXT_MAX = (16 << 20) + (64 << 10) };

enum container_status { CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_STOPPED };
const char *container_status_name(enum container_status s);

struct state {
    int dir;                    /* <root>/<id>; the lock is on it; -1 none */
    bool locked;                /* by us */
    char *id;
    char *bundle;               /* absolute */
    char *rootfs;               /* absolute; "" without one */
    char *created;              /* RFC 3339, nanoseconds, UTC */
    char *cgroup;               /* the path as the configuration or the default named it; what cgroup_open takes */
    enum cgroup_manager manager;
    bool rootless;              /* errors of control groups are tolerated, as at creation */
    bool no_new_keyring, no_pivot;
    bool notifies;              /* its seccomp filter has an agent to ask */
    uid_t owner;                /* of the directory */
    char *config_text;          /* JSON, checked; state_config parses it */
    size_t config_len;
    pid_t pid;                  /* 0: no process was made */
    uint64_t pid_start;
};

/* Letters, digits and "_+-.", but not "." or ".."; as runc has it. Errors: INVALID. */
int state_id_check(const char *id, struct creel_err *err);

/* Make <root> (0711, as deep as needed) and <root>/<id>, locked. *ret holds directory and id only. A directory that a killed
 * command left, of which nothing can be known, is taken over. Errors: CONFLICT when there is such a container. *ret:
 * state_fini, in either case. */
int state_make(const char *root, const char *id, struct state *ret, struct creel_err *err);
/* Errors: NOT_FOUND "container does not exist" (no directory, or one without a whole `state`; then ret->dir is open and
 * ret->id set all the same, for `delete`), INVALID (also when `state` is not whole, but the process of `init` lives: ret->pid is
 * set then). *ret: state_fini, in either case. */
int state_load(const char *root, const char *id, struct state *ret, struct creel_err *err);
/* The same, holding the lock; waits for it. */
int state_load_locked(const char *root, const char *id, struct state *ret, struct creel_err *err);
void state_fini(struct state *s);

/* Write `state`. `first`: there is none yet (no rename needed; half a file counts as none). */
int state_save(const struct state *s, bool first, struct creel_err *err);
/* Record the first process. */
int state_save_init(struct state *s, pid_t pid, uint64_t start, struct creel_err *err);
/* The gate (runtime/gate.h). A descriptor; -1 and err. */
int state_make_gate(const struct state *s, struct creel_err *err);
/* Open it: runtime_start_parked. */
int state_start(const struct state *s, const struct runtime_parked *p, struct creel_err *err);
/* Whether the container was given a socket for sd_notify (notify.h). */
bool state_has_notify(const struct state *s);
/* Let go of the lock, and take it again (waits). NOT_FOUND: the container was removed meanwhile. */
void state_unlock(struct state *s);
int state_lock(struct state *s, struct creel_err *err);
/* Remove the directory and everything in it; missing is success. */
int state_remove(const char *root, struct state *s, struct creel_err *err);

int state_status(const struct state *s, enum container_status *ret, struct creel_err *err);
/* Whether its control group is frozen, also while it waits for its start. What cannot be asked is not. */
bool state_is_frozen(const struct state *s);
/* The configuration as it was at creation (and after `update`). *ret: oci_config_free. */
int state_config(const struct state *s, struct oci_config **ret, struct creel_err *err);
/* Its control group; NOT_FOUND when it is gone; *ret NULL and success when it has none (manager disabled). */
int state_cgroup(const struct state *s, struct cgroup **ret, struct creel_err *err);
/* A pidfd of the first process, checked against its start time, so signals and namespaces through it cannot hit another one.
 * *ret -1: it has ended (or never was). 0, or -1 and err. */
int state_init_pidfd(const struct state *s, int *ret, struct creel_err *err);

/* Text ↔ struct, without the host (unit tests, fuzzing): the file `state`. */
int state_parse(const char *text, size_t len, struct state *ret, struct creel_err *err);
int state_print(const struct state *s, struct bytes *out, struct creel_err *err);

/* Ids of all containers below root, sorted. A root that does not exist has none. */
int state_list(const char *root, struct strv *ret, struct creel_err *err);

static inline void state_finip(struct state *s) { int e = errno; state_fini(s); errno = e; }
#define auto_state auto_cleanup(state_finip) struct state
#define STATE_INIT { .dir = -1 }

#endif
