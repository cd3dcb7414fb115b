/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "loop/loop.h"

#include <string.h>
#include <sys/wait.h>

struct two {
    struct loop loop;
    struct loop_io a, b;
    int calls;
};

static void remove_other(void *arg, uint32_t events)
{
    (void)events;
    struct two *t = arg;
    t->calls++;
    loop_io_remove(&t->loop, &t->a);
    loop_io_remove(&t->loop, &t->b);
    loop_stop(&t->loop);
}

static void a_source_removed_in_the_same_round_is_not_called(void **state)
{
    (void)state;
    struct two t = { .a = LOOP_IO_INIT, .b = LOOP_IO_INIT };
    int p[2], q[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(pipe(q), 0);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(write(q[1], "x", 1), 1);
    assert_int_equal(loop_init(&t.loop, NULL), 0);
    t.a.fn = t.b.fn = remove_other;
    t.a.arg = t.b.arg = &t;
    assert_int_equal(loop_io_add(&t.loop, &t.a, p[0], EPOLLIN, NULL), 0);
    assert_int_equal(loop_io_add(&t.loop, &t.b, q[0], EPOLLIN, NULL), 0);
    assert_int_equal(loop_run(&t.loop, NULL), 0);
    assert_int_equal(t.calls, 1);
    loop_fini(&t.loop);
    for (int i = 0; i < 2; i++) {
        (void)close(p[i]);
        (void)close(q[i]);
    }
}

struct ticks { struct loop loop; struct loop_timer t[3]; char order[8]; size_t n; };
struct tick { struct ticks *all; char name; };

static void on_tick(void *arg)
{
    struct tick *k = arg;
    k->all->order[k->all->n++] = k->name;
    if (k->all->n == 2)
        loop_stop(&k->all->loop);
}

static void timers_run_in_the_order_they_are_due(void **state)
{
    (void)state;
    struct ticks all = { .n = 0 };
    struct tick k[3] = { { &all, 'a' }, { &all, 'b' }, { &all, 'c' } };
    assert_int_equal(loop_init(&all.loop, NULL), 0);
    for (int i = 0; i < 3; i++)
        all.t[i] = (struct loop_timer){ .fn = on_tick, .arg = &k[i] };
    int64_t begin = clock_mono_ns();
    loop_timer_arm(&all.loop, &all.t[0], 30000000);
    loop_timer_arm(&all.loop, &all.t[1], 1000000);
    loop_timer_arm(&all.loop, &all.t[2], 10000000);
    loop_timer_arm(&all.loop, &all.t[1], 20000000); /* moved */
    loop_timer_arm(&all.loop, &all.t[0], 1000000);
    loop_timer_disarm(&all.loop, &all.t[0]);
    assert_int_equal(loop_run(&all.loop, NULL), 0);
    assert_string_equal(all.order, "cb");
    assert_true(clock_mono_ns() - begin >= 20000000);
    loop_fini(&all.loop);
}

struct reaped { struct loop loop; struct loop_child child; siginfo_t how; };

static void on_child(void *arg, const siginfo_t *how)
{
    struct reaped *r = arg;
    r->how = *how;
    loop_stop(&r->loop);
}

static void children_are_told_of_and_strangers_reaped(void **state)
{
    (void)state;
    struct reaped r = { .child = { .pid = 0 } };
    sigset_t none;
    sigemptyset(&none);
    assert_int_equal(loop_init(&r.loop, NULL), 0);
    assert_int_equal(loop_signals(&r.loop, &none, NULL, NULL, NULL), 0);
    pid_t stranger = fork();
    if (stranger == 0)
        _exit(1);
    pid_t child = fork();
    if (child == 0)
        _exit(42);
    r.child = (struct loop_child){ .pid = child, .fn = on_child, .arg = &r };
    loop_child_add(&r.loop, &r.child);
    assert_int_equal(loop_run(&r.loop, NULL), 0);
    assert_int_equal(r.how.si_code, CLD_EXITED);
    assert_int_equal(r.how.si_status, 42);
    while (waitpid(stranger, NULL, 0) == stranger) /* it may have ended after the round that reaped the child */
        ;
    assert_int_equal(errno, ECHILD);
    loop_fini(&r.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_removed_in_the_same_round_is_not_called),
        cmocka_unit_test(timers_run_in_the_order_they_are_due),
        cmocka_unit_test(children_are_told_of_and_strangers_reaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
