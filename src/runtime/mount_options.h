/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/mount_options.h: the options of an OCI mount entry, sorted by what the kernel does with them.
 *
 * Pure. One table knows every option of the specification (and of mount(8) as the field uses it); what it does not know
 * is data for the file system. Later options win over earlier ones. */
#ifndef CREEL_RUNTIME_MOUNT_OPTIONS_H
#define CREEL_RUNTIME_MOUNT_OPTIONS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

enum { MOUNT_PROPAGATION_MAX = 4 };

struct mount_options {
    uint64_t set;                  /* MOUNT_ATTR_* for this mount */
    uint64_t clear;                /* what was named to be off: "exec", and with "relatime" the other modes */
    bool named;                    /* some flag of this mount was named, on or off */
    uint64_t rec_set, rec_clear;   /* for this mount and all below it: "rro", "rexec" … */
    struct { unsigned long flag; bool recursive; } propagation[MOUNT_PROPAGATION_MAX]; /* MS_PRIVATE …, in order */
    size_t propagation_count;
    bool bind, recursive;          /* "bind", "rbind" */
    bool remount;
    bool copy_up;                  /* tmpcopyup: start with what the tmpfs covers */
    bool idmap, idmap_recursive;
    bool nofail;                   /* a missing bind source is skipped */
    struct strv super;             /* "sync", "dirsync", "lazytime", "mand" …: flags of the file system */
    struct strv data;              /* everything else: "size=64m", "mode=755" */
};

/* Errors: INVALID (too many propagation options). *ret: mount_options_fini, also after failure. */
int mount_options_parse(const struct strv *options, struct mount_options *ret, struct creel_err *err);
void mount_options_fini(struct mount_options *o);
/* "ro,nosuid,rec:ro,private(rec),data:size=64m"; stable, for golden tests. */
void mount_options_print(const struct mount_options *o, struct bytes *out);
/* "shared", "rslave" …: the MS_* flag and whether it is recursive; false if it is none of them. */
bool mount_propagation_parse(const char *s, unsigned long *ret_flag, bool *ret_recursive);
/* "private" for MS_PRIVATE … */
const char *mount_propagation_name(unsigned long flag);
/* The names of all options, for the features document; NULL past the end. */
const char *mount_option_at(size_t n);

#endif
