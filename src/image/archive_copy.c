/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_copy.c: files of a container or of the caller to and from tar streams. */
#include "image/archive_op.h"

#include "image/confine.h"
#include "image/entry_path.h"
#include "image/extract.h"
#include "image/resolve.h"
#include "image/tree_pack.h"
#include "image/view.h"
#include "image/worker.h"
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { TREE_FD = WORKER_FIRST_FD };

/* --- common --- */

static const char *text_of(const struct archive_op_args *a, const char *key)
{
    return json_string_value(json_object_get(a->request, key));
}

static bool flag_of(const struct archive_op_args *a, const char *key)
{
    return json_is_true(json_object_get(a->request, key));
}

/* Confine to the container's files and open their root. */
static int enter_view(const struct archive_op_args *a, bool with_mounts, bool writable, struct creel_err *err)
{
    struct confine c = { .tree = -1, .limits = &a->limits };
    c.tree = view_open(json_object_get(a->request, "view"), with_mounts, writable, err);
    if (c.tree < 0)
        return -1;
    (void)close_range(WORKER_FIRST_FD, (unsigned)c.tree - 1, 0);
    (void)close_range((unsigned)c.tree + 1, ~0u, 0);
    if (confine_enter(&c, err) < 0)
        return -1;
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "opening the container's root") : root;
}

/* The engine adds in which container. */
static int not_found(const char *path, struct creel_err *err)
{
    return creel_fail(err, CREEL_NOT_FOUND, 0, "Could not find the file %s", path);
}

static int path_fail(const char *path, int error, struct creel_err *err)
{
    if (error == ENOENT || error == ENOTDIR)
        return not_found(path, err);
    if (error == ELOOP)
        return creel_fail(err, CREEL_INVALID, 0, "%s: the symbolic links on the way go round in circles", path);
    return creel_fail(err, creel_kind_of_errno(error), error, "%s", path);
}

/* A path that ends in "/" or "/." means what a link there points to. */
static bool means_directory(const char *path)
{
    size_t n = strlen(path);
    return n == 0 || path[n - 1] == '/' || (path[n - 1] == '.' && (n == 1 || path[n - 2] == '/'));
}

/* --- stat --- */

/* Mode bits as Go's os.FileMode has them, which is what clients of the Docker API expect. */
static json_int_t go_mode(mode_t m)
{
    json_int_t go = m & 0777;
    static const struct { mode_t type; unsigned bit; } types[] = {
        { S_IFDIR, 31 }, { S_IFLNK, 27 }, { S_IFBLK, 26 }, { S_IFIFO, 25 }, { S_IFSOCK, 24 },
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((m & S_IFMT) == types[i].type)
            go |= (json_int_t)1 << types[i].bit;
    if ((m & S_IFMT) == S_IFCHR)
        go |= (json_int_t)1 << 26 | (json_int_t)1 << 21;
    return go | (m & S_ISUID ? (json_int_t)1 << 23 : 0) | (m & S_ISGID ? (json_int_t)1 << 22 : 0)
           | (m & S_ISVTX ? (json_int_t)1 << 20 : 0);
}

int archive_op_stat(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    const char *path = text_of(a, "path");
    char resolved[ARCHIVE_PATH_MAX + 2], target[ARCHIVE_PATH_MAX + 2] = "";
    struct stat st;
    auto_fd root = enter_view(a, true, false, err);
    if (root < 0)
        return -1;
    if (path == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "no path was given");
    int r = resolve_path(root, path, means_directory(path), resolved);
    if (r < 0)
        return path_fail(path, -r, err);
    auto_fd fd = sys_open_in_root(root, resolved, O_PATH | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        return path_fail(path, fd < 0 ? -fd : errno, err);
    if (means_directory(path) && strcmp(resolved, "/") != 0 && !S_ISDIR(st.st_mode))
        return not_found(path, err);
    if (S_ISLNK(st.st_mode) && resolve_path(root, path, true, target) < 0)
        target[0] = '\0';
    const char *name = strcmp(resolved, "/") == 0 ? "/" : strrchr(resolved, '/') + 1;
    *ret_ok = json_pack("{s:s%,s:I,s:I,s:I,s:I,s:s%}", "name", name, strlen(name), "size", (json_int_t)st.st_size,
                        "mode", go_mode(st.st_mode), "mtime", (json_int_t)st.st_mtim.tv_sec, "mtime_nsec",
                        (json_int_t)st.st_mtim.tv_nsec, "linkTarget", target, strlen(target));
    return *ret_ok != NULL ? 0 : creel_fail(err, CREEL_INVALID, 0, "%s has a name that is not UTF-8", path);
}

/* --- out --- */

struct output { struct sink sink; struct tar_writer writer; struct tree_pack pack; };

static int output_open(struct output *o, struct creel_err *err)
{
    if (sink_open(&o->sink, STDOUT_FILENO, false, err) < 0)
        return -1;
    tar_writer_init(&o->writer, &o->sink);
    return tree_pack_init(&o->pack, &o->writer, err);
}

static int output_end(struct output *o, struct creel_err *err)
{
    return tar_writer_end(&o->writer, err) < 0 ? -1 : sink_finish(&o->sink, err);
}

static void output_close(struct output *o)
{
    tree_pack_fini(&o->pack);
    tar_writer_fini(&o->writer);
    sink_close(&o->sink);
}

/* What the first component of the archive's names is: the last one of the path as it was given. */
static void name_for(const char *path, char *buf, size_t size)
{
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && path[start - 1] != '/')
        start--;
    (void)snprintf(buf, size, "%.*s", n > start ? (int)(n - start) : 1, n > start ? path + start : ".");
    if (strcmp(buf, "..") == 0)
        (void)snprintf(buf, size, ".");
}

/* Whatever `fill` packs, as an archive on standard output. */
static int write_output(int (*fill)(struct output *o, const struct archive_op_args *a, int root, struct creel_err *err),
                        const struct archive_op_args *a, int root, struct creel_err *err)
{
    struct output *o = calloc(1, sizeof *o);
    if (o == NULL)
        return creel_fail_nomem(err);
    int r = output_open(o, err);
    if (r == 0)
        r = fill(o, a, root, err);
    if (r == 0)
        r = output_end(o, err);
    output_close(o);
    free(o);
    return r;
}

static int copy_out(struct output *o, const struct archive_op_args *a, int root, struct creel_err *err)
{
    const char *path = text_of(a, "path");
    char resolved[ARCHIVE_PATH_MAX + 2], name[256];
    int r = resolve_path(root, path, flag_of(a, "follow") || means_directory(path), resolved);
    if (r < 0)
        return path_fail(path, -r, err);
    name_for(path, name, sizeof name);
    char *slash = strrchr(resolved, '/');
    const char *last = slash[1] != '\0' ? slash + 1 : ".";
    struct stat st;
    *slash = '\0';
    auto_fd dir = sys_open_in_root(root, slash == resolved ? "/" : resolved, O_RDONLY | O_DIRECTORY);
    if (dir < 0 || fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return path_fail(path, dir < 0 ? -dir : errno, err);
    if (means_directory(path) && !S_ISDIR(st.st_mode))
        return not_found(path, err);
    return tree_pack_one(&o->pack, dir, last, name, err);
}

int archive_op_copy_out(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    *ret_ok = NULL;
    auto_fd root = enter_view(a, true, false, err);
    if (root < 0)
        return -1;
    if (text_of(a, "path") == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "no path was given");
    return write_output(copy_out, a, root, err);
}

static int export_all(struct output *o, const struct archive_op_args *a, int root, struct creel_err *err)
{
    (void)a;
    return tree_pack_content(&o->pack, root, err);
}

int archive_op_export(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    *ret_ok = NULL;
    auto_fd root = enter_view(a, false, false, err);
    return root < 0 ? -1 : write_output(export_all, a, root, err);
}

static int pack_plain(struct output *o, const struct archive_op_args *a, int root, struct creel_err *err)
{
    const char *name = text_of(a, "name"), *rename_to = text_of(a, "rename_to");
    o->pack.root_owned = flag_of(a, "root_owned");
    o->pack.stubs = json_object_get(a->request, "stubs");
    return tree_pack_one(&o->pack, root, name, rename_to != NULL ? rename_to : name, err);
}

static int pack_layer(struct output *o, const struct archive_op_args *a, int root, struct creel_err *err)
{
    o->pack.layer = true;
    return pack_plain(o, a, root, err);
}

/* A directory of the host: the caller's own files, or a container's upper directory in layer form. */
static int pack_tree(const struct archive_op_args *a, bool layer, struct creel_err *err)
{
    struct confine c = { .tree = -1, .trusted_xattrs = layer, .limits = &a->limits };
    if (text_of(a, "name") == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the request names nothing to pack");
    c.tree = confine_tree(TREE_FD, !layer, true, err);
    if (c.tree < 0)
        return -1;
    (void)close(TREE_FD);
    if (confine_enter(&c, err) < 0)
        return -1;
    auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the directory to pack");
    return write_output(layer ? pack_layer : pack_plain, a, root, err);
}

int archive_op_pack(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    *ret_ok = NULL;
    return pack_tree(a, false, err);
}

int archive_op_pack_layer(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    *ret_ok = NULL;
    return pack_tree(a, true, err);
}

/* --- in --- */

static int extract_stream(int root, const struct archive_op_args *a, unsigned flags, const char *prefix,
                          struct creel_err *err)
{
    struct source src;
    struct tar_reader r;
    struct extract x;
    extract_init(&x, root, flags, text_of(a, "rename_to"));
    x.prefix = prefix;
    int got = source_open(&src, STDIN_FILENO, &a->limits, err);
    if (got == 0) {
        got = tar_reader_open(&r, &src, err);
        if (got == 0)
            got = extract_all(&x, &r, err);
        tar_reader_close(&r);
    }
    extract_fini(&x);
    source_close(&src);
    return got;
}

static unsigned extract_flags(const struct archive_op_args *a)
{
    return (flag_of(a, "keep_owner") ? EXTRACT_OWNER : 0)
           | (flag_of(a, "no_overwrite_dir_non_dir") ? EXTRACT_NO_OVERWRITE_DIR_NON_DIR : 0);
}

int archive_op_unpack_files(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    struct confine c = { .tree = -1, .limits = &a->limits };
    *ret_ok = NULL;
    c.tree = confine_tree(TREE_FD, true, false, err);
    if (c.tree < 0)
        return -1;
    (void)close(TREE_FD);
    if (confine_enter(&c, err) < 0)
        return -1;
    auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the directory to unpack in");
    return extract_stream(root, a, extract_flags(a), NULL, err);
}

/* Docker's words for a target on a read-only mount. */
static int check_writable(int root, int dir, struct creel_err *err)
{
    struct statvfs fs;
    struct statx rx, dx;
    if (fstatvfs(dir, &fs) < 0 || (fs.f_flag & ST_RDONLY) == 0)
        return 0;
    bool same = statx(root, "", AT_EMPTY_PATH, STATX_MNT_ID, &rx) == 0
                && statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &dx) == 0 && rx.stx_mnt_id == dx.stx_mnt_id;
    return creel_fail(err, CREEL_DENIED, 0, same ? "container rootfs is marked read-only"
                                                 : "mounted volume is marked read-only");
}

int archive_op_copy_in(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    const char *path = text_of(a, "path");
    char resolved[ARCHIVE_PATH_MAX + 2];
    struct stat st;
    *ret_ok = NULL;
    auto_fd root = enter_view(a, true, true, err);
    if (root < 0)
        return -1;
    if (path == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "no path was given");
    int r = resolve_path(root, path, true, resolved);
    if (r < 0)
        return path_fail(path, -r, err);
    auto_fd dir = sys_open_in_root(root, resolved, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (dir < 0 || fstat(dir, &st) < 0)
        return path_fail(path, dir < 0 ? -dir : errno, err);
    if (!S_ISDIR(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "extraction point is not a directory");
    if (check_writable(root, dir, err) < 0)
        return -1;
    return extract_stream(root, a, extract_flags(a), resolved[1] != '\0' ? resolved + 1 : NULL, err);
}
