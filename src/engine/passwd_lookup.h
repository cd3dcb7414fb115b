/* SPDX-License-Identifier: Apache-2.0 */
/* engine/passwd_lookup.h: a container's users and groups, from its own /etc/passwd and /etc/group (spec/user_spec.h). */
#ifndef CREEL_ENGINE_PASSWD_LOOKUP_H
#define CREEL_ENGINE_PASSWD_LOOKUP_H

#include "engine/engine.h"
#include "spec/oci_config.h"

/* lower as in struct engine_image. The upper directory of container `id` is looked at when it exists.
 * Errors: INVALID no such user or group, malformed · INTERNAL the files cannot be read although a name needs them */
int passwd_lookup(struct creel *e, const char *id, const struct strv *lower, const char *user,
                  const struct strv *group_add, struct oci_user *ret, char **ret_home, struct creel_err *err);

#endif
