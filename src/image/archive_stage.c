/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_stage.c: the outer archive of an image (docker save, OCI layout in a tar) into numbered files.
 *
 * Members get no names on disk, so what they are called cannot do anything: names only appear in the listing. Links
 * of the archive (older Docker versions link equal layers) become entries of the listing as well. */
#include "image/archive_op.h"

#include "image/confine.h"
#include "image/entry_path.h"
#include "image/hasher.h"
#include "image/tar_reader.h"
#include "image/worker.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAGE_FD = WORKER_FIRST_FD };

struct stage {
    int root;
    json_t *members;    /* name → {"n","size","digest"} or {"link"} */
    int64_t count, max;
};

static int add(struct stage *s, const char *name, json_t *value, struct creel_err *err)
{
    if (value == NULL)
        return creel_fail_nomem(err);
    if (json_object_set_new(s->members, name, value) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "the archive has a member whose name is not UTF-8: %s", name);
    return 0;
}

static int copy_member(int fd, struct tar_reader *r, const struct tar_entry *e, struct hasher *h,
                       struct creel_err *err)
{
    const void *data;
    size_t size;
    int64_t offset;
    int got;
    while ((got = tar_reader_data(r, &data, &size, &offset, err)) == 1) {
        if (offset != (int64_t)h->bytes || (int64_t)size > e->size - offset)
            return creel_fail(err, CREEL_INVALID, 0, "the member %s is sparse or longer than it says", e->path);
        hasher_add(h, data, size);
        int w = sys_write_all(fd, data, size);
        if (w < 0)
            return creel_fail(err, creel_kind_of_errno(-w), -w, "writing the member %s of the archive", e->path);
    }
    if (got == 0 && (int64_t)h->bytes != e->size)
        return creel_fail(err, CREEL_INVALID, 0, "the member %s is shorter than it says", e->path);
    return got;
}

static int stage_file(struct stage *s, struct tar_reader *r, const struct tar_entry *e, struct creel_err *err)
{
    char name[32], digest[DIGEST_MAX];
    auto_hasher h = HASHER_INIT;
    (void)snprintf(name, sizeof name, "%" PRId64, s->count);
    auto_fd fd = openat(s->root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "creating a file for member %s", e->path);
    if (hasher_init(&h, err) < 0 || copy_member(fd, r, e, &h, err) < 0 || hasher_digest(&h, digest, err) < 0)
        return -1;
    return add(s, e->path,
               json_pack("{s:I,s:I,s:s}", "n", (json_int_t)s->count, "size", (json_int_t)e->size, "digest", digest),
               err);
}

static int add_link(struct stage *s, const struct tar_entry *e, const char *target, struct creel_err *err)
{
    json_t *text = json_string(target);
    if (text == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "the member %s is a link to a name that is not UTF-8", e->path);
    return add(s, e->path, json_pack("{s:o}", "link", text), err);
}

/* Join a link's target to the member's directory, by text: there are no directories here. */
static int stage_symlink(struct stage *s, const struct tar_entry *e, struct creel_err *err)
{
    char joined[2 * ARCHIVE_PATH_MAX + 4], out[sizeof joined] = "";
    size_t len = 0, dir = (size_t)(entry_path_base(e->path) - e->path);
    (void)snprintf(joined, sizeof joined, "%.*s%s", e->link[0] == '/' ? 0 : (int)dir, e->path, e->link);
    for (const char *p = joined; *p != '\0';) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            if (len == 0)
                return creel_fail(err, CREEL_INVALID, 0, "the member %s is a link that leads out of the archive",
                                  e->path);
            while (len > 0 && out[len - 1] != '/')
                len--;
            len -= len > 0;
        } else if (n > 0 && !(n == 1 && p[0] == '.')) {
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, p, n);
            len += n;
        }
        p += n + strspn(p + n, "/");
    }
    out[len] = '\0';
    return add_link(s, e, out, err);
}

static int stage_member(struct stage *s, struct tar_reader *r, const struct tar_entry *e, struct creel_err *err)
{
    if (e->type == TAR_DIR || e->path[0] == '\0')
        return 0;
    if (++s->count > s->max)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the archive has more than %" PRId64 " members", s->max);
    switch (e->type) {
    case TAR_FILE: return stage_file(s, r, e, err);
    case TAR_SYMLINK: return stage_symlink(s, e, err);
    case TAR_HARDLINK: return add_link(s, e, e->link, err);
    case TAR_DIR: case TAR_CHAR: case TAR_BLOCK: case TAR_FIFO: break;
    }
    return creel_fail(err, CREEL_INVALID, 0, "not an image archive: %s is a device or a fifo", e->path);
}

static int stage_all(struct stage *s, struct source *src, struct creel_err *err)
{
    struct tar_reader r;
    struct tar_entry e;
    int got = tar_reader_open(&r, src, err);
    while (got >= 0 && (got = tar_reader_next(&r, &e, err)) == 1)
        got = stage_member(s, &r, &e, err);
    tar_reader_close(&r);
    return got;
}

int archive_op_stage(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    struct confine c = { .tree = -1, .limits = &a->limits };
    c.tree = confine_tree(STAGE_FD, false, false, err);
    if (c.tree < 0)
        return -1;
    (void)close(STAGE_FD);
    if (confine_enter(&c, err) < 0)
        return -1;
    auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stage s = { .root = root, .members = json_object(), .max = a->limits.members };
    struct source src;
    if (root < 0 || s.members == NULL)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the directory for the archive");
    int r = source_open(&src, STDIN_FILENO, &a->limits, err);
    if (r == 0)
        r = stage_all(&s, &src, err);
    source_close(&src);
    if (r == 0 && (*ret_ok = json_pack("{s:O}", "members", s.members)) == NULL)
        r = creel_fail_nomem(err);
    json_decref(s.members);
    return r;
}
