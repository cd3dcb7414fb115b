/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/init/rootfs.c: see runtime/init/rootfs.h.
 *
 * The root mount is attached over "/" of the private mount namespace: absolute paths still start below it, so the host's
 * tree stays usable until the pivot, and no directory of the host is needed as a mount point. A root that is a
 * directory is attached on that directory, because hooks look for it there. */
#include "runtime/init/rootfs.h"

#include "runtime/init/text.h"
#include "sys/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FSCONFIG_STRING_MAX = 255, LOWER_MAX = 500 };

static int fail_overlay(struct launch_msg *fail, int fs, int sys, const char *what)
{
    char message[300] = "";
    if (fs >= 0) {
        sys_fs_message(fs, message, sizeof message);
        (void)close(fs);
    }
    size_t n = strlen(message);
    while (n > 0 && message[n - 1] == '\n')
        message[--n] = '\0';
    return launch_fail(fail, sys == ENODEV ? CREEL_UNSUPPORTED : CREEL_INTERNAL, sys, "mount the root file system: ",
                       what, n > 2 ? ": " : "", n > 2 ? message + 2 : "", NULL);
}

/* 0, or -errno; -EINVAL for "lowerdir+" means a kernel before 6.8, -E2BIG a path fsconfig cannot take. */
static int overlay_layers(int fs, const struct init_rootfs *r)
{
    for (size_t i = 0; i < r->lower_count; i++) {
        if (strlen(r->lower[i]) > FSCONFIG_STRING_MAX)
            return -E2BIG;
        int e = sys_fsconfig_string(fs, "lowerdir+", r->lower[i]);
        if (e < 0)
            return e;
    }
    return 0;
}

/* What a layer holds must be readable without the kernel's extensions, so that diff and commit see plain files. A kernel
 * without the switch does not have the extension. */
static void overlay_plain(int fs)
{
    (void)sys_fsconfig_string(fs, "metacopy", "off");
    (void)sys_fsconfig_string(fs, "redirect_dir", "off");
    (void)sys_fsconfig_string(fs, "index", "off");
}

/* A volatile overlay refuses to be mounted again until its marker is gone; what it warns of does not matter to those who
 * asked for it. */
static void forget_volatile(const char *work)
{
    int dir = open(work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    (void)unlinkat(dir, "work/incompat/volatile", AT_REMOVEDIR);
    (void)unlinkat(dir, "work/incompat", AT_REMOVEDIR);
    (void)close(dir);
}

/* 1: this kernel cannot do it this way. */
static int overlay_new(const struct init_rootfs *r, struct launch_msg *fail)
{
    int fs = sys_fsopen("overlay");
    if (fs == -ENOSYS)
        return -ENOSYS;
    if (fs < 0)
        return fail_overlay(fail, -1, -fs, "overlay");
    int e = sys_fsconfig_string(fs, "source", "overlay");
    if (e == 0)
        e = overlay_layers(fs, r);
    if (e == -EINVAL || e == -E2BIG) {
        (void)close(fs);
        return -ENOSYS;
    }
    if (e < 0)
        return fail_overlay(fail, fs, -e, "add a layer");
    if (r->upper != NULL) {
        if (strlen(r->upper) > FSCONFIG_STRING_MAX || strlen(r->work) > FSCONFIG_STRING_MAX) {
            (void)close(fs);
            return -ENOSYS;
        }
        if (r->is_volatile) {
            forget_volatile(r->work);
            (void)sys_fsconfig_flag(fs, "volatile"); /* before 5.10: durable, and no harm done */
        }
        e = sys_fsconfig_string(fs, "upperdir", r->upper);
        if (e == 0)
            e = sys_fsconfig_string(fs, "workdir", r->work);
        if (e < 0)
            return fail_overlay(fail, fs, -e, r->upper);
    }
    overlay_plain(fs);
    e = sys_fsconfig_create(fs);
    if (e < 0)
        return fail_overlay(fail, fs, -e, "overlay");
    int mount = sys_fsmount(fs, 0);
    if (mount < 0)
        return fail_overlay(fail, fs, -mount, "overlay");
    (void)close(fs);
    return mount;
}

/* --- older kernels: one option string of at most a page, in which each directory is the name of a descriptor, seen from
 * /proc/self/fd as working directory: at most five bytes each, whatever its path is --- */

static int open_layer(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static bool add_text(char *to, size_t *at, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (*at + n + 1 > size)
        return false;
    memcpy(to + *at, text, n + 1);
    *at += n;
    return true;
}

static bool add_number(char *to, size_t *at, size_t size, int n)
{
    char digits[TEXT_NUMBER_MAX];
    return add_text(to, at, size, text_number(n, digits));
}

static int overlay_old(const struct init_rootfs *r, struct launch_msg *fail)
{
    char data[4096] = "", place[SYS_FD_PATH_MAX];
    size_t at = 0;
    bool fits = add_text(data, &at, sizeof data, "lowerdir=");
    int first = -1;
    for (size_t i = 0; i < r->lower_count; i++) {
        int fd = open_layer(r->lower[i]);
        if (fd < 0)
            return fail_overlay(fail, -1, -fd, r->lower[i]);
        first = i == 0 ? fd : first;
        fits = fits && (i == 0 || add_text(data, &at, sizeof data, ":")) && add_number(data, &at, sizeof data, fd);
    }
    if (r->upper != NULL) {
        int upper = open_layer(r->upper), work = open_layer(r->work);
        if (upper < 0 || work < 0)
            return fail_overlay(fail, -1, upper < 0 ? -upper : -work, upper < 0 ? r->upper : r->work);
        if (r->is_volatile)
            forget_volatile(r->work);
        fits = fits && add_text(data, &at, sizeof data, ",upperdir=") && add_number(data, &at, sizeof data, upper)
               && add_text(data, &at, sizeof data, ",workdir=") && add_number(data, &at, sizeof data, work);
    }
    if (!fits)
        return fail_overlay(fail, -1, E2BIG, "too many layers for this kernel");
    if (chdir("/proc/self/fd") < 0)
        return fail_overlay(fail, -1, errno, "/proc/self/fd");
    /* Any directory of our private namespace will do as the place; the lowest layer's own is at hand. */
    int e = sys_mount("overlay", sys_fd_path(first, place), "overlay", 0, data);
    if (e < 0)
        return fail_overlay(fail, -1, -e, "overlay");
    if (r->layers != NULL && chdir(r->layers) < 0)
        return fail_overlay(fail, -1, errno, r->layers);
    int root = open_layer(r->lower[0]);
    return root < 0 ? fail_overlay(fail, -1, -root, r->lower[0]) : root;
}

static int attach_over_root(int mount, struct launch_msg *fail)
{
    int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "open /", NULL);
    int e = sys_move_mount(mount, top);
    (void)close(top);
    return e < 0 ? launch_fail(fail, CREEL_INTERNAL, -e, "attach the root file system", NULL) : 0;
}

/* One layer and nothing to write to: overlay wants two, a read-only copy of the tree is the same. */
static int single_layer(const struct init_rootfs *r, struct launch_msg *fail)
{
    int mount = sys_open_tree_clone(AT_FDCWD, r->lower[0], 0);
    int e = mount < 0 ? mount : sys_mount_setattr(mount, 0, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, -1);
    if (e < 0)
        return fail_overlay(fail, -1, -e, r->lower[0]);
    return attach_over_root(mount, fail) < 0 ? -1 : mount;
}

static int overlay_mount(const struct init_rootfs *r, struct launch_msg *fail)
{
    if (r->layers != NULL && chdir(r->layers) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "enter layer directory ", r->layers, NULL);
    if (r->lower_count == 1 && r->upper == NULL)
        return single_layer(r, fail);
    int mount = overlay_new(r, fail);
    if (mount == -ENOSYS)
        return overlay_old(r, fail);
    if (mount < 0)
        return -1;
    return attach_over_root(mount, fail) < 0 ? -1 : mount;
}

/* root.path, as a copy of its tree on itself. */
static int directory_mount(const struct init_rootfs *r, struct launch_msg *fail)
{
    int place = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0)
        return launch_fail(fail, errno == ENOENT ? CREEL_INVALID : CREEL_INTERNAL, errno, "open root file system ",
                           r->path, NULL);
    int mount = r->tree >= 0 ? r->tree : sys_open_tree_clone(place, "", AT_EMPTY_PATH | AT_RECURSIVE);
    int e = mount;
    if (mount >= 0) {
        e = sys_mount_setattr(mount, AT_RECURSIVE, 0, 0, MS_PRIVATE, -1);
        if (e == 0 || e == -ENOSYS) /* then it is a copy from a private tree, made here */
            e = sys_move_mount(mount, place);
    } else if (mount == -ENOSYS) {
        char path[SYS_FD_PATH_MAX];
        (void)sys_fd_path(place, path);
        e = sys_mount(path, path, NULL, MS_BIND | MS_REC, NULL);
        mount = e < 0 ? -1 : open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        e = e == 0 && mount < 0 ? -errno : e;
    }
    (void)close(place);
    return e < 0 ? launch_fail(fail, CREEL_INTERNAL, -e, "mount root file system ", r->path, NULL) : mount;
}

int rootfs_mount(const struct init_rootfs *r, struct launch_msg *fail)
{
    return r->overlay ? overlay_mount(r, fail) : directory_mount(r, fail);
}

/* Without pivot_root (the host's root is an initramfs): the root is moved over "/". What else was mounted stays in the
 * namespace below it, out of reach but for processes that may chroot out; hence not the default. */
static int move_over_root(struct launch_msg *fail)
{
    (void)sys_umount_detach("/proc");
    (void)sys_umount_detach("/sys");
    int e = sys_mount(".", "/", NULL, MS_MOVE, NULL);
    if (e < 0)
        return launch_fail(fail, CREEL_INTERNAL, -e, "move the root file system to /", NULL);
    if (chroot(".") < 0 || chdir("/") < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "change the root", NULL);
    return 0;
}

int rootfs_pivot(int root, bool no_pivot, struct launch_msg *fail)
{
    if (fchdir(root) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "enter the root file system", NULL);
    if (no_pivot)
        return move_over_root(fail);
    /* The old root ends up mounted on top of the new one, where it is taken off again. It is private, so that nothing of
     * this reaches the host. */
    int e = sys_pivot_root(".", ".");
    if (e < 0)
        return launch_fail(fail, CREEL_INTERNAL, -e, "pivot_root", NULL);
    e = sys_umount_detach(".");
    if (e < 0)
        return launch_fail(fail, CREEL_INTERNAL, -e, "detach the host's root", NULL);
    if (chdir("/") < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "chdir to the new root", NULL);
    return 0;
}
