/* SPDX-License-Identifier: Apache-2.0 */
/* spec/sysctl_key.c: see spec/sysctl_key.h. */
#include "spec/sysctl_key.h"

#include <string.h>

/* Everything else is one value for the whole host. Those that end in '/' are all that is below. */
static const struct { const char *path; enum oci_ns ns; } namespaced[] = {
    { "net/", OCI_NS_NETWORK },
    { "fs/mqueue/", OCI_NS_IPC },
    { "kernel/msgmax", OCI_NS_IPC }, { "kernel/msgmnb", OCI_NS_IPC }, { "kernel/msgmni", OCI_NS_IPC },
    { "kernel/sem", OCI_NS_IPC }, { "kernel/shmall", OCI_NS_IPC }, { "kernel/shmmax", OCI_NS_IPC },
    { "kernel/shmmni", OCI_NS_IPC }, { "kernel/shm_rmid_forced", OCI_NS_IPC },
    { "kernel/domainname", OCI_NS_UTS },
    { "user/", OCI_NS_USER },
};

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool sysctl_key_path(const char *key, char path[SYSCTL_KEY_MAX])
{
    const size_t first = strcspn(key, "./");
    const char separator = key[first], dot = separator == '.' ? '/' : '.';
    size_t part = 0, dots = 0, at = 0;
    if (separator == '\0')
        return false;
    for (const char *p = key;; p++) {
        if (*p == separator || *p == '\0') {
            if (part == 0 || part == dots)
                return false;
            part = dots = 0;
        } else if (*p == dot) {
            part++;
            dots++;
        } else if (is_plain(*p)) {
            part++;
        } else {
            return false;
        }
        if (at == SYSCTL_KEY_MAX)
            return false;
        path[at++] = *p == separator ? '/' : *p == dot ? '.' : *p;
        if (*p == '\0') {
            path[at - 1] = '\0';
            return true;
        }
    }
}

enum oci_ns sysctl_path_ns(const char *path)
{
    for (size_t i = 0; i < sizeof namespaced / sizeof namespaced[0]; i++) {
        const char *want = namespaced[i].path;
        size_t n = strlen(want);
        if (want[n - 1] == '/' ? strncmp(path, want, n) == 0 && path[n] != '\0' : strcmp(path, want) == 0)
            return namespaced[i].ns;
    }
    return OCI_NS_COUNT;
}
