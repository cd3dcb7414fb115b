/* SPDX-License-Identifier: Apache-2.0 */
/* engine/oci_mounts.h: the mounts of a container, defaults and the user's, in the order in which they are made. */
#ifndef CREEL_ENGINE_OCI_MOUNTS_H
#define CREEL_ENGINE_OCI_MOUNTS_H

#include "engine/oci_build.h"

/* Fills c->mounts and c->linux_.rootfs_propagation. with_init: the init program at oci_init_path(). */
int oci_mounts_build(const struct oci_build *b, bool with_init, struct oci_config *c, struct creel_err *err);

#endif
