/* SPDX-License-Identifier: Apache-2.0 */
/* creel/archive.h: the caller's own files to and from tar streams, for `creel cp` and programs like it.
 *
 * The work is done by the same helper program that reads and writes archives inside containers, so that a program that
 * copies files links no archive library and a hostile archive is confined the same way on both sides. Both calls only
 * read where the helper is installed from `e`: they may run in a second thread while another call on `e` is at work
 * (one end of a pipe each). */
#ifndef CREEL_ARCHIVE_H
#define CREEL_ARCHIVE_H

#include <creel/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct creel_pack_options {
    size_t size;
    const char *rename_to;    /* NULL, or: the first component of every entry's name (and of hard link targets inside
                                 the archive) becomes this one; a single component */
    int root_owned;           /* entries say uid 0, gid 0 instead of the files' owners */
};
/* Write a tar of dir_fd/name to out_fd. Links are not followed, neither `name` nor what is below it.
 * name     one component, or "." for the directory itself: its entries are then "./", "./a", … (renamed: "new/", "new/a")
 *          and otherwise "name", "name/a" …
 * out_fd   stays open; the caller closes it
 * Errors   NOT_FOUND · DENIED · INTERNAL; CANCELED when out_fd's reader went away. The stream is then incomplete and has
 *          no end-of-archive mark */
int creel_archive_pack(struct creel *e, int dir_fd, const char *name, const struct creel_pack_options *o, int out_fd,
                       struct creel_err *err);

struct creel_unpack_options {
    size_t size;
    const char *rename_to;    /* NULL, or: the first component of every entry's name ("." counts as one: "./a" becomes
                                 "new/a") and of hard link targets becomes this one; a single component */
    int keep_owner;           /* set the archive's numeric owners; else everything belongs to the caller */
    int no_overwrite_dir_non_dir; /* INVALID instead of replacing a directory by something else or the other way round */
};
/* Unpack the tar (plain or compressed) that in_fd delivers below dir_fd. No entry leaves dir_fd whatever the archive
 * says. A stream without end-of-archive mark is INVALID (what came before is on disk).
 * in_fd    stays open; read to its end on success */
int creel_archive_unpack(struct creel *e, int dir_fd, int in_fd, const struct creel_unpack_options *o,
                         struct creel_err *err);

#ifdef __cplusplus
}
#endif
#endif
