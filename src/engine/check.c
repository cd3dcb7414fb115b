/* SPDX-License-Identifier: Apache-2.0 */
/* engine/check.c: creel check: rows against the kernel's objects against directories.
 *
 * It runs beside other commands, so it has to tell a difference from work in progress:
 *   - Rows come before what is named after them and go after it. So the files and groups are listed first, then the
 *     rows; what has no row then, still exists, and still has no row, is garbage.
 *   - An object with an intent of a living process is somebody's work.
 *   - A container whose monitor's lock is held is that monitor's work.
 *   - Layers and blobs are compared under the images' lock (image_work.h, W4).
 * Several engines share the group /creel. A group without a row here is ours only if this store remembers the
 * container; others are left alone and not reported. */
#include "engine/check.h"

#include "engine/lifecycle.h"
#include "engine/staging.h"

#include "base/ident.h"
#include "base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

void check_report(struct check *c, const char *what, const char *object, check_mend mend, const char *fmt, ...)
{
    char detail[768], text[sizeof detail + sizeof((struct creel_err *)0)->text];
    struct creel_err why = { 0 };
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(detail, sizeof detail, fmt, ap) < 0)
        detail[0] = '\0';
    va_end(ap);
    c->found++;
    int mended = c->repair && mend != NULL ? mend(c, object, &why) : -1;
    const char *note = "";
    if (c->repair && mend == NULL)
        note = "; this cannot be repaired";
    else if (c->repair && mended < 0)
        note = "; repairing it failed: ";
    (void)snprintf(text, sizeof text, "%s%s%s", detail, note, mended < 0 ? why.text : "");
    c->each(c->arg, &(struct creel_finding){ .what = what, .object = object, .detail = text, .repaired = mended == 0 });
}

/* --- lists of names --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int check_list_dir(int root_fd, const char *dir, bool hidden_too, struct strv *ret, struct creel_err *err)
{
    int fd = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : creel_fail(err, creel_kind_of_errno(errno), errno, "open directory %s", dir);
    auto_dir DIR *d = fdopendir(fd);
    if (d == NULL) {
        (void)close(fd);
        return creel_fail(err, CREEL_INTERNAL, errno, "read directory %s", dir);
    }
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL && errno != 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "read directory %s", dir);
        if (ent == NULL)
            break;
        bool dots = strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0;
        if (!dots && (hidden_too || ent->d_name[0] != '.') && !strv_add(ret, ent->d_name))
            return creel_fail_nomem(err);
    }
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_names);
    return 0;
}

bool check_has(const struct strv *sorted, const char *name)
{
    return sorted->count > 0
           && bsearch(&name, sorted->items, sorted->count, sizeof *sorted->items, compare_names) != NULL;
}

/* --- containers: what is compared --- */

struct known {
    char id[IDENT_LEN + 1], name[256];
    enum container_state state;
    int64_t run;
    char *cgroup_path;  /* NULL when it is the usual one */
};

struct world {
    const struct creel *e;
    struct strv groups, dirs, run_dirs, exits; /* listed before the rows */
    struct strv busy;                           /* objects with an intent of a living process */
    size_t abandoned;
    struct known *rows;                         /* sorted by id */
    size_t count, cap;
    bool failed;
};

static void world_fini(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->rows[i].cgroup_path);
    free(w->rows);
    strv_fini(&w->groups);
    strv_fini(&w->dirs);
    strv_fini(&w->run_dirs);
    strv_fini(&w->exits);
    strv_fini(&w->busy);
}

static const char scope_prefix[] = "creel-", scope_suffix[] = ".scope";

/* As container_spec_cgroup names it when nothing else is asked for. */
static void default_cgroup(const struct creel *e, const char *id, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%s%s", e->cgroup_manager == CGROUP_SYSTEMD ? "system.slice:creel:" : "/creel/", id);
}

/* The ids of the groups that have such names. */
static int list_groups(const struct creel *e, struct strv *ret, struct creel_err *err)
{
    const size_t before = sizeof scope_prefix - 1, after = sizeof scope_suffix - 1;
    if (e->cgroup_manager != CGROUP_SYSTEMD)
        return cgroup_list_children("/creel", ret, err);
    auto_strv scopes = STRV_INIT;
    if (cgroup_list_children("/system.slice", &scopes, err) < 0)
        return -1;
    for (size_t i = 0; i < scopes.count; i++) {
        const char *name = scopes.items[i];
        size_t n = strlen(name);
        if (n > before + after && memcmp(name, scope_prefix, before) == 0 && strcmp(name + n - after, scope_suffix) == 0
            && !strv_addn(ret, name + before, n - before - after))
            return creel_fail_nomem(err);
    }
    return 0;
}

static int add_row(void *arg, const struct container_row *r)
{
    struct world *w = arg;
    char usual[96];
    if (w->count == w->cap) {
        size_t cap = w->cap == 0 ? 64 : w->cap * 2;
        struct known *rows = realloc(w->rows, cap * sizeof *rows);
        w->failed = rows == NULL;
        if (w->failed)
            return 1;
        w->rows = rows;
        w->cap = cap;
    }
    struct known *k = &w->rows[w->count];
    *k = (struct known){ .state = r->state, .run = r->run };
    memcpy(k->id, r->id, sizeof k->id);
    (void)snprintf(k->name, sizeof k->name, "%s", r->name != NULL ? r->name : r->id);
    default_cgroup(w->e, r->id, usual, sizeof usual);
    if (r->cgroup_path != NULL && strcmp(r->cgroup_path, usual) != 0) {
        k->cgroup_path = strdup(r->cgroup_path);
        w->failed = k->cgroup_path == NULL;
    }
    w->count++;
    return w->failed;
}

static int add_intent(void *arg, const struct intent_row *i)
{
    struct world *w = arg;
    if (intent_row_abandoned(i))
        w->abandoned++;
    else if (!strv_add(&w->busy, i->object))
        w->failed = true;
    return w->failed;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static const struct known *find_row(const struct world *w, const char *id)
{
    struct known key = { .run = 0 };
    (void)snprintf(key.id, sizeof key.id, "%s", id);
    return w->count > 0 && strlen(id) <= IDENT_LEN ? bsearch(&key, w->rows, w->count, sizeof key, compare_rows) : NULL;
}

static int look(struct check *c, struct world *w, struct creel_err *err)
{
    struct creel *e = c->e;
    if (list_groups(e, &w->groups, err) < 0
        || check_list_dir(e->root_fd, "containers", false, &w->dirs, err) < 0
        || check_list_dir(e->run_fd, "containers", false, &w->run_dirs, err) < 0
        || check_list_dir(e->root_fd, "exits", true, &w->exits, err) < 0)
        return -1;
    if (w->groups.count > 1)
        qsort(w->groups.items, w->groups.count, sizeof *w->groups.items, compare_names);
    if (store_read_begin(e->store, NULL, err) < 0)
        return -1;
    int r = container_row_each(e->store, 0, 0, false, add_row, w, err) < 0
                    || intent_row_each(e->store, add_intent, w, err) < 0
                ? -1
                : 0;
    store_read_end(e->store);
    if (w->failed)
        return creel_fail_nomem(err);
    if (w->count > 1)
        qsort(w->rows, w->count, sizeof *w->rows, compare_rows);
    return r;
}

/* The row as it is now; false when it is gone (or cannot be read, which the next read will tell). */
static bool row_now(struct check *c, const char *id, struct container_row *ret)
{
    struct creel_err ignored = { 0 };
    return container_row_get(c->e->store, id, ret, &ignored) == 0;
}

static bool row_gone(struct check *c, const char *id)
{
    struct creel_err err = { 0 };
    struct container_row row;
    if (container_row_get(c->e->store, id, &row, &err) == 0) {
        container_row_fini(&row);
        return false;
    }
    return err.kind == CREEL_NOT_FOUND;
}

/* --- containers: mending --- */

static int end_group(struct check *c, const char *path, struct creel_err *err)
{
    auto_cgroup cg = NULL;
    struct creel_err open_err = { 0 };
    if (cgroup_open(path, c->e->cgroup_manager, &cg, &open_err) < 0) {
        if (open_err.kind == CREEL_NOT_FOUND)
            return 0;
        return creel_fail_as(err, &open_err);
    }
    return cgroup_kill(cg, SIGKILL, err) < 0 || cgroup_destroy(cg, err) < 0 ? -1 : 0;
}

/* The group of a container that has a row but no process: under the container's lock, so that no start is under
 * way. */
static int mend_stale_group(struct check *c, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    char path[96];
    auto_fd lock = lifecycle_lock(c->e, id, true, false);
    if (lock < 0)
        return creel_fail(err, CREEL_CONFLICT, -lock, "lock the container's run directory");
    if (row_now(c, id, &row) && (lifecycle_is_up(&row) || row.state == CONTAINER_STARTING))
        return 0; /* started meanwhile */
    default_cgroup(c->e, id, path, sizeof path);
    if (end_group(c, row.cgroup_path != NULL ? row.cgroup_path : path, err) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "containers/%s", id); /* with the lock file that we may have made */
    int r = tree_remove(c->e->run_fd, path);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", c->e->run_root, path) : 0;
}

static int mend_orphan_group(struct check *c, const char *id, struct creel_err *err)
{
    char path[96];
    default_cgroup(c->e, id, path, sizeof path);
    return end_group(c, path, err);
}

static int mend_reconcile(struct check *c, const char *id, struct creel_err *err)
{
    return engine_reconcile(c->e, id, err);
}

static int mend_intents(struct check *c, const char *object, struct creel_err *err)
{
    (void)object;
    return engine_recover(c->e, err);
}

struct maker { const char *object; bool found; };

static int find_maker(void *arg, const struct intent_row *i)
{
    struct maker *m = arg;
    m->found = strcmp(i->object, m->object) == 0 && strcmp(i->verb, "restart") != 0;
    return m->found;
}

/* A row between two states, and nobody's intent: on to where its verb fails to. With the lock held nobody can begin anew. */
static int mend_between(struct check *c, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_fd lock = lifecycle_lock(c->e, id, true, false);
    if (lock < 0)
        return creel_fail(err, CREEL_CONFLICT, -lock, "lock the container's run directory");
    struct maker m = { .object = id };
    if (intent_row_each(c->e->store, find_maker, &m, err) < 0)
        return -1;
    if (m.found || !row_now(c, id, &row)) /* somebody is at it by now, or there is an intent to recover */
        return 0;
    if (row.state == CONTAINER_STARTING)
        return lifecycle_undo_start(c->e, id, -1, 128, "the start was interrupted", err);
    if (row.state != CONTAINER_REMOVING)
        return 0;
    {
        auto_tx tx = { 0 };
        if (store_begin(c->e->store, &tx, err) < 0 || lifecycle_move(&row, CONTAINER_DEAD, err) < 0
            || container_row_save(&tx, &row, false, err) < 0 || store_commit(&tx, err) < 0)
            return -1;
    }
    fd_closep(&lock);
    const struct creel_remove_options o = { .size = sizeof o };
    return creel_container_remove(c->e, id, &o, err);
}

static int mend_paused(struct check *c, const char *id, struct creel_err *err)
{
    auto_row row = { 0 };
    auto_cgroup cg = NULL;
    auto_tx tx = { 0 };
    if (store_begin(c->e->store, &tx, err) < 0 || container_row_get(c->e->store, id, &row, err) < 0)
        return -1;
    if (!lifecycle_is_up(&row) || row.cgroup_path == NULL)
        return 0;
    if (cgroup_open(row.cgroup_path, c->e->cgroup_manager, &cg, err) < 0)
        return -1;
    enum container_state is = cgroup_is_frozen(cg) > 0 ? CONTAINER_PAUSED : CONTAINER_RUNNING;
    if (is == row.state)
        return 0;
    if (lifecycle_move(&row, is, err) < 0 || container_row_save(&tx, &row, false, err) < 0)
        return -1;
    return store_commit(&tx, err);
}

static int mend_files(struct check *c, const char *id, struct creel_err *err)
{
    char path[96];
    default_cgroup(c->e, id, path, sizeof path);
    if (ident_is_full(id) && end_group(c, path, err) < 0) /* nothing may run in what is removed */
        return -1;
    return engine_bundle_remove(c->e, id, err);
}

static int mend_exit_file(struct check *c, const char *file, struct creel_err *err)
{
    auto_fd exits = openat(c->e->root_fd, "exits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (exits < 0 || (unlinkat(exits, file, 0) < 0 && errno != ENOENT))
        return creel_fail(err, CREEL_INTERNAL, errno, "remove %s/exits/%s", c->e->root, file);
    return 0;
}

/* --- containers: comparing --- */

static bool group_exists(struct check *c, const char *path)
{
    auto_cgroup cg = NULL;
    struct creel_err ignored = { 0 };
    return cgroup_open(path, c->e->cgroup_manager, &cg, &ignored) == 0;
}

/* A record of a run that has just ended is committed, as any command does that opens the engine. */
static bool commit_record(struct check *c, const char *id, int64_t run)
{
    struct creel_err ignored = { 0 };
    return engine_commit_exit(c->e, id, run, &ignored) == 0;
}

/* The row says it runs; nobody holds its lock; and the row still says so, for the same run. A container that is being
 * removed at its end has no lock file for a moment, but its exit record is there until the end is committed. */
static bool is_stale(struct check *c, const struct known *k)
{
    auto_row row = { 0 };
    return !engine_run_alive(c->e, k->id) && !commit_record(c, k->id, k->run) && row_now(c, k->id, &row)
           && lifecycle_is_up(&row) && row.run == k->run && !engine_run_alive(c->e, k->id);
}

static void check_frozen(struct check *c, const struct known *k)
{
    auto_row row = { 0 };
    auto_cgroup cg = NULL;
    struct creel_err ignored = { 0 };
    char usual[96];
    default_cgroup(c->e, k->id, usual, sizeof usual);
    if (cgroup_open(k->cgroup_path != NULL ? k->cgroup_path : usual, c->e->cgroup_manager, &cg, &ignored) < 0)
        return; /* it is just ending */
    int frozen = cgroup_is_frozen(cg);
    if (frozen < 0 || (frozen > 0) == (k->state == CONTAINER_PAUSED) || !row_now(c, k->id, &row)
        || row.state != k->state || row.run != k->run || !engine_run_alive(c->e, k->id))
        return;
    check_report(c, "wrong-pause", k->id, mend_paused, "container %s is recorded as %s but its processes are %s", k->name,
                 lifecycle_state_name(k->state), frozen > 0 ? "frozen" : "running");
}

static void check_down(struct check *c, const struct world *w, const struct known *k)
{
    bool group = k->cgroup_path != NULL ? k->run > 0 && group_exists(c, k->cgroup_path) : check_has(&w->groups, k->id);
    char usual[96];
    default_cgroup(c->e, k->id, usual, sizeof usual);
    const char *path = k->cgroup_path != NULL ? k->cgroup_path : usual;
    auto_row row = { 0 };
    if (group && !engine_run_alive(c->e, k->id) && row_now(c, k->id, &row) && row.state == k->state && row.run == k->run
        && group_exists(c, path))
        check_report(c, "stale-cgroup", k->id, mend_stale_group, "container %s is %s but its control group %s is still there",
                     k->name, lifecycle_state_name(k->state), path);
    if (k->run > 0 && k->state == CONTAINER_EXITED && !check_has(&w->dirs, k->id) && !row_gone(c, k->id))
        check_report(c, "lost-files", k->id, NULL, "container %s has run but its files %s/containers/%s are gone; remove it",
                     k->name, c->e->root, k->id);
}

static void check_row(struct check *c, const struct world *w, const struct known *k)
{
    if (strv_has(&w->busy, k->id))
        return;
    switch (k->state) {
    case CONTAINER_RUNNING:
    case CONTAINER_PAUSED:
        if (is_stale(c, k))
            check_report(c, "stale-running", k->id, mend_reconcile,
                         "container %s is recorded as %s but its monitor is gone", k->name, lifecycle_state_name(k->state));
        else
            check_frozen(c, k);
        break;
    case CONTAINER_STARTING:
    case CONTAINER_REMOVING: {
        auto_row row = { 0 };
        if (!engine_run_alive(c->e, k->id) && row_now(c, k->id, &row) && row.state == k->state && row.run == k->run)
            check_report(c, "interrupted", k->id, mend_between, "container %s is %s but nobody is at it", k->name,
                         lifecycle_state_name(k->state));
        break;
    }
    case CONTAINER_CREATED:
    case CONTAINER_EXITED:
    case CONTAINER_DEAD:
        check_down(c, w, k);
        break;
    case CONTAINER_STATE_COUNT:
        break;
    }
}

static int check_groups(struct check *c, const struct world *w, struct creel_err *err)
{
    for (size_t i = 0; i < w->groups.count; i++) {
        const char *id = w->groups.items[i];
        char path[96];
        if (!ident_is_full(id) || find_row(w, id) != NULL)
            continue;
        int ours = container_id_known(c->e->store, id, err);
        if (ours < 0)
            return -1;
        default_cgroup(c->e, id, path, sizeof path);
        if (ours > 0 && row_gone(c, id) && !engine_run_alive(c->e, id) && group_exists(c, path))
            check_report(c, "orphan-cgroup", id, mend_orphan_group, "control group %s belongs to no container", path);
    }
    return 0;
}

static bool entry_exists(int dir_fd, const char *dir, const char *name)
{
    struct stat st;
    auto_fd fd = openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Directories named after containers; in the run root and in the root the same name is one difference. */
static void check_dirs(struct check *c, const struct world *w)
{
    const struct { const struct strv *names; int fd; const char *root; } places[] = {
        { &w->dirs, c->e->root_fd, c->e->root }, { &w->run_dirs, c->e->run_fd, c->e->run_root },
    };
    for (size_t p = 0; p < ARRAY_LEN(places); p++) {
        for (size_t i = 0; i < places[p].names->count; i++) {
            const char *name = places[p].names->items[i];
            if (find_row(w, name) != NULL || strv_has(&w->busy, name) || !row_gone(c, name)
                || lifecycle_is_cleared(c->e, name) || !entry_exists(places[p].fd, "containers", name))
                continue;
            if (p > 0 && check_has(&w->dirs, name) && entry_exists(c->e->root_fd, "containers", name))
                continue; /* told already, and not mended */
            bool alive = ident_is_full(name) && engine_run_alive(c->e, name);
            check_report(c, alive ? "orphan-container" : "orphan-directory", name, mend_files,
                         alive ? "%s/containers/%s belongs to a container that runs but has no row"
                               : "%s/containers/%s belongs to no container",
                         places[p].root, name);
        }
    }
}

/* Records that are left after recovery: unreadable ones, and the beginnings of ones whose monitor died. */
static void check_exits(struct check *c, const struct world *w)
{
    for (size_t i = 0; i < w->exits.count; i++) {
        const char *file = w->exits.items[i], *start = file[0] == '.' ? file + 1 : file;
        char id[IDENT_LEN + 1];
        (void)snprintf(id, sizeof id, "%.*s", IDENT_LEN, start);
        int64_t run = 0;
        bool named = ident_is_full(id) && start[IDENT_LEN] == '.';
        if (named && (engine_run_alive(c->e, id) || strv_has(&w->busy, id)))
            continue;
        if ((named && parse_i64(file + IDENT_LEN + 1, 1, INT64_MAX, &run) && commit_record(c, id, run))
            || !entry_exists(c->e->root_fd, "exits", file))
            continue;
        check_report(c, "orphan-exit-record", file, mend_exit_file,
                     "%s/exits/%s is %s", c->e->root, file,
                     !named ? "no exit record" : file[0] == '.' ? "an exit record that was never finished"
                                                                : "an exit record that cannot be committed");
    }
}

static int check_containers(struct check *c, struct creel_err *err)
{
    auto_cleanup(world_fini) struct world w = { .e = c->e };
    if (look(c, &w, err) < 0)
        return -1;
    if (w.abandoned > 0)
        check_report(c, "abandoned-intent", "store", mend_intents, "%zu interrupted commands could not be finished or undone",
                     w.abandoned);
    for (size_t i = 0; i < w.count; i++)
        check_row(c, &w, &w.rows[i]);
    check_dirs(c, &w);
    check_exits(c, &w);
    return check_groups(c, &w, err);
}

/* --- the rest --- */

static void report_problem(void *arg, const char *problem)
{
    struct check *c = arg;
    check_report(c, "damaged-store", "store.db", NULL, "the database is damaged: %s; restore a backup or rebuild it with "
                 "\"sqlite3 store.db .recover\"", problem != NULL ? problem : "?");
}

static int mend_staged(struct check *c, const char *object, struct creel_err *err)
{
    int r = tree_remove(c->e->root_fd, object);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", c->e->root, object) : 0;
}

static int check_staging(struct check *c, const char *dir, struct creel_err *err)
{
    auto_strv names = STRV_INIT;
    if (check_list_dir(c->e->root_fd, dir, true, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        auto_free char *path = NULL;
        if (staging_alive(names.items[i]) || !entry_exists(c->e->root_fd, dir, names.items[i]))
            continue;
        if (asprintf(&path, "%s/%s", dir, names.items[i]) < 0)
            return creel_fail_nomem(err);
        check_report(c, "abandoned-work", path, mend_staged, "%s/%s was left by a process that is gone", c->e->root, path);
    }
    return 0;
}

static int mend_root(struct check *c, const char *object, struct creel_err *err)
{
    (void)object;
    return engine_root_make(c->e, err);
}

/* Without them no container starts. They are made again all at once, so one difference stands for them. */
static void check_root(struct check *c)
{
    const char *missing = engine_root_missing(c->e);
    if (missing != NULL)
        check_report(c, "missing-directory", missing, mend_root, "%s/%s is missing, which every engine has", c->e->root,
                     missing);
}

int creel_check(struct creel *e, int repair, void (*each)(void *arg, const struct creel_finding *f), void *arg,
                struct creel_err *err)
{
    struct check c = { .e = e, .repair = repair != 0, .each = each, .arg = arg };
    if (store_verify(e->store, report_problem, &c, err) < 0)
        return -1;
    if (c.found > 0)
        return c.found; /* nothing that such a store says may be acted upon */
    /* A run that ended without a word is no difference between records: what is observed is recomputed first. What
     * then is still running without a monitor could not be ended. */
    struct creel_err ignored = { 0 };
    (void)engine_refresh(e, &ignored);
    check_root(&c);
    if (check_containers(&c, err) < 0 || check_images(&c, err) < 0 || check_staging(&c, "tmp", err) < 0
        || check_staging(&c, "trash", err) < 0)
        return -1;
    return c.found;
}
