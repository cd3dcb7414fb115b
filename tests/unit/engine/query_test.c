/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an engine, listing containers, following events, checking: against a real store in directories of its own. */
#include "../check.h"

#include "base/clock.h"
#include "base/ident.h"
#include "engine/engine.h"
#include "engine/staging.h"
#include "sys/identity.h"
#include "wire/exit_record.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

struct fixture { char root[64], run_root[80]; struct creel *e; };

#define OK(call)                                                                                                      \
    do {                                                                                                              \
        struct creel_err err = { 0 };                                                                                 \
        if ((call) < 0)                                                                                               \
            fail_msg("%s: %s", #call, err.text);                                                                      \
    } while (0)

static struct creel *open_engine(const struct fixture *f)
{
    struct creel *e = NULL;
    const struct creel_options o = { .size = sizeof o, .root = f->root, .run_root = f->run_root, .libexec = "/" };
    OK(creel_open(&o, &e, &err));
    return e;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)snprintf(f->root, sizeof f->root, "/tmp/creel-query-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    (void)snprintf(f->run_root, sizeof f->run_root, "%s/run", f->root);
    f->e = open_engine(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    creel_close(f->e);
    assert_int_equal(nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

/* --- rows --- */

static char *fake_id(int n, char *buf)
{
    (void)snprintf(buf, 65, "%064x", 0xabc000 + n);
    return buf;
}

static void insert(struct creel *e, struct container_row *r, int n, const char *name)
{
    struct store_tx tx;
    (void)fake_id(n, r->id);
    r->name = strdup(name);
    r->created_ns = n * INT64_C(1000000000);
    r->command = strdup("true");
    OK(store_begin(e->store, &tx, &err));
    OK(container_row_insert(&tx, r, NULL, &err));
    OK(event_row_append(&tx, "container", "create", r->id, "{\"name\":\"x\"}", &err));
    OK(store_commit(&tx, &err));
    container_row_fini(r);
}

static void insert_exited(struct creel *e, int n, const char *name, int code)
{
    struct container_row r = { .state = CONTAINER_EXITED, .run = 1, .started_ns = 1, .finished_ns = 2, .exit_number = code };
    insert(e, &r, n, name);
}

/* One of each kind. */
static void populate(struct creel *e)
{
    struct container_row created = { .labels = strdup("{\"tier\":\"web\",\"env\":\"prod\"}"), .network_mode = strdup("none") };
    insert(e, &created, 1, "a1");
    insert_exited(e, 2, "a2", 0);
    insert_exited(e, 3, "b1", 3);
    struct container_row mounted = {
        .labels = strdup("{\"tier\":\"db\"}"), .network_mode = strdup("host"),
        .mounts = strdup("[{\"Type\":\"bind\",\"Source\":\"/srv\",\"Destination\":\"/data\"}]"),
        .spec = strdup("{\"Config\":{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}},"
                       "\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{}]}}}"),
    };
    insert(e, &mounted, 4, "c1");
    struct container_row dead = { .state = CONTAINER_DEAD, .run = 1, .started_ns = 1 };
    insert(e, &dead, 5, "d1");
}

static int append_name(void *arg, const struct creel_container_row *r)
{
    char *text = arg;
    size_t n = strlen(text);
    (void)snprintf(text + n, 512 - n, "%s%s", n > 0 ? " " : "", r->name);
    return 0;
}

static const char *list(struct creel *e, int all, int limit, const char *filters)
{
    static char text[512];
    const struct creel_list_options o = { .size = sizeof o, .all = all, .limit = limit, .filters_json = filters };
    text[0] = '\0';
    OK(creel_container_list(e, &o, append_name, text, &err));
    return text;
}

static void lists_are_filtered(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    populate(e);
    static const struct { int all, limit; const char *filters, *want; } cases[] = {
        { 1, 0, NULL, "d1 c1 b1 a2 a1" },
        { 0, 0, NULL, "" },
        { 0, 2, NULL, "d1 c1" },
        { 1, 0, "{\"name\":[\"^a\"]}", "a2 a1" },
        { 1, 0, "{\"name\":[\"^/a\"]}", "a2 a1" },
        { 1, 0, "{\"name\":[\"b1\"]}", "b1" },
        { 1, 0, "{\"name\":[\"/b1\"]}", "b1" },
        { 1, 1, "{\"name\":[\"a\"]}", "a2" },
        { 1, 0, "{\"label\":[\"tier\"]}", "c1 a1" },
        { 1, 0, "{\"label\":[\"tier=web\",\"env\"]}", "a1" },
        { 1, 0, "{\"label\":{\"tier=db\":true},\"name\":[\"a\"]}", "" },
        { 0, 0, "{\"status\":[\"exited\"]}", "b1 a2" },
        { 0, 0, "{\"status\":[\"created\",\"dead\"]}", "d1 c1 a1" },
        { 0, 0, "{\"status\":[\"restarting\"]}", "" },
        { 0, 0, "{\"exited\":[\"3\"]}", "b1" },
        { 0, 0, "{\"exited\":[\"0\"]}", "d1 a2" },
        { 1, 0, "{\"before\":[\"b1\"]}", "a2 a1" },
        { 1, 0, "{\"since\":[\"b1\"]}", "d1 c1" },
        { 1, 0, "{\"since\":[\"a1\"],\"before\":[\"c1\"]}", "b1 a2" },
        { 1, 0, "{\"volume\":[\"/data\"]}", "c1" },
        { 1, 0, "{\"volume\":[\"/srv\"]}", "c1" },
        { 1, 0, "{\"volume\":[\"/\"]}", "" },
        { 1, 0, "{\"network\":[\"none\"]}", "a1" },
        { 1, 0, "{\"publish\":[\"80\"]}", "c1" },
        { 1, 0, "{\"publish\":[\"53/udp\"]}", "" },
        { 1, 0, "{\"expose\":[\"50-60/udp\"]}", "c1" },
        { 1, 0, "{\"health\":[\"none\"]}", "d1 c1 b1 a2 a1" },
        { 1, 0, "{\"health\":[\"healthy\"]}", "" },
        { 1, 0, "{\"is-task\":[\"false\"]}", "d1 c1 b1 a2 a1" },
        { 1, 0, "{\"is-task\":[\"true\"]}", "" },
        { 1, 0, "{\"isolation\":[\"default\"]}", "d1 c1 b1 a2 a1" },
        { 1, 0, "{\"ancestor\":[\"no-such-image\"]}", "" },
        { 1, 0, "{\"id\":[\"0000000000000000000000000000000000000000000000000000000000abc002\"]}", "a2" },
        { 1, 0, "{\"id\":[\"000\"]}", "" }, /* ambiguous */
        { 1, 0, "{\"id\":[\"a2\"]}", "" },  /* a name is no id */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *have = list(e, cases[i].all, cases[i].limit, cases[i].filters);
        if (strcmp(have, cases[i].want) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].filters, have, cases[i].want);
    }
}

static void bad_filters_are_named(void **state)
{
    static const struct { const char *filters; enum creel_kind kind; const char *text; } cases[] = {
        { "{\"invalid\":[\"x\"]}", CREEL_INVALID, "invalid filter 'invalid'" },
        { "{\"status\":[\"weird\"]}", CREEL_INVALID, "invalid filter 'status=weird'" },
        { "{\"exited\":[\"x\"]}", CREEL_INVALID, "invalid filter 'exited=x'" },
        { "{\"health\":[\"x\"]}", CREEL_INVALID, "invalid filter 'health=x'" },
        { "{\"is-task\":[\"x\"]}", CREEL_INVALID, "invalid filter 'is-task=x'" },
        { "{\"publish\":[\"80:80\"]}", CREEL_INVALID, "invalid filter 'publish=80:80'" },
        { "{\"expose\":[\"x\"]}", CREEL_INVALID, "invalid filter 'expose=x'" },
        { "{\"before\":[\"nobody\"]}", CREEL_NOT_FOUND, "No such container: nobody" },
        { "{\"since\":[\"nobody\"]}", CREEL_NOT_FOUND, "No such container: nobody" },
    };
    struct creel *e = ((struct fixture *)*state)->e;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512] = "";
        struct creel_err err = { 0 };
        const struct creel_list_options o = { .size = sizeof o, .filters_json = cases[i].filters };
        assert_int_equal(creel_container_list(e, &o, append_name, text, &err), -1);
        assert_int_equal(err.kind, cases[i].kind);
        assert_string_equal(err.text, cases[i].text);
    }
}

static int check_row(void *arg, const struct creel_container_row *r)
{
    struct creel *e = arg;
    char id[65];
    struct store_tx tx;
    assert_string_equal(r->state, "exited");
    assert_non_null(strstr(r->status, "Exited (3) "));
    assert_int_equal(r->exit_code, 3);
    assert_string_equal(r->labels_json, "{}");
    assert_string_equal(r->mounts_json, "[]");
    assert_int_equal(r->size_rw, -1);
    assert_string_equal(r->id, fake_id(1, id));
    OK(store_begin(e->store, &tx, &err)); /* anything may be called here, also what changes the store */
    OK(container_row_delete(&tx, r->id, &err));
    OK(store_commit(&tx, &err));
    return 0;
}

static void a_listed_row_may_be_removed_while_listing(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    insert_exited(e, 1, "a1", 3);
    const struct creel_list_options o = { .size = sizeof o, .all = 1 };
    OK(creel_container_list(e, &o, check_row, e, &err));
    assert_string_equal(list(e, 1, 0, NULL), "");
}

/* After a reboot, or when the monitor was killed: nobody holds the container's lock. */
static void a_container_that_only_seems_to_run_is_listed_as_ended(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct container_row r = { .state = CONTAINER_RUNNING, .run = 1, .started_before = true, .started_ns = 1,
                               .boot_id = strdup("00000000-0000-0000-0000-000000000000"), .pid = 1, .pid_start = 1 };
    insert(e, &r, 1, "a1");
    assert_string_equal(list(e, 0, 0, NULL), "");
    assert_string_equal(list(e, 1, 0, "{\"exited\":[\"255\"]}"), "a1");
}

struct counted { int count; int64_t last; bool in_order; };
static int count_row(void *arg, const struct creel_container_row *row)
{
    struct counted *c = arg;
    c->in_order = (c->count == 0 || c->in_order) && row->created_ns < c->last;
    c->last = row->created_ns;
    c->count++;
    return 0;
}

static void ten_thousand_rows_are_listed_newest_first(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct store_tx tx;
    OK(store_begin(e->store, &tx, &err));
    for (int i = 0; i < 10000; i++) {
        char id[65], name[16];
        static char command[] = "sleep 1000", labels[] = "{\"a\":\"b\"}", spec[] = "{}";
        struct container_row r = { .created_ns = i, .state = CONTAINER_EXITED, .run = 1, .started_ns = 1, .finished_ns = 2,
                                   .command = command, .labels = labels, .spec = spec };
        (void)snprintf(name, sizeof name, "n%d", i);
        memcpy(r.id, fake_id(i, id), sizeof id);
        r.name = name;
        OK(container_row_insert(&tx, &r, NULL, &err));
    }
    OK(store_commit(&tx, &err));
    struct counted c = { .last = INT64_MAX };
    const struct creel_list_options o = { .size = sizeof o, .all = 1 };
    OK(creel_container_list(e, &o, count_row, &c, &err));
    assert_int_equal(c.count, 10000);
    assert_true(c.in_order);
}

/* --- events --- */

struct seen { char text[512]; int count, stop_at; int64_t last_rev; int wake; };
static int see(void *arg, const struct creel_event *ev)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);
    (void)snprintf(s->text + n, sizeof s->text - n, "%s%s", n > 0 ? " " : "", ev->action);
    assert_true(ev->rev >= s->last_rev);
    s->last_rev = ev->rev;
    if (s->wake >= 0)
        assert_int_equal(write(s->wake, "x", 1), 1);
    return ++s->count == s->stop_at;
}

static void put(struct creel *e, const char *type, const char *action, const char *id, const char *attributes)
{
    struct store_tx tx;
    OK(store_begin(e->store, &tx, &err));
    OK(event_row_append(&tx, type, action, id, attributes, &err));
    OK(store_commit(&tx, &err));
}

static const char *events(struct creel *e, const char *filters, int64_t after)
{
    static struct seen s;
    s = (struct seen){ .wake = -1 };
    const struct creel_event_options o = { .size = sizeof o, .after_rev = after, .stop_fd = -1, .filters_json = filters };
    OK(creel_events(e, &o, see, &s, &err));
    return s.text;
}

static void events_are_filtered(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    put(e, "container", "create", "aaa1", "{\"name\":\"web\",\"image\":\"busybox:lab\",\"tier\":\"front\"}");
    put(e, "container", "exec_start: sh -c true", "aaa1", "{\"name\":\"web\",\"image\":\"busybox:lab\"}");
    put(e, "container", "die", "bbb1", "{\"name\":\"db\",\"image\":\"localhost:5000/pg\"}");
    put(e, "image", "tag", "sha256:cc", "{\"name\":\"busybox:lab\"}");
    put(e, "image", "untag", "sha256:cc", "{\"name\":\"busyboxer:lab\"}");
    static const struct { const char *filters, *want; } cases[] = {
        { NULL, "create exec_start: sh -c true die tag untag" },
        { "{\"type\":[\"image\"]}", "tag untag" },
        { "{\"container\":[\"aaa\"]}", "create exec_start: sh -c true" },
        { "{\"container\":[\"db\",\"nobody\"]}", "die" },
        { "{\"container\":[\"we\"]}", "" },
        { "{\"event\":[\"exec_start\"]}", "exec_start: sh -c true" },
        { "{\"event\":[\"exec\"]}", "" },
        { "{\"event\":{\"die\":true,\"tag\":true}}", "die tag" },
        { "{\"image\":[\"busybox\"]}", "create exec_start: sh -c true tag" },
        { "{\"image\":[\"busybox:lab\"]}", "create exec_start: sh -c true tag" },
        { "{\"image\":[\"busybox:other\"]}", "" },
        { "{\"image\":[\"localhost\"]}", "" }, /* the colon of a port is no tag */
        { "{\"label\":[\"tier=front\"]}", "create" },
        { "{\"scope\":[\"local\"],\"type\":[\"image\"]}", "tag untag" },
        { "{\"scope\":[\"swarm\"]}", "" },
        { "{\"volume\":[\"aaa1\"]}", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(events(e, cases[i].filters, -1), cases[i].want);
    assert_string_equal(events(e, NULL, 3), "tag untag");
    assert_string_equal(events(e, NULL, 5), "");
}

struct feeder { const struct fixture *f; int wake; };

/* Commits one event, waits until it was seen, and so on. */
static void *feed(void *arg)
{
    struct feeder *fd = arg;
    struct creel *mine = open_engine(fd->f);
    char c;
    for (int i = 0; i < 50; i++) {
        put(mine, "container", "start", "aaa1", NULL);
        if (poll(&(struct pollfd){ .fd = fd->wake, .events = POLLIN }, 1, 10000) != 1 || read(fd->wake, &c, 1) != 1)
            break; /* the follower missed it: it will be stopped by its time */
    }
    creel_close(mine);
    return NULL;
}

static void a_follower_wakes_for_every_commit(void **state)
{
    struct fixture *f = *state;
    int pipe_fds[2];
    pthread_t t;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    struct feeder fd = { f, pipe_fds[0] };
    struct seen s = { .stop_at = 50, .wake = pipe_fds[1] };
    const struct creel_event_options o = { .size = sizeof o, .after_rev = 0, .follow = 1, .stop_fd = -1,
                                           .until_ns = clock_now_ns() + INT64_C(20000000000) };
    assert_int_equal(pthread_create(&t, NULL, feed, &fd), 0);
    OK(creel_events(f->e, &o, see, &s, &err));
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(s.count, 50);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

static void following_ends_at_until_or_when_told(void **state)
{
    struct fixture *f = *state;
    struct seen s = { .wake = -1 };
    put(f->e, "container", "start", "aaa1", NULL);
    struct creel_event_options o = { .size = sizeof o, .after_rev = -1, .follow = 1, .stop_fd = -1,
                                     .until_ns = clock_now_ns() + 30000000 };
    OK(creel_events(f->e, &o, see, &s, &err));
    assert_int_equal(s.count, 1); /* with an end, what is stored is shown first */
    int pipe_fds[2];
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    (void)close(pipe_fds[1]);
    o = (struct creel_event_options){ .size = sizeof o, .after_rev = -1, .follow = 1, .stop_fd = pipe_fds[0] };
    OK(creel_events(f->e, &o, see, &s, &err));
    assert_int_equal(s.count, 1); /* without one, only what comes */
    (void)close(pipe_fds[0]);
    struct creel_err err = { 0 };
    o = (struct creel_event_options){ .size = sizeof o, .after_rev = -1, .since_ns = 10, .until_ns = 5, .stop_fd = -1 };
    assert_int_equal(creel_events(f->e, &o, see, &s, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
}

static void a_cursor_older_than_what_is_kept_is_refused(void **state)
{
    struct fixture *f = *state;
    struct seen s = { .wake = -1 };
    struct creel_err why = { 0 };
    struct store_tx tx;
    for (int i = 0; i < 5; i++) { /* 25,000 events, of which 20,000 are kept */
        OK(store_begin(f->e->store, &tx, &err));
        for (int k = 0; k < 5000; k++)
            OK(event_row_append(&tx, "container", "start", "aaa1", NULL, &err));
        OK(store_commit(&tx, &err));
    }
    for (int i = 5; i < 256; i++)
        put(f->e, "container", "start", "aaa1", NULL);
    struct creel_event_options o = { .size = sizeof o, .after_rev = 0, .stop_fd = -1 };
    assert_int_equal(creel_events(f->e, &o, see, &s, &why), -1);
    assert_int_equal(why.kind, CREEL_NOT_FOUND);
    assert_non_null(strstr(why.text, "no longer kept"));
    o.after_rev = 200;
    OK(creel_events(f->e, &o, see, &s, &err));
    assert_int_equal(s.count, 56);
}

/* --- opening --- */

static void directories_are_private_and_made_once(void **state)
{
    static const char *const names[] = { "containers", "layers", "blobs/sha256", "exits", "cache/seccomp", "tmp", "trash" };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;
        assert_int_equal(fstatat(f->e->root_fd, names[i], &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
    struct creel *again = open_engine(f);
    assert_string_equal(creel_root(again), f->root);
    creel_close(again);
}

static int try_open(const char *root, const char *run_root, const char *manager, struct creel_err *err)
{
    struct creel *e = NULL;
    const struct creel_options o = { .size = sizeof o, .root = root, .run_root = run_root, .libexec = "/", .cgroup_manager = manager };
    int r = creel_open(&o, &e, err);
    creel_close(e);
    return r;
}

static void unsafe_directories_are_refused(void **state)
{
    struct fixture *f = *state;
    struct creel_err why = { 0 };
    assert_int_equal(chmod(f->root, 0770), 0);
    assert_int_equal(try_open(f->root, f->run_root, NULL, &why), -1);
    assert_int_equal(why.kind, CREEL_DENIED);
    assert_non_null(strstr(why.text, f->root));
    assert_int_equal(chmod(f->root, 0755), 0);
    OK(try_open(f->root, f->run_root, "cgroupfs", &err));
    if (geteuid() == 0) {
        assert_int_equal(chown(f->run_root, 12345, 0), 0);
        assert_int_equal(try_open(f->root, f->run_root, NULL, &why), -1);
        assert_int_equal(why.kind, CREEL_DENIED);
        assert_non_null(strstr(why.text, "12345"));
        assert_int_equal(chown(f->run_root, 0, 0), 0);
    }
    assert_int_equal(try_open("/dev/null", f->run_root, NULL, &why), -1);
    assert_int_equal(try_open("", f->run_root, NULL, &why), -1);
    assert_int_equal(try_open(f->root, f->run_root, "openrc", &why), -1);
    assert_int_equal(why.kind, CREEL_INVALID);
}

static void paths_become_absolute(void **state)
{
    struct fixture *f = *state;
    char odd[128];
    struct creel *e = NULL;
    (void)snprintf(odd, sizeof odd, "%s/../%s//", f->root, strrchr(f->root, '/') + 1);
    const struct creel_options o = { .size = sizeof o, .root = odd, .run_root = f->run_root, .libexec = "/" };
    OK(creel_open(&o, &e, &err));
    assert_string_equal(creel_root(e), f->root);
    creel_close(e);
}

/* --- check --- */

struct findings { char text[1024]; int repaired; };
static void note_finding(void *arg, const struct creel_finding *fd)
{
    struct findings *fs = arg;
    size_t n = strlen(fs->text);
    (void)snprintf(fs->text + n, sizeof fs->text - n, "%s%s", n > 0 ? " " : "", fd->what);
    assert_true(fd->object[0] != '\0' && fd->detail[0] != '\0');
    fs->repaired += fd->repaired;
}

static int check(struct creel *e, int repair, struct findings *fs)
{
    int found = -1;
    *fs = (struct findings){ .repaired = 0 };
    OK(found = creel_check(e, repair, note_finding, fs, &err));
    return found;
}

static void make_dir(struct creel *e, const char *path)
{
    assert_int_equal(mkdirat(e->root_fd, path, 0700), 0);
}

static void make_file(int dir, const char *path)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void a_new_engine_is_clean(void **state)
{
    struct findings fs;
    assert_int_equal(check(((struct fixture *)*state)->e, 0, &fs), 0);
    assert_string_equal(fs.text, "");
}

/* Each difference is reported once, mended once, and then gone. */
static void differences_are_reported_and_mended(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct findings fs;
    char id[65], path[128];
    (void)snprintf(path, sizeof path, "containers/%s", fake_id(77, id));
    make_dir(e, path);
    (void)snprintf(path, sizeof path, "containers/%s/upper", id);
    make_dir(e, path);
    assert_int_equal(check(e, 0, &fs), 1);
    assert_string_equal(fs.text, "orphan-directory");
    assert_int_equal(fs.repaired, 0);
    (void)snprintf(path, sizeof path, "containers/%s", id);
    assert_int_equal(mkdirat(e->run_fd, path, 0700), 0); /* the same container: one difference */
    assert_int_equal(check(e, 0, &fs), 1);

    make_dir(e, "layers/12");
    make_file(e->root_fd, "blobs/sha256/00ff");
    make_dir(e, "tmp/1-1-layer");
    make_file(e->root_fd, "trash/what");
    make_file(e->root_fd, "exits/rubbish");
    (void)snprintf(path, sizeof path, "exits/%s.1", id);
    make_file(e->root_fd, path);
    (void)snprintf(path, sizeof path, "exits/.%s.2.tmp", id);
    make_file(e->root_fd, path);
    assert_int_equal(check(e, 0, &fs), 8);
    assert_string_equal(fs.text, "orphan-directory orphan-exit-record orphan-exit-record orphan-exit-record orphan-layer "
                                 "orphan-blob abandoned-work abandoned-work");
    assert_int_equal(check(e, 1, &fs), 8);
    assert_int_equal(fs.repaired, 8);
    assert_int_equal(check(e, 0, &fs), 0);
    (void)snprintf(path, sizeof path, "containers/%s", id);
    assert_int_equal(faccessat(e->run_fd, path, F_OK, 0), -1);
}

static void missing_directories_are_made_again(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct findings fs;
    assert_int_equal(unlinkat(e->root_fd, "exits", AT_REMOVEDIR), 0);
    assert_int_equal(unlinkat(e->root_fd, "base/etc/hosts", 0), 0);
    assert_int_equal(check(e, 0, &fs), 1);
    assert_string_equal(fs.text, "missing-directory");
    assert_int_equal(check(e, 1, &fs), 1);
    assert_int_equal(fs.repaired, 1);
    assert_int_equal(check(e, 0, &fs), 0);
    assert_int_equal(faccessat(e->root_fd, "exits", F_OK, 0), 0);
    assert_int_equal(faccessat(e->root_fd, "base/etc/hosts", F_OK, 0), 0);
}

static void rows_that_lie_are_reported_and_mended(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct findings fs;
    struct container_row running = { .state = CONTAINER_RUNNING, .run = 1, .started_before = true, .started_ns = 1,
                                     .pid = 1, .pid_start = 1, .monitor_pid = 1 };
    struct container_row starting = { .state = CONTAINER_STARTING, .run = 1 };
    struct container_row removing = { .state = CONTAINER_REMOVING, .run = 1, .started_ns = 1 };
    insert(e, &running, 1, "running");
    insert(e, &starting, 2, "starting");
    insert(e, &removing, 3, "removing");
    /* the first one's end is recomputed like everything that is observed; its files never were, and cannot be repaired */
    assert_int_equal(check(e, 0, &fs), 3);
    assert_string_equal(fs.text, "lost-files interrupted interrupted");
    assert_int_equal(check(e, 1, &fs), 3);
    assert_int_equal(fs.repaired, 2);
    assert_string_equal(list(e, 1, 0, "{\"status\":[\"created\"]}"), "starting");
    assert_string_equal(list(e, 1, 0, "{\"exited\":[\"255\"]}"), "running");
    assert_string_equal(list(e, 1, 0, "{\"name\":[\"removing\"]}"), "");
    assert_int_equal(check(e, 0, &fs), 1);
    assert_string_equal(fs.text, "lost-files");
}

/* With auto-remove the files, and so the lock, go before the commit; the record is there until after it. */
static void an_end_that_is_being_committed_is_no_difference(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct findings fs;
    char text[EXIT_RECORD_MAX], path[96];
    struct container_row running = { .state = CONTAINER_RUNNING, .run = 1, .started_before = true, .started_ns = 1,
                                     .auto_remove = true };
    insert(e, &running, 1, "running");
    struct exit_record r = { .run = 1, .started_ns = 1, .exit = { .how = CREEL_EXIT_BY_CODE, .number = 3, .finished_ns = 5 } };
    (void)fake_id(1, r.id);
    size_t len = exit_record_print(&r, text);
    (void)snprintf(path, sizeof path, "exits/%s.1", r.id);
    int fd = openat(e->root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, len), len);
    (void)close(fd);
    assert_int_equal(check(e, 0, &fs), 0);
    struct exit_row x;
    OK(exit_row_get(e->store, r.id, 1, &x, &err));
    assert_int_equal(x.number, 3);
    assert_string_equal(list(e, 1, 0, NULL), "");
    assert_int_equal(faccessat(e->root_fd, path, F_OK, 0), -1);
}

static void work_of_the_living_is_no_difference(void **state)
{
    struct creel *e = ((struct fixture *)*state)->e;
    struct findings fs;
    char name[STAGING_NAME_MAX], path[STAGING_NAME_MAX + 8], id[65];
    (void)snprintf(path, sizeof path, "tmp/%s", staging_name("layer", name));
    make_dir(e, path);
    assert_true(staging_alive(name));
    assert_int_equal(check(e, 1, &fs), 0);
    assert_int_equal(faccessat(e->root_fd, path, F_OK, 0), 0);

    struct container_row starting = { .state = CONTAINER_STARTING, .run = 1 };
    struct store_tx tx;
    insert(e, &starting, 2, "starting");
    OK(store_begin(e->store, &tx, &err));
    OK(intent_row_insert(&tx, "start", fake_id(2, id), NULL, NULL, &err));
    OK(store_commit(&tx, &err));
    assert_int_equal(check(e, 1, &fs), 0);
    assert_string_equal(list(e, 1, 0, NULL), "starting");
}

static void staging_names_tell_the_living_from_the_dead(void **state)
{
    (void)state;
    char name[STAGING_NAME_MAX], other[STAGING_NAME_MAX];
    assert_true(staging_alive(staging_name("x-1-y", name)));
    (void)snprintf(other, sizeof other, "%d-%llu-x", (int)getpid(), (unsigned long long)sys_self_start() + 1);
    assert_false(staging_alive(other)); /* the pid was used again */
    static const char *const names[] = { "", "x", "1", "1-", "1-1", "-1-1-x", "1--x", "99999999999-1-x", "0-0-x", "1x-1-x" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_false(staging_alive(names[i]));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_filtered),
        TEST(bad_filters_are_named),
        TEST(a_listed_row_may_be_removed_while_listing),
        TEST(a_container_that_only_seems_to_run_is_listed_as_ended),
        TEST(ten_thousand_rows_are_listed_newest_first),
        TEST(events_are_filtered),
        TEST(a_follower_wakes_for_every_commit),
        TEST(following_ends_at_until_or_when_told),
        TEST(a_cursor_older_than_what_is_kept_is_refused),
        TEST(directories_are_private_and_made_once),
        TEST(unsafe_directories_are_refused),
        TEST(paths_become_absolute),
        TEST(a_new_engine_is_clean),
        TEST(differences_are_reported_and_mended),
        TEST(missing_directories_are_made_again),
        TEST(rows_that_lie_are_reported_and_mended),
        TEST(an_end_that_is_being_committed_is_no_difference),
        TEST(work_of_the_living_is_no_difference),
        cmocka_unit_test(staging_names_tell_the_living_from_the_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
