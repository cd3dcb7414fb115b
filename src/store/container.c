/* SPDX-License-Identifier: Apache-2.0 */
/* store/container.c: container rows.
 *
 * A container is a row in `objects` (id, name), one in `containers` (what lists need) and one in `specs` (its
 * documents). The table `fields` below is the one place that knows which member is which column; the statements name
 * the columns in the same order. */
#include "store/container.h"
#include "store/internal.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

enum field_type { FIELD_TEXT, FIELD_I64, FIELD_U64, FIELD_INT, FIELD_BOOL };

#define FIELD(kind, member) { kind, false, offsetof(struct container_row, member) }
#define LISTED(kind, member) { kind, true, offsetof(struct container_row, member) }
static const struct { enum field_type type; bool listed; size_t at; } fields[] = {
    FIELD(FIELD_I64, spec_rev),               FIELD(FIELD_I64, status_rev),
    LISTED(FIELD_INT, state),                 FIELD(FIELD_INT, desired),
    LISTED(FIELD_TEXT, image_id),             LISTED(FIELD_TEXT, image_ref),
    LISTED(FIELD_TEXT, command),              LISTED(FIELD_TEXT, labels),
    LISTED(FIELD_TEXT, mounts),               LISTED(FIELD_TEXT, network_mode),
    FIELD(FIELD_BOOL, auto_remove),           FIELD(FIELD_BOOL, tty),
    FIELD(FIELD_BOOL, open_stdin),            FIELD(FIELD_BOOL, oom_killed),
    FIELD(FIELD_BOOL, started_before),        FIELD(FIELD_BOOL, manually_stopped),
    LISTED(FIELD_I64, run),                   LISTED(FIELD_INT, pid),
    FIELD(FIELD_U64, pid_start),              FIELD(FIELD_INT, monitor_pid),
    FIELD(FIELD_U64, monitor_start),          LISTED(FIELD_TEXT, boot_id),
    LISTED(FIELD_I64, started_ns),            LISTED(FIELD_I64, finished_ns),
    LISTED(FIELD_INT, exit_how),              LISTED(FIELD_INT, exit_number),
    FIELD(FIELD_TEXT, error),                 FIELD(FIELD_TEXT, cgroup_path),
    FIELD(FIELD_TEXT, runtime),               FIELD(FIELD_TEXT, log_path),
    FIELD(FIELD_INT, restart_count),
};
#undef FIELD
#undef LISTED
enum { FIELD_COUNT = (int)ARRAY_LEN(fields) };
static_assert(ARRAY_LEN(fields) == 31, "the statements below name 31 columns");
static_assert(sizeof(pid_t) == sizeof(int) && sizeof(enum container_state) == sizeof(int), "FIELD_INT");

/* Column numbers as in `fields`, from 1; ?32 is n (or id), ?33 created_ns. */
static const char insert_sql[] =
    "INSERT INTO containers(spec_rev,status_rev,state,desired,image_id,image_ref,command,labels,mounts,network_mode,"
    "auto_remove,tty,open_stdin,oom_killed,started_before,manually_stopped,run,pid,pid_start,monitor_pid,monitor_start,"
    "boot_id,started_ns,finished_ns,exit_how,exit_number,error,cgroup_path,runtime,log_path,restart_count,n,created_ns)"
    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,"
    "?30,?31,?32,?33)";
static const char update_sql[] =
    "UPDATE containers SET spec_rev=?1,status_rev=?2,state=?3,desired=?4,image_id=?5,image_ref=?6,command=?7,labels=?8,"
    "mounts=?9,network_mode=?10,auto_remove=?11,tty=?12,open_stdin=?13,oom_killed=?14,started_before=?15,"
    "manually_stopped=?16,run=?17,pid=?18,pid_start=?19,monitor_pid=?20,monitor_start=?21,boot_id=?22,started_ns=?23,"
    "finished_ns=?24,exit_how=?25,exit_number=?26,error=?27,cgroup_path=?28,runtime=?29,log_path=?30,restart_count=?31 "
    "WHERE n=(SELECT n FROM objects WHERE id=?32)";
#define COLUMNS                                                                                                       \
    "o.id,o.name,o.namespace,c.created_ns,c.spec_rev,c.status_rev,c.state,c.desired,c.image_id,c.image_ref,c.command,"  \
    "c.labels,c.mounts,c.network_mode,c.auto_remove,c.tty,c.open_stdin,c.oom_killed,c.started_before,"                  \
    "c.manually_stopped,c.run,c.pid,c.pid_start,c.monitor_pid,c.monitor_start,c.boot_id,c.started_ns,c.finished_ns,"     \
    "c.exit_how,c.exit_number,c.error,c.cgroup_path,c.runtime,c.log_path,c.restart_count"
#define LISTED_COLUMNS                                                                                                \
    "o.id,o.name,o.namespace,c.created_ns,c.state,c.image_id,c.image_ref,c.command,c.labels,c.mounts,c.network_mode,"   \
    "c.run,c.pid,c.boot_id,c.started_ns,c.finished_ns,c.exit_how,c.exit_number"
#define ROWS " FROM containers c CROSS JOIN objects o ON o.n=c.n "
#define SPECS "LEFT JOIN specs s ON s.n=c.n "
#define NEWEST "WHERE (?1>>c.state)&1 ORDER BY c.created_ns DESC LIMIT ?2"
enum { COL_ID, COL_NAME, COL_NAMESPACE, COL_CREATED, COL_FIELDS }; /* the documents come last */
static const char get_sql[] = "SELECT " COLUMNS ",s.document FROM objects o JOIN containers c ON c.n=o.n "
                              "LEFT JOIN specs s ON s.n=o.n WHERE o.id=?1";
static const char *const each_sql[2][2] = { /* [only listed columns][with documents] */
    { "SELECT " COLUMNS ROWS NEWEST, "SELECT " COLUMNS ",s.document" ROWS SPECS NEWEST },
    { "SELECT " LISTED_COLUMNS ROWS NEWEST, "SELECT " LISTED_COLUMNS ",s.document" ROWS SPECS NEWEST },
};
#undef COLUMNS
#undef LISTED_COLUMNS
#undef ROWS
#undef SPECS
#undef NEWEST

void container_row_fini(struct container_row *r)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        void *at = (char *)r + fields[i].at;
        if (fields[i].type == FIELD_TEXT)
            free(*(char **)at);
    }
    free(r->name);
    free(r->namespace_);
    free(r->spec);
    *r = (struct container_row){ .run = 0 };
}

static void bind_fields(struct stmt *st, const struct container_row *r)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const void *at = (const char *)r + fields[i].at;
        switch (fields[i].type) {
        case FIELD_TEXT:
            stmt_bind_text(st, i + 1, *(char *const *)at);
            break;
        case FIELD_I64:
            stmt_bind_int(st, i + 1, *(const int64_t *)at);
            break;
        case FIELD_U64:
            stmt_bind_int(st, i + 1, (int64_t)*(const uint64_t *)at);
            break;
        case FIELD_INT:
            stmt_bind_int(st, i + 1, *(const int *)at);
            break;
        case FIELD_BOOL:
            stmt_bind_int(st, i + 1, *(const bool *)at);
            break;
        }
    }
}

/* Numbers that no program of ours wrote would index tables out of bounds: a damaged or foreign store. */
static int check_enums(const struct container_row *r, struct creel_err *err)
{
    if ((unsigned)r->state < CONTAINER_STATE_COUNT && (unsigned)r->desired <= DESIRED_GONE
        && (unsigned)r->exit_how <= EXIT_UNKNOWN)
        return 0;
    return creel_fail(err, CREEL_INTERNAL, 0, "the store's row of container %s is damaged (state %d, desired %d, exit %d)",
                      r->id, (int)r->state, (int)r->desired, (int)r->exit_how);
}

struct load {
    /* stmt_dup: the row owns its texts (on failure *r holds what was loaded so far). stmt_borrow: valid until the
     * next step; ten thousand rows need not be a hundred thousand allocations. */
    bool (*text)(struct stmt *st, int col, char **ret);
    bool only_listed, with_spec;
};

static int load_row(struct stmt *st, struct container_row *r, const struct load *how, struct creel_err *err)
{
    int col = COL_FIELDS;
    if (stmt_copy(st, COL_ID, r->id, sizeof r->id, err) < 0)
        return -1;
    bool ok = how->text(st, COL_NAME, &r->name);
    ok = how->text(st, COL_NAMESPACE, &r->namespace_) && ok;
    r->created_ns = stmt_int(st, COL_CREATED);
    for (int i = 0; i < FIELD_COUNT; i++) {
        void *at = (char *)r + fields[i].at;
        if (how->only_listed && !fields[i].listed)
            continue;
        switch (fields[i].type) {
        case FIELD_TEXT:
            ok = how->text(st, col++, at) && ok;
            break;
        case FIELD_I64:
            *(int64_t *)at = stmt_int(st, col++);
            break;
        case FIELD_U64:
            *(uint64_t *)at = (uint64_t)stmt_int(st, col++);
            break;
        case FIELD_INT:
            *(int *)at = (int)stmt_int(st, col++);
            break;
        case FIELD_BOOL:
            *(bool *)at = stmt_int(st, col++) != 0;
            break;
        }
    }
    if (how->with_spec)
        ok = how->text(st, col, &r->spec) && ok;
    return ok ? check_enums(r, err) : creel_fail_nomem(err);
}

static int save_spec(struct store *s, int64_t n, const char *document, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "INSERT INTO specs(n,document)VALUES(?1,?2)ON CONFLICT(n)DO UPDATE SET document=?2", err) < 0)
        return -1;
    stmt_bind_int(&st, 1, n);
    stmt_bind_text(&st, 2, document);
    return stmt_run(&st, err) < 0 ? -1 : 0;
}

int container_row_insert(struct store_tx *tx, struct container_row *r, char *ret_holder, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    int64_t n;
    if (object_insert(tx, OBJECT_CONTAINER, r->id, r->name, r->namespace_, &n, ret_holder, err) < 0)
        return -1;
    r->spec_rev = r->status_rev = tx->rev;
    {
        auto_stmt st;
        if (stmt_open(s, &st, insert_sql, err) < 0)
            return -1;
        bind_fields(&st, r);
        stmt_bind_int(&st, FIELD_COUNT + 1, n);
        stmt_bind_int(&st, FIELD_COUNT + 2, r->created_ns);
        if (stmt_run(&st, err) < 0)
            return creel_wrap(err, "storing container %s", r->id);
    }
    return r->spec != NULL ? save_spec(s, n, r->spec, err) : 0;
}

static int fail_gone(const char *id, struct creel_err *err)
{
    return creel_fail(err, CREEL_NOT_FOUND, 0, "No such container: %s", id);
}

/* The key of the container's rows. 1, 0 (no such container) or -1. */
static int row_number(struct store *s, const char *id, int64_t *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT n FROM objects WHERE id=?1 AND kind=1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int r = stmt_step(&st, err);
    if (r > 0)
        *ret = stmt_int(&st, 0);
    return r;
}

int container_row_save(struct store_tx *tx, struct container_row *r, bool spec_changed, struct creel_err *err)
{
    struct store *s = tx_store(tx);
    *(spec_changed ? &r->spec_rev : &r->status_rev) = tx->rev;
    {
        auto_stmt st;
        if (stmt_open(s, &st, update_sql, err) < 0)
            return -1;
        bind_fields(&st, r);
        stmt_bind_text(&st, FIELD_COUNT + 1, r->id);
        int changed = stmt_run(&st, err);
        if (changed < 0)
            return creel_wrap(err, "storing container %s", r->id);
        if (changed == 0)
            return fail_gone(r->id, err);
    }
    if (!spec_changed || r->spec == NULL)
        return 0;
    int64_t n;
    int found = row_number(s, r->id, &n, err);
    return found > 0 ? save_spec(s, n, r->spec, err) : found < 0 ? -1 : fail_gone(r->id, err);
}

int container_row_rename(struct store_tx *tx, struct container_row *r, const char *name, char *ret_holder,
                         struct creel_err *err)
{
    char *copy = strdup(name);
    if (copy == NULL)
        return creel_fail_nomem(err);
    if (object_rename(tx, r->id, name, ret_holder, err) < 0) {
        free(copy);
        return -1;
    }
    free(r->name);
    r->name = copy;
    return container_row_save(tx, r, true, err);
}

int container_row_delete(struct store_tx *tx, const char *id, struct creel_err *err)
{
    int r = object_delete(tx, OBJECT_CONTAINER, id, err);
    return r > 0 ? 0 : r < 0 ? -1 : fail_gone(id, err);
}

int container_row_get(struct store *s, const char *id, struct container_row *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, get_sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int r = stmt_step(&st, err);
    if (r <= 0)
        return r < 0 ? -1 : fail_gone(id, err);
    struct container_row row = { .run = 0 };
    if (load_row(&st, &row, &(struct load){ .text = stmt_dup, .with_spec = true }, err) < 0) {
        container_row_fini(&row);
        return -1;
    }
    *ret = row;
    return 0;
}

int container_row_resolve(struct store *s, const char *ref, char *ret_id, struct creel_err *err)
{
    return object_resolve(s, OBJECT_CONTAINER, "container", ref, ret_id, err);
}

static int each_row(struct store *s, unsigned states, int limit, const struct load *how,
                    int (*each)(void *arg, const struct container_row *r), void *arg, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, each_sql[how->only_listed][how->with_spec], err) < 0)
        return -1;
    stmt_bind_int(&st, 1, states != 0 ? states : (1u << CONTAINER_STATE_COUNT) - 1);
    stmt_bind_int(&st, 2, limit > 0 ? limit : -1);
    int r;
    while ((r = stmt_step(&st, err)) > 0) {
        struct container_row row = { .run = 0 };
        if (load_row(&st, &row, how, err) < 0)
            return -1;
        if (each(arg, &row) != 0)
            return 0;
    }
    return r;
}

int container_row_each(struct store *s, unsigned states, int limit, bool with_spec,
                       int (*each)(void *arg, const struct container_row *r), void *arg, struct creel_err *err)
{
    return each_row(s, states, limit, &(struct load){ .text = stmt_borrow, .with_spec = with_spec }, each, arg, err);
}

int container_row_list(struct store *s, unsigned states, bool with_spec,
                       int (*each)(void *arg, const struct container_row *r), void *arg, struct creel_err *err)
{
    const struct load how = { .text = stmt_borrow, .only_listed = true, .with_spec = with_spec };
    return each_row(s, states, 0, &how, each, arg, err);
}

int container_row_counts(struct store *s, int64_t counts[CONTAINER_STATE_COUNT], struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT state,count(*) FROM containers GROUP BY state", err) < 0)
        return -1;
    for (size_t i = 0; i < CONTAINER_STATE_COUNT; i++)
        counts[i] = 0;
    int r;
    while ((r = stmt_step(&st, err)) > 0) {
        int64_t state = stmt_int(&st, 0);
        if (state >= 0 && state < CONTAINER_STATE_COUNT)
            counts[state] = stmt_int(&st, 1);
    }
    return r;
}

int container_row_image_users(struct store *s, const char *image_id, int64_t *ret, struct creel_err *err)
{
    auto_stmt st;
    if (stmt_open(s, &st, "SELECT count(*) FROM containers WHERE image_id=?1", err) < 0)
        return -1;
    stmt_bind_text(&st, 1, image_id);
    int r = stmt_step(&st, err);
    if (r > 0)
        *ret = stmt_int(&st, 0);
    return r > 0 ? 0 : r < 0 ? -1 : creel_fail(err, CREEL_INTERNAL, 0, "counting containers of %s", image_id);
}

int container_id_known(struct store *s, const char *id, struct creel_err *err)
{
    static const char sql[] = "SELECT EXISTS(SELECT 1 FROM objects WHERE id=?1)OR EXISTS(SELECT 1 FROM exits WHERE id=?1)"
                              "OR EXISTS(SELECT 1 FROM events WHERE actor_id=?1 AND type='container')";
    auto_stmt st;
    if (stmt_open(s, &st, sql, err) < 0)
        return -1;
    stmt_bind_text(&st, 1, id);
    int r = stmt_step(&st, err);
    return r > 0 ? stmt_int(&st, 0) != 0 : r;
}
