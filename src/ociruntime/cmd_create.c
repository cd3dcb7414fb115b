/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_create.c: creel-runtime create. */
#include "ociruntime/creation.h"

static int run(struct invocation *in, struct creel_err *err)
{
    struct creation c;
    int r = creation_make(in, true, true, &c, err);
    if (r == 0 && runtime_park(c.container, err) < 0) {
        creation_undo(&c);
        r = -1;
    }
    creation_fini(&c);
    return r;
}

static const struct option options[] = { CREATION_OPTIONS, { .name = NULL } };
const struct command command_create = {
    .name = "create", .synopsis = "[command options] <container-id>", .summary = "create a container",
    .description = "Makes the container that the bundle describes and lets its process wait for `start`. The id must be unique "
                   "below --root.",
    .options = options, .min_args = 1, .max_args = 1, .guarded = true, .run = run,
};
