/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_compose.c: an image archive from documents and stored blobs. */
#include "image/archive_op.h"

#include "image/confine.h"
#include "image/report.h"
#include "image/source.h"
#include "image/tar_writer.h"
#include "image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOBS_FD = WORKER_FIRST_FD };

/* The blob's bytes, or with `plain` what they decompress to; both must be exactly what the store says. */
static int copy_blob(struct tar_writer *w, int fd, const char *digest, bool plain,
                     const struct archive_limits *limits, struct creel_err *err)
{
    struct source src;
    const void *data;
    ssize_t n;
    char actual[DIGEST_MAX] = "";
    int r = source_open(&src, fd, limits, err);
    if (r == 0 && !plain)
        src.compression = COMPRESSION_NONE;
    while (r == 0 && (n = source_read(&src, &data, err)) != 0) {
        if (n > w->left)
            r = creel_fail(err, CREEL_INTERNAL, 0, "the stored layer %s is longer than it should be", digest);
        else
            r = n < 0 ? -1 : tar_writer_data(w, data, (size_t)n, err);
    }
    if (r == 0 && w->left != 0)
        r = creel_fail(err, CREEL_INTERNAL, 0, "the stored layer %s is shorter than it should be", digest);
    if (r == 0)
        r = hasher_digest(&src.plain, actual, err);
    if (r == 0 && strcmp(actual, digest) != 0)
        r = creel_fail(err, CREEL_INTERNAL, 0, "the stored layer %s is damaged: its digest is %s", digest, actual);
    source_close(&src);
    return r;
}

/* Open all blobs before the first byte goes out: the engine then need not keep them from being deleted any longer.
 * fds has one per member, -1 for texts. */
static int open_blobs(int blobs, const json_t *members, int *fds, struct creel_err *err)
{
    const json_t *m;
    size_t i;
    json_array_foreach(members, i, m) {
        const char *file = json_string_value(json_object_get(m, "blob"));
        struct stat st;
        if (json_is_string(json_object_get(m, "text")))
            continue;
        if (file == NULL || strchr(file, '/') != NULL)
            return creel_fail(err, CREEL_INVALID, 0, "a member of the request makes no sense");
        fds[i] = openat(blobs, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fds[i] < 0 || fstat(fds[i], &st) < 0 || !S_ISREG(st.st_mode))
            return creel_fail(err, CREEL_INTERNAL, fds[i] < 0 ? errno : 0, "opening the stored blob %s", file);
    }
    return 0;
}

/* digest and size are of what is written. */
static int compose_blob(struct tar_writer *w, int fd, const json_t *m, const char *name,
                        const struct archive_limits *limits, struct creel_err *err)
{
    const char *digest = json_string_value(json_object_get(m, "digest"));
    const json_t *size = json_object_get(m, "size");
    struct tar_entry e = { .type = TAR_FILE, .mode = 0644, .size = json_integer_value(size) };
    if (!digest_ok(digest) || !json_is_integer(size) || e.size < 0 || strlen(name) >= sizeof e.path)
        return creel_fail(err, CREEL_INVALID, 0, "a member of the request makes no sense");
    memcpy(e.path, name, strlen(name) + 1);
    if (tar_writer_entry(w, &e, err) < 0)
        return -1;
    return copy_blob(w, fd, digest, json_is_true(json_object_get(m, "plain")), limits, err);
}

static int write_members(struct tar_writer *w, const json_t *members, const int *fds,
                         const struct archive_limits *limits, struct creel_err *err)
{
    const json_t *m;
    size_t i;
    json_array_foreach(members, i, m) {
        const char *name = json_string_value(json_object_get(m, "name"));
        const json_t *text = json_object_get(m, "text");
        if (name == NULL)
            return creel_fail(err, CREEL_INVALID, 0, "a member of the request has no name");
        int r = fds[i] < 0 ? tar_writer_text(w, name, json_string_value(text), json_string_length(text), err)
                           : compose_blob(w, fds[i], m, name, limits, err);
        if (r < 0)
            return -1;
    }
    return tar_writer_end(w, err);
}

static int compose(struct tar_writer *w, int blobs, const struct archive_op_args *a, struct creel_err *err)
{
    const json_t *members = json_object_get(a->request, "members");
    size_t count = json_array_size(members);
    int *fds = calloc(count > 0 ? count : 1, sizeof *fds);
    if (fds == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        fds[i] = -1;
    int r = open_blobs(blobs, members, fds, err);
    if (r == 0) {
        report_started();
        r = write_members(w, members, fds, &a->limits, err);
    }
    free(fds); /* the descriptors go with the process */
    return r;
}

int archive_op_compose(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    struct confine c = { .tree = -1, .limits = &a->limits };
    c.tree = confine_tree(BLOBS_FD, false, true, err);
    if (c.tree < 0)
        return -1;
    (void)close(BLOBS_FD);
    if (confine_enter(&c, err) < 0)
        return -1;
    auto_fd blobs = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_sink sink = SINK_INIT;
    if (blobs < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the blobs");
    if (sink_open(&sink, STDOUT_FILENO, false, err) < 0)
        return -1;
    struct tar_writer w;
    tar_writer_init(&w, &sink);
    int r = compose(&w, blobs, a, err);
    if (r == 0)
        r = sink_finish(&sink, err);
    tar_writer_fini(&w);
    *ret_ok = NULL;
    return r;
}
