/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp.h: from a seccomp description to a BPF program, and a cache of compiled programs.
 *
 * Compiling Docker's default filter takes 12 ms and more, loading a cached program microseconds. The cache key is the whole
 * text that determines the program (profile, architecture, builder version); it is stored in the file and compared, so a
 * hash collision or a damaged file is a miss, never a wrong filter. Cache files are written to a temporary name and
 * renamed. */
#ifndef CREEL_RUNTIME_SECCOMP_H
#define CREEL_RUNTIME_SECCOMP_H

#include "spec/oci_config.h"

#include <linux/filter.h>

struct seccomp_data;

struct seccomp_program {
    struct sock_fprog fprog;   /* fprog.filter is owned */
    unsigned flags;            /* SECCOMP_FILTER_FLAG_* for seccomp(2); NEW_LISTENER when a rule notifies */
};
/* cache_fd: directory for compiled programs, or -1. Errors: INVALID unknown action, architecture, operator … */
int seccomp_program_build(const struct oci_seccomp *s, int cache_fd, struct seccomp_program *ret,
                          struct creel_err *err);
/* Only look in the cache: 1 found, 0 not there or damaged, -1 it cannot be looked at (err has the errno). For processes
 * that do not link libseccomp. */
int seccomp_program_cached(const struct oci_seccomp *s, int cache_fd, struct seccomp_program *ret,
                           struct creel_err *err);
void seccomp_program_fini(struct seccomp_program *p);
/* What the filter answers to a system call of this machine's own kind: SECCOMP_RET_*. */
uint32_t seccomp_program_answer(const struct sock_fprog *p, int nr, const uint64_t args[6]);
/* The same for any call (linux/seccomp.h). */
uint32_t seccomp_filter_answer(const struct sock_fprog *p, const struct seccomp_data *d);

/* --- between seccomp.c and seccomp_cache.c --- */
/* Store a program; a failure is no failure, the next one compiles again. */
void seccomp_cache_store(const struct oci_seccomp *s, int cache_fd, const struct seccomp_program *p);

#endif
