/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_device.c: device nodes, links beside them, and the terminal on /dev/console. */
#include "runtime/mount_apply_internal.h"

#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory a node or link goes into, and the name in it. *ret_close: the directory is to be closed. */
static int open_place(struct mount_apply *a, const struct mount_step *s, char *name, bool *ret_close)
{
    *ret_close = false;
    if (s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0 && strchr(s->name, '/') == NULL
        && strlen(s->name) <= NAME_MAX) {
        memcpy(name, s->name, strlen(s->name) + 1);
        return a->plan->steps[s->base].fd;
    }
    /* /dev itself is never reached through a link of the image (CVE-2026-41579). */
    int dir;
    const char *base = strrchr(s->target, '/');
    if (base == s->target + 4 && strncmp(s->target, "/dev/", 5) == 0 && strlen(base + 1) <= NAME_MAX) {
        dir = mount_target_without_links(a->root, "/dev");
        memcpy(name, base + 1, strlen(base + 1) + 1);
    } else {
        dir = sys_make_parent_in_root(a->root, s->target, name);
    }
    if (dir < 0)
        return launch_fail(a->fail, dir == -ELOOP || dir == -ENOTDIR ? CREEL_INVALID : CREEL_INTERNAL, -dir,
                           "open the directory of ", s->target, " inside the container's root", NULL);
    if (mount_target_refuse_proc(a, s, dir) < 0)
        return -1;
    *ret_close = true;
    return dir;
}

static bool same_node(const struct stat *st, const struct mount_step *s)
{
    return (st->st_mode & S_IFMT) == (s->device.mode & S_IFMT)
           && (S_ISFIFO(st->st_mode) || st->st_rdev == s->device.number);
}

/* Where nodes cannot be made, the host's node of the same path is bound, if it really is that device. */
static int bind_device(struct mount_apply *a, const struct mount_step *s, int dir, const char *name)
{
    struct stat st;
    int source = s->fd >= 0 ? s->fd : sys_open_tree_clone(AT_FDCWD, s->target, AT_SYMLINK_NOFOLLOW);
    if (source < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -source, "device ", s->target, ": open the host's", NULL);
    int r = 0;
    if (fstat(source, &st) < 0 || !same_node(&st, s))
        r = launch_fail(a->fail, CREEL_INVALID, 0, "device ", s->target, ": the host's is another device", NULL);
    int target = r < 0 ? -1 : mount_target_in_fresh(dir, name, false);
    if (r == 0 && target < 0)
        r = launch_fail(a->fail, CREEL_INTERNAL, -target, "device ", s->target, ": make the target", NULL);
    if (r == 0) {
        int e = sys_move_mount(source, target);
        if (e < 0)
            r = launch_fail(a->fail, CREEL_INTERNAL, -e, "device ", s->target, ": bind", NULL);
    }
    if (target >= 0)
        mount_target_drop(a, s, target, false);
    (void)close(source);
    return r;
}

static int make_node(struct mount_apply *a, const struct mount_step *s, int dir, const char *name)
{
    struct stat st;
    if (mknodat(dir, name, s->device.mode, s->device.number) == 0) {
        if ((s->device.uid != 0 || s->device.gid != 0)
            && fchownat(dir, name, s->device.uid, s->device.gid, AT_SYMLINK_NOFOLLOW) < 0)
            return launch_fail(a->fail, CREEL_INTERNAL, errno, "device ", s->target, ": set the owner", NULL);
        return 0;
    }
    int e = errno;
    if (e == EPERM && !S_ISFIFO(s->device.mode))
        return bind_device(a, s, dir, name);
    if (e == EEXIST && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && same_node(&st, s))
        return 0;
    return launch_fail(a->fail, e == EEXIST ? CREEL_INVALID : CREEL_INTERNAL, e, "make device ", s->target, NULL);
}

int mount_device_apply(struct mount_apply *a, const struct mount_step *s)
{
    char name[NAME_MAX + 1];
    bool to_close;
    int dir = open_place(a, s, name, &to_close);
    if (dir < 0)
        return -1;
    int r = s->device.bind ? bind_device(a, s, dir, name) : make_node(a, s, dir, name);
    if (to_close)
        (void)close(dir);
    return r;
}

/* A link of the image that is there already stays as it is: it is resolved inside the container only. */
int mount_device_link(struct mount_apply *a, const struct mount_step *s)
{
    char name[NAME_MAX + 1];
    bool to_close;
    int dir = open_place(a, s, name, &to_close);
    if (dir < 0)
        return -1;
    int r = 0;
    if (symlinkat(s->source, dir, name) < 0 && errno != EEXIST)
        r = launch_fail(a->fail, CREEL_INTERNAL, errno, "make link ", s->target, NULL);
    if (to_close)
        (void)close(dir);
    return r;
}

static int open_ptmx(struct mount_apply *a)
{
    int i = a->plan->devpts;
    if (i < 0 || a->plan->steps[i].fd < 0)
        return sys_open_in_root(a->root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
    int fd = openat(a->plan->steps[i].fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int mount_device_console(struct mount_apply *a, struct mount_step *s)
{
    if (console_open(open_ptmx(a), a->process, &a->console, a->fail) < 0)
        return -1;
    int target = mount_target_open(a, s, false);
    if (target < 0)
        return -1;
    int tree = sys_open_tree_clone(a->console.tty, "", AT_EMPTY_PATH);
    int r;
    if (tree == -ENOSYS) {
        char from[SYS_FD_PATH_MAX], to[SYS_FD_PATH_MAX];
        r = sys_mount(sys_fd_path(a->console.tty, from), sys_fd_path(target, to), NULL, MS_BIND, NULL);
    } else {
        r = tree < 0 ? tree : sys_move_mount(tree, target);
        if (tree >= 0)
            (void)close(tree);
    }
    mount_target_drop(a, s, target, false);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "bind the terminal on /dev/console", NULL) : 0;
}
