/* SPDX-License-Identifier: Apache-2.0 */
/* cli/container_facts.h: the few things of a container that decide how to attach to it. */
#ifndef CREEL_CLI_CONTAINER_FACTS_H
#define CREEL_CLI_CONTAINER_FACTS_H

#include "base/err.h"

#include <creel/container.h>
#include <stdbool.h>

struct container_facts {
    char id[65];
    char state[32];         /* "running" */
    bool tty, open_stdin;
};

int container_facts_get(struct creel *e, const char *ref, struct container_facts *ret, struct creel_err *err);

#endif
