/* SPDX-License-Identifier: Apache-2.0 */
/* tests/system/runtime_probe.c: drives the runtime library from a bundle, for tests and measurements.
 *
 *   runtime_probe BUNDLE ID [-n TIMES] [-e EXECS] [-o LAYERS LOWER:LOWER… UPPER WORK] [-t] [-g] [-P] [-p PRESERVE] [-x COMMAND…]
 *
 * Reads BUNDLE/config.json, creates, starts, waits, destroys; with -n many times, and prints the mean time of each part.
 * -g does without control groups, -P without pivot_root.
 * -x runs COMMAND by runtime_exec in the running container first (the container is killed afterwards), -e that often.
 * Exit code: the container's, or 125 with the error on stderr (126, 127 by its kind). */
#include "base/bytes.h"
#include "base/clock.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct probe {
    const char *bundle, *id;
    int times, execs, preserve;
    bool overlay, terminal, no_groups, no_pivot;
    struct runtime_rootfs rootfs;
    const char *lower[128];
    char **command;
    struct oci_config *config;
    struct seccomp_program seccomp;
    int64_t create_ns, start_ns, wait_ns, destroy_ns, exec_ns;
};

static int fail(const struct creel_err *err, const char *what)
{
    fprintf(stderr, "runtime_probe: %s: %s\n", what, err->text);
    return err->kind == CREEL_NO_COMMAND ? 127 : err->kind == CREEL_CANNOT_INVOKE ? 126 : 125;
}

static int load_config(struct probe *p, struct creel_err *err)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/config.json", p->bundle);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    static char text[1 << 20];
    size_t len = 0;
    if (fd < 0 || sys_read_all(fd, text, sizeof text, &len) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read %s", path);
    (void)close(fd);
    return oci_config_parse(text, len, &p->config, err);
}

static int wait_status(pid_t pid, int pidfd)
{
    int status = 0;
    if (sys_wait_child(pid, pidfd, &status) < 0)
        return 255;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Copy what comes out of the terminal until it is hung up. */
static void drain(int master)
{
    char buf[4096];
    ssize_t n;
    while ((n = read(master, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            (void)!write(1, buf, (size_t)n);
    (void)close(master);
}

static int probe_exec(struct probe *p, struct runtime_container *c, struct creel_err *err)
{
    struct oci_process process = p->config->process;
    process.args = (struct strv)STRV_INIT;
    for (char **a = p->command; *a != NULL; a++)
        if (!strv_add(&process.args, *a))
            return creel_fail_nomem(err);
    process.terminal = p->terminal;
    const struct runtime_exec_params params = {
        .config = p->config, .process = &process, .init_pidfd = runtime_pidfd(c), .init_pid = runtime_pid(c),
        .id = p->id, .stdio = { 0, 1, 2 }, .cgroup_path = cgroup_path(runtime_cgroup(c)),
        .seccomp = p->seccomp.fprog.len > 0 ? &p->seccomp.fprog : NULL, .seccomp_flags = p->seccomp.flags,
        .cgroup_manager = p->no_groups ? CGROUP_DISABLED : CGROUP_AUTO,
    };
    int code = 0;
    for (int i = 0; i < p->execs && code == 0; i++) {
        struct runtime_process x;
        int64_t t = clock_mono_ns();
        if (runtime_exec(&params, &x, err) < 0) {
            strv_fini(&process.args);
            return -1;
        }
        p->exec_ns += clock_mono_ns() - t;
        if (x.console_master >= 0)
            drain(x.console_master);
        code = wait_status(x.pid, x.pidfd);
        (void)close(x.pidfd);
    }
    strv_fini(&process.args);
    return code;
}

static int probe_once(struct probe *p)
{
    struct creel_err err = { 0 };
    struct runtime_container *c = NULL;
    int bundle = open(p->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct runtime_params params = {
        .config = p->config, .id = p->id, .bundle_fd = bundle, .rootfs = p->overlay ? &p->rootfs : NULL,
        .stdio = { 0, 1, 2 }, .preserve_fds = p->preserve,
        .cgroup_manager = p->no_groups ? CGROUP_DISABLED : CGROUP_AUTO, .no_pivot = p->no_pivot,
        .seccomp = p->seccomp.fprog.len > 0 ? &p->seccomp.fprog : NULL, .seccomp_flags = p->seccomp.flags,
    };
    int64_t t0 = clock_mono_ns();
    int r = runtime_create(&params, &c, &err);
    int64_t t1 = clock_mono_ns();
    (void)close(bundle);
    if (r < 0)
        return fail(&err, "create");
    if (runtime_start(c, &err) < 0) {
        (void)runtime_destroy(c, NULL);
        runtime_free(c);
        return fail(&err, "start");
    }
    int64_t t2 = clock_mono_ns();
    int code = 0, master = runtime_console_master_take(c);
    if (p->command != NULL) {
        code = probe_exec(p, c, &err);
        if (code < 0)
            code = fail(&err, "exec");
    } else {
        if (master >= 0)
            drain(master);
        code = wait_status(runtime_pid(c), runtime_pidfd(c));
    }
    int64_t t3 = clock_mono_ns();
    if (runtime_destroy(c, &err) < 0)
        code = fail(&err, "destroy");
    int64_t t4 = clock_mono_ns();
    runtime_free(c);
    p->create_ns += t1 - t0;
    p->start_ns += t2 - t1;
    p->wait_ns += t3 - t2;
    p->destroy_ns += t4 - t3;
    return code;
}

static int parse(struct probe *p, int argc, char **argv)
{
    if (argc < 3)
        return -1;
    *p = (struct probe){ .bundle = argv[1], .id = argv[2], .times = 1, .execs = 1 };
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) {
            p->times = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "-e") == 0 && i + 1 < argc) {
            p->execs = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "-p") == 0 && i + 1 < argc) {
            p->preserve = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "-P") == 0) {
            p->no_pivot = true;
        } else if (strcmp(argv[i], "-g") == 0) {
            p->no_groups = true;
        } else if (strcmp(argv[i], "-t") == 0) {
            p->terminal = true;
        } else if (strcmp(argv[i], "-o") == 0 && i + 4 < argc) {
            p->overlay = true;
            p->rootfs.layers_fd = open(argv[i + 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
            p->rootfs.lower = p->lower;
            char *save = NULL;
            for (char *s = strtok_r(argv[i + 2], ":", &save); s != NULL && p->rootfs.lower_count < 128;
                 s = strtok_r(NULL, ":", &save))
                p->lower[p->rootfs.lower_count++] = s;
            p->rootfs.upper = argv[i + 3][0] != '\0' ? argv[i + 3] : NULL;
            p->rootfs.work = argv[i + 4][0] != '\0' ? argv[i + 4] : NULL;
            i += 4;
        } else if (strcmp(argv[i], "-x") == 0 && i + 1 < argc) {
            p->command = argv + i + 1;
            return 0;
        } else {
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct probe p;
    struct creel_err err = { 0 };
    int code = 0;
    if (parse(&p, argc, argv) < 0) {
        fputs("usage: runtime_probe BUNDLE ID [-n TIMES] [-e EXECS] [-o LAYERS LOWERS UPPER WORK] [-t] [-g] [-P] [-p N] "
              "[-x COMMAND…]\n", stderr);
        return 125;
    }
    if (load_config(&p, &err) < 0)
        return fail(&err, "configuration");
    if (p.config->linux_.seccomp.present && seccomp_program_build(&p.config->linux_.seccomp, -1, &p.seccomp, &err) < 0)
        return fail(&err, "seccomp");
    for (int i = 0; i < p.times && code == 0; i++)
        code = probe_once(&p);
    if (p.times > 1 || p.execs > 1)
        fprintf(stderr, "create %lld us, start %lld us, run %lld us, destroy %lld us, exec %lld us\n",
                (long long)(p.create_ns / p.times / 1000), (long long)(p.start_ns / p.times / 1000),
                (long long)(p.wait_ns / p.times / 1000), (long long)(p.destroy_ns / p.times / 1000),
                (long long)(p.exec_ns / p.execs / 1000));
    seccomp_program_fini(&p.seccomp);
    oci_config_free(p.config);
    return code;
}
