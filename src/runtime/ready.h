/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/ready.h: what nearly every container needs and that can be made before one knows anything about it.
 *
 * A network namespace takes the kernel longer than all the others together, and finding the control group hierarchies
 * takes as long as making the groups. Whoever waits for the configuration does both meanwhile. What a configuration turns
 * out not to need is dropped; what could not be made is made, or fails, at its usual place. */
#ifndef CREEL_RUNTIME_READY_H
#define CREEL_RUNTIME_READY_H

#include "base/err.h"
#include "runtime/cgroup.h"

struct runtime_ready {
    int net;                /* a new network namespace with its loopback interface up, or -1 */
    struct cgroup *cgroup;  /* cgroup_begin, or NULL */
};

/* The calling thread visits the network namespace and comes back. -1 only when it could not: it must not go on then. */
int runtime_get_ready(struct runtime_ready *ret, struct creel_err *err);
void runtime_ready_fini(struct runtime_ready *r);

#endif
