/* SPDX-License-Identifier: Apache-2.0 */
/* creel/event.h: events are rows written by the commit they tell of. */
#ifndef CREEL_EVENT_H
#define CREEL_EVENT_H

#include <creel/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct creel_event {
    int64_t rev, time_ns;
    const char *type, *action;      /* "container", "start" */
    const char *actor_id;
    const char *attributes_json;    /* object of strings */
};
struct creel_event_options {
    size_t size;
    int64_t after_rev;              /* -1: none; else only events with a greater revision */
    int64_t since_ns, until_ns;     /* 0 = none */
    int follow;                     /* go on with new ones until until_ns or stop_fd */
    int stop_fd;                    /* -1, or readable = return */
    const char *filters_json;       /* container, event, image, label, type */
};
/* In revision order. `each` returning non-zero stops. Following waits on the store (inotify), it does not poll. */
int creel_events(struct creel *e, const struct creel_event_options *o,
                 int (*each)(void *arg, const struct creel_event *ev), void *arg, struct creel_err *err);

#ifdef __cplusplus
}
#endif
#endif
