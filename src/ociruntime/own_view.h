/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/own_view.h: the program must not be reachable for writing through /proc/<pid>/exe of what it makes in containers
 * (security.md P4). So commands that make such processes run from a view of the program that nothing can write through. */
#ifndef CREEL_OCIRUNTIME_OWN_VIEW_H
#define CREEL_OCIRUNTIME_OWN_VIEW_H

#include "base/err.h"

/* Execute ourselves again from such a view, unless we do already. Returns 0 when we do; -1 and err when it cannot be. Must come
 * before anything that would be lost. */
int own_view_enter(char **argv, struct creel_err *err);

#endif
