/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_op.h: the operations of creel-archive. Each checks its request, confines the process, works, and
 * returns its result as a JSON object in *ret_ok. Descriptors beyond 0, 1 and 3 are named in each comment; a missing
 * one is simply not open. */
#ifndef CREEL_IMAGE_ARCHIVE_OP_H
#define CREEL_IMAGE_ARCHIVE_OP_H

#include "base/err.h"
#include "image/archive_limits.h"

#include <jansson.h>

struct archive_op_args {
    const json_t *request;
    struct archive_limits limits;
};

/* 0 a layer tar, 4 an empty directory for its files, 5 a file for the blob to keep (optional). A gzip or zstd layer
 * is kept as it came, others are compressed (zstd) and have the media type of a plain tar. Result: diff_id,
 * plain_size, raw_digest, raw_size, content_size, entries, and with 5 blob {digest, size, media_type}. */
int archive_op_unpack(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 0 an image archive, 4 an empty directory. Members become files named by number. Result: members, an object that
 * maps names to {"n","size","digest"} or {"link": name}. */
int archive_op_stage(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 1 an image archive, 4 the directory of blobs. Request: members, an array of {"name","text"} or
 * {"name","blob","size","digest","plain"}. */
int archive_op_compose(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);

/* The following take a container's descriptors and "view" as view.h describes them. Paths are the container's. */
/* Request: path. Result: name, size, mode (Go's bits), mtime, mtime_nsec, linkTarget. */
int archive_op_stat(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 1 a tar. Request: path, follow. */
int archive_op_copy_out(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 0 a tar. Request: path (a directory), no_overwrite_dir_non_dir, keep_owner. */
int archive_op_copy_in(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 1 a tar of the root file system without what is mounted on it. */
int archive_op_export(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);

/* 1 a tar, 4 a directory. Request: name, rename_to, root_owned. */
int archive_op_pack(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* The same in layer form; 4 is an overlay upper directory. Request: also stubs (tree_pack.h). */
int archive_op_pack_layer(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 0 a tar, 4 a directory. Request: rename_to, keep_owner, no_overwrite_dir_non_dir. */
int archive_op_unpack_files(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 1 records (digit, path, NUL), 4 an upper directory, 5… `layers` lower ones, topmost first. Request: layers,
 * stubs. */
int archive_op_diff(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);

#endif
