/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/idmap.c: see runtime/idmap.h. */
#include "runtime/idmap.h"

#include "base/strv.h"
#include "sys/process.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

void idmap_print(const struct oci_id_map *maps, size_t count, struct bytes *out)
{
    for (size_t i = 0; i < count; i++)
        bytes_addf(out, "%u %u %u\n", maps[i].container_id, maps[i].host_id, maps[i].size);
}

bool idmap_has(const struct oci_id_map *maps, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
            return true;
    return false;
}

/* The directory of the process in a procfs that is one (P3). */
static int open_proc_dir(pid_t pid, struct creel_err *err)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
    auto_fd fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s", path);
    if (sys_fs_is(fd, PROC_SUPER_MAGIC) != 1)
        return creel_fail(err, CREEL_INTERNAL, 0, "%s is not on procfs", path);
    return fd_take(&fd);
}

/* Run newuidmap or newgidmap: set-user-id programs of the distribution, the only ones that may map other ids. */
static int run_mapper(const char *program, pid_t pid, const struct oci_id_map *maps, size_t count,
                      struct creel_err *err)
{
    auto_strv argv = STRV_INIT;
    bool ok = strv_add(&argv, program) && strv_addf(&argv, "%d", (int)pid);
    for (size_t i = 0; ok && i < count; i++)
        ok = strv_addf(&argv, "%u", maps[i].container_id) && strv_addf(&argv, "%u", maps[i].host_id)
             && strv_addf(&argv, "%u", maps[i].size);
    if (!ok)
        return creel_fail_nomem(err);
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *env[] = { path, NULL };
    pid_t child;
    int r = posix_spawnp(&child, program, NULL, NULL, strv_argv(&argv), env);
    if (r != 0)
        return creel_fail(err, CREEL_DENIED, r, "map ids: run %s", program);
    int status = 0;
    r = sys_wait_child(child, -1, &status);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "map ids: wait for %s", program);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return creel_fail(err, CREEL_DENIED, 0, "map ids: %s refused (see /etc/subuid and /etc/subgid)", program);
    return 0;
}

static int write_map(int proc, pid_t pid, const char *file, const char *mapper, const struct oci_id_map *maps,
                     size_t count, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    idmap_print(maps, count, &text);
    if (!bytes_ok(&text))
        return creel_fail_nomem(err);
    int r = sys_write_file(proc, file, text.data, text.len);
    if (r == -EPERM && strcmp(file, "gid_map") == 0 && count == 1 && maps[0].size == 1 && maps[0].host_id == getegid()) {
        /* An unprivileged process may map its own group once setgroups is given up. */
        if (sys_write_file(proc, "setgroups", "deny", 4) == 0)
            r = sys_write_file(proc, file, text.data, text.len);
    }
    if (r == -EPERM)
        return run_mapper(mapper, pid, maps, count, err);
    if (r < 0)
        return creel_fail(err, r == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -r, "map ids: write %s", file);
    return 0;
}

int idmap_write(pid_t pid, const struct oci_linux *l, struct creel_err *err)
{
    auto_fd proc = open_proc_dir(pid, err);
    if (proc < 0)
        return -1;
    if (write_map(proc, pid, "gid_map", "newgidmap", l->gid_maps, l->gid_map_count, err) < 0)
        return -1;
    return write_map(proc, pid, "uid_map", "newuidmap", l->uid_maps, l->uid_map_count, err);
}

int idmap_namespace_open(const struct oci_id_map *uids, size_t uid_count, const struct oci_id_map *gids,
                         size_t gid_count, struct creel_err *err)
{
    int pidfd = -1, hold[2];
    if (pipe2(hold, O_CLOEXEC) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a pipe");
    auto_fd hold_read = hold[0], hold_write = hold[1];
    pid_t pid = sys_clone(CLONE_NEWUSER, -1, &pidfd, NULL);
    if (pid == 0) {
        char c;
        (void)close(hold[1]);
        (void)!read(hold[0], &c, 1); /* until the parent is done, or gone */
        _exit(0);
    }
    auto_fd pidfd_owned = pidfd;
    if (pid < 0)
        return creel_fail(err, CREEL_INTERNAL, -pid, "make a user namespace for id-mapped mounts");
    struct oci_linux maps = { .uid_maps = (struct oci_id_map *)uids, .gid_maps = (struct oci_id_map *)gids,
                              .uid_map_count = uid_count, .gid_map_count = gid_count };
    int ns = -1;
    if (idmap_write(pid, &maps, err) == 0) {
        auto_fd proc = open_proc_dir(pid, err);
        if (proc >= 0 && (ns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC)) < 0)
            creel_fail(err, CREEL_INTERNAL, errno, "open the user namespace for id-mapped mounts");
    }
    fd_closep(&hold_write);
    int status;
    (void)sys_wait_child(pid, pidfd, &status);
    return ns;
}
