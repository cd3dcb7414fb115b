/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/passwd_lookup.h"

#include "base/ident.h"
#include "engine/layer_view.h"
#include "spec/user_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { DATABASE_MAX = 4 << 20, LAYERS_MAX = 256 };

struct roots { int fds[LAYERS_MAX]; size_t count; };

static void roots_fini(struct roots *r)
{
    for (size_t i = 0; i < r->count; i++)
        fd_closep(&r->fds[i]);
}
#define auto_roots auto_cleanup(roots_fini) struct roots

static int roots_open(struct creel *e, const char *id, const struct strv *lower, struct roots *r, struct creel_err *err)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    char path[sizeof "containers//upper" + IDENT_LEN];
    if (lower->count >= LAYERS_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "the image has %zu layers, at most %d are supported", lower->count,
                          LAYERS_MAX - 1);
    (void)snprintf(path, sizeof path, "containers/%s/upper", id);
    r->fds[r->count] = openat(e->root_fd, path, FLAGS);
    if (r->fds[r->count] < 0 && errno != ENOENT)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s/%s", e->root, path);
    r->count++;
    for (size_t i = 0; i < lower->count; i++) {
        char layer[64];
        int n = snprintf(layer, sizeof layer, "layers/%s", lower->items[i]);
        if (n < 0 || (size_t)n >= sizeof layer)
            return creel_fail(err, CREEL_INTERNAL, 0, "the name of layer %s is too long", lower->items[i]);
        int fd = openat(e->root_fd, layer, FLAGS);
        if (fd < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "open layer %s/%s", e->root, layer);
        r->fds[r->count++] = fd;
    }
    return 0;
}

/* Without the file a number still means something; a name does not, and then the reason is told. */
static int database_read(const struct roots *roots, const char *path, bool required, struct bytes *out,
                         struct creel_err *err)
{
    const struct layer_view view = { .roots = roots->fds, .count = roots->count };
    int r = layer_view_read(&view, path, DATABASE_MAX, out);
    if (r == 0)
        return 0;
    bytes_reset(out);
    if (r == -ENOENT || r == -ENOTDIR || !required)
        return 0;
    if (r == -EFBIG)
        return creel_fail(err, CREEL_INVALID, 0, "%s in the container is larger than %d bytes", path, DATABASE_MAX);
    if (r == -EINVAL)
        return creel_fail(err, CREEL_INVALID, 0, "%s in the container is not a regular file", path);
    return creel_fail(err, CREEL_INTERNAL, -r, "read %s of the container", path);
}

int passwd_lookup(struct creel *e, const char *id, const struct strv *lower, const char *user,
                  const struct strv *group_add, struct oci_user *ret, char **ret_home, struct creel_err *err)
{
    auto_roots roots = { .count = 0 };
    auto_bytes passwd = BYTES_INIT;
    auto_bytes group = BYTES_INIT;
    bool named = user_spec_is_name(user) || (group_add != NULL && group_add->count > 0);
    if (roots_open(e, id, lower, &roots, err) < 0
        || database_read(&roots, "/etc/passwd", named, &passwd, err) < 0
        || database_read(&roots, "/etc/group", named, &group, err) < 0)
        return -1;
    struct user_database db = { .passwd = passwd.data, .passwd_len = passwd.len, .group = group.data,
                                .group_len = group.len };
    return user_spec_resolve(user, &db, group_add, ret, ret_home, err);
}
