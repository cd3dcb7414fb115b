/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_target.c: where a step goes: resolved once inside the root, as a descriptor that is mounted on. */
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

int mount_fail(struct mount_apply *a, const struct mount_step *s, int sys, const char *what)
{
    const char *source = s->source != NULL ? s->source : "";
    return launch_fail(a->fail, CREEL_INTERNAL, sys, s->kind == MOUNT_BIND ? "bind " : "mount ", source,
                       source[0] != '\0' ? " on " : "on ", s->target, ": ", what, NULL);
}

/* Everything is closed at once before the command runs. Closing one by one only matters when there could be too
 * many. */
void mount_drop(const struct mount_apply *a, int fd)
{
    enum { MANY_STEPS = 150 };
    if (fd >= 0 && a->plan->count > MANY_STEPS)
        (void)close(fd);
}

/* A file that was made in a tmpfs of ours is open for writing: as long as it is, the tmpfs cannot become
 * read-only. */
void mount_target_drop(const struct mount_apply *a, const struct mount_step *s, int fd, bool is_dir)
{
    if (s->base != MOUNT_ROOT && !is_dir)
        (void)close(fd);
    else
        mount_drop(a, fd);
}

/* Inside a tmpfs of our own that nobody else has seen: one component is made and opened without looking further. */
int mount_target_in_fresh(int dir, const char *name, bool is_dir)
{
    if (strchr(name, '/') != NULL)
        return -EXDEV;
    if (is_dir) {
        if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
            return -errno;
        int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    }
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) /* also good for move_mount: the path counts, not the mode it was opened in */
        return fd;
    if (errno != EEXIST)
        return -errno;
    fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The place of procfs and sysfs must be a real directory: behind a link, masks and labels would go to files of the
 * image's choice (CVE-2019-19921 and its successors). */
int mount_target_without_links(int root, const char *path)
{
    int fd = sys_open_no_links(root, path, O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    fd = sys_make_in_root(root, path, SYS_MAKE_DIR);
    if (fd < 0)
        return fd;
    (void)close(fd);
    return sys_open_no_links(root, path, O_PATH | O_DIRECTORY, 0);
}

static bool is_kernel_tree(const struct mount_step *s)
{
    return (s->type != NULL && (strcmp(s->type, "proc") == 0 || strcmp(s->type, "sysfs") == 0))
           || strcmp(s->target, "/proc") == 0 || strcmp(s->target, "/sys") == 0;
}

/* Closes fd when it refuses. Not to know is to refuse. */
int mount_target_refuse_proc(struct mount_apply *a, const struct mount_step *s, int fd)
{
    int r = sys_fs_is(fd, PROC_SUPER_MAGIC);
    if (r == 0)
        return 0;
    (void)close(fd);
    if (r < 0)
        return mount_fail(a, s, -r, "look at the target's file system");
    const char *what = s->kind == MOUNT_DEVICE || s->kind == MOUNT_LINK ? "make " : "mount on ";
    return launch_fail(a->fail, CREEL_DENIED, 0, what, s->target, ": the target leads into procfs", NULL);
}

int mount_target_open(struct mount_apply *a, const struct mount_step *s, bool is_dir)
{
    if (s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0) {
        int fd = mount_target_in_fresh(a->plan->steps[s->base].fd, s->name, is_dir);
        if (fd != -EXDEV)
            return fd < 0 ? mount_fail(a, s, -fd, "make the target") : fd;
    }
    if (is_kernel_tree(s)) {
        int fd = mount_target_without_links(a->root, s->target);
        if (fd == -ELOOP || fd == -ENOTDIR)
            return launch_fail(a->fail, CREEL_INVALID, -fd, "mount on ", s->target,
                               ": it must be mounted on ordinary directory, not a link or a file in the container's "
                               "root", NULL);
        return fd < 0 ? mount_fail(a, s, -fd, "open the target") : fd;
    }
    int fd = sys_make_in_root(a->root, s->target, is_dir ? SYS_MAKE_DIR : SYS_MAKE_FILE);
    if (fd < 0)
        return mount_fail(a, s, -fd, "open the target inside the container's root");
    return s->proc_file || mount_target_refuse_proc(a, s, fd) == 0 ? fd : -1;
}

/* What lies on top of `path` now; after a mount(2) on a descriptor, which says nothing about the new mount. */
int mount_target_open_mounted(struct mount_apply *a, const struct mount_step *s)
{
    if (s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0)
        return sys_open_in_root(a->plan->steps[s->base].fd, s->name, O_PATH);
    return sys_open_in_root(a->root, s->target, O_PATH);
}
