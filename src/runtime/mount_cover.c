/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_cover.c: what lies over a path in the end: masks and read-only copies of itself, and the seals of
 * whole mounts. */
#include "runtime/mount_apply_internal.h"

#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_missing(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

int mount_cover_readonly(struct mount_apply *a, struct mount_step *s)
{
    int target = sys_open_in_root(a->root, s->target, O_PATH);
    if (is_missing(target))
        return 0;
    if (target < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -target, "make ", s->target, " read-only: open it", NULL);
    int tree = sys_open_tree_clone(target, "", AT_EMPTY_PATH | AT_RECURSIVE);
    int r = tree;
    if (tree >= 0) {
        r = sys_mount_setattr(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, -1);
        bool late = r == -ENOSYS;
        if (r == 0 || late)
            r = sys_move_mount(tree, target);
        if (r == 0 && late)
            r = mount_attribute_set_old(tree, MOUNT_ATTR_RDONLY);
        mount_drop(a, tree);
    } else if (tree == -ENOSYS) {
        char path[SYS_FD_PATH_MAX];
        (void)sys_fd_path(target, path);
        r = sys_mount(path, path, NULL, MS_BIND | MS_REC, NULL);
        int top = r < 0 ? r : sys_open_in_root(a->root, s->target, O_PATH);
        r = top < 0 ? top : mount_attribute_set_old(top, MOUNT_ATTR_RDONLY);
        if (top >= 0)
            (void)close(top);
    }
    mount_drop(a, target);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "make ", s->target, " read-only", NULL) : 0;
}

/* The host's null device, seen before the host is gone, and certainly it (CVE-2025-31133). */
static int open_null(struct mount_apply *a)
{
    struct stat st;
    if (a->null >= 0)
        return 0;
    a->null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (a->null < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, errno, "open the host's /dev/null for masks", NULL);
    if (fstat(a->null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return launch_fail(a->fail, CREEL_INTERNAL, 0, "the host's /dev/null is not the null device", NULL);
    return 0;
}

/* One empty, read-only tmpfs serves every masked directory. The first one is moved, the others are copies of it. */
static int empty_tree(struct mount_apply *a)
{
    if (a->empty >= 0)
        return sys_open_tree_clone(a->empty, "", AT_EMPTY_PATH);
    int fs = sys_fsopen("tmpfs");
    if (fs < 0)
        return fs;
    int r = sys_fsconfig_string(fs, "source", "tmpfs");
    if (r == 0)
        r = sys_fsconfig_string(fs, "nr_blocks", "1");
    if (r == 0)
        r = sys_fsconfig_string(fs, "nr_inodes", "1");
    if (r == 0)
        r = sys_fsconfig_create(fs);
    if (r == 0)
        r = sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    (void)close(fs);
    if (r >= 0)
        a->empty = r;
    return r;
}

static int mask_old(struct mount_apply *a, int target, bool is_dir)
{
    char from[SYS_FD_PATH_MAX], to[SYS_FD_PATH_MAX];
    (void)sys_fd_path(target, to);
    if (is_dir)
        return sys_mount("tmpfs", to, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                         "nr_blocks=1,nr_inodes=1");
    return sys_mount(sys_fd_path(a->null, from), to, NULL, MS_BIND, NULL);
}

/* Only "it does not exist" is tolerated. */
int mount_cover_mask(struct mount_apply *a, struct mount_step *s)
{
    struct stat st;
    int target = sys_open_in_root(a->root, s->target, O_PATH);
    if (is_missing(target))
        return 0;
    if (target < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -target, "mask ", s->target, ": open it", NULL);
    if (fstat(target, &st) < 0) {
        int e = errno;
        mount_drop(a, target);
        return launch_fail(a->fail, CREEL_INTERNAL, e, "mask ", s->target, ": look at it", NULL);
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if (!is_dir && open_null(a) < 0) {
        mount_drop(a, target);
        return -1;
    }
    int tree = is_dir ? empty_tree(a) : sys_open_tree_clone(a->null, "", AT_EMPTY_PATH);
    int r = tree == -ENOSYS ? mask_old(a, target, is_dir) : tree < 0 ? tree : sys_move_mount(tree, target);
    if (tree != a->empty)
        mount_drop(a, tree);
    mount_drop(a, target);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "mask ", s->target, NULL) : 0;
}

int mount_cover_seal(struct mount_apply *a, const struct mount_step *s)
{
    int fd = s->base == MOUNT_ROOT ? a->root : a->plan->steps[s->base].fd;
    int r = mount_attribute_set(fd, 0, MOUNT_ATTR_RDONLY);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "make ", s->target, " read-only", NULL) : 0;
}
