/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_checkpoint.c: checkpoint and restore are known by name, so that whoever asks for them is told the reason. */
#include "ociruntime/command.h"

static int run(struct invocation *in, struct creel_err *err)
{
    return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s: this runtime does not save and restore processes", in->command->name);
}

static const struct option options[] = { { .name = NULL } };
const struct command command_checkpoint = {
    .name = "checkpoint", .synopsis = "<container-id>", .summary = "not supported: save a running container",
    .options = options, .min_args = 0, .max_args = -1, .run = run,
};
const struct command command_restore = {
    .name = "restore", .synopsis = "<container-id>", .summary = "not supported: go on with a saved container",
    .options = options, .min_args = 0, .max_args = -1, .run = run,
};
