/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_below.c: groups that the container made below its own, and processes that enter those.
 *
 *   I1  Whatever is asked for lies below the container's group: paths with ".." are refused, and group hierarchies have no
 *       links.
 *   I2  A group that was asked for by name and is not there is an error; nothing is made, and no other is taken instead. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* "/a//b/" as "a/b"; "" for the group itself. */
static int below_clean(const char *path, struct bytes *out, struct creel_err *err)
{
    for (const char *p = path; *p != '\0';) {
        size_t n = strcspn(p, "/");
        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return creel_fail(err, CREEL_INVALID, 0, "bad sub cgroup path: %.200s", path);
        if (n > 0) {
            bytes_adds(out, out->len > 0 ? "/" : "");
            bytes_add(out, p, n);
        }
        p += n + (p[n] == '/');
    }
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* Where the descriptor of the hierarchy's way in is kept; NULL when there is none, or when some hierarchy may not
 * be entered. tasks[] has one per version 1 hierarchy that the group is in, in the order of the layout. */
static int *entry_of(struct cgroup *c, size_t hierarchy)
{
    size_t at = 0, count = 0;
    if (c->layout.items[hierarchy].v2)
        return &c->v2_dir;
    for (size_t i = 0; i < c->layout.count; i++)
        if (!c->layout.items[i].v2 && !c->nodes[i].absent) {
            at += i < hierarchy;
            count++;
        }
    return !c->nodes[hierarchy].absent && count == c->task_count ? &c->tasks[at] : NULL;
}

static int enter_one(struct cgroup *c, size_t hierarchy, const char *below, struct creel_err *err)
{
    const struct cgroup_hierarchy *h = &c->layout.items[hierarchy];
    char file[4096];
    int *entry = entry_of(c, hierarchy);
    int n = snprintf(file, sizeof file, "%s%s%s", below, h->v2 || below[0] == '\0' ? "" : "/", h->v2 ? "" : "tasks");
    if (n < 0 || (size_t)n >= sizeof file)
        return creel_fail(err, CREEL_INVALID, ENAMETOOLONG, "bad sub cgroup path: %.100s", below);
    int fd = cgroup_file_open(c, hierarchy, file, h->v2 ? O_RDONLY | O_DIRECTORY : O_WRONLY);
    if (fd < 0 || entry == NULL)
        return creel_fail(err, fd < 0 ? creel_kind_of_errno(-fd) : CREEL_INTERNAL, fd < 0 ? -fd : 0,
                          "adding pid of the new process to cgroups: open %s%s/%s", h->mount, c->path, below);
    fd_closep(entry);
    *entry = fd;
    return 0;
}

static int enter_controller(struct cgroup *c, const char *controller, const char *below, struct creel_err *err)
{
    for (size_t i = 0; i < c->layout.count; i++) {
        const char *names = c->layout.items[i].controllers;
        if (!c->layout.items[i].v2 && (cgroup_list_has(names, controller) ||
                                       (strncmp(names, "name=", 5) == 0 && strcmp(names + 5, controller) == 0)))
            return enter_one(c, i, below, err);
    }
    return creel_fail(err, CREEL_INVALID, 0, "unknown controller %.60s: no cgroup v1 hierarchy of this host has it",
                      controller);
}

static int enter_controllers(struct cgroup *c, const char *arg, const char *names, const char *below,
                             struct creel_err *err)
{
    auto_strv list = STRV_INIT;
    if (!strv_split(&list, names, ','))
        return creel_fail_nomem(err);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i][0] == '\0')
            return creel_fail(err, CREEL_INVALID, 0, "invalid --cgroup argument: %.200s (empty <controller> prefix)",
                              arg);
        for (size_t k = 0; k < i; k++)
            if (strcmp(list.items[k], list.items[i]) == 0)
                return creel_fail(err, CREEL_INVALID, 0,
                                  "invalid --cgroup argument(s): controller %.60s specified multiple times",
                                  list.items[i]);
        if (enter_controller(c, list.items[i], below, err) < 0)
            return -1;
    }
    return 0;
}

int cgroup_enter_below(struct cgroup *c, const struct strv *args, struct creel_err *err)
{
    for (size_t i = 0; i < args->count; i++) {
        const char *arg = args->items[i], *colon = strchr(arg, ':');
        auto_bytes below = BYTES_INIT;
        if (colon == NULL && args->count > 1)
            return creel_fail(err, CREEL_INVALID, 0,
                              "invalid --cgroup argument: %.200s (missing <controller>: prefix)", arg);
        if (below_clean(colon != NULL ? colon + 1 : arg, &below, err) < 0)
            return -1;
        if (colon != NULL) {
            auto_free char *names = strndup(arg, (size_t)(colon - arg));
            if (names == NULL)
                return creel_fail_nomem(err);
            if (enter_controllers(c, arg, names, bytes_str(&below), err) < 0)
                return -1;
            continue;
        }
        for (size_t h = 0; h < c->layout.count; h++)
            if (!c->nodes[h].absent && enter_one(c, h, bytes_str(&below), err) < 0)
                return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ where a process is */

bool cgroup_has_inner_groups(const struct cgroup *c)
{
    char text[512];
    return c->layout.unified && cgroup_file_read(c, c->v2, "cgroup.subtree_control", text, sizeof text) > 0;
}

/* "0::/a/b\n" */
static int v2_path_of(pid_t pid, char *buf, size_t cap, struct creel_err *err)
{
    char file[64];
    size_t len = 0;
    (void)snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);    /* fits */
    auto_file FILE *f = fopen(file, "re");
    char *line = NULL;
    size_t size = 0;
    while (f != NULL && len == 0 && getline(&line, &size, f) > 0)
        if (strncmp(line, "0::", 3) == 0) {
            len = strcspn(line + 3, "\n");
            if (len > 0 && len < cap)
                memcpy(buf, line + 3, len);
        }
    free(line);
    if (len == 0 || len >= cap)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "find the cgroup of process %d", (int)pid);
    buf[len] = '\0';
    return 0;
}

int cgroup_open_of_process(pid_t pid, struct cgroup **ret, struct creel_err *err)
{
    char path[4096];
    return v2_path_of(pid, path, sizeof path, err) < 0 ? -1 : cgroup_open(path, CGROUP_FS, ret, err);
}
