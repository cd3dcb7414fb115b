/* SPDX-License-Identifier: Apache-2.0 */
/* moby-container.md 20.1, "State/text pairs" */
#include "../check.h"

#include "base/cleanup.h"
#include "engine/state_text.h"

#define HOUR (INT64_C(3600) * 1000000000)
#define NOW (1000 * HOUR)

static void states_and_texts_are_dockers(void **state)
{
    (void)state;
    static const struct { struct state_facts f; const char *state, *status; } cases[] = {
        { { .removing = true }, "removing", "Removal In Progress" },
        { { .dead = true, .started_ns = 1 }, "dead", "Dead" },
        { { .running = true, .restarting = true, .exit_code = 1, .started_ns = NOW - 96 * HOUR,
            .finished_ns = NOW - 72 * HOUR }, "restarting", "Restarting (1) 3 days ago" },
        { { .running = true, .started_ns = NOW - 72 * HOUR }, "running", "Up 3 days" },
        { { .running = true, .paused = true, .started_ns = NOW - 72 * HOUR }, "paused", "Up 3 days (Paused)" },
        { { .exit_code = 0 }, "created", "Created" },
        { { .exit_code = 137, .started_ns = NOW - 96 * HOUR, .finished_ns = NOW - 72 * HOUR }, "exited",
          "Exited (137) 3 days ago" },
        { { .started_ns = NOW - 72 * HOUR }, "exited", "" },
        { { .restarting = true, .exit_code = 1, .started_ns = NOW - 96 * HOUR, .finished_ns = NOW - 72 * HOUR },
          "exited", "Exited (1) 3 days ago" },
        { { .paused = true }, "created", "Created" },
        { { .running = true, .health = "healthy", .started_ns = NOW - HOUR }, "running", "Up About an hour (healthy)" },
        { { .running = true, .health = "starting", .started_ns = NOW - HOUR / 3600 * 5 }, "running",
          "Up 5 seconds (health: starting)" },
        { { .running = true, .paused = true, .removing = true, .started_ns = NOW - HOUR }, "paused",
          "Up About an hour (Paused)" },
        { { .running = true, .dead = true, .started_ns = NOW + HOUR }, "running", "Up Less than a second" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buf[STATE_TEXT_MAX];
        assert_string_equal(state_text_state(&cases[i].f), cases[i].state);
        assert_string_equal(state_text_status(&cases[i].f, NOW, buf), cases[i].status);
    }
}

static void rows_give_their_facts(void **state)
{
    (void)state;
    static const struct { struct container_row row; const char *state, *status; } cases[] = {
        { { .state = CONTAINER_CREATED }, "created", "Created" },
        { { .state = CONTAINER_CREATED, .exit_how = EXIT_UNKNOWN }, "created", "Created" },
        { { .state = CONTAINER_STARTING, .run = 1 }, "created", "Created" },
        { { .state = CONTAINER_STARTING, .run = 2, .started_ns = NOW - 2 * HOUR, .finished_ns = NOW - HOUR }, "exited",
          "Exited (0) About an hour ago" },
        { { .state = CONTAINER_RUNNING, .run = 1, .started_ns = NOW - 2 * HOUR }, "running", "Up 2 hours" },
        { { .state = CONTAINER_PAUSED, .run = 1, .started_ns = NOW - 2 * HOUR }, "paused", "Up 2 hours (Paused)" },
        { { .state = CONTAINER_EXITED, .run = 1, .started_ns = 1, .finished_ns = NOW - 2 * HOUR,
            .exit_how = EXIT_BY_SIGNAL, .exit_number = 9 }, "exited", "Exited (137) 2 hours ago" },
        { { .state = CONTAINER_EXITED, .run = 1, .started_ns = 1, .finished_ns = NOW - 2 * HOUR,
            .exit_how = EXIT_UNKNOWN, .exit_number = 0 }, "exited", "Exited (255) 2 hours ago" },
        { { .state = CONTAINER_REMOVING, .run = 1, .started_ns = 1 }, "removing", "Removal In Progress" },
        { { .state = CONTAINER_DEAD, .run = 1, .started_ns = 1 }, "dead", "Dead" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buf[STATE_TEXT_MAX];
        struct state_facts f = state_facts_of(&cases[i].row);
        assert_string_equal(state_text_state(&f), cases[i].state);
        assert_string_equal(state_text_status(&f, NOW, buf), cases[i].status);
        assert_true(state_text_state_known(cases[i].state));
    }
    assert_true(state_text_state_known("restarting"));
    assert_false(state_text_state_known("start"));
    assert_false(state_text_state_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_texts_are_dockers),
        cmocka_unit_test(rows_give_their_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
