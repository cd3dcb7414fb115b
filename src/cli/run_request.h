/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_request.h: the options of `creel run` and `creel create` as a Docker create body. Reads the files that
 * options name; asks nothing of the engine. */
#ifndef CREEL_CLI_RUN_REQUEST_H
#define CREEL_CLI_RUN_REQUEST_H

#include "cli/command.h"

struct run_request {
    char *body;                 /* JSON */
    bool tty, open_stdin;
    bool attach_in, attach_out, attach_err;     /* all false when detached */
    bool network_defaulted;     /* no --network was given */
};

void run_request_fini(struct run_request *r);
static inline void run_request_finip(struct run_request *r) { run_request_fini(r); }
#define auto_run_request auto_cleanup(run_request_finip) struct run_request

/* rows, cols: the size of the caller's terminal, 0 = none. detach: streams stay unattached. Errors are INVALID or
 * UNSUPPORTED, worded for the user. */
int run_request_build(const struct cli *c, bool detach, unsigned rows, unsigned cols, struct run_request *ret,
                      struct creel_err *err);

/* NAME=VALUE, or NAME whose value comes from the caller's environment when it is there, appended as a JSON string:
 * the rule of -e for run and exec. */
int run_request_env(const struct cli *c, struct strv *out, struct creel_err *err);

#endif
