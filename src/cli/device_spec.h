/* SPDX-License-Identifier: Apache-2.0 */
/* cli/device_spec.h: --device HOST[:CONTAINER][:rwm] to {"PathOnHost","PathInContainer","CgroupPermissions"}, and
 * the check of --device-cgroup-rule. */
#ifndef CREEL_CLI_DEVICE_SPEC_H
#define CREEL_CLI_DEVICE_SPEC_H

#include "base/err.h"

#include <jansson.h>

int device_spec_parse(const char *text, json_t **ret, struct creel_err *err);
/* "c 10:200 rwm", "b 8:* r", "a *:* m". */
int device_rule_check(const char *text, struct creel_err *err);

#endif
