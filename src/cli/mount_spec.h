/* SPDX-License-Identifier: Apache-2.0 */
/* cli/mount_spec.h: --mount, a record of key=value fields, to an entry of HostConfig.Mounts. Types bind and tmpfs. */
#ifndef CREEL_CLI_MOUNT_SPEC_H
#define CREEL_CLI_MOUNT_SPEC_H

#include "base/err.h"

#include <jansson.h>

/* cwd: what a source that begins with "." is relative to. *ret is the caller's. */
int mount_spec_parse(const char *text, const char *cwd, json_t **ret, struct creel_err *err);

#endif
