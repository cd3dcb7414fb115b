/* SPDX-License-Identifier: Apache-2.0 */
/* engine/container_view.h: a container's files for a worker (image/view.h): its live mounts while it runs, its layers
 * and binds while it does not.
 *
 * A stopped container that is written to is locked against being started (the lock of lifecycle.h) until the view is
 * closed; reading locks nothing. */
#ifndef CREEL_ENGINE_CONTAINER_VIEW_H
#define CREEL_ENGINE_CONTAINER_VIEW_H

#include "engine/lifecycle.h"
#include "image/worker.h"

struct container_view {
    struct creel *e;
    struct container_row row;
    json_t *request;            /* {"view":…,"limits":…}; the caller adds members */
    int fds[WORKER_FDS_MAX];
    size_t fd_count;
    int lock;                   /* -1 none */
    bool made_run_dir;
};
#define CONTAINER_VIEW_INIT { .lock = -1 }

int container_view_open(struct creel *e, const char *ref, bool writable, struct container_view *ret,
                        struct creel_err *err);
void container_view_close(struct container_view *v);
#define auto_container_view auto_cleanup(container_view_close) struct container_view
/* Run an operation over it; *ret_ok (may be NULL) gets the result. Errors name the container. */
int container_view_run(struct container_view *v, const char *op, int in, int out, json_t **ret_ok,
                       struct creel_err *err);
/* Mount points that the runtime makes in every container, as an object for the worker. Those of the user's own mounts
 * are changes like others, as with Docker. NULL: out of memory. */
json_t *container_view_stubs(void);

#endif
