/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/state.c: the directory of a container; see ociruntime/state.h. The text of `state` is state_text.c's. */
#include "ociruntime/state.h"

#include "base/bytes.h"
#include "base/parse.h"
#include "sys/identity.h"
#include "sys/process.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define STATE_FILE "state"
#define STATE_TEMP "state.new"
#define STATE_INIT_LINK "init"
#define STATE_GATE "gate"
enum { MAKE_TRIES = 100 };

const char *container_status_name(enum container_status s)
{
    static const char *const names[] = { [CONTAINER_CREATING] = "creating", [CONTAINER_CREATED] = "created",
                                         [CONTAINER_RUNNING] = "running", [CONTAINER_PAUSED] = "paused",
                                         [CONTAINER_STOPPED] = "stopped" };
    return names[s];
}

int state_id_check(const char *id, struct creel_err *err)
{
    if (id == NULL || id[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "container ID cannot be empty");
    bool ok = id[0] != '-' && strcmp(id, ".") != 0 && strcmp(id, "..") != 0 && strlen(id) <= NAME_MAX;
    for (const char *p = id; *p != '\0' && ok; p++)
        ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')
          || strchr("_+-.", *p) != NULL;
    return ok ? 0 : creel_fail(err, CREEL_INVALID, 0, "invalid container ID format");
}

void state_fini(struct state *s)
{
    fd_closep(&s->dir);
    free(s->id);
    free(s->bundle);
    free(s->rootfs);
    free(s->created);
    free(s->cgroup);
    free(s->config_text);
    *s = (struct state)STATE_INIT;
}

static char *path_of(const char *root, const char *id)
{
    struct bytes b = BYTES_INIT;
    bytes_addf(&b, "%s/%s", root, id);
    if (!bytes_ok(&b)) {
        bytes_fini(&b);
        return NULL;
    }
    return bytes_take(&b);
}

static int fail_missing(struct creel_err *err)
{
    return creel_fail(err, CREEL_NOT_FOUND, 0, "container does not exist");
}

/* --- opening --- */

static int begin(const char *id, struct state *s, struct creel_err *err)
{
    *s = (struct state)STATE_INIT;
    if (state_id_check(id, err) < 0)
        return -1;
    s->id = strdup(id);
    return s->id == NULL ? creel_fail_nomem(err) : 0;
}

static int open_dir(const char *path, struct state *s, struct creel_err *err)
{
    struct stat st;
    s->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (s->dir < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return fail_missing(err);
    if (s->dir < 0 || fstat(s->dir, &st) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open container state %s", path);
    /* Hooks and process of what is in there are run with our privileges. */
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return creel_fail(err, CREEL_DENIED, 0, "container state %s belongs to user %u", path, (unsigned)st.st_uid);
    s->owner = st.st_uid;
    return 0;
}

/* 0 locked; 1 somebody else has it (only without `wait`); -1. A directory that is gone by then is NOT_FOUND. */
static int lock_dir(struct state *s, bool wait, struct creel_err *err)
{
    struct stat st;
    int r;
    do {
        r = flock(s->dir, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EWOULDBLOCK)
        return 1;
    if (r < 0 || fstat(s->dir, &st) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "lock container %s", s->id);
    if (st.st_nlink == 0)
        return fail_missing(err);
    s->locked = true;
    return 0;
}

/* --- reading --- */

static int read_file(struct state *s, char **ret, size_t *ret_len, struct creel_err *err)
{
    struct stat st;
    auto_fd fd = openat(s->dir, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return fail_missing(err);
    if (fd < 0 || fstat(fd, &st) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the state of container %s", s->id);
    if (!S_ISREG(st.st_mode) || st.st_size > STATE_TEXT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the state of container %s is no file of a sensible size", s->id);
    auto_free char *text = malloc((size_t)st.st_size + 1);
    if (text == NULL)
        return creel_fail_nomem(err);
    int r = sys_read_all(fd, text, (size_t)st.st_size, ret_len);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "read the state of container %s", s->id);
    text[*ret_len] = '\0';
    *ret = ptr_take(&text);
    return 0;
}

/* "1234 567890" */
static int read_init(struct state *s, struct creel_err *err)
{
    char text[64];
    uint64_t pid, start;
    ssize_t n = readlinkat(s->dir, STATE_INIT_LINK, text, sizeof text - 1);
    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read the process of container %s", s->id);
    text[n] = '\0';
    char *blank = strchr(text, ' ');
    if (blank != NULL)
        *blank = '\0';
    if (blank == NULL || !parse_u64(text, INT_MAX, &pid) || pid == 0 || !parse_u64(blank + 1, UINT64_MAX, &start))
        return creel_fail(err, CREEL_INVALID, 0, "the record of container %s's process is damaged", s->id);
    s->pid = (pid_t)pid;
    s->pid_start = start;
    return 0;
}

/* A text that is missing or cut short is that of a `create` that was killed while it wrote, and so before it made anything. With a
 * process that lives it is another story: what belongs to it is not to be forgotten. */
static int judge_fragment(struct state *s, const struct creel_err *why, struct creel_err *err)
{
    auto_fd pidfd = -1;
    if (read_init(s, NULL) < 0 || state_init_pidfd(s, &pidfd, NULL) < 0 || pidfd < 0)
        return fail_missing(err);
    return creel_fail(err, CREEL_INVALID, 0, "%s; container %s is damaged, but its process %d lives: kill that first", why->text,
                      s->id, (int)s->pid);
}

static int read_all(struct state *s, struct creel_err *err)
{
    auto_free char *text = NULL;
    size_t len = 0;
    struct creel_err why = { 0 };
    if ((read_file(s, &text, &len, &why) < 0 && why.kind == CREEL_NOT_FOUND)
        || (why.kind == CREEL_OK && state_parse(text, len, s, &why) < 0 && why.kind == CREEL_INVALID))
        return judge_fragment(s, &why, err);
    return why.kind != CREEL_OK ? creel_fail_as(err, &why) : read_init(s, err);
}

int state_load(const char *root, const char *id, struct state *ret, struct creel_err *err)
{
    if (begin(id, ret, err) < 0)
        return -1;
    auto_free char *path = path_of(root, id);
    if (path == NULL)
        return creel_fail_nomem(err);
    return open_dir(path, ret, err) < 0 ? -1 : read_all(ret, err);
}

int state_load_locked(const char *root, const char *id, struct state *ret, struct creel_err *err)
{
    if (begin(id, ret, err) < 0)
        return -1;
    auto_free char *path = path_of(root, id);
    if (path == NULL)
        return creel_fail_nomem(err);
    return open_dir(path, ret, err) < 0 || lock_dir(ret, true, err) < 0 ? -1 : read_all(ret, err);
}

/* --- making --- */

static int make_root(const char *root, struct creel_err *err)
{
    auto_free char *path = strdup(root);
    if (path == NULL)
        return creel_fail_nomem(err);
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "make the directory %s", path);
        *p = '/';
    }
    if (mkdir(root, 0711) < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the directory %s", root);
    return 0;
}

/* `init` after `state`: a whole state that we hold the lock of, without a process, is that of a container in the making. */
static int clear_files(struct state *s, struct creel_err *err)
{
    static const char *const names[] = { STATE_GATE, STATE_FILE, STATE_INIT_LINK };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (unlinkat(s->dir, names[i], 0) < 0 && errno != ENOENT)
            return creel_fail(err, CREEL_INTERNAL, errno, "remove %s of container %s", names[i], s->id);
    return 0;
}

/* What only some containers have. */
static void clear_rest(struct state *s)
{
    (void)unlinkat(s->dir, STATE_TEMP, 0);
    (void)unlinkat(s->dir, "notify/notify.sock", 0);
    (void)unlinkat(s->dir, "notify", AT_REMOVEDIR);
}

static int fail_exists(struct creel_err *err)
{
    return creel_fail(err, CREEL_CONFLICT, 0, "container with given ID already exists");
}

/* 0 made or taken over; 1 it was removed meanwhile: again; -1. */
static int try_make(const char *root, const char *path, struct state *s, struct creel_err *err)
{
    struct creel_err why = { 0 };
    bool existed = false;
    int r = mkdir(path, 0700);
    if (r < 0 && errno == ENOENT) {
        if (make_root(root, err) < 0)
            return -1;
        r = mkdir(path, 0700);
    }
    if (r < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the directory %s", path);
    existed = r < 0;
    if (open_dir(path, s, &why) < 0 || (r = lock_dir(s, false, &why)) < 0) {
        if (!existed)
            (void)rmdir(path); /* nothing is in it */
        return why.kind == CREEL_NOT_FOUND ? 1 : creel_fail_as(err, &why);
    }
    if (r > 0)
        return fail_exists(err);
    if (!existed)
        return 0;
    struct state old = STATE_INIT;
    old.dir = s->dir;
    old.id = s->id;
    r = read_all(&old, &why);
    old.dir = -1;
    old.id = NULL;
    state_fini(&old);
    if (r == 0)
        return fail_exists(err);
    if (why.kind != CREEL_NOT_FOUND)
        return creel_fail_as(err, &why);
    clear_rest(s);
    return clear_files(s, err);
}

int state_make(const char *root, const char *id, struct state *ret, struct creel_err *err)
{
    if (begin(id, ret, err) < 0)
        return -1;
    auto_free char *path = path_of(root, id);
    if (path == NULL)
        return creel_fail_nomem(err);
    for (int i = 0; i < MAKE_TRIES; i++) {
        int r = try_make(root, path, ret, err);
        if (r <= 0)
            return r;
        fd_closep(&ret->dir);
    }
    return creel_fail(err, CREEL_CONFLICT, 0, "container %s is made and removed all the time", id);
}

int state_save(const struct state *s, bool first, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    if (state_print(s, &text, err) < 0)
        return -1;
    const char *name = first ? STATE_FILE : STATE_TEMP;
    auto_fd fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (first ? O_EXCL : O_TRUNC), 0600);
    if (fd < 0 && first && errno == EEXIST)
        return fail_exists(err);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "write the state of container %s", s->id);
    int r = sys_write_all(fd, text.data, text.len);
    if (r == 0 && !first && renameat(s->dir, STATE_TEMP, s->dir, STATE_FILE) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    if (!first)
        (void)unlinkat(s->dir, STATE_TEMP, 0); /* the error is reported; half of a state is no use, and takes room */
    return creel_fail(err, creel_kind_of_errno(-r), -r, "write the state of container %s", s->id);
}

int state_save_init(struct state *s, pid_t pid, uint64_t start, struct creel_err *err)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%d %llu", (int)pid, (unsigned long long)start); /* two numbers fit */
    if (symlinkat(text, s->dir, STATE_INIT_LINK) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "record the process of container %s", s->id);
    s->pid = pid;
    s->pid_start = start;
    return 0;
}

int state_make_gate(const struct state *s, struct creel_err *err)
{
    return gate_make(s->dir, STATE_GATE, err);
}

int state_start(const struct state *s, const struct runtime_parked *p, struct creel_err *err)
{
    return runtime_start_parked(p, s->dir, STATE_GATE, err);
}

bool state_has_notify(const struct state *s)
{
    return faccessat(s->dir, "notify", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void state_unlock(struct state *s)
{
    (void)flock(s->dir, LOCK_UN);
    s->locked = false;
}

int state_lock(struct state *s, struct creel_err *err)
{
    return lock_dir(s, true, err);
}

/* All that `state` tells of is gone by now; what is left in the directory says nothing without it. */
int state_remove(const char *root, struct state *s, struct creel_err *err)
{
    auto_free char *path = path_of(root, s->id);
    if (path == NULL)
        return creel_fail_nomem(err);
    if (clear_files(s, err) < 0)
        return -1;
    int r = rmdir(path);
    if (r < 0 && errno == ENOTEMPTY) {
        clear_rest(s);
        r = rmdir(path);
    }
    if (r < 0 && errno != ENOENT)
        return creel_fail(err, CREEL_INTERNAL, errno, "remove the directory %s", path);
    return 0;
}

/* --- asking the kernel --- */

int state_init_pidfd(const struct state *s, int *ret, struct creel_err *err)
{
    uint64_t start;
    *ret = -1;
    if (s->pid <= 0)
        return 0;
    auto_fd fd = sys_pidfd_open(s->pid);
    if (fd == -ESRCH || fd == -EINVAL)
        return 0;
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, -fd, "open process %d of container %s", (int)s->pid, s->id);
    /* Opened first, compared afterwards: it is this process that has the number until then. */
    if (sys_process_start(s->pid, &start) < 0 || start != s->pid_start || !sys_process_alive(s->pid, start))
        return 0;
    *ret = fd_take(&fd);
    return 0;
}

static int status_without_init(const struct state *s, enum container_status *ret)
{
    *ret = CONTAINER_STOPPED;
    if (s->locked)
        return 0;
    if (flock(s->dir, LOCK_SH | LOCK_NB) == 0)
        (void)flock(s->dir, LOCK_UN);
    else
        *ret = CONTAINER_CREATING;
    return 0;
}

int state_status(const struct state *s, enum container_status *ret, struct creel_err *err)
{
    auto_fd pidfd = -1;
    if (s->pid == 0)
        return status_without_init(s, ret);
    if (state_init_pidfd(s, &pidfd, err) < 0)
        return -1;
    *ret = CONTAINER_STOPPED;
    if (pidfd < 0)
        return 0;
    int gate = gate_is_open(s->dir, STATE_GATE);
    if (gate < 0)
        return creel_fail(err, CREEL_INTERNAL, -gate, "look at the gate of container %s", s->id);
    *ret = gate ? CONTAINER_CREATED : state_is_frozen(s) ? CONTAINER_PAUSED : CONTAINER_RUNNING;
    return 0;
}

bool state_is_frozen(const struct state *s)
{
    auto_cgroup group = NULL;
    struct creel_err ignored = { 0 };
    return state_cgroup(s, &group, &ignored) == 0 && group != NULL && cgroup_is_frozen(group) == 1;
}

int state_cgroup(const struct state *s, struct cgroup **ret, struct creel_err *err)
{
    *ret = NULL;
    if (s->manager == CGROUP_DISABLED)
        return 0;
    return cgroup_open(s->cgroup, s->manager, ret, err);
}

int state_config(const struct state *s, struct oci_config **ret, struct creel_err *err)
{
    return oci_config_parse(s->config_text, s->config_len, ret, err);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(const char *root, struct strv *ret, struct creel_err *err)
{
    auto_dir DIR *d = opendir(root);
    if (d == NULL && errno == ENOENT)
        return 0;
    if (d == NULL)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the directory %s", root);
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (e == NULL && errno != 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "read the directory %s", root);
        if (e == NULL)
            break;
        if (state_id_check(e->d_name, NULL) == 0 && !strv_add(ret, e->d_name))
            return creel_fail_nomem(err);
    }
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_ids);
    return 0;
}
