/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/example.h: the configuration that `spec` writes: a shell in a read-only root with few rights. Pure. */
#ifndef CREEL_OCIRUNTIME_EXAMPLE_H
#define CREEL_OCIRUNTIME_EXAMPLE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct example_host {
    bool unified;       /* cgroup version 2 only: the container gets a cgroup namespace */
    bool rootless;      /* for a caller without privilege: a user namespace with one id, no network namespace, no limits */
    uid_t uid;          /* the caller's, for rootless */
    gid_t gid;
};

/* Append indented JSON. Fails only for want of memory. */
int example_print(const struct example_host *host, struct bytes *out, struct creel_err *err);

#endif
