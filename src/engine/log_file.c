/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/log_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    FILES_MAX = 1000,       /* as many as a writer keeps */
    CHUNK = 65536,
};

struct log_inflate {
    z_stream z;
    unsigned char in[CHUNK];
    bool end;
};

/* --- opening --- */

static int open_one(int dir, const char *name, bool compressed, struct log_file *ret)
{
    struct stat st;
    auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    *ret = (struct log_file){ .compressed = compressed, .dev = st.st_dev, .ino = st.st_ino, .fd = fd_take(&fd) };
    return 0;
}

/* name, name.1 or name.1.gz, … */
static int open_index(int dir, const char *name, int index, struct log_file *ret)
{
    char path[NAME_MAX + 32];
    if (index == 0)
        return open_one(dir, name, false, ret);
    (void)snprintf(path, sizeof path, "%s.%d", name, index);
    int r = open_one(dir, path, false, ret);
    if (r != -ENOENT)
        return r;
    (void)snprintf(path, sizeof path, "%s.%d.gz", name, index);
    return open_one(dir, path, true, ret);
}

static bool same_file(const struct log_file *a, const struct log_file *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static int add_file(struct log_files *f, struct log_file *one)
{
    for (size_t i = 0; i < f->count; i++) {
        if (same_file(&f->items[i], one)) {
            log_file_close(one);
            return 0;
        }
    }
    struct log_file *items = realloc(f->items, (f->count + 1) * sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    f->items = items;
    items[f->count++] = *one;
    return 0;
}

int log_files_open(const char *path, struct log_files *ret, struct creel_err *err)
{
    struct log_files f = { .dir_fd = -1 };
    const char *slash = strrchr(path, '/');
    if (slash == NULL || strlen(slash + 1) > NAME_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "\"%s\" is not the path of a log file", path);
    auto_free char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    f.name = strdup(slash + 1);
    if (dir == NULL || f.name == NULL) {
        free(f.name);
        return creel_fail_nomem(err);
    }
    f.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = f.dir_fd < 0 ? -errno : 0;
    /* a rotation may be moving names at this moment: a single missing number is not the end */
    for (int i = 0, missing = 0; r == 0 && i < FILES_MAX && missing < 2; i++) {
        struct log_file one;
        r = open_index(f.dir_fd, f.name, i, &one);
        if (r == 0) {
            missing = 0;
            r = add_file(&f, &one);
        } else if (r == -ENOENT) {
            missing++;
            r = 0;
        }
    }
    if (r < 0) {
        log_files_close(&f);
        return creel_fail(err, creel_kind_of_errno(-r), -r, "open the log %s", path);
    }
    *ret = f;
    return 0;
}

void log_file_close(struct log_file *f)
{
    fd_closep(&f->fd);
    if (f->inflate != NULL) {
        (void)inflateEnd(&f->inflate->z);
        free(f->inflate);
        f->inflate = NULL;
    }
}

void log_files_close(struct log_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        log_file_close(&f->items[i]);
    free(f->items);
    free(f->name);
    fd_closep(&f->dir_fd);
    *f = (struct log_files){ .dir_fd = -1 };
}

int log_files_next(const struct log_files *all, const struct log_file *f, struct log_file *ret, struct creel_err *err)
{
    int at = -1;
    for (int i = 0, missing = 0; at < 0 && i < FILES_MAX && missing < 2; i++) {
        struct log_file one;
        int r = open_index(all->dir_fd, all->name, i, &one);
        missing = r < 0 ? missing + 1 : 0;
        if (r < 0)
            continue;
        if (same_file(&one, f))
            at = i;
        log_file_close(&one);
    }
    if (at == 0)
        return 0;
    /* not found: it was compressed or thrown away; go on with the current one */
    int r = open_index(all->dir_fd, all->name, at > 0 ? at - 1 : 0, ret);
    if (r == -ENOENT) /* between two steps of a rotation; its end wakes us */
        return 0;
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "open the log %s", all->name);
    if (same_file(ret, f)) {
        log_file_close(ret);
        return 0;
    }
    return 1;
}

/* --- reading --- */

static ssize_t read_plain(int fd, void *buf, size_t n, struct creel_err *err)
{
    ssize_t r;
    do
        r = read(fd, buf, n);
    while (r < 0 && errno == EINTR);
    return r < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "read the log") : r;
}

static int inflate_begin(struct log_file *f, struct creel_err *err)
{
    f->inflate = calloc(1, sizeof *f->inflate);
    if (f->inflate == NULL || inflateInit2(&f->inflate->z, 15 + 16) != Z_OK) {
        free(f->inflate);
        f->inflate = NULL;
        return creel_fail_nomem(err);
    }
    return 0;
}

static ssize_t read_compressed(struct log_file *f, char *buf, size_t n, struct creel_err *err)
{
    if (f->inflate == NULL && inflate_begin(f, err) < 0)
        return -1;
    struct log_inflate *x = f->inflate;
    x->z.next_out = (unsigned char *)buf;
    x->z.avail_out = (uInt)n;
    while (!x->end && x->z.avail_out == n) {
        if (x->z.avail_in == 0) {
            ssize_t got = read_plain(f->fd, x->in, sizeof x->in, err);
            if (got < 0)
                return -1;
            if (got == 0)
                return creel_fail(err, CREEL_INTERNAL, 0, "a compressed log file is cut off");
            x->z.next_in = x->in;
            x->z.avail_in = (uInt)got;
        }
        int r = inflate(&x->z, Z_NO_FLUSH);
        if (r != Z_OK && r != Z_STREAM_END)
            return creel_fail(err, CREEL_INTERNAL, 0, "a compressed log file is damaged");
        x->end = r == Z_STREAM_END;
    }
    return (ssize_t)(n - x->z.avail_out);
}

ssize_t log_file_read(struct log_file *f, char *buf, size_t n, struct creel_err *err)
{
    return f->compressed ? read_compressed(f, buf, n, err) : read_plain(f->fd, buf, n, err);
}

int log_file_rewind(struct log_file *f, off_t offset, struct creel_err *err)
{
    if (f->inflate != NULL) {
        (void)inflateReset(&f->inflate->z);
        f->inflate->z.avail_in = 0;
        f->inflate->end = false;
    }
    if (lseek(f->fd, offset, SEEK_SET) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read the log");
    return 0;
}

/* --- the last lines --- */

static int count_lines(struct log_file *f, int64_t *ret, struct creel_err *err)
{
    auto_free char *buf = malloc(CHUNK);
    int64_t lines = 0;
    ssize_t n;
    if (buf == NULL)
        return creel_fail_nomem(err);
    while ((n = log_file_read(f, buf, CHUNK, err)) > 0)
        for (const char *p = buf, *end = buf + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
            lines++;
    *ret = lines;
    return n < 0 ? -1 : 0;
}

/* Backwards from the end. An unfinished line there does not count. */
static int find_backwards(int fd, int64_t wanted, off_t *ret_offset, int64_t *ret_lines, struct creel_err *err)
{
    auto_free char *buf = malloc(CHUNK);
    struct stat st;
    if (buf == NULL)
        return creel_fail_nomem(err);
    if (fstat(fd, &st) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "read the log");
    int64_t newlines = 0; /* one ends the last line, so `wanted` lines begin after wanted + 1 of them */
    for (off_t end = st.st_size; end > 0;) {
        size_t n = end < CHUNK ? (size_t)end : CHUNK;
        ssize_t got = pread(fd, buf, n, end - (off_t)n);
        if (got != (ssize_t)n)
            return creel_fail(err, CREEL_INTERNAL, got < 0 ? errno : EIO, "read the log");
        end -= (off_t)n;
        for (const char *p; (p = memrchr(buf, '\n', n)) != NULL; n = (size_t)(p - buf)) {
            if (++newlines > wanted) {
                *ret_offset = end + (p - buf) + 1;
                *ret_lines = wanted;
                return 0;
            }
        }
    }
    *ret_offset = 0;
    *ret_lines = newlines;
    return 0;
}

int log_file_tail(struct log_file *f, int64_t wanted, off_t *ret_offset, int64_t *ret_lines, struct creel_err *err)
{
    if (!f->compressed)
        return find_backwards(f->fd, wanted, ret_offset, ret_lines, err);
    *ret_offset = 0;
    return count_lines(f, ret_lines, err) < 0 ? -1 : log_file_rewind(f, 0, err);
}
