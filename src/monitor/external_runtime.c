/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/external_runtime.h"

#include "base/clock.h"
#include "base/parse.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum {
    CALL_TIMEOUT_MS = 60000,
    WORDS_MAX = 16 * 1024,      /* of a runtime's messages */
};
#define LOG_NAME "oci.log"
#define CONSOLE_NAME "console.sock"

struct external_container {
    struct monitor *m;
    pid_t pid;
    int pidfd;
    unsigned execs;             /* for names of their files */
};

pid_t external_pid(const struct external_container *x)
{
    return x->pid;
}

int external_pidfd(const struct external_container *x)
{
    return x->pidfd;
}

void external_free(struct external_container *x)
{
    if (x == NULL)
        return;
    fd_closep(&x->pidfd);
    free(x);
}

/* --- what a runtime says --- */

/* The last line of `text` that says something, as a message: "msg" of a JSON log line, or the line itself. */
static void last_words(char *text, char *buf, size_t size)
{
    buf[0] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        json_t *o = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
        const char *msg = json_string_value(json_object_get(o, "msg"));
        const char *level = json_string_value(json_object_get(o, "level"));
        if (o == NULL)
            (void)snprintf(buf, size, "%s", line);
        else if (msg != NULL && (level == NULL || strcmp(level, "error") == 0 || strcmp(level, "fatal") == 0))
            (void)snprintf(buf, size, "%s", msg);
        json_decref(o);
    }
    for (char *p = buf; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

static void read_log(struct monitor *m, char *buf, size_t size)
{
    static const size_t max = WORDS_MAX;
    auto_free char *text = malloc(max + 1);
    size_t len = 0;
    struct stat st;
    auto_fd fd = openat(m->run_dir_fd, LOG_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    buf[0] = '\0';
    if (text == NULL || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    off_t from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
    if (lseek(fd, from, SEEK_SET) < 0 || sys_read_all(fd, text, max, &len) < 0)
        return;
    text[len] = '\0';
    last_words(text, buf, size);
}

/* What kind of failure the words mean, for the exit code that people expect. */
static enum creel_kind kind_of_words(const char *words)
{
    if (strstr(words, "executable file not found") != NULL || strstr(words, "no such file or directory") != NULL
        || strstr(words, "No such file or directory") != NULL)
        return CREEL_NO_COMMAND;
    if (strstr(words, "permission denied") != NULL || strstr(words, "Permission denied") != NULL
        || strstr(words, "is a directory") != NULL || strstr(words, "exec format error") != NULL)
        return CREEL_CANNOT_INVOKE;
    return CREEL_INTERNAL;
}

/* --- calling it --- */

struct call {
    struct monitor *m;
    struct strv argv;
    const int *stdio;   /* of the container; NULL: none, what is printed is caught */
    char words[1024];   /* the first of what was printed */
    size_t words_len;
};

static bool call_begin(struct call *c, struct monitor *m, const char *verb)
{
    *c = (struct call){ .m = m };
    bool ok = strv_add(&c->argv, m->launch.runtime);
    for (size_t i = 0; i < m->launch.runtime_args.count; i++)
        ok = ok && strv_add(&c->argv, m->launch.runtime_args.items[i]);
    if (m->launch.cgroup_manager == CGROUP_SYSTEMD)
        ok = ok && strv_add(&c->argv, "--systemd-cgroup");
    return ok && strv_add(&c->argv, "--root") && strv_addf(&c->argv, "%s/oci", m->launch.run_dir)
           && strv_add(&c->argv, "--log") && strv_addf(&c->argv, "%s/" LOG_NAME, m->launch.run_dir)
           && strv_add(&c->argv, "--log-format") && strv_add(&c->argv, "json") && strv_add(&c->argv, verb);
}

/* In the child: own process group, so that all of it can be killed; clean signals; the run directory as working
 * directory, so that socket names stay short. */
static void exec_runtime(const struct call *c, int null, int caught)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *env[] = { path, NULL };
    const int none[3] = { null, caught, caught };
    const int *from = c->stdio != NULL ? c->stdio : none;
    sigset_t set;
    sigemptyset(&set);
    if (setpgid(0, 0) < 0 || sigprocmask(SIG_SETMASK, &set, NULL) < 0 || fchdir(c->m->run_dir_fd) < 0)
        _exit(127);
    for (int i = 0; i < 3; i++) {
        if (from[i] == i ? fcntl(i, F_SETFD, 0) < 0 : dup2(from[i], i) < 0)
            _exit(127);
    }
    (void)execve(c->argv.items[0], strv_argv(&c->argv), env);
    static const char text[] = "cannot execute the runtime";
    if (write(2, text, sizeof text - 1) < 0)
        _exit(126);
    _exit(127);
}

/* Keep the first words, throw the rest away. Returns false at the end. */
static bool catch_words(struct call *c, int fd)
{
    char buf[4096];
    ssize_t n = read(fd, buf, sizeof buf);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    size_t room = sizeof c->words - 1 - c->words_len, take = (size_t)n < room ? (size_t)n : room;
    memcpy(c->words + c->words_len, buf, take);
    c->words_len += take;
    c->words[c->words_len] = '\0';
    return n > 0;
}

/* Until the process ends or the deadline passes. */
static bool wait_for_end(struct call *c, int pidfd, int caught)
{
    int64_t deadline = clock_mono_ns() + (int64_t)CALL_TIMEOUT_MS * 1000000;
    struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = caught, .events = POLLIN } };
    for (;;) {
        int64_t left = (deadline - clock_mono_ns()) / 1000000;
        if (left <= 0)
            return false;
        int n = poll(fds, 2, (int)left);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0 && (fds[1].revents & (POLLIN | POLLHUP)) && !catch_words(c, caught))
            fds[1].fd = -1;
        if (n > 0 && (fds[0].revents & POLLIN)) {
            while (fds[1].fd >= 0 && poll(&fds[1], 1, 0) > 0 && catch_words(c, caught))
                ;
            return true;
        }
    }
}

static int describe(struct call *c, const char *verb, int status, struct creel_err *err)
{
    char words[768];
    read_log(c->m, words, sizeof words);
    if (words[0] == '\0')
        last_words(c->words, words, sizeof words);
    if (words[0] == '\0')
        (void)snprintf(words, sizeof words, "it ended with status %d and said nothing", WEXITSTATUS(status));
    return creel_fail(err, kind_of_words(words), 0, "runtime %s, %s: %s", c->m->launch.runtime, verb, words);
}

static int call_run(struct call *c, const char *verb, struct creel_err *err)
{
    auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int p[2];
    if (null < 0 || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "call runtime %s", c->m->launch.runtime);
    auto_fd caught = p[0];
    auto_fd theirs = p[1];
    (void)unlinkat(c->m->run_dir_fd, LOG_NAME, 0);
    pid_t pid = fork();
    if (pid == 0)
        exec_runtime(c, null, theirs);
    fd_closep(&theirs);
    auto_fd pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pid < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "call runtime %s", c->m->launch.runtime);
    bool ended = pidfd >= 0 && wait_for_end(c, pidfd, caught);
    int status = 0;
    if (!ended)
        (void)kill(-pid, SIGKILL); /* not reaped yet: the group is still theirs */
    if (!ended)
        (void)kill(pid, SIGKILL);
    int r = sys_wait_child(pid, pidfd, &status);
    if (!ended)
        return creel_fail(err, CREEL_TIMEOUT, 0, "runtime %s, %s: no answer within %d s, killed",
                          c->m->launch.runtime, verb, CALL_TIMEOUT_MS / 1000);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "wait for runtime %s", c->m->launch.runtime);
    return status == 0 ? 0 : describe(c, verb, status, err);
}

/* --- root file system --- */

/* Lower directories for one option: relative to the layers' directory, colons escaped. */
static int lower_option(const struct launch *l, struct bytes *out, struct creel_err *err)
{
    for (size_t i = 0; i < l->lower.count; i++) {
        if (i > 0)
            bytes_addc(out, ':');
        for (const char *p = l->lower.items[i]; *p != '\0'; p++) {
            if (*p == ':' || *p == '\\')
                bytes_addc(out, '\\');
            bytes_addc(out, *p);
        }
    }
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

static int overlay_mount(const struct launch *l, int *ret, struct creel_err *err)
{
    auto_bytes lower = BYTES_INIT;
    auto_free char *upper = NULL, *work = NULL;
    if (lower_option(l, &lower, err) < 0)
        return -1;
    if (asprintf(&upper, "%s/upper", l->container_dir) < 0 || asprintf(&work, "%s/work", l->container_dir) < 0)
        return creel_fail_nomem(err);
    auto_fd fs = sys_fsopen("overlay");
    int r = fs < 0 ? fs : 0;
    if (r == 0 && l->layers_dir != NULL && chdir(l->layers_dir) < 0)
        r = -errno;
    if (r == 0)
        r = sys_fsconfig_string(fs, "lowerdir", bytes_str(&lower));
    if (r == 0)
        r = sys_fsconfig_string(fs, "upperdir", upper);
    if (r == 0)
        r = sys_fsconfig_string(fs, "workdir", work);
    if (r == 0)
        r = sys_fsconfig_create(fs);
    if (chdir("/") < 0 && r == 0)
        r = -errno;
    int mnt = r == 0 ? sys_fsmount(fs, 0) : r;
    if (mnt < 0) {
        char why[256] = "";
        if (fs >= 0)
            sys_fs_message(fs, why, sizeof why);
        return creel_fail(err, CREEL_INTERNAL, -mnt, "mount the layers of container %s%s%s", l->id,
                          why[0] ? ": " : "", why);
    }
    *ret = mnt;
    return 0;
}

/* In a mount namespace of our own: nothing of it is seen outside, and it goes when we and the container have gone. */
static int prepare_rootfs(struct monitor *m, struct creel_err *err)
{
    auto_fd mnt = -1;
    int r = sys_unshare(CLONE_NEWNS);
    if (r == 0)
        r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "enter a mount namespace for container %s", m->launch.id);
    if (m->launch.lower.count == 0)
        return 0;
    if (overlay_mount(&m->launch, &mnt, err) < 0)
        return -1;
    if (mkdirat(m->run_dir_fd, "rootfs", 0755) < 0 && errno != EEXIST)
        return creel_fail(err, CREEL_INTERNAL, errno, "make %s/rootfs", m->launch.run_dir);
    /* opened by path: what m->run_dir_fd refers to is the mount outside of our namespace */
    auto_fd dir = open(m->launch.run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd target = dir >= 0 ? openat(dir, "rootfs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    r = target < 0 ? -errno : sys_move_mount(mnt, target);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "put the layers on %s/rootfs", m->launch.run_dir);
    return 0;
}

/* --- console --- */

static int console_listen(struct monitor *m, struct creel_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/" CONSOLE_NAME, m->run_dir_fd);
    auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlinkat(m->run_dir_fd, CONSOLE_NAME, 0);
    mode_t old = umask(0177);
    int r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof addr);
    (void)umask(old);
    if (r < 0 || listen(fd, 1) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "listen on %s/" CONSOLE_NAME, m->launch.run_dir);
    return fd_take(&fd);
}

/* The runtime is done, so what it had to send is there. */
static int console_receive(struct monitor *m, int listener, int *ret, struct creel_err *err)
{
    char name[256];
    union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control = { 0 };
    struct iovec iov = { .iov_base = name, .iov_len = sizeof name };
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    auto_fd conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)unlinkat(m->run_dir_fd, CONSOLE_NAME, 0);
    const struct cmsghdr *c = NULL;
    if (conn >= 0 && recvmsg(conn, &msg, MSG_CMSG_CLOEXEC) >= 0)
        c = CMSG_FIRSTHDR(&msg);
    if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof(int)))
        return creel_fail(err, CREEL_INTERNAL, 0, "runtime %s did not send the terminal of container %s",
                          m->launch.runtime, m->launch.id);
    memcpy(ret, CMSG_DATA(c), sizeof *ret);
    return 0;
}

/* --- checking what it did --- */

/* The pid in the file, if that is a child of ours. */
static int take_child(struct monitor *m, const char *file, pid_t *ret_pid, int *ret_pidfd, struct creel_err *err)
{
    char text[32] = "", stat_path[64], stat_text[512] = "";
    size_t len = 0;
    uint64_t pid = 0;
    auto_fd fd = openat(m->run_dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0)
        (void)sys_read_all(fd, text, sizeof text - 1, &len);
    (void)unlinkat(m->run_dir_fd, file, 0);
    text[strcspn(text, "\n")] = '\0';
    if (!parse_u64(text, INT_MAX, &pid) || pid < 2)
        return creel_fail(err, CREEL_INTERNAL, 0, "runtime %s wrote no pid for container %s", m->launch.runtime,
                          m->launch.id);
    auto_fd pidfd = pidfd_open((pid_t)pid, 0);
    (void)snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", (int)pid);
    auto_fd stat_fd = open(stat_path, O_RDONLY | O_CLOEXEC);
    if (stat_fd >= 0)
        (void)sys_read_all(stat_fd, stat_text, sizeof stat_text - 1, &len);
    const char *after = strrchr(stat_text, ')');
    char state;
    int parent = 0;
    if (pidfd < 0 || after == NULL || sscanf(after + 1, " %c %d", &state, &parent) != 2 || parent != getpid())
        return creel_fail(err, CREEL_INTERNAL, 0,
                          "process %d, which runtime %s names for container %s, is not our child", (int)pid,
                          m->launch.runtime, m->launch.id);
    *ret_pid = (pid_t)pid;
    *ret_pidfd = fd_take(&pidfd);
    return 0;
}

/* --- verbs --- */

static int call_create(struct external_container *x, const int stdio[3], bool tty, struct creel_err *err)
{
    struct monitor *m = x->m;
    struct call c;
    bool ok = call_begin(&c, m, "create") && strv_add(&c.argv, "--bundle") && strv_add(&c.argv, m->launch.run_dir)
              && strv_add(&c.argv, "--pid-file") && strv_addf(&c.argv, "%s/init.pid", m->launch.run_dir)
              && (!tty || (strv_add(&c.argv, "--console-socket") && strv_add(&c.argv, CONSOLE_NAME)))
              && strv_add(&c.argv, m->launch.id);
    if (!tty)
        c.stdio = stdio;
    int r = ok ? call_run(&c, "create", err) : creel_fail_nomem(err);
    strv_fini(&c.argv);
    return r;
}

int external_create(struct monitor *m, const int stdio[3], bool tty, struct external_container **ret,
                    int *ret_console, struct creel_err *err)
{
    struct external_container *x = calloc(1, sizeof *x);
    if (x == NULL)
        return creel_fail_nomem(err);
    x->m = m;
    x->pidfd = -1;
    auto_fd listener = -1;
    int r = prepare_rootfs(m, err);
    if (r == 0 && tty)
        r = (listener = console_listen(m, err)) < 0 ? -1 : 0;
    if (r == 0) {
        r = call_create(x, stdio, tty, err);
        if (r == 0 && tty)
            r = console_receive(m, listener, ret_console, err);
        if (r == 0)
            r = take_child(m, "init.pid", &x->pid, &x->pidfd, err);
        if (r < 0)
            external_delete(x);
    }
    if (r < 0) {
        fd_closep(ret_console);
        external_free(x);
        return -1;
    }
    *ret = x;
    return 0;
}

int external_start(struct external_container *x, struct creel_err *err)
{
    struct call c;
    bool ok = call_begin(&c, x->m, "start") && strv_add(&c.argv, x->m->launch.id);
    int r = ok ? call_run(&c, "start", err) : creel_fail_nomem(err);
    strv_fini(&c.argv);
    return r;
}

void external_delete(struct external_container *x)
{
    struct call c;
    struct creel_err ignored = { 0 };
    if (call_begin(&c, x->m, "delete") && strv_add(&c.argv, "--force") && strv_add(&c.argv, x->m->launch.id))
        (void)call_run(&c, "delete", &ignored); /* what it leaves is found by the engine's check */
    strv_fini(&c.argv);
}

static int call_exec(struct external_container *x, const char *name, const int stdio[3], bool tty,
                     struct creel_err *err)
{
    struct monitor *m = x->m;
    struct call c;
    bool ok = call_begin(&c, m, "exec") && strv_add(&c.argv, "--detach") && strv_add(&c.argv, "--process")
              && strv_addf(&c.argv, "%s/%s.json", m->launch.run_dir, name) && strv_add(&c.argv, "--pid-file")
              && strv_addf(&c.argv, "%s/%s.pid", m->launch.run_dir, name)
              && (!tty || (strv_add(&c.argv, "--console-socket") && strv_add(&c.argv, CONSOLE_NAME)))
              && strv_add(&c.argv, m->launch.id);
    if (!tty)
        c.stdio = stdio;
    int r = ok ? call_run(&c, "exec", err) : creel_fail_nomem(err);
    strv_fini(&c.argv);
    return r;
}

int external_exec(struct external_container *x, const char *process_json, const int stdio[3],
                  bool tty, struct runtime_process *ret, struct creel_err *err)
{
    struct monitor *m = x->m;
    char name[32], file[48];
    (void)snprintf(name, sizeof name, "exec-%u", x->execs++);
    (void)snprintf(file, sizeof file, "%s.json", name);
    auto_fd fd = openat(m->run_dir_fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : sys_write_all(fd, process_json, strlen(process_json));
    fd_closep(&fd);
    auto_fd listener = -1;
    if (r < 0)
        r = creel_fail(err, creel_kind_of_errno(-r), -r, "write %s/%s", m->launch.run_dir, file);
    else if (tty)
        r = (listener = console_listen(m, err)) < 0 ? -1 : 0;
    if (r == 0)
        r = call_exec(x, name, stdio, tty, err);
    (void)unlinkat(m->run_dir_fd, file, 0);
    if (r == 0 && tty)
        r = console_receive(m, listener, &ret->console_master, err);
    (void)snprintf(file, sizeof file, "%s.pid", name);
    if (r == 0)
        r = take_child(m, file, &ret->pid, &ret->pidfd, err);
    if (r < 0)
        fd_closep(&ret->console_master);
    return r;
}
