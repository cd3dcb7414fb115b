/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/namespace.h: which namespaces are made and which are joined, and cloning a process into them. Parent side.
 *
 * All new ones are made by one clone. Joining a pid namespace and setting time offsets concern only children, so the
 * caller does them to itself for the length of the clone and goes back; that saves a second process. Where a user
 * namespace is joined, or a new one meets others that are joined, there is no way back for the caller: then a process in
 * between joins what there is to join and clones the container's process as its own sibling (CLONE_PARENT). */
#ifndef CREEL_RUNTIME_NAMESPACE_H
#define CREEL_RUNTIME_NAMESPACE_H

#include "base/err.h"
#include "runtime/init/init.h"
#include "spec/oci_config.h"

struct namespace_plan {
    uint64_t clone_flags;                  /* CLONE_NEW* of the new ones, without cgroup and time */
    struct init_join joins[OCI_NS_COUNT];  /* descriptors owned; user first, mount last, pid and time not among them */
    size_t join_count;
    int pid;                               /* pid namespace to be born in, -1 */
    int time;                              /* time namespace to be born in, -1 */
    bool new_cgroup, new_time;
    bool time_inside;                      /* the child makes the new time namespace: the caller has not the privilege */
    bool joined_mount;
    bool host_mount;                       /* the caller's: mounts are made there, below the container's root, which is chrooted to */
    char time_offsets[INIT_TIME_OFFSETS_MAX]; /* for timens_offsets; "" none */
    bool user;                             /* a user namespace other than ours, new or joined */
    bool staged;                           /* needs the process in between, which does the joins */
    bool guided;                           /* the process itself enters all of them, and clones the one to be born in `pid` */
    bool shared[OCI_NS_COUNT];             /* the path named the caller's own namespace */
};

/* Errors: INVALID (the caller's mount namespace is named; not a namespace of that type), NOT_FOUND. *ret: namespace_plan_fini.
 *
 * A mount namespace that is joined becomes the container's: its root is exchanged for the container's by pivot_root, as in a
 * new one, for processes that were only chrooted could leave into what lies outside. Who else is in it moves along. */
int namespace_plan_build(const struct oci_config *c, struct namespace_plan *ret, struct creel_err *err);
/* Join the network namespace at *fd, made for this container, instead of making one; takes it over. Where a new one is not
 * wanted, or not by the caller's user namespace, nothing changes. */
void namespace_plan_use_net(struct namespace_plan *p, int *fd);
void namespace_plan_fini(struct namespace_plan *p);
/* sys_clone in those namespaces. 0 in the child; the pid; or -1 and err. With `staged`, `joins` have been entered. */
pid_t namespace_clone(const struct namespace_plan *p, const struct oci_config *c, int cgroup_fd, int *ret_pidfd,
                      bool *ret_in_cgroup, struct creel_err *err);

static inline void namespace_plan_finip(struct namespace_plan *p) { namespace_plan_fini(p); }
#define auto_namespace_plan auto_cleanup(namespace_plan_finip) struct namespace_plan

#endif
