/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/exec_process.h: what `exec` runs: a document of --process, or the container's own process with the
 * changes that the options ask for. */
#ifndef CREEL_OCIRUNTIME_EXEC_PROCESS_H
#define CREEL_OCIRUNTIME_EXEC_PROCESS_H

#include "ociruntime/command.h"
#include "spec/oci_config.h"

/* `base`: the configuration's process; need not be present. Operands from the second on are the command. The
 * result is checked as the specification asks. Errors: INVALID, naming option or member; what reading the document
 * gives. *ret: oci_process_fini, also after failure. */
int exec_process_build(const struct invocation *in, const struct oci_process *base, struct oci_process *ret,
                       struct creel_err *err);

#endif
