/* SPDX-License-Identifier: Apache-2.0 */
/* spec/sysctl_key.h: names of sysctls as sysctl(8) reads them, and the namespaces they belong to. Pure. */
#ifndef CREEL_SPEC_SYSCTL_KEY_H
#define CREEL_SPEC_SYSCTL_KEY_H

#include "spec/oci_config.h"

enum { SYSCTL_KEY_MAX = 250 };

/* The path below /proc/sys. The first separator in the key is the one; the other one stands for a dot in a name:
 * "net.ipv4.conf.eth0/1.forwarding" and "net/ipv4/conf/eth0.1/forwarding" are "net/ipv4/conf/eth0.1/forwarding". Parts are
 * letters, digits, '_', '-' and dots, never empty, "." or "..". False for anything else, and when it is too long. */
bool sysctl_key_path(const char *key, char path[SYSCTL_KEY_MAX]);
/* The namespace a path belongs to; OCI_NS_COUNT: to none, it is the whole host's. kernel/hostname is none, too: the
 * configuration has a field for it. */
enum oci_ns sysctl_path_ns(const char *path);

#endif
