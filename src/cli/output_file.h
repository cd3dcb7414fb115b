/* SPDX-License-Identifier: Apache-2.0 */
/* cli/output_file.h: where save and export write: standard output, or a file that appears only when it is complete.
 */
#ifndef CREEL_CLI_OUTPUT_FILE_H
#define CREEL_CLI_OUTPUT_FILE_H

#include "base/cleanup.h"
#include "base/err.h"

struct output_file {
    int fd;
    const char *path;       /* borrowed; NULL: standard output or a device, written in place */
    char *temporary;        /* beside it, until output_file_commit */
};
#define OUTPUT_FILE_INIT { .fd = -1 }

/* path NULL or "-": standard output, refused when it is a terminal (`what` is in the message: "save"). A device or
 * pipe is written in place, a directory refused. */
int output_file_open(struct output_file *o, const char *path, const char *what, struct creel_err *err);
/* Complete: give it its name, in place of what was there. */
int output_file_commit(struct output_file *o, struct creel_err *err);
void output_file_close(struct output_file *o);
static inline void output_file_closep(struct output_file *o) { int e = errno; output_file_close(o); errno = e; }
#define auto_output_file auto_cleanup(output_file_closep) struct output_file

#endif
