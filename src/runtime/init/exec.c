/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/exec.c: the child's side of exec (CVE-2016-9962).
 *
 * A process of the container with CAP_SYS_PTRACE may take over whatever it can see, dumpable or not, unless a user
 * namespace lies between. So nothing is born into the container's pid namespace before it has no more than the
 * container has: a guide, which stays outside, does all of it, with the filter loaded and the last capability given
 * up, and then clones the process, which needs but a session and execve. Where that cannot be (a filter that forbids
 * clone) or need not be (a user namespace), the process is born inside, not dumpable and with the descriptors closed
 * at once. */
#include "runtime/init/confine.h"
#include "runtime/init/console.h"
#include "runtime/init/guide.h"
#include "runtime/init/init.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct joiner {
    const struct init_exec_plan *p;
    struct launch_msg fail;
    int sock;
};

/* Raising a limit is the host's privilege, which a user namespace takes away. */
static int apply_settings(struct joiner *j)
{
    if (confine_settings_early(j->p->process, &j->fail) < 0)
        return -1;
    return j->p->user_namespace ? confine_rlimits(j->p->process, false, &j->fail) : 0;
}

static int enter_container(struct joiner *j)
{
    const struct init_exec_plan *p = j->p;
    if (p->user_namespace)
        (void)syscall(SYS_setgroups, 0, NULL); /* it may not let go of them; without privilege neither may we */
    if (p->container >= 0 && p->join_flags != 0) {
        int r = sys_setns(p->container, p->join_flags);
        if (r == -ESRCH)
            return launch_fail(&j->fail, CREEL_CONFLICT, 0, "the container is not running", NULL);
        if (r < 0)
            return launch_fail(&j->fail, CREEL_INTERNAL, -r, "join the container's namespaces", NULL);
    }
    if (init_join_namespaces(p->joins, p->join_count, &j->fail) < 0)
        return -1;
    if (p->root >= 0 && (fchdir(p->root) < 0 || chroot(".") < 0))
        return launch_fail(&j->fail, CREEL_INTERNAL, errno, "enter the container's root", NULL);
    if (p->user_namespace) {
        (void)syscall(SYS_setresgid, 0, 0, 0); /* not mapped: the ids of the process follow anyway */
        (void)syscall(SYS_setresuid, 0, 0, 0);
        if (confine_hide(&j->fail) < 0)
            return -1;
    }
    return confine_keyring(p->process, &j->fail);
}

static int prepare_streams(struct joiner *j)
{
    const struct init_exec_plan *p = j->p;
    struct console c = { .master = -1, .tty = -1 };
    int stdio[3] = { p->stdio[0], p->stdio[1], p->stdio[2] };
    if (p->process->terminal) {
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
            return launch_fail(&j->fail, CREEL_INTERNAL, errno, "open the container's root", NULL);
        if (console_open(sys_open_in_root(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY), p->process, &c, &j->fail) < 0)
            return -1;
        stdio[0] = stdio[1] = stdio[2] = c.tty;
        if (console_send(&c, j->sock) < 0)
            _exit(1);
    }
    if (!p->guided && confine_session(c.tty, &j->fail) < 0)
        return -1;
    return confine_descriptors(p->process, stdio, p->preserve, p->give_pipes, &j->sock, NULL, &j->fail);
}

static int confine(struct joiner *j, char path[PATH_MAX])
{
    const struct process_plan *p = j->p->process;
    if (prepare_streams(j) < 0)
        return -1;
    confine_home(p);
    if (confine_directory(p, false, &j->fail) < 0
        || (!j->p->user_namespace && confine_rlimits(p, j->p->guided, &j->fail) < 0) || confine_identity(p, &j->fail) < 0)
        return -1;
    return confine_find(p, path, &j->fail);
}

/* The caller may have died before we asked to die with it. */
static bool is_orphan(const struct joiner *j)
{
    char c;
    return (j->p->guided || j->p->process->die_with_parent) && recv(j->sock, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* The process itself; what it has is the container's already. */
static int run_guided(struct joiner *j, const char *path)
{
    const struct process_plan *p = j->p->process;
    if (confine_rlimit_processes(p, &j->fail) < 0 || confine_session(p->terminal ? STDIN_FILENO : -1, &j->fail) < 0
        || confine_follow_parent(p, &j->fail) < 0 || is_orphan(j))
        return -1;
    return confine_execute(p, path, &j->fail);
}

static int guide(struct joiner *j, const char *path)
{
    if (confine_lock(j->p->process, j->sock, &j->fail) < 0
        || guide_clone(j->sock, "the container is not running", &j->fail) < 0)
        return -1;
    return run_guided(j, path);
}

_Noreturn void init_exec(const struct init_exec_plan *p)
{
    struct joiner j = { .p = p, .sock = p->sock };
    char path[PATH_MAX];
    if (confine_begin(true, &j.fail) < 0 || init_close_others(p->keep, p->keep_count, &j.fail) < 0)
        init_die(j.sock, &j.fail);
    if (p->wait_grouped)
        init_wait(j.sock, LAUNCH_GROUPED, NULL, NULL);
    if (init_enter_cgroup(p->v1_tasks, p->v1_task_count, &j.fail) == 0 && apply_settings(&j) == 0
        && enter_container(&j) == 0 && confine(&j, path) == 0 && !is_orphan(&j))
        (void)(p->guided ? guide(&j, path) : confine_end(p->process, path, j.sock, &j.fail));
    init_die(j.sock, &j.fail);
}
