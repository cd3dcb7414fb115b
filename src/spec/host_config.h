/* SPDX-License-Identifier: Apache-2.0 */
/* spec/host_config.h: what the values of a HostConfig mean: ulimits, device rules, sysctls, name space modes, security
 * options, log options. Pure: nothing here looks at the host. Documents are normalised (spec/container_request.h). */
#ifndef CREEL_SPEC_HOST_CONFIG_H
#define CREEL_SPEC_HOST_CONFIG_H

#include "base/strv.h"
#include "spec/oci_config.h"
#include "spec/schema.h"

/* All checks of a HostConfig that need neither host nor image. Errors: INVALID · UNSUPPORTED. */
int host_config_check(const json_t *host, struct creel_err *err);

/* {"Name":"nofile","Soft":1,"Hard":2} → RLIMIT_NOFILE; -1 is "unlimited". ret->type is owned by the caller. */
int host_ulimit_parse(const json_t *u, struct oci_rlimit *ret, struct creel_err *err);
/* "c 1:3 rwm", "b *:* m", "a *:* rwm". Strings of *ret are owned by the caller. */
int host_device_rule_parse(const char *text, struct oci_device_rule *ret, struct creel_err *err);
/* "rwm" in any order, each at most once, not empty. */
bool host_device_access_ok(const char *access);
/* "[host:]name:address" of ExtraHosts → name and address, in place of one string. Errors INVALID · UNSUPPORTED
 * host-gateway. */
int host_extra_host_parse(const char *text, char **ret_name, char **ret_address, struct creel_err *err);
/* The "0-3,7" form. Returns false when malformed; *ret_max is the largest number in it. */
bool host_cpu_list_ok(const char *text, int64_t *ret_max);

/* --- name spaces --- */
enum host_ns_mode {
    HOST_NS_PRIVATE,        /* "", "private" */
    HOST_NS_HOST,           /* "host" */
    HOST_NS_CONTAINER,      /* "container:<ref>" */
    HOST_NS_SHAREABLE,      /* IPC only: private, others may join */
    HOST_NS_NONE,           /* IPC only: private without /dev/shm */
};
enum host_ns_mode host_pid_mode(const json_t *host);
enum host_ns_mode host_ipc_mode(const json_t *host);
enum host_ns_mode host_uts_mode(const json_t *host);
enum host_ns_mode host_net_mode(const json_t *host);    /* "none" and "default" are private */
/* unified: the host has cgroup v2 only; then "" is private, else host, as with Docker. */
enum host_ns_mode host_cgroupns_mode(const json_t *host, bool unified);
/* "container:<ref>" → ref (borrowed), else NULL. */
const char *host_ns_container(const char *mode);

#endif
