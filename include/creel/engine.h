/* SPDX-License-Identifier: Apache-2.0 */
/* creel/engine.h: opening and asking an engine.
 *
 * An engine is one pair of directories: `root` (durable: store, layers, container data) and `run_root` (volatile:
 * sockets, bundles). Any number of processes may have the same engine open; the store orders them.
 * A `struct creel` may be used by one thread at a time; open one per thread. */
#ifndef CREEL_ENGINE_H
#define CREEL_ENGINE_H

#include <creel/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct creel;

struct creel_options {
    size_t size;              /* sizeof(struct creel_options); smaller, older sizes are accepted */
    const char *root;         /* NULL: $CREEL_ROOT, else /var/lib/creel */
    const char *run_root;     /* NULL: $CREEL_RUN_ROOT, else /run/creel */
    const char *libexec;      /* where creel-monitor and creel-archive are; NULL: $CREEL_LIBEXEC, else the directory
                                 of the running program if they are there, else the installed one */
    const char *cgroup_manager; /* NULL or "auto", "cgroupfs", "systemd" */
    int will_start;           /* not 0: a container is going to be started, so its monitor is loaded while the store
                                 opens; creel_close ends one that was not needed. Changes only the time it takes */
};

/* Open (and, if need be, create) the engine: directories are made 0700, the schema is migrated, intents whose maker
 * died are finished or undone, exit records left by monitors are committed.
 * ret      owned by the caller; creel_close
 * Errors   DENIED not allowed to use the directories · UNSUPPORTED store written by a newer creel · INTERNAL
 * Blocks   on the store's lock while another process commits */
int creel_open(const struct creel_options *options, struct creel **ret, struct creel_err *err);
/* NULL is fine. Running containers go on. */
void creel_close(struct creel *e);

const char *creel_root(const struct creel *e);      /* borrowed, absolute */
const char *creel_run_root(const struct creel *e);  /* borrowed, absolute */
const char *creel_version(void);                    /* "0.1.0" */

/* `creel info` and `creel version` as JSON objects with Docker's field names. *ret: caller frees. */
int creel_info(struct creel *e, char **ret_json, struct creel_err *err);

/* Commit the exit that a monitor has recorded for run `run` of container `id` (full id), and with HostConfig.AutoRemove
 * remove it. What a monitor's helper calls when no client is there to do it. Idempotent. */
int creel_reap(struct creel *e, const char *id, int64_t run, struct creel_err *err);
/* The same for the end of an exec that had no client any more; code as creel_exit_shell says it. */
int creel_reap_exec(struct creel *e, const char *id, const char *exec_id, int code, struct creel_err *err);

/* Compare rows, kernel objects and directories. One call of `each` per difference ("what" is a short kind such as
 * "orphan-cgroup", `object` its name, `detail` a sentence). With `repair` each is also mended (`repaired` says so).
 * Returns the number of differences found (0 = clean), -1 on error. */
struct creel_finding { const char *what, *object, *detail; int repaired; };
int creel_check(struct creel *e, int repair, void (*each)(void *arg, const struct creel_finding *f), void *arg,
                struct creel_err *err);

/* Remove all stopped containers, dangling (or, with `all_images`, unused) images and unreferenced blobs.
 * filters_json as in <creel/container.h> ("until", "label"); NULL: none. *ret_json: ContainersDeleted, ImagesDeleted,
 * SpaceReclaimed; caller frees. */
int creel_system_prune(struct creel *e, int all_images, const char *filters_json, char **ret_json,
                       struct creel_err *err);

#ifdef __cplusplus
}
#endif
#endif
