/* SPDX-License-Identifier: Apache-2.0 */
/* cli/copy_local.h: the caller's side of `creel cp`: what a path names, and as what it counts. */
#ifndef CREEL_CLI_COPY_LOCAL_H
#define CREEL_CLI_COPY_LOCAL_H

#include "cli/copy_plan.h"

struct copy_local {
    char *path, *rename;    /* as in copy_source and copy_target */
    bool exists, is_dir;
};
void copy_local_fini(struct copy_local *l);
static inline void copy_local_finip(struct copy_local *l) { copy_local_fini(l); }
#define auto_copy_local __attribute__((cleanup(copy_local_finip))) struct copy_local

/* Links before the last component are followed, the last one only with `follow` or a slash behind it. */
int copy_local_source(const char *path, bool follow, struct copy_local *ret, struct creel_err *err);
/* A link is followed to what it names, which need not exist; its directory must. */
int copy_local_target(const char *path, struct copy_local *ret, struct creel_err *err);

#endif
