/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/sysctl.h: which kernel settings a container may have, and where they are. Pure.
 *
 * Only settings that belong to a namespace of the container's own are accepted; the grammar of keys is strict and a value
 * is one line, so that no key or value can name a second setting (CVE-2022-0811). */
#ifndef CREEL_RUNTIME_SYSCTL_H
#define CREEL_RUNTIME_SYSCTL_H

#include "spec/sysctl_key.h"

enum { SYSCTL_PATH_MAX = SYSCTL_KEY_MAX + 4 };

/* `key` ("net.ipv4.ip_forward" or "net/ipv4/ip_forward") to "sys/net/ipv4/ip_forward", relative to procfs.
 * shared[ns]: that namespace is the host's although the configuration names one (joined by path); NULL: none is.
 * Errors: INVALID, naming the key and the reason (grammar, not namespaced, namespace not the container's own). */
int sysctl_path(const struct oci_config *c, const bool *shared, const char *key, const char *value,
                char ret[SYSCTL_PATH_MAX], struct creel_err *err);

#endif
