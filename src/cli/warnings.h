/* SPDX-License-Identifier: Apache-2.0 */
/* cli/warnings.h: what the engine warned of when it made a container. */
#ifndef CREEL_CLI_WARNINGS_H
#define CREEL_CLI_WARNINGS_H

#include "cli/command.h"

/* A JSON array of texts or NULL: one line each on stderr. */
void warnings_say(struct cli *c, const char *json);

#endif
