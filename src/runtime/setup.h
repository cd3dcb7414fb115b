/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/setup.h: all that is decided and opened before a container's process is cloned.
 *
 * runtime_setup_prepare turns parameters into plans (no effect on the host beyond open descriptors); runtime_setup_fini
 * undoes it. The child works with the same memory (a copy of it). */
#ifndef CREEL_RUNTIME_SETUP_H
#define CREEL_RUNTIME_SETUP_H

#include "runtime/hook_plan.h"
#include "runtime/init/init.h"
#include "runtime/namespace.h"
#include "runtime/net_device.h"
#include "runtime/runtime.h"

struct runtime_setup {
    const struct runtime_params *params;
    struct process_plan process;
    struct namespace_plan namespaces;
    struct mount_plan mounts;
    struct net_devices net_devices;
    struct init_sysctl *sysctls;
    struct hook_plan prestart, create_runtime, create_container, start_container;
    char *bundle;               /* absolute; NULL until needed */
    char *layers, *root_path;
    int root_tree;
    bool root_attached;         /* in our own mount namespace, on root_path: to be taken off again */
    int null;                   /* /dev/null for streams that were not given, -1 */
    int *keep;
    size_t keep_count;
    struct init_plan init;      /* borrows from all of the above */
};

/* Everything that needs neither cgroup nor child. */
int runtime_setup_prepare(const struct runtime_params *p, const struct cgroup_layout *layout, const char *cgroup_path,
                          struct runtime_setup *ret, struct creel_err *err);
/* Last, when the socket and the cgroup's descriptors are there. */
int runtime_setup_finish(struct runtime_setup *s, int sock, const struct cgroup *cgroup, struct resctrl *resctrl,
                         struct creel_err *err);
/* Take the root off again, when it was attached in our mount namespace. */
void runtime_setup_undo(struct runtime_setup *s);
void runtime_setup_fini(struct runtime_setup *s);

/* Shared with exec: the descriptors a child keeps from its first moment, ascending. Caller frees. */
int *runtime_keep_list(const int *fds, size_t count, int preserve, struct creel_err *err);
/* Descriptors 3 to 3 + n - 1 must have been passed to this program on purpose (open, not close-on-exec), or one of ours
 * could end up in the container. */
int runtime_check_preserved(int preserve, struct creel_err *err);
/* Turn the process into a plan. Where the caller can be warned, capabilities it does not have are left out, unless the process
 * gets a user namespace, where it has all of them. */
int runtime_plan_process(const struct oci_config *c, const struct oci_process *process, bool user_namespace,
                         void (*warn)(const void *data, const char *text), const void *warn_data, struct process_plan *ret,
                         struct creel_err *err);
/* "_ses.<id>" */
char *runtime_keyring_name(const char *id);

static inline void runtime_setup_finip(struct runtime_setup *s) { runtime_setup_fini(s); }
#define auto_runtime_setup auto_cleanup(runtime_setup_finip) struct runtime_setup

#endif
