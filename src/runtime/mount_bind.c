/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_bind.c: binds: attaching what the parent opened (mount_source.c), and opening what it left to us. */
#include "runtime/mount_apply_internal.h"

#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The source in our own mount namespace: cgroups, whatever the parent was not privileged to open, older kernels. One
 * in the container's root is looked for there, whatever links it contains. */
static int clone_source(struct mount_apply *a, const struct mount_step *s, bool *ret_old)
{
    unsigned depth = s->opt.recursive ? AT_RECURSIVE : 0;
    int at = s->inside != NULL ? sys_open_in_root(a->root, s->inside, O_PATH) : -1;
    if (s->inside != NULL && at < 0)
        return at;
    int fd = at >= 0 ? sys_open_tree_clone(at, "", depth | AT_EMPTY_PATH)
                     : sys_open_tree_clone(AT_FDCWD, s->source, depth);
    *ret_old = fd == -ENOSYS;
    if (*ret_old && at >= 0)
        return at;
    if (at >= 0)
        (void)close(at);
    if (!*ret_old)
        return fd;
    fd = open(s->source, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int idmap_late(struct mount_apply *a, const struct mount_step *s, bool old)
{
    if (s->uid_map_count == 0 && !s->idmap_joined)
        return 0;
    int r = old ? -ENOSYS : s->idmap < 0 ? -EPERM
                : sys_mount_setattr(s->fd, s->opt.idmap_recursive ? AT_RECURSIVE : 0, 0, 0, 0, s->idmap);
    return r == 0 ? 0 : launch_fail(a->fail, CREEL_UNSUPPORTED, -r, "mount on ", s->target, ": map the ids of ",
                                    s->source, " (its file system may not support that)", NULL);
}

/* The parent opens what the child has found. -ECANCELED: it could not, a->fail says why. */
static int borrow_source(struct mount_apply *a, const struct mount_step *s)
{
    struct launch_msg m;
    int fds[LAUNCH_FDS_MAX];
    size_t count = 0;
    int at = sys_open_in_root(a->root, s->inside, O_PATH);
    if (at < 0)
        return at;
    memset(&m, 0, sizeof m);
    m.step = LAUNCH_SOURCE;
    int r = launch_send(a->sock, &m, &at, 1);
    (void)close(at);
    if (r == 0)
        r = launch_recv(a->sock, &m, fds, &count);
    if (r == 1 && m.step == LAUNCH_FAILED) {
        *a->fail = m;
        return -ECANCELED;
    }
    return r == 1 && m.step == LAUNCH_LENT && count == 1 ? fds[0] : r < 0 ? r : -EPROTO;
}

/* Our copies of the host's mounts are private already: a bind of one has no peer to follow. */
static int refuse_peers(struct mount_apply *a, const struct mount_step *s)
{
    for (size_t i = 0; i < s->opt.propagation_count; i++)
        if ((s->opt.propagation[i].flag & (MS_SHARED | MS_SLAVE)) != 0)
            return launch_fail(a->fail, CREEL_UNSUPPORTED, ENOSYS, "mount on ", s->target,
                               ": shared and slave binds need open_tree (Linux 5.2)", NULL);
    return 0;
}

static int open_source_late(struct mount_apply *a, struct mount_step *s, bool *ret_old)
{
    struct stat st;
    *ret_old = false;
    int fd = s->lent ? borrow_source(a, s) : clone_source(a, s, ret_old);
    if (fd == -ECANCELED)
        return -1;
    if ((fd == -ENOENT || fd == -ENOTDIR) && s->opt.nofail) {
        s->skip = true;
        return 0;
    }
    if (fd < 0)
        return launch_fail(a->fail, fd == -ENOENT ? CREEL_INVALID : CREEL_INTERNAL, -fd, "bind ", s->source, " on ",
                           s->target, NULL);
    s->fd = fd;
    if (!s->is_dir && fstat(fd, &st) < 0) /* known of cgroups */
        return mount_fail(a, s, errno, "look at the source");
    s->is_dir = s->is_dir || S_ISDIR(st.st_mode);
    if (strcmp(s->target, "/proc") == 0 && sys_fs_is(fd, PROC_SUPER_MAGIC) != 1)
        return launch_fail(a->fail, CREEL_INVALID, 0, "mount on /proc: ", s->source, " is not procfs", NULL);
    if (s->proc_file && s->is_dir)
        return launch_fail(a->fail, CREEL_INVALID, 0, "mount on ", s->target, ": ", s->source, " is a directory",
                           NULL);
    if (!s->lent && idmap_late(a, s, *ret_old) < 0)
        return -1;
    if (*ret_old && refuse_peers(a, s) < 0)
        return -1;
    if (*ret_old || s->lent)
        return 0;
    int r = mount_step_attributes(s);
    if (r == -ENOSYS) {
        s->attributes_late = true;
        return 0;
    }
    return r < 0 ? mount_fail(a, s, -r, "set attributes") : 0;
}

static int attach_bind_old(struct mount_apply *a, struct mount_step *s, int target)
{
    char from[SYS_FD_PATH_MAX], to[SYS_FD_PATH_MAX];
    int r = sys_mount(sys_fd_path(s->fd, from), sys_fd_path(target, to), NULL,
                      MS_BIND | (s->opt.recursive ? MS_REC : 0ul), NULL);
    (void)close(s->fd);
    s->fd = -1;
    if (r < 0)
        return mount_fail(a, s, -r, "bind");
    s->fd = mount_target_open_mounted(a, s);
    return s->fd < 0 ? mount_fail(a, s, -s->fd, "open what was bound") : mount_attribute_bind_old(a, s);
}

/* A directory that this step makes in a fresh tmpfs is found by its name. False: it is not that simple. */
static bool attach_in_fresh(struct mount_apply *a, const struct mount_step *s)
{
    int dir = s->base != MOUNT_ROOT ? a->plan->steps[s->base].fd : -1;
    if (dir < 0 || !s->is_dir || strchr(s->name, '/') != NULL || mkdirat(dir, s->name, 0755) < 0)
        return false;
    return sys_move_mount_at(s->fd, dir, s->name) == 0;
}

int mount_bind_apply(struct mount_apply *a, struct mount_step *s)
{
    bool old = false;
    if (s->open_late && open_source_late(a, s, &old) < 0)
        return -1;
    if (s->skip)
        return 0;
    if (!old && !s->attributes_late && attach_in_fresh(a, s))
        return 0;
    int target = mount_target_open(a, s, s->is_dir);
    if (target < 0)
        return -1;
    int r = 0;
    if (old) {
        r = attach_bind_old(a, s, target);
    } else {
        int e = sys_move_mount(s->fd, target);
        if (e == -ENOTDIR || e == -EINVAL || e == -EISDIR)
            r = launch_fail(a->fail, CREEL_INVALID, -e, "bind ", s->source, " on ", s->target,
                            ": a directory goes on a directory, a file on a file", NULL);
        else if (e < 0)
            r = mount_fail(a, s, -e, "attach");
        else if (s->attributes_late)
            r = mount_attribute_bind_old(a, s);
    }
    mount_target_drop(a, s, target, s->is_dir);
    return r;
}
