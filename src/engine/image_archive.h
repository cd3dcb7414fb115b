/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_archive.h: the members of an image archive, wherever they are.
 *
 * An archive stream is staged by a worker as numbered files; an OCI layout directory is read in place, each name
 * resolved below it without following links. Every member is checked against the digest that refers to it while it is
 * read. */
#ifndef CREEL_ENGINE_IMAGE_ARCHIVE_H
#define CREEL_ENGINE_IMAGE_ARCHIVE_H

#include "engine/image_work.h"

struct image_archive {
    int dir;            /* of the numbered files, or of the layout */
    json_t *members;    /* listing of the worker; NULL: a layout directory */
};
#define IMAGE_ARCHIVE_INIT { .dir = -1, .members = NULL }

/* in_fd: a stream, or a directory. The files go below w's directory. */
int image_archive_open(struct image_work *w, int in_fd, struct image_archive *ret, struct creel_err *err);
void image_archive_close(struct image_archive *a);
#define auto_image_archive auto_cleanup(image_archive_close) struct image_archive

bool image_archive_has(const struct image_archive *a, const char *name);
/* A descriptor for a member. NOT_FOUND, INVALID: not a regular file, links that go round in circles. */
int image_archive_member(const struct image_archive *a, const char *name, int64_t *ret_size, struct creel_err *err);
/* A whole document. digest NULL or what its content must have; size -1 or what it must have. *ret: NUL-terminated,
 * caller frees. */
int image_archive_document(const struct image_archive *a, const char *name, const char *digest, int64_t size,
                           char **ret, size_t *ret_len, struct creel_err *err);
/* "blobs/sha256/<hex>" in buf (96 bytes). */
const char *image_archive_blob_name(const char *digest, char *buf);

#endif
