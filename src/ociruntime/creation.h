/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/creation.h: from a bundle to a container that waits for its start: what `create` and `run` share.
 *
 *   C1  The state directory, with everything needed to undo, is there before anything else is made on the host.
 *   C2  All that can fail comes before the last step (runtime_park, runtime_start); so a caller that is killed, at whatever
 *       instruction, leaves nothing that could be started.
 *   C3  After a failure nothing is left: creation_undo. What cannot be taken back is left with its state, for `delete`. */
#ifndef CREEL_OCIRUNTIME_CREATION_H
#define CREEL_OCIRUNTIME_CREATION_H

#include "ociruntime/bundle.h"
#include "ociruntime/command.h"
#include "ociruntime/state.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"

struct creation {
    const struct invocation *in;
    bool detached;                      /* nobody will look after the terminal: --console-socket is needed */
    bool gated;                         /* started by another process */
    char *root;
    struct bundle bundle;
    struct state state;
    bool made;                          /* state.dir is ours to undo */
    bool tried;                         /* runtime_create was called: hooks may have run */
    struct seccomp_program seccomp;
    struct runtime_container *container;
    int gate, console_socket, pidfd_socket;
    int preserve;
    char *pid_file_made;                /* written, to be removed by undo; borrowed from the options */
};

/* Everything up to "waits for its start". On failure everything is undone. creation_fini in either case. */
int creation_make(const struct invocation *in, bool detached, bool gated, struct creation *ret, struct creel_err *err);
/* Take back what was made, hooks included; what goes wrong is logged. */
void creation_undo(struct creation *c);
void creation_fini(struct creation *c);

/* The options that both commands have (for their tables). */
#define CREATION_OPTIONS                                                                                               \
    { .name = "bundle", .letter = 'b', .kind = OPTION_STRING, .metavar = "PATH",                                       \
      .help = "directory with config.json and the root file system (default: the current directory)" },                \
    { .name = "config", .letter = 'f', .kind = OPTION_STRING, .metavar = "FILE", .def = "config.json",                 \
      .help = "the configuration, if it is not config.json; relative to the bundle" },                                 \
    { .name = "console-socket", .kind = OPTION_STRING, .metavar = "PATH",                                              \
      .help = "unix socket that gets the master of the container's terminal" },                                         \
    { .name = "pidfd-socket", .kind = OPTION_STRING, .metavar = "PATH",                                                \
      .help = "unix socket that gets a pidfd of the container's first process" },                                       \
    { .name = "pid-file", .kind = OPTION_STRING, .metavar = "PATH", .help = "file to write the process id to",         \
      .alias = "pidfile" },                                                                                            \
    { .name = "no-pivot", .kind = OPTION_FLAG,                                                                         \
      .help = "do not use pivot_root; for a root file system on a ramdisk that cannot be left otherwise" },            \
    { .name = "no-new-keyring", .kind = OPTION_FLAG, .help = "keep the caller's session keyring" },                    \
    { .name = "preserve-fds", .kind = OPTION_INT, .metavar = "N", .def = "0",                                          \
      .help = "hand on N more descriptors, from 3 on (after those of LISTEN_FDS)" }

#endif
