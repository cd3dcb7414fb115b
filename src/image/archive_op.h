/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_op.h: the operations of creel-archive. Each checks its request, confines the process, works, and returns
 * its result as a JSON object in *ret_ok. Descriptors beyond 0, 1 and 3 are named in each comment; a missing one is
 * simply not open. */
#ifndef CREEL_IMAGE_ARCHIVE_OP_H
#define CREEL_IMAGE_ARCHIVE_OP_H

#include "base/err.h"
#include "image/archive_limits.h"

#include <jansson.h>

struct archive_op_args {
    const json_t *request;
    struct archive_limits limits;
};

/* 0 a layer tar, 4 an empty directory for its files, 5 a file for the blob to keep (optional). A gzip or zstd layer is kept
 * as it came, others are compressed. Result: diff_id, plain_size, raw_digest, raw_size, content_size, entries, and with 5
 * blob {digest, size, media_type}. */
int archive_op_unpack(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 0 an image archive, 4 an empty directory. Members become files named by number. Result: members, an object that maps names
 * to {"n","size","digest"} or {"link": name}. */
int archive_op_stage(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);
/* 1 an image archive, 4 the directory of blobs. Request: members, an array of {"name","text"} or
 * {"name","blob","size","digest","plain"}. */
int archive_op_compose(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err);

#endif
