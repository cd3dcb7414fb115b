/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/wait.h>

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->root, sizeof f->root, "/tmp/creel-store-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    f->root_fd = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->root_fd >= 0);
    OK(store_open(f->root_fd, f->root, &f->s, &err));
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    (void)close(f->root_fd);
    assert_int_equal(nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

void fixture_close(struct fixture *f)
{
    store_close(f->s);
    f->s = NULL;
}

struct store *fixture_open(const struct fixture *f)
{
    struct store *s = NULL;
    OK(store_open(f->root_fd, f->root, &s, &err));
    return s;
}

struct container_row sample_row(const char *id, const char *name)
{
    struct container_row r = {
        .created_ns = 1000, .state = CONTAINER_EXITED, .desired = DESIRED_GONE, .auto_remove = true, .tty = true,
        .open_stdin = true, .oom_killed = true, .started_before = true, .manually_stopped = true, .run = 7, .pid = 4242,
        .pid_start = UINT64_MAX - 3, .monitor_pid = 4241, .monitor_start = 99, .started_ns = 11, .finished_ns = 12,
        .exit_how = EXIT_BY_SIGNAL, .exit_number = 9, .restart_count = 3,
    };
    (void)snprintf(r.id, sizeof r.id, "%s", id);
    r.name = name != NULL ? strdup(name) : NULL;
    r.namespace_ = strdup("team-a");
    r.image_id = strdup("sha256:aa");
    r.image_ref = strdup("busybox:latest");
    r.command = strdup("sh -c 'echo \xc3\xa4'");
    r.labels = strdup("{\"a\":\"b\"}");
    r.mounts = strdup("[]");
    r.network_mode = strdup("none");
    r.spec = strdup("{\"Config\":{}}");
    r.boot_id = strdup("boot");
    r.error = strdup("exec failed");
    r.cgroup_path = strdup("/creel/x");
    r.runtime = strdup("runc");
    r.log_path = strdup("/log");
    return r;
}

static void same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        assert_ptr_equal(a, b);
    else
        assert_string_equal(a, b);
}

void assert_same_row(const struct container_row *a, const struct container_row *b)
{
    assert_string_equal(a->id, b->id);
    same_text(a->name, b->name);
    same_text(a->namespace_, b->namespace_);
    same_text(a->image_id, b->image_id);
    same_text(a->image_ref, b->image_ref);
    same_text(a->command, b->command);
    same_text(a->labels, b->labels);
    same_text(a->mounts, b->mounts);
    same_text(a->network_mode, b->network_mode);
    same_text(a->spec, b->spec);
    same_text(a->boot_id, b->boot_id);
    same_text(a->error, b->error);
    same_text(a->cgroup_path, b->cgroup_path);
    same_text(a->runtime, b->runtime);
    same_text(a->log_path, b->log_path);
    assert_true(a->spec_rev == b->spec_rev && a->status_rev == b->status_rev && a->created_ns == b->created_ns);
    assert_true(a->state == b->state && a->desired == b->desired && a->run == b->run);
    assert_true(a->auto_remove == b->auto_remove && a->tty == b->tty && a->open_stdin == b->open_stdin);
    assert_true(a->oom_killed == b->oom_killed && a->started_before == b->started_before);
    assert_true(a->manually_stopped == b->manually_stopped && a->restart_count == b->restart_count);
    assert_true(a->pid == b->pid && a->pid_start == b->pid_start);
    assert_true(a->monitor_pid == b->monitor_pid && a->monitor_start == b->monitor_start);
    assert_true(a->started_ns == b->started_ns && a->finished_ns == b->finished_ns);
    assert_true(a->exit_how == b->exit_how && a->exit_number == b->exit_number);
}

void add_container(struct store *s, const char *id, const char *name)
{
    auto_tx tx = { 0 };
    struct container_row r = sample_row(id, name);
    OK(store_begin(s, &tx, &err));
    OK(container_row_insert(&tx, &r, NULL, &err));
    OK(event_row_append(&tx, "container", "create", id, "{\"name\":\"x\"}", &err));
    OK(store_commit(&tx, &err));
    container_row_fini(&r);
}

int64_t query_int(struct store *s, const char *sql)
{
    sqlite3_stmt *h = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &h, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(h), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(h, 0);
    assert_int_equal(sqlite3_finalize(h), SQLITE_OK);
    return v;
}

void exec_ok(struct store *s, const char *sql)
{
    assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void assert_text(struct store *s, const char *sql, const char *want)
{
    sqlite3_stmt *h = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &h, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(h), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(h, 0), want);
    assert_int_equal(sqlite3_finalize(h), SQLITE_OK);
}

void assert_intact(struct store *s)
{
    assert_text(s, "PRAGMA integrity_check", "ok");
    assert_int_equal(query_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM meta"), 1);
    assert_int_equal(query_int(s, "SELECT count(*) FROM objects WHERE kind=1 AND n NOT IN (SELECT n FROM containers)"), 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM containers WHERE spec_rev>(SELECT rev FROM meta)"
                                  " OR status_rev>(SELECT rev FROM meta)"), 0);
    assert_int_equal(query_int(s, "SELECT count(*) FROM events WHERE (seq>>20)>(SELECT rev FROM meta)"), 0);
}

void child_main(int argc, char **argv, const struct child_op *ops, size_t count)
{
    if (argc != 4)
        return;
    struct fixture f = { .root_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
    (void)snprintf(f.root, sizeof f.root, "%s", argv[2]);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ops[i].name, argv[1]) == 0)
            _exit(ops[i].run(&f, (int)strtol(argv[3], NULL, 10)));
    }
    _exit(99);
}

pid_t child_start(const struct fixture *f, const char *op, int arg)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", arg);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "child", op, f->root, number, (char *)NULL);
        _exit(98);
    }
    assert_true(pid > 0);
    return pid;
}

int child_wait(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}
