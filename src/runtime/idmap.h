/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/idmap.h: user and group id mappings of user namespaces. Parent side. */
#ifndef CREEL_RUNTIME_IDMAP_H
#define CREEL_RUNTIME_IDMAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "spec/oci_config.h"

#include <sys/types.h>

/* Kernel text of the mapping, one line per range. */
void idmap_print(const struct oci_id_map *maps, size_t count, struct bytes *out);
/* Give the user namespace of the (stopped) process `pid` its mappings. Without the privilege to write them, newuidmap
 * and newgidmap are asked; for one line that maps the caller to itself neither is needed. */
int idmap_write(pid_t pid, const struct oci_linux *l, struct creel_err *err);
/* A descriptor of a user namespace with these mappings, for id-mapped mounts. -1 on failure. */
int idmap_namespace_open(const struct oci_id_map *uids, size_t uid_count, const struct oci_id_map *gids,
                         size_t gid_count, struct creel_err *err);
/* Whether `id` is mapped. */
bool idmap_has(const struct oci_id_map *maps, size_t count, uint32_t id);

#endif
