/* SPDX-License-Identifier: Apache-2.0 */
/* cli/volume_spec.h: -v SOURCE:TARGET[:MODE], a host directory or file in the container.
 *
 * MODE is a comma-separated list of at most one each of ro, rw, rro · z, Z · a propagation · a consistency word
 * (which says nothing here). Named and anonymous volumes are refused. */
#ifndef CREEL_CLI_VOLUME_SPEC_H
#define CREEL_CLI_VOLUME_SPEC_H

#include "base/err.h"

#include <jansson.h>

/* Fills one of: *ret_bind, an entry of HostConfig.Binds (free), or, for rro (every mount below is read-only too, or
 * it fails), *ret_mount, an entry of HostConfig.Mounts. cwd as in mount_spec_parse. */
int volume_spec_parse(const char *text, const char *cwd, char **ret_bind, json_t **ret_mount, struct creel_err *err);

#endif
