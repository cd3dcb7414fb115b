/* SPDX-License-Identifier: Apache-2.0 */
/* engine/container_spec.h: the document in container_row.spec.
 *
 * {"Config":{…},"HostConfig":{…},"NetworkingConfig":{…}}, each normalised as spec/container_request.h describes and
 * merged with the image's configuration when the container was made. */
#ifndef CREEL_ENGINE_CONTAINER_SPEC_H
#define CREEL_ENGINE_CONTAINER_SPEC_H

#include "engine/engine.h"
#include "spec/mount_point.h"
#include "spec/schema.h"

struct container_spec {
    json_t *root;           /* owned; the others are borrowed from it */
    json_t *config, *host, *networking;
};
/* The row must have been read with its spec. Errors: INTERNAL the document is damaged. */
int container_spec_load(const struct container_row *row, struct container_spec *ret, struct creel_err *err);
void container_spec_fini(struct container_spec *s);
#define auto_container_spec auto_cleanup(container_spec_fini) struct container_spec
/* Put config, host and networking (borrowed) together and print them. *ret: caller frees. */
int container_spec_print(const json_t *config, const json_t *host, const json_t *networking, char **ret,
                         struct creel_err *err);

/* Entrypoint followed by Cmd, each entry borrowed: new reference, NULL when out of memory. */
json_t *container_spec_argv(const json_t *config);
/* The mounts of a host configuration with what the engine itself adds to them: binds of its own root become rslave.
 * Errors: INVALID a bind of the engine's root with another propagation. */
int container_spec_mounts(const struct creel *e, const json_t *host, struct mount_points *ret, struct creel_err *err);
/* "docker.io/…" and all that aside: the path of HostConfig.Runtime. *ret: NULL for the native runtime, else an absolute
 * path, caller frees. Errors: INVALID unknown runtime, not executable. */
int container_spec_runtime(const json_t *host, char **ret, struct creel_err *err);
/* "/creel/<id>", or below HostConfig.CgroupParent. *ret: caller frees. */
int container_spec_cgroup(const struct creel *e, const json_t *host, const char *id, char **ret, struct creel_err *err);
/* Is /sys/fs/cgroup cgroup v2 only? */
bool container_spec_cgroup_unified(void);

#endif
