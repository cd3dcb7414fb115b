/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/guide.h: what a guide does last (see runtime/guide.h). Async-signal-safe. */
#ifndef CREEL_RUNTIME_INIT_GUIDE_H
#define CREEL_RUNTIME_INIT_GUIDE_H

#include "runtime/launch.h"

/* Clone the process proper into the pid namespace that was entered for children, tell the parent and end. Returns 0 in
 * that process, -1 (with *fail) in the guide. `gone`: what to say when the namespace has no first process any more. */
int guide_clone(int sock, const char *gone, struct launch_msg *fail);

#endif
