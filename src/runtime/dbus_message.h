/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/dbus_message.h: the D-Bus wire format, as far as asking systemd for something needs it. Pure: no sockets.
 *
 * Writing appends to a `struct bytes` whose begin is aligned to 8, so that alignment is a matter of its length; a failure
 * stays in the buffer (bytes_ok), one check at the end does. Reading is a cursor over bytes that somebody else owns; what it
 * hands out points into them. After the first thing that does not fit the cursor is `bad`, and everything read from it is
 * 0 or "". Both byte orders are read, the machine's is written. No descriptors are passed, no type is nested deeper than
 * the format allows. */
#ifndef CREEL_RUNTIME_DBUS_MESSAGE_H
#define CREEL_RUNTIME_DBUS_MESSAGE_H

#include "base/bytes.h"

#include <creel/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBUS_MESSAGE_MAX = 1 << 20, /* the format allows 128 MiB; nothing we ask for is near this */
    DBUS_HEAD_SIZE = 16,        /* enough of a message to know its size */
    DBUS_DEPTH_MAX = 32
};
enum dbus_type { DBUS_CALL = 1, DBUS_RETURN = 2, DBUS_ERROR = 3, DBUS_SIGNAL = 4 };
enum { DBUS_NO_REPLY = 1 };

/* --- writing --- */
void dbus_put_byte(struct bytes *b, uint8_t v);
void dbus_put_bool(struct bytes *b, bool v);
void dbus_put_u32(struct bytes *b, uint32_t v);
void dbus_put_u64(struct bytes *b, uint64_t v);
void dbus_put_string(struct bytes *b, const char *s);     /* and object paths; see dbus_text_valid */
void dbus_put_signature(struct bytes *b, const char *s);
void dbus_pad(struct bytes *b, size_t align);
bool dbus_text_valid(const char *s);                      /* UTF-8 */
/* An array: its length is filled in at the end. `align` is that of its elements (8 for structs). */
struct dbus_array { size_t length_at, from; };
struct dbus_array dbus_array_begin(struct bytes *b, size_t align);
void dbus_array_end(struct bytes *b, struct dbus_array a);

struct dbus_call { const char *destination, *path, *interface, *member, *signature; uint32_t serial; bool no_reply; };
/* A whole method call with `body` (aligned from 0; NULL: none) behind the header. */
void dbus_call_print(struct bytes *out, const struct dbus_call *c, const struct bytes *body);

/* --- reading --- */
struct dbus_reader { const uint8_t *data; size_t len, at; bool swapped, bad; };
uint8_t dbus_get_byte(struct dbus_reader *r);
bool dbus_get_bool(struct dbus_reader *r);
uint32_t dbus_get_u32(struct dbus_reader *r);
uint64_t dbus_get_u64(struct dbus_reader *r);
const char *dbus_get_string(struct dbus_reader *r);       /* valid UTF-8 without NUL */
const char *dbus_get_signature(struct dbus_reader *r);    /* complete types, or bad */
/* Skip one value of the first complete type of `signature`; returns what follows that type, or NULL when bad. */
const char *dbus_skip(struct dbus_reader *r, const char *signature);
/* One value in words: "TasksMax <uint64 9>" … (tests and messages). */
void dbus_value_print(struct dbus_reader *r, const char *signature, struct bytes *out);

struct dbus_message {
    enum dbus_type type;
    uint32_t serial, reply_serial;
    const char *path, *interface, *member, *error_name, *sender, *signature;   /* never NULL */
    struct dbus_reader body;
};
/* Size of the message whose first DBUS_HEAD_SIZE bytes these are; 0 when they are none or it is too large. */
size_t dbus_message_size(const uint8_t head[DBUS_HEAD_SIZE]);
/* One whole message of that size. *ret points into `data`. Errors: INTERNAL (the peer is broken). */
int dbus_message_parse(const uint8_t *data, size_t len, struct dbus_message *ret, struct creel_err *err);

#endif
