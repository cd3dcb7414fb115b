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
#include <sys/utsname.h>
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
 * without the switch does not have the extension; a kernel before 6.5 takes every word now and refuses the unknown ones
 * only when the mount is made, so it is given none that it could not know (by_layer: it is 6.8 or later). */
static void overlay_plain(int fs, bool by_layer)
{
    (void)sys_fsconfig_string(fs, "metacopy", "off");
    (void)sys_fsconfig_string(fs, "redirect_dir", "off");
    (void)sys_fsconfig_string(fs, "index", "off");
    if (by_layer)
        (void)sys_fsconfig_string(fs, "uuid", "null"); /* or a new one is written into the upper directory */
}

/* A volatile overlay refuses to be mounted again until its marker is gone; what it warns of does not matter to those who
 * asked for it. */
static void forget_volatile(const char *work)
{
    int dir = open(work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    (void)unlinkat(dir, "work/incompat/volatile/dirty", 0);
    (void)unlinkat(dir, "work/incompat/volatile", AT_REMOVEDIR);
    (void)unlinkat(dir, "work/incompat", AT_REMOVEDIR);
    (void)close(dir);
}

/* by_layer: -ENOSYS when the kernel turns out not to know the way its layers were given. */
static int overlay_finish(int fs, const struct init_rootfs *r, const char *upper, const char *work, bool by_layer,
                          struct launch_msg *fail)
{
    int e = 0;
    if (upper != NULL) {
        if (r->is_volatile) {
            forget_volatile(r->work);
            (void)sys_fsconfig_flag(fs, "volatile"); /* before 5.10: durable, and no harm done */
        }
        e = sys_fsconfig_string(fs, "upperdir", upper);
        if (e == 0)
            e = sys_fsconfig_string(fs, "workdir", work);
        if (e < 0)
            return fail_overlay(fail, fs, -e, r->upper);
    }
    overlay_plain(fs, by_layer);
    e = sys_fsconfig_create(fs);
    if (e == -EINVAL && by_layer) {
        (void)close(fs);
        return -ENOSYS;
    }
    if (e < 0)
        return fail_overlay(fail, fs, -e, "overlay");
    int mount = sys_fsmount(fs, 0);
    if (mount < 0)
        return fail_overlay(fail, fs, -mount, "overlay");
    (void)close(fs);
    return mount;
}

/* A detached mount; -ENOSYS: this kernel wants its layers in one string. */
static int overlay_by_layer(const struct init_rootfs *r, struct launch_msg *fail)
{
    if (r->upper != NULL && (strlen(r->upper) > FSCONFIG_STRING_MAX || strlen(r->work) > FSCONFIG_STRING_MAX))
        return -ENOSYS;
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
    return e < 0 ? fail_overlay(fail, fs, -e, "add a layer") : overlay_finish(fs, r, r->upper, r->work, true, fail);
}

/* --- the same in one string, in which each directory is the name of a descriptor, seen from /proc/self/fd as working
 * directory: at most five bytes each, whatever its path is --- */

struct short_names {
    int fds[LOWER_MAX + 2];
    size_t count;
    char lower[4000], upper[TEXT_NUMBER_MAX], work[TEXT_NUMBER_MAX];
};

static void short_names_close(struct short_names *n)
{
    while (n->count > 0)
        (void)close(n->fds[--n->count]);
}

static int short_name(struct short_names *n, const char *path, const char **ret_text, char *digits,
                      struct launch_msg *fail)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_overlay(fail, -1, errno, path);
    n->fds[n->count++] = fd;
    *ret_text = text_number(fd, digits);
    return 0;
}

static int short_names_open(struct short_names *n, const struct init_rootfs *r, struct launch_msg *fail)
{
    char digits[TEXT_NUMBER_MAX];
    const char *text;
    size_t at = 0;
    if (r->lower_count > LOWER_MAX)
        return fail_overlay(fail, -1, E2BIG, "too many layers");
    for (size_t i = 0; i < r->lower_count; i++) {
        if (short_name(n, r->lower[i], &text, digits, fail) < 0)
            return -1;
        size_t len = strlen(text);
        if (at + len + 2 > sizeof n->lower)
            return fail_overlay(fail, -1, E2BIG, "too many layers");
        if (i > 0)
            n->lower[at++] = ':';
        memcpy(n->lower + at, text, len + 1);
        at += len;
    }
    if (r->upper == NULL)
        return 0;
    if (short_name(n, r->upper, &text, digits, fail) < 0)
        return -1;
    memcpy(n->upper, text, strlen(text) + 1);
    if (short_name(n, r->work, &text, digits, fail) < 0)
        return -1;
    memcpy(n->work, text, strlen(text) + 1);
    return 0;
}

static int overlay_by_string(const struct init_rootfs *r, struct short_names *n, struct launch_msg *fail)
{
    if (strlen(n->lower) > FSCONFIG_STRING_MAX)
        return -ENOSYS;
    int fs = sys_fsopen("overlay");
    if (fs == -ENOSYS)
        return -ENOSYS;
    if (fs < 0)
        return fail_overlay(fail, -1, -fs, "overlay");
    int e = sys_fsconfig_string(fs, "source", "overlay");
    if (e == 0)
        e = sys_fsconfig_string(fs, "lowerdir", n->lower);
    return e < 0 ? fail_overlay(fail, fs, -e, "lowerdir")
                 : overlay_finish(fs, r, r->upper != NULL ? n->upper : NULL, n->work, false, fail);
}

/* Kernels from before the newer mount calls, and more layers than those take in one string. Attached at once: any
 * directory of our private namespace will do as the place, and the topmost layer's own is at hand. */
static int overlay_by_mount(const struct init_rootfs *r, const struct short_names *n, struct launch_msg *fail)
{
    const char *const parts[] = { "lowerdir=", n->lower, ",upperdir=", n->upper, ",workdir=", n->work };
    char data[4096], place[SYS_FD_PATH_MAX];
    size_t at = 0;
    for (size_t i = 0; i < (r->upper != NULL ? 6u : 2u); i++) {
        size_t len = strlen(parts[i]);
        if (at + len + 1 > sizeof data)
            return fail_overlay(fail, -1, E2BIG, "too many layers for this kernel");
        memcpy(data + at, parts[i], len + 1);
        at += len;
    }
    if (r->is_volatile)
        forget_volatile(r->work);
    int e = sys_mount("overlay", sys_fd_path(n->fds[0], place), "overlay", 0, data);
    if (e < 0)
        return fail_overlay(fail, -1, -e, "overlay");
    if (r->layers != NULL && chdir(r->layers) < 0)
        return fail_overlay(fail, -1, errno, r->layers);
    int root = open(r->lower[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? fail_overlay(fail, -1, errno, r->lower[0]) : root;
}

/* *ret_attached: by mount(2), which can do no other; only where `may_attach`. */
static int overlay_with_short_names(const struct init_rootfs *r, bool may_attach, bool *ret_attached,
                                    struct launch_msg *fail)
{
    struct short_names n;
    n.count = 0;
    int mount = short_names_open(&n, r, fail);
    if (mount == 0 && chdir("/proc/self/fd") < 0)
        mount = fail_overlay(fail, -1, errno, "/proc/self/fd");
    if (mount == 0)
        mount = overlay_by_string(r, &n, fail);
    if (mount == -ENOSYS && may_attach) {
        mount = overlay_by_mount(r, &n, fail);
        *ret_attached = mount >= 0;
    } else if (mount == -ENOSYS) {
        mount = fail_overlay(fail, -1, ENOSYS, "this kernel's overlay cannot be given to a user namespace");
    }
    short_names_close(&n);
    return mount < 0 ? -1 : mount;
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
    return e < 0 ? fail_overlay(fail, -1, -e, r->lower[0]) : mount;
}

/* Before 6.8 (by its own account) trying would work out, too, but leave a line in the kernel's log at every start. */
static bool kernel_takes_layers(void)
{
    struct utsname u;
    unsigned major = 0, minor = 0;
    if (uname(&u) < 0)
        return true;
    const char *p = u.release;
    for (; *p >= '0' && *p <= '9' && major < 1000; p++)
        major = major * 10 + (unsigned)(*p - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9' && minor < 1000; p++)
            minor = minor * 10 + (unsigned)(*p - '0');
    return major > 6 || (major == 6 && minor >= 8);
}

static int overlay_make(const struct init_rootfs *r, bool may_attach, bool *ret_attached, struct launch_msg *fail)
{
    *ret_attached = false;
    if (r->layers != NULL && chdir(r->layers) < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "enter layer directory ", r->layers, NULL);
    if (r->lower_count == 1 && r->upper == NULL)
        return single_layer(r, fail);
    int mount = kernel_takes_layers() ? overlay_by_layer(r, fail) : -ENOSYS;
    return mount == -ENOSYS ? overlay_with_short_names(r, may_attach, ret_attached, fail) : mount;
}

int rootfs_overlay_detached(const struct init_rootfs *r, struct launch_msg *fail)
{
    bool attached;
    int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (back < 0)
        return launch_fail(fail, CREEL_INTERNAL, errno, "open the current directory", NULL);
    int mount = overlay_make(r, false, &attached, fail);
    if (fchdir(back) < 0 && mount >= 0) {
        int e = errno;
        (void)close(mount);
        mount = launch_fail(fail, CREEL_INTERNAL, e, "go back to the current directory", NULL);
    }
    (void)close(back);
    return mount;
}

static int overlay_mount(const struct init_rootfs *r, struct launch_msg *fail)
{
    bool attached = false;
    int mount = r->tree >= 0 ? r->tree : overlay_make(r, true, &attached, fail);
    if (mount < 0 || attached)
        return mount;
    return attach_over_root(mount, fail) < 0 ? -1 : mount;
}

/* root.path, as a copy of its tree on itself. A user namespace may not be able to go there; then over "/". */
static int directory_mount(const struct init_rootfs *r, struct launch_msg *fail)
{
    if (r->attached)
        return r->tree;
    if (r->over_root && r->tree >= 0)
        return attach_over_root(r->tree, fail) < 0 ? -1 : r->tree;
    int place = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0 && errno == EACCES && r->tree >= 0)
        return attach_over_root(r->tree, fail) < 0 ? -1 : r->tree;
    if (place < 0)
        return launch_fail(fail, errno == ENOENT ? CREEL_INVALID : CREEL_INTERNAL, errno, "open root file system ",
                           r->path, NULL);
    int mount = r->tree >= 0 ? r->tree : sys_open_tree_clone(place, "", AT_EMPTY_PATH | AT_RECURSIVE);
    int e = mount;
    if (mount >= 0) {
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
