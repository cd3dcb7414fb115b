/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_report.h: everything a group has used, as the document that the field's tools expect of `events`.
 *
 * cgroup_stats_read gives the few numbers that an engine shows; this gives all that the kernel tells: per
 * processor, per device, per page size, raw memory counters, pressure. Members are the same for both versions of
 * cgroups; what a host or its version does not count is left out. Nothing is asked of the container. */
#ifndef CREEL_RUNTIME_CGROUP_REPORT_H
#define CREEL_RUNTIME_CGROUP_REPORT_H

#include "base/bytes.h"
#include "base/strv.h"
#include "runtime/cgroup.h"

/* Where the kernel's texts come from: a group, or the folder of a golden test. */
struct cgroup_texts {
    /* One file of the group, NUL-terminated, without line feeds at its end. controller: of version 1 ("cpuacct");
     * NULL: the group of version 2. Returns the length, or -errno: what cannot be read is left out. */
    int (*read)(void *arg, const char *controller, const char *file, char *buf, size_t cap);
    void *arg;
    const struct strv *page_sizes;  /* huge pages of the host as in file names: "2MB"; borrowed */
};

/* Append {"cpu":…}. Fails only for want of memory. */
int cgroup_report_print(const struct cgroup_texts *t, struct bytes *out, struct creel_err *err);
/* The same of a group. NOT_FOUND when it is gone. */
int cgroup_report(struct cgroup *c, struct bytes *out, struct creel_err *err);

#endif
