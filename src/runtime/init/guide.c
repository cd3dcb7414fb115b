/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/guide.c: see runtime/init/guide.h. */
#include "runtime/init/guide.h"

#include "sys/process.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <unistd.h>

/* Our memory is a copy of the caller's, and its environment may hold what is no business of the container's. */
static void forget_environment(void)
{
    for (char **e = environ; e != NULL && *e != NULL; e++)
        explicit_bzero(*e, strlen(*e));
}

int guide_clone(int sock, const char *gone, struct launch_msg *fail)
{
    struct launch_msg m = { .step = LAUNCH_CLONED };
    int pidfd;
    forget_environment();
    pid_t pid = sys_clone(CLONE_PARENT, -1, &pidfd, NULL);
    if (pid == 0)
        return 0;
    if (pid == -ENOMEM) /* what a pid namespace whose first process is gone answers */
        return launch_fail(fail, CREEL_CONFLICT, 0, gone, NULL);
    if (pid == -EAGAIN)
        return launch_fail(fail, CREEL_EXHAUSTED, EAGAIN,
                           "clone a process in the container (for a moment its limits must allow two more)", NULL);
    if (pid < 0)
        return launch_fail(fail, CREEL_INTERNAL, -pid, "clone a process in the container", NULL);
    m.sys = pid;
    (void)launch_send(sock, &m, NULL, 0);
    _exit(0);
}
