/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cid_file.h: --cidfile. The file must not exist; it is made before the container and, when there is no container in
 * the end, removed again. */
#ifndef CREEL_CLI_CID_FILE_H
#define CREEL_CLI_CID_FILE_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

struct cid_file {
    const char *path;   /* borrowed; NULL: none */
    int fd;
    bool written;
};
#define CID_FILE_INIT { .fd = -1 }

/* path NULL: nothing happens, now and later. */
int cid_file_open(struct cid_file *f, const char *path, struct creel_err *err);
/* id "": there is no container, nothing happens. */
int cid_file_write(struct cid_file *f, const char *id, struct creel_err *err);
void cid_file_close(struct cid_file *f);
static inline void cid_file_closep(struct cid_file *f) { int e = errno; cid_file_close(f); errno = e; }
#define auto_cid_file auto_cleanup(cid_file_closep) struct cid_file

#endif
