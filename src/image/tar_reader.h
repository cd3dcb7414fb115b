/* SPDX-License-Identifier: Apache-2.0 */
/* image/tar_reader.h: entries of a foreign tar, with everything that a tar can say already judged.
 *
 * What                              Becomes
 * --------------------------------  -------------------------------------------------------------------------------
 * regular file, old regular, GNU    file; holes of sparse files stay holes
 *   sparse, contiguous file
 * directory                         directory
 * symbolic link                     the same, target verbatim (1 to 4095 bytes)
 * hard link                         link to an entry of the same archive; data that some writers add is skipped
 * character, block device, fifo     the same; character device 0:0 (overlay's whiteout) is refused
 * anything else                     refused by libarchive or here
 * name, hard link target            entry_path_clean: ".." refused
 * owner                             numbers only, 0 to 2^32-2; names in the archive are never looked up
 * mode                              the twelve permission bits
 * times                             mtime and, if given, atime, in nanoseconds; the kernel clamps the rest
 * xattr security.capability         kept
 * xattr user.* but user.overlay.*   kept
 * other xattrs                      dropped: trusted.* and user.overlay.* steer overlay, security.selinux, .ima,
 *                                   .apparmor … are this host's, ACLs and the rest have no meaning in a layer
 * file flags, volume labels, pax    ignored
 *   globals
 * names in another character set    kept byte for byte */
#ifndef CREEL_IMAGE_TAR_READER_H
#define CREEL_IMAGE_TAR_READER_H

#include "image/source.h"

#include <sys/types.h>
#include <time.h>

enum tar_type { TAR_FILE, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_CHAR, TAR_BLOCK, TAR_FIFO };
struct tar_xattr { const char *name; const void *value; size_t size; };

/* Everything is borrowed until the next entry. */
struct tar_entry {
    char path[ARCHIVE_PATH_MAX + 1];    /* clean, "" = the directory itself */
    char link[ARCHIVE_PATH_MAX + 1];    /* symlink: verbatim; hard link: clean */
    bool path_dotted, link_dotted;      /* written as "./a": what rename-the-first-component counts as one */
    enum tar_type type;
    mode_t mode;                        /* permission bits */
    uid_t uid;
    gid_t gid;
    dev_t device;
    int64_t size;                       /* of a file */
    struct timespec atime, mtime;
    struct tar_xattr xattrs[64];
    size_t xattr_count;
};

struct tar_reader {
    struct source *source;
    struct archive *tar;
    struct archive_entry *current;
    int64_t entries, bytes;             /* names seen, sum of file sizes */
    struct creel_err failure;
};

int tar_reader_open(struct tar_reader *r, struct source *source, struct creel_err *err);
/* 1: an entry; 0: the end (the mark was there and the source is read to its end); -1. */
int tar_reader_next(struct tar_reader *r, struct tar_entry *e, struct creel_err *err);
/* A piece of the current file: 1, 0 at its end, -1. Between pieces are holes. */
int tar_reader_data(struct tar_reader *r, const void **data, size_t *size, int64_t *offset, struct creel_err *err);
void tar_reader_close(struct tar_reader *r);
/* Make every library that reading may need resident: no file is opened for that later. */
int tar_reader_prepare(struct creel_err *err);

#endif
