/* SPDX-License-Identifier: Apache-2.0 */
/* cli/confirm.h: asking before much is removed. */
#ifndef CREEL_CLI_CONFIRM_H
#define CREEL_CLI_CONFIRM_H

#include "cli/command.h"

/* Prints the warning and "Are you sure you want to continue? [y/N] "; true for y or yes on standard input. */
bool confirm(struct cli *c, const char *warning);

#endif
