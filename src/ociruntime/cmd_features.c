/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_features.c: the OCI features document, for people and programs. */
#include "ociruntime/command.h"
#include "ociruntime/document.h"
#include "ociruntime/output.h"
#include "runtime/runtime.h"

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *text = NULL;
    auto_bytes out = BYTES_INIT;
    (void)in;
    return runtime_features(&text, err) < 0 || document_indent(text, &out, err) < 0 ? -1 : output_write(&out, err);
}

static const struct option options[] = { { .name = NULL } };

const struct command command_features = {
    .name = "features", .synopsis = "",
    .summary = "show the enabled features",
    .description = "The output is the features document of the OCI runtime specification, as JSON.",
    .options = options, .min_args = 0, .max_args = 0, .run = run,
};
