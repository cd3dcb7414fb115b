/* SPDX-License-Identifier: Apache-2.0 */
/* engine/recover.c: bringing rows back to the truth: a run whose monitor is gone, an intent whose maker is gone, a record
 * nobody has committed. Every step may be done again, by several processes at once, and be interrupted again. It never
 * kills by a stored pid (lifecycle.c, L4), and never waits for a living process: what cannot be finished now is left to
 * the next opener. */
#include "engine/image_work.h"
#include "engine/lifecycle.h"

#include "base/clock.h"
#include "base/ident.h"
#include "base/parse.h"
#include "engine/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ADOPT_WAIT_MS = 1000 }; /* what a command on other containers may lose by a monitor that does not answer */

/* --- runs --- */

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
    if (lifecycle_remove_cgroup(e, row, err) < 0)
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
            return lifecycle_remove_run_dir(e, id, err); /* we may just have made it */
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
static int adopt_run(struct creel *e, const struct intent_row *i, int64_t run, struct creel_err *err)
{
    auto_link link = NULL;
    struct monitor_status st = { 0 };
    struct creel_err ask = { 0 };
    if (lifecycle_connect(e, i->object, &link, &ask) < 0 || monitor_query(link, ADOPT_WAIT_MS, &st, &ask) < 0)
        return 0; /* still launching, stopped, or just ending: the next opener sees how it went */
    if (st.run != run)
        return 0; /* the monitor of the run before, which is just ending: the next opener undoes */
    auto_row row = { 0 };
    auto_tx tx = { 0 };
    if (store_begin(e->store, &tx, err) < 0 || container_row_get(e->store, i->object, &row, err) < 0)
        return -1;
    if (row.state == CONTAINER_STARTING && row.run != run)
        return 0; /* somebody recovered it, and the row is of a start after that one */
    if (row.state == CONTAINER_STARTING
        && (lifecycle_set_running(&tx, &row, &st.started, err) < 0 || container_row_save(&tx, &row, false, err) < 0))
        return -1;
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
    return exists && (row.state == CONTAINER_STARTING || lifecycle_is_up(&row)) ? 0 : lifecycle_remove_run_dir(e, id, err);
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
    if (engine_run_alive(e, row.id)) /* asked first: opening the lock for writing wakes who waits for the monitor */
        return adopt_run(e, i, row.run, err);
    auto_fd lock = lifecycle_lock(e, row.id, true, false);
    if (lock == -EWOULDBLOCK)
        return adopt_run(e, i, row.run, err);
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
        if (lifecycle_remove_cgroup(e, &row, err) < 0 || lifecycle_remove_files(e, &row, err) < 0)
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
        && (lifecycle_event(&tx, &row, "destroy", engine_event_attributes(&row, NULL), err) < 0
            || container_row_delete(&tx, i->object, err) < 0))
        return -1;
    if (intent_row_delete(&tx, i->seq, err) < 0)
        return -1;
    return store_commit(&tx, err);
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
