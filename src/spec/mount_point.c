/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/mount_point.h"

#include "base/bytes.h"
#include "base/path.h"
#include "spec/container_request.h"

#include <inttypes.h>
#include <string.h>

static void mount_point_fini(struct mount_point *m)
{
    free(m->source);
    free(m->destination);
    free(m->mode);
    free(m->propagation);
    free(m->tmpfs_options);
    *m = (struct mount_point){ 0 };
}

void mount_points_fini(struct mount_points *m)
{
    for (size_t i = 0; i < m->count; i++)
        mount_point_fini(&m->items[i]);
    free(m->items);
    *m = (struct mount_points){ 0 };
}

/* --- words --- */
static bool word_in(const char *const *words, size_t count, const char *s, size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == n && strncmp(words[i], s, n) == 0)
            return true;
    return false;
}

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave" };
static const char *const consistencies[] = { "consistent", "cached", "delegated", "default" };
static const char *const labels[] = { "z", "Z" };
static const char *const accesses[] = { "rw", "ro" };
static const char *const copies[] = { "nocopy" };

/* "ro,z,rslave": at most one word of each kind. With `m`, what it says is written there. */
static bool mode_parse(const char *mode, struct mount_point *m)
{
    static const struct { const char *const *words; size_t count; } kinds[] = {
        { accesses, ARRAY_LEN(accesses) },           { labels, ARRAY_LEN(labels) },
        { propagations, ARRAY_LEN(propagations) },   { copies, ARRAY_LEN(copies) },
        { consistencies, ARRAY_LEN(consistencies) },
    };
    unsigned seen = 0;
    for (const char *p = mode;;) {
        size_t n = strcspn(p, ","), k = 0;
        while (k < ARRAY_LEN(kinds) && !word_in(kinds[k].words, kinds[k].count, p, n))
            k++;
        if (k == ARRAY_LEN(kinds) || (seen & (1u << k)) != 0)
            return false;
        seen |= 1u << k;
        if (m != NULL && k == 0)
            m->rw = p[1] == 'w';
        if (m != NULL && k == 2) {
            free(m->propagation);
            m->propagation = strndup(p, n);
        }
        if (p[n] == '\0')
            return true;
        p += n + 1;
    }
}

/* --- destinations (M1) --- */
/* Hiding procfs, or parts of it, defeats what the runtime writes and masks there. These single files are what tools that
 * give containers a view of their own limits replace. */
static const char *const proc_files[] = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo",
    "/proc/stat",    "/proc/swaps",     "/proc/uptime",  "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
};

static int destination_set(struct mount_point *m, const char *destination, struct creel_err *err)
{
    if (destination[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0, "invalid mount path: '%.200s' mount path must be absolute", destination);
    if (!text_is_printable(destination) || strlen(destination) > 4000)
        return creel_fail(err, CREEL_INVALID, 0, "invalid mount path: too long, or with control characters");
    m->destination = path_clean(destination);
    if (m->destination == NULL)
        return creel_fail_nomem(err);
    if (strcmp(m->destination, "/") == 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid specification: destination can't be '/'");
    if (path_is_within(m->destination, "/proc")
        && !word_in(proc_files, ARRAY_LEN(proc_files), m->destination, strlen(m->destination)))
        return creel_fail(err, CREEL_INVALID, 0, "\"%.200s\" cannot be mounted because it is inside /proc",
                          m->destination);
    return 0;
}

static int source_set(struct mount_point *m, const char *source, struct creel_err *err)
{
    if (!text_is_printable(source) || strlen(source) > 4000)
        return creel_fail(err, CREEL_INVALID, 0, "invalid mount source: too long, or with control characters");
    m->source = path_clean(source);
    return m->source == NULL ? creel_fail_nomem(err) : 0;
}

/* Every string is set, so that nobody has to look for NULL. */
static int texts_complete(struct mount_point *m, struct creel_err *err)
{
    char **texts[] = { &m->mode, &m->propagation, &m->tmpfs_options };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i] == NULL && (*texts[i] = strdup("")) == NULL)
            return creel_fail_nomem(err);
    return 0;
}

/* --- Binds --- */
static int bind_bad(const char *text, const char *why, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "invalid volume specification: '%.200s'%s%s", text,
                      why[0] != '\0' ? ": " : "", why);
}

/* "src:dst[:mode]" */
static int bind_parse(const char *text, struct mount_point *m, struct creel_err *err)
{
    auto_strv parts = STRV_INIT;
    if (!strv_split(&parts, text, ':'))
        return creel_fail_nomem(err);
    for (size_t i = 0; i < parts.count; i++)
        if (parts.items[i][0] == '\0')
            return bind_bad(text, "", err);
    if (parts.count == 1 && text[0] == '/')
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "'%.200s' names an anonymous volume; volumes are not supported yet, bind a host directory "
                          "(/src:/dst) instead",
                          text);
    if (parts.count < 2 || parts.count > 3 || (parts.count == 2 && mode_parse(parts.items[1], NULL)))
        return bind_bad(text, "", err);
    m->rw = true;
    m->origin = MOUNT_POINT_OF_BINDS;
    m->create_source = true;
    if (parts.count == 3) {
        if (!mode_parse(parts.items[2], m)) {
            creel_fail(err, CREEL_INVALID, 0, "invalid mode: %.100s", parts.items[2]);
            return creel_wrap(err, "invalid volume specification: '%.200s'", text);
        }
        m->mode = strdup(parts.items[2]);
        if (m->mode == NULL)
            return creel_fail_nomem(err);
    }
    if (destination_set(m, parts.items[1], err) < 0)
        return creel_wrap(err, "invalid volume specification: '%.200s'", text);
    if (parts.items[0][0] != '/')
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "'%.200s' names a volume; volumes are not supported yet, bind a host directory (an absolute "
                          "path) instead",
                          text);
    if (source_set(m, parts.items[0], err) < 0)
        return creel_wrap(err, "invalid volume specification: '%.200s'", text);
    return texts_complete(m, err);
}

/* --- Mounts --- */
static int mount_bad(const char *type, const char *why, struct creel_err *err)
{
    return creel_fail(err, CREEL_INVALID, 0, "invalid mount config for type \"%s\": %s", type, why);
}

static int mount_bind_parse(const json_t *v, struct mount_point *m, struct creel_err *err)
{
    const json_t *o = json_object_get(v, "BindOptions");
    const char *source = json_text(v, "Source"), *propagation = json_text(o, "Propagation");
    m->type = MOUNT_POINT_BIND;
    if (source[0] == '\0')
        return mount_bad("bind", "field Source must not be empty", err);
    if (source[0] != '/')
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid mount config for type \"bind\": invalid mount path: '%.200s' mount path must be absolute",
                          source);
    if (json_object_get(v, "VolumeOptions") != NULL)
        return mount_bad("bind", "field VolumeOptions must not be specified", err);
    if (json_object_get(v, "TmpfsOptions") != NULL)
        return mount_bad("bind", "field TmpfsOptions must not be specified", err);
    if (propagation[0] != '\0'
        && !word_in(propagations, ARRAY_LEN(propagations), propagation, strlen(propagation)))
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid mount config for type \"bind\": invalid propagation mode: %.100s", propagation);
    m->create_source = json_flag(o, "CreateMountpoint");
    m->non_recursive = json_flag(o, "NonRecursive");
    m->ro_non_recursive = json_flag(o, "ReadOnlyNonRecursive");
    m->ro_force_recursive = json_flag(o, "ReadOnlyForceRecursive");
    if ((m->ro_non_recursive || m->ro_force_recursive) && m->rw)
        return mount_bad("bind", "ReadOnlyNonRecursive and ReadOnlyForceRecursive need ReadOnly", err);
    if (m->ro_non_recursive && m->ro_force_recursive)
        return mount_bad("bind", "ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude each other", err);
    if (m->ro_force_recursive && m->non_recursive)
        return mount_bad("bind", "NonRecursive and ReadOnlyForceRecursive exclude each other", err);
    m->propagation = strdup(propagation);
    return m->propagation == NULL ? creel_fail_nomem(err) : source_set(m, source, err);
}

/* One more option: [name] or [name, value]. */
static int tmpfs_option_add(const json_t *option, struct bytes *out, struct creel_err *err)
{
    size_t i, n = json_array_size(option);
    json_t *part;
    if (!json_is_array(option) || n < 1 || n > 2)
        return mount_bad("tmpfs", "Options must be a list of lists of one or two strings", err);
    bytes_adds(out, out->len > 0 ? "," : "");
    json_array_foreach((json_t *)option, i, part) {
        const char *s = json_string_value(part);
        if (s == NULL || s[0] == '\0' || strpbrk(s, ",=") != NULL)
            return mount_bad("tmpfs", "Options must be a list of lists of one or two strings", err);
        bytes_addf(out, "%s%s", i > 0 ? "=" : "", s);
    }
    return 0;
}

static int mount_tmpfs_parse(const json_t *v, struct mount_point *m, struct creel_err *err)
{
    static const struct { char suffix; int64_t unit; } units[] = { { 'g', 1 << 30 }, { 'm', 1 << 20 }, { 'k', 1 << 10 } };
    const json_t *o = json_object_get(v, "TmpfsOptions");
    int64_t size = json_number(o, "SizeBytes");
    unsigned mode = (unsigned)json_number(o, "Mode");
    auto_bytes text = BYTES_INIT;
    size_t i;
    json_t *option;
    m->type = MOUNT_POINT_TMPFS;
    if (json_text(v, "Source")[0] != '\0')
        return mount_bad("tmpfs", "field Source must not be specified", err);
    if (json_object_get(v, "BindOptions") != NULL)
        return mount_bad("tmpfs", "field BindOptions must not be specified", err);
    if (json_object_get(v, "VolumeOptions") != NULL)
        return mount_bad("tmpfs", "field VolumeOptions must not be specified", err);
    if (!m->rw)
        bytes_adds(&text, "ro");
    if (mode != 0)
        bytes_addf(&text, "%smode=%o", text.len > 0 ? "," : "", mode);
    if (size != 0) {
        size_t u = 0;
        while (u < ARRAY_LEN(units) && size % units[u].unit != 0)
            u++;
        bytes_addf(&text, "%ssize=%" PRId64, text.len > 0 ? "," : "", u < ARRAY_LEN(units) ? size / units[u].unit : size);
        if (u < ARRAY_LEN(units))
            bytes_addc(&text, units[u].suffix);
    }
    json_array_foreach(json_object_get(o, "Options"), i, option)
        if (tmpfs_option_add(option, &text, err) < 0)
            return -1;
    m->tmpfs_options = strdup(bytes_str(&text));
    return !bytes_ok(&text) || m->tmpfs_options == NULL ? creel_fail_nomem(err) : 0;
}

static int mount_parse(const json_t *v, struct mount_point *m, struct creel_err *err)
{
    const char *type = json_text(v, "Type"), *consistency = json_text(v, "Consistency");
    m->rw = !json_flag(v, "ReadOnly");
    m->origin = MOUNT_POINT_OF_MOUNTS;
    if (strcmp(type, "volume") == 0 || strcmp(type, "image") == 0)
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "mounts of type \"%s\" are not supported yet; bind and tmpfs are",
                          type);
    if (strcmp(type, "bind") != 0 && strcmp(type, "tmpfs") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "mount type unknown: \"%.100s\"", type);
    if (json_text(v, "Target")[0] == '\0')
        return mount_bad(type, "field Target must not be empty", err);
    if (consistency[0] != '\0' && !word_in(consistencies, ARRAY_LEN(consistencies), consistency, strlen(consistency)))
        return mount_bad(type, "unknown Consistency", err);
    if (destination_set(m, json_text(v, "Target"), err) < 0)
        return creel_wrap(err, "invalid mount config for type \"%s\"", type);
    if ((strcmp(type, "bind") == 0 ? mount_bind_parse(v, m, err) : mount_tmpfs_parse(v, m, err)) < 0)
        return -1;
    return texts_complete(m, err);
}

/* --- Tmpfs --- */
static int tmpfs_entry_parse(const char *destination, const char *options, struct mount_point *m, struct creel_err *err)
{
    auto_strv scratch = STRV_INIT;
    m->type = MOUNT_POINT_TMPFS;
    m->origin = MOUNT_POINT_OF_TMPFS;
    m->rw = true;
    m->tmpfs_options = strdup(options);
    if (m->tmpfs_options == NULL)
        return creel_fail_nomem(err);
    if (destination_set(m, destination, err) < 0 || tmpfs_options_merge(NULL, 0, options, &scratch, err) < 0)
        return creel_wrap(err, "invalid tmpfs '%.200s'", destination);
    return texts_complete(m, err);
}

/* --- the list --- */
static int compare(const void *a, const void *b)
{
    const struct mount_point *x = a, *y = b;
    size_t dx = path_depth(x->destination), dy = path_depth(y->destination);
    return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->destination, y->destination);
}

static int order(struct mount_points *m, struct creel_err *err)
{
    if (m->count > 0)
        qsort(m->items, m->count, sizeof *m->items, compare);
    for (size_t i = 1; i < m->count; i++)
        if (strcmp(m->items[i - 1].destination, m->items[i].destination) == 0)
            return creel_fail(err, CREEL_INVALID, 0, "Duplicate mount point: %s", m->items[i].destination);
    return 0;
}

static int collect(const json_t *host, struct mount_points *m, struct creel_err *err)
{
    size_t i;
    json_t *v;
    const char *key;
    json_array_foreach(json_object_get(host, "Binds"), i, v)
        if (bind_parse(json_string_value(v), &m->items[m->count++], err) < 0)
            return -1;
    json_array_foreach(json_object_get(host, "Mounts"), i, v)
        if (mount_parse(v, &m->items[m->count++], err) < 0)
            return -1;
    json_object_foreach(json_object_get(host, "Tmpfs"), key, v)
        if (tmpfs_entry_parse(key, json_string_value(v), &m->items[m->count++], err) < 0)
            return -1;
    return 0;
}

int mount_points_parse(const json_t *host, struct mount_points *ret, struct creel_err *err)
{
    enum { MOUNTS_LIMIT = 4096 };
    auto_mount_points struct mount_points m = { 0 };
    size_t count = json_array_size(json_object_get(host, "Binds")) + json_array_size(json_object_get(host, "Mounts"))
                   + json_object_size(json_object_get(host, "Tmpfs"));
    if (count > MOUNTS_LIMIT)
        return creel_fail(err, CREEL_INVALID, 0, "%zu mounts were asked for, the limit is %d", count, MOUNTS_LIMIT);
    if (count > 0 && (m.items = calloc(count, sizeof *m.items)) == NULL)
        return creel_fail_nomem(err);
    if (collect(host, &m, err) < 0 || order(&m, err) < 0)
        return -1;
    *ret = m;
    m = (struct mount_points){ 0 };
    return 0;
}

const struct mount_point *mount_points_find(const struct mount_points *m, const char *destination)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->items[i].destination, destination) == 0)
            return &m->items[i];
    return NULL;
}

/* --- options --- */
/* Flags in pairs that contradict each other; a flag alone contradicts nothing but itself. */
static const char *const tmpfs_flags[][2] = {
    { "ro", "rw" },           { "noexec", "exec" },          { "nosuid", "suid" },         { "nodev", "dev" },
    { "noatime", "atime" },   { "nodiratime", "diratime" },  { "relatime", "norelatime" }, { "sync", "async" },
    { "dirsync", NULL },      { "strictatime", "nostrictatime" }, { "mand", "nomand" },    { "remount", NULL },
    { "private", NULL },      { "rprivate", NULL },          { "shared", NULL },           { "rshared", NULL },
    { "slave", NULL },        { "rslave", NULL },            { "unbindable", NULL },       { "runbindable", NULL },
    { "bind", NULL },         { "rbind", NULL },
};
static const char *const tmpfs_keys[] = { "size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "mpol" };

static bool same_subject(const char *a, const char *b)
{
    size_t na = strcspn(a, "="), nb = strcspn(b, "=");
    if (a[na] == '=' || b[nb] == '=')
        return na == nb && strncmp(a, b, na) == 0;
    for (size_t i = 0; i < ARRAY_LEN(tmpfs_flags); i++) {
        const char *const *pair = tmpfs_flags[i];
        bool has_a = strcmp(pair[0], a) == 0 || (pair[1] != NULL && strcmp(pair[1], a) == 0);
        bool has_b = strcmp(pair[0], b) == 0 || (pair[1] != NULL && strcmp(pair[1], b) == 0);
        if (has_a || has_b)
            return has_a && has_b;
    }
    return false;
}

static bool tmpfs_option_known(const char *s)
{
    size_t n = strcspn(s, "=");
    if (s[n] == '=')
        return s[n + 1] != '\0' && text_is_printable(s) && word_in(tmpfs_keys, ARRAY_LEN(tmpfs_keys), s, n);
    for (size_t i = 0; i < ARRAY_LEN(tmpfs_flags); i++)
        if (strcmp(tmpfs_flags[i][0], s) == 0 || (tmpfs_flags[i][1] != NULL && strcmp(tmpfs_flags[i][1], s) == 0))
            return strcmp(s, "bind") != 0 && strcmp(s, "rbind") != 0 && strcmp(s, "remount") != 0;
    return false;
}

static bool option_put(struct strv *out, const char *s)
{
    for (size_t i = 0; i < out->count; i++)
        if (same_subject(out->items[i], s))
            strv_remove(out, i--);
    return strv_add(out, s);
}

int tmpfs_options_merge(const char *const *defaults, size_t default_count, const char *user, struct strv *out,
                        struct creel_err *err)
{
    auto_strv words = STRV_INIT;
    for (size_t i = 0; i < default_count; i++)
        if (!option_put(out, defaults[i]))
            return creel_fail_nomem(err);
    if (user[0] == '\0')
        return 0;
    if (!strv_split(&words, user, ','))
        return creel_fail_nomem(err);
    for (size_t i = 0; i < words.count; i++) {
        const char *s = words.items[i];
        if (strcmp(s, "defaults") == 0)
            continue;
        if (!tmpfs_option_known(s))
            return creel_fail(err, CREEL_INVALID, 0, "invalid tmpfs option [\"%.100s\"]", s);
        if (!option_put(out, s))
            return creel_fail_nomem(err);
    }
    return 0;
}

static bool bind_options(const struct mount_point *m, bool recursive_ro, struct strv *out)
{
    bool recursive = m->ro_force_recursive || (recursive_ro && !m->ro_non_recursive && !m->non_recursive);
    const char *propagation = m->propagation[0] != '\0' ? m->propagation : "rprivate";
    if (!strv_add(out, m->non_recursive ? "bind" : "rbind"))
        return false;
    if (!m->rw && !strv_add(out, recursive ? "rro" : "ro"))
        return false;
    return strv_add(out, propagation);
}

bool mount_point_options(const struct mount_point *m, bool recursive_ro, struct strv *out)
{
    static const char *const defaults[] = { "noexec", "nosuid", "nodev", "rprivate" };
    if (m->type == MOUNT_POINT_BIND)
        return bind_options(m, recursive_ro, out);
    return tmpfs_options_merge(defaults, ARRAY_LEN(defaults), m->tmpfs_options, out, NULL) == 0;
}

json_t *mount_points_print(const struct mount_points *m)
{
    auto_json list = json_array();
    for (size_t i = 0; i < m->count; i++) {
        const struct mount_point *p = &m->items[i];
        bool is_bind = p->type == MOUNT_POINT_BIND;
        if (p->origin == MOUNT_POINT_OF_TMPFS)
            continue;
        const char *propagation = !is_bind ? "" : p->propagation[0] != '\0' ? p->propagation : "rprivate";
        json_t *record = json_pack("{s:s,s:s,s:s,s:s,s:b,s:s}", "Type", is_bind ? "bind" : "tmpfs", "Source",
                                   is_bind ? p->source : "", "Destination", p->destination, "Mode", p->mode, "RW",
                                   (int)p->rw, "Propagation", propagation);
        if (list == NULL || json_array_append_new(list, record) < 0)
            return NULL;
    }
    return ptr_take(&list);
}
