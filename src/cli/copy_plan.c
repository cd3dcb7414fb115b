/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copy_plan.h"

#include "cli/pathname.h"

#include "base/cleanup.h"

#include <string.h>

int copy_argument_split(const char *text, char **ret_container, char **ret_path, struct creel_err *err)
{
    const char *colon = strchr(text, ':');
    bool local = text[0] == '/' || text[0] == '.' || colon == NULL || colon == text;
    auto_free char *container = local ? NULL : strndup(text, (size_t)(colon - text));
    auto_free char *path = strdup(local ? text : colon + 1);
    if (path == NULL || (!local && container == NULL))
        return creel_fail_nomem(err);
    *ret_container = ptr_take(&container);
    *ret_path = ptr_take(&path);
    return 0;
}

void copy_plan_fini(struct copy_plan *p)
{
    free(p->dir);
    free(p->rename);
    *p = (struct copy_plan){ 0 };
}

int copy_plan_make(const struct copy_source *from, const struct copy_target *to, struct copy_plan *ret,
                   struct creel_err *err)
{
    auto_free char *dir = NULL, *base = NULL;
    *ret = (struct copy_plan){ 0 };
    if (to->exists && !to->is_dir && from->is_dir)
        return creel_fail(err, CREEL_INVALID, 0, "cannot copy directory %s onto the file %s", from->path, to->path);
    if (!to->exists && !from->is_dir && pathname_says_directory(to->path))
        return creel_fail(err, CREEL_INVALID, 0, "no such directory: %s", to->path);
    if (to->exists && to->is_dir) {
        dir = strdup(to->path);
        base = from->rename == NULL ? NULL : strdup(from->rename);
        if (dir == NULL || (from->rename != NULL && base == NULL))
            return creel_fail_nomem(err);
    } else if (!pathname_split(to->path, &dir, &base)) {
        return creel_fail_nomem(err);
    }
    ret->dir = ptr_take(&dir);
    ret->rename = ptr_take(&base);
    return 0;
}

int copy_follow(const char *path, const char *resolved, char **ret_path, char **ret_rename, struct creel_err *err)
{
    auto_free char *full = pathname_keep_ending(resolved, path);
    auto_free char *asked = pathname_base(path);
    auto_free char *found = full == NULL ? NULL : pathname_base(full);
    if (asked == NULL || found == NULL)
        return creel_fail_nomem(err);
    *ret_path = ptr_take(&full);
    *ret_rename = strcmp(asked, found) != 0 ? ptr_take(&asked) : NULL;
    return 0;
}
