/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/net_device.h: linux.netDevices, the host's network devices that move into the container's network namespace.
 *
 * Parent side. Planned before anything is made (the devices exist, the names are free to be used); moved once the container
 * has its namespace; restored, with names, addresses and state, when the container's creation fails after that. What
 * becomes of them at the container's end is the kernel's and the namespace's owner's business, as the specification wants:
 * virtual devices vanish with the namespace, physical ones go back to the first one. */
#ifndef CREEL_RUNTIME_NET_DEVICE_H
#define CREEL_RUNTIME_NET_DEVICE_H

#include "base/err.h"
#include "spec/oci_config.h"

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
    uint8_t family, prefix, len;               /* len: of local and peer */
    bool has_peer, has_broadcast, has_priority;
    uint32_t flags, priority;
    unsigned char local[16], peer[16], broadcast[4];
};
struct net_device {
    char from[IFNAMSIZ], name[IFNAMSIZ];       /* name may be a template: "eth%d" */
    int index;                                 /* on the host */
    int index_there;                           /* 0: not moved */
    bool was_up, tried;
    struct net_address *addresses;             /* owned; the permanent ones of global scope */
    size_t address_count;
};
struct net_devices {
    struct net_device *items;                  /* owned */
    size_t count;
    int here, there;                           /* rtnetlink in our and in the container's namespace, -1 */
    int here_ns, there_ns;                     /* the namespaces; theirs lives on as long as it is held */
};
#define NET_DEVICES_INIT { .here = -1, .there = -1, .here_ns = -1, .there_ns = -1 }

/* Look the devices up. Without any in the configuration: no system call.
 * shared_net: the container's network namespace is our own. Errors: INVALID, NOT_FOUND, DENIED. *ret: net_devices_fini,
 * also after failure. */
int net_devices_plan(const struct oci_config *c, bool shared_net, struct net_devices *ret, struct creel_err *err);
/* Move them into the network namespace of `pid`, a child of ours that waits. Errors: CONFLICT a name is taken there; what
 * was moved before stays moved until net_devices_restore. */
int net_devices_move(struct net_devices *n, int pid, struct creel_err *err);
/* Back to where they were, as far as they were moved. */
void net_devices_restore(struct net_devices *n);
void net_devices_fini(struct net_devices *n);

#endif
