/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/resctrl.c: see runtime/resctrl.h. Making a group and writing its schemata happen under the lock that the kernel's
 * documentation of resctrl asks its users to take (flock on the top directory). */
#include "runtime/resctrl.h"

#include "base/bytes.h"
#include "sys/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define RESCTRL_MAGIC 0x7655821

enum { TEXT_MAX = 1 << 20 };

struct resctrl {
    const struct oci_linux *config;     /* borrowed for resctrl_create */
    char *root, *id;
    char *group;                        /* below root; "." for the root itself */
    bool own_group;                     /* named after the container */
    bool has_schemata, monitors;
    bool made_group, made_monitor;      /* by this object */
    int top;                            /* the root directory */
    int tasks[RESCTRL_TASKS_MAX];
    size_t task_count;
};

/* --- where it is --- */

static bool mount_of_resctrl(const char *line, size_t len, const char **ret_point, size_t *ret_len)
{
    static const char type[] = " - resctrl ";
    const char *p = line;
    if (memmem(line, len, type, sizeof type - 1) == NULL)
        return false;
    for (int field = 1; field < 5; field++) {
        p = memchr(p, ' ', len - (size_t)(p - line));
        if (p == NULL)
            return false;
        p++;
    }
    const char *end = memchr(p, ' ', len - (size_t)(p - line));
    *ret_point = p;
    *ret_len = end == NULL ? 0 : (size_t)(end - p);
    return end != NULL && *p == '/';
}

/* Blanks, tabs, line feeds and backslashes are written as \ooo. */
static char *unescape(const char *s, size_t len)
{
    char *out = malloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; out != NULL && i < len; i++)
        if (s[i] == '\\' && len - i >= 4 && s[i + 1] >= '0' && s[i + 1] <= '3' && s[i + 2] >= '0' && s[i + 2] <= '7'
            && s[i + 3] >= '0' && s[i + 3] <= '7') {
            out[n++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
            i += 3;
        } else {
            out[n++] = s[i];
        }
    if (out != NULL)
        out[n] = '\0';
    return out;
}

char *resctrl_find(const char *mountinfo)
{
    for (const char *p = mountinfo; *p != '\0';) {
        const char *end = strchrnul(p, '\n'), *point;
        size_t len;
        if (mount_of_resctrl(p, (size_t)(end - p), &point, &len))
            return unescape(point, len);
        p = *end == '\n' ? end + 1 : end;
    }
    return NULL;
}

/* A whole file of the kernel's; NULL when it cannot be read. */
static char *read_text(int dir, const char *path)
{
    auto_fd fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    auto_bytes text = BYTES_INIT;
    char block[4096];
    size_t got = 0;
    bytes_init_max(&text, TEXT_MAX);
    if (fd < 0)
        return NULL;
    do {
        int r = sys_read_all(fd, block, sizeof block, &got);
        if (r < 0) {
            errno = -r;
            return NULL;
        }
        bytes_add(&text, block, got);
    } while (got > 0 && bytes_ok(&text));
    return bytes_take(&text);
}

static int find_root(struct resctrl *r, const char *root, struct creel_err *err)
{
    if (root != NULL) {
        r->root = strdup(root);
    } else {
        auto_free char *mountinfo = read_text(AT_FDCWD, "/proc/self/mountinfo");
        if (mountinfo == NULL)
            return creel_fail(err, CREEL_INTERNAL, errno, "linux.intelRdt: read /proc/self/mountinfo");
        r->root = resctrl_find(mountinfo);
        if (r->root == NULL)
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "linux.intelRdt: no resctrl file system is mounted on this host");
    }
    if (r->root == NULL)
        return creel_fail_nomem(err);
    r->top = open(r->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->top < 0)
        return creel_fail(err, CREEL_UNSUPPORTED, errno, "linux.intelRdt: open %s", r->root);
    if (root == NULL && sys_fs_is(r->top, RESCTRL_MAGIC) != 1)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "linux.intelRdt: another file system is mounted over %s", r->root);
    return 0;
}

/* --- what is asked for --- */

static bool group_name_ok(const char *name)
{
    static const char *const taken[] = { "", ".", "..", "info", "mon_groups", "mon_data" };
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return false;
    return strlen(name) <= NAME_MAX && strpbrk(name, "/\n") == NULL;
}

static int check_lines(const struct oci_linux *l, struct creel_err *err)
{
    const char *mb = l->intel_rdt.mem_bw_schema;
    if (mb != NULL && mb[0] != '\0' && (strncmp(mb, "MB:", 3) != 0 || strchr(mb, '\n') != NULL))
        return creel_fail(err, CREEL_INVALID, 0, "linux.intelRdt.memBwSchema \"%.60s\" is not one line that begins with MB:",
                          mb);
    for (size_t i = 0; i < l->intel_rdt.schemata.count; i++) {
        const char *line = l->intel_rdt.schemata.items[i];
        if (strchr(line, '\n') != NULL || strchr(line, ':') == NULL)
            return creel_fail(err, CREEL_INVALID, 0,
                              "linux.intelRdt.schemata[%zu] \"%.60s\" is not one line of a resource and its values", i,
                              line);
    }
    return 0;
}

int resctrl_open(const struct oci_config *c, const char *id, const char *root, struct resctrl **ret,
                 struct creel_err *err)
{
    const struct oci_linux *l = &c->linux_;
    *ret = NULL;
    if (!l->intel_rdt.present)
        return 0;
    struct resctrl *r = calloc(1, sizeof *r);
    if (r == NULL)
        return creel_fail_nomem(err);
    r->config = l;
    r->top = -1;
    r->id = strdup(id);
    const char *clos = l->intel_rdt.clos_id;
    r->own_group = clos == NULL || clos[0] == '\0';
    r->group = strdup(r->own_group ? id : strcmp(clos, "/") == 0 ? "." : clos);
    r->has_schemata = (l->intel_rdt.l3_schema != NULL && l->intel_rdt.l3_schema[0] != '\0')
                      || (l->intel_rdt.mem_bw_schema != NULL && l->intel_rdt.mem_bw_schema[0] != '\0')
                      || l->intel_rdt.schemata.count > 0;
    /* Versions 1.1 and 1.2 had two words for it; there is no such thing as one without the other. */
    r->monitors = l->intel_rdt.enable_monitoring || l->intel_rdt.enable_cmt || l->intel_rdt.enable_mbm;
    int e = r->id == NULL || r->group == NULL ? creel_fail_nomem(err) : 0;
    if (e == 0 && strcmp(r->group, ".") != 0 && !group_name_ok(r->group))
        e = creel_fail(err, CREEL_INVALID, 0, "linux.intelRdt.closID \"%.60s\" is not the name of a group", r->group);
    if (e == 0 && r->monitors && !group_name_ok(r->id))
        e = creel_fail(err, CREEL_INVALID, 0, "linux.intelRdt: \"%.60s\" is not the name of a monitoring group", r->id);
    if (e < 0 || check_lines(l, err) < 0 || find_root(r, root, err) < 0) {
        resctrl_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

/* --- schemata --- */

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static size_t word_len(const char *p, const char *stop)
{
    size_t n = strcspn(p, stop);
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    return n;
}

static bool same_value(const char *a, size_t a_len, const char *b, size_t b_len)
{
    while (a_len > 1 && *a == '0')
        a++, a_len--;
    while (b_len > 1 && *b == '0')
        b++, b_len--;
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++)
        if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
            return false;
    return true;
}

/* The values of a resource ("0=ff;1=f", up to the line's end), or NULL. */
static const char *find_resource(const char *text, const char *name, size_t len)
{
    for (const char *p = text; *p != '\0';) {
        const char *line = skip_blanks(p);
        if (word_len(line, ":\n") == len && memcmp(line, name, len) == 0 && line[strcspn(line, ":\n")] == ':')
            return line + strcspn(line, ":\n") + 1;
        p = strchrnul(p, '\n');
        p += *p == '\n';
    }
    return NULL;
}

/* Whether the domain `id` has `value` among `values`. */
static bool has_domain(const char *values, const char *id, size_t id_len, const char *value, size_t value_len)
{
    for (const char *p = values; *p != '\0' && *p != '\n';) {
        p = skip_blanks(p);
        size_t n = word_len(p, "=;\n"), whole = strcspn(p, ";\n"), eq = strcspn(p, "=;\n");
        if (p[eq] == '=' && same_value(p, n, id, id_len)) {
            const char *v = skip_blanks(p + eq + 1);
            return same_value(v, word_len(v, ";\n"), value, value_len);
        }
        p += whole;
        p += *p == ';';
    }
    return false;
}

static bool line_matches(const char *line, const char *have)
{
    size_t n = word_len(line, ":\n");
    if (line[strcspn(line, ":\n")] != ':')
        return *line == '\n' || *line == '\0';
    const char *values = find_resource(have, line, n);
    if (values == NULL)
        return false;
    for (const char *p = line + strcspn(line, ":\n") + 1; *p != '\0' && *p != '\n';) {
        p = skip_blanks(p);
        size_t whole = strcspn(p, ";\n"), eq = strcspn(p, "=;\n");
        if (p[eq] == '=') {
            const char *v = skip_blanks(p + eq + 1);
            if (!has_domain(values, p, word_len(p, "=;\n"), v, word_len(v, ";\n")))
                return false;
        }
        p += whole;
        p += *p == ';';
    }
    return true;
}

bool resctrl_schemata_match(const char *wanted, const char *have)
{
    for (const char *p = wanted; *p != '\0';) {
        if (!line_matches(skip_blanks(p), have))
            return false;
        p = strchrnul(p, '\n');
        p += *p == '\n';
    }
    return true;
}

/* All lines in the order in which they are to be written; `each` returns -1 to stop. */
static int each_schema(struct resctrl *r, int (*each)(struct resctrl *, const char *, struct creel_err *),
                       struct creel_err *err)
{
    const struct oci_linux *l = r->config;
    const char *single[] = { l->intel_rdt.l3_schema, l->intel_rdt.mem_bw_schema };
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        if (single[i] != NULL && single[i][0] != '\0' && each(r, single[i], err) < 0)
            return -1;
    for (size_t i = 0; i < l->intel_rdt.schemata.count; i++)
        if (each(r, l->intel_rdt.schemata.items[i], err) < 0)
            return -1;
    return 0;
}

static int open_group_file(const struct resctrl *r, const char *name, int flags)
{
    char path[2 * NAME_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", r->group, name); /* group_name_ok: it fits */
    int fd = openat(r->top, path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int check_schema(struct resctrl *r, const char *line, struct creel_err *err)
{
    char path[NAME_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/schemata", r->group);
    auto_free char *have = read_text(r->top, path);
    if (have == NULL)
        return creel_fail(err, CREEL_INTERNAL, errno, "linux.intelRdt: read %s/%s", r->root, path);
    if (resctrl_schemata_match(line, have))
        return 0;
    return creel_fail(err, CREEL_CONFLICT, 0, "linux.intelRdt: group %s/%s is there, but its schemata are not %.100s",
                      r->root, r->group, line);
}

static int write_schema(struct resctrl *r, const char *line, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    bytes_addf(&text, "%s%s", line, line[strlen(line) - 1] == '\n' ? "" : "\n");
    if (!bytes_ok(&text))
        return creel_fail_nomem(err);
    auto_fd fd = open_group_file(r, "schemata", O_WRONLY);
    int e = fd < 0 ? fd : write(fd, text.data, text.len) == (ssize_t)text.len ? 0 : errno != 0 ? -errno : -EIO;
    if (e == 0)
        return 0;
    auto_free char *why = read_text(r->top, "info/last_cmd_status");
    size_t n = why == NULL ? 0 : strcspn(why, "\n");
    return creel_fail(err, e == -EINVAL ? CREEL_INVALID : CREEL_INTERNAL, -e, "linux.intelRdt: write %.100s to %s/%s/schemata"
                      "%s%.*s", line, r->root, r->group, n > 0 ? ": " : "", (int)n, n > 0 ? why : "");
}

/* --- groups --- */

static int make_group(struct resctrl *r, struct creel_err *err)
{
    struct stat st;
    if (strcmp(r->group, ".") == 0 || (!r->own_group && !r->has_schemata)) {
        if (fstatat(r->top, r->group, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            return 0;
        return creel_fail(err, CREEL_NOT_FOUND, 0, "linux.intelRdt: there is no group %s/%s, and no schema to make it with",
                          r->root, r->group);
    }
    r->made_group = mkdirat(r->top, r->group, 0755) == 0;
    if (r->made_group || (errno == EEXIST && !r->own_group))
        return 0;
    if (errno == EEXIST)
        return creel_fail(err, CREEL_CONFLICT, 0, "linux.intelRdt: group %s/%s is there already", r->root, r->group);
    return creel_fail(err, errno == ENOSPC ? CREEL_EXHAUSTED : CREEL_INTERNAL, errno, "linux.intelRdt: make group %s/%s",
                      r->root, r->group);
}

static void monitor_path(const struct resctrl *r, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/mon_groups/%s", r->group, r->id); /* group_name_ok: it fits */
}

static int make_monitor(struct resctrl *r, struct creel_err *err)
{
    char path[2 * NAME_MAX + 32];
    if (!r->monitors)
        return 0;
    monitor_path(r, path, sizeof path);
    r->made_monitor = mkdirat(r->top, path, 0755) == 0;
    if (r->made_monitor)
        return 0;
    return creel_fail(err, errno == ENOSPC ? CREEL_EXHAUSTED : errno == EEXIST ? CREEL_CONFLICT : CREEL_INTERNAL, errno,
                      "linux.intelRdt: make monitoring group %s/%s", r->root, path);
}

static int lock(struct resctrl *r, struct creel_err *err)
{
    int e;
    do
        e = flock(r->top, LOCK_EX);
    while (e < 0 && errno == EINTR);
    return e < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "linux.intelRdt: lock %s", r->root) : 0;
}

int resctrl_create(struct resctrl *r, struct creel_err *err)
{
    if (r == NULL)
        return 0;
    if (lock(r, err) < 0)
        return -1;
    int e = make_group(r, err);
    if (e == 0)
        e = each_schema(r, r->made_group ? write_schema : check_schema, err);
    if (e == 0)
        e = make_monitor(r, err);
    if (e < 0)
        resctrl_undo(r);
    (void)flock(r->top, LOCK_UN);
    return e;
}

int resctrl_update(struct resctrl *r, struct creel_err *err)
{
    if (r == NULL)
        return 0;
    if (strcmp(r->group, ".") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "linux.intelRdt: the root of resctrl is not the container's to change");
    if (lock(r, err) < 0)
        return -1;
    int e = each_schema(r, write_schema, err);
    (void)flock(r->top, LOCK_UN);
    return e;
}

static int open_tasks(struct resctrl *r, const char *name, struct creel_err *err)
{
    int fd = open_group_file(r, name, O_WRONLY);
    if (fd < 0)
        return creel_fail(err, CREEL_INTERNAL, -fd, "linux.intelRdt: open %s/%s/%s", r->root, r->group, name);
    r->tasks[r->task_count++] = fd;
    return 0;
}

int resctrl_tasks(struct resctrl *r, int fds[RESCTRL_TASKS_MAX], size_t *ret_count, struct creel_err *err)
{
    char monitor[NAME_MAX + 32];
    *ret_count = 0;
    if (r == NULL)
        return 0;
    (void)snprintf(monitor, sizeof monitor, "mon_groups/%s/tasks", r->id);
    /* A task has to be in the group before it can be in a monitoring group of that. */
    if (r->task_count == 0 && (open_tasks(r, "tasks", err) < 0 || (r->monitors && open_tasks(r, monitor, err) < 0)))
        return -1;
    memcpy(fds, r->tasks, r->task_count * sizeof *fds);
    *ret_count = r->task_count;
    return 0;
}

static int remove_directory(struct resctrl *r, const char *path, struct creel_err *err)
{
    if (unlinkat(r->top, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return creel_fail(err, CREEL_INTERNAL, errno, "linux.intelRdt: remove group %s/%s", r->root, path);
}

void resctrl_undo(struct resctrl *r)
{
    char path[2 * NAME_MAX + 32];
    if (r == NULL)
        return;
    monitor_path(r, path, sizeof path);
    if (r->made_monitor)
        (void)remove_directory(r, path, NULL);
    if (r->made_group)
        (void)remove_directory(r, r->group, NULL);
    r->made_monitor = r->made_group = false;
}

int resctrl_remove(struct resctrl *r, struct creel_err *err)
{
    char path[2 * NAME_MAX + 32];
    if (r == NULL)
        return 0;
    monitor_path(r, path, sizeof path);
    if (r->monitors && remove_directory(r, path, err) < 0)
        return -1;
    return r->own_group ? remove_directory(r, r->group, err) : 0;
}

void resctrl_free(struct resctrl *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->task_count; i++)
        fd_closep(&r->tasks[i]);
    fd_closep(&r->top);
    free(r->root);
    free(r->id);
    free(r->group);
    free(r);
}
