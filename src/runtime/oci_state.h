/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/oci_state.h: the state document of the OCI runtime specification, as hooks and seccomp agents get it. Pure. */
#ifndef CREEL_RUNTIME_OCI_STATE_H
#define CREEL_RUNTIME_OCI_STATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "spec/oci_config.h"

/* The text before and after the number of the pid, which only the process that asks for it may know. Both owned by the
 * caller. status: "creating", "created", "running", "stopped"; bundle: absolute path. */
int oci_state_print(const struct oci_config *c, const char *id, const char *bundle, const char *status,
                    char **ret_before_pid, char **ret_after_pid, struct creel_err *err);
/* `s` as a JSON string, with its quotes. */
void oci_state_add_string(struct bytes *out, const char *s);

#endif
