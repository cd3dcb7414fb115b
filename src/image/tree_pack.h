/* SPDX-License-Identifier: Apache-2.0 */
/* image/tree_pack.h: a directory tree to a tar stream.
 *
 *   T1  Every entry is opened relative to its directory's descriptor, without following links, and looked at again
 *       through the descriptor that is then read: swapping files under us changes what is packed, never where it
 *       comes from.
 *   T2  Entries of a directory come in byte order, a directory before its content; hard links refer to the first
 *       entry. The same tree gives the same bytes.
 *   T3  What vanishes or changes its type while we look is left out; a file that shrinks is filled with zeros.
 *   T4  Sockets have no place in a tar. What kernel file systems (proc, sys …) show is not content: their directories
 *       are packed empty when they are met below another file system.
 *   T5  In layer form: an overlay upper directory's whiteouts and opaque marks become ".wh." entries; an upper
 *       directory that uses features a layer cannot express (redirects, metadata-only copies) is refused. */
#ifndef CREEL_IMAGE_TREE_PACK_H
#define CREEL_IMAGE_TREE_PACK_H

#include "image/tar_writer.h"

#include <jansson.h>

struct tree_pack_link;
struct tree_pack {
    struct tar_writer *writer;
    bool layer;                 /* T5 */
    bool root_owned;            /* owners become 0 */
    const json_t *stubs;        /* object of absolute paths: left out while empty (mount points the runtime made) */
    struct tar_entry entry;     /* the one being written; its path is the path of the walk */
    size_t path_len;
    char *buffer;
    struct tree_pack_link *links;
    size_t link_count, link_cap;
    unsigned depth;
};

int tree_pack_init(struct tree_pack *p, struct tar_writer *w, struct creel_err *err);
void tree_pack_fini(struct tree_pack *p);
/* dir/name and everything below it, called `as` in the archive ("." gives "./", "./a"). NOT_FOUND when there is
 * none. */
int tree_pack_one(struct tree_pack *p, int dir, const char *name, const char *as, struct creel_err *err);
/* What is in the directory, but not itself: names without prefix. */
int tree_pack_content(struct tree_pack *p, int dir, struct creel_err *err);

#endif
