/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/bundle.h: the directory and the configuration that a container is made from. */
#ifndef CREEL_OCIRUNTIME_BUNDLE_H
#define CREEL_OCIRUNTIME_BUNDLE_H

#include "ociruntime/command.h"
#include "spec/oci_config.h"

struct bundle {
    int dir;
    char *path;                 /* absolute, without links */
    char *text;                 /* the configuration as it was read */
    size_t len;
    struct oci_config *config;  /* parsed and validated */
};
#define BUNDLE_INIT { .dir = -1 }

/* --bundle (default: the current directory), and in it config.json, or what --config names (crun's). *ret: bundle_fini, in
 * either case. Errors: NOT_FOUND, INVALID. */
int bundle_open(const struct invocation *in, struct bundle *ret, struct creel_err *err);
void bundle_fini(struct bundle *b);
/* root.path as an absolute, clean path; "" when there is none. Caller frees. */
int bundle_rootfs(const struct bundle *b, char **ret, struct creel_err *err);

static inline void bundle_finip(struct bundle *b) { int e = errno; bundle_fini(b); errno = e; }
#define auto_bundle auto_cleanup(bundle_finip) struct bundle

#endif
