/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/net_device.c: see runtime/net_device.h.
 *
 * The kernel closes a device when it changes its namespace, gives it the new name there, and forgets its addresses; so it
 * is not touched before the one request that moves and renames it, and a refusal of that request leaves it as it was. */
#include "runtime/net_device.h"

#include "base/cleanup.h"
#include "sys/process.h"
#include "sys/rtnl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESSES_MAX = 4096, DUMP_TRIES = 10, LINKS_MAX = 65536 };

/* --- what a link is called --- */

static bool is_template(const char *name) { return strchr(name, '%') != NULL; }

static bool name_ok(const char *name, bool may_be_template)
{
    size_t n = strlen(name);
    if (n == 0 || n >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const char *p = name; *p != '\0'; p++)
        if (*p == '/' || *p == ':' || (unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    const char *percent = strchr(name, '%');
    return percent == NULL || (may_be_template && percent[1] == 'd' && strchr(percent + 1, '%') == NULL);
}

static int plan_names(const struct oci_config *c, struct net_devices *n, struct creel_err *err)
{
    for (size_t i = 0; i < n->count; i++) {
        struct net_device *d = &n->items[i];
        const char *from = c->linux_.net_devices[i].from, *name = c->linux_.net_devices[i].name;
        if (name == NULL || name[0] == '\0')
            name = from;
        if (!name_ok(from, false) || !name_ok(name, true))
            return creel_fail(err, CREEL_INVALID, 0, "linux.netDevices: \"%.40s\" is not an interface name",
                              name_ok(from, false) ? name : from);
        (void)snprintf(d->from, sizeof d->from, "%s", from);    /* their lengths are known to fit */
        (void)snprintf(d->name, sizeof d->name, "%s", name);
        for (size_t k = 0; k < i && !is_template(d->name); k++)
            if (strcmp(n->items[k].name, d->name) == 0)
                return creel_fail(err, CREEL_INVALID, 0, "linux.netDevices: %s and %s would both be called %s",
                                  n->items[k].from, d->from, d->name);
    }
    return 0;
}

/* --- asking --- */

struct link { int index; unsigned flags; char name[IFNAMSIZ]; };

static int read_link(const struct nlmsghdr *m, void *data)
{
    struct link *to = data;
    struct ifinfomsg info;
    size_t len;
    if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof info))
        return 0;
    memcpy(&info, NLMSG_DATA(m), sizeof info);
    const char *name = sys_rtnl_attribute(m, sizeof info, IFLA_IFNAME, &len);
    to->index = info.ifi_index;
    to->flags = info.ifi_flags;
    if (name != NULL)
        (void)snprintf(to->name, sizeof to->name, "%.*s", (int)len, name);
    return 0;
}

/* By its name, or with name NULL by its index. 0, -ENODEV, -errno. */
static int look_up(int sock, const char *name, int index, struct link *ret)
{
    struct sys_rtnl_request r;
    const struct ifinfomsg any = { .ifi_family = AF_UNSPEC, .ifi_index = index };
    *ret = (struct link){ 0 };
    sys_rtnl_begin(&r, RTM_GETLINK, 0, &any, sizeof any);
    if (name != NULL)
        sys_rtnl_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
    int e = sys_rtnl_ask(sock, &r, read_link, ret);
    return e < 0 ? e : ret->index == 0 ? -ENODEV : 0;
}

static int find_link(int sock, const char *name, struct link *ret) { return look_up(sock, name, 0, ret); }

/* All links there are, to tell the new one by. */
struct indices { int *items; size_t count; };

static int add_index(const struct nlmsghdr *m, void *data)
{
    struct indices *all = data;
    struct link l = { 0 };
    (void)read_link(m, &l);
    if (l.index == 0)
        return 0;
    if (all->count % 64 == 0) {
        int *items = all->count >= LINKS_MAX ? NULL : reallocarray(all->items, all->count + 64, sizeof *items);
        if (items == NULL)
            return -ENOMEM;
        all->items = items;
    }
    all->items[all->count++] = l.index;
    return 0;
}

static int list_links(int sock, struct indices *ret)
{
    int e = -EINTR;
    for (int i = 0; e == -EINTR && i < DUMP_TRIES; i++) {
        struct sys_rtnl_request r;
        const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
        ret->count = 0;
        sys_rtnl_begin(&r, RTM_GETLINK, NLM_F_DUMP, &any, sizeof any);
        e = sys_rtnl_ask(sock, &r, add_index, ret);
    }
    return e;
}

static void copy_bytes(unsigned char *to, size_t size, const void *from, size_t len)
{
    memcpy(to, from, len < size ? len : size);
}

static int add_address(const struct nlmsghdr *m, void *data)
{
    struct net_device *d = data;
    struct ifaddrmsg a;
    size_t len, peer_len, n;
    if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof a))
        return 0;
    memcpy(&a, NLMSG_DATA(m), sizeof a);
    uint32_t flags = a.ifa_flags;
    const void *v = sys_rtnl_attribute(m, sizeof a, IFA_FLAGS, &n);
    if (v != NULL && n == sizeof flags)
        memcpy(&flags, v, sizeof flags);
    if ((int)a.ifa_index != d->index || !(flags & IFA_F_PERMANENT) || a.ifa_scope != RT_SCOPE_UNIVERSE)
        return 0;
    const void *peer = sys_rtnl_attribute(m, sizeof a, IFA_ADDRESS, &peer_len);
    const void *local = sys_rtnl_attribute(m, sizeof a, IFA_LOCAL, &len);
    if (local == NULL) {
        local = peer;   /* IPv6 without a peer */
        len = peer_len;
    }
    if (local == NULL || (len != 4 && len != 16) || d->address_count == ADDRESSES_MAX)
        return local == NULL ? 0 : -E2BIG;
    struct net_address *all = reallocarray(d->addresses, d->address_count + 1, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    d->addresses = all;
    struct net_address *to = &all[d->address_count++];
    *to = (struct net_address){ .family = a.ifa_family, .prefix = a.ifa_prefixlen, .len = (uint8_t)len };
    to->flags = flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE | IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN);
    copy_bytes(to->local, sizeof to->local, local, len);
    to->has_peer = peer != NULL && peer_len == len && memcmp(peer, local, len) != 0;
    if (to->has_peer)
        copy_bytes(to->peer, sizeof to->peer, peer, len);
    v = sys_rtnl_attribute(m, sizeof a, IFA_BROADCAST, &n);
    to->has_broadcast = v != NULL && n == sizeof to->broadcast;
    if (to->has_broadcast)
        copy_bytes(to->broadcast, sizeof to->broadcast, v, n);
    v = sys_rtnl_attribute(m, sizeof a, IFA_RT_PRIORITY, &n);
    to->has_priority = v != NULL && n == sizeof to->priority;
    if (to->has_priority)
        memcpy(&to->priority, v, n);
    return 0;
}

static int list_addresses(int sock, struct net_device *d)
{
    int e = -EINTR;
    for (int i = 0; e == -EINTR && i < DUMP_TRIES; i++) {
        struct sys_rtnl_request r;
        const struct ifaddrmsg any = { .ifa_family = AF_UNSPEC };
        d->address_count = 0;
        sys_rtnl_begin(&r, RTM_GETADDR, NLM_F_DUMP, &any, sizeof any);
        e = sys_rtnl_ask(sock, &r, add_address, d);
    }
    return e;
}

/* --- telling --- */

static int move_link(int sock, struct sys_rtnl_request *r, int index, int to_ns, const char *name)
{
    const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
    const uint32_t fd = (uint32_t)to_ns;
    sys_rtnl_begin(r, RTM_NEWLINK, 0, &info, sizeof info);
    sys_rtnl_add(r, IFLA_NET_NS_FD, &fd, sizeof fd);
    sys_rtnl_add(r, IFLA_IFNAME, name, strlen(name) + 1);
    return sys_rtnl_do(sock, r);
}

static int set_up(int sock, struct sys_rtnl_request *r, int index)
{
    const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP,
                                    .ifi_change = IFF_UP };
    sys_rtnl_begin(r, RTM_NEWLINK, 0, &info, sizeof info);
    return sys_rtnl_do(sock, r);
}

static int give_address(int sock, struct sys_rtnl_request *r, int index, const struct net_address *a)
{
    const struct ifaddrmsg m = { .ifa_family = a->family, .ifa_prefixlen = a->prefix, .ifa_scope = RT_SCOPE_UNIVERSE,
                                 .ifa_index = (uint32_t)index };
    sys_rtnl_begin(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof m);
    sys_rtnl_add(r, IFA_LOCAL, a->local, a->len);
    sys_rtnl_add(r, IFA_ADDRESS, a->has_peer ? a->peer : a->local, a->len);
    if (a->has_broadcast)
        sys_rtnl_add(r, IFA_BROADCAST, a->broadcast, sizeof a->broadcast);
    if (a->flags != 0)
        sys_rtnl_add(r, IFA_FLAGS, &a->flags, sizeof a->flags);
    if (a->has_priority)
        sys_rtnl_add(r, IFA_RT_PRIORITY, &a->priority, sizeof a->priority);
    return sys_rtnl_do(sock, r);
}

static int fail_device(const struct net_device *d, const char *what, int e, const struct sys_rtnl_request *r,
                       struct creel_err *err)
{
    const enum creel_kind kind = e == -EPERM ? CREEL_DENIED : e == -EEXIST ? CREEL_CONFLICT
                                 : e == -EINVAL || e == -EOPNOTSUPP ? CREEL_INVALID : CREEL_INTERNAL;
    return creel_fail(err, kind, -e, "network device %s: %s%s%s", d->from, what, r->said[0] != '\0' ? ": " : "", r->said);
}

/* --- the plan --- */

static int plan_device(struct net_devices *n, struct net_device *d, struct creel_err *err)
{
    struct link l;
    int e = find_link(n->here, d->from, &l);
    if (e == -ENODEV)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "network device %s: the host has no such device", d->from);
    if (e < 0)
        return creel_fail(err, CREEL_INTERNAL, -e, "network device %s: look it up", d->from);
    if (l.flags & IFF_LOOPBACK)
        return creel_fail(err, CREEL_INVALID, 0, "network device %s: a loopback device cannot be moved", d->from);
    /* An alternative name finds a device, too; it keeps its first one unless it is given another. */
    if (strcmp(d->name, d->from) == 0)
        (void)snprintf(d->name, sizeof d->name, "%s", l.name);
    (void)snprintf(d->from, sizeof d->from, "%s", l.name);
    d->index = l.index;
    d->was_up = (l.flags & IFF_UP) != 0;
    return 0;
}

int net_devices_plan(const struct oci_config *c, bool shared_net, struct net_devices *ret, struct creel_err *err)
{
    *ret = (struct net_devices)NET_DEVICES_INIT;
    if (c->linux_.net_device_count == 0)
        return 0;
    if (oci_namespace_find(c, OCI_NS_NETWORK) == NULL || shared_net)
        return creel_fail(err, CREEL_INVALID, 0, "linux.netDevices need a network namespace of the container's own");
    ret->items = calloc(c->linux_.net_device_count, sizeof *ret->items);
    if (ret->items == NULL)
        return creel_fail_nomem(err);
    ret->count = c->linux_.net_device_count;
    if (plan_names(c, ret, err) < 0)
        return -1;
    ret->here = sys_rtnl_open();
    if (ret->here < 0)
        return creel_fail(err, CREEL_INTERNAL, -ret->here, "linux.netDevices: open a netlink socket");
    for (size_t i = 0; i < ret->count; i++)
        if (plan_device(ret, &ret->items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < ret->count; i++)
        for (size_t k = 0; k < i; k++)
            if (ret->items[i].index == ret->items[k].index)
                return creel_fail(err, CREEL_INVALID, 0, "linux.netDevices: %s is there twice", ret->items[i].from);
    return 0;
}

/* --- the move --- */

/* A socket that speaks for another network namespace: made during a visit, which is over when this returns. */
static int open_there(struct net_devices *n, int pid, struct creel_err *err)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    n->there_ns = open(path, O_RDONLY | O_CLOEXEC);
    n->here_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (n->there_ns < 0 || n->here_ns < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "linux.netDevices: open the network namespaces");
    int e = sys_setns(n->there_ns, CLONE_NEWNET);
    if (e < 0)
        return creel_fail(err, e == -EPERM ? CREEL_DENIED : CREEL_INTERNAL, -e,
                          "linux.netDevices: visit the container's network namespace");
    n->there = sys_rtnl_open();
    e = sys_setns(n->here_ns, CLONE_NEWNET);
    if (e < 0)
        return creel_fail(err, CREEL_INTERNAL, -e, "return to the caller's network namespace");
    return n->there < 0 ? creel_fail(err, CREEL_INTERNAL, -n->there, "linux.netDevices: open a netlink socket") : 0;
}

/* The one that was not there before. */
static int find_new(int sock, const struct indices *before, int *ret)
{
    auto_free int *items = NULL;
    struct indices now = { 0 };
    int e = list_links(sock, &now);
    items = now.items;
    if (e < 0)
        return e;
    for (size_t i = 0; i < now.count; i++) {
        bool known = false;
        for (size_t k = 0; k < before->count && !known; k++)
            known = before->items[k] == now.items[i];
        if (!known) {
            *ret = now.items[i];
            return 0;
        }
    }
    return -ENODEV;
}

static int carry_over(struct net_devices *n, struct net_device *d, struct creel_err *err)
{
    struct sys_rtnl_request r;
    auto_free int *items = NULL;
    struct indices before = { 0 };
    struct link l;
    r.said[0] = '\0';
    int e = is_template(d->name) ? -ENODEV : find_link(n->there, d->name, &l);
    if (e == 0)
        return creel_fail(err, CREEL_CONFLICT, 0, "network device %s: the container's network namespace has a %s already",
                          d->from, d->name);
    if (e == -ENODEV)
        e = is_template(d->name) ? list_links(n->there, &before) : 0;
    items = before.items;
    if (e < 0)
        return fail_device(d, "look at the container's network namespace", e, &r, err);
    e = list_addresses(n->here, d);
    if (e < 0)
        return fail_device(d, "read its addresses", e, &r, err);
    d->tried = true;
    e = move_link(n->here, &r, d->index, n->there_ns, d->name);
    d->tried = e != -ENODEV;    /* removed meanwhile: one of that name over there is another */
    if (e < 0)
        return fail_device(d, "move it into the container", e, &r, err);
    r.said[0] = '\0';
    if (is_template(d->name))
        e = find_new(n->there, &before, &d->index_there);
    else if ((e = find_link(n->there, d->name, &l)) == 0)
        d->index_there = l.index;
    if (e < 0)
        return fail_device(d, "find it in the container", e, &r, err);
    for (size_t i = 0; i < d->address_count; i++)
        if ((e = give_address(n->there, &r, d->index_there, &d->addresses[i])) < 0)
            return fail_device(d, "keep its addresses", e, &r, err);
    e = set_up(n->there, &r, d->index_there);
    return e < 0 ? fail_device(d, "bring it up in the container", e, &r, err) : 0;
}

int net_devices_move(struct net_devices *n, int pid, struct creel_err *err)
{
    if (n->count == 0)
        return 0;
    if (open_there(n, pid, err) < 0)
        return -1;
    for (size_t i = 0; i < n->count; i++)
        if (carry_over(n, &n->items[i], err) < 0)
            return -1;
    return 0;
}

/* The one request moved it, but then failed to rename it, or what we asked afterwards was not answered. It keeps its index
 * when it moves, unless somebody there has it. */
static void find_lost(const struct net_devices *n, struct net_device *d)
{
    struct link l;
    if (find_link(n->here, d->from, &l) == -ENODEV
        && (find_link(n->there, d->name, &l) == 0 || find_link(n->there, d->from, &l) == 0
            || look_up(n->there, NULL, d->index, &l) == 0))
        d->index_there = l.index;
}

void net_devices_restore(struct net_devices *n)
{
    for (size_t i = n->count; i-- > 0;) {
        struct net_device *d = &n->items[i];
        struct sys_rtnl_request r;
        struct link l;
        if (d->index_there == 0 && d->tried)
            find_lost(n, d);
        if (d->index_there == 0 || move_link(n->there, &r, d->index_there, n->here_ns, d->from) < 0)
            continue;
        d->index_there = 0;
        if (find_link(n->here, d->from, &l) < 0)
            continue;
        for (size_t k = 0; k < d->address_count; k++)
            (void)give_address(n->here, &r, l.index, &d->addresses[k]);
        if (d->was_up)
            (void)set_up(n->here, &r, l.index);
    }
}

void net_devices_fini(struct net_devices *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i].addresses);
    free(n->items);
    n->items = NULL;
    n->count = 0;
    fd_closep(&n->here);
    fd_closep(&n->there);
    fd_closep(&n->here_ns);
    fd_closep(&n->there_ns);
}
