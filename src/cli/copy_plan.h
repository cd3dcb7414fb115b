/* SPDX-License-Identifier: Apache-2.0 */
/* cli/copy_plan.h: the rules of `docker cp` about names: where an archive of the source is unpacked, and what its top
 * entry is called there. Pure; the callers look at the files. */
#ifndef CREEL_CLI_COPY_PLAN_H
#define CREEL_CLI_COPY_PLAN_H

#include "base/err.h"

#include <stdbool.h>

/* "container:path", or a local path: "/abs", "./a:b", "a", "-". Both are the caller's (free); *ret_container is NULL
 * for a local path. */
int copy_argument_split(const char *text, char **ret_container, char **ret_path, struct creel_err *err);

struct copy_source {
    const char *path;       /* absolute; "/." or "/" at the end count */
    const char *rename;     /* the name that was asked for, when following a link changed it; else NULL */
    bool is_dir;
};
struct copy_target {
    const char *path;       /* absolute; "/." or "/" at the end count */
    bool exists, is_dir;
};
struct copy_plan {
    char *dir;              /* unpack here; it must exist */
    char *rename;           /* top entry's name there; NULL: as in the archive */
};
void copy_plan_fini(struct copy_plan *p);
static inline void copy_plan_finip(struct copy_plan *p) { copy_plan_fini(p); }
#define auto_copy_plan __attribute__((cleanup(copy_plan_finip))) struct copy_plan

/* INVALID: a directory onto a file, or a file to "name/" that does not exist. */
int copy_plan_make(const struct copy_source *from, const struct copy_target *to, struct copy_plan *ret,
                   struct creel_err *err);
/* `resolved` is where following the link at `path` led. *ret_path: it, with path's ending; *ret_rename: the last
 * component of `path` when it differs from that, else NULL. */
int copy_follow(const char *path, const char *resolved, char **ret_path, char **ret_rename, struct creel_err *err);

#endif
