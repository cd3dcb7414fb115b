/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/systemd_property.h: properties of a unit, as the elements of D-Bus's a(sv). Pure.
 *
 * A configuration may set properties of its scope with annotations "org.systemd.property.NAME": "VALUE", the value in the
 * text form of GVariant ("uint64 5", "'text'", "['a', 'b']", true). Names are a closed list with a type each: nothing that
 * moves processes, reaches other units, runs programs or undoes the confinement is in it. */
#ifndef CREEL_RUNTIME_SYSTEMD_PROPERTY_H
#define CREEL_RUNTIME_SYSTEMD_PROPERTY_H

#include "base/bytes.h"
#include "runtime/dbus_message.h"

#include <creel/error.h>

#define SYSTEMD_PROPERTY_PREFIX "org.systemd.property."

void systemd_put_bool(struct bytes *out, const char *name, bool v);
void systemd_put_u64(struct bytes *out, const char *name, uint64_t v);
void systemd_put_text(struct bytes *out, const char *name, const char *v);
void systemd_put_pid(struct bytes *out, const char *name, uint32_t pid);     /* a list of one: au */
void systemd_put_bits(struct bytes *out, const char *name, const uint8_t *bits, size_t len);   /* ay */

/* name: without the prefix. "…Sec" counts seconds, "…USec" microseconds. Errors: INVALID, naming the property. */
int systemd_property_parse(const char *name, const char *text, struct bytes *out, struct creel_err *err);

#endif
