/* SPDX-License-Identifier: Apache-2.0 */
/* engine/oci_devices.h: device nodes and device rules of a container. */
#ifndef CREEL_ENGINE_OCI_DEVICES_H
#define CREEL_ENGINE_OCI_DEVICES_H

#include "engine/oci_build.h"

/* linux.devices and linux.resources.devices. Docker's default rules, then one per device asked for, then
 * DeviceCgroupRules; privileged: every device of the host. Errors: INVALID a device that does not exist. */
int oci_devices_build(const json_t *host, struct oci_config *c, struct creel_err *err);

#endif
