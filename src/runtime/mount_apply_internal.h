/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_apply_internal.h: what the files that carry out a mount plan share; nobody else includes it. All of
 * it runs between clone and exec (see mount_apply.h). Unless said otherwise a function returns 0, or -1 once it has
 * told why. */
#ifndef CREEL_RUNTIME_MOUNT_APPLY_INTERNAL_H
#define CREEL_RUNTIME_MOUNT_APPLY_INTERNAL_H

#include "runtime/mount_apply.h"

enum { MOUNT_DATA_MAX = 4095 };

/* --- mount_target.c --- */
int mount_fail(struct mount_apply *a, const struct mount_step *s, int sys, const char *what);
/* Close a descriptor that is not needed any more, if it matters (see there); a target that was mounted on. */
void mount_drop(const struct mount_apply *a, int fd);
void mount_target_drop(const struct mount_apply *a, const struct mount_step *s, int fd, bool is_dir);
/* A descriptor of the place of the step, which is made when it is not there; -1. */
int mount_target_open(struct mount_apply *a, const struct mount_step *s, bool is_dir);
/* One component in a directory of ours; a descriptor or -errno, -EXDEV: it is more than one. */
int mount_target_in_fresh(int dir, const char *name, bool is_dir);
/* A directory, made when it is not there, no part of whose path is a link; a descriptor or -errno. */
int mount_target_without_links(int root, const char *path);
/* Closes fd when it refuses: it leads into procfs. */
int mount_target_refuse_proc(struct mount_apply *a, const struct mount_step *s, int fd);
/* What lies on top of the place now, for after a mount(2); a descriptor or -errno. */
int mount_target_open_mounted(struct mount_apply *a, const struct mount_step *s);

/* --- mount_attribute.c --- */
unsigned long mount_attribute_flags(int fd);                 /* MS_* of the mount at fd; 0 if that cannot be told */
int mount_attribute_set(int fd, unsigned depth, uint64_t set); /* 0, -errno */
int mount_attribute_set_old(int fd, uint64_t set);           /* 0, -errno */
int mount_attribute_bind_old(struct mount_apply *a, struct mount_step *s);

/* --- mount_new.c --- */
int mount_new_apply(struct mount_apply *a, struct mount_step *s);
unsigned long mount_new_super_flags(const struct mount_step *s);  /* MS_* of its options for the superblock */
int mount_new_data(const struct mount_step *s, char data[MOUNT_DATA_MAX + 1]); /* for mount(2); 0, -E2BIG */

/* --- mount_bind.c, mount_device.c, mount_cover.c --- */
int mount_bind_apply(struct mount_apply *a, struct mount_step *s);
int mount_device_apply(struct mount_apply *a, const struct mount_step *s);
int mount_device_link(struct mount_apply *a, const struct mount_step *s);
int mount_device_console(struct mount_apply *a, struct mount_step *s);
int mount_cover_readonly(struct mount_apply *a, struct mount_step *s);
int mount_cover_mask(struct mount_apply *a, struct mount_step *s);
int mount_cover_seal(struct mount_apply *a, const struct mount_step *s);

#endif
