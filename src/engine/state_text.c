/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/state_text.h"

#include "base/clock.h"

#include <creel/container.h>
#include <string.h>

int state_exit_code(const struct container_row *row)
{
    const struct creel_exit x = { .how = (enum creel_exit_how)row->exit_how, .number = row->exit_number };
    return row->run == 0 && row->exit_how == EXIT_UNKNOWN ? 0 : creel_exit_shell(&x);
}

/* A container in the middle of its start is shown as what it was before: it has no process yet. */
struct state_facts state_facts_of(const struct container_row *row)
{
    return (struct state_facts){
        .running = row->state == CONTAINER_RUNNING || row->state == CONTAINER_PAUSED,
        .paused = row->state == CONTAINER_PAUSED,
        .removing = row->state == CONTAINER_REMOVING,
        .dead = row->state == CONTAINER_DEAD,
        .exit_code = state_exit_code(row),
        .started_ns = row->started_ns,
        .finished_ns = row->finished_ns,
    };
}

const char *state_text_state(const struct state_facts *f)
{
    if (f->running)
        return f->paused ? "paused" : f->restarting ? "restarting" : "running";
    if (f->removing)
        return "removing";
    if (f->dead)
        return "dead";
    return f->started_ns == 0 ? "created" : "exited";
}

bool state_text_state_known(const char *state)
{
    static const char *const names[] = { "created", "running", "paused", "restarting", "removing", "exited", "dead" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], state) == 0)
            return true;
    }
    return false;
}

const char *state_text_status(const struct state_facts *f, int64_t now_ns, char *buf)
{
    char up[CLOCK_TEXT_MAX], ago[CLOCK_TEXT_MAX];
    (void)clock_human(now_ns - f->started_ns, up);
    (void)clock_human(now_ns - f->finished_ns, ago);
    int n;
    if (f->running && f->paused)
        n = snprintf(buf, STATE_TEXT_MAX, "Up %s (Paused)", up);
    else if (f->running && f->restarting)
        n = snprintf(buf, STATE_TEXT_MAX, "Restarting (%d) %s ago", f->exit_code, ago);
    else if (f->running && f->health != NULL)
        n = snprintf(buf, STATE_TEXT_MAX, "Up %s (%s%s)", up, strcmp(f->health, "starting") == 0 ? "health: " : "",
                     f->health);
    else if (f->running)
        n = snprintf(buf, STATE_TEXT_MAX, "Up %s", up);
    else if (f->removing)
        n = snprintf(buf, STATE_TEXT_MAX, "Removal In Progress");
    else if (f->dead)
        n = snprintf(buf, STATE_TEXT_MAX, "Dead");
    else if (f->started_ns == 0)
        n = snprintf(buf, STATE_TEXT_MAX, "Created");
    else if (f->finished_ns == 0)
        n = snprintf(buf, STATE_TEXT_MAX, "%s", "");
    else
        n = snprintf(buf, STATE_TEXT_MAX, "Exited (%d) %s ago", f->exit_code, ago);
    if (n < 0)
        buf[0] = '\0';
    return buf;
}
