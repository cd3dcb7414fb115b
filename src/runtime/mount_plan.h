/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_plan.h: everything that will be done to the container's file system tree, as a list.
 *
 * mount_plan_build decides and touches nothing; golden tests read mount_plan_print. The parent then opens what comes
 * from the host (mount_source_open), and the child carries the list out by descriptor (mount_apply.h). Steps are in the
 * order in which they are done. */
#ifndef CREEL_RUNTIME_MOUNT_PLAN_H
#define CREEL_RUNTIME_MOUNT_PLAN_H

#include "runtime/cgroup.h"
#include "runtime/mount_options.h"
#include "spec/oci_config.h"

#include <sys/types.h>

enum mount_kind {
    MOUNT_NEW,          /* a new file system of `type` */
    MOUNT_BIND,         /* a copy of the host's tree at `source` */
    MOUNT_REMOUNT,      /* change attributes or propagation of what is mounted at target */
    MOUNT_DEVICE,       /* a device node, made or (in a user namespace) bound from the host */
    MOUNT_LINK,         /* a symbolic link with text `source` */
    MOUNT_CONSOLE,      /* make the terminal and bind its peer at /dev/console */
    MOUNT_CGROUP_ENTER, /* be in the cgroup and its namespace from here on */
    MOUNT_HOOKS,        /* everything is mounted: hooks that see the host's tree run now */
    MOUNT_SETTINGS,     /* host name and sysctls, before /proc/sys becomes read-only */
    MOUNT_READONLY,     /* bind target on itself, read-only */
    MOUNT_MASK,         /* cover target with nothing, if it exists */
    MOUNT_DIRECTORY,    /* make a directory: the working directory of a root that will be read-only */
    MOUNT_SEAL,         /* make the mount of an earlier step, or the root (base == MOUNT_ROOT), read-only */
    MOUNT_PIVOT,        /* from here on the host's tree is gone */
};

enum { MOUNT_ROOT = -1 };

struct mount_step {
    enum mount_kind kind;
    char *target;               /* absolute, cleaned, inside the container */
    char *source, *type;
    struct mount_options opt;
    int base;                   /* step whose fresh, empty tmpfs the target lies in; MOUNT_ROOT: the root */
    const char *name;           /* target relative to base (points into target) */
    bool keeps_flags;           /* MOUNT_BIND: the flags of the source stay, whatever is named off */
    bool locked_flags;          /* MOUNT_BIND: in a user namespace; see mount_bind_flags */
    bool open_late;             /* the child opens the source, in its own mount namespace */
    const char *inside;         /* MOUNT_BIND: the source lies in the container's root, there (in source); NULL: it does not */
    bool lent;                  /* MOUNT_BIND: found by the child, opened by the parent: only it may map ids */
    bool attributes_late;       /* mount_setattr is missing here: set them once it is attached */
    bool skip;                  /* "nofail" and the source is missing */
    bool proc_file;             /* one of the files of procfs that may be covered */
    bool must_exist;            /* not made when it is missing: MOUNT_READONLY, MOUNT_MASK skip it */
    const struct oci_id_map *uid_maps, *gid_maps; /* of an idmapped mount, borrowed from the configuration */
    size_t uid_map_count, gid_map_count;
    bool idmap_joined;          /* mapped as the user namespace that is joined */
    struct { mode_t mode; dev_t number; uid_t uid; gid_t gid; bool bind, own; /* own: asked for, not one of the defaults */ } device;
    /* filled by mount_source_open and mount_apply */
    int fd;                     /* the detached, later attached mount */
    int idmap;                  /* user namespace with the mappings of a source that the child opens; -1 */
    bool is_dir;
};

struct mount_plan {
    struct mount_step *steps;
    size_t count, cap;
    unsigned long root_propagation;   /* MS_*, for the finished root; 0: private, as it was made */
    bool root_propagation_recursive;
    int console;                      /* index of the MOUNT_CONSOLE step, -1 */
    int devpts;                       /* index of the devpts step, -1 */
    int proc;                         /* index of the procfs step, -1 */
};

struct mount_plan_input {
    const struct oci_config *config;
    const char *bundle;                    /* relative bind sources are below it; NULL: they are refused */
    const char *root;                      /* absolute path of the root directory: sources below it are what the container has
                                            * there by then, targets below it lose that prefix, as in runc; NULL: no such path */
    const struct cgroup_layout *layout;    /* NULL: mounts of type cgroup are refused */
    const char *cgroup_path;               /* the container's group below each hierarchy */
    bool bind_devices;                     /* nodes cannot be made here: user namespace */
    const char *mount_label;               /* SELinux context of new file systems; NULL: none */
    bool keep_flags;                       /* binds keep the flags of their sources, see struct runtime_params */
};

/* Errors: INVALID, naming the mount. *ret: mount_plan_fini, also after failure. */
int mount_plan_build(const struct mount_plan_input *in, struct mount_plan *ret, struct creel_err *err);
void mount_plan_print(const struct mount_plan *p, struct bytes *out);
void mount_plan_fini(struct mount_plan *p);
/* Nodes that are asked for, for a container whose user namespace may not make any: made in a tmpfs of the caller's, with
 * their modes and owners (ids of the container, found in `c`), and bound from there. Where the kernel cannot bind out of a
 * mount that is attached nowhere (before Linux 6.15) or the caller cannot make nodes, the host's node serves. */
int mount_nodes_make(struct mount_plan *p, const struct oci_config *c, struct creel_err *err);
/* Open the sources of binds as detached copies, with their attributes, propagation and id mapping set, so that nothing
 * that happens later can change what they are. Called by the parent. What the child has to open is left to it: sources in
 * the container's root, which earlier steps may cover, and all of them where the parent is not privileged or where `late`
 * asks for it. joined_user: the user namespace that the container joins, -1. Errors name source and target. */
int mount_source_open(struct mount_plan *p, bool unprivileged, bool late, int joined_user, struct creel_err *err);
/* Open the source of a step that is `lent`, which the child (pidfd) has found, in the child's mount namespace, and send the
 * finished copy (LAUNCH_SOURCE, LAUNCH_LENT of launch.h). Blocks until the child asks, and for one process's time. */
int mount_source_lend(struct mount_step *s, int sock, int pidfd, struct creel_err *err);
/* The attributes that a bind gets and loses, by what was named and what its source has (`now`, as MOUNT_ATTR_*).
 *
 * As with mount(8): where no flag is named all of them stay; where one is, those that are not named are off, but the access
 * time mode stays until one is named. In a user namespace the flags that protect the source stay unless they are named off,
 * which is refused: -EPERM. (The kernel would do the same if the container mounted by itself; here the caller does, who
 * could.) */
int mount_bind_flags(const struct mount_options *o, uint64_t now, bool locked, bool keep, uint64_t *ret_set,
                     uint64_t *ret_clear);
/* MOUNT_ATTR_* of the mount that fd is on; -errno. */
int mount_flags_now(int fd, uint64_t *ret);
/* Give the detached tree of a bind (s->fd) its attributes and propagation; -errno. Also used by the child. */
int mount_step_attributes(const struct mount_step *s);

static inline void mount_plan_finip(struct mount_plan *p) { mount_plan_fini(p); }
#define auto_mount_plan auto_cleanup(mount_plan_finip) struct mount_plan

#endif
