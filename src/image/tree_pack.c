/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tree_pack.h"

#include "base/strv.h"
#include "image/entry_path.h"
#include "image/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { COPY_SIZE = 128 << 10, XATTR_NAMES_MAX = 64 << 10, XATTR_VALUES_MAX = 1 << 20, DEPTH_MAX = 2100 };

struct tree_pack_link {
    dev_t dev;
    ino_t ino;
    char *path;                 /* NULL: the slot is free */
};

int tree_pack_init(struct tree_pack *p, struct tar_writer *w, struct creel_err *err)
{
    memset(p, 0, sizeof *p);
    p->writer = w;
    /* one buffer for file data, and for names and values of attributes */
    p->buffer =
        malloc(XATTR_NAMES_MAX + XATTR_VALUES_MAX > COPY_SIZE ? XATTR_NAMES_MAX + XATTR_VALUES_MAX : COPY_SIZE);
    return p->buffer == NULL ? creel_fail_nomem(err) : 0;
}

void tree_pack_fini(struct tree_pack *p)
{
    for (size_t i = 0; i < p->link_cap; i++)
        free(p->links[i].path);
    free(p->links);
    free(p->buffer);
    p->links = NULL;
    p->buffer = NULL;
    p->link_cap = p->link_count = 0;
}

/* --- hard links: a hash table of what was packed under which name --- */

static struct tree_pack_link *find_slot(struct tree_pack_link *links, size_t cap, dev_t dev, ino_t ino)
{
    uint64_t h = ((uint64_t)ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 20) & (cap - 1);
    while (links[i].path != NULL && (links[i].dev != dev || links[i].ino != ino))
        i = (i + 1) & (cap - 1);
    return &links[i];
}

static int grow_links(struct tree_pack *p, struct creel_err *err)
{
    size_t cap = p->link_cap == 0 ? 256 : p->link_cap * 2;
    struct tree_pack_link *links = calloc(cap, sizeof *links);
    if (links == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < p->link_cap; i++)
        if (p->links[i].path != NULL)
            *find_slot(links, cap, p->links[i].dev, p->links[i].ino) = p->links[i];
    free(p->links);
    p->links = links;
    p->link_cap = cap;
    return 0;
}

/* 1 and the first name when this file was packed before; 0 and remembered otherwise. */
static int seen_before(struct tree_pack *p, const struct stat *st, const char **ret, struct creel_err *err)
{
    if (st->st_nlink < 2)
        return 0;
    if (p->link_count * 2 >= p->link_cap && grow_links(p, err) < 0)
        return -1;
    struct tree_pack_link *l = find_slot(p->links, p->link_cap, st->st_dev, st->st_ino);
    if (l->path != NULL) {
        *ret = l->path;
        return 1;
    }
    *l = (struct tree_pack_link){ .dev = st->st_dev, .ino = st->st_ino, .path = strdup(p->entry.path) };
    if (l->path == NULL)
        return creel_fail_nomem(err);
    p->link_count++;
    return 0;
}

/* --- the path of the walk --- */

static int push(struct tree_pack *p, const char *name, size_t *ret_before, struct creel_err *err)
{
    size_t n = strlen(name), slash = p->path_len > 0 && p->entry.path[p->path_len - 1] != '/';
    *ret_before = p->path_len;
    if (p->path_len + slash + n + 1 > ARCHIVE_PATH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the path %.200s… is longer than %d bytes", p->entry.path,
                          ARCHIVE_PATH_MAX);
    if (slash)
        p->entry.path[p->path_len++] = '/';
    memcpy(p->entry.path + p->path_len, name, n + 1);
    p->path_len += n;
    return 0;
}

static void pop(struct tree_pack *p, size_t before)
{
    p->path_len = before;
    p->entry.path[before] = '\0';
}

/* --- attributes --- */

static bool kept_xattr(const char *name)
{
    return strcmp(name, "security.capability") == 0
           || (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

static int pack_fail(const struct tree_pack *p, const char *what, int sys, struct creel_err *err)
{
    return creel_fail(err, creel_kind_of_errno(sys), sys, "%s %s", what, p->entry.path);
}

static int read_xattrs(struct tree_pack *p, int fd, struct creel_err *err)
{
    p->entry.xattr_count = 0;
    ssize_t n = flistxattr(fd, p->buffer, XATTR_NAMES_MAX);
    if (n < 0)
        return errno == EOPNOTSUPP ? 0 : pack_fail(p, "listing the extended attributes of", errno, err);
    char *value = p->buffer + XATTR_NAMES_MAX, *end = value + XATTR_VALUES_MAX;
    for (const char *name = p->buffer; name < p->buffer + n; name += strlen(name) + 1) {
        if (!kept_xattr(name))
            continue;
        if (p->entry.xattr_count == ARRAY_LEN(p->entry.xattrs))
            return creel_fail(err, CREEL_EXHAUSTED, 0, "%s has too many extended attributes", p->entry.path);
        ssize_t size = fgetxattr(fd, name, value, (size_t)(end - value));
        if (size < 0 && errno == ENODATA)
            continue;
        if (size < 0 && errno != ERANGE)
            return pack_fail(p, "reading an extended attribute of", errno, err);
        if (size < 0 || size > end - value) /* with no room at all only the size is told */
            return creel_fail(err, CREEL_EXHAUSTED, 0, "%s has more than %d bytes in extended attributes",
                              p->entry.path, XATTR_VALUES_MAX);
        p->entry.xattrs[p->entry.xattr_count++] =
            (struct tar_xattr){ .name = name, .value = value, .size = (size_t)size };
        value += size;
    }
    return 0;
}

/* 1 when the overlay mark is "y". */
static int overlay_mark(int fd, const char *name)
{
    char value[2];
    return fgetxattr(fd, name, value, sizeof value) == 1 && value[0] == 'y';
}

static int check_layer_form(struct tree_pack *p, int fd, struct creel_err *err)
{
    static const char *const unsupported[] = { "trusted.overlay.redirect", "trusted.overlay.metacopy" };
    for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
        if (fgetxattr(fd, unsupported[i], NULL, 0) >= 0)
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "%s has the attribute %s, which no layer can express",
                              p->entry.path, unsupported[i]);
    return 0;
}

static void set_metadata(struct tree_pack *p, const struct stat *st, enum tar_type type)
{
    struct tar_entry *e = &p->entry;
    e->type = type;
    e->mode = st->st_mode & 07777;
    e->uid = p->root_owned ? 0 : st->st_uid;
    e->gid = p->root_owned ? 0 : st->st_gid;
    e->mtime = e->atime = st->st_mtim;
    e->size = type == TAR_FILE ? st->st_size : 0;
    e->device = st->st_rdev;
    e->link[0] = '\0';
    e->xattr_count = 0;
}

static int write_link(struct tree_pack *p, const struct stat *st, const char *first, struct creel_err *err)
{
    set_metadata(p, st, TAR_HARDLINK);
    memcpy(p->entry.link, first, strlen(first) + 1);
    return tar_writer_entry(p->writer, &p->entry, err);
}

/* --- one entry of each kind --- */

static int copy_data(struct tree_pack *p, int fd, struct creel_err *err)
{
    while (p->writer->left > 0) {
        size_t want = p->writer->left < COPY_SIZE ? (size_t)p->writer->left : COPY_SIZE;
        ssize_t n = read(fd, p->buffer, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pack_fail(p, "reading", errno, err);
        if (n == 0)
            return tar_writer_pad(p->writer, err); /* T3 */
        if (tar_writer_data(p->writer, p->buffer, (size_t)n, err) < 0)
            return -1;
        report_progress(p->writer->written, 0);
    }
    return 0;
}

static bool vanished(int error)
{
    return error == ENOENT || error == ELOOP || error == ENXIO || error == ENOTDIR || error == EISDIR;
}

static int pack_file(struct tree_pack *p, int dir, const char *name, struct creel_err *err)
{
    const char *first;
    struct stat st;
    auto_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return vanished(errno) ? 0 : pack_fail(p, "opening", errno, err);
    if (fstat(fd, &st) < 0)
        return pack_fail(p, "looking at", errno, err);
    if (!S_ISREG(st.st_mode)) /* T1, T3 */
        return 0;
    int linked = seen_before(p, &st, &first, err);
    if (linked != 0)
        return linked < 0 ? -1 : write_link(p, &st, first, err);
    if (p->layer && check_layer_form(p, fd, err) < 0)
        return -1;
    set_metadata(p, &st, TAR_FILE);
    if (read_xattrs(p, fd, err) < 0 || tar_writer_entry(p->writer, &p->entry, err) < 0)
        return -1;
    p->entry.xattr_count = 0;
    return copy_data(p, fd, err);
}

static int pack_symlink(struct tree_pack *p, int dir, const char *name, const struct stat *st, struct creel_err *err)
{
    const char *first;
    int linked = seen_before(p, st, &first, err);
    if (linked != 0)
        return linked < 0 ? -1 : write_link(p, st, first, err);
    set_metadata(p, st, TAR_SYMLINK);
    ssize_t n = readlinkat(dir, name, p->entry.link, sizeof p->entry.link);
    if (n < 0)
        return vanished(errno) || errno == EINVAL ? 0 : pack_fail(p, "reading the link", errno, err);
    if (n == (ssize_t)sizeof p->entry.link)
        return creel_fail(err, CREEL_INVALID, 0, "the target of link %s is too long", p->entry.path);
    p->entry.link[n] = '\0';
    return tar_writer_entry(p->writer, &p->entry, err);
}

static int pack_node(struct tree_pack *p, const struct stat *st, struct creel_err *err)
{
    const char *first;
    int linked = seen_before(p, st, &first, err);
    if (linked != 0)
        return linked < 0 ? -1 : write_link(p, st, first, err);
    set_metadata(p, st, S_ISCHR(st->st_mode) ? TAR_CHAR : S_ISBLK(st->st_mode) ? TAR_BLOCK : TAR_FIFO);
    return tar_writer_entry(p->writer, &p->entry, err);
}

/* ".wh.name" in the same directory. */
static int pack_whiteout(struct tree_pack *p, const char *name, const struct stat *st, struct creel_err *err)
{
    char marker[sizeof WHITEOUT_PREFIX + NAME_MAX];
    size_t before = p->path_len - strlen(name), ignored;
    (void)snprintf(marker, sizeof marker, "%s%s", WHITEOUT_PREFIX, name);
    pop(p, before);
    if (strlen(marker) > NAME_MAX)
        return creel_fail(err, CREEL_INVALID, 0,
                          "the deletion of %s%.100s… cannot be expressed: the name is too long", p->entry.path, name);
    if (push(p, marker, &ignored, err) < 0)
        return -1;
    struct stat plain = *st;
    plain.st_mode = S_IFREG;
    plain.st_size = 0;
    set_metadata(p, &plain, TAR_FILE);
    return tar_writer_entry(p->writer, &p->entry, err);
}

static int pack_named(struct tree_pack *p, int dir, const char *name, const struct stat *above,
                      struct creel_err *err);

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct tree_pack *p, int fd, struct strv *ret, struct creel_err *err)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL) {
        int e = errno;
        fd_closep(&copy);
        return pack_fail(p, "listing", e, err);
    }
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL && errno != 0)
            return pack_fail(p, "listing", errno, err);
        if (ent == NULL)
            break;
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 && !strv_add(ret, ent->d_name))
            return creel_fail_nomem(err);
    }
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof *ret->items, compare);
    return 0;
}

static int pack_children(struct tree_pack *p, int fd, const struct stat *st, struct creel_err *err)
{
    auto_strv names = STRV_INIT;
    if (++p->depth > DEPTH_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the directories below %.200s… are nested too deeply",
                          p->entry.path);
    if (list_names(p, fd, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        size_t before;
        int r = push(p, names.items[i], &before, err);
        if (r == 0)
            r = pack_named(p, fd, names.items[i], st, err);
        pop(p, before);
        if (r < 0)
            return -1;
    }
    p->depth--;
    return 0;
}

/* T4 */
static bool shows_kernel(int fd)
{
    static const unsigned long kinds[] = { PROC_SUPER_MAGIC,    SYSFS_MAGIC,        CGROUP_SUPER_MAGIC,
                                           CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,
                                           TRACEFS_MAGIC,       SECURITYFS_MAGIC,   BPF_FS_MAGIC,
                                           PSTOREFS_MAGIC,      EFIVARFS_MAGIC,     0x19800202 /* mqueue */,
                                           0x62656570 /* configfs */ };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if ((unsigned long)fs.f_type == kinds[i])
            return true;
    return false;
}

static int pack_opaque(struct tree_pack *p, const struct stat *st, struct creel_err *err)
{
    size_t before;
    struct stat plain = *st;
    plain.st_mode = S_IFREG;
    plain.st_size = 0;
    if (push(p, WHITEOUT_OPAQUE_NAME, &before, err) < 0)
        return -1;
    set_metadata(p, &plain, TAR_FILE);
    int r = tar_writer_entry(p->writer, &p->entry, err);
    pop(p, before);
    return r;
}

static int pack_dir(struct tree_pack *p, int dir, const char *name, const struct stat *above, struct creel_err *err)
{
    struct stat st;
    size_t before = p->path_len;
    auto_fd fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return vanished(errno) ? 0 : pack_fail(p, "opening the directory", errno, err);
    if (fstat(fd, &st) < 0)
        return pack_fail(p, "looking at", errno, err);
    if (p->layer && check_layer_form(p, fd, err) < 0)
        return -1;
    p->entry.path[p->path_len++] = '/'; /* push keeps room for it */
    p->entry.path[p->path_len] = '\0';
    set_metadata(p, &st, TAR_DIR);
    if (read_xattrs(p, fd, err) < 0 || tar_writer_entry(p->writer, &p->entry, err) < 0)
        return -1;
    p->entry.xattr_count = 0;
    if (p->layer && overlay_mark(fd, "trusted.overlay.opaque") && pack_opaque(p, &st, err) < 0)
        return -1;
    if (above != NULL && above->st_dev != st.st_dev && shows_kernel(fd))
        return 0;
    int r = pack_children(p, fd, &st, err);
    pop(p, before);
    return r;
}

/* A mount point that the runtime made and nothing was put into since. */
static bool is_stub(const struct tree_pack *p, int dir, const char *name, const struct stat *st)
{
    char path[ARCHIVE_PATH_MAX + 2];
    if (p->stubs == NULL)
        return false;
    (void)snprintf(path, sizeof path, "/%s",
                   strncmp(p->entry.path, "./", 2) == 0 ? p->entry.path + 2 : p->entry.path);
    if (json_object_get(p->stubs, path) == NULL)
        return false;
    if (S_ISREG(st->st_mode))
        return st->st_size == 0;
    int fd = S_ISDIR(st->st_mode) ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    auto_dir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        fd_closep(&fd);
        return false;
    }
    for (struct dirent *ent; (ent = readdir(d)) != NULL;)
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            return false;
    return true;
}

static int pack_named(struct tree_pack *p, int dir, const char *name, const struct stat *above, struct creel_err *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return vanished(errno) ? 0 : pack_fail(p, "looking at", errno, err);
    if (is_stub(p, dir, name, &st))
        return 0;
    if (p->layer && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
        return pack_whiteout(p, name, &st, err);
    if (p->layer && strncmp(name, WHITEOUT_PREFIX, sizeof WHITEOUT_PREFIX - 1) == 0)
        return creel_fail(err, CREEL_INVALID, 0, "%s has a name that layers reserve for deletions", p->entry.path);
    switch (st.st_mode & S_IFMT) {
    case S_IFREG: return pack_file(p, dir, name, err);
    case S_IFDIR: return pack_dir(p, dir, name, above, err);
    case S_IFLNK: return pack_symlink(p, dir, name, &st, err);
    case S_IFCHR: case S_IFBLK: case S_IFIFO: return pack_node(p, &st, err);
    default: return 0; /* sockets, T4 */
    }
}

int tree_pack_one(struct tree_pack *p, int dir, const char *name, const char *as, struct creel_err *err)
{
    struct stat st;
    size_t before;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "looking at %s", name);
    if (push(p, as, &before, err) < 0)
        return -1;
    int r = pack_named(p, dir, name, NULL, err);
    pop(p, before);
    return r;
}

int tree_pack_content(struct tree_pack *p, int dir, struct creel_err *err)
{
    struct stat st;
    if (fstat(dir, &st) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "looking at the directory");
    return pack_children(p, dir, &st, err);
}
