/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_source.c: the parent's part of the mount plan. Every bind source is opened once, as a detached copy of
 * the tree that was there at that moment (security.md P2); the child only attaches it. Without the newer mount calls, or
 * without privilege, the step stays closed and the child opens the source in its own mount namespace, once as well. So it
 * does with sources in the container's own root, and where mounts have to be made in the order of the configuration: since
 * Linux 6.8 mountinfo lists them in that order, and a copy is made when it is opened. */
#include "runtime/mount_plan.h"

#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "runtime/runtime.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* For a source that is still closed the mappings are kept. */
static int apply_idmap(struct mount_step *s, int joined_user, struct creel_err *err)
{
    if (s->idmap_joined && joined_user < 0)
        return creel_fail(err, CREEL_INVALID, 0, "mount on %s: idmap without mappings needs a user namespace of the "
                          "container's own", s->target);
    auto_fd userns = s->idmap_joined ? fcntl(joined_user, F_DUPFD_CLOEXEC, 3)
                                     : idmap_namespace_open(s->uid_maps, s->uid_map_count, s->gid_maps, s->gid_map_count, err);
    if (userns < 0 && s->idmap_joined)
        return creel_fail(err, CREEL_INTERNAL, errno, "mount on %s: duplicate the user namespace", s->target);
    if (userns < 0)
        return creel_wrap(err, "mount on %s", s->target);
    int r = s->fd < 0 ? 0 : sys_mount_setattr(s->fd, s->opt.idmap_recursive ? AT_RECURSIVE : 0, 0, 0, 0, userns);
    if (r < 0)
        return creel_fail(err, r == -ENOSYS || r == -EINVAL ? CREEL_UNSUPPORTED : CREEL_INTERNAL, -r,
                          "mount on %s: map the ids of %s (its file system may not support that)", s->target,
                          s->source);
    if (s->fd < 0)
        s->idmap = fd_take(&userns);
    return 0;
}

int mount_bind_flags(const struct mount_options *o, uint64_t now, bool locked, bool keep, uint64_t *ret_set,
                     uint64_t *ret_clear)
{
    const uint64_t modes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
    const uint64_t lockable = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    const bool mode_named = (o->clear & MOUNT_ATTR__ATIME) != 0 || (o->set & MOUNT_ATTR_NODIRATIME) != 0;
    *ret_set = o->set;
    *ret_clear = mode_named ? modes & ~(o->set & MOUNT_ATTR_NODIRATIME) : o->clear & MOUNT_ATTR_NODIRATIME;
    if (keep || !o->named)
        return 0;
    *ret_clear |= (lockable | MOUNT_ATTR_NOSYMFOLLOW) & ~o->set;
    if (!locked)
        return 0;
    if ((o->clear & now & lockable) != 0 || (mode_named && (now & modes) != (o->set & modes)))
        return -EPERM;
    *ret_clear &= ~(now & (lockable | MOUNT_ATTR_NODIRATIME));
    return 0;
}

int mount_flags_now(int fd, uint64_t *ret)
{
    static const struct { unsigned long st; uint64_t attr; } rows[] = {
        { ST_RDONLY, MOUNT_ATTR_RDONLY }, { ST_NOSUID, MOUNT_ATTR_NOSUID }, { ST_NODEV, MOUNT_ATTR_NODEV },
        { ST_NOEXEC, MOUNT_ATTR_NOEXEC }, { ST_NODIRATIME, MOUNT_ATTR_NODIRATIME },
    };
    struct statvfs v;
    *ret = 0;
    if (fstatvfs(fd, &v) < 0)
        return -errno;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        *ret |= v.f_flag & rows[i].st ? rows[i].attr : 0;
    *ret |= v.f_flag & ST_NOATIME ? MOUNT_ATTR_NOATIME : v.f_flag & ST_RELATIME ? 0 : MOUNT_ATTR_STRICTATIME;
    return 0;
}

/* The default is private: nothing the host mounts later appears, nothing the container mounts leaves. */
int mount_step_attributes(const struct mount_step *s)
{
    unsigned depth = s->opt.recursive ? AT_RECURSIVE : 0;
    uint64_t set, clear, now = 0;
    bool together = s->opt.propagation_count == 0 && depth == 0;
    int r = s->locked_flags && s->opt.named ? mount_flags_now(s->fd, &now) : 0;
    if (r == 0)
        r = mount_bind_flags(&s->opt, now, s->locked_flags, s->keeps_flags, &set, &clear);
    if (r == 0 && s->opt.propagation_count == 0)
        r = sys_mount_setattr(s->fd, depth, together ? set : 0, together ? clear : 0, MS_PRIVATE, -1);
    for (size_t i = 0; r == 0 && i < s->opt.propagation_count; i++)
        r = sys_mount_setattr(s->fd, s->opt.propagation[i].recursive ? AT_RECURSIVE : 0, 0, 0,
                              s->opt.propagation[i].flag, -1);
    if (r == 0 && (set | clear) != 0 && !together)
        r = sys_mount_setattr(s->fd, 0, set, clear, 0, -1);
    if (r == 0 && (s->opt.rec_set | s->opt.rec_clear) != 0)
        r = sys_mount_setattr(s->fd, AT_RECURSIVE, s->opt.rec_set, s->opt.rec_clear, 0, -1);
    return r;
}

static bool is_idmapped(const struct mount_step *s) { return s->uid_map_count > 0 || s->idmap_joined; }

static int open_source(struct mount_step *s, int joined_user, struct creel_err *err)
{
    int fd = sys_open_tree_clone(AT_FDCWD, s->source, s->opt.recursive ? AT_RECURSIVE : 0);
    if (fd == -ENOSYS || fd == -EPERM) {
        s->open_late = true; /* the child's turn */
        return 0;
    }
    if (fd < 0 && (fd == -ENOENT || fd == -ENOTDIR) && s->opt.nofail) {
        s->skip = true;
        return 0;
    }
    if (fd < 0)
        return creel_fail(err, fd == -ENOENT ? CREEL_INVALID : CREEL_INTERNAL, -fd, "bind %s on %s", s->source,
                          s->target);
    s->fd = fd;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "look at bind source %s", s->source);
    s->is_dir = S_ISDIR(st.st_mode);
    if (strcmp(s->target, "/proc") == 0 && sys_fs_is(fd, PROC_SUPER_MAGIC) != 1)
        return creel_fail(err, CREEL_INVALID, 0, "mount on /proc: %s is not procfs", s->source);
    if (s->proc_file && s->is_dir)
        return creel_fail(err, CREEL_INVALID, 0, "mount on %s: %s is a directory", s->target, s->source);
    if (is_idmapped(s) && apply_idmap(s, joined_user, err) < 0)
        return -1;
    int r = mount_step_attributes(s);
    if (r == -ENOSYS) {
        s->attributes_late = true; /* Linux 5.2 to 5.11 */
        return 0;
    }
    if (r == -EPERM && s->locked_flags) /* runc's words */
        return creel_fail(err, CREEL_DENIED, 0, "error mounting \"%s\" to rootfs at \"%s\": a user namespace cannot clear "
                          "the flags of the source: operation not permitted", s->source, s->target);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "set the attributes of bind %s on %s", s->source, s->target);
    return 0;
}

int mount_source_open(struct mount_plan *p, bool unprivileged, bool late, int joined_user, struct creel_err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        struct mount_step *s = &p->steps[i];
        if (s->kind != MOUNT_BIND)
            continue;
        s->open_late = s->open_late || unprivileged || late || s->inside != NULL;
        s->lent = s->inside != NULL && is_idmapped(s) && s->locked_flags;
        if (unprivileged && is_idmapped(s))
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "mount on %s: an id-mapped mount needs privilege", s->target);
        if (!s->open_late && open_source(s, joined_user, err) < 0)
            return -1;
        if (s->open_late && is_idmapped(s) && apply_idmap(s, joined_user, err) < 0)
            return -1;
    }
    return 0;
}

/* --- sources that only the parent may map, but that only the child's mount namespace has --- */

static int lend_here(struct mount_step *s, int at, int pidfd, struct launch_msg *fail)
{
    int r = sys_setns(pidfd, CLONE_NEWNS);
    if (r < 0)
        return launch_fail(fail, CREEL_INTERNAL, -r, "enter the container's mount namespace", NULL);
    s->fd = sys_open_tree_clone(at, "", AT_EMPTY_PATH | (s->opt.recursive ? AT_RECURSIVE : 0));
    if (s->fd < 0)
        return launch_fail(fail, CREEL_INTERNAL, -s->fd, "bind ", s->source, " on ", s->target, NULL);
    r = sys_mount_setattr(s->fd, s->opt.idmap_recursive ? AT_RECURSIVE : 0, 0, 0, 0, s->idmap);
    if (r < 0)
        return launch_fail(fail, CREEL_UNSUPPORTED, -r, "mount on ", s->target, ": map the ids of ", s->source,
                           " (its file system may not support that)", NULL);
    r = mount_step_attributes(s);
    return r < 0 ? launch_fail(fail, CREEL_INTERNAL, -r, "set the attributes of bind ", s->source, " on ", s->target,
                               NULL) : 0;
}

/* The process that enters the namespace; only system calls from here on. */
static _Noreturn void lend(struct mount_step *s, int sock, int at, int pidfd)
{
    struct launch_msg m;
    memset(&m, 0, sizeof m);
    m.step = LAUNCH_LENT;
    int r = lend_here(s, at, pidfd, &m) < 0 ? launch_send(sock, &m, NULL, 0) : launch_send(sock, &m, &s->fd, 1);
    _exit(r < 0);
}

int mount_source_lend(struct mount_step *s, int sock, int pidfd, struct creel_err *err)
{
    int fds[LAUNCH_FDS_MAX], status;
    size_t count = 0;
    if (launch_expect(sock, LAUNCH_SOURCE, RUNTIME_SETUP_TIMEOUT_MS, fds, &count, err) < 0)
        return -1;
    auto_fd at = count > 0 ? fds[0] : -1;
    for (size_t i = 1; i < count; i++)
        (void)close(fds[i]);
    pid_t pid = fork();
    if (pid == 0)
        lend(s, sock, at, pidfd);
    if (pid < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "mount on %s: start a process that opens the source", s->target);
    int r = sys_wait_child(pid, -1, &status);
    if (r < 0 || status != 0)
        return creel_fail(err, CREEL_INTERNAL, r < 0 ? -r : 0, "mount on %s: open the source for the container", s->target);
    return 0;
}
