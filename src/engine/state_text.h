/* SPDX-License-Identifier: Apache-2.0 */
/* engine/state_text.h: a container's state as people and programs read it: State ("exited") and Status
 * ("Exited (0) 3 days ago"). Pure; computed at read time. */
#ifndef CREEL_ENGINE_STATE_TEXT_H
#define CREEL_ENGINE_STATE_TEXT_H

#include "store/container.h"

enum { STATE_TEXT_MAX = 160 };

struct state_facts {
    bool running;               /* also while paused or restarting */
    bool paused, restarting, removing, dead;
    const char *health;         /* "starting", "healthy", "unhealthy"; NULL when there is no check */
    int exit_code;
    int64_t started_ns, finished_ns; /* 0 never */
};
struct state_facts state_facts_of(const struct container_row *row);
/* created, running, paused, restarting, removing, exited, dead; static storage. */
const char *state_text_state(const struct state_facts *f);
/* buf: STATE_TEXT_MAX bytes; returns buf. */
const char *state_text_status(const struct state_facts *f, int64_t now_ns, char *buf);
bool state_text_state_known(const char *state);
/* The exit code as a shell shows it (creel_exit_shell); 0 for one that never ended. */
int state_exit_code(const struct container_row *row);

#endif
