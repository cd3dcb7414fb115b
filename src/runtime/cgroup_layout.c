/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_layout.c: which cgroup hierarchy is mounted where, from the text of mountinfo.
 *
 * A line counts when its mount point is really reachable: nothing is mounted over it or over one of its parents. When
 * a hierarchy is mounted more than once, a mount of its root wins over a mount of a part of it, then the first. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

enum { MOUNTS_MAX = 100000, MOUNTINFO_MAX = 64 << 20 };

struct mount_line {
    uint64_t id, parent;
    const char *point, *root, *type, *super;    /* into the text; lengths below */
    size_t point_len, root_len, type_len, super_len;
};
struct mount_table { struct mount_line *items; size_t count; };

/* ------------------------------------------------------------------ lines */

/* The next blank-separated word of [*p, end). */
static bool word(const char **p, const char *end, const char **ret, size_t *len)
{
    while (*p < end && **p == ' ')
        (*p)++;
    *ret = *p;
    while (*p < end && **p != ' ')
        (*p)++;
    *len = (size_t)(*p - *ret);
    return *len > 0;
}

static bool number(const char *s, size_t len, uint64_t *ret)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (unsigned)(s[i] - '0'), &v))
            return false;
    *ret = v;
    return len > 0;
}

/* "36 35 98:0 /root /point options [tags…] - type source super-options" (proc_pid_mountinfo(5)) */
static bool line_parse(const char *p, const char *end, struct mount_line *m)
{
    const char *w;
    size_t n;
    if (!word(&p, end, &w, &n) || !number(w, n, &m->id) || !word(&p, end, &w, &n) || !number(w, n, &m->parent) ||
        !word(&p, end, &w, &n) || !word(&p, end, &m->root, &m->root_len) || !word(&p, end, &m->point, &m->point_len))
        return false;
    do {
        if (!word(&p, end, &w, &n))
            return false;
    } while (n != 1 || *w != '-');
    return word(&p, end, &m->type, &m->type_len) && word(&p, end, &w, &n) && word(&p, end, &m->super, &m->super_len);
}

static int table_parse(const char *text, struct mount_table *t, struct creel_err *err)
{
    size_t cap = 0;
    for (const char *p = text; *p != '\0';) {
        const char *end = strchrnul(p, '\n');
        if (t->count == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            void *items = cap > MOUNTS_MAX * 2 ? NULL : reallocarray(t->items, cap, sizeof *t->items);
            if (items == NULL)
                return creel_fail(err, CREEL_EXHAUSTED, 0, "mountinfo has more than %d lines", MOUNTS_MAX);
            t->items = items;
        }
        if (line_parse(p, end, &t->items[t->count]))
            t->count++;     /* a line that is not understood is not a cgroup mount */
        p = *end == '\n' ? end + 1 : end;
    }
    return 0;
}

/* ------------------------------------------------------------------ visibility */

static const struct mount_line *by_id(const struct mount_table *t, uint64_t id)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].id == id)
            return &t->items[i];
    return NULL;
}

/* `prefix` is `path` or a directory above it. */
static bool path_covers(const struct mount_line *prefix, const struct mount_line *path)
{
    if (prefix->point_len == 1)
        return true;
    return prefix->point_len <= path->point_len && memcmp(prefix->point, path->point, prefix->point_len) == 0
           && (prefix->point_len == path->point_len || path->point[prefix->point_len] == '/');
}

/* Walk up from `m`. At each mount A on the way, the next mount on the path to `m` must be the first that the kernel
 * would step into: another child of A on a shorter path, or one stacked on A itself, hides `m`. */
static bool visible(const struct mount_table *t, const struct mount_line *m)
{
    const struct mount_line *a = m, *below = NULL;
    for (size_t steps = 0; a != NULL && steps <= t->count; steps++) {
        for (size_t i = 0; i < t->count; i++) {
            const struct mount_line *y = &t->items[i];
            if (y == a || y == below || y->parent != a->id || !path_covers(y, m))
                continue;
            if (below == NULL || y->point_len < below->point_len)
                return false;
        }
        below = a;
        a = a->parent == a->id ? NULL : by_id(t, a->parent);
    }
    return true;
}

/* ------------------------------------------------------------------ hierarchies */

static bool known_controller(const char *s, size_t n)
{
    static const char *const names[] = {"cpu",  "cpuacct", "cpuset",   "memory",     "devices", "freezer", "blkio",
                                        "pids", "net_cls", "net_prio", "perf_event", "hugetlb", "rdma",    "misc"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0)
            return true;
    return n > 5 && memcmp(s, "name=", 5) == 0;
}

/* The controllers among the super options of a v1 mount, joined with commas. False when they do not fit. */
static bool controllers_parse(const struct mount_line *m, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (const char *p = m->super, *end = m->super + m->super_len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t n = (size_t)((comma != NULL ? comma : end) - p);
        if (known_controller(p, n)) {
            if (len + n + 2 > cap)
                return false;
            if (len > 0)
                out[len++] = ',';
            memcpy(out + len, p, n);
            len += n;
            out[len] = '\0';
        }
        p += n + 1;
    }
    return len > 0;
}

/* mountinfo writes blanks, tabs, line feeds and backslashes as \ooo. */
static char *point_decode(const struct mount_line *m)
{
    char *s = malloc(m->point_len + 1);
    size_t len = 0;
    for (size_t i = 0; s != NULL && i < m->point_len; i++) {
        const char *p = m->point + i;
        if (*p == '\\' && m->point_len - i >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            s[len++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            i += 3;
        } else {
            s[len++] = *p;
        }
    }
    if (s != NULL)
        s[len] = '\0';
    return s;
}

static int hierarchy_add(struct cgroup_layout *l, const struct mount_line *m, bool *from_root, struct creel_err *err)
{
    char controllers[sizeof l->items[0].controllers] = "";
    bool v2 = m->type_len == 7, is_root = m->root_len == 1;
    if (!v2 && !controllers_parse(m, controllers, sizeof controllers))
        return 0;
    size_t at = 0;
    while (at < l->count && (l->items[at].v2 != v2 || (!v2 && strcmp(l->items[at].controllers, controllers) != 0)))
        at++;
    if (at == ARRAY_LEN(l->items) || (at < l->count && (from_root[at] || !is_root)))
        return 0;
    char *mount = point_decode(m);
    if (mount == NULL)
        return creel_fail_nomem(err);
    if (at == l->count)
        l->count++;
    struct cgroup_hierarchy *h = &l->items[at];
    free(h->mount);
    *h = (struct cgroup_hierarchy){ .v2 = v2, .mount = mount };
    memcpy(h->controllers, controllers, sizeof controllers);
    from_root[at] = is_root;
    return 0;
}

int cgroup_layout_parse(const char *text, struct cgroup_layout *ret, struct creel_err *err)
{
    bool from_root[CGROUP_V1_MAX + 1] = { false }, v1 = false, v2 = false;
    struct mount_table t = { .items = NULL, .count = 0 };
    memset(ret, 0, sizeof *ret);
    int r = table_parse(text, &t, err);
    for (size_t i = 0; r == 0 && i < t.count; i++) {
        const struct mount_line *m = &t.items[i];
        bool is_v1 = m->type_len == 6 && memcmp(m->type, "cgroup", 6) == 0;
        bool is_v2 = m->type_len == 7 && memcmp(m->type, "cgroup2", 7) == 0;
        if ((is_v1 || is_v2) && visible(&t, m))
            r = hierarchy_add(ret, m, from_root, err);
    }
    free(t.items);
    for (size_t i = 0; i < ret->count; i++)
        *(ret->items[i].v2 ? &v2 : &v1) = true;
    ret->unified = v2 && !v1;
    ret->hybrid = v2 && v1;
    if (r < 0)
        cgroup_layout_fini(ret);
    return r;
}

/* ------------------------------------------------------------------ the host */

static int text_load(const char *path, char **ret, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s", path);
    for (;;) {
        if (text.len > MOUNTINFO_MAX || !bytes_reserve(&text, 16384))
            return creel_fail(err, CREEL_EXHAUSTED, 0, "%s is too large", path);
        ssize_t n = read(fd, text.data + text.len, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "read %s", path);
        if (n == 0)
            break;
        text.len += (size_t)n;
        text.data[text.len] = '\0';
    }
    *ret = bytes_take(&text);
    return 0;
}

/* Which controllers the v2 hierarchy has: blanks become commas. */
static int v2_controllers_load(struct cgroup_hierarchy *h, struct creel_err *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/cgroup.controllers", h->mount);
    if (n < 0 || (size_t)n >= sizeof path)
        return creel_fail(err, CREEL_INTERNAL, ENAMETOOLONG, "%s", h->mount);
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, h->controllers, sizeof h->controllers - 1);
    if (len < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read %s", path);
    while (len > 0 && h->controllers[len - 1] == '\n')
        len--;
    h->controllers[len] = '\0';
    for (char *p = h->controllers; *p != '\0'; p++)
        if (*p == ' ')
            *p = ',';
    return 0;
}

int cgroup_layout_load(const char *mountinfo, struct cgroup_layout *ret, struct creel_err *err)
{
    static const char usual[] = "/sys/fs/cgroup";
    if (mountinfo != NULL)
        return cgroup_layout_parse(mountinfo, ret, err);
    struct statfs fs;
    /* Where version 2 is in its usual place there is no need for mountinfo, which costs 0.1 ms and more on hosts with
     * many mounts. */
    if (statfs(usual, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
        memset(ret, 0, sizeof *ret);
        ret->items[0] = (struct cgroup_hierarchy){ .v2 = true, .mount = strdup(usual) };
        ret->count = 1;
        ret->unified = true;
        if (ret->items[0].mount == NULL)
            return creel_fail_nomem(err);
    } else {
        auto_free char *text = NULL;
        if (text_load("/proc/self/mountinfo", &text, err) < 0 || cgroup_layout_parse(text, ret, err) < 0)
            return creel_wrap(err, "looking for cgroups");
    }
    for (size_t i = 0; i < ret->count; i++)
        if (ret->items[i].v2 && v2_controllers_load(&ret->items[i], err) < 0) {
            cgroup_layout_fini(ret);
            return -1;
        }
    return 0;
}

int cgroup_counts_swap(void)
{
    /* The root of version 2 has no such file: any group below it does. */
    static const char *const groups[] = { "creel", "init.scope", "system.slice", "user.slice" };
    struct cgroup_layout l;
    int answer = -1;
    if (cgroup_layout_load(NULL, &l, NULL) < 0)
        return -1;
    const struct cgroup_hierarchy *h = cgroup_layout_find(&l, "memory");
    auto_fd mount = h != NULL ? open(h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (mount >= 0 && !h->v2)
        answer = faccessat(mount, "memory.memsw.limit_in_bytes", F_OK, 0) == 0;
    for (size_t i = 0; mount >= 0 && h->v2 && answer < 0 && i < ARRAY_LEN(groups); i++) {
        auto_fd group = openat(mount, groups[i], O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (group >= 0 && faccessat(group, "memory.max", F_OK, 0) == 0)
            answer = faccessat(group, "memory.swap.max", F_OK, 0) == 0;
    }
    cgroup_layout_fini(&l);
    return answer;
}

void cgroup_layout_fini(struct cgroup_layout *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i].mount);
    memset(l, 0, sizeof *l);
}

bool cgroup_list_has(const char *list, const char *word_)
{
    size_t n = strlen(word_);
    for (const char *p = list; *p != '\0';) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, word_, n) == 0)
            return true;
        p += len + (p[len] == ',');
    }
    return false;
}

const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *l, const char *controller)
{
    for (size_t i = 0; i < l->count; i++)
        if (cgroup_list_has(l->items[i].controllers, controller))
            return &l->items[i];
    return NULL;
}
