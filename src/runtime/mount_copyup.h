/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_copyup.h: filling a new tmpfs with what it is going to cover ("tmpcopyup"). */
#ifndef CREEL_RUNTIME_MOUNT_COPYUP_H
#define CREEL_RUNTIME_MOUNT_COPYUP_H

/* Copy the content of directory `from` into `to` (the top of a file system nobody else sees yet), and give `to` the
 * owner and mode of `from`. Links are copied, never followed. Async-signal-safe, no allocation. 0 or -errno. */
int mount_copyup(int from, int to);

#endif
