/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image_archive.h"

#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 16 };

static int stage(struct image_work *w, int in_fd, struct image_archive *a, struct creel_err *err)
{
    auto_worker worker = WORKER_INIT;
    json_t *ok = NULL;
    if (mkdirat(w->dir, "stage", 0700) < 0
        || (a->dir = openat(w->dir, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "making a directory for the archive");
    json_t *request = json_pack("{s:o}", "limits", archive_limits_print(&w->limits));
    int r = request == NULL ? creel_fail_nomem(err)
                            : worker_start(w->e->libexec, "stage", request, in_fd, -1, &a->dir, 1, &worker, err);
    json_decref(request);
    while (r == 0) {
        uint64_t done = 0, total = 0;
        int got = worker_next(&worker, &done, &total, &ok, err);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        if (w->progress != NULL)
            w->progress(w->progress_arg, "reading the archive", done, 0);
    }
    if (r < 0)
        return -1;
    a->members = json_incref(json_object_get(ok, "members"));
    json_decref(ok);
    return json_is_object(a->members)
               ? 0
               : creel_fail(err, CREEL_INTERNAL, 0, "the archive worker's answer makes no sense");
}

int image_archive_open(struct image_work *w, int in_fd, struct image_archive *ret, struct creel_err *err)
{
    auto_image_archive a = IMAGE_ARCHIVE_INIT;
    struct stat st;
    if (fstat(in_fd, &st) < 0)
        return creel_fail(err, CREEL_INVALID, errno, "looking at the archive");
    if (S_ISDIR(st.st_mode)) {
        a.dir = openat(in_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (a.dir < 0)
            return creel_fail(err, creel_kind_of_errno(errno), errno, "opening the layout directory");
    } else if (stage(w, in_fd, &a, err) < 0) {
        return -1;
    }
    *ret = a;
    a = (struct image_archive)IMAGE_ARCHIVE_INIT;
    return 0;
}

void image_archive_close(struct image_archive *a)
{
    fd_closep(&a->dir);
    json_decref(a->members);
    a->members = NULL;
}

/* Follow links of the listing to a file. Borrowed; NULL: none. */
static const json_t *find_member(const struct image_archive *a, const char *name, bool *ret_circular)
{
    *ret_circular = false;
    for (int i = 0; i < LINKS_MAX; i++) {
        const json_t *m = json_object_get(a->members, name);
        const char *link = json_string_value(json_object_get(m, "link"));
        if (link == NULL)
            return m;
        name = link;
    }
    *ret_circular = true;
    return NULL;
}

static int open_in_layout(const struct image_archive *a, const char *name)
{
    int fd = sys_openat2(a->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
                         SYS_RESOLVE_BENEATH | SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_NO_MAGICLINKS);
    return fd == -ENOSYS ? sys_open_no_links(a->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0) : fd;
}

bool image_archive_has(const struct image_archive *a, const char *name)
{
    bool circular;
    if (a->members != NULL)
        return find_member(a, name, &circular) != NULL;
    auto_fd fd = open_in_layout(a, name);
    return fd >= 0;
}

int image_archive_member(const struct image_archive *a, const char *name, int64_t *ret_size, struct creel_err *err)
{
    bool circular = false;
    auto_fd fd = -1;
    struct stat st;
    if (a->members != NULL) {
        char number[32];
        const json_t *m = find_member(a, name, &circular), *n = json_object_get(m, "n");
        if (circular)
            return creel_fail(err, CREEL_INVALID, 0, "the archive's links for %.200s go round in circles", name);
        if (!json_is_integer(n))
            return creel_fail(err, CREEL_INVALID, 0, "the archive has no %.200s", name);
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(n));
        fd = openat(a->dir, number, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    } else {
        fd = open_in_layout(a, name);
        errno = fd < 0 ? -fd : 0;
    }
    if (fd < 0)
        return creel_fail(err, CREEL_INVALID, errno, "opening %.200s of the image", name);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "%.200s of the image is not a regular file", name);
    *ret_size = st.st_size;
    return fd_take(&fd);
}

static int read_document(int fd, const char *name, int64_t size, char **ret, struct creel_err *err)
{
    if (size > DOCUMENT_MAX)
        return creel_fail(err, CREEL_EXHAUSTED, 0, "the document %.200s is larger than %d bytes", name, DOCUMENT_MAX);
    auto_free char *text = malloc((size_t)size + 1);
    if (text == NULL)
        return creel_fail_nomem(err);
    for (int64_t at = 0; at < size;) {
        ssize_t n = read(fd, text + at, (size_t)(size - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return creel_fail(err, CREEL_INVALID, n < 0 ? errno : 0, "the document %.200s is cut off", name);
        at += n;
    }
    text[size] = '\0';
    *ret = ptr_take(&text);
    return 0;
}

int image_archive_document(const struct image_archive *a, const char *name, const char *digest, int64_t size,
                           char **ret, size_t *ret_len, struct creel_err *err)
{
    int64_t actual = 0;
    char found[DIGEST_MAX];
    auto_free char *text = NULL;
    auto_fd fd = image_archive_member(a, name, &actual, err);
    if (fd < 0)
        return -1;
    if (size >= 0 && actual != size)
        return creel_fail(err, CREEL_INVALID, 0, "%.200s has %" PRId64 " bytes, its manifest says %" PRId64, name,
                          actual, size);
    if (read_document(fd, name, actual, &text, err) < 0)
        return -1;
    if (digest != NULL && strcmp(digest_of(text, (size_t)actual, found), digest) != 0)
        return creel_fail(err, CREEL_INVALID, 0, "%.200s has digest %s, expected %s", name, found, digest);
    if (strlen(text) != (size_t)actual)
        return creel_fail(err, CREEL_INVALID, 0, "%.200s has NUL bytes in it", name);
    *ret = ptr_take(&text);
    *ret_len = (size_t)actual;
    return 0;
}

const char *image_archive_blob_name(const char *digest, char *buf)
{
    (void)snprintf(buf, 96, "blobs/sha256/%s", digest_hex(digest));
    return buf;
}
