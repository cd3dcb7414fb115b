/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/hook_plan.h: hooks of the configuration made ready to run, and the state document they are given. */
#ifndef CREEL_RUNTIME_HOOK_PLAN_H
#define CREEL_RUNTIME_HOOK_PLAN_H

#include "runtime/init/init.h"

struct hook_plan {
    struct init_hooks hooks;    /* what init_hooks_run takes */
    struct init_hook *items;    /* owned */
    char **names;               /* owned: {path, NULL} for each, the argv of a hook without args */
    char *before, *after;       /* owned */
};

enum { HOOK_TIMEOUT_MS = 60000 };  /* of a hook that names none */

/* status: "creating", "created", "running", "stopped". bundle: absolute path. Errors: INVALID (relative path, timeout
 * not positive). *ret: hook_plan_fini, also after failure. */
int hook_plan_build(const struct oci_config *c, const struct oci_hooks *hooks, const char *name, const char *id,
                    const char *bundle, const char *status, struct hook_plan *ret, struct creel_err *err);
/* How long they may all take together, in milliseconds; INT_MAX at most. */
int hook_list_time_ms(const struct oci_hooks *hooks);
void hook_plan_fini(struct hook_plan *p);

#endif
