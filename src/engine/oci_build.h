/* SPDX-License-Identifier: Apache-2.0 */
/* engine/oci_build.h: from a container's configuration to the OCI configuration of its next run.
 *
 * Decides only; the one thing it looks at on the host is what the request names (devices, the other container of
 * --pid container:X). Defaults are Docker's (security.md, section 4). */
#ifndef CREEL_ENGINE_OCI_BUILD_H
#define CREEL_ENGINE_OCI_BUILD_H

#include "engine/container_spec.h"
#include "engine/engine.h"
#include "spec/oci_config.h"

struct oci_build {
    struct creel *e;
    const struct container_row *row;
    const struct container_spec *spec;
    const struct strv *lower;       /* the image's layers, for the users' files */
    const char *container_dir;      /* where hostname, hosts and resolv.conf are */
    const char *cgroup_path;
    bool native;                    /* false: for an external runtime */
};
/* *ret: oci_config_free. Errors: INVALID · NOT_FOUND · CONFLICT · DENIED */
int oci_build_config(const struct oci_build *b, struct oci_config **ret, struct creel_err *err);
/* The process of an exec. `exec` is a normalised exec body; other than in the container, no home but that of the exec's
 * user is used. */
int oci_build_exec(const struct oci_build *b, const json_t *exec, struct oci_process *ret, struct creel_err *err);
/* HostConfig's resources as the runtime takes them; device rules included. Into a zeroed struct. */
int oci_build_resources(const json_t *host, struct oci_resources *ret, struct creel_err *err);

/* What of a HostConfig this process cannot give: capabilities it does not have, an OOM score it may not set. DENIED. */
int oci_build_check(const json_t *host, struct creel_err *err);

/* The default lists, NULL-terminated. */
extern const char *const oci_masked_paths[], *const oci_readonly_paths[];
/* Where the engine's init program appears in the container: on the /dev that is made for it, unless the user brings one. */
const char *oci_init_path(const json_t *host);

#endif
