/* SPDX-License-Identifier: Apache-2.0 */
/* spec/seccomp_profile.h: profiles in Docker's JSON format (archMap, includes/excludes by capability, architecture and
 * kernel) resolved to the OCI form for one container. The built-in default has the same rules as Docker's
 * (security.md, 4.3). Pure: capabilities, architecture and kernel version are parameters. */
#ifndef CREEL_SPEC_SECCOMP_PROFILE_H
#define CREEL_SPEC_SECCOMP_PROFILE_H

#include "spec/oci_config.h"

struct seccomp_context {
    const struct strv *caps;   /* "CAP_SYS_ADMIN" …: what the container has (bounding set) */
    const char *machine;       /* uname machine: "x86_64" */
    unsigned kernel_major, kernel_minor;
};
/* text NULL: the default. *ret: oci_seccomp_fini. Errors: INVALID, naming the member. */
int seccomp_profile_resolve(const char *text, size_t len, const struct seccomp_context *ctx, struct oci_seccomp *ret,
                            struct creel_err *err);
int seccomp_profile_default(const struct seccomp_context *ctx, struct oci_seccomp *ret, struct creel_err *err);

extern const char seccomp_default_text[];   /* the default profile as JSON */

#endif
