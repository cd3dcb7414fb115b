/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_state.c: creel-runtime state. */
#include "ociruntime/command.h"
#include "ociruntime/output.h"
#include "ociruntime/status_document.h"

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_state s = STATE_INIT;
    auto_bytes out = BYTES_INIT;
    enum container_status status;
    if (invocation_root(in, &root, err) < 0 || state_load(root, invocation_arg(in, 0), &s, err) < 0
        || state_status(&s, &status, err) < 0 || status_document_print(&s, status, true, &out, err) < 0)
        return -1;
    bytes_addc(&out, '\n');
    return output_write(&out, err);
}

static const struct option options[] = { { .name = NULL } };
const struct command command_state = {
    .name = "state", .synopsis = "<container-id>", .summary = "output the state of a container",
    .description = "Prints the state document of the OCI runtime specification, with the container's root file system, the time "
                   "it was created and the owner of its state.",
    .options = options, .min_args = 1, .max_args = 1, .run = run,
};
