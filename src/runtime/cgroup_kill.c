/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_kill.c: freezing, signalling and removing groups, and waiting for each to have happened.
 *
 * Version 2 tells when something changes: cgroup.events polls with POLLPRI, cgroup.kill cannot be outrun by forks.
 * Version 1 tells nothing, so the processes themselves are waited for, by pidfd; only for what no process stands for
 * (a group that is still FREEZING, a removal that the kernel has not finished) there is a bounded, growing pause. On
 * hybrid hosts the containers made here are in the v2 hierarchy as well, which is then used for all of this. */
#include "runtime/cgroup_internal.h"

#include "base/clock.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    FREEZE_TIMEOUT_MS = 10000,
    KILL_TIMEOUT_MS = 10000,
    REMOVE_TIMEOUT_MS = 2000,
    DEPTH_MAX = 64,
    PIDS_MAX = 1 << 22,
    WAIT_BATCH = 512
};

static int64_t deadline_after(int ms) { return clock_mono_ns() + (int64_t)ms * 1000000; }

static int ms_until(int64_t deadline)
{
    int64_t left = (deadline - clock_mono_ns()) / 1000000;
    return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left + 1;
}

/* For the few places where the kernel gives no event (see the top): 0.1 ms, doubling up to 20 ms. */
static void pause_growing(unsigned round)
{
    long us = 100L << (round > 7 ? 7 : round);
    struct timespec t = { .tv_sec = 0, .tv_nsec = (us > 20000 ? 20000 : us) * 1000 };
    (void)nanosleep(&t, NULL);  /* a signal only shortens it */
}

/* ------------------------------------------------------------------ cgroup.events */

/* What cgroup.events says: "populated" or "frozen". -1 when it cannot be told. */
static int v2_event(const struct cgroup *c, const char *key)
{
    char text[256];
    uint64_t v;
    if (c->v2_events < 0)
        return -1;
    ssize_t n;
    do {
        n = pread(c->v2_events, text, sizeof text - 1, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ENODEV ? 0 : -1;    /* the group is gone */
    text[n] = '\0';
    return cgroup_value_parse(text, key, &v) ? v != 0 : -1;
}

/* Wait until the event has the value; 0, or -ETIMEDOUT. */
static int v2_wait(const struct cgroup *c, const char *key, int want, int64_t deadline)
{
    for (;;) {
        int now = v2_event(c, key);
        if (now == want)
            return 0;
        if (now < 0)
            return -EIO;
        struct pollfd p = { .fd = c->v2_events, .events = POLLPRI };
        int left = ms_until(deadline);
        if (clock_mono_ns() >= deadline)
            return -ETIMEDOUT;
        if (poll(&p, 1, left) < 0 && errno != EINTR)
            return -errno;
    }
}

static bool v2_in_use(const struct cgroup *c) { return v2_event(c, "populated") == 1; }

/* ------------------------------------------------------------------ freeze */

static bool v1_freezer(const struct cgroup *c, size_t *ret)
{
    *ret = cgroup_v1_find(c, "freezer");
    return *ret < c->layout.count && !c->nodes[*ret].absent;
}

int cgroup_is_frozen(struct cgroup *c)
{
    char text[32];
    size_t v1;
    int v2 = v2_event(c, "frozen");
    if (v2 == 1 || c->manager == CGROUP_DISABLED)
        return v2 == 1;
    if (v1_freezer(c, &v1)) {
        int n = cgroup_file_read(c, v1, "freezer.state", text, sizeof text);
        if (n == -ENOENT || n == -ENODEV)
            return 0;
        return n < 0 ? n : strcmp(text, "THAWED") != 0;
    }
    /* Version 2 without cgroup.freeze (before 5.2) cannot freeze. */
    return 0;
}

static int v1_freeze(struct cgroup *c, size_t h, bool frozen, int64_t deadline)
{
    char text[32];
    int r = cgroup_file_write(c, h, "freezer.state", frozen ? "FROZEN" : "THAWED");
    for (unsigned round = 0; r >= 0; round++) {
        r = cgroup_file_read(c, h, "freezer.state", text, sizeof text);
        if (r < 0 || strcmp(text, frozen ? "FROZEN" : "THAWED") == 0)
            return r < 0 ? r : 0;
        if (clock_mono_ns() >= deadline)
            return -ETIMEDOUT;
        /* FREEZING: some process is not there yet, or forked meanwhile; reading the file again is what makes the
         * kernel look, there is no event. Writing again reaches those that were missed. */
        pause_growing(round);
        r = cgroup_file_write(c, h, "freezer.state", frozen ? "FROZEN" : "THAWED");
    }
    return r;
}

static int freeze_v2(struct cgroup *c, bool frozen, int64_t deadline)
{
    int r = cgroup_file_write(c, c->v2, "cgroup.freeze", frozen ? "1" : "0");
    return r < 0 ? r : v2_wait(c, "frozen", frozen, deadline);
}

/* Thawing undoes either way of freezing; freezing uses v2 when the processes are in it (an external runtime on a
 * hybrid host may have put them into v1 only). */
int cgroup_freeze(struct cgroup *c, bool frozen, struct creel_err *err)
{
    int64_t deadline = deadline_after(FREEZE_TIMEOUT_MS);
    size_t v1;
    bool has_v1 = v1_freezer(c, &v1), has_v2 = c->v2_events >= 0;
    int r = -EOPNOTSUPP;
    if (frozen) {
        if (has_v2 && (!has_v1 || v2_in_use(c)))
            r = freeze_v2(c, true, deadline);
        if ((r == -EOPNOTSUPP || r == -ENOENT) && has_v1)
            r = v1_freeze(c, v1, true, deadline);
        if (r == -ETIMEDOUT) {
            (void)cgroup_freeze(c, false, NULL);    /* half-frozen is worse; the time-out is reported */
            return creel_fail(err, CREEL_TIMEOUT, 0, "cgroup %s: not every process could be frozen", c->path);
        }
    } else {
        if (has_v2)
            r = freeze_v2(c, false, deadline);
        if (has_v1) {
            int r1 = v1_freeze(c, v1, false, deadline);
            r = r1 < 0 || r == -EOPNOTSUPP || r == -ENOENT ? r1 : r;
        }
    }
    if (r == -EOPNOTSUPP || (r == -ENOENT && !frozen))
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "this host has no cgroup freezer");
    if (r < 0)
        return creel_fail(err, r == -ETIMEDOUT ? CREEL_TIMEOUT : creel_kind_of_errno(-r), -r, "%s cgroup %s",
                          frozen ? "freeze" : "thaw", c->path);
    return 0;
}

/* ------------------------------------------------------------------ processes */

struct pid_list { pid_t *items; size_t count, cap; };

static int pids_add(struct pid_list *l, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        uint64_t v = 0;
        for (; *p >= '0' && *p <= '9'; p++)
            v = v * 10 + (unsigned)(*p - '0');
        p += strcspn(p, "\n");
        p += *p == '\n';
        if (v == 0 || v > INT32_MAX)
            continue;   /* 0: a process outside our pid namespace, which we could not name anyway */
        if (l->count == l->cap) {
            size_t cap = l->cap == 0 ? 64 : l->cap * 2;
            pid_t *items = cap > PIDS_MAX ? NULL : reallocarray(l->items, cap, sizeof *items);
            if (items == NULL)
                return -ENOMEM;
            l->items = items;
            l->cap = cap;
        }
        l->items[l->count++] = (pid_t)v;
    }
    return 0;
}

/* The whole of a small or large file of the group at `dir`. */
static int file_take(int dir, const char *file, struct bytes *out)
{
    auto_fd fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    for (;;) {
        if (!bytes_reserve(out, 4096))
            return -ENOMEM;
        ssize_t n = read(fd, out->data + out->len, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}

/* Every process of the group at `dir` and of the groups below it. Takes `dir`. */
static int pids_collect(int dir_, unsigned depth, struct pid_list *l)
{
    auto_fd dir = dir_;
    auto_bytes text = BYTES_INIT;
    int r = file_take(dir, "cgroup.procs", &text);
    if (r == -EOPNOTSUPP)       /* a threaded group: its processes are listed above it */
        r = 0;
    if (r < 0)
        return r == -ENODEV || r == -ENOENT ? 0 : r;
    if ((r = pids_add(l, bytes_str(&text))) < 0)
        return r;
    auto_dir DIR *d = fdopendir(dir);
    if (d == NULL)
        return -errno;
    (void)fd_take(&dir);
    for (struct dirent *e; depth < DEPTH_MAX && (e = readdir(d)) != NULL;) {
        if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (sub >= 0 && (r = pids_collect(sub, depth + 1, l)) < 0)
            return r;
    }
    return 0;
}

/* The processes, from the first hierarchy that has any. */
static int pids_of(const struct cgroup *c, struct pid_list *l)
{
    for (size_t n = 0; n < c->layout.count && l->count == 0; n++) {
        size_t i = c->v2 == c->layout.count ? n : n == 0 ? c->v2 : n <= c->v2 ? n - 1 : n;
        if (c->nodes[i].absent)
            continue;
        int dir = cgroup_file_open(c, i, "", O_RDONLY | O_DIRECTORY);
        if (dir == -ENOENT)
            continue;
        int r = dir < 0 ? dir : pids_collect(dir, 0, l);
        if (r < 0)
            return r;
    }
    return 0;
}

int cgroup_pids(struct cgroup *c, pid_t **ret, size_t *ret_count, struct creel_err *err)
{
    struct pid_list l = { .items = NULL };
    int r = pids_of(c, &l);
    if (r < 0) {
        free(l.items);
        return creel_fail(err, creel_kind_of_errno(-r), -r, "list the processes of cgroup %s", c->path);
    }
    *ret = l.items;
    *ret_count = l.count;
    return 0;
}

/* ------------------------------------------------------------------ kill */

static bool listed(const struct pid_list *l, pid_t pid)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i] == pid)
            return true;
    return false;
}

/* Send the signal to every process of the group: pidfds first, then look again, so that a number which was given to
 * somebody else meanwhile is not hit. *ret_fds: pidfds of at most WAIT_BATCH of them, caller closes. */
static int signal_all(struct cgroup *c, int signo, int *ret_fds, size_t *ret_count)
{
    struct pid_list before = { .items = NULL }, after = { .items = NULL };
    int r = pids_of(c, &before);
    int *fds = r == 0 && before.count > 0 ? malloc(before.count * sizeof *fds) : NULL;
    if (r == 0 && before.count > 0 && fds == NULL)
        r = -ENOMEM;
    *ret_count = 0;
    for (size_t at = 0; r == 0 && at < before.count; at += WAIT_BATCH) {
        size_t n = before.count - at < WAIT_BATCH ? before.count - at : WAIT_BATCH;
        for (size_t i = 0; i < n; i++)
            fds[i] = sys_pidfd_open(before.items[at + i]);
        after.count = 0;
        r = pids_of(c, &after);
        for (size_t i = 0; i < n; i++) {
            if (fds[i] < 0)
                continue;
            if (r == 0 && listed(&after, before.items[at + i]))
                (void)sys_pidfd_send_signal(fds[i], signo);     /* -ESRCH: it ended by itself */
            if (at == 0 && ret_fds != NULL)
                ret_fds[(*ret_count)++] = fds[i];
            else
                (void)close(fds[i]);
        }
    }
    free(fds);
    free(before.items);
    free(after.items);
    return r;
}

/* Until these have ended. */
static int wait_all(int *fds, size_t count, int64_t deadline)
{
    int r = 0;
    for (size_t i = 0; i < count; i++) {
        struct pollfd p = { .fd = fds[i], .events = POLLIN };
        int n;
        do {
            n = poll(&p, 1, ms_until(deadline));
        } while (n < 0 && errno == EINTR);
        if (n == 0 && clock_mono_ns() >= deadline)
            r = -ETIMEDOUT;
        (void)close(fds[i]);
    }
    return r;
}

/* Version 1: freeze so that nobody forks away, signal, thaw, wait for the ends; again until the group is empty. */
static int v1_kill(struct cgroup *c, int64_t deadline)
{
    int fds[WAIT_BATCH];
    size_t count, h;
    bool freezer = v1_freezer(c, &h);
    for (;;) {
        struct pid_list l = { .items = NULL };
        int some = pids_of(c, &l);
        free(l.items);
        if (some < 0 || l.count == 0)
            return some;
        if (freezer)
            (void)v1_freeze(c, h, true, deadline_after(100));   /* a help only: forks are caught by the next round */
        int r = signal_all(c, SIGKILL, fds, &count);
        if (freezer)
            (void)v1_freeze(c, h, false, deadline);
        int waited = wait_all(fds, count, deadline);
        if (r < 0 || waited < 0)
            return r < 0 ? r : waited;
        if (count == 0 && clock_mono_ns() >= deadline)
            return -ETIMEDOUT;  /* listed, but no pidfd to be had */
    }
}

/* Whatever path we were given: not the group that we are in, nor one above it. */
static int refuse_own(const struct cgroup *c, const char *what, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    size_t n = strlen(c->path);
    if (c->layout.count == 0)
        return 0;
    int r = file_take(AT_FDCWD, "/proc/self/cgroup", &text);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "read /proc/self/cgroup");
    /* "4:memory:/path" */
    for (const char *p = bytes_str(&text), *end; *p != '\0'; p = *end == '\n' ? end + 1 : end) {
        end = strchrnul(p, '\n');
        const char *own = memchr(p, ':', (size_t)(end - p));
        own = own == NULL ? NULL : memchr(own + 1, ':', (size_t)(end - own - 1));
        if (own != NULL && (size_t)(end - own - 1) >= n && memcmp(own + 1, c->path, n) == 0 &&
            (own[1 + n] == '/' || own + 1 + n == end))
            return creel_fail(err, CREEL_CONFLICT, 0, "will not %s cgroup %s: this process is in it", what, c->path);
    }
    return 0;
}

int cgroup_kill(struct cgroup *c, int signo, struct creel_err *err)
{
    int64_t deadline = deadline_after(KILL_TIMEOUT_MS);
    int r = 0;
    if (refuse_own(c, "kill", err) < 0)
        return -1;
    if (signo != SIGKILL) {
        size_t count;
        r = signal_all(c, signo, NULL, &count);
        return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "signal the processes of cgroup %s", c->path) : 0;
    }
    cgroup_keeper_end(c);
    if (c->v2_events >= 0 && v2_in_use(c)) {
        size_t v1;
        int written = cgroup_file_write(c, c->v2, "cgroup.kill", "1");
        if (written == 0 && v1_freezer(c, &v1)) /* on a hybrid host: what is frozen there does not even die of that */
            (void)cgroup_file_write(c, v1, "freezer.state", "THAWED");
        if (written == 0)
            r = v2_wait(c, "populated", 0, deadline);
        /* else before 5.14: one by one, below */
    }
    if (r == 0)
        r = v1_kill(c, deadline);
    if (r == -ETIMEDOUT)
        return creel_fail(err, CREEL_TIMEOUT, 0, "cgroup %s: processes are left that do not react to SIGKILL",
                          c->path);
    return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "kill the processes of cgroup %s", c->path) : 0;
}

/* ------------------------------------------------------------------ remove */

static int children_remove(int dir_, unsigned depth)
{
    auto_fd dir = dir_;
    auto_dir DIR *d = fdopendir(dir);
    if (d == NULL)
        return -errno;
    (void)fd_take(&dir);
    int result = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            continue;
        int r = -errno;
        if (r == -EBUSY && depth < DEPTH_MAX) {
            int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            r = sub < 0 ? -errno : children_remove(sub, depth + 1);
            if (r == 0 && unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                r = -errno;
        }
        if (r < 0)
            result = r;
    }
    return result;
}

int cgroup_tree_remove(int mount, const char *path)
{
    if (unlinkat(mount, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY)
        return -errno;
    int dir = openat(mount, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = children_remove(dir, 0);
    if (r < 0 && r != -EBUSY)
        return r;
    return unlinkat(mount, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Somebody is in there still: wait for the ends of those that have begun to die. */
static int wait_empty(struct cgroup *c, size_t i, unsigned round, int64_t deadline)
{
    struct pid_list l = { .items = NULL };
    int fds[WAIT_BATCH], r = 0;
    size_t count = 0;
    if (i == c->v2 && c->v2_events >= 0 && v2_in_use(c))
        return v2_wait(c, "populated", 0, deadline);
    int dir = cgroup_file_open(c, i, "", O_RDONLY | O_DIRECTORY);
    r = dir == -ENOENT ? 0 : dir < 0 ? dir : pids_collect(dir, 0, &l);
    for (size_t k = 0; r == 0 && k < l.count && count < WAIT_BATCH; k++) {
        int fd = sys_pidfd_open(l.items[k]);
        if (fd >= 0)
            fds[count++] = fd;
    }
    free(l.items);
    if (count > 0)
        return wait_all(fds, count, deadline);
    if (r == 0)
        pause_growing(round);   /* nobody is listed: the last one's exit is not complete, and nothing will tell */
    return r;
}

bool cgroup_remove_empty(struct cgroup *c)
{
    if (c->unit != NULL)    /* systemd has to be told */
        return false;
    for (size_t i = 0; i < c->layout.count; i++) {
        if (unlinkat(c->nodes[i].mount, c->path + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
            return false;
        c->nodes[i].absent = true;
    }
    return true;
}

int cgroup_destroy(struct cgroup *c, struct creel_err *err)
{
    int64_t deadline = deadline_after(REMOVE_TIMEOUT_MS);
    if (refuse_own(c, "remove", err) < 0)
        return -1;
    cgroup_systemd_stop(c);
    for (size_t i = 0; i < c->layout.count; i++) {
        int r;
        for (unsigned round = 0; (r = cgroup_tree_remove(c->nodes[i].mount, c->path + 1)) == -EBUSY; round++) {
            if (clock_mono_ns() >= deadline)
                break;
            int w = wait_empty(c, i, round, deadline);
            if (w < 0 && w != -ETIMEDOUT)
                return creel_fail(err, creel_kind_of_errno(-w), -w, "empty cgroup %s%s", c->layout.items[i].mount,
                                  c->path);
        }
        if (r == -EBUSY)
            return creel_fail(err, CREEL_CONFLICT, 0, "cgroup %s%s still has processes", c->layout.items[i].mount,
                              c->path);
        if (r < 0)
            return creel_fail(err, creel_kind_of_errno(-r), -r, "remove cgroup %s%s", c->layout.items[i].mount,
                              c->path);
        c->nodes[i].absent = true;
    }
    return 0;
}

/* ------------------------------------------------------------------ list */

static int children_list(int mount, const char *path, struct strv *ret)
{
    auto_fd fd = openat(mount, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    auto_dir DIR *d = fdopendir(fd);
    if (d == NULL)
        return -errno;
    (void)fd_take(&fd);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_type == DT_DIR && e->d_name[0] != '.' && !strv_add(ret, e->d_name))
            return -ENOMEM;
    return 0;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Every hierarchy has most of the names: keep one of each. */
static void names_unique(struct strv *v)
{
    size_t kept = 0;
    if (v->count > 1)
        qsort(v->items, v->count, sizeof *v->items, by_name);
    for (size_t i = 0; i < v->count; i++) {
        if (kept > 0 && strcmp(v->items[kept - 1], v->items[i]) == 0)
            free(v->items[i]);
        else
            v->items[kept++] = v->items[i];
    }
    if (v->items != NULL)
        v->items[kept] = NULL;
    v->count = kept;
}

int cgroup_list_children(const char *parent, struct strv *ret, struct creel_err *err)
{
    struct cgroup_layout l;
    auto_free char *path = cgroup_path_clean(parent, err);
    if (path == NULL || cgroup_layout_load(NULL, &l, err) < 0)
        return -1;
    int r = 0;
    for (size_t i = 0; i < l.count && r == 0; i++) {
        auto_fd mount = open(l.items[i].mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = mount < 0 ? -errno : children_list(mount, path + 1, ret);
        if (r < 0)
            (void)creel_fail(err, creel_kind_of_errno(-r), -r, "list the groups in %s%s", l.items[i].mount, path);
    }
    cgroup_layout_fini(&l);
    names_unique(ret);
    return r < 0 ? -1 : 0;
}
