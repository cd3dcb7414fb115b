/* SPDX-License-Identifier: Apache-2.0 */
/* spec/mount_point.h: what a user wants mounted: HostConfig's Binds, Mounts and Tmpfs as one list.
 *
 * M1  Destinations are absolute, clean, not "/", not at or below /proc (but for a few single files), and each occurs
 *     once.
 * M2  The list is ordered by depth, parents first; equal depths by name.
 * Pure: whether sources exist is for the caller to find out. */
#ifndef CREEL_SPEC_MOUNT_POINT_H
#define CREEL_SPEC_MOUNT_POINT_H

#include "base/strv.h"
#include "spec/schema.h"

enum mount_point_type { MOUNT_POINT_BIND, MOUNT_POINT_TMPFS };
enum mount_point_origin { MOUNT_POINT_OF_BINDS, MOUNT_POINT_OF_MOUNTS, MOUNT_POINT_OF_TMPFS };
struct mount_point {
    enum mount_point_type type;
    enum mount_point_origin origin;
    char *source;           /* bind: absolute and clean; tmpfs: NULL */
    char *destination;
    char *mode;             /* bind string's third part as given, or "" */
    char *propagation;      /* "rslave" …; "" when not given */
    char *tmpfs_options;    /* "size=1m,mode=700" or "" */
    bool rw;
    bool create_source;     /* make a missing source directory */
    bool non_recursive, ro_non_recursive, ro_force_recursive;
};
struct mount_points {
    struct mount_point *items;
    size_t count;
};
void mount_points_fini(struct mount_points *m);
#define auto_mount_points auto_cleanup(mount_points_fini)

/* `host` is a normalised HostConfig. Errors: INVALID · UNSUPPORTED volumes and other kinds of mounts. */
int mount_points_parse(const json_t *host, struct mount_points *ret, struct creel_err *err);
/* The one at exactly this destination, or NULL. */
const struct mount_point *mount_points_find(const struct mount_points *m, const char *destination);
/* OCI mount options. recursive_ro: read-only binds are to be so recursively ("rro"). False when out of memory. */
bool mount_point_options(const struct mount_point *m, bool recursive_ro, struct strv *out);
/* Docker's mount records (inspect's Mounts), without those of Tmpfs. New reference, NULL when out of memory. */
json_t *mount_points_print(const struct mount_points *m);

/* Put tmpfs options (a comma list) over defaults: a later flag or key replaces an earlier one that it contradicts.
 * Errors: INVALID unknown option. */
int tmpfs_options_merge(const char *const *defaults, size_t default_count, const char *user, struct strv *out,
                        struct creel_err *err);

#endif
