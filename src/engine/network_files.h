/* SPDX-License-Identifier: Apache-2.0 */
/* engine/network_files.h: the hostname, hosts and resolv.conf files that are mounted into a container. */
#ifndef CREEL_ENGINE_NETWORK_FILES_H
#define CREEL_ENGINE_NETWORK_FILES_H

#include "engine/engine.h"
#include "spec/schema.h"

/* Write the three files into the container's directory (mode 0644), from nothing: whatever the last run left in them is
 * gone. Host network: the host's files, with the request's additions. */
int network_files_write(int container_dir, const json_t *config, const json_t *host, struct creel_err *err);

#endif
