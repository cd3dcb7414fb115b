/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/systemd_name.h: names of systemd's units, their groups and their places on the bus. Pure.
 *
 * A configuration names the group of a container as "slice:prefix:name"; it becomes the unit "prefix-name.scope" in that
 * slice. Whatever the text, the results are names that systemd would accept and that have no path in them. */
#ifndef CREEL_RUNTIME_SYSTEMD_NAME_H
#define CREEL_RUNTIME_SYSTEMD_NAME_H

#include "base/bytes.h"

#include <creel/error.h>
#include <stdbool.h>

struct systemd_scope {
    char *slice;    /* "a-b.slice" */
    char *unit;     /* "prefix-name.scope" */
    char *group;    /* "/a.slice/a-b.slice/prefix-name.scope", below the manager's own group */
};
/* Whether `path` is of that form rather than a path in the hierarchy: not absolute, two colons. */
bool systemd_scope_named(const char *path);
/* slice "" is user.slice for a `user` manager, system.slice otherwise; "-" is the root slice. Errors: INVALID. */
int systemd_scope_parse(const char *path, bool user, struct systemd_scope *ret, struct creel_err *err);
void systemd_scope_fini(struct systemd_scope *s);

/* The scope whose group this is ("/system.slice/x-y.scope"), or NULL: it is none. Caller frees. */
char *systemd_unit_of_group(const char *group);
/* "/org/freedesktop/systemd1/unit/x_2dy_2escope" */
void systemd_unit_object(const char *unit, struct bytes *out);

#endif
