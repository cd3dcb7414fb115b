/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copy_local.h"

#include "cli/pathname.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40 };

void copy_local_fini(struct copy_local *l)
{
    free(l->path);
    free(l->rename);
    *l = (struct copy_local){ 0 };
}

static int path_error(struct creel_err *err, const char *what, const char *path)
{
    return creel_fail(err, creel_kind_of_errno(errno), errno, "%s %s", what, path);
}

/* Absolute and clean, with its ending. */
static int absolute(const char *path, char **ret, struct creel_err *err)
{
    auto_free char *cwd = getcwd(NULL, 0);
    if (cwd == NULL)
        return creel_fail(err, CREEL_INTERNAL, errno, "find the current directory");
    auto_free char *clean = pathname_absolute(cwd, path);
    *ret = clean == NULL ? NULL : pathname_keep_ending(clean, path);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

/* Everything before the last slash is resolved, what is behind it ("", ".", a name) stays as it is. */
static int resolve_parent(const char *path, char **ret, struct creel_err *err)
{
    const char *last = strrchr(path, '/') + 1; /* path is absolute */
    auto_bytes text = BYTES_INIT;
    auto_free char *parent = strndup(path, (size_t)(last - path));
    if (parent == NULL)
        return creel_fail_nomem(err);
    auto_free char *real = realpath(parent, NULL);
    if (real == NULL)
        return path_error(err, "open", path);
    bytes_addf(&text, "%s%s%s", real, strcmp(real, "/") == 0 ? "" : "/", last);
    if (!bytes_ok(&text))
        return creel_fail_nomem(err);
    *ret = bytes_take(&text);
    return 0;
}

static int source_resolve(const char *asked, bool follow, struct copy_local *ret, struct creel_err *err)
{
    if (follow) {
        auto_free char *real = realpath(asked, NULL);
        if (real == NULL)
            return path_error(err, "open", asked);
        return copy_follow(asked, real, &ret->path, &ret->rename, err);
    }
    if (resolve_parent(asked, &ret->path, err) < 0)
        return -1;
    if (asked[strlen(asked) - 1] != '/')
        return 0;
    auto_free char *a = pathname_base(asked), *b = pathname_base(ret->path);
    if (a == NULL || b == NULL)
        return creel_fail_nomem(err);
    if (strcmp(a, b) != 0)
        ret->rename = ptr_take(&a);
    return 0;
}

int copy_local_source(const char *path, bool follow, struct copy_local *ret, struct creel_err *err)
{
    auto_free char *asked = NULL;
    struct stat st;
    *ret = (struct copy_local){ 0 };
    if (absolute(path, &asked, err) < 0 || source_resolve(asked, follow, ret, err) < 0)
        return -1;
    if (lstat(ret->path, &st) < 0)
        return path_error(err, "open", path);
    ret->exists = true;
    ret->is_dir = S_ISDIR(st.st_mode);
    return 0;
}

/* One step along a link: *path becomes what it names. */
static int link_step(char **path, struct creel_err *err)
{
    char text[PATH_MAX];
    auto_free char *dir = NULL, *base = NULL;
    ssize_t n = readlink(*path, text, sizeof text - 1);
    if (n < 0)
        return path_error(err, "read the link", *path);
    text[n] = '\0';
    if (!pathname_split(*path, &dir, &base))
        return creel_fail_nomem(err);
    char *next = pathname_absolute(dir, text);
    if (next == NULL)
        return creel_fail_nomem(err);
    free(*path);
    *path = next;
    return 0;
}

static int parent_check(const char *path, struct creel_err *err)
{
    auto_free char *dir = NULL, *base = NULL;
    struct stat st;
    if (!pathname_split(path, &dir, &base))
        return creel_fail_nomem(err);
    if (stat(dir, &st) < 0 && errno == ENOENT)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "invalid output path: directory \"%s\" does not exist", dir);
    if (stat(dir, &st) < 0)
        return path_error(err, "invalid output path: open", dir);
    if (!S_ISDIR(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "invalid output path: \"%s\" is not a directory", dir);
    return 0;
}

int copy_local_target(const char *path, struct copy_local *ret, struct creel_err *err)
{
    struct stat st = { 0 };
    *ret = (struct copy_local){ 0 };
    if (absolute(path, &ret->path, err) < 0)
        return -1;
    int r = lstat(ret->path, &st);
    for (int links = 0; r == 0 && S_ISLNK(st.st_mode); r = lstat(ret->path, &st)) {
        if (++links > LINKS_MAX)
            return creel_fail(err, CREEL_INVALID, ELOOP, "open %s", path);
        if (link_step(&ret->path, err) < 0)
            return -1;
    }
    if (r < 0 && errno != ENOENT)
        return path_error(err, "open", ret->path);
    if (r < 0)
        return parent_check(ret->path, err);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "invalid output path: %s is neither a directory nor a regular file",
                          ret->path);
    ret->exists = true;
    ret->is_dir = S_ISDIR(st.st_mode);
    return 0;
}
