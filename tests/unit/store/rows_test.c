/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, exits, events and intents as rows. */
#include "fixture.h"

#include "base/clock.h"
#include "sys/identity.h"

#include <signal.h>
#include <string.h>

static void every_member_of_a_row_comes_back(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct container_row r = sample_row("c1", "one"), back;
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(container_row_insert(&tx, &r, NULL, &err));
    OK(store_commit(&tx, &err));
    OK(container_row_get(s, "c1", &back, &err));
    assert_same_row(&r, &back);
    container_row_fini(&back);

    /* and every member can be changed, also to nothing */
    struct container_row empty = { .created_ns = r.created_ns, .spec_rev = r.spec_rev };
    memcpy(empty.id, "c1", 3);
    empty.name = strdup("one");
    empty.namespace_ = strdup("team-a");
    OK(store_begin(s, &tx, &err));
    OK(container_row_save(&tx, &empty, false, &err));
    OK(store_commit(&tx, &err));
    OK(container_row_get(s, "c1", &back, &err));
    empty.spec = strdup("{\"Config\":{}}"); /* a status change keeps the documents */
    assert_same_row(&empty, &back);
    container_row_fini(&back);
    container_row_fini(&empty);
    container_row_fini(&r);
}

static int compare_listed(void *arg, const struct container_row *r)
{
    const struct container_row *want = arg;
    assert_string_equal(r->id, want->id);
    assert_string_equal(r->name, want->name);
    assert_string_equal(r->namespace_, want->namespace_);
    assert_string_equal(r->image_id, want->image_id);
    assert_string_equal(r->image_ref, want->image_ref);
    assert_string_equal(r->command, want->command);
    assert_string_equal(r->labels, want->labels);
    assert_string_equal(r->mounts, want->mounts);
    assert_string_equal(r->network_mode, want->network_mode);
    assert_string_equal(r->boot_id, want->boot_id);
    assert_true(r->created_ns == want->created_ns && r->state == want->state && r->run == want->run && r->pid == want->pid);
    assert_true(r->started_ns == want->started_ns && r->finished_ns == want->finished_ns);
    assert_true(r->exit_how == want->exit_how && r->exit_number == want->exit_number);
    assert_null(r->cgroup_path);
    assert_int_equal(r->restart_count, 0);
    return 0;
}

static int compare_whole(void *arg, const struct container_row *r)
{
    assert_same_row(arg, r);
    return 0;
}

static void lists_fill_what_they_promise(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct container_row r = sample_row("c1", "one");
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(container_row_insert(&tx, &r, NULL, &err));
    OK(store_commit(&tx, &err));
    OK(container_row_list(s, 0, false, compare_listed, &r, &err));
    OK(container_row_list(s, 0, true, compare_listed, &r, &err));
    OK(container_row_each(s, 0, 0, true, compare_whole, &r, &err));
    container_row_fini(&r);
}

static void spec_and_status_revisions_move_apart(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    add_container(s, "c1", "one");
    struct container_row r;
    OK(container_row_get(s, "c1", &r, &err));
    free(r.spec);
    r.spec = strdup("{\"Config\":{\"Cmd\":[]}}");
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(container_row_save(&tx, &r, true, &err));
    OK(store_commit(&tx, &err));
    container_row_fini(&r);
    OK(container_row_get(s, "c1", &r, &err));
    assert_int_equal(r.spec_rev, 2);
    assert_int_equal(r.status_rev, 1);
    assert_string_equal(r.spec, "{\"Config\":{\"Cmd\":[]}}");
    container_row_fini(&r);
}

static void a_gone_row_cannot_be_saved(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct container_row r = sample_row("c1", "one");
    auto_tx tx = { 0 };
    OK(store_begin(s, &tx, &err));
    FAILS(CREEL_NOT_FOUND, container_row_save(&tx, &r, false, &err));
    FAILS(CREEL_NOT_FOUND, container_row_save(&tx, &r, true, &err));
    FAILS(CREEL_NOT_FOUND, container_row_rename(&tx, &r, "two", NULL, &err));
    container_row_fini(&r);
}

struct seen { char text[256]; int stop_after; bool spec; };
static int note(void *arg, const struct container_row *r)
{
    struct seen *seen = arg;
    size_t n = strlen(seen->text);
    (void)snprintf(seen->text + n, sizeof seen->text - n, "%s ", r->id);
    seen->spec = r->spec != NULL;
    return --seen->stop_after == 0;
}

static void lists_are_newest_first_by_state_and_limit(void **state)
{
    static const struct { const char *id; int64_t created; enum container_state st; } rows[] = {
        { "c1", 10, CONTAINER_EXITED }, { "c2", 30, CONTAINER_RUNNING }, { "c3", 20, CONTAINER_PAUSED },
        { "c4", 40, CONTAINER_CREATED },
    };
    struct store *s = ((struct fixture *)*state)->s;
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct container_row r = sample_row(rows[i].id, rows[i].id);
        r.created_ns = rows[i].created;
        r.state = rows[i].st;
        OK(container_row_insert(&tx, &r, NULL, &err));
        container_row_fini(&r);
    }
    OK(store_commit(&tx, &err));
    struct seen seen = { 0 };
    OK(container_row_each(s, 0, 0, false, note, &seen, &err));
    assert_string_equal(seen.text, "c4 c2 c3 c1 ");
    assert_false(seen.spec);
    seen = (struct seen){ 0 };
    OK(container_row_each(s, 1u << CONTAINER_RUNNING | 1u << CONTAINER_PAUSED, 0, true, note, &seen, &err));
    assert_string_equal(seen.text, "c2 c3 ");
    assert_true(seen.spec);
    seen = (struct seen){ 0 };
    OK(container_row_each(s, 0, 3, false, note, &seen, &err));
    assert_string_equal(seen.text, "c4 c2 c3 ");
    seen = (struct seen){ .stop_after = 2 };
    OK(container_row_each(s, 0, 0, false, note, &seen, &err));
    assert_string_equal(seen.text, "c4 c2 ");
    int64_t counts[CONTAINER_STATE_COUNT], users = -1;
    OK(container_row_counts(s, counts, &err));
    assert_int_equal(counts[CONTAINER_RUNNING], 1);
    assert_int_equal(counts[CONTAINER_DEAD], 0);
    OK(container_row_image_users(s, "sha256:aa", &users, &err));
    assert_int_equal(users, 4);
    OK(container_row_image_users(s, "sha256:bb", &users, &err));
    assert_int_equal(users, 0);
}

static void a_row_with_an_impossible_state_is_refused(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct container_row r;
    add_container(s, "c1", "one");
    exec_ok(s, "UPDATE containers SET state=77");
    FAILS(CREEL_INTERNAL, container_row_get(s, "c1", &r, &err));
    struct seen seen = { 0 };
    exec_ok(s, "UPDATE containers SET state=7");
    OK(container_row_each(s, 0, 0, false, note, &seen, &err)); /* not one of the states asked for */
    assert_string_equal(seen.text, "");
}

/* --- exits --- */

static int put_exit(struct store *s, const char *id, int64_t run, int number, int64_t finished)
{
    struct exit_row x = { .run = run, .started_ns = 1, .finished_ns = finished, .how = EXIT_BY_CODE, .number = number };
    (void)snprintf(x.id, sizeof x.id, "%s", id);
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    int added = exit_row_insert(&tx, &x, NULL);
    OK(store_commit(&tx, &err));
    return added;
}

static void an_exit_is_recorded_once_per_run(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct exit_row x;
    FAILS(CREEL_NOT_FOUND, exit_row_get(s, "c1", 0, &x, &err));
    assert_int_equal(put_exit(s, "c1", 1, 3, 50), 1);
    assert_int_equal(put_exit(s, "c1", 1, 4, 60), 0);
    assert_int_equal(put_exit(s, "c1", 2, 5, 70), 1);
    OK(exit_row_get(s, "c1", 1, &x, &err));
    assert_int_equal(x.number, 3);
    assert_int_equal(x.finished_ns, 50);
    OK(exit_row_get(s, "c1", 0, &x, &err));
    assert_int_equal(x.run, 2);
    assert_string_equal(x.id, "c1");
    FAILS(CREEL_NOT_FOUND, exit_row_get(s, "c1", 3, &x, &err));
}

static void old_exits_are_dropped_by_age(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    int64_t now = clock_now_ns(), day = INT64_C(86400) * 1000000000;
    (void)put_exit(s, "old", 1, 1, now - 40 * day);
    (void)put_exit(s, "new", 1, 1, now - 2 * day);
    struct store_tx tx;
    struct exit_row x;
    OK(store_begin(s, &tx, &err));
    OK(exit_row_prune(&tx, now, &err));
    OK(store_commit(&tx, &err));
    FAILS(CREEL_NOT_FOUND, exit_row_get(s, "old", 1, &x, &err));
    OK(exit_row_get(s, "new", 1, &x, &err));
}

/* --- events --- */

struct events { int count; int64_t last_seq, first_rev, last_rev; char actions[128]; };
static int note_event(void *arg, const struct event_row *ev)
{
    struct events *e = arg;
    size_t n = strlen(e->actions);
    assert_true(ev->seq > e->last_seq && ev->rev >= e->last_rev);
    if (e->count++ == 0)
        e->first_rev = ev->rev;
    e->last_seq = ev->seq;
    e->last_rev = ev->rev;
    (void)snprintf(e->actions + n, sizeof e->actions - n, "%s ", ev->action);
    return 0;
}

static void put_events(struct store *s, const char *const *actions)
{
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    for (; *actions != NULL; actions++)
        OK(event_row_append(&tx, "container", *actions, "c1", NULL, &err));
    OK(store_commit(&tx, &err));
}

static void events_come_in_order_with_the_revision_of_their_commit(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    put_events(s, (const char *const[]){ "create", NULL });
    put_events(s, (const char *const[]){ "start", "die", "destroy", NULL });
    struct events e = { 0 };
    OK(event_row_each(s, -1, 0, 0, note_event, &e, &err));
    assert_string_equal(e.actions, "create start die destroy ");
    assert_int_equal(e.first_rev, 1);
    assert_int_equal(e.last_rev, 2);
    e = (struct events){ 0 };
    OK(event_row_each(s, 1, 0, 0, note_event, &e, &err));
    assert_string_equal(e.actions, "start die destroy ");
    e = (struct events){ 0 };
    OK(event_row_each(s, 2, 0, 0, note_event, &e, &err));
    OK(event_row_each(s, INT64_MAX, 0, 0, note_event, &e, &err));
    OK(event_row_each(s, -1, clock_now_ns() + 1000000000, 0, note_event, &e, &err));
    OK(event_row_each(s, -1, 0, 1, note_event, &e, &err));
    assert_int_equal(e.count, 0);
}

static void an_aborted_transaction_leaves_no_event(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    {
        auto_tx tx = { 0 };
        OK(store_begin(s, &tx, &err));
        OK(event_row_append(&tx, "container", "create", "c1", NULL, &err));
    }
    put_events(s, (const char *const[]){ "start", NULL });
    struct events e = { 0 };
    OK(event_row_each(s, -1, 0, 0, note_event, &e, &err));
    assert_string_equal(e.actions, "start ");
    assert_int_equal(e.first_rev, 1);
}

static void old_events_are_dropped_by_count_and_age_and_the_floor_tells(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    int64_t floor = -1;
    OK(event_row_floor(s, &floor, &err));
    assert_int_equal(floor, 0);
    /* 30,000 events at revision 10, then the revision that prunes */
    exec_ok(s, "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<29999) "
               "INSERT INTO events SELECT ((i/100+10)<<20)+i%100,strftime('%s')*1000000000,'t','a','x','{}' FROM c");
    exec_ok(s, "UPDATE meta SET rev=511");
    put_events(s, (const char *const[]){ "last", NULL });
    int64_t left = query_int(s, "SELECT count(*) FROM events");
    assert_true(left >= 20000 && left < 20100); /* whole commits */
    OK(event_row_floor(s, &floor, &err));
    assert_int_equal(floor, query_int(s, "SELECT (min(seq)>>20)-1 FROM events"));
    /* age: everything that is older than 30 days, but not the newest */
    exec_ok(s, "UPDATE events SET time_ns=1000 WHERE action='a'");
    exec_ok(s, "UPDATE meta SET rev=767");
    put_events(s, (const char *const[]){ "last", NULL });
    assert_int_equal(query_int(s, "SELECT count(*) FROM events"), 2);
    OK(event_row_floor(s, &floor, &err));
    assert_int_equal(floor, 309);
}

/* --- intents --- */

struct intents { int count; struct intent_row last; char verb[32], object[80]; bool abandoned; };
static int note_intent(void *arg, const struct intent_row *i)
{
    struct intents *t = arg;
    t->count++;
    t->last = *i;
    t->abandoned = intent_row_abandoned(i);
    (void)snprintf(t->verb, sizeof t->verb, "%s", i->verb);
    (void)snprintf(t->object, sizeof t->object, "%s", i->object);
    return 0;
}

static void an_intent_names_its_maker(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;
    struct store_tx tx;
    int64_t seq, next;
    OK(store_begin(s, &tx, &err));
    OK(intent_row_insert(&tx, "start", "c1", NULL, &seq, &err));
    OK(store_commit(&tx, &err));
    struct intents t = { 0 };
    OK(intent_row_each(s, note_intent, &t, &err));
    assert_int_equal(t.count, 1);
    assert_string_equal(t.verb, "start");
    assert_string_equal(t.object, "c1");
    assert_int_equal(t.last.maker_pid, getpid());
    assert_false(t.abandoned);
    OK(store_begin(s, &tx, &err));
    OK(intent_row_delete(&tx, seq, &err));
    OK(intent_row_delete(&tx, seq, &err)); /* done by somebody else: fine */
    OK(store_commit(&tx, &err));
    OK(store_begin(s, &tx, &err));
    OK(intent_row_insert(&tx, "start", "c1", "x", &next, &err));
    OK(store_commit(&tx, &err));
    assert_true(next > seq); /* a number is never used twice */
}

static int op_intent(const struct fixture *f, int arg)
{
    (void)arg;
    struct store *s = fixture_open(f);
    struct store_tx tx;
    OK(store_begin(s, &tx, &err));
    OK(intent_row_insert(&tx, "remove", "c1", NULL, NULL, &err));
    OK(store_commit(&tx, &err));
    return raise(SIGKILL);
}

static void an_intent_of_a_dead_process_is_abandoned(void **state)
{
    struct fixture *f = *state;
    (void)child_wait(child_start(f, "intent", 0));
    struct intents t = { 0 };
    OK(intent_row_each(f->s, note_intent, &t, &err));
    assert_int_equal(t.count, 1);
    assert_true(t.abandoned);

    struct intent_row i = { .maker_pid = getpid(), .maker_start = sys_self_start(), .boot_id = (char *)(uintptr_t)sys_boot_id() };
    assert_false(intent_row_abandoned(&i));
    i.maker_start++; /* the pid was used again */
    assert_true(intent_row_abandoned(&i));
    i.maker_start--;
    i.boot_id = (char *)(uintptr_t) "00000000-0000-0000-0000-000000000000";
    assert_true(intent_row_abandoned(&i));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
int main(int argc, char **argv)
{
    static const struct child_op ops[] = { { "intent", op_intent } };
    child_main(argc, argv, ops, ARRAY_LEN(ops));
    const struct CMUnitTest tests[] = {
        TEST(every_member_of_a_row_comes_back),
        TEST(lists_fill_what_they_promise),
        TEST(spec_and_status_revisions_move_apart),
        TEST(a_gone_row_cannot_be_saved),
        TEST(lists_are_newest_first_by_state_and_limit),
        TEST(a_row_with_an_impossible_state_is_refused),
        TEST(an_exit_is_recorded_once_per_run),
        TEST(old_exits_are_dropped_by_age),
        TEST(events_come_in_order_with_the_revision_of_their_commit),
        TEST(an_aborted_transaction_leaves_no_event),
        TEST(old_events_are_dropped_by_count_and_age_and_the_floor_tells),
        TEST(an_intent_names_its_maker),
        TEST(an_intent_of_a_dead_process_is_abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
