/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/sysctl.c: see runtime/sysctl.h. */
#include "runtime/sysctl.h"

#include <string.h>

/* Everything else is one value for the whole host. Prefixes end in '.'. kernel.hostname is left out on purpose: the
 * configuration has a field for it. */
static const struct { const char *name; enum oci_ns ns; } namespaced[] = {
    { "net.", OCI_NS_NETWORK },
    { "fs.mqueue.", OCI_NS_IPC },
    { "kernel.msgmax", OCI_NS_IPC }, { "kernel.msgmnb", OCI_NS_IPC }, { "kernel.msgmni", OCI_NS_IPC },
    { "kernel.sem", OCI_NS_IPC }, { "kernel.shmall", OCI_NS_IPC }, { "kernel.shmmax", OCI_NS_IPC },
    { "kernel.shmmni", OCI_NS_IPC }, { "kernel.shm_rmid_forced", OCI_NS_IPC },
    { "kernel.domainname", OCI_NS_UTS },
    { "user.", OCI_NS_USER },
};

/* Letters, digits, '_' and '-', in parts; parts are never empty, "." or "..". With '/' as the separator a part may hold
 * dots (interface names: net/ipv4/conf/eth0.1/forwarding). */
static bool key_ok(const char *key, char separator)
{
    size_t part = 0, dots = 0;
    for (const char *p = key;; p++) {
        if (*p == separator || *p == '\0') {
            if (part == 0 || part == dots)
                return false;
            if (*p == '\0')
                return true;
            part = dots = 0;
            continue;
        }
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_'
                     || *p == '-';
        if (!plain && !(*p == '.' && separator == '/'))
            return false;
        dots += *p == '.';
        part++;
    }
}

static bool value_ok(const char *value)
{
    size_t n = 0;
    for (; value[n] != '\0'; n++)
        if ((unsigned char)value[n] < 0x20 && value[n] != '\t')
            return false;
    return n < 4096;
}

static bool needs(const char *dotted, const char *name)
{
    size_t n = strlen(name);
    return name[n - 1] == '.' ? strncmp(dotted, name, n) == 0 && dotted[n] != '\0' : strcmp(dotted, name) == 0;
}

int sysctl_path(const struct oci_config *c, const bool *shared, const char *key, const char *value,
                char ret[SYSCTL_PATH_MAX], struct creel_err *err)
{
    size_t n = strlen(key);
    char dotted[SYSCTL_PATH_MAX];
    char separator = strchr(key, '/') != NULL ? '/' : '.';
    if (n + 5 > SYSCTL_PATH_MAX || !key_ok(key, separator))
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\": not a valid key", key);
    if (value == NULL || !value_ok(value))
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\": the value is not one line of text", key);
    memcpy(ret, "sys/", 4);
    for (size_t i = 0; i <= n; i++) {
        dotted[i] = key[i] == '/' ? '.' : key[i];
        ret[4 + i] = key[i] == separator && key[i] != '\0' ? '/' : key[i];
    }
    for (size_t i = 0; i < sizeof namespaced / sizeof namespaced[0]; i++) {
        if (!needs(dotted, namespaced[i].name))
            continue;
        const struct oci_namespace *ns = oci_namespace_find(c, namespaced[i].ns);
        if (ns == NULL || (shared != NULL && shared[namespaced[i].ns]))
            return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\" is not allowed: the container shares the host's "
                              "%s namespace", key, oci_ns_name(namespaced[i].ns));
        return 0;
    }
    return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\" is not allowed: it is not in a namespace of the container",
                      key);
}
