/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp_shrink.h: the same filter in fewer instructions.
 *
 * The kernel's cost of loading a filter grows with its length (6.18: 0.3 µs and more per instruction, paid by every start
 * and every exec). A compiler that emits one comparison per system call makes Docker's default profile 1300 instructions
 * long; the same answers fit in a quarter, because calls with one answer lie next to each other. */
#ifndef CREEL_RUNTIME_SECCOMP_SHRINK_H
#define CREEL_RUNTIME_SECCOMP_SHRINK_H

#include <linux/filter.h>
#include <stddef.h>

/* Replace a valid filter (one that the kernel would load: it ends, it only jumps forward) in place by one that gives the
 * same answer to every struct seccomp_data, if a shorter one is found. Anything unusual (scratch memory, index register,
 * arithmetic on the number or the architecture), or a lack of memory, leaves it as it is. Returns the length. Pure. */
size_t seccomp_shrink(struct sock_filter *items, size_t count);

#endif
