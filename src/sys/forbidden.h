/* SPDX-License-Identifier: Apache-2.0 */
/* sys/forbidden.h: telling "you may not" from "there is no such call".
 *
 * System call filters from before a call answer EPERM to it, which sounds like a lack of privilege. But they do so to every
 * use of it, also to one that a kernel which knows the call says is invalid. (Some calls look at the privilege first: then
 * the unprivileged are told ENOSYS, and their fallback tells them the same again.) */
#ifndef CREEL_SYS_FORBIDDEN_H
#define CREEL_SYS_FORBIDDEN_H

#include <errno.h>

/* r: 0 or more, or -errno, of a use that makes sense; `invalid`: the call again, with flags that nobody ever defined. */
#define SYS_UNLESS_FORBIDDEN(r, invalid) ((r) == -EPERM && (invalid) < 0 && errno == EPERM ? -ENOSYS : (r))

#endif
