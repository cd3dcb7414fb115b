/* SPDX-License-Identifier: Apache-2.0 */
/* bench/floor: the least a container can cost on this kernel: what Docker's default container asks of it and nothing
 * else. No configuration, no store, no log, no monitor, no clean-up on errors.
 *
 *   floor LOWER_DIR SCRATCH_DIR COMMAND [ARG...]
 *
 * New mount, pid, ipc, uts, net and cgroup namespaces; a control group in every hierarchy; an overlay; /proc, /dev with
 * its nodes, devpts, shm, mqueue, /sys, the cgroup mount; masked and read-only paths; pivot_root; execve. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(x)                                                                                                        \
    do {                                                                                                              \
        if ((x) < 0) {                                                                                                \
            perror(#x);                                                                                               \
            _exit(1);                                                                                                 \
        }                                                                                                             \
    } while (0)

static const char *const v1[] = { "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd" };
enum { V1 = sizeof v1 / sizeof *v1 };
static int tasks[V1], v2_fd = -1;
static char group[V1][128], v2_group[128];

static void make_groups(void)
{
    char path[256];
    int pid = getpid();
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        (void)mkdir("/sys/fs/cgroup/creel-floor", 0755);
        snprintf(v2_group, sizeof v2_group, "/sys/fs/cgroup/creel-floor/%d", pid);
        TRY(mkdir(v2_group, 0755));
        TRY(v2_fd = open(v2_group, O_PATH | O_DIRECTORY | O_CLOEXEC));
        return;
    }
    for (int i = 0; i < V1; i++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/creel-floor", v1[i]);
        tasks[i] = -1;
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            continue;
        if (strcmp(v1[i], "cpuset") == 0)
            for (int k = 0; k < 2; k++) { /* a fresh cpuset has neither cpus nor memory nodes */
                char value[256], file[300];
                const char *name = k == 0 ? "cpuset.cpus" : "cpuset.mems";
                snprintf(file, sizeof file, "/sys/fs/cgroup/cpuset/%s", name);
                int fd = open(file, O_RDONLY);
                ssize_t n = read(fd, value, sizeof value);
                close(fd);
                snprintf(file, sizeof file, "%s/%s", path, name);
                fd = open(file, O_WRONLY);
                TRY(write(fd, value, (size_t)n));
                close(fd);
            }
        snprintf(group[i], sizeof group[i], "%s/%d", path, pid);
        TRY(mkdir(group[i], 0755));
        if (strcmp(v1[i], "cpuset") == 0)
            for (int k = 0; k < 2; k++) {
                char value[256], file[300];
                const char *name = k == 0 ? "cpuset.cpus" : "cpuset.mems";
                snprintf(file, sizeof file, "%s/%s", path, name);
                int fd = open(file, O_RDONLY);
                ssize_t n = read(fd, value, sizeof value);
                close(fd);
                snprintf(file, sizeof file, "%s/%s", group[i], name);
                fd = open(file, O_WRONLY);
                TRY(write(fd, value, (size_t)n));
                close(fd);
            }
        snprintf(path, sizeof path, "%s/tasks", group[i]);
        TRY(tasks[i] = open(path, O_WRONLY | O_CLOEXEC));
    }
}

static void mount_special(const char *type, const char *target, unsigned long flags, const char *data)
{
    (void)mkdir(target, 0755);
    TRY(mount(type, target, type, flags, data));
}

static void child(const char *lower, const char *scratch, char **argv)
{
    char opts[4096];
    static const struct { const char *path; int minor; } nodes[] = { { "dev/null", 3 }, { "dev/zero", 5 }, { "dev/full", 7 },
        { "dev/random", 8 }, { "dev/urandom", 9 } };
    static const char *const masked_dirs[] = { "proc/acpi", "proc/scsi", "sys/firmware", "sys/devices/virtual/powercap" };
    static const char *const masked_files[] = { "proc/kcore", "proc/keys", "proc/timer_list", "proc/interrupts", "proc/latency_stats" };
    static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };
    for (int i = 0; i < V1 && v2_fd < 0; i++)
        if (tasks[i] >= 0)
            TRY(write(tasks[i], "0", 1));
    TRY(unshare(CLONE_NEWCGROUP));
    TRY(mount("", "/", NULL, MS_REC | MS_SLAVE, NULL));
    snprintf(opts, sizeof opts, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, scratch, scratch);
    snprintf(opts + 2048, 1024, "%s/root", scratch);
    TRY(mount("overlay", opts + 2048, "overlay", 0, opts));
    TRY(chdir(opts + 2048));
    mount_special("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_special("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    mount_special("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    mount_special("sysfs", "sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
    mount_special("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
    mount_special("mqueue", "dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        TRY(mknod(nodes[i].path, S_IFCHR | 0666, makedev(1, (unsigned)nodes[i].minor)));
    TRY(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)));
    TRY(symlink("/proc/self/fd", "dev/fd"));
    TRY(symlink("pts/ptmx", "dev/ptmx"));
    for (size_t i = 0; i < sizeof masked_dirs / sizeof *masked_dirs; i++)
        (void)mount("tmpfs", masked_dirs[i], "tmpfs", MS_RDONLY, "size=0k");
    for (size_t i = 0; i < sizeof masked_files / sizeof *masked_files; i++)
        (void)mount("dev/null", masked_files[i], NULL, MS_BIND, NULL);
    for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++)
        if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
            (void)mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    TRY(syscall(SYS_pivot_root, ".", "."));
    TRY(umount2(".", MNT_DETACH));
    TRY(chdir("/"));
    TRY(sethostname("floor", 5));
    execv(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    char dir[512], path[600];
    if (argc < 4) {
        fprintf(stderr, "usage: floor LOWER_DIR SCRATCH_DIR COMMAND [ARG...]\n");
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/%d", argv[2], (int)getpid());
    TRY(mkdir(dir, 0700));
    static const char *const sub[] = { "upper", "work", "root" };
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, sub[i]);
        TRY(mkdir(path, 0755));
    }
    make_groups();
    struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET,
                               .exit_signal = SIGCHLD };
    if (v2_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)v2_fd;
    }
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        child(argv[1], dir, argv + 3);
    int status = 0;
    if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
        return 1;
    for (int i = 0; i < V1 && v2_fd < 0; i++)
        if (tasks[i] >= 0)
            (void)rmdir(group[i]);
    if (v2_fd >= 0)
        (void)rmdir(v2_group);
    /* the files of a container that wrote nothing */
    snprintf(path, sizeof path, "%s/work/work", dir);
    (void)rmdir(path);
    static const char *const left[] = { "upper/proc", "upper/dev", "upper/sys", "upper", "work", "root", "" };
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, left[i]);
        (void)rmdir(path);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
