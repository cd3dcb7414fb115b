/* SPDX-License-Identifier: Apache-2.0 */
/* spec/capability.h: capability names, sets, and the add and drop rules of --cap-add and --cap-drop.
 *
 * A set is a 64-bit mask, bit n is capability number n. Names are accepted with and without "CAP_" and in any case,
 * and printed as "CAP_SYS_ADMIN". Pure: what the kernel and the engine itself have are parameters. */
#ifndef CREEL_SPEC_CAPABILITY_H
#define CREEL_SPEC_CAPABILITY_H

#include "base/err.h"
#include "base/strv.h"

#include <stdint.h>

#define CAPABILITY_BIT(n) ((uint64_t)1 << (n))
/* CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
 * AUDIT_WRITE: Docker's default. */
#define CAPABILITY_DEFAULT ((uint64_t)0x00000000a80425fb)

/* How many capabilities this build has names for; numbers below it are valid. */
unsigned capability_count(void);
/* "CAP_CHOWN" …; NULL when there is no name for the number. */
const char *capability_name(unsigned number);
/* The number, or -1. */
int capability_number(const char *name);
/* Every capability this build has a name for. */
uint64_t capability_all(void);

/* Names to set. Errors: INVALID, naming the unknown one. */
int capability_set_parse(const struct strv *names, uint64_t *ret, struct creel_err *err);
/* Set to names, in order of their numbers. False when out of memory. */
bool capability_set_print(uint64_t set, struct strv *out);

/* The bounding set of a container.
 * host        what this host can give (the engine's own bounding set, bits above the kernel's last one clear)
 * privileged  everything the host has; add and drop are only checked
 * add, drop   names or "ALL"; may be NULL. Default set, minus drop (ALL: minus everything), plus add; but with add ALL
 *             everything minus the names in drop. Docker's rules.
 * Errors      INVALID unknown name · DENIED a capability named in `add` that the host does not have.
 * Capabilities only implied (default set, ALL) that the host lacks are left out: *ret_missing, may be NULL. */
int capability_resolve(uint64_t host, bool privileged, const struct strv *add, const struct strv *drop, uint64_t *ret,
                       uint64_t *ret_missing, struct creel_err *err);

#endif
