/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/link.h: the inside of a connection, shared by the client's files. */
#ifndef CREEL_MONITOR_LINK_H
#define CREEL_MONITOR_LINK_H

#include "base/bytes.h"
#include "monitor/client.h"

#include <jansson.h>

enum { ANSWER_MS = 10000 };  /* what a monitor that is not launching has to answer within */

struct monitor_link {
    int fd;
    bool session;           /* output may come: the socket is read by monitor_session_copy */
    bool tty, want_in;
    bool over, closed;      /* the run or process has ended: `exit`; the session was closed without that */
    bool watching;          /* has asked to be told of the end */
    struct creel_exit exit;
    int write_error;        /* errno of the first output of the session that could not be written, 0 none */
    size_t credit;          /* input bytes that may be sent */
    char *rx;               /* received and not yet taken: rx[rx_at .. rx_len) */
    size_t rx_at, rx_len, rx_cap;
    struct bytes tx;        /* to be sent */
    struct spawn *spawn;    /* a monitor that is being started */
};

struct monitor_link *link_new(int fd);
/* client_spawn.c: wait until the start has no need of our memory any more, and free what it used. -1: it failed. */
int spawn_settle(struct spawn **spawn, struct creel_err *err);
/* Queue a request; takes the reference. */
int link_request(struct monitor_link *l, const char *op, json_t *members, bool quiet, struct creel_err *err);
void link_frame(struct monitor_link *l, unsigned type, const char *payload, size_t n);
/* Send what the socket takes without waiting. -1: the monitor is gone. */
int link_send(struct monitor_link *l, struct creel_err *err);
/* Send all of it; timeout_ms -1 for ever. TIMEOUT. */
int link_flush(struct monitor_link *l, int timeout_ms, struct creel_err *err);
/* Take in an event's text. */
void link_event(struct monitor_link *l, const char *text, size_t len);
int link_gone(struct creel_err *err);

#endif
