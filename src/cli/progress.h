/* SPDX-License-Identifier: Apache-2.0 */
/* cli/progress.h: one line on a terminal that says how far long work is; silent elsewhere. */
#ifndef CREEL_CLI_PROGRESS_H
#define CREEL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool active;            /* standard error is a terminal */
    bool drawn;
    int64_t drawn_ns;       /* at most ten times a second */
};

void progress_init(struct progress *p, bool quiet);
/* A creel_progress callback; arg is the struct. */
void progress_update(void *arg, const char *what, uint64_t done, uint64_t total);
/* Take the line away; before other output. */
void progress_clear(struct progress *p);

#endif
