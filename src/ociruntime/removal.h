/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/removal.h: the end of a container that another process has made. */
#ifndef CREEL_OCIRUNTIME_REMOVAL_H
#define CREEL_OCIRUNTIME_REMOVAL_H

#include "ociruntime/log.h"
#include "ociruntime/state.h"

/* SIGKILL to init. Does not wait. */
int removal_kill(const struct state *s, struct creel_err *err);
/* Until init has ended, at most ten seconds. Errors: TIMEOUT. */
int removal_wait(const struct state *s, struct creel_err *err);
/* Kill what is left, wait for it; remove control group and resctrl group, run the poststop hooks (failures are logged), remove
 * the state. Every step may have been done already; when it fails, all that is needed to call it again is still there. */
int removal_finish(const char *root, struct state *s, const struct log *log, struct creel_err *err);
/* poststop hooks; failures are logged. */
void removal_run_poststop(const struct state *s, const struct oci_config *config, const struct log *log);

#endif
