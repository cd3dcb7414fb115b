/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/features.c: the OCI features document. What is printed here is built in, as the specification asks
 * ("unrelated to whether the host supports it"); only seccomp's supportedFlags are this kernel's. */
#include "runtime/runtime.h"

#include "base/bytes.h"
#include "runtime/mount_options.h"
#include "spec/capability.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const char *const hooks[] = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                                     "poststop" };
static const char *const seccomp_actions[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                                               "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
                                               "SCMP_ACT_TRAP" };
static const char *const seccomp_operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                                                 "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE" };
static const char *const seccomp_archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
                                             "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
                                             "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",
                                             "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390",
                                             "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64" };
/* `probe` is what the kernel wants to see together with the flag. */
static const struct { const char *name; unsigned long probe; } seccomp_flags[] = {
    { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
    { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
    { "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
    { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_NEW_LISTENER },
};
static const char *const memory_modes[] = { "MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
                                            "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE" };
static const char *const memory_flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES" };

static void add_list(struct bytes *b, const char *key, const char *const *names, size_t count)
{
    bytes_addf(b, "\"%s\":[", key);
    for (size_t i = 0; i < count; i++)
        bytes_addf(b, "%s\"%s\"", i > 0 ? "," : "", names[i]);
    bytes_addc(b, ']');
}

static void add_mount_options(struct bytes *b)
{
    bytes_adds(b, "\"mountOptions\":[");
    for (size_t i = 0; mount_option_at(i) != NULL; i++)
        bytes_addf(b, "%s\"%s\"", i > 0 ? "," : "", mount_option_at(i));
    bytes_addc(b, ']');
}

static void add_namespaces(struct bytes *b)
{
    bytes_adds(b, "\"namespaces\":[");
    for (int i = 0; i < OCI_NS_COUNT; i++)
        bytes_addf(b, "%s\"%s\"", i > 0 ? "," : "", oci_ns_name((enum oci_ns)i));
    bytes_addc(b, ']');
}

static void add_capabilities(struct bytes *b)
{
    bytes_adds(b, "\"capabilities\":[");
    for (unsigned i = 0; i < capability_count(); i++)
        bytes_addf(b, "%s\"%s\"", i > 0 ? "," : "", capability_name(i));
    bytes_addc(b, ']');
}

/* A filter at address 0 is refused as such (EFAULT) only by a kernel that knows the flags. */
static bool kernel_knows_flag(unsigned long flags)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

static void add_seccomp_flags(struct bytes *b, const char *key, bool supported)
{
    bool any = false;
    bytes_addf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < ARRAY_LEN(seccomp_flags); i++)
        if (!supported || kernel_knows_flag(seccomp_flags[i].probe)) {
            bytes_addf(b, "%s\"%s\"", any ? "," : "", seccomp_flags[i].name);
            any = true;
        }
    bytes_addc(b, ']');
}

static void add_seccomp(struct bytes *b)
{
    bytes_adds(b, "\"seccomp\":{\"enabled\":true,");
    add_list(b, "actions", seccomp_actions, ARRAY_LEN(seccomp_actions));
    bytes_addc(b, ',');
    add_list(b, "operators", seccomp_operators, ARRAY_LEN(seccomp_operators));
    bytes_addc(b, ',');
    add_list(b, "archs", seccomp_archs, ARRAY_LEN(seccomp_archs));
    add_seccomp_flags(b, "knownFlags", false);
    add_seccomp_flags(b, "supportedFlags", true);
    bytes_addc(b, '}');
}

static void add_memory_policy(struct bytes *b)
{
    bytes_adds(b, "\"memoryPolicy\":{");
    add_list(b, "modes", memory_modes, ARRAY_LEN(memory_modes));
    bytes_addc(b, ',');
    add_list(b, "flags", memory_flags, ARRAY_LEN(memory_flags));
    bytes_addc(b, '}');
}

/* runc's names for what has no member of its own; its readers know them. */
static void add_annotations(struct bytes *b)
{
    const struct scmp_version *v = seccomp_version();
    bytes_adds(b, "\"annotations\":{");
    if (v != NULL)
        bytes_addf(b, "\"io.github.seccomp.libseccomp.version\":\"%u.%u.%u\",", v->major, v->minor, v->micro);
    bytes_adds(b, "\"org.creel.version\":\"" CREEL_VERSION "\","
                  "\"org.opencontainers.runc.checkpoint.enabled\":\"false\"}");
}

int runtime_features(char **ret_json, struct creel_err *err)
{
    auto_bytes b = BYTES_INIT;
    bytes_adds(&b, "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",");
    add_list(&b, "hooks", hooks, ARRAY_LEN(hooks));
    bytes_addc(&b, ',');
    add_mount_options(&b);
    bytes_adds(&b, ",\"linux\":{");
    add_namespaces(&b);
    bytes_addc(&b, ',');
    add_capabilities(&b);
    bytes_adds(&b, ",\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":true,\"systemdUser\":true,\"rdma\":true},");
    add_seccomp(&b);
    bytes_adds(&b, ",\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":true},"
                   "\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true},");
    add_memory_policy(&b);
    bytes_adds(&b, ",\"mountExtensions\":{\"idmap\":{\"enabled\":true}},\"netDevices\":{\"enabled\":true}},");
    add_annotations(&b);
    bytes_adds(&b, ",\"potentiallyUnsafeConfigAnnotations\":[\"org.systemd.property.\"]}");
    if (!bytes_ok(&b))
        return creel_fail_nomem(err);
    *ret_json = bytes_take(&b);
    return 0;
}
