/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/capability.h"

#include <assert.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
    [CAP_CHOWN] = "CAP_CHOWN",
    [CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
    [CAP_FOWNER] = "CAP_FOWNER",
    [CAP_FSETID] = "CAP_FSETID",
    [CAP_KILL] = "CAP_KILL",
    [CAP_SETGID] = "CAP_SETGID",
    [CAP_SETUID] = "CAP_SETUID",
    [CAP_SETPCAP] = "CAP_SETPCAP",
    [CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
    [CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
    [CAP_NET_ADMIN] = "CAP_NET_ADMIN",
    [CAP_NET_RAW] = "CAP_NET_RAW",
    [CAP_IPC_LOCK] = "CAP_IPC_LOCK",
    [CAP_IPC_OWNER] = "CAP_IPC_OWNER",
    [CAP_SYS_MODULE] = "CAP_SYS_MODULE",
    [CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
    [CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
    [CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
    [CAP_SYS_PACCT] = "CAP_SYS_PACCT",
    [CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
    [CAP_SYS_BOOT] = "CAP_SYS_BOOT",
    [CAP_SYS_NICE] = "CAP_SYS_NICE",
    [CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
    [CAP_SYS_TIME] = "CAP_SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
    [CAP_MKNOD] = "CAP_MKNOD",
    [CAP_LEASE] = "CAP_LEASE",
    [CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
    [CAP_SETFCAP] = "CAP_SETFCAP",
    [CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
    [CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
    [CAP_SYSLOG] = "CAP_SYSLOG",
    [CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
    [CAP_AUDIT_READ] = "CAP_AUDIT_READ",
    [CAP_PERFMON] = "CAP_PERFMON",
    [CAP_BPF] = "CAP_BPF",
    [CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
static_assert(ARRAY_LEN(names) <= 64, "a set is 64 bits");

unsigned capability_count(void) { return ARRAY_LEN(names); }

const char *capability_name(unsigned number) { return number < ARRAY_LEN(names) ? names[number] : NULL; }

uint64_t capability_all(void) { return CAPABILITY_BIT(ARRAY_LEN(names)) - 1; }

int capability_number(const char *name)
{
    static const char prefix[] = "CAP_";
    if (strncasecmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(names[i] + sizeof prefix - 1, name) == 0)
            return (int)i;
    return -1;
}

int capability_set_parse(const struct strv *list, uint64_t *ret, struct creel_err *err)
{
    uint64_t set = 0;
    for (size_t i = 0; i < list->count; i++) {
        int n = capability_number(list->items[i]);
        if (n < 0)
            return creel_fail(err, CREEL_INVALID, 0, "unknown capability \"%.100s\"", list->items[i]);
        set |= CAPABILITY_BIT(n);
    }
    *ret = set;
    return 0;
}

bool capability_set_print(uint64_t set, struct strv *out)
{
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if ((set & CAPABILITY_BIT(i)) != 0 && !strv_add(out, names[i]))
            return false;
    return true;
}

/* "ALL" is not a capability, so it is looked for before the names are parsed. */
static int list_parse(const struct strv *list, bool *ret_all, uint64_t *ret, struct creel_err *err)
{
    *ret_all = false;
    *ret = 0;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const char *s = list->items[i];
        if (strcasecmp(s, "ALL") == 0 || strcasecmp(s, "CAP_ALL") == 0) {
            *ret_all = true;
            continue;
        }
        int n = capability_number(s);
        if (n < 0)
            return creel_fail(err, CREEL_INVALID, 0, "unknown capability \"%.100s\"", s);
        *ret |= CAPABILITY_BIT(n);
    }
    return 0;
}

int capability_resolve(uint64_t host, bool privileged, const struct strv *add, const struct strv *drop, uint64_t *ret,
                       uint64_t *ret_missing, struct creel_err *err)
{
    bool add_all, drop_all;
    uint64_t add_set, drop_set;
    if (list_parse(add, &add_all, &add_set, err) < 0)
        return creel_wrap(err, "capabilities to add");
    if (list_parse(drop, &drop_all, &drop_set, err) < 0)
        return creel_wrap(err, "capabilities to drop");
    host &= capability_all();
    for (unsigned i = 0; i < capability_count(); i++)
        if ((add_set & ~host & CAPABILITY_BIT(i)) != 0)
            return creel_fail(err, CREEL_DENIED, 0, "capability %s cannot be added: the engine does not have it",
                              names[i]);

    uint64_t wanted;
    if (privileged)
        wanted = capability_all();
    else if (add_all)
        wanted = capability_all() & ~drop_set;  /* here drop wins, below add wins: scripts rely on both */
    else if (drop_all)
        wanted = add_set;
    else
        wanted = (CAPABILITY_DEFAULT & ~drop_set) | add_set;
    *ret = wanted & host;
    if (ret_missing != NULL)
        *ret_missing = wanted & ~host;
    return 0;
}
