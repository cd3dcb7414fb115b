/* SPDX-License-Identifier: Apache-2.0 */
/* image/extract.h: entries of a tar become files below one directory, by descriptor.
 *
 *   E1  Every name is resolved by the kernel with RESOLVE_IN_ROOT from the directory's descriptor; a symbolic link of
 *       the archive that is used as a parent leads somewhere inside, whatever it says. The process has also changed
 *       its root to that directory (confine.h), so there is no outside.
 *   E2  A file is created with O_EXCL|O_NOFOLLOW below its parent's descriptor after what had its name was removed;
 *       owner, attributes, mode and times are set through the new descriptor. No existing link is ever followed or
 *       changed.
 *   E3  Hard links are made between resolved parents, without following, and only to what is there.
 *   E4  In a layer, ".wh.x" becomes the device 0:0 named x, ".wh..wh..opq" the attribute trusted.overlay.opaque; both
 *       only from those names, never from devices or attributes of the archive (tar_reader.h refuses or drops them).
 *   E5  Directories that an archive uses without listing them are root's, 0755.
 *   E6  A directory's times are set after everything else, because making its children changed them. */
#ifndef CREEL_IMAGE_EXTRACT_H
#define CREEL_IMAGE_EXTRACT_H

#include "image/tar_reader.h"

enum extract_flag {
    EXTRACT_LAYER = 1,                      /* whiteouts mean something */
    EXTRACT_OWNER = 2,                      /* set owners */
    EXTRACT_NO_OVERWRITE_DIR_NON_DIR = 4,   /* refuse to replace a directory by something else or the reverse */
};

struct extract_dir;
struct extract {
    int root;                   /* borrowed */
    unsigned flags;
    const char *rename_to;      /* NULL, or what the first component of each name becomes */
    const char *prefix; /* NULL, or a clean path below root in front of each name: links on the way are resolved
                                   from root, as a process there would see them */
    int parent;                 /* descriptor of the last parent used: archives list neighbours together */
    char parent_path[ARCHIVE_PATH_MAX + 1];
    struct extract_dir *dirs;   /* whose times are to be set */
    size_t dir_count, dir_cap;
    int64_t written;
};

void extract_init(struct extract *x, int root, unsigned flags, const char *rename_to);
/* Unpack everything that the reader has. On failure what was made stays; the caller throws the directory away. */
int extract_all(struct extract *x, struct tar_reader *r, struct creel_err *err);
void extract_fini(struct extract *x);

#endif
