/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_plan.c: deciding what is mounted where. Pure: reads the configuration and nothing else.
 *
 * Order of the plan:
 *   P1  the configuration's mounts in their order, those of type cgroup behind one MOUNT_CGROUP_ENTER
 *   P2  device nodes, standard links, the terminal (not when /dev is the host's own)
 *   P3  MOUNT_CGROUP_ENTER if it was not needed earlier, MOUNT_HOOKS, MOUNT_SETTINGS
 *   P4  read-only paths before masks, so that a mask below a read-only path lies on top. Both before the pivot: the
 *       sources of masks are the host's, and targets are found through the root's descriptor anyway
 *   P5  what had to be writable until everything in it was made becomes read-only
 *   P6  MOUNT_PIVOT */
#include "runtime/mount_plan.h"

#include "base/path.h"
#include "sys/mnt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { MOUNT_STEPS_MAX = 65536, COVERS_COMPARED = 2000 };

/* Files of procfs that virtualised contents may cover; everything else at or below /proc would hide the real procfs
 * from label writes and masks (CVE-2019-16884, CVE-2015-3631). */
static const char *const proc_files[] = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/net/dev", "/proc/slabinfo",
    "/proc/stat", "/proc/swaps", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/ns_last_pid", "/proc/uptime",
};

static const struct { const char *path; unsigned major, minor; } default_devices[] = {
    { "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
    { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct { const char *path, *text; } default_links[] = {
    { "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" }, { "/dev/stdout", "/proc/self/fd/1" },
    { "/dev/stderr", "/proc/self/fd/2" }, { "/dev/core", "/proc/kcore" }, { "/dev/ptmx", "pts/ptmx" },
};

struct builder {
    const struct mount_plan_input *in;
    struct mount_plan *plan;
    bool in_cgroup;
    struct creel_err *err;
};

static int invalid(struct builder *b, const char *what, const char *target)
{
    return creel_fail(b->err, CREEL_INVALID, 0, "mount on %s: %s", target, what);
}

static struct mount_step *plan_add(struct builder *b, enum mount_kind kind, const char *target)
{
    struct mount_plan *p = b->plan;
    if (p->count == p->cap) {
        size_t cap = p->cap == 0 ? 48 : p->cap * 2;
        struct mount_step *steps = cap > MOUNT_STEPS_MAX ? NULL : realloc(p->steps, cap * sizeof *steps);
        if (steps == NULL) {
            creel_fail_nomem(b->err);
            return NULL;
        }
        p->steps = steps;
        p->cap = cap;
    }
    char *clean = NULL;
    if (target != NULL && (clean = path_clean(target)) == NULL) {
        creel_fail_nomem(b->err);
        return NULL;
    }
    struct mount_step *s = &p->steps[p->count++];
    *s = (struct mount_step){ .kind = kind, .target = clean, .base = MOUNT_ROOT, .fd = -1, .idmap = -1 };
    s->name = s->target;
    return s;
}

static int copy_string(char **to, const char *from, struct creel_err *err)
{
    *to = strdup(from);
    return *to == NULL ? creel_fail_nomem(err) : 0;
}

/* A target inside a tmpfs that an earlier step made (and nothing was put over) is reached from that mount: nothing in
 * it can be anybody else's, and the way is shorter. */
static void choose_base(struct mount_plan *p, struct mount_step *s)
{
    for (size_t i = (size_t)(s - p->steps); i-- > 0;) {
        const struct mount_step *o = &p->steps[i];
        if (o->kind != MOUNT_NEW && o->kind != MOUNT_BIND)
            continue;
        if (!path_is_within(s->target, o->target))
            continue;
        if (o->kind == MOUNT_NEW && strcmp(o->type, "tmpfs") == 0 && !o->opt.copy_up
            && strcmp(s->target, o->target) != 0) {
            size_t n = strlen(o->target);
            s->base = (int)i;
            s->name = s->target + (n == 1 ? 1 : n + 1);
        }
        return;
    }
}

/* --- the configuration's mounts --- */

static int check_proc_target(struct builder *b, struct mount_step *s)
{
    if (!path_is_within(s->target, "/proc"))
        return 0;
    if (strcmp(s->target, "/proc") == 0) {
        if (s->kind == MOUNT_NEW && strcmp(s->type, "proc") != 0)
            return invalid(b, "only procfs may be mounted here", s->target);
        return 0; /* a bind is looked at when its source is open */
    }
    for (size_t i = 0; i < ARRAY_LEN(proc_files); i++)
        if (strcmp(s->target, proc_files[i]) == 0) {
            s->proc_file = true;
            return s->kind == MOUNT_BIND ? 0 : invalid(b, "only a file may be bound here", s->target);
        }
    return invalid(b, "nothing may be mounted below /proc", s->target);
}

static int join_path(char **ret, const char *a, const char *b, struct creel_err *err)
{
    struct bytes out = BYTES_INIT;
    bytes_adds(&out, a);
    if (b[0] != '\0' && b[0] != '/')
        bytes_addc(&out, '/');
    bytes_adds(&out, strcmp(b, "/") == 0 ? "" : b);
    if (!bytes_ok(&out)) {
        bytes_fini(&out);
        return creel_fail_nomem(err);
    }
    *ret = bytes_take(&out);
    return 0;
}

static bool has_dotdot(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return true;
    return false;
}

/* The rest of a path of the host that names something in the container's root directory, or NULL. The comparison is of
 * texts: whoever writes such a path has taken it from the configuration. */
static const char *path_in_root(const struct builder *b, const char *path)
{
    const char *root = b->in->root;
    if (root == NULL || root[1] == '\0' || !path_is_within(path, root) || has_dotdot(path))
        return NULL;
    const char *rest = path + strlen(root);
    return *rest == '\0' ? "/" : rest;
}

static int add_bind(struct builder *b, const struct oci_mount *m, struct mount_step *s)
{
    if (m->source == NULL || m->source[0] == '\0')
        return invalid(b, "a bind needs a source", s->target);
    s->keeps_flags = b->in->keep_flags;
    s->locked_flags = b->in->bind_devices;
    if (m->source[0] != '/' && b->in->bundle == NULL)
        return creel_fail(b->err, CREEL_INVALID, 0, "mount on %s: source %s is not an absolute path", s->target,
                          m->source);
    int r = m->source[0] == '/' ? copy_string(&s->source, m->source, b->err)
                                : join_path(&s->source, b->in->bundle, m->source, b->err);
    if (r == 0)
        s->inside = path_in_root(b, s->source);
    return r;
}

static int enter_cgroup(struct builder *b)
{
    if (b->in_cgroup)
        return 0;
    b->in_cgroup = true;
    return plan_add(b, MOUNT_CGROUP_ENTER, NULL) == NULL ? -1 : 0;
}

static const char *last_component(const char *path)
{
    const char *p = strrchr(path, '/');
    return p == NULL ? path : p + 1;
}

/* Bind one hierarchy's directory: the container's group, or the whole tree where v2 is shown without a namespace. */
static int add_cgroup_bind(struct builder *b, const char *mount, const char *below, const char *target,
                           const struct mount_options *opt)
{
    struct mount_step *s = plan_add(b, MOUNT_BIND, target);
    if (s == NULL || join_path(&s->source, mount, below, b->err) < 0)
        return -1;
    if (path_is_within(s->target, "/proc") || strcmp(s->target, "/") == 0)
        return invalid(b, "not a place for cgroups", s->target);
    s->opt.set = opt->set;
    s->opt.bind = true;
    s->open_late = s->is_dir = true;
    choose_base(b->plan, s);
    return 0;
}

/* Names of controllers that share a hierarchy: cpu → cpu,cpuacct. */
static int add_cgroup_links(struct builder *b, const struct cgroup_hierarchy *h, const char *target)
{
    const char *dir = last_component(h->mount);
    if (strchr(dir, ',') == NULL)
        return 0;
    auto_strv names = STRV_INIT;
    if (!strv_split(&names, h->controllers, ','))
        return creel_fail_nomem(b->err);
    for (size_t i = 0; i < names.count; i++) {
        auto_free char *path = NULL;
        if (join_path(&path, target, names.items[i], b->err) < 0)
            return -1;
        struct mount_step *s = plan_add(b, MOUNT_LINK, path);
        if (s == NULL || copy_string(&s->source, dir, b->err) < 0)
            return -1;
        choose_base(b->plan, s);
    }
    return 0;
}

/* Not for those of which the kernel has labels of its own for each file. */
static int add_label(struct builder *b, const char *type, struct mount_options *o)
{
    if (b->in->mount_label == NULL || strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 || strcmp(type, "mqueue") == 0)
        return 0;
    return strv_addf(&o->data, "context=%s", b->in->mount_label) ? 0 : creel_fail_nomem(b->err);
}

static int add_cgroup_v1(struct builder *b, const char *target, const struct mount_options *opt)
{
    struct mount_step *top = plan_add(b, MOUNT_NEW, target);
    if (top == NULL || copy_string(&top->type, "tmpfs", b->err) < 0 || copy_string(&top->source, "cgroup", b->err) < 0
        || !strv_add(&top->opt.data, "mode=755") || add_label(b, "tmpfs", &top->opt) < 0)
        return -1;
    if (path_is_within(top->target, "/proc") || strcmp(top->target, "/") == 0)
        return invalid(b, "not a place for cgroups", top->target);
    top->opt.set = opt->set | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    choose_base(b->plan, top);
    const struct cgroup_layout *l = b->in->layout;
    for (size_t i = 0; i < l->count; i++) {
        auto_free char *path = NULL;
        const struct cgroup_hierarchy *h = &l->items[i];
        if (join_path(&path, target, last_component(h->mount), b->err) < 0
            || add_cgroup_bind(b, h->mount, b->in->cgroup_path, path, opt) < 0
            || (!h->v2 && add_cgroup_links(b, h, target) < 0))
            return -1;
    }
    return 0;
}

static int add_cgroup(struct builder *b, const struct oci_mount *m)
{
    struct mount_options opt;
    const struct oci_config *c = b->in->config;
    const struct cgroup_layout *l = b->in->layout;
    int r = mount_options_parse(&m->options, &opt, b->err);
    bool own_namespace = oci_namespace_find(c, OCI_NS_CGROUP) != NULL;
    /* Without a namespace of its own a mapped root could write to the host's groups (CVE-2023-25809). */
    if (!own_namespace && oci_namespace_find(c, OCI_NS_USER) != NULL)
        opt.set |= MOUNT_ATTR_RDONLY;
    if (r == 0 && (l == NULL || l->count == 0 || b->in->cgroup_path == NULL))
        r = creel_fail(b->err, CREEL_UNSUPPORTED, 0, "mount on %s: this host has no cgroups", m->destination);
    if (r == 0)
        r = enter_cgroup(b);
    if (r == 0 && l->unified)
        r = add_cgroup_bind(b, l->items[0].mount, own_namespace ? b->in->cgroup_path : "", m->destination, &opt);
    else if (r == 0)
        r = add_cgroup_v1(b, m->destination, &opt);
    mount_options_fini(&opt);
    return r;
}

static bool is_propagation_only(const struct oci_mount *m, const struct mount_options *o)
{
    bool no_type = m->type == NULL || m->type[0] == '\0' || strcmp(m->type, "none") == 0;
    return no_type && !o->bind && o->propagation_count > 0;
}

static int add_new(struct builder *b, const struct oci_mount *m, struct mount_step *s)
{
    if (m->type == NULL || m->type[0] == '\0')
        return invalid(b, "neither a type nor a bind", s->target);
    const char *source = m->source != NULL && m->source[0] != '\0' ? m->source : m->type;
    if (copy_string(&s->type, m->type, b->err) < 0 || copy_string(&s->source, source, b->err) < 0)
        return -1;
    if (add_label(b, m->type, &s->opt) < 0)
        return -1;
    if (s->opt.copy_up && strcmp(m->type, "tmpfs") != 0)
        return invalid(b, "tmpcopyup is for tmpfs", s->target);
    return 0;
}

/* Mappings of its own, or with "idmap" alone those of the container's user namespace. */
static int set_idmap(struct builder *b, const struct oci_mount *m, struct mount_step *s)
{
    const struct oci_linux *l = &b->in->config->linux_;
    bool own = m->uid_map_count + m->gid_map_count > 0;
    if (!own && !s->opt.idmap)
        return 0;
    if (!own && l->uid_map_count + l->gid_map_count == 0) {
        const struct oci_namespace *user = oci_namespace_find(b->in->config, OCI_NS_USER);
        s->idmap_joined = user != NULL && user->path != NULL && user->path[0] != '\0';
        if (s->idmap_joined)
            return 0;
    }
    s->uid_maps = own ? m->uid_maps : l->uid_maps;
    s->uid_map_count = own ? m->uid_map_count : l->uid_map_count;
    s->gid_maps = own ? m->gid_maps : l->gid_maps;
    s->gid_map_count = own ? m->gid_map_count : l->gid_map_count;
    if (s->uid_map_count == 0 || s->gid_map_count == 0)
        return invalid(b, "an id-mapped mount needs both uidMappings and gidMappings", s->target);
    return 0;
}

static int add_mount(struct builder *b, const struct oci_mount *m)
{
    if (m->destination == NULL || m->destination[0] == '\0')
        return creel_fail(b->err, CREEL_INVALID, 0, "a mount has no destination");
    if (m->type != NULL && (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0))
        return add_cgroup(b, m);
    const char *inside = path_in_root(b, m->destination);
    struct mount_step *s = plan_add(b, MOUNT_NEW, inside != NULL ? inside : m->destination);
    if (s == NULL || mount_options_parse(&m->options, &s->opt, b->err) < 0)
        return creel_wrap(b->err, "mount on %s", m->destination);
    if (strcmp(s->target, "/") == 0 && !s->opt.remount && !is_propagation_only(m, &s->opt))
        return invalid(b, "this is the container's root", s->target);
    if (m->type != NULL && strcmp(m->type, "bind") == 0 && !s->opt.bind)
        s->opt.bind = true;
    if (s->opt.remount || is_propagation_only(m, &s->opt))
        s->kind = MOUNT_REMOUNT;
    else if (s->opt.bind)
        s->kind = MOUNT_BIND;
    if ((s->kind == MOUNT_BIND && add_bind(b, m, s) < 0) || (s->kind == MOUNT_NEW && add_new(b, m, s) < 0))
        return -1;
    if (s->kind == MOUNT_NEW && m->uid_map_count + m->gid_map_count > 0)
        return invalid(b, "id mappings are for binds", s->target);
    if (set_idmap(b, m, s) < 0)
        return -1;
    if (check_proc_target(b, s) < 0)
        return -1;
    choose_base(b->plan, s);
    if (s->kind == MOUNT_NEW && strcmp(s->type, "devpts") == 0 && strcmp(s->target, "/dev/pts") == 0)
        b->plan->devpts = (int)(s - b->plan->steps);
    if (s->kind == MOUNT_NEW && strcmp(s->type, "proc") == 0 && strcmp(s->target, "/proc") == 0)
        b->plan->proc = (int)(s - b->plan->steps);
    return 0;
}

/* --- /dev --- */

/* The caller binds its own /dev: nodes, links and all are as they are there. */
static bool dev_is_foreign(const struct mount_plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->steps[i].kind == MOUNT_BIND && strcmp(p->steps[i].target, "/dev") == 0)
            return true;
    return false;
}

static struct mount_step *add_device_step(struct builder *b, const char *path, mode_t mode, dev_t number)
{
    struct mount_step *s = plan_add(b, MOUNT_DEVICE, path);
    if (s == NULL)
        return NULL;
    s->device.mode = mode;
    s->device.number = number;
    s->device.bind = b->in->bind_devices && !S_ISFIFO(mode);
    choose_base(b->plan, s);
    return s;
}

static int add_device(struct builder *b, const struct oci_device *d)
{
    static const struct { const char *name; mode_t type; } types[] = {
        { "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO },
    };
    if (d->path == NULL || d->path[0] != '/')
        return creel_fail(b->err, CREEL_INVALID, 0, "device path %s is not absolute", d->path ? d->path : "\"\"");
    mode_t type = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (d->type != NULL && strcmp(d->type, types[i].name) == 0)
            type = types[i].type;
    if (type == 0)
        return creel_fail(b->err, CREEL_INVALID, 0, "device %s: unknown type %s", d->path, d->type ? d->type : "\"\"");
    if (!S_ISFIFO(type) && (d->major < 0 || d->major > 0xfff || d->minor < 0 || d->minor > 0xfffff))
        return creel_fail(b->err, CREEL_INVALID, 0, "device %s: number %lld:%lld is out of range", d->path,
                          (long long)d->major, (long long)d->minor);
    if ((d->uid.set && (d->uid.value < 0 || d->uid.value >= UINT32_MAX))
        || (d->gid.set && (d->gid.value < 0 || d->gid.value >= UINT32_MAX)))
        return creel_fail(b->err, CREEL_INVALID, 0, "device %s: owner is out of range", d->path);
    mode_t mode = (d->mode_set ? d->mode & 07777 : 0666) | type;
    dev_t number = S_ISFIFO(type) ? 0 : makedev((unsigned)d->major, (unsigned)d->minor);
    struct mount_step *s = add_device_step(b, d->path, mode, number);
    if (s == NULL)
        return -1;
    if (path_is_within(s->target, "/proc") || strcmp(s->target, "/") == 0)
        return creel_fail(b->err, CREEL_INVALID, 0, "device %s: not a place for a device", d->path);
    s->device.own = true;
    s->device.uid = d->uid.set ? (uid_t)d->uid.value : 0;
    s->device.gid = d->gid.set ? (gid_t)d->gid.value : 0;
    return 0;
}

static bool config_has_device(const struct oci_config *c, const char *path)
{
    for (size_t i = 0; i < c->linux_.device_count; i++)
        if (c->linux_.devices[i].path != NULL && strcmp(c->linux_.devices[i].path, path) == 0)
            return true;
    return false;
}

static int add_dev(struct builder *b)
{
    const struct oci_config *c = b->in->config;
    bool foreign = dev_is_foreign(b->plan);
    for (size_t i = 0; !foreign && i < ARRAY_LEN(default_devices); i++)
        if (!config_has_device(c, default_devices[i].path)
            && add_device_step(b, default_devices[i].path, S_IFCHR | 0666,
                               makedev(default_devices[i].major, default_devices[i].minor)) == NULL)
            return -1;
    for (size_t i = 0; !foreign && i < c->linux_.device_count; i++)
        if (add_device(b, &c->linux_.devices[i]) < 0)
            return -1;
    for (size_t i = 0; !foreign && i < ARRAY_LEN(default_links); i++) {
        struct mount_step *s = plan_add(b, MOUNT_LINK, default_links[i].path);
        if (s == NULL || copy_string(&s->source, default_links[i].text, b->err) < 0)
            return -1;
        choose_base(b->plan, s);
    }
    if (c->process.terminal) {
        struct mount_step *s = plan_add(b, MOUNT_CONSOLE, "/dev/console");
        if (s == NULL)
            return -1;
        choose_base(b->plan, s);
        b->plan->console = (int)(s - b->plan->steps);
    }
    return 0;
}

/* --- covers and seals --- */

static int add_covers(struct builder *b, enum mount_kind kind, const struct strv *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        bool again = false;
        for (size_t k = 0; k < i && i < COVERS_COMPARED && !again; k++)
            again = strcmp(paths->items[k], paths->items[i]) == 0;
        if (again)
            continue;
        if (paths->items[i][0] != '/')
            return creel_fail(b->err, CREEL_INVALID, 0, "%s path %s is not absolute",
                              kind == MOUNT_MASK ? "masked" : "read-only", paths->items[i]);
        struct mount_step *s = plan_add(b, kind, paths->items[i]);
        if (s == NULL)
            return -1;
        s->must_exist = true;
    }
    return 0;
}

/* P5: a read-only tmpfs is made writable first, because mount points, devices and links go into it. */
static int add_seals(struct builder *b)
{
    size_t n = b->plan->count;
    for (size_t i = 0; i < n; i++) {
        struct mount_step *s = &b->plan->steps[i];
        if (s->kind != MOUNT_NEW || !(s->opt.set & MOUNT_ATTR_RDONLY) || strcmp(s->type, "tmpfs") != 0)
            continue;
        s->opt.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        struct mount_step *seal = plan_add(b, MOUNT_SEAL, s->target); /* may move the steps: `s` is not used again */
        if (seal == NULL)
            return -1;
        seal->base = (int)i;
    }
    const struct oci_config *c = b->in->config;
    if (!c->root.readonly)
        return 0;
    if (c->process.present && c->process.cwd != NULL && strcmp(c->process.cwd, "/") != 0
        && plan_add(b, MOUNT_DIRECTORY, c->process.cwd) == NULL)
        return -1;
    return plan_add(b, MOUNT_SEAL, "/") == NULL ? -1 : 0;
}

static int set_root_propagation(struct builder *b)
{
    const char *s = b->in->config->linux_.rootfs_propagation;
    if (s == NULL || s[0] == '\0')
        return 0;
    if (!mount_propagation_parse(s, &b->plan->root_propagation, &b->plan->root_propagation_recursive))
        return creel_fail(b->err, CREEL_INVALID, 0, "rootfsPropagation %s is not known", s);
    return 0;
}

int mount_plan_build(const struct mount_plan_input *in, struct mount_plan *ret, struct creel_err *err)
{
    *ret = (struct mount_plan){ .console = -1, .devpts = -1, .proc = -1 };
    struct builder b = { .in = in, .plan = ret, .err = err };
    const struct oci_config *c = in->config;
    for (size_t i = 0; i < c->mount_count; i++)
        if (add_mount(&b, &c->mounts[i]) < 0)
            return -1;
    if (add_dev(&b) < 0 || enter_cgroup(&b) < 0 || plan_add(&b, MOUNT_HOOKS, NULL) == NULL
        || plan_add(&b, MOUNT_SETTINGS, NULL) == NULL)
        return -1;
    if (add_covers(&b, MOUNT_READONLY, &c->linux_.readonly_paths) < 0
        || add_covers(&b, MOUNT_MASK, &c->linux_.masked_paths) < 0 || add_seals(&b) < 0
        || plan_add(&b, MOUNT_PIVOT, NULL) == NULL)
        return -1;
    return set_root_propagation(&b);
}

static void step_fini(struct mount_step *s)
{
    free(s->target);
    free(s->source);
    free(s->type);
    mount_options_fini(&s->opt);
    fd_closep(&s->fd);
    fd_closep(&s->idmap);
}

void mount_plan_fini(struct mount_plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        step_fini(&p->steps[i]);
    free(p->steps);
    *p = (struct mount_plan){ .console = -1, .devpts = -1, .proc = -1 };
}

/* --- printing --- */

static void print_target(const struct mount_plan *p, const struct mount_step *s, struct bytes *out)
{
    if (s->base == MOUNT_ROOT)
        bytes_adds(out, s->target);
    else
        bytes_addf(out, "%s (in %s)", s->target, p->steps[s->base].target);
}

static void print_step(const struct mount_plan *p, const struct mount_step *s, struct bytes *out)
{
    static const char *const words[] = {
        [MOUNT_NEW] = "mount", [MOUNT_BIND] = "bind", [MOUNT_REMOUNT] = "remount", [MOUNT_DEVICE] = "device",
        [MOUNT_LINK] = "link", [MOUNT_CONSOLE] = "console", [MOUNT_CGROUP_ENTER] = "enter cgroup",
        [MOUNT_HOOKS] = "hooks", [MOUNT_SETTINGS] = "settings", [MOUNT_PIVOT] = "pivot", [MOUNT_READONLY] = "readonly", [MOUNT_MASK] = "mask", [MOUNT_DIRECTORY] = "directory",
        [MOUNT_SEAL] = "seal",
    };
    bytes_adds(out, words[s->kind]);
    if (s->kind == MOUNT_PIVOT && p->root_propagation != 0)
        bytes_addf(out, ", then %s%s", p->root_propagation_recursive ? "r" : "",
                   mount_propagation_name(p->root_propagation));
    if (s->target == NULL) {
        bytes_addc(out, '\n');
        return;
    }
    bytes_addc(out, ' ');
    if (s->kind == MOUNT_NEW)
        bytes_addf(out, "%s %s on ", s->type, s->source);
    if (s->kind == MOUNT_BIND)
        bytes_addf(out, "%s%s%s on ", s->opt.recursive ? "-r " : "", s->open_late || s->inside != NULL ? "(late) " : "", s->source);
    if (s->kind == MOUNT_SEAL)
        bytes_adds(out, s->target);
    else
        print_target(p, s, out);
    if (s->kind == MOUNT_LINK)
        bytes_addf(out, " -> %s", s->source);
    if (s->kind == MOUNT_DEVICE) {
        const char type = S_ISCHR(s->device.mode) ? 'c' : S_ISBLK(s->device.mode) ? 'b' : 'p';
        bytes_addf(out, " %c %u:%u mode %04o owner %u:%u%s", type, major(s->device.number), minor(s->device.number),
                   (unsigned)(s->device.mode & 07777), s->device.uid, s->device.gid, s->device.bind ? " bound" : "");
    }
    if (s->kind == MOUNT_NEW || s->kind == MOUNT_BIND || s->kind == MOUNT_REMOUNT) {
        bytes_addc(out, ' ');
        mount_options_print(&s->opt, out);
    }
    bytes_addc(out, '\n');
}

void mount_plan_print(const struct mount_plan *p, struct bytes *out)
{
    for (size_t i = 0; i < p->count; i++)
        print_step(p, &p->steps[i], out);
}
