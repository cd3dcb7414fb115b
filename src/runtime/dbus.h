/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/dbus.h: a connection to a message bus, for a few calls and the signals that answer them.
 *
 * One call at a time; everything has a deadline (base/clock.h, monotonic ns) and waits with poll. Who we are is told by the
 * kernel (SO_PEERCRED), so it works inside user namespaces, too. After an error other than one that the other side answered
 * with, the connection is of no use any more. Not thread-safe. */
#ifndef CREEL_RUNTIME_DBUS_H
#define CREEL_RUNTIME_DBUS_H

#include "runtime/dbus_message.h"

struct dbus;

/* "unix:path=/run/dbus/system_bus_socket", "unix:abstract=name"; in a list ("a;b") the first of these forms.
 * Errors: INVALID no such form; UNSUPPORTED nobody listens; DENIED. */
int dbus_open(const char *address, int64_t deadline, struct dbus **ret, struct creel_err *err);
void dbus_close(struct dbus *d);

/* Called for each signal that arrives while we wait; the message is gone when it returns. */
typedef void dbus_signal_fn(void *context, const struct dbus_message *signal);
void dbus_on_signal(struct dbus *d, dbus_signal_fn *fn, void *context);
/* From now on only signals of that unique name are handed out (as `sender` of its answers says): on a bus everybody may
 * send everybody any signal, and only the bus says truly who it was. */
void dbus_signals_from(struct dbus *d, const char *sender);

/* Make the call (its serial is set here) and wait for the answer. *ret (may be NULL) is valid until the next call or wait.
 * Errors: as the other side says: DENIED, NOT_FOUND (no such unit), CONFLICT (unit exists), INVALID (a value),
 * UNSUPPORTED (nobody there, or it does not know the method or property); TIMEOUT; INTERNAL. */
int dbus_call(struct dbus *d, struct dbus_call *call, const struct bytes *body, int64_t deadline, struct dbus_message *ret,
              struct creel_err *err);
/* Send only. */
int dbus_tell(struct dbus *d, struct dbus_call *call, const struct bytes *body, int64_t deadline, struct creel_err *err);
/* Take in one message; signals go to the function above, answers to nobody are dropped. Errors: TIMEOUT, INTERNAL. */
int dbus_wait(struct dbus *d, int64_t deadline, struct creel_err *err);

static inline void dbus_closep(struct dbus **d) { dbus_close(*d); *d = NULL; }
#define auto_dbus auto_cleanup(dbus_closep) struct dbus *

#endif
