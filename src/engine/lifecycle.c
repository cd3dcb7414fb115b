/* SPDX-License-Identifier: Apache-2.0 */
/* engine/lifecycle.c: how container rows move, and how they are brought back to the truth.
 *
 *   L1  `state` is assigned in lifecycle_move only.
 *   L2  An exit is recorded once per run: exit_row_insert decides, state and events follow in the same transaction.
 *   L3  Files named after a container are removed before the commit that makes the row vanish, and removing them again is
 *       harmless; so whatever has no row has no files, however often somebody is killed on the way.
 *   L4  Nobody kills by a stored pid. A monitor is alive while its lock is held; what is left of a container whose monitor
 *       is gone is killed through its own control group, with that lock held.
 *   L5  Several processes may record one exit, and one of them may be late: it must not clear away what the next run has
 *       made. Who records an exit locks the run directory itself (flock of the directory; the monitor has the file "lock"
 *       in it) and then looks whether the row's run is still the one that ended. A start has raised the row's run before it
 *       makes anything, and then waits for that lock once (lifecycle_await_cleaners). Lock order: file "lock", directory,
 *       store. */
#include "engine/lifecycle.h"
#include "engine/image_work.h"

#include "base/clock.h"
#include "base/ident.h"
#include "base/parse.h"
#include "engine/container_spec.h"
#include "engine/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ADOPT_WAIT_MS = 1000 }; /* what a command on other containers may lose by a monitor that does not answer */

#define TO(s) (1u << CONTAINER_##s)
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [CONTAINER_CREATED] = { "created", TO(STARTING) | TO(REMOVING) },
    [CONTAINER_STARTING] = { "starting", TO(RUNNING) | TO(EXITED) | TO(CREATED) },
    [CONTAINER_RUNNING] = { "running", TO(PAUSED) | TO(EXITED) },
    [CONTAINER_PAUSED] = { "paused", TO(RUNNING) | TO(EXITED) },
    [CONTAINER_EXITED] = { "exited", TO(STARTING) | TO(REMOVING) },
    [CONTAINER_REMOVING] = { "removing", TO(DEAD) },
    [CONTAINER_DEAD] = { "dead", TO(REMOVING) },
};
#undef TO
_Static_assert(ARRAY_LEN(states) == CONTAINER_STATE_COUNT, "every state needs a row");

const char *lifecycle_state_name(enum container_state s)
{
    return states[s].name;
}

int lifecycle_move(struct container_row *row, enum container_state to, struct creel_err *err)
{
    if (!(states[row->state].next & (1u << to)))
        return creel_fail(err, CREEL_CONFLICT, 0, "container %s is %s, cannot become %s", row->name,
                          states[row->state].name, states[to].name);
    row->state = to;
    return 0;
}

bool lifecycle_is_up(const struct container_row *row)
{
    return row->state == CONTAINER_RUNNING || row->state == CONTAINER_PAUSED;
}

int lifecycle_set_text(char **field, const char *s, struct creel_err *err)
{
    char *copy = s != NULL ? strdup(s) : NULL;
    if (s != NULL && copy == NULL)
        return creel_fail_nomem(err);
    free(*field);
    *field = copy;
    return 0;
}

int lifecycle_boot_id(char *buf, struct creel_err *err)
{
    auto_fd fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, buf, 36) != 36)
        return creel_fail(err, CREEL_INTERNAL, errno, "read the kernel's boot id");
    buf[36] = '\0';
    return 0;
}

char *engine_event_attributes(const struct container_row *row, ...)
{
    json_t *o = row->labels != NULL ? json_loads(row->labels, 0, NULL) : json_object();
    if (!json_is_object(o)) {
        json_decref(o);
        o = json_object();
    }
    bool ok = json_object_set_new(o, "name", json_string(row->name)) == 0
              && (row->image_ref == NULL || json_object_set_new(o, "image", json_string(row->image_ref)) == 0);
    va_list ap;
    va_start(ap, row);
    for (const char *key; ok && (key = va_arg(ap, const char *)) != NULL;)
        ok = json_object_set_new(o, key, json_string(va_arg(ap, const char *))) == 0;
    va_end(ap);
    char *text = ok ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

static int append_event(struct store_tx *tx, const struct container_row *row, const char *action, char *attributes,
                        struct creel_err *err)
{
    auto_free char *attrs = attributes;
    if (attrs == NULL)
        return creel_fail_nomem(err);
    return event_row_append(tx, "container", action, row->id, attrs, err);
}

/* --- locks --- */

int lifecycle_lock(struct creel *e, const char *id, bool create, bool wait)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s/lock", id);
    for (;;) {
        auto_fd fd = openat(e->run_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
        if (fd < 0 && errno == ENOENT && create) {
            path[sizeof "containers/" - 1 + IDENT_LEN] = '\0';
            if (mkdirat(e->run_fd, "containers", 0700) < 0 && errno != EEXIST)
                return -errno;
            if (mkdirat(e->run_fd, path, 0700) < 0 && errno != EEXIST)
                return -errno;
            path[sizeof "containers/" - 1 + IDENT_LEN] = '/';
            continue;
        }
        if (fd < 0)
            return -errno;
        int r;
        do
            r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
        while (r < 0 && errno == EINTR);
        if (r < 0)
            return -errno;
        struct stat st;
        if (fstat(fd, &st) < 0)
            return -errno;
        if (st.st_nlink > 0)
            return fd_take(&fd);
        /* it was removed while we waited: whoever held it is done; look again */
    }
}

/* L5. The run directory, locked. Without `create` -ENOENT when there is none. */
static int lock_run_dir(struct creel *e, const char *id, bool create)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s", id);
    for (;;) {
        auto_fd fd = openat(e->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT && create) {
            if (mkdirat(e->run_fd, "containers", 0700) < 0 && errno != EEXIST)
                return -errno;
            if (mkdirat(e->run_fd, path, 0700) < 0 && errno != EEXIST)
                return -errno;
            continue;
        }
        if (fd < 0)
            return -errno;
        int r;
        do
            r = flock(fd, LOCK_EX);
        while (r < 0 && errno == EINTR);
        struct stat st;
        if (r < 0 || fstat(fd, &st) < 0)
            return -errno;
        if (st.st_nlink > 0)
            return fd_take(&fd);
        /* removed while we waited; look again */
    }
}

int lifecycle_await_cleaners(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    if (row->run <= 1)
        return 0; /* nothing has ended yet */
    auto_fd dir = lock_run_dir(e, row->id, false);
    if (dir < 0 && dir != -ENOENT)
        return creel_fail(err, CREEL_INTERNAL, -dir, "lock the run directory of container %s", row->name);
    return 0;
}

bool engine_run_alive(struct creel *e, const char *id)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s/lock", id);
    auto_fd fd = openat(e->run_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno != ENOENT && errno != ENOTDIR;
    return flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int lifecycle_connect(struct creel *e, const char *id, struct monitor_link **ret, struct creel_err *err)
{
    auto_free char *dir = NULL;
    if (asprintf(&dir, "%s/containers/%s", e->run_root, id) < 0)
        return creel_fail_nomem(err);
    return monitor_connect(dir, ret, err);
}

/* --- files --- */

static int remove_run_dir(struct creel *e, const char *id, struct creel_err *err)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s", id);
    int r = tree_remove(e->run_fd, path);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", e->run_root, path);
    return 0;
}

/* The row gets its group's name when its start is committed; before that it is derived as the start derived it. */
static int cgroup_name(struct creel *e, const struct container_row *row, char **ret, struct creel_err *err)
{
    if (row->cgroup_path != NULL)
        return lifecycle_set_text(ret, row->cgroup_path, err);
    auto_container_spec spec = { 0 };
    if (container_spec_load(row, &spec, NULL) == 0)
        return container_spec_cgroup(e, spec.host, row->id, ret, err);
    /* a request that cannot be read never got as far as a group of its own choice */
    return asprintf(ret, "/creel/%s", row->id) < 0 ? (*ret = NULL, creel_fail_nomem(err)) : 0;
}

static int remove_cgroup(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    auto_free char *path = NULL;
    if (row->run == 0)
        return 0;
    if (cgroup_name(e, row, &path, err) < 0)
        return -1;
    auto_cgroup cg = NULL;
    struct creel_err open_err = { 0 };
    if (cgroup_open(path, e->cgroup_manager, &cg, &open_err) < 0) {
        if (open_err.kind == CREEL_NOT_FOUND)
            return 0;
        if (err != NULL)
            *err = open_err;
        return -1;
    }
    if (cgroup_kill(cg, 9, err) < 0 || cgroup_destroy(cg, err) < 0)
        return creel_wrap(err, "ending what is left of container %s", row->name);
    return 0;
}

int lifecycle_remove_files(struct creel *e, const struct container_row *row, struct creel_err *err)
{
    return engine_bundle_remove(e, row->id, err);
}

/* --- exits --- */

static bool restart_in_progress(struct creel *e, const char *id, struct creel_err *err);

static int die_event(struct store_tx *tx, const struct container_row *row, struct creel_err *err)
{
    struct creel_exit x = { .how = (enum creel_exit_how)row->exit_how, .number = row->exit_number };
    char code[16], duration[24];
    (void)snprintf(code, sizeof code, "%d", creel_exit_shell(&x));
    int64_t ran = row->finished_ns > row->started_ns ? (row->finished_ns - row->started_ns) / 1000000000 : 0;
    (void)snprintf(duration, sizeof duration, "%lld", (long long)ran);
    return append_event(tx, row, "die",
                        engine_event_attributes(row, "exitCode", code, "execDuration", duration, NULL), err);
}

/* The row's fields and the events of a run's end; the caller has seen that the run was not recorded before. */
static int apply_exit(struct store_tx *tx, struct container_row *row, const struct monitor_exit_record *rec,
                      struct creel_err *err)
{
    if (row->state == CONTAINER_STARTING) { /* it ended before its start was committed */
        struct monitor_started s = { .started_ns = rec->started_ns };
        if (lifecycle_set_running(tx, row, &s, err) < 0)
            return -1;
    }
    if (lifecycle_move(row, CONTAINER_EXITED, err) < 0)
        return -1;
    row->pid = row->monitor_pid = 0;
    row->pid_start = row->monitor_start = 0;
    row->exit_how = (enum exit_how)rec->exit.how;
    row->exit_number = rec->exit.number;
    row->oom_killed = rec->exit.oom_killed;
    row->finished_ns = rec->exit.finished_ns;
    if (row->oom_killed && append_event(tx, row, "oom", engine_event_attributes(row, NULL), err) < 0)
        return -1;
    return die_event(tx, row, err);
}

static int commit_exit_tx(struct creel *e, const struct monitor_exit_record *rec, bool remove, struct creel_err *err)
{
    struct exit_row x = { .run = rec->run, .started_ns = rec->started_ns, .finished_ns = rec->exit.finished_ns,
                          .how = (enum exit_how)rec->exit.how, .number = rec->exit.number,
                          .oom = rec->exit.oom_killed };
    memcpy(x.id, rec->id, sizeof x.id);
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    struct creel_err get = { 0 };
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    int added = exit_row_insert(&tx, &x, err); /* L2 */
    if (added < 0)
        return -1;
    if (container_row_get(e->store, rec->id, &row, &get) < 0) {
        if (get.kind != CREEL_NOT_FOUND) {
            if (err != NULL)
                *err = get;
            return -1;
        }
        return store_commit(&tx, err); /* the container is gone; its exit is still worth keeping */
    }
    bool current = row.run == rec->run && (row.state == CONTAINER_STARTING || lifecycle_is_up(&row));
    if (current && apply_exit(&tx, &row, rec, err) < 0)
        return -1;
    if (remove && row.state == CONTAINER_EXITED && row.run == rec->run) {
        if (append_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
            || container_row_delete(&tx, row.id, err) < 0)
            return -1;
    } else if (current && container_row_save(&tx, &row, false, err) < 0) {
        return -1;
    }
    return store_commit(&tx, err);
}

int lifecycle_record_exit(struct creel *e, const struct monitor_exit_record *rec, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    auto_fd dir = lock_run_dir(e, rec->id, true); /* L5: the row is read after this */
    if (dir < 0)
        return creel_fail(err, CREEL_INTERNAL, -dir, "lock %s/containers/%s", e->run_root, rec->id);
    bool exists = container_row_get(e->store, rec->id, &row, &get) == 0;
    if (!exists && get.kind != CREEL_NOT_FOUND) {
        if (err != NULL)
            *err = get;
        return -1;
    }
    bool remove = exists && row.auto_remove && row.run == rec->run && !restart_in_progress(e, rec->id, NULL);
    if (remove && lifecycle_remove_files(e, &row, err) < 0) /* L3 */
        return -1;
    if (commit_exit_tx(e, rec, remove, err) < 0)
        return creel_wrap(err, "recording the exit of container %s", exists ? row.name : rec->id);
    char file[96];
    (void)snprintf(file, sizeof file, "exits/%s.%lld", rec->id, (long long)rec->run);
    if (unlinkat(e->root_fd, file, 0) < 0 && errno != ENOENT)
        return creel_fail(err, CREEL_INTERNAL, errno, "remove the exit record %s/%s", e->root, file);
    if (!exists || (!remove && row.run == rec->run))
        return remove_run_dir(e, rec->id, err);
    return 0;
}

int engine_commit_exit(struct creel *e, const char *id, int64_t run, struct creel_err *err)
{
    auto_fd exits = openat(e->root_fd, "exits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (exits < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s/exits", e->root);
    char file[96];
    struct monitor_exit_record rec;
    struct creel_err read_err = { 0 };
    (void)snprintf(file, sizeof file, "%s.%lld", id, (long long)run);
    if (monitor_exit_record_read(exits, file, &rec, &read_err) == 0)
        return lifecycle_record_exit(e, &rec, err);
    struct exit_row x;
    if (read_err.kind == CREEL_NOT_FOUND && exit_row_get(e->store, id, run, &x, err) == 0)
        return 0; /* somebody else committed it */
    if (err != NULL)
        *err = read_err;
    return -1;
}

int creel_reap(struct creel *e, const char *id, int64_t run, struct creel_err *err)
{
    if (!ident_is_full(id))
        return creel_fail(err, CREEL_INVALID, 0, "\"%s\" is not a full container id", id);
    return engine_commit_exit(e, id, run, err);
}

/* --- running --- */

int lifecycle_set_running(struct store_tx *tx, struct container_row *row, const struct monitor_started *started,
                          struct creel_err *err)
{
    if (lifecycle_move(row, CONTAINER_RUNNING, err) < 0)
        return -1;
    row->pid = started->pid;
    row->pid_start = started->pid_start;
    row->monitor_pid = started->monitor_pid;
    row->monitor_start = started->monitor_start;
    row->started_ns = started->started_ns;
    row->started_before = true;
    row->oom_killed = false;
    row->exit_how = EXIT_BY_CODE;
    row->exit_number = 0;
    if (lifecycle_set_text(&row->error, NULL, err) < 0)
        return -1;
    return append_event(tx, row, "start", engine_event_attributes(row, NULL), err);
}

int lifecycle_undo_start(struct creel *e, const char *id, int64_t intent, int exit_code, const char *why,
                         struct creel_err *err)
{
    auto_row row = { 0 };
    if (container_row_get(e->store, id, &row, err) < 0)
        return -1;
    bool remove = row.auto_remove && row.state == CONTAINER_STARTING && !restart_in_progress(e, id, NULL);
    if (remove_cgroup(e, &row, err) < 0)
        return -1;
    if (remove ? lifecycle_remove_files(e, &row, err) < 0 : remove_run_dir(e, id, err) < 0)
        return -1;
    container_row_fini(&row);
    row = (struct container_row){ 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (row.state == CONTAINER_STARTING) {
        if (lifecycle_move(&row, row.started_before ? CONTAINER_EXITED : CONTAINER_CREATED, err) < 0
            || lifecycle_set_text(&row.error, why, err) < 0)
            return -1;
        row.desired = DESIRED_STOPPED;
        row.exit_how = EXIT_BY_CODE;
        row.exit_number = exit_code;
        if (remove) {
            if (append_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
                || container_row_delete(&tx, id, err) < 0)
                return -1;
        } else if (container_row_save(&tx, &row, false, err) < 0) {
            return -1;
        }
    }
    if (intent_row_delete(&tx, intent, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* --- back to the truth --- */

/* The run of `row` is over and its monitor gone; we hold its lock. What the monitor recorded counts; if it left nothing,
 * the end is unknown, and whatever still runs in the group is ended first. */
static int record_lost_run(struct creel *e, struct container_row *row, struct creel_err *err)
{
    struct creel_err read_err = { 0 };
    if (engine_commit_exit(e, row->id, row->run, &read_err) == 0)
        return 0;
    if (read_err.kind != CREEL_NOT_FOUND && read_err.kind != CREEL_INVALID) {
        if (err != NULL)
            *err = read_err;
        return -1;
    }
    if (remove_cgroup(e, row, err) < 0)
        return -1;
    struct monitor_exit_record rec = { .run = row->run, .started_ns = row->started_ns };
    memcpy(rec.id, row->id, sizeof rec.id);
    rec.exit.how = CREEL_EXIT_UNKNOWN;
    rec.exit.finished_ns = clock_now_ns();
    return lifecycle_record_exit(e, &rec, err);
}

int engine_reconcile(struct creel *e, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    if (container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (!lifecycle_is_up(&row) || engine_run_alive(e, id))
        return 0;
    auto_fd lock = lifecycle_lock(e, id, true, true); /* L4 */
    if (lock < 0)
        return creel_fail(err, CREEL_INTERNAL, -lock, "lock the run directory of container %s", row.name);
    container_row_fini(&row);
    row = (struct container_row){ 0 };
    struct creel_err get = { 0 };
    if (container_row_get(e->store, id, &row, &get) < 0) {
        if (get.kind == CREEL_NOT_FOUND)
            return remove_run_dir(e, id, err); /* we may just have made it */
        if (err != NULL)
            *err = get;
        return -1;
    }
    if (!lifecycle_is_up(&row))
        return 0;
    return record_lost_run(e, &row, err);
}

static int collect_id(void *arg, const struct container_row *r)
{
    return strv_add(arg, r->id) ? 0 : 1;
}

int engine_refresh(struct creel *e, struct creel_err *err)
{
    auto_strv ids = STRV_INIT;
    const unsigned up = 1u << CONTAINER_RUNNING | 1u << CONTAINER_PAUSED;
    if (container_row_each(e->store, up, 0, false, collect_id, &ids, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.count; i++) {
        struct creel_err rec = { 0 };
        if (!engine_run_alive(e, ids.items[i]) && engine_reconcile(e, ids.items[i], &rec) < 0
            && rec.kind != CREEL_NOT_FOUND)
            return creel_fail_as(err, &rec);
    }
    return 0;
}

static int recover_start(struct creel *e, const struct intent_row *i, struct creel_err *err);
static int recover_remove(struct creel *e, const struct intent_row *i, struct creel_err *err);
static int recover_freeze(struct creel *e, const struct intent_row *i, struct creel_err *err);
static int recover_restart(struct creel *e, const struct intent_row *i, struct creel_err *err);

static const struct {
    const char *verb;
    int (*recover)(struct creel *e, const struct intent_row *i, struct creel_err *err);
} recoveries[] = {
    { "start", recover_start },
    { "remove", recover_remove },
    { "freeze", recover_freeze },
    { "restart", recover_restart },
    { "update", engine_update_recover },
    { "image-add", engine_image_recover },
    { "image-sweep", engine_image_recover },
    { "commit-pause", engine_image_recover_commit },
};

static int drop_intent(struct creel *e, int64_t seq, struct creel_err *err)
{
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || intent_row_delete(&tx, seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* A monitor lives although whoever started it died: its run becomes the row's. */
static int adopt_run(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_link link = NULL;
    struct monitor_status st = { 0 };
    struct creel_err ask = { 0 };
    if (lifecycle_connect(e, i->object, &link, &ask) < 0 || monitor_query(link, ADOPT_WAIT_MS, &st, &ask) < 0)
        return 0; /* still launching, stopped, or just ending: the next opener sees how it went */
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, i->object, &row, err) < 0)
        return -1;
    if (row.state == CONTAINER_STARTING) {
        if (row.run != st.run)
            return 0; /* the monitor of the run before, which is just ending: the next opener undoes */
        if (lifecycle_set_running(&tx, &row, &st.started, err) < 0 || container_row_save(&tx, &row, false, err) < 0)
            return -1;
    }
    if (intent_row_delete(&tx, i->seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

/* With the file "lock" held, which taking may have made: a start that begins now waits for it before it makes anything. */
static int remove_unused_run_dir(struct creel *e, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    bool exists = container_row_get(e->store, id, &row, &get) == 0;
    if (!exists && get.kind != CREEL_NOT_FOUND)
        return creel_fail_as(err, &get);
    return exists && (row.state == CONTAINER_STARTING || lifecycle_is_up(&row)) ? 0 : remove_run_dir(e, id, err);
}

struct intent_query {
    int64_t seq;
    bool found;
};

static int find_intent(void *arg, const struct intent_row *i)
{
    struct intent_query *q = arg;
    q->found = q->found || i->seq == q->seq;
    return q->found;
}

static int recover_start(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    if (container_row_get(e->store, i->object, &row, &get) < 0)
        return get.kind == CREEL_NOT_FOUND ? drop_intent(e, i->seq, err) : creel_fail_as(err, &get);
    if (row.state != CONTAINER_STARTING)
        return drop_intent(e, i->seq, err);
    auto_fd lock = lifecycle_lock(e, row.id, true, false);
    if (lock == -EWOULDBLOCK)
        return adopt_run(e, i, err);
    if (lock < 0)
        return creel_fail(err, CREEL_INTERNAL, -lock, "lock the run directory of container %s", row.name);
    struct intent_query q = { .seq = i->seq };
    if (intent_row_each(e->store, find_intent, &q, err) < 0)
        return -1;
    if (!q.found) /* another opener was faster, and the row may be of a start after that one */
        return remove_unused_run_dir(e, row.id, err);
    struct creel_err none = { 0 };
    if (engine_commit_exit(e, row.id, row.run, &none) == 0)
        return drop_intent(e, i->seq, err);
    return lifecycle_undo_start(e, row.id, i->seq, 128, "the start was interrupted", err);
}

static int recover_freeze(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_cgroup cg = NULL;
    struct creel_err ignored = { 0 };
    int frozen = 0;
    if (container_row_get(e->store, i->object, &row, &ignored) == 0 && lifecycle_is_up(&row) && row.cgroup_path != NULL
        && cgroup_open(row.cgroup_path, e->cgroup_manager, &cg, &ignored) == 0)
        frozen = cgroup_is_frozen(cg);
    container_row_fini(&row);
    row = (struct container_row){ 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    if (frozen >= 0 && container_row_get(e->store, i->object, &row, &ignored) == 0 && lifecycle_is_up(&row)) {
        enum container_state want = frozen > 0 ? CONTAINER_PAUSED : CONTAINER_RUNNING;
        if (row.state != want
            && (lifecycle_move(&row, want, err) < 0 || container_row_save(&tx, &row, false, err) < 0))
            return -1;
    }
    if (intent_row_delete(&tx, i->seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int recover_remove(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    if (container_row_get(e->store, i->object, &row, &get) == 0) {
        if (remove_cgroup(e, &row, err) < 0 || lifecycle_remove_files(e, &row, err) < 0)
            return -1;
    } else if (get.kind != CREEL_NOT_FOUND) {
        return creel_fail_as(err, &get);
    }
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0)
        return -1;
    container_row_fini(&row);
    row = (struct container_row){ 0 };
    if (container_row_get(e->store, i->object, &row, &get) == 0 && row.state == CONTAINER_REMOVING
        && (append_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
            || container_row_delete(&tx, i->object, err) < 0))
        return -1;
    if (intent_row_delete(&tx, i->seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

int lifecycle_remove_ended(struct creel *e, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    struct creel_err get = { 0 };
    if (container_row_get(e->store, id, &row, &get) < 0)
        return get.kind == CREEL_NOT_FOUND ? 0 : creel_fail_as(err, &get);
    if (row.state != CONTAINER_EXITED || !row.auto_remove)
        return 0;
    struct creel_remove_options o = { .size = sizeof o };
    return creel_container_remove(e, row.id, &o, err);
}

/* A restart whose maker died: what it announced was that the container shall run. It may be stopped by now. */
static int recover_restart(struct creel *e, const struct intent_row *i, struct creel_err *err)
{
    return drop_intent(e, i->seq, err) < 0 ? -1 : lifecycle_remove_ended(e, i->object, err);
}

struct intent_list {
    struct intent_row *items;
    size_t count;
};

static int collect_abandoned(void *arg, const struct intent_row *i)
{
    struct intent_list *l = arg;
    if (!intent_row_abandoned(i))
        return 0;
    struct intent_row *items = realloc(l->items, (l->count + 1) * sizeof *items);
    if (items == NULL)
        return 1;
    l->items = items;
    struct intent_row copy = *i;
    copy.verb = strdup(i->verb);
    copy.object = strdup(i->object);
    copy.data = i->data != NULL ? strdup(i->data) : NULL;
    copy.boot_id = NULL;
    items[l->count++] = copy;
    return 0;
}

static int recover_intents(struct creel *e, struct creel_err *err)
{
    struct intent_list l = { 0 };
    int r = intent_row_each(e->store, collect_abandoned, &l, err);
    for (size_t k = 0; k < l.count; k++) {
        struct intent_row *i = &l.items[k];
        for (size_t j = 0; r >= 0 && i->verb != NULL && i->object != NULL && j < ARRAY_LEN(recoveries); j++)
            if (strcmp(recoveries[j].verb, i->verb) == 0)
                r = recoveries[j].recover(e, i, err);
        free(i->verb);
        free(i->object);
        free(i->data);
    }
    free(l.items);
    return r < 0 ? -1 : 0;
}

/* Records of runs whose monitor is gone. A living monitor sees to its record itself (its client or its helper). */
static int recover_exits(struct creel *e, struct creel_err *err)
{
    int fd = openat(e->root_fd, "exits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "open %s/exits", e->root);
    auto_dir DIR *d = fdopendir(fd);
    if (d == NULL) {
        (void)close(fd);
        return creel_fail(err, CREEL_INTERNAL, errno, "read %s/exits", e->root);
    }
    for (struct dirent *ent; (ent = readdir(d)) != NULL;) {
        char id[IDENT_LEN + 1];
        int64_t run;
        if (strlen(ent->d_name) < IDENT_LEN + 2 || ent->d_name[IDENT_LEN] != '.')
            continue;
        memcpy(id, ent->d_name, IDENT_LEN);
        id[IDENT_LEN] = '\0';
        if (!ident_is_full(id) || !parse_i64(ent->d_name + IDENT_LEN + 1, 1, INT64_MAX, &run)
            || engine_run_alive(e, id))
            continue;
        struct creel_err ignored = { 0 };
        (void)engine_commit_exit(e, id, run, &ignored); /* creel check tells of a record that cannot be read */
    }
    return 0;
}

/* Work in progress of makers that are gone. A failure is not this command's business: creel check tells of it. */
static void recover_staging(struct creel *e)
{
    static const char *const dirs[] = { "tmp", "trash" };
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        auto_fd fd = openat(e->root_fd, dirs[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            (void)staging_sweep(fd);
    }
}

int engine_recover(struct creel *e, struct creel_err *err)
{
    if (recover_exits(e, err) < 0 || recover_intents(e, err) < 0)
        return creel_wrap(err, "finishing what an interrupted command left");
    recover_staging(e);
    return 0;
}

/* --- settling --- */

struct maker_query {
    const char *id;
    struct intent_row found; /* strings are not kept */
    bool any, abandoned, restart;
};

static int find_maker(void *arg, const struct intent_row *i)
{
    struct maker_query *q = arg;
    if (strcmp(i->object, q->id) != 0)
        return 0;
    if (strcmp(i->verb, "restart") == 0) {
        q->restart = q->restart || !intent_row_abandoned(i);
        return 0;
    }
    q->any = true;
    q->found.maker_pid = i->maker_pid;
    q->abandoned = intent_row_abandoned(i);
    return 0;
}

static bool restart_in_progress(struct creel *e, const char *id, struct creel_err *err)
{
    struct maker_query q = { .id = id };
    return intent_row_each(e->store, find_maker, &q, err) >= 0 && q.restart;
}

/* Until something is committed or the maker of the pending intent ends. */
static int wait_for_maker(struct creel *e, const struct maker_query *q, struct creel_err *err)
{
    int changed = store_changed_fd(e->store, err);
    if (changed < 0)
        return -1;
    auto_fd maker = (int)syscall(SYS_pidfd_open, q->found.maker_pid, 0);
    struct pollfd fds[2] = { { .fd = changed, .events = POLLIN }, { .fd = maker, .events = POLLIN } };
    if (maker >= 0 && q->found.maker_pid != getpid() && poll(fds, 2, -1) < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for process %d", (int)q->found.maker_pid);
    return 0;
}

int lifecycle_settled(struct creel *e, const char *ref, struct container_row *ret, struct creel_err *err)
{
    char id[IDENT_LEN + 1];
    if (container_row_resolve(e->store, ref, id, err) < 0)
        return -1;
    bool watching = false; /* closing an inotify descriptor takes the kernel 10 ms: only when there is something to wait for */
    for (int without_maker = 0;;) {
        auto_row row = { 0 };
        struct creel_err get = { 0 };
        struct maker_query q = { .id = id };
        if (watching)
            store_changed_ack(e->store);
        if (container_row_get(e->store, id, &row, &get) < 0)
            return get.kind == CREEL_NOT_FOUND ? creel_fail(err, CREEL_NOT_FOUND, 0, "No such container: %s", ref)
                                               : creel_fail_as(err, &get);
        if (lifecycle_is_up(&row) && !engine_run_alive(e, id)) {
            if (engine_reconcile(e, id, err) < 0)
                return -1;
            continue;
        }
        if (row.state != CONTAINER_STARTING && row.state != CONTAINER_REMOVING) {
            *ret = row;
            row = (struct container_row){ 0 };
            return 0;
        }
        if (!watching) { /* from now on no change can be missed; look once more before sleeping */
            if (store_changed_fd(e->store, err) < 0)
                return -1;
            watching = true;
            continue;
        }
        if (intent_row_each(e->store, find_maker, &q, err) < 0)
            return -1;
        /* Row and intents are two reads, so a maker may have finished in between; but not again and again. */
        if (!q.any && ++without_maker > 3)
            return creel_fail(err, CREEL_CONFLICT, 0,
                              "container %s is %s, but nobody is at it; run \"creel check --repair\"", row.name,
                              lifecycle_state_name(row.state));
        if (q.any && !q.abandoned && wait_for_maker(e, &q, err) < 0)
            return -1;
        if (q.abandoned && engine_recover(e, err) < 0)
            return -1;
    }
}
