/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup.c: groups come into being, are opened, take processes.
 *
 *   I1  A group is made in every hierarchy of the host, so that tools which look at any of them agree.
 *   I2  A group that exists already is used only when it is empty and not frozen.
 *   I3  After a failed cgroup_create nothing is left that it made.
 *
 * Cost matters here (this is on the way of every start): one mkdir and one open per hierarchy, and files are read
 * only where a later step cannot fail cleanly without it. */
#include "runtime/cgroup_internal.h"

#include "runtime/systemd_name.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* ------------------------------------------------------------------ the object */

static struct cgroup *object_blank(struct creel_err *err)
{
    struct cgroup *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)creel_fail_nomem(err);
        return NULL;
    }
    c->v2_dir = c->v2_events = c->oom_fd = c->oom_aux = c->keeper_pidfd = -1;
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
        c->nodes[i].mount = -1;
    return c;
}

static int object_name(struct cgroup *c, const char *path, enum cgroup_manager manager, struct creel_err *err)
{
    c->manager = manager == CGROUP_AUTO ? CGROUP_FS : manager;
    if ((manager == CGROUP_SYSTEMD || manager == CGROUP_AUTO) && systemd_scope_named(path))
        return cgroup_systemd_path(path, &c->path, err);
    c->path = cgroup_path_clean(path, err);
    return c->path != NULL ? 0 : -1;
}

static struct cgroup *object_new(const char *path, enum cgroup_manager manager, struct creel_err *err)
{
    auto_cgroup c = object_blank(err);
    return c != NULL && object_name(c, path, manager, err) == 0 ? ptr_take(&c) : NULL;
}

static void close_files(struct cgroup *c)
{
    int fds[2 * CGROUP_HIERARCHIES + 2];
    size_t n = 0;
    for (size_t i = 0; i < CGROUP_HIERARCHIES; i++)
        fds[n++] = c->nodes[i].mount;
    for (size_t i = 0; i < c->task_count; i++)
        fds[n++] = c->tasks[i];
    fds[n++] = c->v2_dir;
    fds[n++] = c->v2_events;
    sys_close_all(fds, n);
}

void cgroup_free(struct cgroup *c)
{
    if (c == NULL)
        return;
    cgroup_keeper_end(c);
    cgroup_oom_close(c);
    close_files(c);
    cgroup_layout_fini(&c->layout);
    free(c->path);
    free(c->unit);
    free(c->pids_limit);
    free(c);
}

/* Open the mount of each hierarchy and make sure that it is what mountinfo said. */
static int mounts_open(struct cgroup *c, struct creel_err *err)
{
    if (cgroup_layout_load(NULL, &c->layout, err) < 0)
        return -1;
    if (c->layout.count == 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "no cgroup hierarchy is mounted on this host");
    c->v2 = c->layout.count;
    for (size_t i = 0; i < c->layout.count; i++) {
        const struct cgroup_hierarchy *h = &c->layout.items[i];
        struct statfs fs;
        if (h->v2)
            c->v2 = i;
        c->nodes[i].mount = open(h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (c->nodes[i].mount < 0 || fstatfs(c->nodes[i].mount, &fs) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "open cgroup hierarchy %s", h->mount);
        if (fs.f_type != (h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
            return creel_fail(err, CREEL_INTERNAL, 0, "%s is not a cgroup hierarchy", h->mount);
    }
    return 0;
}

/* ------------------------------------------------------------------ making directories */

static int small_read(int dir, const char *path, char *buf, size_t cap)
{
    auto_fd fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t n;
    do {
        n = read(fd, buf, cap - 1);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    while (n > 0 && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return (int)n;
}

static int small_write(int dir, const char *path, const char *value)
{
    auto_fd fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    size_t len = strlen(value);
    ssize_t n;
    do {
        n = write(fd, value, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

/* v1 cpusets begin empty, and an empty one takes no process: copy from the group above, which has been served first.
 * `path` has no leading slash. If it was just made, the kernel has filled in both files (clone_children) or none. -ENODATA: the
 * one above is empty, too. */
static int cpuset_inherit(int mount, const char *path, bool fresh)
{
    static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
    char own[4200], above[4200], value[8192];
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int n = snprintf(own, sizeof own, "%s/%s", path, files[i]);
        int m = snprintf(above, sizeof above, "%.*s%s%s", slash != NULL ? (int)(slash - path) : 0, path,
                         slash != NULL ? "/" : "", files[i]);
        if (n < 0 || (size_t)n >= sizeof own || m < 0 || (size_t)m >= sizeof above)
            return -ENAMETOOLONG;
        int r = small_read(mount, own, value, sizeof value);
        if (r > 0 && fresh)
            return 0;
        if (r > 0)
            continue;
        if (r == 0)
            r = small_read(mount, above, value, sizeof value);
        if (r > 0)
            r = small_write(mount, own, value);
        else if (r == 0)
            r = -ENODATA;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Others make groups, too, and leave their cpusets empty: serve all of them, from the top. */
static int cpuset_inherit_all(int mount, const char *path)
{
    char part[4096];
    const char *slash = path;
    while (slash != NULL) {
        slash = strchr(slash + 1, '/');
        int n = snprintf(part, sizeof part, "%.*s", slash != NULL ? (int)(slash - path) : (int)strlen(path), path);
        if (n < 0 || (size_t)n >= sizeof part)
            return -ENAMETOOLONG;
        int r = cpuset_inherit(mount, part, false);
        if (r < 0)
            return r == -ENODATA ? 0 : r;   /* nothing at the top either: entering says what is missing */
    }
    return 0;
}

/* Children of a group of ours take over its cpuset when they are made, which saves the copying above. */
static void cpuset_clone_children(int mount, const char *path)
{
    char file[4200];
    int n = snprintf(file, sizeof file, "%s/cgroup.clone_children", path);
    if (n > 0 && (size_t)n < sizeof file)
        (void)small_write(mount, file, "1");    /* a saving only */
}

/* mkdir of one group; 1 made, 0 was there, -errno. */
static int group_mkdir(const struct cgroup_hierarchy *h, int mount, const char *path, bool parent)
{
    if (mkdirat(mount, path, 0755) < 0)
        return errno == EEXIST ? 0 : -errno;
    if (!h->v2 && cgroup_list_has(h->controllers, "cpuset")) {
        int r = cpuset_inherit(mount, path, true);
        if (r == -ENODATA)
            r = cpuset_inherit_all(mount, path);
        if (r < 0) {
            (void)unlinkat(mount, path, AT_REMOVEDIR);
            return r;
        }
        if (parent)
            cpuset_clone_children(mount, path);
    }
    return 1;
}

/* The groups above. Returns how many were made, or -errno. */
static int parents_mkdir(const struct cgroup_hierarchy *h, int mount, const char *path)
{
    char part[4096];
    int made = 0;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - path);
        if (n >= sizeof part)
            return -ENAMETOOLONG;
        memcpy(part, path, n);
        part[n] = '\0';
        int r = group_mkdir(h, mount, part, true);
        if (r < 0)
            return r;
        made += r;
    }
    return made;
}

static int fail_threaded(const struct cgroup *c, size_t i, struct creel_err *err)
{
    return creel_fail(err, CREEL_CONFLICT, 0, "cgroup %s%s takes no process: it is threaded, or a group above it is",
                      c->layout.items[i].mount, c->path);
}

/* systemd's group has one process in it: the one we gave it. */
static bool only_keeper(const struct cgroup *c, const char *procs)
{
    uint64_t pid;
    return c->keeper > 0 && strchr(procs, '\n') == NULL && cgroup_value_parse(procs, NULL, &pid)
           && pid == (uint64_t)c->keeper;
}

static int node_make(struct cgroup *c, size_t i, struct creel_err *err)
{
    const struct cgroup_hierarchy *h = &c->layout.items[i];
    struct cgroup_node *node = &c->nodes[i];
    const char *path = c->path + 1;
    int r = -ENOENT;
    /* Somebody else's clean-up may take an empty parent away between the two steps; that is rare, so a few rounds do.
     */
    for (int round = 0; r == -ENOENT && round < 8; round++) {
        r = group_mkdir(h, node->mount, path, false);
        if (r == -ENOENT) {
            int parents = parents_mkdir(h, node->mount, path);
            if (parents < 0 && parents != -ENOENT)
                return creel_fail(err, creel_kind_of_errno(-parents), -parents, "make the groups above %s%s",
                                  h->mount, c->path);
            node->parents_made += parents > 0 ? (unsigned)parents : 0;
        }
    }
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "make cgroup %s%s", h->mount, c->path);
    node->made = r == 1;
    if (node->made)
        return 0;
    char text[16];
    int n = cgroup_file_read(c, i, "cgroup.procs", text, sizeof text);
    if (n == -EOPNOTSUPP)
        return fail_threaded(c, i, err);
    if (n < 0)
        return creel_fail(err, creel_kind_of_errno(-n), -n, "cgroup %s%s", h->mount, c->path);
    if (n > 0 && !only_keeper(c, text))
        return creel_fail(err, CREEL_CONFLICT, 0, "container's cgroup is not empty: %s%s has processes", h->mount,
                          c->path);
    return 0;
}

static void nodes_unmake(struct cgroup *c)
{
    char path[4096];
    for (size_t i = 0; i < c->layout.count; i++) {
        struct cgroup_node *node = &c->nodes[i];
        size_t n = strlen(c->path + 1);
        if (!node->made || n >= sizeof path)
            continue;
        memcpy(path, c->path + 1, n + 1);
        (void)unlinkat(node->mount, path, AT_REMOVEDIR);    /* nobody was let in yet */
        while (node->parents_made > 0) {
            char *slash = strrchr(path, '/');
            if (slash == NULL)
                break;
            *slash = '\0';
            (void)unlinkat(node->mount, path, AT_REMOVEDIR);    /* stays when somebody uses it by now */
            node->parents_made--;
        }
        node->made = false;
    }
}

/* ------------------------------------------------------------------ v2 controllers */

static bool words_have(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; *p != '\0';) {
        size_t len = strcspn(p, " \n");
        if (len == n && memcmp(p, word, n) == 0)
            return true;
        p += len + (p[len] != '\0');
    }
    return false;
}

/* "path/file" below the v2 mount ("" is the root). */
static int v2_read(const struct cgroup *c, const char *path, const char *file, char *buf, size_t cap, struct creel_err *err)
{
    char name[4200];
    int n = snprintf(name, sizeof name, "%s%s%s", path, path[0] != '\0' ? "/" : "", file);
    if (n < 0 || (size_t)n >= sizeof name)
        return creel_fail(err, CREEL_INVALID, ENAMETOOLONG, "cgroup %s", path);
    n = small_read(c->nodes[c->v2].mount, name, buf, cap);
    return n < 0 ? creel_fail(err, creel_kind_of_errno(-n), -n, "read %s/%s", c->layout.items[c->v2].mount, name) : 0;
}

/* "+a +b" of those in `have` that are not `on`. */
static void controllers_missing(const char *have, const char *on, char *out, size_t cap)
{
    size_t len = 0;
    char word[64];
    out[0] = '\0';
    for (const char *p = have; *p != '\0'; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (n > 0 && n < sizeof word && len + n + 3 < cap) {
            memcpy(word, p, n);
            word[n] = '\0';
            if (!words_have(on, word))
                len += (size_t)snprintf(out + len, cap - len, "%s+%s", len > 0 ? " " : "", word); /* it fits, see above */
        }
        p += n;
    }
}

/* Hand down to the children of `path` what it has itself. */
static int subtree_enable(const struct cgroup *c, const char *path, struct creel_err *err)
{
    char file[4200], have[512], on[512], text[1024];
    int mount = c->nodes[c->v2].mount;
    if (v2_read(c, path, "cgroup.subtree_control", on, sizeof on, err) < 0
        || v2_read(c, path, "cgroup.controllers", have, sizeof have, err) < 0)
        return -1;
    controllers_missing(have, on, text, sizeof text);
    if (text[0] == '\0')
        return 0;
    (void)snprintf(file, sizeof file, "%s%scgroup.subtree_control", path, path[0] != '\0' ? "/" : "");  /* was read */
    int r = small_write(mount, file, text);
    if (r == 0)
        return 0;
    if (r == -EBUSY)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "cgroup /%s cannot have groups with limits below it: it has processes itself", path);
    if (r == -EOPNOTSUPP)
        return creel_fail(err, CREEL_CONFLICT, 0,
                          "cgroup /%s cannot have groups with limits below it: it is threaded, or a group above it is", path);
    /* One controller may refuse where the others do not (cpu, while real-time processes run). A limit that needs the
     * missing one fails by name when it is written. */
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        (void)small_write(mount, file, word);
    return 0;
}

/* Controllers on, from the root down to the group's parent. When the parent has them all, so do those above it. */
static int controllers_enable(struct cgroup *c, struct creel_err *err)
{
    char parent[4096], on[512], all[512], missing[1024];
    const char *path = c->path + 1, *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    if (n >= sizeof parent)
        return creel_fail(err, CREEL_INVALID, ENAMETOOLONG, "cgroup %s", c->path);
    memcpy(parent, path, n);
    parent[n] = '\0';
    if (v2_read(c, "", "cgroup.controllers", all, sizeof all, err) < 0)
        return -1;
    if (v2_read(c, parent, "cgroup.subtree_control", on, sizeof on, NULL) == 0) {
        controllers_missing(all, on, missing, sizeof missing);
        if (missing[0] == '\0')
            return 0;
    }
    if (subtree_enable(c, "", err) < 0)
        return -1;
    for (size_t i = 0; i <= n && n > 0; i++)
        if (parent[i] == '/' || parent[i] == '\0') {
            char was = parent[i];
            parent[i] = '\0';
            if (subtree_enable(c, parent, err) < 0)
                return -1;
            parent[i] = was;
        }
    return 0;
}

static bool plan_uses(const struct cgroup_plan *p, size_t hierarchy)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->writes[i].hierarchy == hierarchy)
            return true;
    return false;
}

/* ------------------------------------------------------------------ create */

/* A child that is put into a frozen group never answers. */
static int refuse_frozen(struct cgroup *c, struct creel_err *err)
{
    switch (cgroup_is_frozen(c)) {
    case 0: return 0;
    case 1:
        return creel_fail(err, CREEL_CONFLICT, 0, "container's cgroup unexpectedly frozen: thaw %s, or the group above",
                          c->path);
    default: return creel_fail(err, CREEL_INTERNAL, 0, "cannot tell whether cgroup %s is frozen", c->path);
    }
}

static int handles_open(struct cgroup *c, struct creel_err *err)
{
    for (size_t i = 0; i < c->layout.count; i++) {
        const struct cgroup_hierarchy *h = &c->layout.items[i];
        int fd =
            h->v2 ? cgroup_file_open(c, i, "", O_RDONLY | O_DIRECTORY) : cgroup_file_open(c, i, "tasks", O_WRONLY);
        if (fd < 0)
            return creel_fail(err, creel_kind_of_errno(-fd), -fd, "open cgroup %s%s", h->mount, c->path);
        if (h->v2)
            c->v2_dir = fd;
        else
            c->tasks[c->task_count++] = fd;
        if (!h->v2)
            continue;
        c->v2_events = cgroup_file_open(c, i, "cgroup.events", O_RDONLY);
        if (c->v2_events < 0)
            return creel_fail(err, creel_kind_of_errno(-c->v2_events), -c->v2_events, "open %s%s/cgroup.events",
                              h->mount, c->path);
    }
    return 0;
}

static int create_steps(struct cgroup *c, const struct cgroup_plan *plan, const struct oci_resources *r,
                        struct creel_err *err)
{
    for (size_t i = 0; i < c->layout.count; i++)
        if (node_make(c, i, err) < 0)
            return -1;
    if (c->v2 < c->layout.count && (c->layout.unified || plan_uses(plan, c->v2)) && controllers_enable(c, err) < 0)
        return -1;
    if (handles_open(c, err) < 0 || refuse_frozen(c, err) < 0 || cgroup_plan_apply(c, plan, err) < 0)
        return -1;
    return r != NULL ? cgroup_device_apply(c, r, false, err) : 0;
}

int cgroup_begin(struct cgroup **ret, struct creel_err *err)
{
    auto_cgroup c = object_blank(err);
    if (c == NULL || mounts_open(c, err) < 0)
        return -1;
    *ret = ptr_take(&c);
    return 0;
}

int cgroup_create(const char *path, enum cgroup_manager manager, const struct oci_resources *r, struct cgroup **ret,
                  struct creel_err *err)
{
    const struct cgroup_request q = { .path = path, .manager = manager, .resources = r };
    return cgroup_make(NULL, &q, ret, err);
}

/* While the keeper is in the group it must not take the only place of a container that may have one process. */
static int leave_room(struct cgroup *c, struct cgroup_plan *plan, struct creel_err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct cgroup_write *w = &plan->writes[i];
        uint64_t limit;
        char *more = NULL;
        if (strcmp(w->file, "pids.max") != 0 || !cgroup_value_parse(w->value, NULL, &limit) || limit >= UINT32_MAX)
            continue;
        if (asprintf(&more, "%llu", (unsigned long long)limit + 1) < 0)
            return creel_fail_nomem(err);
        free(c->pids_limit);
        c->pids_limit = w->value;
        c->pids_hierarchy = w->hierarchy;
        w->value = more;
    }
    return 0;
}

int cgroup_settle(struct cgroup *c, struct creel_err *err)
{
    if (c->keeper <= 0)
        return 0;
    cgroup_keeper_end(c);
    int r = c->pids_limit != NULL ? cgroup_file_write(c, c->pids_hierarchy, "pids.max", c->pids_limit) : 0;
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "process limit: write %s to pids.max of cgroup %s",
                          c->pids_limit, c->path);
    return 0;
}

static int make_steps(struct cgroup *c, const struct cgroup_request *q, struct cgroup_plan *plan, struct creel_err *err)
{
    if (c->manager != CGROUP_SYSTEMD)
        return create_steps(c, plan, q->resources, err);
    return cgroup_systemd_start(c, q, err) < 0 || leave_room(c, plan, err) < 0 ? -1
                                                                              : create_steps(c, plan, q->resources, err);
}

/* systemd's way of counting is taken over before anything is planned. */
static int make_planned(struct cgroup *c, const struct cgroup_request *q, struct creel_err *err)
{
    struct cgroup_plan plan;
    struct cgroup_request rounded = *q;
    struct oci_resources resources;     /* borrows what q->resources owns */
    if (c->manager == CGROUP_SYSTEMD && q->resources != NULL) {
        resources = *q->resources;
        cgroup_quota_round(&resources);
        rounded.resources = &resources;
    }
    if (cgroup_plan_build(&c->layout, c->path, rounded.resources, &plan, err) < 0)
        return -1;
    int result = make_steps(c, &rounded, &plan, err);
    cgroup_plan_fini(&plan);
    if (result == 0)
        return 0;
    cgroup_keeper_end(c);
    cgroup_systemd_stop(c);
    nodes_unmake(c);
    return -1;
}

int cgroup_manager_check(enum cgroup_manager manager, struct creel_err *err)
{
    return manager == CGROUP_SYSTEMD ? cgroup_systemd_check(err) : 0;
}

/* What systemd would be asked for later is known to be wrong now. */
static int name_check(const struct cgroup_request *q, struct creel_err *err)
{
    bool scope = systemd_scope_named(q->path);
    if (q->manager == CGROUP_AUTO && scope)
        return creel_fail(err, CREEL_INVALID, 0, "cgroupsPath \"%.200s\" names a scope of systemd, which was not chosen to "
                          "make cgroups", q->path);
    if (q->manager != CGROUP_SYSTEMD || scope)
        return 0;   /* what looks like one is a name to cgroupfs */
    return creel_fail(err, CREEL_INVALID, 0, "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
                      "cgroups, got \"%.200s\" instead", q->path);
}

int cgroup_make(struct cgroup *begun, const struct cgroup_request *q, struct cgroup **ret, struct creel_err *err)
{
    auto_cgroup c = begun != NULL ? begun : object_blank(err);
    if (c == NULL || cgroup_manager_check(q->manager, err) < 0 || name_check(q, err) < 0
        || object_name(c, q->path, q->manager, err) < 0)
        return -1;
    if (q->manager == CGROUP_DISABLED) {
        *ret = ptr_take(&c);
        return 0;
    }
    if ((begun == NULL && mounts_open(c, err) < 0) || make_planned(c, q, err) < 0)
        return -1;
    *ret = ptr_take(&c);
    return 0;
}

/* ------------------------------------------------------------------ open, add */

int cgroup_open(const char *path, enum cgroup_manager manager, struct cgroup **ret, struct creel_err *err)
{
    auto_cgroup c = object_new(path, manager, err);
    if (c == NULL)
        return -1;
    if (manager == CGROUP_DISABLED) {
        *ret = ptr_take(&c);
        return 0;
    }
    if (manager == CGROUP_SYSTEMD || (manager == CGROUP_AUTO && systemd_scope_named(path)))
        c->unit = systemd_unit_of_group(c->path);
    if (mounts_open(c, err) < 0)
        return -1;
    size_t found = 0;
    for (size_t i = 0; i < c->layout.count; i++) {
        bool v2 = c->layout.items[i].v2;
        int fd = v2 ? cgroup_file_open(c, i, "", O_RDONLY | O_DIRECTORY) : cgroup_file_open(c, i, "tasks", O_WRONLY);
        c->nodes[i].absent = fd == -ENOENT;
        found += !c->nodes[i].absent;
        if (fd == -ENOENT || (!v2 && (fd == -EACCES || fd == -EROFS)))
            continue;       /* to look at without entering it needs no right to enter */
        if (fd < 0)
            return creel_fail(err, creel_kind_of_errno(-fd), -fd, "open cgroup %s%s", c->layout.items[i].mount,
                              c->path);
        if (v2) {
            c->v2_dir = fd;
            c->v2_events = cgroup_file_open(c, i, "cgroup.events", O_RDONLY);
        } else {
            c->tasks[c->task_count++] = fd;
        }
    }
    if (found == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "cgroup %s does not exist", c->path);
    *ret = ptr_take(&c);
    return 0;
}

const struct cgroup_layout *cgroup_layout_of(const struct cgroup *c) { return &c->layout; }

int cgroup_v2_fd(const struct cgroup *c) { return c->v2_dir; }

size_t cgroup_v1_task_fds(const struct cgroup *c, int *fds)
{
    for (size_t i = 0; i < c->task_count; i++)
        fds[i] = c->tasks[i];
    return c->task_count;
}

const char *cgroup_path(const struct cgroup *c) { return c->path; }

int cgroup_add(struct cgroup *c, pid_t pid, struct creel_err *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)pid);     /* 20 digits at most */
    for (size_t i = 0; i < c->layout.count; i++) {
        if (c->nodes[i].absent)
            continue;
        int r = cgroup_file_write(c, i, "cgroup.procs", text);
        if ((r == -EACCES || r == -EPERM) && c->unit != NULL)
            return cgroup_systemd_attach(c, pid, err);
        if (r == -ESRCH)
            return creel_fail(err, CREEL_NOT_FOUND, 0, "process %s is gone: it cannot be put into cgroup %s", text,
                              c->path);
        if (r == -EOPNOTSUPP)
            return fail_threaded(c, i, err);
        if (r == -EBUSY)
            return creel_fail(err, CREEL_CONFLICT, 0, "cgroup %s%s takes no process: it has handed controllers to groups "
                              "below it", c->layout.items[i].mount, c->path);
        if (r < 0)
            return creel_fail(err, creel_kind_of_errno(-r), -r, "put process %s into cgroup %s%s", text,
                              c->layout.items[i].mount, c->path);
    }
    return 0;
}
