/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/features.c: the OCI features document. What is printed here is built in; whether this host has it is only said
 * where the specification asks for that ("enabled"). */
#include "runtime/runtime.h"

#include "base/bytes.h"
#include "runtime/mount_options.h"
#include "spec/capability.h"

#include <unistd.h>

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
static const char *const seccomp_flags[] = { "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                             "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" };

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

static void add_seccomp(struct bytes *b)
{
    bytes_adds(b, "\"seccomp\":{\"enabled\":true,");
    add_list(b, "actions", seccomp_actions, ARRAY_LEN(seccomp_actions));
    bytes_addc(b, ',');
    add_list(b, "operators", seccomp_operators, ARRAY_LEN(seccomp_operators));
    bytes_addc(b, ',');
    add_list(b, "archs", seccomp_archs, ARRAY_LEN(seccomp_archs));
    bytes_addc(b, ',');
    add_list(b, "knownFlags", seccomp_flags, ARRAY_LEN(seccomp_flags));
    bytes_addc(b, ',');
    add_list(b, "supportedFlags", seccomp_flags, ARRAY_LEN(seccomp_flags));
    bytes_addc(b, '}');
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
    bytes_adds(&b, ",\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":false,\"systemdUser\":false,\"rdma\":true},");
    add_seccomp(&b);
    bytes_addf(&b, ",\"apparmor\":{\"enabled\":%s},\"selinux\":{\"enabled\":%s}",
               access("/sys/kernel/security/apparmor", F_OK) == 0 ? "true" : "false",
               access("/sys/fs/selinux/enforce", F_OK) == 0 ? "true" : "false");
    bytes_adds(&b, ",\"intelRdt\":{\"enabled\":false},\"memoryPolicy\":{\"enabled\":true},"
                   "\"mountExtensions\":{\"idmap\":{\"enabled\":true}},\"netDevices\":{\"enabled\":false}},");
    bytes_adds(&b, "\"annotations\":{\"org.creel.version\":\"" CREEL_VERSION "\"}}");
    if (!bytes_ok(&b))
        return creel_fail_nomem(err);
    *ret_json = bytes_take(&b);
    return 0;
}
