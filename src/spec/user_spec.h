/* SPDX-License-Identifier: Apache-2.0 */
/* spec/user_spec.h: "user[:group]" and the image's passwd and group files to numeric ids.
 *
 *   U1  A text of digits is an id, never a name; it must be at most 2^32 - 2.
 *   U2  A name must be found; what is not found is an error, never uid 0.
 *   U3  The supplementary groups contain the primary group. Membership in the group file counts only when no group was
 *       asked for.
 * The files are hostile text: lines that do not parse are skipped, nothing is trusted to end. Pure; the engine reads
 * the files (engine/passwd_lookup.c). */
#ifndef CREEL_SPEC_USER_SPEC_H
#define CREEL_SPEC_USER_SPEC_H

#include "base/strv.h"
#include "spec/oci_config.h"

struct user_database {
    const char *passwd, *group;     /* file contents, not NUL-terminated; NULL: the file cannot be read */
    size_t passwd_len, group_len;
};
/* spec       "", "name", "uid", "name:group", "uid:gid" …; "" is uid 0
 * group_add  more groups, by name or number; may be NULL
 * ret        uid, gid, additional_gids filled (the array is owned by the caller)
 * ret_home   home directory of the passwd entry, or NULL when there is none; caller frees
 * Errors     INVALID malformed, out of range, or "unable to find user …" */
int user_spec_resolve(const char *spec, const struct user_database *db, const struct strv *group_add,
                      struct oci_user *ret, char **ret_home, struct creel_err *err);
/* Does resolving need the files at all, or would it only do without home and memberships? */
bool user_spec_is_name(const char *spec);

#endif
