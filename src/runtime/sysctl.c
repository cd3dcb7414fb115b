/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/sysctl.c: see runtime/sysctl.h. */
#include "runtime/sysctl.h"


#include <string.h>

static bool value_ok(const char *value)
{
    size_t n = 0;
    for (; value[n] != '\0'; n++)
        if ((unsigned char)value[n] < 0x20 && value[n] != '\t')
            return false;
    return n < 4096;
}

int sysctl_path(const struct oci_config *c, const bool *shared, const char *key, const char *value,
                char ret[SYSCTL_PATH_MAX], struct creel_err *err)
{
    memcpy(ret, "sys/", 4);
    if (!sysctl_key_path(key, ret + 4))
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\": not a valid key", key);
    if (value == NULL || !value_ok(value))
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\": the value is not one line of text", key);
    enum oci_ns ns = sysctl_path_ns(ret + 4);
    if (ns == OCI_NS_COUNT)
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\" is not allowed: it is not in a namespace of the container",
                          key);
    if (oci_namespace_find(c, ns) == NULL || (shared != NULL && shared[ns]))
        return creel_fail(err, CREEL_INVALID, 0, "sysctl \"%s\" is not allowed: the container shares the host's %s namespace",
                          key, oci_ns_name(ns));
    return 0;
}
