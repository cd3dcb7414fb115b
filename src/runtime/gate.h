/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/gate.h: containers that one process makes and another one starts (OCI create and start). Parent side.
 *
 * runtime_create with params.gate leaves init as a child that depends on its maker: it ends when the maker does. With
 * runtime_park it lets go of the maker and waits at the gate for runtime_start_parked, from any process of the same user.
 * That is the moment from which the container is there; whatever is killed before it leaves nothing that can be started. */
#ifndef CREEL_RUNTIME_GATE_H
#define CREEL_RUNTIME_GATE_H

#include "runtime/runtime.h"

/* The socket `name` in the directory `dir`, which nobody else can enter. Close-on-exec; -1 and err. */
int gate_make(int dir, const char *name, struct creel_err *err);
/* Whether somebody waits behind it: 1, 0, -errno. Does not block, and nobody notices. */
int gate_is_open(int dir, const char *name);

/* A container as another process knows it. All borrowed. */
struct runtime_parked {
    const struct oci_config *config;
    const char *id, *bundle;        /* bundle: absolute */
    pid_t pid;
    int pidfd;
    bool notifies;                  /* its filter has an agent to ask */
};
/* Let init execute, as runtime_start does, through the gate. Hooks: startContainer in init, poststart here. Errors: CONFLICT when
 * nobody waits at the gate; otherwise init is gone. */
int runtime_start_parked(const struct runtime_parked *p, int dir, const char *name, struct creel_err *err);

#endif
