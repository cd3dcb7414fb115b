/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/filter_cache.h: the directory of compiled seccomp filters, <root>/@seccomp (no container can have that name).
 * It is used only when it belongs to us and nobody else can write to it: what is in there confines containers. */
#ifndef CREEL_OCIRUNTIME_FILTER_CACHE_H
#define CREEL_OCIRUNTIME_FILTER_CACHE_H

/* A descriptor, or -1: filters are then compiled each time. Made when missing, if <root> is there. */
int filter_cache_open(const char *root);

#endif
