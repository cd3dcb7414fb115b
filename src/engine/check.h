/* SPDX-License-Identifier: Apache-2.0 */
/* engine/check.h: what the parts of creel check share (check.c, check_image.c). */
#ifndef CREEL_ENGINE_CHECK_H
#define CREEL_ENGINE_CHECK_H

#include "engine/engine.h"

struct check {
    struct creel *e;
    bool repair;
    void (*each)(void *arg, const struct creel_finding *f);
    void *arg;
    int found;
};

/* One difference. mend (NULL: nothing can be done here) is called with `repair`; when it fails the detail says
 * why. */
typedef int (*check_mend)(struct check *c, const char *object, struct creel_err *err);
void check_report(struct check *c, const char *what, const char *object, check_mend mend, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The names in dir (relative to root_fd) that do not begin with a dot, sorted; a missing directory is empty. */
int check_list_dir(int root_fd, const char *dir, bool hidden_too, struct strv *ret, struct creel_err *err);
bool check_has(const struct strv *sorted, const char *name);

/* check_image.c: layers and blobs. */
int check_images(struct check *c, struct creel_err *err);

#endif
