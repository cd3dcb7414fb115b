/* SPDX-License-Identifier: Apache-2.0 */
/* engine/engine.h: what the engine's files share. The engine is the one place where store, image, monitor, runtime and
 * spec meet; everything a front door needs is in include/creel.
 *
 * Directories (all 0700, root):
 *   <root>/store.db, store.lock          the store
 *   <root>/layers/<n>/fs                 an unpacked layer; n is the layer row's number (short, so that 127 names fit
 *                                        into overlay's option page); present only when its row says so
 *   <root>/blobs/sha256/<hex>            layer blobs as they came (for save)
 *   <root>/base/                         lowest layer of every container: mount points
 *   <root>/containers/<id>/              upper, work, hostname, hosts, resolv.conf, log
 *   <root>/exits/<id>.<run>              exit records not yet committed
 *   <root>/cache/seccomp/                compiled filters
 *   <root>/tmp/, <root>/trash/           work in progress; anything here whose maker is gone is garbage
 *   <run_root>/containers/<id>/          config.json (the bundle), monitor.sock */
#ifndef CREEL_ENGINE_ENGINE_H
#define CREEL_ENGINE_ENGINE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/strv.h"
#include "runtime/cgroup.h"
#include "store/container.h"

#include <creel/container.h>
#include <creel/engine.h>
#include <creel/event.h>
#include <creel/image.h>

struct monitor_link;

struct creel {
    char *root, *run_root, *libexec;    /* absolute, no trailing slash */
    int root_fd, run_fd;
    struct store *store;
    enum cgroup_manager cgroup_manager;
    struct monitor_link *spare;         /* a monitor that waits for its first request, or NULL */
    struct monitor_link *leaving;       /* one that has nothing left to do but to end, or NULL */
};

/* --- engine/open.c --- */
/* Make the directories below root that are not there; done for an engine that has no store yet. */
int engine_root_make(struct creel *e, struct creel_err *err);
/* The first of them that is missing, or NULL; static storage. */
const char *engine_root_missing(struct creel *e);
/* Nothing of a finished run outlives the program that finished it: wait until its monitor has ended. */
void engine_await_leaving(struct creel *e);

/* --- engine/image_find.c: what a container needs to know of its image --- */
struct engine_image {
    char id[72];            /* "sha256:…" */
    char *ref;              /* familiar form, "busybox:latest"; the id when untagged */
    char *config;           /* the image configuration document (JSON text) */
    struct strv lower;      /* layer directories relative to <root>/layers, topmost first: "12/fs" */
};
void engine_image_fini(struct engine_image *i);
static inline void engine_image_finip(struct engine_image *i) { engine_image_fini(i); }
#define auto_engine_image auto_cleanup(engine_image_finip) struct engine_image
/* NOT_FOUND "No such image: <ref>:<tag>" as Docker words it. */
int engine_image_find(struct creel *e, const char *ref, struct engine_image *ret, struct creel_err *err);

/* --- engine/create.c --- */
/* Validate a create request against its image and this host and fill a row (id, name or NULL, spec, columns). Nothing is
 * written. warnings: one string each. */
int engine_create_prepare(struct creel *e, const char *name, const char *request_json, struct container_row *ret,
                          struct strv *warnings, struct creel_err *err);
/* Insert the row with its name (drawing generated ones until one is free) and the event "create". */
int engine_create_commit(struct creel *e, struct store_tx *tx, struct container_row *row, struct creel_err *err);

/* A JSON array of the warnings; caller frees. */
int engine_warnings_json(const struct strv *warnings, char **ret, struct creel_err *err);

/* --- engine/bundle.c: everything on disk a run needs --- */
struct engine_bundle {
    char *container_dir, *run_dir, *exits_dir, *seccomp_dir, *layers_dir, *log_path;
    struct strv lower;          /* overlay layers, topmost first */
    char *runtime;              /* NULL native, else absolute path */
    struct strv runtime_args;
    char *cgroup_path;          /* "/creel/<id>" unless --cgroup-parent */
    bool tty, open_stdin, stdin_once, auto_remove;
    char *log_driver, *log_attrs;
    int64_t log_max_size;
    int log_max_file;
    bool log_compress;
};
void engine_bundle_fini(struct engine_bundle *b);
static inline void engine_bundle_finip(struct engine_bundle *b) { engine_bundle_fini(b); }
#define auto_engine_bundle auto_cleanup(engine_bundle_finip) struct engine_bundle
/* Make the directories and files named after row->id (idempotent), derive the OCI configuration from row->spec and write
 * it to <run_dir>/config.json, see to it that the compiled seccomp program is in the cache. The row must have its spec.
 * Outside any write transaction. */
int engine_bundle_write(struct creel *e, const struct container_row *row, struct engine_bundle *ret,
                        struct creel_err *err);
/* The OCI process of an exec request, from the container's config.json and the exec body. */
int engine_exec_process(struct creel *e, const struct container_row *row, const char *exec_json, char **ret_process_json,
                        struct creel_err *err);
/* Remove what engine_bundle_write made. Missing is fine. */
int engine_bundle_remove(struct creel *e, const char *id, struct creel_err *err);

/* --- engine/update.c --- */
/* An update that died between commit and control group: set the limits that are stored. */
int engine_update_recover(struct creel *e, const struct intent_row *i, struct creel_err *err);

/* --- engine/recover.c --- */
/* Ensure the row tells the truth: a running container whose monitor and init are gone gets its exit record, or an
 * unknown exit. Safe to call for any row. */
int engine_reconcile(struct creel *e, const char *id, struct creel_err *err);
/* The same for every running container whose monitor is gone. A few microseconds per running container. */
int engine_refresh(struct creel *e, struct creel_err *err);
/* Finish or undo abandoned intents and commit left exit records; called by creel_open. Cheap when there are none. */
int engine_recover(struct creel *e, struct creel_err *err);

/* --- engine/lifecycle.c: the only place that moves container rows from state to state --- */
/* Commit an exit record file (and with auto_remove the removal). Idempotent. */
int engine_commit_exit(struct creel *e, const char *id, int64_t run, struct creel_err *err);
/* Whether a monitor serves this container: its lock (monitor/client.h) is held. Microseconds; true when in doubt. */
bool engine_run_alive(struct creel *e, const char *id);
/* {"image":…,"name":…,labels…} plus NULL-terminated key/value pairs; caller frees; NULL when out of memory */
char *engine_event_attributes(const struct container_row *row, ...) __attribute__((sentinel));

/* --- engine/tree.c: removing directories by descriptor, never following links --- */
/* Remove `name` below dir_fd, whatever it is; missing is success. Returns 0 or -errno. */
int tree_remove(int dir_fd, const char *name);
/* Bytes used below (st_blocks * 512), for sizes. */
int64_t tree_size(int dir_fd, const char *name);

/* --- engine/exec.c --- */
/* The event of an exec's end. It need not survive a power cut. */
int engine_exec_died(struct creel *e, const char *id, const char *exec_id, int code, struct creel_err *err);

/* --- engine/session.c --- */
/* Takes `link` over. exec_id: NULL for a session of the container itself. */
int engine_session_new(struct creel *e, struct monitor_link *link, const char *id, int64_t run, bool tty,
                       const char *exec_id, struct creel_session **ret, struct creel_err *err);
/* This session promised to commit the exit of its run, which began then, when it sees it. */
void engine_session_claim(struct creel_session *s, int64_t started_ns);

#endif
