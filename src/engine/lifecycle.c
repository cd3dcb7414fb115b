/* SPDX-License-Identifier: Apache-2.0 */
/* engine/lifecycle.c: how container rows move. How they are brought back to the truth is in recover.c, waiting for those
 * who are at it in settle.c.
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

int lifecycle_event(struct store_tx *tx, const struct container_row *row, const char *action, char *attributes,
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

bool lifecycle_is_cleared(struct creel *e, const char *id)
{
    char path[96];
    (void)snprintf(path, sizeof path, "containers/%s", id);
    auto_fd fd = openat(e->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
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

int lifecycle_remove_run_dir(struct creel *e, const char *id, struct creel_err *err)
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

int lifecycle_remove_cgroup(struct creel *e, const struct container_row *row, struct creel_err *err)
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

struct restart_query {
    const char *id;
    bool found;
};

static int find_restart(void *arg, const struct intent_row *i)
{
    struct restart_query *q = arg;
    q->found = strcmp(i->verb, "restart") == 0 && strcmp(i->object, q->id) == 0 && !intent_row_abandoned(i);
    return q->found;
}

/* Then auto-remove does not apply to the end of the present run. */
static bool restart_in_progress(struct creel *e, const char *id)
{
    struct restart_query q = { .id = id };
    return intent_row_each(e->store, find_restart, &q, NULL) >= 0 && q.found;
}

static int die_event(struct store_tx *tx, const struct container_row *row, struct creel_err *err)
{
    struct creel_exit x = { .how = (enum creel_exit_how)row->exit_how, .number = row->exit_number };
    char code[16], duration[24];
    (void)snprintf(code, sizeof code, "%d", creel_exit_shell(&x));
    int64_t ran = row->finished_ns > row->started_ns ? (row->finished_ns - row->started_ns) / 1000000000 : 0;
    (void)snprintf(duration, sizeof duration, "%lld", (long long)ran);
    return lifecycle_event(tx, row, "die",
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
    if (row->oom_killed && lifecycle_event(tx, row, "oom", engine_event_attributes(row, NULL), err) < 0)
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
        if (lifecycle_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
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
    /* L5: the row is read after this. Without row and directory nobody can start it, and there is nothing to clear away. */
    bool gone = container_row_get(e->store, rec->id, &row, &get) < 0 && get.kind == CREEL_NOT_FOUND;
    auto_fd dir = lock_run_dir(e, rec->id, !gone);
    container_row_fini(&row);
    row = (struct container_row){ 0 };
    if (dir < 0 && !(gone && dir == -ENOENT))
        return creel_fail(err, CREEL_INTERNAL, -dir, "lock %s/containers/%s", e->run_root, rec->id);
    bool exists = container_row_get(e->store, rec->id, &row, &get) == 0;
    if (!exists && get.kind != CREEL_NOT_FOUND) {
        if (err != NULL)
            *err = get;
        return -1;
    }
    bool remove = exists && row.auto_remove && row.run == rec->run && !restart_in_progress(e, rec->id);
    if (remove && lifecycle_remove_files(e, &row, err) < 0) /* L3 */
        return -1;
    if (commit_exit_tx(e, rec, remove, err) < 0)
        return creel_wrap(err, "recording the exit of container %s", exists ? row.name : rec->id);
    char file[96];
    (void)snprintf(file, sizeof file, "exits/%s.%lld", rec->id, (long long)rec->run);
    if (unlinkat(e->root_fd, file, 0) < 0 && errno != ENOENT)
        return creel_fail(err, CREEL_INTERNAL, errno, "remove the exit record %s/%s", e->root, file);
    if (!exists || (!remove && row.run == rec->run))
        return lifecycle_remove_run_dir(e, rec->id, err);
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
    return lifecycle_event(tx, row, "start", engine_event_attributes(row, NULL), err);
}

int lifecycle_undo_start(struct creel *e, const char *id, int64_t intent, int exit_code, const char *why,
                         struct creel_err *err)
{
    auto_row row = { 0 };
    if (container_row_get(e->store, id, &row, err) < 0)
        return -1;
    bool remove = row.auto_remove && row.state == CONTAINER_STARTING && !restart_in_progress(e, id);
    if (lifecycle_remove_cgroup(e, &row, err) < 0)
        return -1;
    if (remove ? lifecycle_remove_files(e, &row, err) < 0 : lifecycle_remove_run_dir(e, id, err) < 0)
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
            if (lifecycle_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
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
