/* SPDX-License-Identifier: Apache-2.0 */
/* image/rooted.h: removing below a directory whose content is hostile (security.md P1). */
#ifndef CREEL_IMAGE_ROOTED_H
#define CREEL_IMAGE_ROOTED_H

/* Remove `name` below the directory `dir`, whatever it is; no link is followed. Missing is success. 0 or -errno. */
int rooted_remove(int dir, const char *name);

#endif
