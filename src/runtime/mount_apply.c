/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_apply.c: see runtime/mount_apply.h. */
#include "runtime/mount_apply.h"

#include "runtime/mount_copyup.h"
#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MQUEUE_MAGIC 0x19800202

enum { FSCONFIG_STRING_MAX = 255, DATA_MAX = 4095 };

static int fail_mount(struct mount_apply *a, const struct mount_step *s, int sys, const char *what)
{
    const char *source = s->source != NULL ? s->source : "";
    return launch_fail(a->fail, CREEL_INTERNAL, sys, s->kind == MOUNT_BIND ? "bind " : "mount ", source,
                       source[0] != '\0' ? " on " : "on ", s->target, ": ", what, NULL);
}

/* Everything is closed at once before the command runs. Closing one by one only matters when there could be too many. */
static void drop(const struct mount_apply *a, int fd)
{
    enum { MANY_STEPS = 150 };
    if (fd >= 0 && a->plan->count > MANY_STEPS)
        (void)close(fd);
}

/* A file that was made in a tmpfs of ours is open for writing: as long as it is, the tmpfs cannot become read-only. */
static void drop_target(const struct mount_apply *a, const struct mount_step *s, int fd, bool is_dir)
{
    if (s->base != MOUNT_ROOT && !is_dir)
        (void)close(fd);
    else
        drop(a, fd);
}

/* --- targets --- */

/* Inside a tmpfs of our own that nobody else has seen: one component is made and opened without looking further. */
static int target_in_fresh(int dir, const char *name, bool is_dir)
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
static int target_without_links(int root, const char *path)
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
static int refuse_proc(struct mount_apply *a, const struct mount_step *s, int fd)
{
    int r = sys_fs_is(fd, PROC_SUPER_MAGIC);
    if (r == 0)
        return 0;
    (void)close(fd);
    if (r < 0)
        return fail_mount(a, s, -r, "look at the target's file system");
    return launch_fail(a->fail, CREEL_DENIED, 0, s->kind == MOUNT_DEVICE || s->kind == MOUNT_LINK ? "make " : "mount on ",
                       s->target, ": the target leads into procfs", NULL);
}

static int open_target(struct mount_apply *a, const struct mount_step *s, bool is_dir)
{
    if (s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0) {
        int fd = target_in_fresh(a->plan->steps[s->base].fd, s->name, is_dir);
        if (fd != -EXDEV)
            return fd < 0 ? fail_mount(a, s, -fd, "make the target") : fd;
    }
    if (is_kernel_tree(s)) {
        int fd = target_without_links(a->root, s->target);
        if (fd == -ELOOP || fd == -ENOTDIR)
            return launch_fail(a->fail, CREEL_INVALID, -fd, "mount on ", s->target,
                               ": it must be mounted on ordinary directory, not a link or a file in the container's root", NULL);
        return fd < 0 ? fail_mount(a, s, -fd, "open the target") : fd;
    }
    int fd = sys_make_in_root(a->root, s->target, is_dir ? SYS_MAKE_DIR : SYS_MAKE_FILE);
    if (fd < 0)
        return fail_mount(a, s, -fd, "open the target inside the container's root");
    return s->proc_file || refuse_proc(a, s, fd) == 0 ? fd : -1;
}

/* --- older kernels: attach first, then set attributes through the descriptor --- */

static int old_propagation(const char *path, const struct mount_step *s)
{
    if (s->opt.propagation_count == 0)
        return sys_mount(NULL, path, NULL, MS_PRIVATE | (s->opt.recursive ? MS_REC : 0ul), NULL);
    for (size_t i = 0; i < s->opt.propagation_count; i++) {
        unsigned long rec = s->opt.propagation[i].recursive ? MS_REC : 0ul;
        int r = sys_mount(NULL, path, NULL, s->opt.propagation[i].flag | rec, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static unsigned long flags_of_mount(int fd)
{
    struct statvfs v;
    unsigned long f = 0;
    if (fstatvfs(fd, &v) < 0)
        return 0;
    if (v.f_flag & ST_RDONLY)
        f |= MS_RDONLY;
    if (v.f_flag & ST_NOSUID)
        f |= MS_NOSUID;
    if (v.f_flag & ST_NODEV)
        f |= MS_NODEV;
    if (v.f_flag & ST_NOEXEC)
        f |= MS_NOEXEC;
    if (v.f_flag & ST_NOATIME)
        f |= MS_NOATIME;
    if (v.f_flag & ST_NODIRATIME)
        f |= MS_NODIRATIME;
    if (v.f_flag & ST_RELATIME)
        f |= MS_RELATIME;
    return f;
}

/* Attributes `set` on the attached mount at fd, keeping what it has. */
static int old_attributes(int fd, uint64_t set)
{
    const unsigned long atime = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
    char path[SYS_FD_PATH_MAX];
    unsigned long now = flags_of_mount(fd), more = sys_mount_flags_of_attrs(set);
    if (set & MOUNT_ATTR__ATIME)
        now &= ~atime;
    else
        more &= ~atime;
    return sys_mount(NULL, sys_fd_path(fd, path), NULL, MS_REMOUNT | MS_BIND | now | more, NULL);
}

static int set_attribute(int fd, unsigned depth, uint64_t set)
{
    int r = sys_mount_setattr(fd, depth, set, 0, 0, -1);
    return r == -ENOSYS ? old_attributes(fd, set) : r;
}

static int old_bind_attributes(struct mount_apply *a, struct mount_step *s)
{
    char path[SYS_FD_PATH_MAX];
    if ((s->opt.rec_set | s->opt.rec_clear) != 0)
        return launch_fail(a->fail, CREEL_UNSUPPORTED, ENOSYS, "mount on ", s->target,
                           ": recursive attributes need Linux 5.12", NULL);
    uint64_t set = 0, clear = 0, now = 0;
    int r = old_propagation(sys_fd_path(s->fd, path), s);
    if (r == 0)
        r = mount_flags_now(s->fd, &now);
    if (r == 0)
        r = mount_bind_flags(&s->opt, now, s->locked_flags, s->keeps_flags, &set, &clear);
    if (r == 0 && (set | clear) != 0)
        r = sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | sys_mount_flags_of_attrs((now & ~clear) | set), NULL);
    return r < 0 ? fail_mount(a, s, -r, "set attributes") : 0;
}

/* What lies on top of `path` now; after a mount(2) on a descriptor, which says nothing about the new mount. */
static int open_mounted(struct mount_apply *a, const struct mount_step *s)
{
    if (s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0)
        return sys_open_in_root(a->plan->steps[s->base].fd, s->name, O_PATH);
    return sys_open_in_root(a->root, s->target, O_PATH);
}

/* --- new file systems --- */

static bool wants_old_mount(const struct mount_step *s)
{
    for (size_t i = 0; i < s->opt.data.count; i++)
        if (strlen(s->opt.data.items[i]) > FSCONFIG_STRING_MAX)
            return true;
    return strlen(s->source) > FSCONFIG_STRING_MAX;
}

static int configure(int fs, const char *option)
{
    char key[FSCONFIG_STRING_MAX + 1];
    const char *eq = strchr(option, '=');
    if (eq == NULL)
        return sys_fsconfig_flag(fs, option);
    size_t n = (size_t)(eq - option);
    if (n > FSCONFIG_STRING_MAX)
        return -EINVAL;
    memcpy(key, option, n);
    key[n] = '\0';
    return sys_fsconfig_string(fs, key, eq + 1);
}

static int fail_fs(struct launch_msg *fail, const struct mount_step *s, int fs, int sys, const char *option)
{
    char message[200];
    sys_fs_message(fs, message, sizeof message);
    size_t n = strlen(message);
    while (n > 0 && message[n - 1] == '\n')
        message[--n] = '\0';
    return launch_fail(fail, sys == EINVAL ? CREEL_INVALID : sys == ENODEV ? CREEL_UNSUPPORTED : CREEL_INTERNAL, sys,
                       "mount ", s->type, " on ", s->target, option != NULL ? ": option " : "",
                       option != NULL ? option : "", n > 2 ? ": " : "", n > 2 ? message + 2 : "", NULL);
}

int mount_apply_configure(struct mount_step *s, int fs, struct launch_msg *fail)
{
    int r = sys_fsconfig_string(fs, "source", s->source);
    if (r < 0)
        return fail_fs(fail, s, fs, -r, "source");
    for (size_t i = 0; i < s->opt.super.count + s->opt.data.count; i++) {
        const char *option = i < s->opt.super.count ? s->opt.super.items[i]
                                                    : s->opt.data.items[i - s->opt.super.count];
        r = configure(fs, option);
        if (r < 0)
            return fail_fs(fail, s, fs, -r, option);
    }
    r = sys_fsconfig_create(fs);
    if (r < 0)
        return fail_fs(fail, s, fs, -r, NULL);
    s->fd = sys_fsmount(fs, s->opt.set);
    return s->fd < 0 ? fail_fs(fail, s, fs, -s->fd, NULL) : 0;
}

/* A user namespace may mount these only with a network or ipc namespace of its own, and sysfs only where nothing covers the
 * host's. The host's then takes their place: what the container can do there is what its ids allow, and nothing in sysfs,
 * whatever is mounted below it included, can be written. False: not one of these, or not there. */
static bool borrow_from_host(struct mount_step *s)
{
    static const struct { const char *type, *path; unsigned long magic; bool read_only; } rows[] = {
        { "sysfs", "/sys", SYSFS_MAGIC, true }, { "mqueue", "/dev/mqueue", MQUEUE_MAGIC, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(s->type, rows[i].type) != 0)
            continue;
        uint64_t set = s->opt.set | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
                       | (rows[i].read_only ? MOUNT_ATTR_RDONLY : 0);
        int fd = sys_open_tree_clone(AT_FDCWD, rows[i].path, AT_RECURSIVE);
        if (fd >= 0 && sys_fs_is(fd, rows[i].magic) == 1
            && sys_mount_setattr(fd, AT_RECURSIVE, set & ~(uint64_t)MOUNT_ATTR__ATIME, 0, MS_PRIVATE, -1) == 0) {
            s->fd = fd;
            return true;
        }
        if (fd >= 0)
            (void)close(fd);
    }
    return false;
}

/* A detached new file system in s->fd. 1: not possible this way, use mount(2). */
static int make_new(struct mount_apply *a, struct mount_step *s)
{
    if (s->fd >= 0) /* the parent has made it */
        return 0;
    if (wants_old_mount(s))
        return 1;
    int fs = sys_fsopen(s->type);
    if (fs == -ENOSYS)
        return 1;
    if (fs == -EPERM && borrow_from_host(s))
        return 0;
    if (fs < 0)
        return launch_fail(a->fail, fs == -ENODEV ? CREEL_UNSUPPORTED : CREEL_INTERNAL, -fs, "mount ", s->type, " on ",
                           s->target, NULL);
    int r = a->mode == NULL ? 0 : configure(fs, a->mode);
    r = r < 0 ? fail_fs(a->fail, s, fs, -r, a->mode) : mount_apply_configure(s, fs, a->fail);
    if (r < 0 && a->fail->sys == EPERM && borrow_from_host(s))
        r = 0;
    (void)close(fs);
    return r;
}

static unsigned long super_flags(const struct mount_step *s)
{
    static const struct { const char *name; unsigned long flag; } names[] = {
        { "dirsync", MS_DIRSYNC }, { "iversion", MS_I_VERSION }, { "lazytime", MS_LAZYTIME },
        { "mand", MS_MANDLOCK }, { "sync", MS_SYNCHRONOUS },
    };
    unsigned long f = 0;
    for (size_t i = 0; i < s->opt.super.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (strcmp(s->opt.super.items[i], names[k].name) == 0)
                f |= names[k].flag;
    return f;
}

static int join_data(const struct mount_step *s, char data[DATA_MAX + 1])
{
    size_t at = 0;
    for (size_t i = 0; i < s->opt.data.count; i++) {
        const char *item = s->opt.data.items[i];
        size_t n = strlen(item), key = strncmp(item, "context=", 8) == 0 ? 8 : 0; /* labels have commas: in quotes */
        if (at + n + 4 > DATA_MAX)
            return -E2BIG;
        if (i > 0)
            data[at++] = ',';
        memcpy(data + at, item, key);
        at += key;
        if (key > 0)
            data[at++] = '"';
        memcpy(data + at, item + key, n - key);
        at += n - key;
        if (key > 0)
            data[at++] = '"';
    }
    data[at] = '\0';
    return 0;
}

static int mount_new_old(struct mount_apply *a, struct mount_step *s, int target)
{
    char data[DATA_MAX + 1], path[SYS_FD_PATH_MAX];
    int r = join_data(s, data);
    if (r == 0 && a->mode != NULL) {
        size_t at = strlen(data), n = strlen(a->mode);
        if (at + n + 2 > sizeof data)
            return fail_mount(a, s, E2BIG, "options");
        data[at] = ',';
        memcpy(data + at + (at > 0), a->mode, n + 1);
    }
    if (r == 0)
        r = sys_mount(s->source, sys_fd_path(target, path), s->type,
                      sys_mount_flags_of_attrs(s->opt.set) | super_flags(s), data);
    if (r < 0)
        return fail_mount(a, s, -r, "mount");
    s->fd = open_mounted(a, s);
    return s->fd < 0 ? fail_mount(a, s, -s->fd, "open what was mounted") : 0;
}

static int finish_new(struct mount_apply *a, struct mount_step *s)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->opt.propagation_count; i++) {
        char path[SYS_FD_PATH_MAX];
        unsigned depth = s->opt.propagation[i].recursive ? AT_RECURSIVE : 0;
        r = sys_mount_setattr(s->fd, depth, 0, 0, s->opt.propagation[i].flag, -1);
        if (r == -ENOSYS)
            r = sys_mount(NULL, sys_fd_path(s->fd, path), NULL, s->opt.propagation[i].flag | (depth ? MS_REC : 0ul),
                          NULL);
    }
    if (r == 0 && s->opt.rec_set != 0)
        r = sys_mount_setattr(s->fd, AT_RECURSIVE, s->opt.rec_set, 0, 0, -1);
    return r < 0 ? fail_mount(a, s, -r, "set attributes") : 0;
}

/* A tmpfs that is given no mode has that of the directory below it, if that was there before us. "" otherwise. */
static int mode_of_covered(struct mount_apply *a, const struct mount_step *s, char text[16])
{
    struct stat st;
    text[0] = '\0';
    if (strcmp(s->type, "tmpfs") != 0)
        return 0;
    for (size_t i = 0; i < s->opt.data.count; i++)
        if (strncmp(s->opt.data.items[i], "mode=", 5) == 0)
            return 0;
    int fd = s->base != MOUNT_ROOT && a->plan->steps[s->base].fd >= 0
                 ? sys_open_in_root(a->plan->steps[s->base].fd, s->name, O_PATH | O_DIRECTORY)
                 : sys_open_in_root(a->root, s->target, O_PATH | O_DIRECTORY);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0;
    if (fd < 0)
        return fail_mount(a, s, -fd, "look at what it covers");
    int r = fstat(fd, &st) < 0 ? fail_mount(a, s, errno, "look at what it covers") : 0;
    (void)close(fd);
    memcpy(text, "mode=00000", 11);
    for (unsigned i = 0, m = st.st_mode & 07777; r == 0 && i < 4; i++, m >>= 3)
        text[9 - i] = (char)('0' + (m & 7));
    return r;
}

static int apply_new(struct mount_apply *a, struct mount_step *s)
{
    char mode[16] = "";
    if (s->fd < 0 && mode_of_covered(a, s, mode) < 0)
        return -1;
    int target = open_target(a, s, true);
    if (target < 0)
        return -1;
    a->mode = mode[0] != '\0' ? mode : NULL;
    int r = make_new(a, s);
    if (r == 0 && s->opt.copy_up) {
        int e = mount_copyup(target, s->fd);
        if (e < 0)
            r = fail_mount(a, s, -e, "copy what was there into the tmpfs");
    }
    if (r == 0) {
        int e = sys_move_mount(s->fd, target);
        if (e < 0)
            r = fail_mount(a, s, -e, "attach");
    } else if (r == 1) {
        r = s->opt.copy_up ? launch_fail(a->fail, CREEL_UNSUPPORTED, ENOSYS, "mount on ", s->target,
                                         ": tmpcopyup needs Linux 5.2", NULL)
                           : mount_new_old(a, s, target);
    }
    drop(a, target);
    return r == 0 ? finish_new(a, s) : r;
}

/* --- binds --- */

/* The source in our own mount namespace: cgroups, whatever the parent was not privileged to open, older kernels. One in the
 * container's root is looked for there, whatever links it contains. */
static int clone_source(struct mount_apply *a, const struct mount_step *s, bool *ret_old)
{
    unsigned depth = s->opt.recursive ? AT_RECURSIVE : 0;
    int at = s->inside != NULL ? sys_open_in_root(a->root, s->inside, O_PATH) : -1;
    if (s->inside != NULL && at < 0)
        return at;
    int fd = at >= 0 ? sys_open_tree_clone(at, "", depth | AT_EMPTY_PATH) : sys_open_tree_clone(AT_FDCWD, s->source, depth);
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
    return r == 0 ? 0 : launch_fail(a->fail, CREEL_UNSUPPORTED, -r, "mount on ", s->target, ": map the ids of ", s->source,
                                    " (its file system may not support that)", NULL);
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
        return launch_fail(a->fail, fd == -ENOENT ? CREEL_INVALID : CREEL_INTERNAL, -fd, "bind ", s->source, " on ", s->target,
                           NULL);
    s->fd = fd;
    if (!s->is_dir && fstat(fd, &st) < 0) /* known of cgroups */
        return fail_mount(a, s, errno, "look at the source");
    s->is_dir = s->is_dir || S_ISDIR(st.st_mode);
    if (strcmp(s->target, "/proc") == 0 && sys_fs_is(fd, PROC_SUPER_MAGIC) != 1)
        return launch_fail(a->fail, CREEL_INVALID, 0, "mount on /proc: ", s->source, " is not procfs", NULL);
    if (s->proc_file && s->is_dir)
        return launch_fail(a->fail, CREEL_INVALID, 0, "mount on ", s->target, ": ", s->source, " is a directory", NULL);
    if (!s->lent && idmap_late(a, s, *ret_old) < 0)
        return -1;
    if (*ret_old || s->lent)
        return 0;
    int r = mount_step_attributes(s);
    if (r == -ENOSYS) {
        s->attributes_late = true;
        return 0;
    }
    return r < 0 ? fail_mount(a, s, -r, "set attributes") : 0;
}

static int attach_bind_old(struct mount_apply *a, struct mount_step *s, int target)
{
    char from[SYS_FD_PATH_MAX], to[SYS_FD_PATH_MAX];
    int r = sys_mount(sys_fd_path(s->fd, from), sys_fd_path(target, to), NULL,
                      MS_BIND | (s->opt.recursive ? MS_REC : 0ul), NULL);
    (void)close(s->fd);
    s->fd = -1;
    if (r < 0)
        return fail_mount(a, s, -r, "bind");
    s->fd = open_mounted(a, s);
    return s->fd < 0 ? fail_mount(a, s, -s->fd, "open what was bound") : old_bind_attributes(a, s);
}

/* A directory that this step makes in a fresh tmpfs is found by its name. False: it is not that simple. */
static bool attach_in_fresh(struct mount_apply *a, const struct mount_step *s)
{
    int dir = s->base != MOUNT_ROOT ? a->plan->steps[s->base].fd : -1;
    if (dir < 0 || !s->is_dir || strchr(s->name, '/') != NULL || mkdirat(dir, s->name, 0755) < 0)
        return false;
    return sys_move_mount_at(s->fd, dir, s->name) == 0;
}

static int apply_bind(struct mount_apply *a, struct mount_step *s)
{
    bool old = false;
    if (s->open_late && open_source_late(a, s, &old) < 0)
        return -1;
    if (s->skip)
        return 0;
    if (!old && !s->attributes_late && attach_in_fresh(a, s))
        return 0;
    int target = open_target(a, s, s->is_dir);
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
            r = fail_mount(a, s, -e, "attach");
        else if (s->attributes_late)
            r = old_bind_attributes(a, s);
    }
    drop_target(a, s, target, s->is_dir);
    return r;
}

static int apply_remount(struct mount_apply *a, struct mount_step *s)
{
    char data[DATA_MAX + 1], path[SYS_FD_PATH_MAX];
    int fd = sys_open_in_root(a->root, s->target, O_PATH);
    if (fd < 0)
        return fail_mount(a, s, -fd, "open the target inside the container's root");
    uint64_t clear = s->opt.clear | (s->opt.set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0);
    int r = 0;
    if (s->opt.remount && (s->opt.set | clear) != 0) {
        r = sys_mount_setattr(fd, 0, s->opt.set, clear, 0, -1);
        if (r == -ENOSYS)
            r = old_attributes(fd, s->opt.set);
    }
    for (size_t i = 0; r == 0 && i < s->opt.propagation_count; i++)
        r = sys_mount(NULL, sys_fd_path(fd, path), NULL,
                      s->opt.propagation[i].flag | (s->opt.propagation[i].recursive ? MS_REC : 0ul), NULL);
    if (r == 0 && (s->opt.rec_set | s->opt.rec_clear) != 0)
        r = sys_mount_setattr(fd, AT_RECURSIVE, s->opt.rec_set, s->opt.rec_clear, 0, -1);
    if (r == 0 && s->opt.remount && s->opt.data.count > 0) {
        r = join_data(s, data);
        if (r == 0)
            r = sys_mount(NULL, sys_fd_path(fd, path), NULL, MS_REMOUNT | flags_of_mount(fd) | super_flags(s), data);
    }
    (void)close(fd);
    return r < 0 ? fail_mount(a, s, -r, "change the mount") : 0;
}

/* --- devices, links, the terminal --- */

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
        dir = target_without_links(a->root, "/dev");
        memcpy(name, base + 1, strlen(base + 1) + 1);
    } else {
        dir = sys_make_parent_in_root(a->root, s->target, name);
    }
    if (dir < 0)
        return launch_fail(a->fail, dir == -ELOOP || dir == -ENOTDIR ? CREEL_INVALID : CREEL_INTERNAL, -dir,
                           "open the directory of ", s->target, " inside the container's root", NULL);
    if (refuse_proc(a, s, dir) < 0)
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
    int target = r < 0 ? -1 : target_in_fresh(dir, name, false);
    if (r == 0 && target < 0)
        r = launch_fail(a->fail, CREEL_INTERNAL, -target, "device ", s->target, ": make the target", NULL);
    if (r == 0) {
        int e = sys_move_mount(source, target);
        if (e < 0)
            r = launch_fail(a->fail, CREEL_INTERNAL, -e, "device ", s->target, ": bind", NULL);
    }
    if (target >= 0)
        drop_target(a, s, target, false);
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

static int apply_device(struct mount_apply *a, const struct mount_step *s)
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
static int apply_link(struct mount_apply *a, const struct mount_step *s)
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

static int apply_console(struct mount_apply *a, struct mount_step *s)
{
    if (console_open(open_ptmx(a), a->process, &a->console, a->fail) < 0)
        return -1;
    int target = open_target(a, s, false);
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
    drop_target(a, s, target, false);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "bind the terminal on /dev/console", NULL) : 0;
}

/* --- covers and seals --- */

static bool is_missing(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static int apply_readonly(struct mount_apply *a, struct mount_step *s)
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
            r = old_attributes(tree, MOUNT_ATTR_RDONLY);
        drop(a, tree);
    } else if (tree == -ENOSYS) {
        char path[SYS_FD_PATH_MAX];
        (void)sys_fd_path(target, path);
        r = sys_mount(path, path, NULL, MS_BIND | MS_REC, NULL);
        int top = r < 0 ? r : sys_open_in_root(a->root, s->target, O_PATH);
        r = top < 0 ? top : old_attributes(top, MOUNT_ATTR_RDONLY);
        if (top >= 0)
            (void)close(top);
    }
    drop(a, target);
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
        return sys_mount("tmpfs", to, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_blocks=1,nr_inodes=1");
    return sys_mount(sys_fd_path(a->null, from), to, NULL, MS_BIND, NULL);
}

/* Only "it does not exist" is tolerated. */
static int apply_mask(struct mount_apply *a, struct mount_step *s)
{
    struct stat st;
    int target = sys_open_in_root(a->root, s->target, O_PATH);
    if (is_missing(target))
        return 0;
    if (target < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -target, "mask ", s->target, ": open it", NULL);
    if (fstat(target, &st) < 0) {
        int e = errno;
        drop(a, target);
        return launch_fail(a->fail, CREEL_INTERNAL, e, "mask ", s->target, ": look at it", NULL);
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if (!is_dir && open_null(a) < 0) {
        drop(a, target);
        return -1;
    }
    int tree = is_dir ? empty_tree(a) : sys_open_tree_clone(a->null, "", AT_EMPTY_PATH);
    int r = tree == -ENOSYS ? mask_old(a, target, is_dir) : tree < 0 ? tree : sys_move_mount(tree, target);
    if (tree != a->empty)
        drop(a, tree);
    drop(a, target);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "mask ", s->target, NULL) : 0;
}

static int apply_directory(struct mount_apply *a, const struct mount_step *s)
{
    int fd = sys_make_in_root(a->root, s->target, SYS_MAKE_DIR);
    if (fd < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -fd, "make working directory ", s->target, NULL);
    (void)close(fd);
    return 0;
}

static int apply_seal(struct mount_apply *a, const struct mount_step *s)
{
    int fd = s->base == MOUNT_ROOT ? a->root : a->plan->steps[s->base].fd;
    int r = set_attribute(fd, 0, MOUNT_ATTR_RDONLY);
    return r < 0 ? launch_fail(a->fail, CREEL_INTERNAL, -r, "make ", s->target, " read-only", NULL) : 0;
}

int mount_apply_step(struct mount_apply *a, struct mount_step *s)
{
    switch (s->kind) {
    case MOUNT_NEW:
        return apply_new(a, s);
    case MOUNT_BIND:
        return apply_bind(a, s);
    case MOUNT_REMOUNT:
        return apply_remount(a, s);
    case MOUNT_DEVICE:
        return apply_device(a, s);
    case MOUNT_LINK:
        return apply_link(a, s);
    case MOUNT_CONSOLE:
        return apply_console(a, s);
    case MOUNT_READONLY:
        return apply_readonly(a, s);
    case MOUNT_MASK:
        return apply_mask(a, s);
    case MOUNT_DIRECTORY:
        return apply_directory(a, s);
    case MOUNT_SEAL:
        return apply_seal(a, s);
    case MOUNT_CGROUP_ENTER:
    case MOUNT_HOOKS:
    case MOUNT_SETTINGS:
    case MOUNT_PIVOT:
        break;
    }
    abort(); /* the caller's kinds */
}

int mount_apply_proc(struct mount_apply *a, int *ret_owned)
{
    *ret_owned = -1;
    if (a->plan->proc >= 0 && a->plan->steps[a->plan->proc].fd >= 0)
        return a->plan->steps[a->plan->proc].fd;
    int fs = sys_fsopen("proc");
    int fd = fs;
    if (fs >= 0) {
        int r = sys_fsconfig_create(fs);
        fd = r < 0 ? r : sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        (void)close(fs);
    }
    if (fd < 0)
        return launch_fail(a->fail, CREEL_INTERNAL, -fd, "make a private procfs", NULL);
    *ret_owned = fd;
    return fd;
}
