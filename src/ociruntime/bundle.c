/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/bundle.c: see ociruntime/bundle.h. */
#include "ociruntime/bundle.h"

#include "base/bytes.h"
#include "base/path.h"
#include "sys/mnt.h"
#include "sys/process.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG_MAX = 16 << 20 };

void bundle_fini(struct bundle *b)
{
    fd_closep(&b->dir);
    free(b->path);
    free(b->text);
    oci_config_free(b->config);
    *b = (struct bundle)BUNDLE_INIT;
}

static int open_directory(const char *path, struct bundle *b, struct creel_err *err)
{
    char link[SYS_FD_PATH_MAX], real[PATH_MAX];
    b->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (b->dir < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open bundle %s", path);
    ssize_t n = readlink(sys_fd_path(b->dir, link), real, sizeof real - 1);
    if (n <= 0 || (size_t)n >= sizeof real - 1)
        return creel_fail(err, CREEL_INTERNAL, n < 0 ? errno : ENAMETOOLONG, "find the path of bundle %s", path);
    b->path = strndup(real, (size_t)n);
    return b->path == NULL ? creel_fail_nomem(err) : 0;
}

/* `named`: by the caller, who may mean a pipe; what lies in a bundle is a file. */
static int read_config(const char *name, bool named, struct bundle *b, struct creel_err *err)
{
    struct stat st;
    auto_fd fd = openat(b->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK));
    if (fd < 0 && errno == ENOENT)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "JSON specification file %s not found", name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open %s in bundle %s", name, b->path);
    if (S_ISDIR(st.st_mode) || (!named && !S_ISREG(st.st_mode)))
        return creel_fail(err, CREEL_INVALID, 0, "%s in bundle %s is not a file", name, b->path);
    if (st.st_size > CONFIG_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "%s in bundle %s is larger than %d MiB", name, b->path, CONFIG_MAX >> 20);
    size_t room = S_ISREG(st.st_mode) ? (size_t)st.st_size : CONFIG_MAX; /* --config may be a pipe */
    b->text = malloc(room + 1);
    if (b->text == NULL)
        return creel_fail_nomem(err);
    int r = sys_read_all(fd, b->text, room, &b->len);
    if (r < 0)
        return creel_fail(err, creel_kind_of_errno(-r), -r, "read %s in bundle %s", name, b->path);
    b->text[b->len] = '\0';
    return 0;
}

int bundle_open(const struct invocation *in, struct bundle *ret, struct creel_err *err)
{
    const char *path = option_string(in, "bundle"), *config = option_string(in, "config");
    *ret = (struct bundle)BUNDLE_INIT;
    bool named = option_given(in, "config") && config != NULL && config[0] != '\0';
    if (open_directory(path != NULL && path[0] != '\0' ? path : ".", ret, err) < 0
        || read_config(named ? config : "config.json", named, ret, err) < 0
        || oci_config_parse(ret->text, ret->len, &ret->config, err) < 0)
        return -1;
    return oci_config_validate(ret->config, err);
}

int bundle_rootfs(const struct bundle *b, char **ret, struct creel_err *err)
{
    const char *path = b->config->root.present ? b->config->root.path : NULL;
    auto_bytes joined = BYTES_INIT;
    if (path == NULL || path[0] == '\0') {
        *ret = strdup("");
        return *ret == NULL ? creel_fail_nomem(err) : 0;
    }
    if (path[0] != '/')
        bytes_addf(&joined, "%s/", b->path);
    bytes_adds(&joined, path);
    if (!bytes_ok(&joined))
        return creel_fail_nomem(err);
    *ret = path_clean(bytes_str(&joined));
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}
