/* SPDX-License-Identifier: Apache-2.0 */
/* image/worker.h: the engine's side of creel-archive, the confined program that touches foreign archives.
 *
 * A worker gets its descriptors at fixed numbers and one request; it answers with progress lines, at most one result
 * line and then ends. Nothing it says is believed without a check: lines are bounded, members are looked up by type,
 * digests by grammar. It dies with the thread that started it, so it never works for nobody.
 *
 *   0 input (or /dev/null)   1 output (or /dev/null)   2 /dev/null   3 this conversation   4… the operation's own
 *
 * Lines are JSON objects: {"done":n,"total":n}, then {"ok":{…}} or {"error":"…","kind":n,"errno":n}. */
#ifndef CREEL_IMAGE_WORKER_H
#define CREEL_IMAGE_WORKER_H

#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORKER_CONTROL_FD = 3, WORKER_FIRST_FD = 4, WORKER_FDS_MAX = 160 };
/* A listing of an image archive's members is the longest line. */
#define WORKER_LINE_MAX ((size_t)32 << 20)

struct worker {
    pid_t pid;              /* 0: none */
    int control;
    struct bytes in;        /* received, not yet returned */
    const char *op;         /* for messages; static text */
};
#define WORKER_INIT { .pid = 0, .control = -1, .in = BYTES_INIT, .op = "" }

/* Start `op` with fds[i] at descriptor WORKER_FIRST_FD + i (borrowed; -1 leaves a gap) and send it `request` (an
 * object, borrowed). in, out: -1 for /dev/null. */
int worker_start(const char *libexec, const char *op, json_t *request, int in, int out, const int *fds, size_t nfds,
                 struct worker *ret, struct creel_err *err);
/* The next line. Returns 1 with progress in *done and *total, 0 with the result in *ret_ok (caller: json_decref), -1
 * when the work failed (with the worker's own words) or the worker died. Blocks; w->control may be polled for it. */
int worker_next(struct worker *w, uint64_t *done, uint64_t *total, json_t **ret_ok, struct creel_err *err);
/* Read to the result; progress is passed on if wanted. */
int worker_wait(struct worker *w, void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                json_t **ret_ok, struct creel_err *err);
/* Kill it if it still runs, and reap it. Empty is fine. */
void worker_stop(struct worker *w);
#define auto_worker auto_cleanup(worker_stop) struct worker

#endif
