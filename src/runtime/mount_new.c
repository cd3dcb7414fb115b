/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_new.c: new file systems: made detached, or with mount(2) where that is not possible. */
#include "runtime/mount_apply_internal.h"

#include "runtime/mount_copyup.h"
#include "sys/mnt.h"
#include "sys/path.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MQUEUE_MAGIC 0x19800202

enum { FSCONFIG_STRING_MAX = 255 };

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

/* A user namespace may mount these only with a network or ipc namespace of its own, and sysfs only where nothing
 * covers the host's. The host's then takes their place: what the container can do there is what its ids allow, and
 * nothing in sysfs, whatever is mounted below it included, can be written. False: not one of these, or not there. */
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
        return launch_fail(a->fail, fs == -ENODEV ? CREEL_UNSUPPORTED : CREEL_INTERNAL, -fs, "mount ", s->type,
                           " on ", s->target, NULL);
    int r = a->mode == NULL ? 0 : configure(fs, a->mode);
    r = r < 0 ? fail_fs(a->fail, s, fs, -r, a->mode) : mount_apply_configure(s, fs, a->fail);
    if (r < 0 && a->fail->sys == EPERM && borrow_from_host(s))
        r = 0;
    (void)close(fs);
    return r;
}

unsigned long mount_new_super_flags(const struct mount_step *s)
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

int mount_new_data(const struct mount_step *s, char data[MOUNT_DATA_MAX + 1])
{
    size_t at = 0;
    for (size_t i = 0; i < s->opt.data.count; i++) {
        const char *item = s->opt.data.items[i];
        size_t n = strlen(item), key = strncmp(item, "context=", 8) == 0 ? 8 : 0; /* labels have commas: in quotes */
        if (at + n + 4 > MOUNT_DATA_MAX)
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
    char data[MOUNT_DATA_MAX + 1], path[SYS_FD_PATH_MAX];
    int r = mount_new_data(s, data);
    if (r == 0 && a->mode != NULL) {
        size_t at = strlen(data), n = strlen(a->mode);
        if (at + n + 2 > sizeof data)
            return mount_fail(a, s, E2BIG, "options");
        data[at] = ',';
        memcpy(data + at + (at > 0), a->mode, n + 1);
    }
    if (r == 0)
        r = sys_mount(s->source, sys_fd_path(target, path), s->type,
                      sys_mount_flags_of_attrs(s->opt.set) | mount_new_super_flags(s), data);
    if (r < 0)
        return mount_fail(a, s, -r, "mount");
    s->fd = mount_target_open_mounted(a, s);
    return s->fd < 0 ? mount_fail(a, s, -s->fd, "open what was mounted") : 0;
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
    return r < 0 ? mount_fail(a, s, -r, "set attributes") : 0;
}

/* A tmpfs that is given no mode has that of the directory below it, if that was there before us. "" otherwise. */
static int mode_of_covered(struct mount_apply *a, const struct mount_step *s, char text[16])
{
    struct stat st = { .st_mode = 0 };
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
        return mount_fail(a, s, -fd, "look at what it covers");
    int r = fstat(fd, &st) < 0 ? mount_fail(a, s, errno, "look at what it covers") : 0;
    (void)close(fd);
    memcpy(text, "mode=00000", 11);
    for (unsigned i = 0, m = st.st_mode & 07777; r == 0 && i < 4; i++, m >>= 3)
        text[9 - i] = (char)('0' + (m & 7));
    return r;
}

int mount_new_apply(struct mount_apply *a, struct mount_step *s)
{
    char mode[16] = "";
    if (s->fd < 0 && mode_of_covered(a, s, mode) < 0)
        return -1;
    int target = mount_target_open(a, s, true);
    if (target < 0)
        return -1;
    a->mode = mode[0] != '\0' ? mode : NULL;
    int r = make_new(a, s);
    if (r == 0 && s->opt.copy_up) {
        int e = mount_copyup(target, s->fd);
        if (e < 0)
            r = mount_fail(a, s, -e, "copy what was there into the tmpfs");
    }
    if (r == 0) {
        int e = sys_move_mount(s->fd, target);
        if (e < 0)
            r = mount_fail(a, s, -e, "attach");
    } else if (r == 1) {
        r = s->opt.copy_up ? launch_fail(a->fail, CREEL_UNSUPPORTED, ENOSYS, "mount on ", s->target,
                                         ": tmpcopyup needs Linux 5.2", NULL)
                           : mount_new_old(a, s, target);
    }
    mount_drop(a, target);
    return r == 0 ? finish_new(a, s) : r;
}
