/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_plan_fuzz.c: any configuration that parses gives a plan that keeps its promises, or a refusal:
 * nothing but procfs goes on /proc and only known files go below it, nothing is mounted over the root, targets are
 * absolute and clean, a base is an earlier tmpfs that the target lies in, the pivot is last and the cgroup is entered
 * exactly once and before it is shown. */
#include "runtime/mount_plan.h"

#include "runtime/process_plan.h"
#include "runtime/sysctl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(x) ((x) ? (void)0 : abort())

static bool is_clean(const char *p)
{
    if (p[0] != '/')
        return false;
    if (p[1] == '\0')
        return true;
    size_t n = strlen(p);
    return p[n - 1] != '/' && strstr(p, "//") == NULL && strstr(p, "/./") == NULL && strstr(p, "/../") == NULL
           && (n < 3 || strcmp(p + n - 3, "/..") != 0) && strcmp(p + n - 2, "/.") != 0;
}

static bool mounts_something(const struct mount_step *s)
{
    return s->kind == MOUNT_NEW || s->kind == MOUNT_BIND || s->kind == MOUNT_DEVICE || s->kind == MOUNT_LINK;
}

static void check_step(const struct mount_plan *p, size_t i)
{
    const struct mount_step *s = &p->steps[i];
    if (s->target != NULL)
        check(is_clean(s->target));
    if (!mounts_something(s))
        return;
    check(strcmp(s->target, "/") != 0);
    if (strcmp(s->target, "/proc") == 0)
        check(s->kind == MOUNT_BIND || (s->kind == MOUNT_NEW && strcmp(s->type, "proc") == 0));
    if (strncmp(s->target, "/proc/", 6) == 0)
        check(s->kind == MOUNT_BIND && s->proc_file);
    if (s->base == MOUNT_ROOT)
        return;
    const struct mount_step *b = &p->steps[s->base];
    size_t n = strlen(b->target);
    check((size_t)s->base < i && b->kind == MOUNT_NEW && strcmp(b->type, "tmpfs") == 0);
    check(strncmp(s->target, b->target, n) == 0 && s->target[n] == '/' && strcmp(s->name, s->target + n + 1) == 0);
}

static void check_plan(const struct mount_plan *p)
{
    size_t entered = 0, pivots = 0;
    for (size_t i = 0; i < p->count; i++) {
        check_step(p, i);
        entered += p->steps[i].kind == MOUNT_CGROUP_ENTER;
        pivots += p->steps[i].kind == MOUNT_PIVOT;
        if (p->steps[i].kind == MOUNT_BIND && p->steps[i].open_late)
            check(entered == 1);
    }
    check(entered == 1 && pivots == 1 && p->steps[p->count - 1].kind == MOUNT_PIVOT);
}

static void check_sysctls(const struct oci_config *c)
{
    char path[SYSCTL_PATH_MAX];
    for (size_t i = 0; i < c->linux_.sysctl_count; i++) {
        if (sysctl_path(c, NULL, c->linux_.sysctl[i].key, c->linux_.sysctl[i].value, path, NULL) < 0)
            continue;
        check(strncmp(path, "sys/net/", 8) == 0 || strncmp(path, "sys/kernel/", 11) == 0
              || strncmp(path, "sys/fs/mqueue/", 14) == 0 || strncmp(path, "sys/user/", 9) == 0);
        check(strstr(path, "/../") == NULL && strstr(path, "//") == NULL && strchr(path, '\n') == NULL
              && strcmp(path, "sys/kernel/core_pattern") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cgroup_layout layout;
    auto_oci_config c = NULL;
    auto_bytes text = BYTES_INIT;
    struct mount_plan plan;
    struct process_plan process;
    if (layout.count == 0)
        check(cgroup_layout_load("20 1 0:1 / / rw - ext4 a rw\n30 20 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                                 "31 20 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", &layout, NULL) == 0);
    if (size > 65536 || oci_config_parse((const char *)data, size, &c, NULL) < 0)
        return 0;
    const struct mount_plan_input in = { .config = c, .bundle = "/bundle", .root = "/bundle/rootfs", .layout = &layout,
                                         .cgroup_path = "/creel/x" };
    if (mount_plan_build(&in, &plan, NULL) == 0) {
        check_plan(&plan);
        mount_plan_print(&plan, &text);
    }
    mount_plan_fini(&plan);
    check_sysctls(c);
    if (process_plan_build(c, &c->process, &process, NULL) == 0 && process.present)
        check(process.argv[0] != NULL && process.cwd[0] == '/' && process.groups[0] == process.gid);
    process_plan_fini(&process);
    return 0;
}
