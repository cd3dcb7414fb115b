/* SPDX-License-Identifier: Apache-2.0 */
/* engine/open.c: an engine is a pair of directories; opening one finds or makes them, opens the store and lets it
 * recover.
 *
 * Every command comes through here, so an engine that exists costs a handful of system calls: the directories below
 * root are made only when there is no store yet, those below run_root only when run_root itself had to be made. They
 * are made before the store, so a killed first opener leaves the sign (no store.db) that makes the next one look
 * again.
 *
 * Both directories belong to the caller and nobody else may write there: all that is below them is trusted. */
#include "engine/engine.h"

#include "monitor/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

static const char *const root_dirs[] = { "containers", "layers", "blobs", "blobs/sha256", "exits", "cache",
                                         "cache/seccomp", "tmp", "trash" };
static const char *const base_dirs[] = { "base", "base/dev", "base/etc", "base/proc", "base/sys" };
static const char *const base_files[] = { "base/etc/hostname", "base/etc/hosts", "base/etc/resolv.conf" };

const char *creel_version(void)
{
    return CREEL_VERSION;
}

const char *creel_root(const struct creel *e)
{
    return e->root;
}

const char *creel_run_root(const struct creel *e)
{
    return e->run_root;
}

/* The caller's option, else the environment's, else the default. */
static const char *choose(const char *option, const char *variable, const char *otherwise)
{
    if (option != NULL)
        return option;
    const char *env = getenv(variable);
    return env != NULL && env[0] != '\0' ? env : otherwise;
}

/* Absolute, no empty, "." or ".." part, no slash at the end: such a path is taken as it is. */
static bool path_is_clean(const char *p)
{
    if (p[0] != '/' || p[1] == '\0')
        return false;
    for (; *p != '\0'; p += strcspn(p, "/")) {
        p++;
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
    }
    return true;
}

/* mkdir -p; the last part 0700, those above it as is usual. */
static int make_path(const char *path, struct creel_err *err)
{
    auto_free char *copy = strdup(path);
    if (copy == NULL)
        return creel_fail_nomem(err);
    for (char *p = strchr(copy + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST && errno != EROFS)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s", copy);
        *p = '/';
    }
    if (mkdir(copy, 0700) < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s", path);
    return 0;
}

static int check_owner(int fd, const char *path, struct creel_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "look at directory %s", path);
    if (st.st_uid != geteuid())
        return creel_fail(err, CREEL_DENIED, 0, "directory %s belongs to user %u, not to user %u who runs creel", path,
                          (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return creel_fail(err, CREEL_DENIED, 0,
                          "directory %s may be written by others (mode %04o); make sure of what is in it, then chmod "
                          "it to 0700",
                          path, (unsigned)(st.st_mode & 07777));
    return 0;
}

/* Open or make one of the two; *ret_path is absolute and clean. Returns 1 when it was made, 0, or -1. */
static int open_dir(const char *path, int *ret_fd, char **ret_path, struct creel_err *err)
{
    bool made = false;
    if (path[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "the engine's directory is an empty path");
    auto_fd fd = open(path, DIR_FLAGS);
    if (fd < 0 && errno == ENOENT) {
        if (make_path(path, err) < 0)
            return -1;
        made = true;
        fd = open(path, DIR_FLAGS);
    }
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open directory %s%s", path,
                          errno == EACCES && geteuid() != 0 ? " (creel has to run as root)" : "");
    if (check_owner(fd, path, err) < 0)
        return -1;
    *ret_path = path_is_clean(path) ? strdup(path) : realpath(path, NULL);
    if (*ret_path == NULL)
        return creel_fail(err, CREEL_INTERNAL, errno, "find the absolute path of %s", path);
    *ret_fd = fd_take(&fd);
    return made;
}

static int make_dirs(int fd, const char *path, const char *const *names, size_t count, struct creel_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (mkdirat(fd, names[i], 0700) < 0 && errno != EEXIST)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s/%s", path, names[i]);
    }
    return 0;
}

/* Names one level down are synced here; those in root itself when the store is made. */
static int sync_dir(int root_fd, const char *path, const char *name, struct creel_err *err)
{
    auto_fd fd = openat(root_fd, name, DIR_FLAGS | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "sync directory %s/%s", path, name);
    return 0;
}

/* The lowest layer under every image: the directories and empty files that mounts of every container go on. Below an
 * image it can hide nothing and follow no link of the image, and it spares each start their creation in the upper
 * layer. */
static int make_base(struct creel *e, struct creel_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(base_dirs); i++) {
        if ((mkdirat(e->root_fd, base_dirs[i], 0755) < 0 && errno != EEXIST)
            || fchmodat(e->root_fd, base_dirs[i], 0755, 0) < 0) /* whatever the umask */
            return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s/%s", e->root, base_dirs[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(base_files); i++) {
        auto_fd fd = openat(e->root_fd, base_files[i], O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "make file %s/%s", e->root, base_files[i]);
    }
    return sync_dir(e->root_fd, e->root, "base/etc", err) < 0 ? -1 : sync_dir(e->root_fd, e->root, "base", err);
}

int engine_root_make(struct creel *e, struct creel_err *err)
{
    if (make_dirs(e->root_fd, e->root, root_dirs, ARRAY_LEN(root_dirs), err) < 0
        || sync_dir(e->root_fd, e->root, "blobs", err) < 0 || sync_dir(e->root_fd, e->root, "cache", err) < 0)
        return -1;
    return make_base(e, err);
}

const char *engine_root_missing(struct creel *e)
{
    const struct { const char *const *names; size_t count; mode_t type; } parts[] = {
        { root_dirs, ARRAY_LEN(root_dirs), S_IFDIR },
        { base_dirs, ARRAY_LEN(base_dirs), S_IFDIR },
        { base_files, ARRAY_LEN(base_files), S_IFREG },
    };
    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            struct stat st;
            if (fstatat(e->root_fd, parts[p].names[i], &st, AT_SYMLINK_NOFOLLOW) < 0
                || (st.st_mode & S_IFMT) != parts[p].type)
                return parts[p].names[i];
        }
    }
    return NULL;
}

static int open_dirs(struct creel *e, const struct creel_options *o, struct creel_err *err)
{
    static const char *const run_dirs[] = { "containers" };
    if (open_dir(choose(o->root, "CREEL_ROOT", "/var/lib/creel"), &e->root_fd, &e->root, err) < 0)
        return -1;
    int made = open_dir(choose(o->run_root, "CREEL_RUN_ROOT", "/run/creel"), &e->run_fd, &e->run_root, err);
    if (made < 0 || (made > 0 && make_dirs(e->run_fd, e->run_root, run_dirs, ARRAY_LEN(run_dirs), err) < 0))
        return -1;
    if (faccessat(e->root_fd, "store.db", F_OK, 0) == 0)
        return 0;
    return engine_root_make(e, err);
}

/* Where creel-monitor and the other helpers are: beside the running program in a build tree, else installed. */
static int find_libexec(const char *option, char **ret, struct creel_err *err)
{
    const char *given = choose(option, "CREEL_LIBEXEC", NULL);
    if (given != NULL) {
        *ret = path_is_clean(given) ? strdup(given) : realpath(given, NULL);
        return *ret != NULL ? 0 : creel_fail(err, creel_kind_of_errno(errno), errno, "find helper directory %s", given);
    }
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "creel-monitor");
    char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (slash != NULL) {
        memcpy(slash + 1, "creel-monitor", sizeof "creel-monitor");
        if (access(path, X_OK) == 0)
            *slash = '\0';
        else
            slash = NULL;
    }
    *ret = strdup(slash != NULL ? path : CREEL_LIBEXEC_DIR);
    return *ret != NULL ? 0 : creel_fail_nomem(err);
}

static int parse_manager(const char *text, enum cgroup_manager *ret, struct creel_err *err)
{
    static const struct { const char *name; enum cgroup_manager value; } names[] = {
        { "auto", CGROUP_AUTO }, { "cgroupfs", CGROUP_FS }, { "systemd", CGROUP_SYSTEMD },
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text == NULL || strcmp(text, names[i].name) == 0) {
            *ret = names[i].value;
            return 0;
        }
    }
    return creel_fail(err, CREEL_INVALID, 0, "unknown cgroup manager \"%s\" (auto, cgroupfs or systemd)", text);
}

int creel_open(const struct creel_options *options, struct creel **ret, struct creel_err *err)
{
    struct creel_options o = { .size = sizeof o };
    if (options != NULL)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    struct creel *e = calloc(1, sizeof *e);
    if (e == NULL)
        return creel_fail_nomem(err);
    e->root_fd = e->run_fd = -1;
    if (parse_manager(o.cgroup_manager, &e->cgroup_manager, err) < 0 || open_dirs(e, &o, err) < 0
        || find_libexec(o.libexec, &e->libexec, err) < 0) {
        creel_close(e);
        return -1;
    }
    struct creel_err ignored = { 0 };
    if (o.will_start != 0)
        (void)monitor_spawn(e->libexec, &e->spare, &ignored); /* the start tries again, and tells why not */
    if (store_open(e->root_fd, e->root, &e->store, err) < 0 || engine_recover(e, err) < 0) {
        creel_close(e);
        return -1;
    }
    *ret = e;
    return 0;
}

void engine_await_leaving(struct creel *e)
{
    struct creel_err ignored = { 0 };
    if (e->leaving == NULL)
        return;
    (void)monitor_await_release(e->leaving, &ignored);
    monitor_link_close(ptr_take(&e->leaving));
}

void creel_close(struct creel *e)
{
    if (e == NULL)
        return;
    monitor_link_close(e->spare);
    store_close(e->store); /* meanwhile the monitor ends */
    engine_await_leaving(e);
    fd_closep(&e->root_fd);
    fd_closep(&e->run_fd);
    free(e->root);
    free(e->run_root);
    free(e->libexec);
    free(e);
}
