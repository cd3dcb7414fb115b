/* SPDX-License-Identifier: Apache-2.0 */
/* spec/security_option.h: HostConfig.SecurityOpt, in Docker's forms "name=value" and "name:value". */
#ifndef CREEL_SPEC_SECURITY_OPTION_H
#define CREEL_SPEC_SECURITY_OPTION_H

#include "spec/schema.h"

/* Text is borrowed from the document. */
struct security_options {
    bool no_new_privileges, seccomp_unconfined, systempaths_unconfined, label_disable;
    const char *seccomp_profile;    /* JSON text; NULL: the built-in one */
    const char *apparmor;           /* profile name; NULL: not asked for, or "unconfined" */
    const char *label;              /* a label other than "disable"; NULL: none */
};
/* `host` is a normalised HostConfig. Errors: INVALID. */
int security_options_parse(const json_t *host, struct security_options *ret, struct creel_err *err);

#endif
