/* SPDX-License-Identifier: Apache-2.0 */
/* cli/parallel.h: one call for each operand, several at a time: stopping ten containers takes as long as the slowest.
 */
#ifndef CREEL_CLI_PARALLEL_H
#define CREEL_CLI_PARALLEL_H

#include "cli/command.h"

/* `one` is called for each operand, with an engine of its own thread; `arg` is shared and only read. Results are
 * printed in the order of the operands: what was given, or the error. `forgives` (may be NULL) says which errors do
 * not count. Exit code 1 if any counted. */
int parallel_each(struct cli *c, int (*one)(void *arg, struct creel *e, const char *ref, struct creel_err *err),
                  void *arg, bool (*forgives)(void *arg, const struct creel_err *err));

#endif
