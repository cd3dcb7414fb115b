/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/resctrl.h: linux.intelRdt, a container's class of service and monitoring group in the resctrl file system.
 *
 * Groups are directories of resctrl. The one named by closID belongs to whoever configures the host: it may be there
 * already, then its schemata have to be what the configuration says, and it is never removed. Without closID the group is
 * named like the container and goes with it, and so does the monitoring group. Any process can do any of the steps: what
 * there is to know is in the configuration and on the host. Processes are put in by writing "0" to `tasks`, by themselves. */
#ifndef CREEL_RUNTIME_RESCTRL_H
#define CREEL_RUNTIME_RESCTRL_H

#include "base/err.h"
#include "spec/oci_config.h"

enum { RESCTRL_TASKS_MAX = 2 };

struct resctrl;

/* Check the configuration against the host; touches nothing. *ret: NULL when the configuration has no intelRdt.
 * root: where resctrl is mounted; NULL: looked up. Errors: INVALID, UNSUPPORTED no resctrl is mounted. */
int resctrl_open(const struct oci_config *c, const char *id, const char *root, struct resctrl **ret,
                 struct creel_err *err);
/* Make or check the group, write its schemata, make the monitoring group. All or nothing. Errors: CONFLICT it is there and
 * different, NOT_FOUND a closID alone that is not there, INVALID the kernel refuses the schemata, EXHAUSTED no class is left.
 * A NULL `r` is fine here and below: nothing is done. */
int resctrl_create(struct resctrl *r, struct creel_err *err);
/* Write the configuration's schemata to the group that is there, one after the other. Errors: INVALID the kernel refuses one (those
 * before it are in force), NOT_FOUND or INTERNAL there is no such group. */
int resctrl_update(struct resctrl *r, struct creel_err *err);
/* Descriptors of the `tasks` files, to be written in this order; borrowed. *ret_count: how many; 0 for NULL. */
int resctrl_tasks(struct resctrl *r, int fds[RESCTRL_TASKS_MAX], size_t *ret_count, struct creel_err *err);
/* Take back what resctrl_create did in this process; also a group named by closID, if it made it. */
void resctrl_undo(struct resctrl *r);
/* At the container's end: what is the container's own goes. Idempotent. */
int resctrl_remove(struct resctrl *r, struct creel_err *err);
void resctrl_free(struct resctrl *r);

/* --- pure; for tests --- */
/* Where the first resctrl of a mountinfo text is mounted; NULL: nowhere, or out of memory. Caller frees. */
char *resctrl_find(const char *mountinfo);
/* Whether every resource and domain that `wanted` (lines like "L3:0=ff;1=f") names has that value in `have`, the text of a
 * schemata file. Blanks, leading zeros and the case of digits do not count. */
bool resctrl_schemata_match(const char *wanted, const char *have);

#endif
