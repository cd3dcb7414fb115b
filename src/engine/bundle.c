/* SPDX-License-Identifier: Apache-2.0 */
/* engine/bundle.c: what a run needs on disk, made right before it; engine.h has the contract.
 *
 * Everything is named after the container's id and made again from the row each time, so that a start that was killed
 * half-way leaves nothing that the next one could trip over. Nothing is synced: after a crash of the host there is no run
 * that could need it. All calls are relative to the engine's own directories, which nobody else can enter. */
#include "engine/container_spec.h"
#include "engine/engine.h"
#include "engine/network_files.h"
#include "engine/oci_build.h"
#include "runtime/seccomp.h"
#include "spec/container_request.h"
#include "spec/log_option.h"
#include "store/image.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void engine_bundle_fini(struct engine_bundle *b)
{
    free(b->container_dir);
    free(b->run_dir);
    free(b->exits_dir);
    free(b->seccomp_dir);
    free(b->layers_dir);
    free(b->log_path);
    strv_fini(&b->lower);
    free(b->runtime);
    strv_fini(&b->runtime_args);
    free(b->cgroup_path);
    free(b->log_driver);
    free(b->log_attrs);
    *b = (struct engine_bundle){ 0 };
}

/* --- names --- */
static bool name_set(char **field, const char *dir, const char *below, const char *id)
{
    return asprintf(field, "%s/%s%s%s", dir, below, id != NULL ? "/" : "", id != NULL ? id : "") >= 0;
}

static int names_fill(struct creel *e, const char *id, struct engine_bundle *b, struct creel_err *err)
{
    if (!name_set(&b->container_dir, e->root, "containers", id) || !name_set(&b->run_dir, e->run_root, "containers", id)
        || !name_set(&b->exits_dir, e->root, "exits", NULL) || !name_set(&b->seccomp_dir, e->root, "cache/seccomp", NULL)
        || !name_set(&b->layers_dir, e->root, "layers", NULL))
        return creel_fail_nomem(err);
    return 0;
}

static int log_fill(const struct container_row *row, const struct container_spec *spec, struct engine_bundle *b,
                    struct creel_err *err)
{
    struct log_options o;
    const struct log_subject subject = {
        .id = row->id, .name = row->name, .image_ref = row->image_ref != NULL ? row->image_ref : "",
        .image_id = row->image_id != NULL ? row->image_id : "", .labels = json_object_get(spec->config, "Labels"),
        .env = json_object_get(spec->config, "Env"),
    };
    if (log_options_parse(spec->host, &o, err) < 0 || log_attributes_print(&o, &subject, &b->log_attrs, err) < 0)
        return -1;
    b->log_driver = strdup(o.driver);
    b->log_max_size = o.max_size;
    b->log_max_file = o.max_file;
    b->log_compress = o.compress;
    if (b->log_driver == NULL || (row->log_path != NULL && (b->log_path = strdup(row->log_path)) == NULL))
        return creel_fail_nomem(err);
    return 0;
}

/* --- directories --- */
/* Make "containers/<id>" in dir and open it. */
static int dir_make(int dir, const char *name, int *ret_fd, struct creel_err *err)
{
    int r = mkdirat(dir, name, 0700);
    if (r < 0 && errno == ENOENT && (mkdirat(dir, "containers", 0700) == 0 || errno == EEXIST))
        r = mkdirat(dir, name, 0700); /* the run root was emptied (a reboot) */
    if (r < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s", name);
    *ret_fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? creel_fail(err, CREEL_INTERNAL, errno, "open directory %s", name) : 0;
}

/* The container's root directory looks like the image's: overlayfs takes its owner and mode from the upper directory. */
static int upper_make(struct creel *e, const struct strv *lower, int container_fd, struct creel_err *err)
{
    struct stat st = { .st_mode = 0755 };
    char layer[96];
    if (mkdirat(container_fd, "upper", 0755) < 0)
        return errno == EEXIST ? 0 : creel_fail(err, creel_kind_of_errno(errno), errno, "make directory upper");
    if (lower->count > 0) {
        int n = snprintf(layer, sizeof layer, "layers/%s", lower->items[0]);
        if (n < 0 || (size_t)n >= sizeof layer || fstatat(e->root_fd, layer, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "look at layer %s", lower->items[0]);
    }
    auto_fd fd = openat(container_fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || ((st.st_uid != 0 || st.st_gid != 0) && fchown(fd, st.st_uid, st.st_gid) < 0)
        || fchmod(fd, st.st_mode & 07777) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "set owner and mode of the container's root");
    return 0;
}

static int container_dir_make(struct creel *e, const char *id, const struct strv *lower, int *ret_fd,
                              struct creel_err *err)
{
    char name[96];
    auto_fd fd = -1;
    (void)snprintf(name, sizeof name, "containers/%s", id);
    if (dir_make(e->root_fd, name, &fd, err) < 0 || upper_make(e, lower, fd, err) < 0)
        return creel_wrap(err, "container %s", id);
    if (mkdirat(fd, "work", 0700) < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s/%s/work", e->root, name);
    *ret_fd = fd_take(&fd);
    return 0;
}

static int run_dir_make(struct creel *e, const char *id, bool external, int *ret_fd, struct creel_err *err)
{
    char name[96];
    auto_fd fd = -1;
    (void)snprintf(name, sizeof name, "containers/%s", id);
    if (dir_make(e->run_fd, name, &fd, err) < 0)
        return -1;
    if (external && mkdirat(fd, "rootfs", 0755) < 0 && errno != EEXIST)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make directory %s/%s/rootfs", e->run_root, name);
    *ret_fd = fd_take(&fd);
    return 0;
}

/* mkdir -p for a bind whose source does not exist; what is there, of whatever kind, is left alone. */
static int source_make(const char *path, struct creel_err *err)
{
    auto_free char *copy = strdup(path);
    if (copy == NULL)
        return creel_fail_nomem(err);
    if (access(path, F_OK) == 0)
        return 0;
    for (char *p = strchr(copy + 1, '/');; p = strchr(p + 1, '/')) {
        if (p != NULL)
            *p = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return creel_fail(err, CREEL_INVALID, errno, "error while creating mount source path '%s'", path);
        if (p == NULL)
            return 0;
        *p = '/';
    }
}

static int sources_make(const struct creel *e, const json_t *host, struct creel_err *err)
{
    auto_mount_points struct mount_points m = { 0 };
    if (container_spec_mounts(e, host, &m, err) < 0)
        return -1;
    for (size_t i = 0; i < m.count; i++) {
        const struct mount_point *p = &m.items[i];
        if (p->type != MOUNT_POINT_BIND)
            continue;
        if (p->create_source ? source_make(p->source, err) < 0 : access(p->source, F_OK) < 0)
            return p->create_source ? -1
                                    : creel_fail(err, CREEL_INVALID, 0,
                                                 "invalid mount config for type \"bind\": bind source path does not "
                                                 "exist: %s",
                                                 p->source);
    }
    return 0;
}

/* --- config.json --- */
static int text_write(int dir, const char *name, const char *text, struct creel_err *err)
{
    size_t len = strlen(text);
    auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the bundle's %s", name);
    int r = sys_write_all(fd, text, len);
    if (r == 0 && ftruncate(fd, (off_t)len) < 0)
        r = -errno;
    return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "write the bundle's %s", name) : 0;
}

/* The monitor has no compiler for filters: see to it that what it needs is in the cache. */
static int seccomp_prepare(struct creel *e, const struct oci_config *c, struct creel_err *err)
{
    struct seccomp_program program = { 0 };
    if (!c->linux_.seccomp.present)
        return 0;
    auto_fd cache = openat(e->root_fd, "cache/seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cache < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "open %s/cache/seccomp", e->root);
    if (seccomp_program_build(&c->linux_.seccomp, cache, &program, err) < 0)
        return -1;
    seccomp_program_fini(&program);
    return 0;
}

static int config_write(struct creel *e, const struct container_row *row, const struct container_spec *spec,
                        const struct engine_bundle *b, int run_fd, struct creel_err *err)
{
    const struct oci_build build = {
        .e = e, .row = row, .spec = spec, .lower = &b->lower, .container_dir = b->container_dir,
        .cgroup_path = b->cgroup_path, .native = b->runtime == NULL,
    };
    auto_oci_config c = NULL;
    auto_free char *text = NULL;
    if (oci_build_config(&build, &c, err) < 0)
        return -1;
    if (build.native && seccomp_prepare(e, c, err) < 0)
        return -1;
    return oci_config_print(c, &text, err) < 0 ? -1 : text_write(run_fd, "config.json", text, err);
}

static int lower_add(void *arg, const struct layer_row *l)
{
    return strv_addf(arg, "%lld/fs", (long long)l->n) ? 0 : 1;
}

/* The layers of the container's image, topmost first. One query: this is on the way of every start. */
static int lower_find(struct creel *e, const struct container_row *row, struct strv *ret, struct creel_err *err)
{
    auto_strv layers = STRV_INIT; /* lowest first */
    if (image_layer_each(e->store, row->image_id, lower_add, &layers, err) < 0)
        return -1;
    if (layers.count == 0)
        return creel_fail(err, CREEL_NOT_FOUND, 0, "the image %s of container %s is gone, or has no layers",
                          row->image_id, row->name);
    for (size_t i = layers.count; i-- > 0;)
        if (!strv_add(ret, layers.items[i]))
            return creel_fail_nomem(err);
    if (!strv_add(ret, "../base")) /* below everything: see open.c */
        return creel_fail_nomem(err);
    return 0;
}

int engine_bundle_write(struct creel *e, const struct container_row *row, struct engine_bundle *ret,
                        struct creel_err *err)
{
    auto_engine_bundle b = { .log_max_file = 0 };
    auto_container_spec spec = { 0 };
    auto_fd container_fd = -1;
    auto_fd run_fd = -1;
    if (container_spec_load(row, &spec, err) < 0 || names_fill(e, row->id, &b, err) < 0
        || container_spec_runtime(spec.host, &b.runtime, err) < 0
        || container_spec_cgroup(e, spec.host, row->id, &b.cgroup_path, err) < 0 || log_fill(row, &spec, &b, err) < 0
        || lower_find(e, row, &b.lower, err) < 0)
        return -1;
    b.tty = json_flag(spec.config, "Tty");
    b.open_stdin = json_flag(spec.config, "OpenStdin");
    b.stdin_once = json_flag(spec.config, "StdinOnce");
    b.auto_remove = json_flag(spec.host, "AutoRemove");
    if (container_dir_make(e, row->id, &b.lower, &container_fd, err) < 0
        || run_dir_make(e, row->id, b.runtime != NULL, &run_fd, err) < 0
        || network_files_write(container_fd, spec.config, spec.host, err) < 0
        || sources_make(e, spec.host, err) < 0 || config_write(e, row, &spec, &b, run_fd, err) < 0)
        return -1;
    *ret = b;
    b = (struct engine_bundle){ 0 };
    return 0;
}

/* --- removing --- */

struct leftover { const char *name; int flags; };
static const struct leftover container_leftovers[] = {
    { "hostname", 0 }, { "hosts", 0 }, { "resolv.conf", 0 }, { "upper", AT_REMOVEDIR },
    { "work/work/incompat/volatile/dirty", 0 }, { "work/work/incompat/volatile", AT_REMOVEDIR },
    { "work/work/incompat", AT_REMOVEDIR }, { "work/work", AT_REMOVEDIR }, { "work", AT_REMOVEDIR },
};
static const struct leftover run_leftovers[] = { { "config.json", 0 }, { "monitor.sock", 0 }, { "lock", 0 } };

/* What a container that wrote nothing leaves: reading the directories would cost more than removing it. What is left
 * then is tree_remove's. */
static void remove_usual(int root_fd, const char *dir, const struct leftover *usual, size_t count, const char *log)
{
    auto_fd fd = openat(root_fd, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < count; i++)
        (void)unlinkat(fd, usual[i].name, usual[i].flags);
    if (fd >= 0 && log != NULL)
        (void)unlinkat(fd, log, 0);
}

int engine_bundle_remove(struct creel *e, const char *id, struct creel_err *err)
{
    char name[96], log[96];
    (void)snprintf(name, sizeof name, "containers/%s", id);
    (void)snprintf(log, sizeof log, "%s-json.log", id);
    remove_usual(e->root_fd, name, container_leftovers, ARRAY_LEN(container_leftovers), log);
    int r = tree_remove(e->root_fd, name);
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", e->root, name);
    remove_usual(e->run_fd, name, run_leftovers, ARRAY_LEN(run_leftovers), NULL);
    r = tree_remove(e->run_fd, name); /* last: the locks are in it */
    if (r < 0)
        return creel_fail(err, CREEL_INTERNAL, -r, "remove %s/%s", e->run_root, name);
    return 0;
}

int engine_exec_process(struct creel *e, const struct container_row *row, const char *exec_json, char **ret_process_json,
                        struct creel_err *err)
{
    auto_container_spec spec = { 0 };
    auto_json exec = NULL;
    auto_strv lower = STRV_INIT;
    if (exec_request_parse(exec_json, strlen(exec_json), &exec, err) < 0 || container_spec_load(row, &spec, err) < 0
        || lower_find(e, row, &lower, err) < 0)
        return -1;
    const struct oci_build build = { .e = e, .row = row, .spec = &spec, .lower = &lower, .native = true };
    struct oci_process p = { 0 };
    int r = oci_build_exec(&build, exec, &p, err);
    if (r == 0)
        r = oci_process_print(&p, ret_process_json, err);
    oci_process_fini(&p);
    return r;
}
